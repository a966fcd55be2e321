/** -m hbh: the IPv6 hop-by-hop options header (net/ipv6/netfilter/ip6t_hbh.c, libip6t_hbh.c). */
import type { MatchDefinition } from './definition.ts';
import { HOP_BY_HOP } from './ipv6-headers.ts';
import type { OptionsHeaderOptions } from './options-header.ts';
import { optionsHeaderMatch } from './options-header.ts';

/** -m hbh. */
export const hbh: MatchDefinition<OptionsHeaderOptions> = optionsHeaderMatch({
  name: 'hbh',
  header: 'hop-by-hop options',
  type: HOP_BY_HOP,
  noLength: 'PAD0 has not got length',
});
