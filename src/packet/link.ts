/**
 * The link layer by LINKTYPE_ value (tcpdump.org/linktypes.html): finds where the network layer
 * begins and whether it is IP. Types with structure have files of their own; the bare ones are here.
 */
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
} from '../capture/linktypes.ts';
import { missing } from './bounds.ts';
import { decodeSll, decodeSll2 } from './cooked.ts';
import { decodeEthernet } from './ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethertypes.ts';
import { PACKET_BAD_IP_HEADER, PACKET_NOT_IP, type PacketView } from './fields.ts';
import { decodeNetwork, endInLink } from './network.ts';
import { decodePpp, decodePppoe } from './ppp.ts';

// Of this module's own: see bounds.ts.
const ethernet = decodeEthernet;
const ETHERNET = LINKTYPE_ETHERNET;
const AF_INET = 2;
const ARPHRD_LOOPBACK = 772;

/** AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, of Darwin. */
function isInet6(family: number): boolean {
  return family === 10 || family === 24 || family === 28 || family === 30;
}

/**
 * BSD loopback: an address family in the byte order of the capturing machine (NULL) or the
 * network's (LOOP). Families are small numbers, so either order of either type can be told.
 */
function decodeNull(packet: PacketView, at: number, frameEnd: number, wireEnd: number): number {
  const { view } = packet;
  if (at + 4 > frameEnd) return endInLink(packet, 0, at, missing(at + 4, wireEnd));
  const big = view.getUint32(at);
  const family = big > 0xffff ? view.getUint32(at, true) : big;
  packet.hardwareType = ARPHRD_LOOPBACK;
  let type = 0;
  if (family === AF_INET) type = ETHERTYPE_IPV4;
  else if (isInet6(family)) type = ETHERTYPE_IPV6;
  return decodeNetwork(packet, type, at + 4, frameEnd, wireEnd);
}

/** A bare IP packet: the version says which. Another version is what tun devices refuse. */
function decodeRaw(packet: PacketView, at: number, frameEnd: number, wireEnd: number): number {
  if (at + 1 > frameEnd) return endInLink(packet, 0, at, missing(at + 1, wireEnd));
  const version = packet.view.getUint8(at) >> 4;
  if (version === 4) return decodeNetwork(packet, ETHERTYPE_IPV4, at, frameEnd, wireEnd);
  if (version === 6) return decodeNetwork(packet, ETHERTYPE_IPV6, at, frameEnd, wireEnd);
  return endInLink(packet, 0, at, PACKET_BAD_IP_HEADER);
}

/** Any link type but Ethernet. */
function decodeOther(
  packet: PacketView,
  linkType: number,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  packet.linkInterfaceIndex = 0;
  packet.hardwareType = -1;
  packet.sourceMacOffset = -1;
  packet.destinationMacOffset = -1;
  packet.vlanId = -1;
  switch (linkType) {
    case LINKTYPE_LINUX_SLL:
      return decodeSll(packet, at, frameEnd, wireEnd);
    case LINKTYPE_LINUX_SLL2:
      return decodeSll2(packet, at, frameEnd, wireEnd);
    case LINKTYPE_RAW:
    case LINKTYPE_RAW_DLT:
    case LINKTYPE_RAW_OPENBSD:
      return decodeRaw(packet, at, frameEnd, wireEnd);
    case LINKTYPE_IPV4:
      return decodeNetwork(packet, ETHERTYPE_IPV4, at, frameEnd, wireEnd);
    case LINKTYPE_IPV6:
      return decodeNetwork(packet, ETHERTYPE_IPV6, at, frameEnd, wireEnd);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return decodeNull(packet, at, frameEnd, wireEnd);
    case LINKTYPE_PPP:
    case LINKTYPE_PPP_HDLC:
      return decodePpp(packet, at, frameEnd, wireEnd);
    case LINKTYPE_PPP_ETHER:
      return decodePppoe(packet, at, frameEnd, wireEnd);
  }
  return endInLink(packet, 0, at, PACKET_NOT_IP);
}

/**
 * Decodes a frame from its link header on, by `packet.linkType`'s rules: sets the link fields, then
 * goes on to the network layer. Returns a PACKET_ code; unknown link types are PACKET_NOT_IP (the
 * reader refuses them before).
 * @param linkType LINKTYPE_ value
 * @param at where the frame begins, absolute
 * @param frameEnd first offset after the captured bytes; not above wireEnd
 * @param wireEnd first offset after the bytes on the wire
 */
export function decodeLink(
  packet: PacketView,
  linkType: number,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  // Small, with the most common type first, so that V8 inlines it.
  if (linkType === ETHERNET) return ethernet(packet, at, frameEnd, wireEnd);
  return decodeOther(packet, linkType, at, frameEnd, wireEnd);
}
