/**
 * PPP with and without HDLC-like framing (RFC 1661, RFC 1662) and PPPoE sessions (RFC 2516). Only
 * IPv4 and IPv6 pass to the network layer; LCP, CCP, compressed headers and the like are not IP.
 */
import { missing } from './bounds.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_PPP,
  ETHERTYPE_PPPOE_SESSION,
} from './ethertypes.ts';
import { PACKET_MALFORMED, PACKET_NOT_IP, type PacketView } from './fields.ts';
import { decodeNetwork, endInLink } from './network.ts';

const PROTOCOL_IPV4 = 0x0021;
const PROTOCOL_IPV6 = 0x0057;
const HDLC_ADDRESS_AND_CONTROL = 0xff03;
const PPPOE_LENGTH = 6;
/** Version 1, type 1, code 0: session data. */
const PPPOE_SESSION_DATA = 0x1100;
const ARPHRD_PPP = 512;

/** A PPP frame (LINKTYPE 9 and 50) from `at` on. Returns a PACKET_ code. */
export function decodePpp(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  return decodePppPacket(packet, ETHERTYPE_PPP, at, frameEnd, wireEnd);
}

/**
 * A PPPoE header and what follows, from `at` on; within Ethernet, or as link type 51. Its length
 * must fit the frame and cuts off padding, as pppoe_rcv (drivers/net/ppp/pppoe.c) has it. Returns a
 * PACKET_ code.
 */
export function decodePppoe(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const type = ETHERTYPE_PPPOE_SESSION;
  const start = at + PPPOE_LENGTH;
  if (start > frameEnd) return endInLink(packet, type, at, missing(start, wireEnd));
  if (packet.view.getUint16(at) !== PPPOE_SESSION_DATA)
    return endInLink(packet, type, start, PACKET_NOT_IP);
  const end = start + packet.view.getUint16(at + 4);
  if (end > wireEnd) return endInLink(packet, type, start, PACKET_MALFORMED);
  packet.wireEnd = end;
  return decodePppPacket(packet, type, start, Math.min(frameEnd, end), end);
}

/**
 * Address and control (may be left out), then a protocol field of two bytes, or of one when its
 * first byte is odd (both compressions of RFC 1661, 6.5 and 6.6).
 * @param etherType what the frame is when it is not IP
 */
function decodePppPacket(
  packet: PacketView,
  etherType: number,
  start: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const { view } = packet;
  const framed = start + 2 <= frameEnd && view.getUint16(start) === HDLC_ADDRESS_AND_CONTROL;
  let at = framed ? start + 2 : start;
  if (at + 1 > frameEnd) return endInLink(packet, etherType, at, missing(at + 1, wireEnd));
  let protocol = view.getUint8(at);
  at += 1;
  if ((protocol & 1) === 0) {
    if (at + 1 > frameEnd) return endInLink(packet, etherType, at, missing(at + 1, wireEnd));
    protocol = (protocol << 8) | view.getUint8(at);
    at += 1;
  }
  packet.hardwareType = ARPHRD_PPP;
  if (protocol === PROTOCOL_IPV4)
    return decodeNetwork(packet, ETHERTYPE_IPV4, at, frameEnd, wireEnd);
  if (protocol === PROTOCOL_IPV6)
    return decodeNetwork(packet, ETHERTYPE_IPV6, at, frameEnd, wireEnd);
  return endInLink(packet, etherType, at, PACKET_NOT_IP);
}
