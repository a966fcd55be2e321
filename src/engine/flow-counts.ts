/**
 * A bounded table of TCP connections for the capture doctor: per connection how many packets and
 * verdicts, and which of its ends were heard. Open addressing over typed arrays, because it is asked
 * for every TCP packet; two different connections meet in one entry once in 2^64 pairs.
 */
import type { PacketView } from '../packet/fields.ts';

/** An end (by hash, the lower and the higher) sent an acknowledging packet. */
export const HEARD_LOWER = 1;
export const HEARD_HIGHER = 2;
/** The first packet seen was no SYN. */
export const BEGAN_BEFORE = 4;

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const SLOTS = 1 << 18;
const MOST_FLOWS = 200_000;

function mix(hash: number, value: number): number {
  const h = Math.imul(hash ^ value, 0x9e3779b1 | 0);
  return h ^ (h >>> 15);
}

/** One connection, as `each` tells it. */
export interface FlowCount {
  readonly flags: number;
  readonly packets: number;
  readonly verdicts: number;
  readonly firstPacket: number;
}

// A record is eight words, so that a packet touches one cache line.
const RECORD = 8;
const LOWER = 0;
const HIGHER = 1;
const FLAGS = 2;
const PACKETS = 3;
const VERDICTS = 4;
const FIRST = 5;

/** Counts packets by TCP connection. */
export class FlowCounts {
  /** True once more connections were met than there is room for: the rest is not counted. */
  full = false;
  private size = 0;
  /** Records; made with the first packet. Numbers are unsigned. */
  private words = new Uint32Array(0);

  /** Adds a packet of a connection. @param verdict it has a verdict that may rest on conntrack */
  add(packet: PacketView, number: number, verdict: boolean): void {
    const { source0, source1, source2, source3, sourcePort } = packet;
    const { destination0, destination1, destination2, destination3, destinationPort } = packet;
    let a = end(source0, source1, source2, source3, sourcePort);
    let b = end(destination0, destination1, destination2, destination3, destinationPort);
    const fromLower = a < b;
    if (!fromLower) [a, b] = [b, a];
    const at = this.record(a, b);
    if (at < 0) return;
    const { words } = this;
    if (words[at + PACKETS] === 0) {
      words[at + FIRST] = number;
      if ((packet.tcpFlags & SYN) === 0) words[at + FLAGS] = BEGAN_BEFORE;
    }
    words[at + PACKETS] = (words[at + PACKETS] ?? 0) + 1;
    if (verdict) words[at + VERDICTS] = (words[at + VERDICTS] ?? 0) + 1;
    if ((packet.tcpFlags & (ACK | RST)) === ACK)
      words[at + FLAGS] = (words[at + FLAGS] ?? 0) | (fromLower ? HEARD_LOWER : HEARD_HIGHER);
  }

  /** All connections. */
  each(tell: (flow: FlowCount) => void): void {
    const { words } = this;
    for (let at = 0; at < words.length; at += RECORD) {
      const packets = words[at + PACKETS] ?? 0;
      if (packets === 0) continue;
      tell({
        flags: words[at + FLAGS] ?? 0,
        packets,
        verdicts: words[at + VERDICTS] ?? 0,
        firstPacket: words[at + FIRST] ?? 0,
      });
    }
  }

  /** Where the record of the connection between two ends is, a new one if there is room; else -1. */
  private record(lower: number, higher: number): number {
    if (this.words.length === 0) this.words = new Uint32Array(SLOTS * RECORD);
    const { words } = this;
    let at = (mix(lower, higher) & (SLOTS - 1)) * RECORD;
    while (words[at + PACKETS] !== 0) {
      if (words[at + LOWER] === lower && words[at + HIGHER] === higher) return at;
      at = (at + RECORD) & (SLOTS * RECORD - 1);
    }
    if (this.size >= MOST_FLOWS) {
      this.full = true;
      return -1;
    }
    this.size += 1;
    words[at + LOWER] = lower;
    words[at + HIGHER] = higher;
    return at;
  }
}

/** Hash of one end, unsigned. */
function end(w0: number, w1: number, w2: number, w3: number, port: number): number {
  return mix(mix(mix(mix(mix(0x2545f491, w0), w1), w2), w3), port) >>> 0;
}
