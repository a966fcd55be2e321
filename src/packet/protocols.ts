/**
 * Names of IP protocol numbers, as /etc/protocols of Debian 12 lists them (the registry is IANA's).
 * Data only: number, name, aliases. Tools of the iptables family print and accept these names.
 */

/** One line of the table. */
export interface ProtocolEntry {
  /** 0 to 255 on the wire; above only inside the kernel (mptcp). */
  readonly number: number;
  readonly name: string;
  readonly aliases: readonly string[];
}

function entry(number: number, name: string, ...aliases: readonly string[]): ProtocolEntry {
  return { number, name, aliases };
}

/** All lines, in the file's order: the first with a number gives its name. */
export const PROTOCOLS: readonly ProtocolEntry[] = [
  entry(0, 'ip', 'IP'),
  entry(0, 'hopopt', 'HOPOPT'),
  entry(1, 'icmp', 'ICMP'),
  entry(2, 'igmp', 'IGMP'),
  entry(3, 'ggp', 'GGP'),
  entry(4, 'ipencap', 'IP-ENCAP'),
  entry(5, 'st', 'ST'),
  entry(6, 'tcp', 'TCP'),
  entry(8, 'egp', 'EGP'),
  entry(9, 'igp', 'IGP'),
  entry(12, 'pup', 'PUP'),
  entry(17, 'udp', 'UDP'),
  entry(20, 'hmp', 'HMP'),
  entry(22, 'xns-idp', 'XNS-IDP'),
  entry(27, 'rdp', 'RDP'),
  entry(29, 'iso-tp4', 'ISO-TP4'),
  entry(33, 'dccp', 'DCCP'),
  entry(36, 'xtp', 'XTP'),
  entry(37, 'ddp', 'DDP'),
  entry(38, 'idpr-cmtp', 'IDPR-CMTP'),
  entry(41, 'ipv6', 'IPv6'),
  entry(43, 'ipv6-route', 'IPv6-Route'),
  entry(44, 'ipv6-frag', 'IPv6-Frag'),
  entry(45, 'idrp', 'IDRP'),
  entry(46, 'rsvp', 'RSVP'),
  entry(47, 'gre', 'GRE'),
  entry(50, 'esp', 'IPSEC-ESP'),
  entry(51, 'ah', 'IPSEC-AH'),
  entry(57, 'skip', 'SKIP'),
  entry(58, 'ipv6-icmp', 'IPv6-ICMP'),
  entry(59, 'ipv6-nonxt', 'IPv6-NoNxt'),
  entry(60, 'ipv6-opts', 'IPv6-Opts'),
  entry(73, 'rspf', 'RSPF', 'CPHB'),
  entry(81, 'vmtp', 'VMTP'),
  entry(88, 'eigrp', 'EIGRP'),
  entry(89, 'ospf', 'OSPFIGP'),
  entry(93, 'ax.25', 'AX.25'),
  entry(94, 'ipip', 'IPIP'),
  entry(97, 'etherip', 'ETHERIP'),
  entry(98, 'encap', 'ENCAP'),
  entry(103, 'pim', 'PIM'),
  entry(108, 'ipcomp', 'IPCOMP'),
  entry(112, 'vrrp', 'VRRP'),
  entry(115, 'l2tp', 'L2TP'),
  entry(124, 'isis', 'ISIS'),
  entry(132, 'sctp', 'SCTP'),
  entry(133, 'fc', 'FC'),
  entry(135, 'mobility-header', 'Mobility-Header'),
  entry(136, 'udplite', 'UDPLite'),
  entry(137, 'mpls-in-ip', 'MPLS-in-IP'),
  entry(138, 'manet'),
  entry(139, 'hip', 'HIP'),
  entry(140, 'shim6', 'Shim6'),
  entry(141, 'wesp', 'WESP'),
  entry(142, 'rohc', 'ROHC'),
  entry(143, 'ethernet', 'Ethernet'),
  entry(262, 'mptcp', 'MPTCP'),
];
