/**
 * The transport layer's fields that rules and conntrack ask for on every packet: ports, ICMP type
 * and code, TCP flags. Reads no byte that is not captured; what is missing stays -1.
 */
import { CHECKSUM_UNKNOWN, type PacketView } from './fields.ts';

/** IP protocol numbers (IANA). */
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_DCCP = 33;
export const PROTOCOL_GRE = 47;
export const PROTOCOL_ESP = 50;
export const PROTOCOL_AH = 51;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;
export const PROTOCOL_UDPLITE = 136;

/** TCP flags (RFC 9293, 3.1). */
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

// Of this module's own: see bounds.ts.
const ICMP = PROTOCOL_ICMP;
const TCP = PROTOCOL_TCP;
const UDP = PROTOCOL_UDP;
const DCCP = PROTOCOL_DCCP;
const ICMPV6 = PROTOCOL_ICMPV6;
const SCTP = PROTOCOL_SCTP;
const UDPLITE = PROTOCOL_UDPLITE;
const UNKNOWN = CHECKSUM_UNKNOWN;
/** Bytes of both ports. */
const PORTS_LENGTH = 4;
/** Offset of the flags byte in the TCP header. */
const TCP_FLAGS_OFFSET = 13;

/** Sets the transport fields of a packet that has no transport header. */
export function noTransport(packet: PacketView): void {
  packet.transportOffset = -1;
  packet.transportLength = 0;
  packet.transportCaptured = 0;
  packet.sourcePort = -1;
  packet.destinationPort = -1;
  packet.icmpType = -1;
  packet.icmpCode = -1;
  packet.tcpFlags = -1;
  packet.transportChecksum = UNKNOWN;
}

/**
 * Sets the transport fields.
 * @param offset where the header begins, absolute; may lie after the captured bytes, or, with
 *   malformed extension headers, after the datagram
 * @param networkEnd first offset after the datagram's captured bytes
 * @param end first offset after the datagram, captured or not
 */
export function decodeTransport(
  packet: PacketView,
  family: number,
  protocol: number,
  offset: number,
  networkEnd: number,
  end: number,
): void {
  const { view } = packet;
  let captured = networkEnd - offset;
  let length = end - offset;
  if (captured < 0) captured = 0;
  if (length < 0) length = 0;
  let ports = -1;
  let hasPorts = false;
  let icmpType = -1;
  let icmpCode = -1;
  let tcpFlags = -1;
  if (hasPortNumbers(protocol)) {
    if (captured >= PORTS_LENGTH) {
      ports = view.getInt32(offset);
      hasPorts = true;
      if (protocol === TCP && captured > TCP_FLAGS_OFFSET)
        tcpFlags = view.getUint8(offset + TCP_FLAGS_OFFSET);
    }
  } else if (protocol === (family === 4 ? ICMP : ICMPV6)) {
    if (captured >= 1) icmpType = view.getUint8(offset);
    if (captured >= 2) icmpCode = view.getUint8(offset + 1);
  }
  packet.transportOffset = offset;
  packet.transportLength = length;
  packet.transportCaptured = captured;
  packet.sourcePort = hasPorts ? ports >>> 16 : -1;
  packet.destinationPort = hasPorts ? ports & 0xffff : -1;
  packet.icmpType = icmpType;
  packet.icmpCode = icmpCode;
  packet.tcpFlags = tcpFlags;
  packet.transportChecksum = UNKNOWN;
}

/** The protocols whose header begins with two ports. */
function hasPortNumbers(protocol: number): boolean {
  return (
    protocol === TCP ||
    protocol === UDP ||
    protocol === UDPLITE ||
    protocol === SCTP ||
    protocol === DCCP
  );
}
