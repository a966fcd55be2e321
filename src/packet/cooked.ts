/**
 * Linux cooked captures, as taken on the `any` device: SLL (LINKTYPE 113) and SLL2 (276). They say
 * how the host met the packet (sll_pkttype), which is what the vantage needs most.
 * Layouts: tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and LINKTYPE_LINUX_SLL2.html.
 */
import { missing } from './bounds.ts';
import { decodeEtherType } from './ethernet.ts';
import { PACKET_OUTGOING, type PacketView } from './fields.ts';
import { endInLink } from './network.ts';

const SLL_LENGTH = 16;
const SLL2_LENGTH = 20;
const MAC_LENGTH = 6;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

/** sll_pkttype, ARPHRD_ type and link-layer address, which both versions have. */
function station(
  packet: PacketView,
  packetType: number,
  hardwareType: number,
  addressLength: number,
  addressOffset: number,
): void {
  if (packetType <= PACKET_OUTGOING) packet.packetType = packetType;
  packet.hardwareType = hardwareType;
  const ethernet = hardwareType === ARPHRD_ETHER || hardwareType === ARPHRD_LOOPBACK;
  if (ethernet && addressLength === MAC_LENGTH) packet.sourceMacOffset = addressOffset;
}

/** An SLL frame from `at` on. Returns a PACKET_ code. */
export function decodeSll(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const { view } = packet;
  const payload = at + SLL_LENGTH;
  if (payload > frameEnd) return endInLink(packet, 0, at, missing(payload, wireEnd));
  station(packet, view.getUint16(at), view.getUint16(at + 2), view.getUint16(at + 4), at + 6);
  return decodeEtherType(packet, view.getUint16(at + 14), payload, frameEnd, wireEnd);
}

/** An SLL2 frame from `at` on. Returns a PACKET_ code. */
export function decodeSll2(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const { view } = packet;
  const payload = at + SLL2_LENGTH;
  if (payload > frameEnd) return endInLink(packet, 0, at, missing(payload, wireEnd));
  packet.linkInterfaceIndex = view.getUint32(at + 4);
  station(packet, view.getUint8(at + 10), view.getUint16(at + 8), view.getUint8(at + 11), at + 12);
  return decodeEtherType(packet, view.getUint16(at), payload, frameEnd, wireEnd);
}
