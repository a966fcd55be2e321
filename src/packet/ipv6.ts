/**
 * The IPv6 header (RFC 8200) and its chain of extension headers, walked as the kernel's
 * ipv6_find_hdr(skb, &offset, -1, &fragoff, NULL) does (net/ipv6/exthdrs_core.c), since that is what
 * ip6tables calls the protocol. What ip6_rcv_core demands of lengths is checked here; its other
 * demands are header-check.ts's matter.
 */
import { missing } from './bounds.ts';
import { PACKET_BAD_IP_HEADER, PACKET_OK, type PacketView } from './fields.ts';
import { noHeader } from './no-header.ts';
import { isOffloaded } from './offload.ts';
import { decodeTransport, noTransport } from './transport.ts';

/** Next header values (RFC 8200, 4; RFC 4302). */
export const NEXT_HOP_BY_HOP = 0;
const NEXT_ROUTING = 43;
const NEXT_FRAGMENT = 44;
const NEXT_AUTHENTICATION = 51;
const NEXT_NONE = 59;
const NEXT_DESTINATION = 60;

/** The fixed header's length, bytes. */
export const IPV6_HEADER_LENGTH = 40;
// Of this module's own: see bounds.ts.
const transport = decodeTransport;
const OK = PACKET_OK;
const FIXED_LENGTH = IPV6_HEADER_LENGTH;
const FRAGMENT_HEADER_LENGTH = 8;
const OPTION_PAD1 = 0;
const OPTION_JUMBO = 0xc2;
/** Largest payload that the length field can hold; a jumbo payload is longer. */
export const LARGEST_PAYLOAD = 0xffff;

/** True for the headers that the kernel walks over (ipv6_ext_hdr); ESP and mobility are not. */
function isExtensionHeader(next: number): boolean {
  return (
    next === NEXT_HOP_BY_HOP ||
    next === NEXT_ROUTING ||
    next === NEXT_FRAGMENT ||
    next === NEXT_AUTHENTICATION ||
    next === NEXT_NONE ||
    next === NEXT_DESTINATION
  );
}

/** IPv6 header at `at` (networkOffset), then what follows. Returns a PACKET_ code. */
export function decodeIpv6(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const { view } = packet;
  const start = at + FIXED_LENGTH;
  if (start > frameEnd) return noHeader(packet, missing(start, wireEnd));
  const versionToFlow = view.getInt32(at);
  const lengthToHopLimit = view.getInt32(at + 4);
  const source0 = view.getInt32(at + 8);
  const source1 = view.getInt32(at + 12);
  const source2 = view.getInt32(at + 16);
  const source3 = view.getInt32(at + 20);
  const destination0 = view.getInt32(at + 24);
  const destination1 = view.getInt32(at + 28);
  const destination2 = view.getInt32(at + 32);
  const destination3 = view.getInt32(at + 36);
  if (versionToFlow >>> 28 !== 6) return noHeader(packet, PACKET_BAD_IP_HEADER);
  const next = (lengthToHopLimit >> 8) & 0xff;
  packet.family = 6;
  packet.networkHeaderLength = FIXED_LENGTH;
  packet.tos = (versionToFlow >> 20) & 0xff;
  packet.ttl = lengthToHopLimit & 0xff;
  packet.source0 = source0;
  packet.source1 = source1;
  packet.source2 = source2;
  packet.source3 = source3;
  packet.destination0 = destination0;
  packet.destination1 = destination1;
  packet.destination2 = destination2;
  packet.destination3 = destination3;
  packet.identification = 0;
  packet.dontFragment = 0;
  packet.moreFragments = 0;
  packet.fragmentOffset = 0;
  packet.fragmentHeaderOffset = -1;
  packet.protocol = next;

  const payloadLength = lengthToHopLimit >>> 16;
  const end =
    payloadLength === 0
      ? endWithoutLength(view, next, start, frameEnd, wireEnd)
      : start + payloadLength;
  let networkEnd = end;
  if (networkEnd > frameEnd) networkEnd = frameEnd;
  packet.totalLength = end - at;
  packet.networkEnd = networkEnd;
  if (end > wireEnd) {
    noTransport(packet);
    return PACKET_BAD_IP_HEADER;
  }
  if (isExtensionHeader(next)) walkExtensionHeaders(packet, next, start, networkEnd, end);
  else transport(packet, 6, next, start, networkEnd, end);
  return OK;
}

