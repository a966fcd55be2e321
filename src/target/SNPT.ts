/** -j SNPT: translates the prefix of an IPv6 source address, without connection tracking. */
import type { TargetDefinition } from './definition.ts';
import type { PrefixOptions } from './prefix-translation.ts';
import { prefixTarget } from './prefix-translation.ts';

/** -j SNPT. */
export const SNPT: TargetDefinition<PrefixOptions> = prefixTarget('SNPT', 'source', [
  'INPUT',
  'POSTROUTING',
]);
