/**
 * The whole datagram of its fragments: what the first one gives, and which header fields change. As
 * ip_frag_reasm and nf_ct_frag6_reasm of the kernel. In the buffer it begins after the two Ethernet
 * addresses, so that matches find these as in any frame.
 */
import type { PacketView } from '../packet/fields.ts';
import type { FragmentQueue, Head } from './fragment-queue.ts';
import { nextHeaderField } from './reassembly-ipv6.ts';

/** Where the datagram begins in its buffer: after destination and source address. */
export const MAC_LENGTH = 12;

/** Each ECN codepoint (RFC 3168): not capable, ECT(1), ECT(0), congestion experienced. */
const ECN_NOT_CAPABLE = 1 << 0;
const ECN_CONGESTION = 1 << 3;
const ECN_CODEPOINT_CONGESTION = 3;

/** The whole's ECN bits to add by those of its fragments; -1 when they contradict (RFC 3168, 5.3). */
export function combineEcn(seen: number): number {
  if ((seen & ECN_NOT_CAPABLE) !== 0) return seen === ECN_NOT_CAPABLE ? 0 : -1;
  const mixed = (seen & ECN_CONGESTION) !== 0 && seen !== ECN_CONGESTION;
  return mixed ? ECN_CODEPOINT_CONGESTION : 0;
}

/** Length, fragment field and checksum of a whole IPv4 datagram (ip_frag_reasm). */
export function finishIpv4(
  view: DataView,
  queue: FragmentQueue,
  totalLength: number,
  ecn: number,
): void {
  const at = MAC_LENGTH;
  view.setUint8(at + 1, view.getUint8(at + 1) | ecn);
  view.setUint16(at + 2, totalLength);
  const dontFragment = queue.largestUnfragmentable === queue.largest;
  view.setUint16(at + 6, dontFragment ? 0x4000 : 0);
  view.setUint16(at + 10, 0);
  let sum = 0;
  const headerEnd = Math.min((view.getUint8(at) & 15) * 4, view.byteLength - at - 1);
  for (let i = 0; i < headerEnd; i += 2) sum += view.getUint16(at + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at + 10, ~sum & 0xffff);
}

/** Payload length and chain of a whole IPv6 datagram, the fragment header taken out. */
export function finishIpv6(view: DataView, head: Head, totalLength: number, ecn: number): void {
  const at = MAC_LENGTH;
  view.setUint8(at + 1, view.getUint8(at + 1) | (ecn << 4));
  view.setUint16(at + 4, totalLength - 40);
  view.setUint8(at + nextHeaderField(head.header), head.nextHeader);
}

/** What of the first fragment the whole datagram takes over. */
export function headOf(packet: PacketView): Head {
  const { bytes, networkOffset, sourceMacOffset, destinationMacOffset } = packet;
  const four = packet.family === 4;
  const end = four ? networkOffset + packet.networkHeaderLength : packet.fragmentHeaderOffset;
  let macs: Uint8Array | undefined;
  if (sourceMacOffset >= 0) {
    macs = new Uint8Array(MAC_LENGTH);
    if (destinationMacOffset >= 0)
      macs.set(bytes.subarray(destinationMacOffset, destinationMacOffset + 6), 0);
    macs.set(bytes.subarray(sourceMacOffset, sourceMacOffset + 6), 6);
  }
  return {
    header: bytes.slice(networkOffset, Math.min(end, packet.networkEnd)),
    headerLength: end - networkOffset,
    macs,
    packetType: packet.packetType,
    linkType: packet.linkType,
    etherType: packet.etherType,
    vlanId: packet.vlanId,
    hardwareType: packet.hardwareType,
    nextHeader: four ? 0 : packet.view.getUint8(packet.fragmentHeaderOffset),
  };
}