/**
 * End of a packet whose payload length is 0: a jumbogram says it in a hop-by-hop option, with
 * any other hop-by-hop header the kernel leaves the frame's length, an offloaded packet has that
 * too, and all others have no payload.
 */
function endWithoutLength(
  view: DataView,
  next: number,
  start: number,
  frameEnd: number,
  wireEnd: number,
): number {
  if (next === NEXT_HOP_BY_HOP) {
    const jumbo = jumboPayloadLength(view, start, frameEnd);
    return jumbo > LARGEST_PAYLOAD ? start + jumbo : wireEnd;
  }
  return isOffloaded(next, wireEnd - start + FIXED_LENGTH) ? wireEnd : start;
}

/** The jumbo payload option of the hop-by-hop header at `start` (RFC 2675), or -1. */
function jumboPayloadLength(view: DataView, start: number, frameEnd: number): number {
  if (start + 2 > frameEnd) return -1;
  const end = Math.min(frameEnd, start + 8 + view.getUint8(start + 1) * 8);
  let at = start + 2;
  while (at + 2 <= end) {
    const type = view.getUint8(at);
    if (type === OPTION_PAD1) {
      at += 1;
      continue;
    }
    const length = view.getUint8(at + 1);
    if (type === OPTION_JUMBO && length === 4 && at + 6 <= end) return view.getUint32(at + 2);
    at += 2 + length;
  }
  return -1;
}

/**
 * Walks the chain that begins with header type `first` at `start`; sets `protocol`,
 * the fragment fields and the transport ones. A chain that leaves the packet, or a later fragment
 * whose next header is an extension header, leaves `protocol` at -1.
 */
function walkExtensionHeaders(
  packet: PacketView,
  first: number,
  start: number,
  networkEnd: number,
  end: number,
): void {
  const { view } = packet;
  let next = first;
  let at = start;
  packet.protocol = -1;
  noTransport(packet);
  while (isExtensionHeader(next) && next !== NEXT_NONE) {
    // The kernel asks for two bytes of any header, four of these.
    const needed = next === NEXT_ROUTING || next === NEXT_FRAGMENT ? 4 : 2;
    if (at + needed > networkEnd) {
      // Reassembly finds it by its place, and drops the packet.
      if (next === NEXT_FRAGMENT && at <= networkEnd && packet.fragmentHeaderOffset < 0)
        packet.fragmentHeaderOffset = at;
      return;
    }
    const type = next;
    next = view.getUint8(at);
    if (type === NEXT_FRAGMENT) {
      fragmentHeader(packet, at, networkEnd);
      if (packet.fragmentOffset !== 0) {
        if (!isExtensionHeader(next) || next === NEXT_NONE) packet.protocol = next;
        return;
      }
      at += FRAGMENT_HEADER_LENGTH;
    } else if (type === NEXT_AUTHENTICATION) {
      at += (view.getUint8(at + 1) + 2) * 4;
    } else {
      at += (view.getUint8(at + 1) + 1) * 8;
    }
  }
  packet.protocol = next;
  transport(packet, 6, next, at, networkEnd, end);
}

/** Of several fragment headers (which nobody sends) the first gives offset and identification. */
function fragmentHeader(packet: PacketView, at: number, networkEnd: number): void {
  const { view } = packet;
  const fragment = view.getUint16(at + 2);
  packet.fragmentOffset = fragment & 0xfff8;
  packet.moreFragments |= fragment & 1;
  if (packet.fragmentHeaderOffset >= 0) return;
  packet.fragmentHeaderOffset = at;
  if (at + FRAGMENT_HEADER_LENGTH <= networkEnd) packet.identification = view.getInt32(at + 4);
}
