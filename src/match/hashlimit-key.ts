/**
 * What -m hashlimit groups packets by: masked addresses and ports (hashlimit_init_dst of
 * net/netfilter/xt_hashlimit.c).
 */
import type { PacketView } from '../packet/fields.ts';
import { BYTES_CUT, BYTES_PRESENT, byteOf, bytesAt, wordOf } from './datagram-bytes.ts';
import {
  AUTHENTICATION,
  DESTINATION,
  FRAGMENT,
  HOP_BY_HOP,
  headerLength,
  NO_NEXT,
  ROUTING,
} from './ipv6-headers.ts';

/** Parts of the key; bits. */
export const BY_DESTINATION = 1;
export const BY_DESTINATION_PORT = 2;
export const BY_SOURCE = 4;
export const BY_SOURCE_PORT = 8;

/** What a key is made of. */
export interface KeyParts {
  /** BY_ bits. */
  readonly mode: number;
  /** Prefix lengths. */
  readonly sourceMask: number;
  readonly destinationMask: number;
}

/** The kernel drops the packet: it has no ports where it should. */
export const KEY_BROKEN = 'broken';
/** The snap length cut the ports. */
export const KEY_CUT = 'cut';

/** Protocols with ports at the beginning of their header (proto_ports_offset), ESP by its SPI. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 50, 132, 136]);
const AH = 51;

function masked(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : word & (-1 << (32 - bits));
}

/** Where the ports are, from the IP header; -1 when the protocol has none, -2 when broken, -3: cut. */
function portsOffset(packet: PacketView): number {
  let next = packet.protocol;
  let at = packet.networkHeaderLength;
  if (packet.family === 6) {
    next = byteOf(packet, 6);
    at = 40;
    for (;;) {
      if (next === NO_NEXT) return -2;
      const skipped = [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION].includes(next);
      if (!skipped) break;
      const there = bytesAt(packet, at, next === FRAGMENT ? 8 : 2);
      if (there !== BYTES_PRESENT) return there === BYTES_CUT ? -3 : -2;
      if (next === FRAGMENT && (wordOf(packet, at + 2) & 0xfff8) !== 0) return -1;
      const length = headerLength(packet, next, at);
      next = byteOf(packet, at);
      at += length;
    }
  }
  if (next === AH) return at + 4;
  return WITH_PORTS.has(next) ? at : -1;
}

/** The key of a packet; KEY_BROKEN or KEY_CUT when it has none. */
export function keyOf(packet: PacketView, parts: KeyParts): string {
  const { mode, sourceMask, destinationMask } = parts;
  const words: number[] = [];
  const isIpv4 = packet.family === 4;
  if ((mode & BY_DESTINATION) !== 0) {
    words.push(masked(packet.destination0, destinationMask));
    if (!isIpv4) {
      words.push(masked(packet.destination1, destinationMask - 32));
      words.push(masked(packet.destination2, destinationMask - 64));
      words.push(masked(packet.destination3, destinationMask - 96));
    }
  }
  if ((mode & BY_SOURCE) !== 0) {
    words.push(masked(packet.source0, sourceMask));
    if (!isIpv4) {
      words.push(masked(packet.source1, sourceMask - 32));
      words.push(masked(packet.source2, sourceMask - 64));
      words.push(masked(packet.source3, sourceMask - 96));
    }
  }
  if ((mode & (BY_SOURCE_PORT | BY_DESTINATION_PORT)) === 0) return words.join(' ');
  const at = portsOffset(packet);
  if (at === -2) return KEY_BROKEN;
  if (at === -3) return KEY_CUT;
  let [source, destination] = [0, 0];
  if (at >= 0) {
    const there = bytesAt(packet, at, 4);
    if (there !== BYTES_PRESENT) return there === BYTES_CUT ? KEY_CUT : KEY_BROKEN;
    source = wordOf(packet, at);
    destination = wordOf(packet, at + 2);
  }
  if ((mode & BY_SOURCE_PORT) !== 0) words.push(source);
  if ((mode & BY_DESTINATION_PORT) !== 0) words.push(destination);
  return words.join(' ');
}
