/**
 * From the link layer to the network layer: what an EtherType leads to. All link types end here,
 * with or without an IP packet.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethertypes.ts';
import { PACKET_NOT_IP, type PacketView } from './fields.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import { noHeader } from './no-header.ts';

// Of this module's own: see bounds.ts.
const ipv4 = decodeIpv4;
const ipv6 = decodeIpv6;
const IPV4 = ETHERTYPE_IPV4;
const IPV6 = ETHERTYPE_IPV6;

/**
 * Decodes the payload of a frame.
 * @param etherType of the payload; 0 when the link layer has none
 * @param at where the payload begins, absolute
 * @param frameEnd first offset after the captured bytes; not above wireEnd
 * @param wireEnd first offset after the bytes on the wire
 * @returns a PACKET_ code
 */
export function decodeNetwork(
  packet: PacketView,
  etherType: number,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  packet.etherType = etherType;
  packet.networkOffset = at;
  if (etherType === IPV4) return ipv4(packet, at, frameEnd, wireEnd);
  if (etherType === IPV6) return ipv6(packet, at, frameEnd, wireEnd);
  return noHeader(packet, PACKET_NOT_IP);
}

/** A frame that ends in its link layer. Returns `problem`. */
export function endInLink(
  packet: PacketView,
  etherType: number,
  at: number,
  problem: number,
): number {
  packet.etherType = etherType;
  packet.networkOffset = at;
  return noHeader(packet, problem);
}
