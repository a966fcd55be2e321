/** -m ttl: the time to live of an IPv4 packet (net/netfilter/xt_hl.c, libipt_ttl.c). */
import type { MatchDefinition } from './definition.ts';
import type { HopLimitOptions } from './hop-limit.ts';
import { hopLimitMatch } from './hop-limit.ts';

/** -m ttl. */
export const ttl: MatchDefinition<HopLimitOptions> = hopLimitMatch({
  name: 'ttl',
  family: 4,
  field: 'time to live',
  tail: '',
});
