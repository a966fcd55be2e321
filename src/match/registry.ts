/**
 * All matches that rules may use. One line each; a test compares the list with the folder.
 */
import type { Family } from '../ruleset/types.ts';
import { addrtype } from './addrtype.ts';
import { comment } from './comment.ts';
import { conntrack } from './conntrack.ts';
import type { RegisteredMatch } from './definition.ts';
import { registerMatch } from './definition.ts';
import { hl } from './hl.ts';
import { icmp } from './icmp.ts';
import { icmp6 } from './icmp6.ts';
import { iprange } from './iprange.ts';
import { length } from './length.ts';
import { limit } from './limit.ts';
import { mac } from './mac.ts';
import { mark } from './mark.ts';
import { multiport } from './multiport.ts';
import { pkttype } from './pkttype.ts';
import { state } from './state.ts';
import { tcp } from './tcp.ts';
import { ttl } from './ttl.ts';
import { udp } from './udp.ts';

/** Every match, by name. */
export const allMatches: readonly RegisteredMatch[] = [
  registerMatch(addrtype),
  registerMatch(comment),
  registerMatch(conntrack),
  registerMatch(hl),
  registerMatch(icmp),
  registerMatch(icmp6),
  registerMatch(iprange),
  registerMatch(length),
  registerMatch(limit),
  registerMatch(mac),
  registerMatch(mark),
  registerMatch(multiport),
  registerMatch(pkttype),
  registerMatch(state),
  registerMatch(tcp),
  registerMatch(ttl),
  registerMatch(udp),
];

/** The match of a name or alias (`icmpv6`) in a family. */
export function findMatch(name: string, family: Family): RegisteredMatch | undefined {
  return allMatches.find(
    (match) =>
      (match.name === name || match.aliases.includes(name)) && match.families.includes(family),
  );
}

/** Names (not aliases) of the family's matches, sorted. */
export function matchNames(family: Family): string[] {
  return allMatches.filter((match) => match.families.includes(family)).map((match) => match.name);
}
