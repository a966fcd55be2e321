/**
 * The names of all matches and targets that iptables 1.8.9 has, supported here or not: to tell a
 * misspelled name from one that fwreplay does not know yet, and because a chain may not be named as
 * a target is. Data only.
 */
import type { Family } from '../../ruleset/types.ts';

const MATCHES_BOTH =
  'addrtype ah bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack cpu ' +
  'dccp devgroup dscp ecn esp hashlimit helper ipcomp iprange ipvs length limit mac mark ' +
  'multiport nfacct osf owner physdev pkttype policy quota rateest recent rpfilter sctp set ' +
  'socket state statistic string tcp tcpmss time tos u32 udp';
const MATCHES: Readonly<Record<Family, string>> = {
  4: 'icmp realm ttl',
  6: 'dst eui64 frag hbh hl icmp6 ipv6header mh rt srh',
};

const TARGETS_BOTH =
  'AUDIT CHECKSUM CLASSIFY CONNMARK CONNSECMARK CT DNAT DSCP HMARK IDLETIMER LED LOG MARK ' +
  'MASQUERADE NAT NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT SECMARK SET SNAT SYNPROXY ' +
  'TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE';
const TARGETS: Readonly<Record<Family, string>> = {
  4: 'CLUSTERIP ECN TTL ULOG',
  6: 'DNPT HL SNPT',
};

const STANDARD_TARGETS = ['ACCEPT', 'DROP', 'QUEUE', 'RETURN', 'standard'];

function both(common: string, own: Readonly<Record<Family, string>>): Record<Family, Set<string>> {
  const names = (family: Family): Set<string> => new Set(`${common} ${own[family]}`.split(' '));
  return { 4: names(4), 6: names(6) };
}

const MATCH_NAMES = both(MATCHES_BOTH, MATCHES);
const TARGET_NAMES = both(TARGETS_BOTH, TARGETS);

/** Whether iptables has a match of this name. */
export function isRealMatch(name: string, family: Family): boolean {
  return MATCH_NAMES[family].has(name);
}

/** Whether iptables has a target of this name; the built-in verdicts among them. */
export function isRealTarget(name: string, family: Family): boolean {
  return TARGET_NAMES[family].has(name) || STANDARD_TARGETS.includes(name);
}

/** All match names of a family. */
export function realMatchNames(family: Family): Iterable<string> {
  return MATCH_NAMES[family];
}

/** All target names of a family, without the built-in verdicts. */
export function realTargetNames(family: Family): Iterable<string> {
  return TARGET_NAMES[family];
}
