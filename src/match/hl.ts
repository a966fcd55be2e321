/** -m hl: the hop limit of an IPv6 packet (net/netfilter/xt_hl.c, libip6t_hl.c). */
import type { MatchDefinition } from './definition.ts';
import type { HopLimitOptions } from './hop-limit.ts';
import { hopLimitMatch } from './hop-limit.ts';

/** -m hl. */
export const hl: MatchDefinition<HopLimitOptions> = hopLimitMatch({
  name: 'hl',
  family: 6,
  field: 'hop limit',
  tail: "'",
});
