/** -j DNPT: translates the prefix of an IPv6 destination address, without connection tracking. */
import type { TargetDefinition } from './definition.ts';
import type { PrefixOptions } from './prefix-translation.ts';
import { prefixTarget } from './prefix-translation.ts';

/** -j DNPT. */
export const DNPT: TargetDefinition<PrefixOptions> = prefixTarget('DNPT', 'destination', [
  'PREROUTING',
  'OUTPUT',
]);
