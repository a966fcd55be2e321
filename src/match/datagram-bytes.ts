/**
 * The bytes of the datagram as matches on raw bytes see them: offsets count from the IP header, the
 * end is the one that the header gives (skb->len), and what the snap length cut is told apart.
 */
import type { PacketView } from '../packet/fields.ts';

/** The bytes are in the capture. */
export const BYTES_PRESENT = 0;
/** The datagram ends before: the kernel's skb_header_pointer fails. */
export const BYTES_OUTSIDE = 1;
/** The snap length cut them; the kernel saw them. */
export const BYTES_CUT = 2;

/** Where the bytes from `offset` on are; `offset` is a non-negative number of any size. */
export function bytesAt(packet: PacketView, offset: number, length: number): 0 | 1 | 2 {
  if (offset + length > packet.totalLength) return BYTES_OUTSIDE;
  return packet.networkOffset + offset + length > packet.networkEnd ? BYTES_CUT : BYTES_PRESENT;
}

/** One byte that is present. */
export function byteOf(packet: PacketView, offset: number): number {
  return packet.bytes[packet.networkOffset + offset] ?? 0;
}

/** Two bytes that are present, big-endian. */
export function wordOf(packet: PacketView, offset: number): number {
  return packet.view.getUint16(packet.networkOffset + offset);
}

/** Four bytes that are present, big-endian, unsigned. */
export function longOf(packet: PacketView, offset: number): number {
  return packet.view.getUint32(packet.networkOffset + offset);
}

/**
 * Offset of what matches that never ask whether it is a later fragment take for the transport header
 * (par->thoff): in IPv6 it is the IP header then.
 */
export function supposedTransport(packet: PacketView): number {
  if (packet.fragmentOffset === 0) return packet.transportOffset - packet.networkOffset;
  return packet.family === 4 ? packet.networkHeaderLength : 0;
}

/** Collects why a condition failed, for explain; absent while packets are evaluated. */
export type Failures = string[] | undefined;
