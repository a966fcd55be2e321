/** -m dst: the IPv6 destination options header (net/ipv6/netfilter/ip6t_hbh.c, libip6t_dst.c). */
import type { MatchDefinition } from './definition.ts';
import { DESTINATION } from './ipv6-headers.ts';
import type { OptionsHeaderOptions } from './options-header.ts';
import { optionsHeaderMatch } from './options-header.ts';

/** -m dst. */
export const dst: MatchDefinition<OptionsHeaderOptions> = optionsHeaderMatch({
  name: 'dst',
  header: 'destination options',
  type: DESTINATION,
  noLength: "PAD0 hasn't got length",
});
