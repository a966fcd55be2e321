/**
 * The kernel's clock tick. Kernels are built with HZ 100, 250, 300 or 1000; Debian, Ubuntu and most
 * distributions' servers use 250, and so do we. What is counted in jiffies (limit, ctexpire) can
 * differ from a given host by one tick, because a capture does not show when its ticks fell.
 */
import type { PacketView } from '../packet/fields.ts';

/** Ticks in a second (CONFIG_HZ=250). */
export const HZ = 250;

/** The tick in which the packet came, counted from 1970-01-01. */
export function packetJiffies(packet: PacketView): number {
  return packet.timeSeconds * HZ + Math.floor(packet.timeNanoseconds / (1_000_000_000 / HZ));
}
