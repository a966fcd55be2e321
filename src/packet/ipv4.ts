/**
 * The IPv4 header (RFC 791), with what ip_rcv_core (net/ipv4/ip_input.c) demands of an arriving one
 * before netfilter sees it: version, header length, total length within the frame. The checksum is
 * checksum.ts's matter, the options' contents are header-check.ts's.
 */
import { missing } from './bounds.ts';
import { PACKET_BAD_IP_HEADER, PACKET_OK, type PacketView } from './fields.ts';
import { noHeader } from './no-header.ts';
import { isOffloaded } from './offload.ts';
import { decodeTransport, noTransport } from './transport.ts';

// Of this module's own: see bounds.ts.
const transport = decodeTransport;
const OK = PACKET_OK;
const LEAST_HEADER_LENGTH = 20;
/** Of the word with flags and fragment offset. */
const OFFSET_MASK = 0x1fff;
const MORE_OR_OFFSET_MASK = 0x3fff;

/** IPv4 header at `at` (networkOffset), then what follows. Returns a PACKET_ code. */
export function decodeIpv4(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const { view } = packet;
  const least = at + LEAST_HEADER_LENGTH;
  if (least > frameEnd) return noHeader(packet, missing(least, wireEnd));
  const versionToLength = view.getInt32(at);
  const identificationToFragment = view.getInt32(at + 4);
  const ttlToChecksum = view.getInt32(at + 8);
  const source = view.getInt32(at + 12);
  const destination = view.getInt32(at + 16);
  if (versionToLength >>> 28 !== 4) return noHeader(packet, PACKET_BAD_IP_HEADER);
  const headerLength = ((versionToLength >> 24) & 0x0f) * 4;
  const protocol = (ttlToChecksum >> 16) & 0xff;
  packet.family = 4;
  packet.networkHeaderLength = headerLength;
  packet.tos = (versionToLength >> 16) & 0xff;
  packet.identification = identificationToFragment >>> 16;
  packet.dontFragment = (identificationToFragment >> 14) & 1;
  packet.moreFragments = (identificationToFragment >> 13) & 1;
  packet.fragmentOffset = (identificationToFragment & OFFSET_MASK) * 8;
  packet.ttl = ttlToChecksum >>> 24;
  packet.protocol = protocol;
  packet.source0 = source;
  packet.destination0 = destination;
  // What only IPv6 has.
  packet.source1 = 0;
  packet.source2 = 0;
  packet.source3 = 0;
  packet.destination1 = 0;
  packet.destination2 = 0;
  packet.destination3 = 0;
  packet.fragmentHeaderOffset = -1;

  const onWire = wireEnd - at;
  let totalLength = versionToLength & 0xffff;
  if (totalLength === 0) {
    const whole = (identificationToFragment & MORE_OR_OFFSET_MASK) === 0;
    if (whole && isOffloaded(protocol, onWire)) totalLength = onWire;
  }
  const end = at + totalLength;
  let networkEnd = end;
  if (networkEnd > frameEnd) networkEnd = frameEnd;
  packet.totalLength = totalLength;
  packet.networkEnd = networkEnd;
  if (headerLength < LEAST_HEADER_LENGTH || totalLength < headerLength || totalLength > onWire) {
    noTransport(packet);
    return PACKET_BAD_IP_HEADER;
  }
  if ((identificationToFragment & OFFSET_MASK) === 0)
    transport(packet, 4, protocol, at + headerLength, networkEnd, end);
  else noTransport(packet);
  return OK;
}
