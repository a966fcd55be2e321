/**
 * Checksums, on request: the IPv4 header's and the transport layer's, judged as conntrack's
 * *_error functions judge an arriving packet in software (net/netfilter/utils.c, nf_ip_checksum and
 * nf_ip6_checksum): over all bytes of the datagram after the IP headers.
 */
import { crc32c } from './crc32c.ts';
import {
  CHECKSUM_BAD,
  CHECKSUM_GOOD,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNKNOWN,
  isFragment,
  PACKET_BAD_IP_CHECKSUM,
  PACKET_OK,
  type PacketView,
} from './fields.ts';
import {
  PROTOCOL_DCCP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDPLITE,
} from './transport.ts';

/** Sum of 16-bit words, big-endian, of bytes [from, to), not folded; an odd last byte is padded. */
function sumWords(view: DataView, from: number, to: number): number {
  let sum = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const word = view.getInt32(at);
    sum += (word >>> 16) + (word & 0xffff);
  }
  if (at + 2 <= to) {
    sum += view.getUint16(at);
    at += 2;
  }
  return at < to ? sum + (view.getUint8(at) << 8) : sum;
}

/** One's complement fold to 16 bits (RFC 1071); 0 only for a sum of 0. */
function fold(sum: number): number {
  let folded = sum;
  // The sum of a datagram above 64 KiB may have more than 31 bits.
  while (folded > 0x7fffffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  while (folded > 0xffff) folded = (folded >> 16) + (folded & 0xffff);
  return folded;
}

/** Sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) without a length. */
function pseudoSum(packet: PacketView, protocol: number): number {
  const { view, networkOffset } = packet;
  return packet.family === 4
    ? protocol + sumWords(view, networkOffset + 12, networkOffset + 20)
    : protocol + sumWords(view, networkOffset + 8, networkOffset + 40);
}

/** A length's two 16-bit words. */
function lengthSum(length: number): number {
  return (length >>> 16) + (length & 0xffff);
}

/**
 * Judges an Internet checksum.
 * @param covered bytes that it covers, from the transport header on
 * @param fieldAt offset of the checksum field in the transport header
 * @param protocol for the pseudo header; -1 when there is none
 */
function internetChecksum(
  packet: PacketView,
  covered: number,
  fieldAt: number,
  protocol: number,
): number {
  const { view, transportOffset: at, transportLength } = packet;
  const data = sumWords(view, at, at + covered);
  if (protocol < 0) return fold(data) === 0xffff ? CHECKSUM_GOOD : CHECKSUM_BAD;
  const pseudo = pseudoSum(packet, protocol);
  const withLength = pseudo + lengthSum(transportLength);
  if (fold(data + withLength) === 0xffff) return CHECKSUM_GOOD;
  // Offloading senders leave the pseudo header's sum, with or without the length in it.
  const field = view.getUint16(at + fieldAt);
  return field === fold(withLength) || field === fold(pseudo) ? CHECKSUM_PARTIAL : CHECKSUM_BAD;
}

/**
 * UDP-Lite (RFC 3828): the length field is the coverage, 0 for all; a checksum must be there. The
 * kernel puts UDP's number into the pseudo header (udplite_error, nf_conntrack_proto_udp.c), so that
 * it finds what others send INVALID; seen on Linux 6.18.
 */
function udpLite(packet: PacketView): number {
  const { view, transportOffset: at, transportLength } = packet;
  const field = view.getUint16(at + 4);
  const covered = field === 0 ? transportLength : field;
  if (covered < 8 || covered > transportLength) return CHECKSUM_BAD;
  if (view.getUint16(at + 6) === 0) return CHECKSUM_BAD;
  return internetChecksum(packet, covered, 6, PROTOCOL_UDP);
}

/** DCCP (RFC 4340, 9.2; conntrack of Linux 6.18 does not look at it any more): the
 * header always, of the data CsCov - 1 words, or all for CsCov 0. */
function dccp(packet: PacketView): number {
  const { view, transportOffset: at, transportLength } = packet;
  const headerLength = view.getUint8(at + 4) * 4;
  const coverage = view.getUint8(at + 5) & 0x0f;
  if (headerLength < 12 || headerLength > transportLength) return CHECKSUM_BAD;
  const covered = coverage === 0 ? transportLength : headerLength + (coverage - 1) * 4;
  if (covered > transportLength) return CHECKSUM_BAD;
  return internetChecksum(packet, covered, 6, PROTOCOL_DCCP);
}

/** SCTP (RFC 9260, 6.8): CRC-32C, lowest byte first, over everything with the field as zero. */
function sctp(packet: PacketView): number {
  const { bytes, view, transportOffset: at, transportLength } = packet;
  const crc = crc32c(bytes, at, at + transportLength, at + 8);
  return view.getInt32(at + 8, true) === crc ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

function transportChecksum(packet: PacketView): number {
  const { family, protocol, view, transportOffset: at, transportLength } = packet;
  switch (protocol) {
    case PROTOCOL_TCP:
      return transportLength < 20
        ? CHECKSUM_UNKNOWN
        : internetChecksum(packet, transportLength, 16, PROTOCOL_TCP);
    case PROTOCOL_UDP:
      if (transportLength < 8) return CHECKSUM_UNKNOWN;
      // Zero is "none", and conntrack takes it in IPv6 too.
      if (view.getUint16(at + 6) === 0) return CHECKSUM_GOOD;
      return internetChecksum(packet, transportLength, 6, PROTOCOL_UDP);
    case PROTOCOL_UDPLITE:
      return transportLength < 8 ? CHECKSUM_UNKNOWN : udpLite(packet);
    case PROTOCOL_ICMP:
      if (family !== 4 || transportLength < 8) return CHECKSUM_UNKNOWN;
      return internetChecksum(packet, transportLength, 2, -1);
    case PROTOCOL_ICMPV6:
      if (family !== 6 || transportLength < 8) return CHECKSUM_UNKNOWN;
      return internetChecksum(packet, transportLength, 2, PROTOCOL_ICMPV6);
    case PROTOCOL_SCTP:
      return transportLength < 12 ? CHECKSUM_UNKNOWN : sctp(packet);
    case PROTOCOL_DCCP:
      return transportLength < 12 ? CHECKSUM_UNKNOWN : dccp(packet);
  }
  return CHECKSUM_UNKNOWN;
}

/** True when the IPv4 header is captured whole and its checksum is wrong. */
function badHeaderChecksum(packet: PacketView): boolean {
  const { view, networkOffset: at, networkHeaderLength } = packet;
  const end = at + networkHeaderLength;
  return end <= packet.frameEnd && fold(sumWords(view, at, end)) !== 0xffff;
}

/**
 * Checks the checksums of a packet that was decoded without a problem; does nothing to others. Sets
 * `problem` to PACKET_BAD_IP_CHECKSUM for a wrong IPv4 header checksum, and `transportChecksum`:
 * CHECKSUM_UNKNOWN for fragments, for what the snap length cut, for headers that are too short, and
 * for protocols without one; CHECKSUM_PARTIAL for a pseudo header's sum (the packet was captured on
 * its sender).
 */
export function verifyChecksums(packet: PacketView): void {
  if (packet.problem !== PACKET_OK) return;
  if (packet.family === 4 && badHeaderChecksum(packet)) packet.problem = PACKET_BAD_IP_CHECKSUM;
  packet.transportChecksum =
    packet.transportOffset < 0 ||
    isFragment(packet) ||
    packet.transportCaptured < packet.transportLength
      ? CHECKSUM_UNKNOWN
      : transportChecksum(packet);
}
