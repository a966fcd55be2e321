/**
 * The packet view: one reused object with the parsed header fields of the current packet and
 * offsets into the block's bytes. Addresses and other 32-bit values are signed (Int32), four words
 * for IPv6, one for IPv4, first word first. Numbers only, so that V8 keeps them unboxed.
 */

/** Why a frame is no packet that netfilter would see; 0 when it is one. */
export const PACKET_OK = 0;
/** Not IPv4 or IPv6 (ARP, LLDP, EAPOL …): `etherType` says what. */
export const PACKET_NOT_IP = 1;
/** The frame is too short for its link or IP header although nothing was cut. */
export const PACKET_MALFORMED = 2;
/** IP version, header length or total length wrong: the kernel's ip_rcv drops it before netfilter. */
export const PACKET_BAD_IP_HEADER = 3;
/** IPv4 header checksum wrong (only with checksums checked): dropped before netfilter. */
export const PACKET_BAD_IP_CHECKSUM = 4;
/** Snap length cut inside the IP header: nothing can be decided. */
export const PACKET_CUT = 5;

/** L4 checksum, when checked. */
export const CHECKSUM_UNKNOWN = 0;
export const CHECKSUM_GOOD = 1;
export const CHECKSUM_BAD = 2;
/** Holds just the pseudo-header sum, as offloading senders leave it. */
export const CHECKSUM_PARTIAL = 3;

/** sll_pkttype values (linux/if_packet.h). */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;
export const PACKET_TYPE_UNKNOWN = -1;

/** One packet. All offsets are absolute in `bytes`; -1 means absent. */
export class PacketView {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));

  /** Of a datagram made of fragments: where each but the first begins, from the IP header. The kernel
   * keeps them apart. Holds only while `piecesOf` is `bytes`. */
  pieces: readonly number[] = [];
  piecesOf: Uint8Array | undefined = undefined;

  // capture
  number = 0;
  timeSeconds = 0;
  timeNanoseconds = 0;
  linkType = 0;
  interfaceId = 0;
  direction = 0;
  frameOffset = 0;
  /** First offset after the captured bytes of the frame. */
  frameEnd = 0;
  originalLength = 0;
  /** First offset after the link layer's payload as it was on the wire, captured or not. Ethernet
   * padding is not known here and counts as payload; PPPoE's own length limits it. */
  wireEnd = 0;

  // link layer
  /** One of the PACKET_ codes above. */
  problem = PACKET_OK;
  /** PACKET_HOST … from SLL/SLL2 or epb_flags, or from the Ethernet destination for group addresses
   * (broadcast, multicast); PACKET_TYPE_UNKNOWN otherwise. */
  packetType = PACKET_TYPE_UNKNOWN;
  /** Interface index from SLL2, 0 when not known. */
  linkInterfaceIndex = 0;
  /** ARPHRD_ value (linux/if_arp.h) of the device that carries the IP packet: 1 Ethernet, 772
   * loopback, 512 PPP (also of PPPoE, whose Ethernet addresses the ppp device does not see), what
   * SLL says; -1 when not known. */
  hardwareType = -1;
  sourceMacOffset = -1;
  destinationMacOffset = -1;
  /** EtherType of the payload after VLAN tags and PPPoE; 0 when the link layer has none. As the
   * kernel's ETH_P_ values: 1 raw 802.3, 4 802.2 LLC (also SNAP: Linux takes no IP from it),
   * 0x8864 PPPoE session and 0x880b PPP with something that is not IP. */
  etherType = 0;
  /** Outermost VLAN identifier, -1 without tag. */
  vlanId = -1;

  // network layer
  /** 4, 6 or 0. */
  family = 0;
  networkOffset = 0;
  /** IPv4 header length, or 40. */
  networkHeaderLength = 0;
  /** Length of the datagram as its headers say: IPv4 total length, IPv6 40 + payload length. */
  totalLength = 0;
  /** First offset after the datagram's captured bytes: min(frameEnd, networkOffset + totalLength). */
  networkEnd = 0;
  /** IPv4 TOS or IPv6 traffic class. */
  tos = 0;
  /** TTL or hop limit. */
  ttl = 0;
  /** IPv4 identification (16 bit), or that of the IPv6 fragment header (32 bit, signed). */
  identification = 0;
  dontFragment = 0;
  moreFragments = 0;
  /** In bytes. */
  fragmentOffset = 0;
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** Protocol; for IPv6 what ipv6_find_hdr(skb, &off, -1) of the kernel returns (the last header),
   * -1 when the chain of extension headers is malformed (ip6tables: hot drop for -p). */
  protocol = 0;
  /** IPv6 only: offset of the fragment header, or -1. */
  fragmentHeaderOffset = -1;

  // transport layer
  /** Where the transport header begins, also when not captured; -1 for a later fragment. */
  transportOffset = -1;
  /** Bytes from transportOffset to the end of the datagram, by the headers, captured or not. */
  transportLength = 0;
  /** Captured bytes from transportOffset on. Less than transportLength: cut by the snap length. */
  transportCaptured = 0;
  /** TCP, UDP, UDP-Lite, SCTP, DCCP: 0 to 65535; -1 when absent or not captured. */
  sourcePort = -1;
  destinationPort = -1;
  /** ICMP, ICMPv6: 0 to 255, else -1. */
  icmpType = -1;
  icmpCode = -1;
  /** TCP flags byte (CWR ECE URG ACK PSH RST SYN FIN, FIN = 1), -1 when absent or not captured. */
  tcpFlags = -1;
  /** CHECKSUM_UNKNOWN unless checksums are checked. */
  transportChecksum = CHECKSUM_UNKNOWN;
}

/** True when a datagram is a fragment (first or later). */
export function isFragment(packet: PacketView): boolean {
  return packet.moreFragments !== 0 || packet.fragmentOffset !== 0;
}
