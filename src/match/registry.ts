/**
 * All matches that rules may use. One line each; a test compares the list with the folder.
 */
import type { Family } from '../ruleset/types.ts';
import { addrtype } from './addrtype.ts';
import { ah } from './ah.ts';
import { bpf } from './bpf.ts';
import { cgroup } from './cgroup.ts';
import { cluster } from './cluster.ts';
import { comment } from './comment.ts';
import { connbytes } from './connbytes.ts';
import { connlabel } from './connlabel.ts';
import { connlimit } from './connlimit.ts';
import { connmark } from './connmark.ts';
import { conntrack } from './conntrack.ts';
import { cpu } from './cpu.ts';
import { dccp } from './dccp.ts';
import type { RegisteredMatch } from './definition.ts';
import { registerMatch } from './definition.ts';
import { devgroup } from './devgroup.ts';
import { dscp } from './dscp.ts';
import { dst } from './dst.ts';
import { ecn } from './ecn.ts';
import { esp } from './esp.ts';
import { eui64 } from './eui64.ts';
import { frag } from './frag.ts';
import { hashlimit } from './hashlimit.ts';
import { hbh } from './hbh.ts';
import { helper } from './helper.ts';
import { hl } from './hl.ts';
import { icmp } from './icmp.ts';
import { icmp6 } from './icmp6.ts';
import { ipcomp } from './ipcomp.ts';
import { iprange } from './iprange.ts';
import { ipv6header } from './ipv6header.ts';
import { ipvs } from './ipvs.ts';
import { length } from './length.ts';
import { limit } from './limit.ts';
import { mac } from './mac.ts';
import { mark } from './mark.ts';
import { mh } from './mh.ts';
import { multiport } from './multiport.ts';
import { nfacct } from './nfacct.ts';
import { osf } from './osf.ts';
import { owner } from './owner.ts';
import { physdev } from './physdev.ts';
import { pkttype } from './pkttype.ts';
import { policy } from './policy.ts';
import { quota } from './quota.ts';
import { rateest } from './rateest.ts';
import { realm } from './realm.ts';
import { recent } from './recent.ts';
import { rpfilter } from './rpfilter.ts';
import { rt } from './rt.ts';
import { sctp } from './sctp.ts';
import { set } from './set.ts';
import { socket } from './socket.ts';
import { srh } from './srh.ts';
import { state } from './state.ts';
import { statistic } from './statistic.ts';
import { string } from './string.ts';
import { tcp } from './tcp.ts';
import { tcpmss } from './tcpmss.ts';
import { time } from './time.ts';
import { tos } from './tos.ts';
import { ttl } from './ttl.ts';
import { u32 } from './u32.ts';
import { udp } from './udp.ts';

/** Every match, by name. */
export const allMatches: readonly RegisteredMatch[] = [
  registerMatch(addrtype),
  registerMatch(ah),
  registerMatch(bpf),
  registerMatch(cgroup),
  registerMatch(cluster),
  registerMatch(comment),
  registerMatch(connbytes),
  registerMatch(connlabel),
  registerMatch(connlimit),
  registerMatch(connmark),
  registerMatch(conntrack),
  registerMatch(cpu),
  registerMatch(dccp),
  registerMatch(devgroup),
  registerMatch(dscp),
  registerMatch(dst),
  registerMatch(ecn),
  registerMatch(esp),
  registerMatch(eui64),
  registerMatch(frag),
  registerMatch(hashlimit),
  registerMatch(hbh),
  registerMatch(helper),
  registerMatch(hl),
  registerMatch(icmp),
  registerMatch(icmp6),
  registerMatch(ipcomp),
  registerMatch(iprange),
  registerMatch(ipv6header),
  registerMatch(ipvs),
  registerMatch(length),
  registerMatch(limit),
  registerMatch(mac),
  registerMatch(mark),
  registerMatch(mh),
  registerMatch(multiport),
  registerMatch(nfacct),
  registerMatch(osf),
  registerMatch(owner),
  registerMatch(physdev),
  registerMatch(pkttype),
  registerMatch(policy),
  registerMatch(quota),
  registerMatch(rateest),
  registerMatch(realm),
  registerMatch(recent),
  registerMatch(rpfilter),
  registerMatch(rt),
  registerMatch(sctp),
  registerMatch(set),
  registerMatch(socket),
  registerMatch(srh),
  registerMatch(state),
  registerMatch(statistic),
  registerMatch(string),
  registerMatch(tcp),
  registerMatch(tcpmss),
  registerMatch(time),
  registerMatch(tos),
  registerMatch(ttl),
  registerMatch(u32),
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
