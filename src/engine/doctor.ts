/**
 * The capture doctor: what about the capture itself may make verdicts differ from those of the live
 * host, and how many verdicts rest on it. Looks at every packet, in bounded memory, changes nothing.
 */
import { verifyChecksums } from '../packet/checksum.ts';
import {
  CHECKSUM_BAD,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNKNOWN,
  PACKET_BAD_IP_CHECKSUM,
  PACKET_OK,
  type PacketView,
} from '../packet/fields.ts';
import { BEGAN_BEFORE, FlowCounts, HEARD_HIGHER, HEARD_LOWER } from './flow-counts.ts';
import type { DoctorNote, PacketOutcome } from './types.ts';

/** Without --checksums only so many packets have theirs looked at. */
const CHECKSUMS_LOOKED_AT = 20_000;
const RECENT = 16;
const DUPLICATE_SECONDS = 0.001;
/** Of a datagram so many bytes are compared: IPv6 and TCP header, whose checksum covers the rest. */
const COMPARED_BYTES = 60;
const TCP = 6;

class Count {
  packets = 0;
  verdicts = 0;
  firstPacket = 0;

  add(number: number, verdict: boolean): void {
    if (this.packets === 0) this.firstPacket = number;
    this.packets += 1;
    if (verdict) this.verdicts += 1;
  }

  addFlow(first: number, packets: number, verdicts: number): void {
    if (this.packets === 0 || first < this.firstPacket) this.firstPacket = first;
    this.packets += packets;
    this.verdicts += verdicts;
  }
}

function mix(hash: number, value: number): number {
  const h = Math.imul(hash ^ value, 0x9e3779b1 | 0);
  return h ^ (h >>> 15);
}

/** Collects findings over a replay. Call `before`, decide the packet, call `after`. */
export class Doctor {
  private readonly flows = new FlowCounts();
  private readonly cut = new Count();
  private readonly partial = new Count();
  private readonly bad = new Count();
  private readonly duplicates = new Count();
  private readonly backwards = new Count();
  private readonly copies = new Count();
  private readonly translated = new Count();
  private readonly recentHash = new Int32Array(RECENT);
  private readonly recentTime = new Float64Array(RECENT).fill(Number.NEGATIVE_INFINITY);
  private recentAt = 0;
  private latest = Number.NEGATIVE_INFINITY;
  private looked = 0;
  private readonly checksums: boolean;
  // Of the current packet:
  private isBackwards = false;
  private isDuplicate = false;
  private isCut = false;
  private checksum = CHECKSUM_UNKNOWN;

  /** @param checksums the replay checks all checksums itself */
  constructor(checksums: boolean) {
    this.checksums = checksums;
  }

  /** Looks at a packet as read, before the engine changes it. */
  before(packet: PacketView): void {
    const time = packet.timeSeconds + packet.timeNanoseconds / 1e9;
    this.isBackwards = time < this.latest;
    if (!this.isBackwards) this.latest = time;
    this.isDuplicate = false;
    this.isCut = packet.frameEnd - packet.frameOffset < packet.originalLength;
    this.checksum = CHECKSUM_UNKNOWN;
    if (packet.problem !== PACKET_OK) return;
    if (!this.checksums && this.looked < CHECKSUMS_LOOKED_AT) this.lookAtChecksum(packet);
    this.isDuplicate = this.wasSeen(packet, time);
  }

  /** Looks at what became of the packet. */
  after(outcome: PacketOutcome): void {
    const { packet, number, verdict } = outcome;
    const decided = verdict === 'ACCEPT' || verdict === 'DROP' || verdict === 'REJECT';
    if (this.isBackwards) this.backwards.add(number, decided);
    if (this.isCut)
      this.cut.add(number, verdict === 'UNDECIDED' && outcome.reason.includes('snap length'));
    if (verdict === 'NOT_SEEN' && packet.problem !== PACKET_BAD_IP_CHECKSUM) return;
    if (this.isDuplicate) this.duplicates.add(number, decided);
    const restsOnState = decided && outcome.tracked;
    this.afterChecksum(outcome, restsOnState);
    if (packet.protocol === TCP && packet.tcpFlags >= 0 && packet.sourcePort >= 0)
      this.flows.add(packet, number, restsOnState);
    if (outcome.mayBeTranslated && decided) this.translated.add(number, true);
    if (outcome.mayLoopBack) this.copies.add(number, false);
  }

  private afterChecksum({ packet, number, path }: PacketOutcome, restsOnState: boolean): void {
    const state = this.checksums ? packet.transportChecksum : this.checksum;
    const badHeader = packet.problem === PACKET_BAD_IP_CHECKSUM;
    if (state === CHECKSUM_PARTIAL) this.partial.add(number, false);
    else if (state === CHECKSUM_BAD || badHeader) {
      // A host does not look at the checksums of what it sends.
      const arrives = path !== 'OUTPUT' && path !== 'LOOPBACK';
      this.bad.add(number, arrives && (restsOnState || badHeader));
    }
  }

  private lookAtChecksum(packet: PacketView): void {
    this.looked += 1;
    verifyChecksums(packet);
    this.checksum = packet.problem === PACKET_OK ? packet.transportChecksum : CHECKSUM_BAD;
    // Only looked at: the replay must go on as if checksums had not been checked.
    packet.transportChecksum = CHECKSUM_UNKNOWN;
    packet.problem = PACKET_OK;
  }

  private wasSeen(packet: PacketView, time: number): boolean {
    const { view, networkOffset, networkEnd } = packet;
    const end = Math.min(networkEnd, networkOffset + COMPARED_BYTES);
    let hash = packet.totalLength;
    for (let at = networkOffset; at + 4 <= end; at += 4) hash = mix(hash, view.getInt32(at));
    let seen = false;
    for (let i = 0; i < RECENT && !seen; i++) {
      if (this.recentHash[i] !== hash) continue;
      seen = Math.abs(time - (this.recentTime[i] ?? 0)) < DUPLICATE_SECONDS;
    }
    this.recentHash[this.recentAt] = hash;
    this.recentTime[this.recentAt] = time;
    this.recentAt = (this.recentAt + 1) % RECENT;
    return seen;
  }

  /** The findings, most packets first. `truncated`: number of files cut in mid-packet. */
  notes(truncated: number, lastNumber: number): DoctorNote[] {
    const notes: DoctorNote[] = [];
    const add = (code: DoctorNote['code'], message: string, count: Count): void => {
      if (count.packets === 0) return;
      const { packets, verdicts, firstPacket } = count;
      notes.push({ code, message, packets, verdicts, firstPacket });
    };
    this.addFlows(add);
    add('snap-length', 'packets are cut by the snap length', this.cut);
    const looked = this.checksums ? '' : ` (of the first ${CHECKSUMS_LOOKED_AT} packets)`;
    add(
      'offloaded-checksums',
      `checksums are left to the network card (offload): such packets were captured on their sender${looked}`,
      this.partial,
    );
    add(
      'bad-checksums',
      this.checksums
        ? 'checksums are wrong: such packets are INVALID, or never seen, where they arrive'
        : `checksums are wrong; without --checksums they are taken as right${looked}`,
      this.bad,
    );
    add(
      'duplicates',
      'packets are there twice (several interfaces, or a mirror port): each is counted',
      this.duplicates,
    );
    add(
      'clock-backwards',
      'times are before those of packets already read: timeouts and limits follow them',
      this.backwards,
    );
    add(
      'multicast-copies',
      'multicast packets that this host sent may have come back to it, if it joined their groups and its sockets loop them: what such copies may have counted is uncertain',
      this.copies,
    );
    add(
      'translated-addresses',
      "the ruleset changes source addresses: packets from and to this host's own addresses are taken for its own, but may be those of connections that it forwards",
      this.translated,
    );
    if (truncated > 0)
      notes.push({
        code: 'truncated-file',
        message: 'the capture is cut in mid-packet: replayed up to there',
        packets: truncated,
        verdicts: 0,
        firstPacket: lastNumber,
      });
    return notes.sort((a, b) => b.packets - a.packets);
  }

  private addFlows(add: (code: DoctorNote['code'], message: string, count: Count) => void): void {
    const oneWay = new Count();
    const midStream = new Count();
    let oneWayFlows = 0;
    let midStreamFlows = 0;
    this.flows.each(({ flags, packets, verdicts, firstPacket }) => {
      const heard = flags & (HEARD_LOWER | HEARD_HIGHER);
      if (heard === HEARD_LOWER || heard === HEARD_HIGHER) {
        oneWayFlows += 1;
        oneWay.addFlow(firstPacket, packets, verdicts);
      }
      if ((flags & BEGAN_BEFORE) !== 0) {
        midStreamFlows += 1;
        midStream.addFlow(firstPacket, packets, verdicts);
      }
    });
    const more = this.flows.full ? ' (and perhaps more: the table is full)' : '';
    add(
      'one-direction',
      `${plural(oneWayFlows, 'TCP connection')} captured in one direction only: what conntrack would have seen is not all here${more}`,
      oneWay,
    );
    add(
      'mid-stream',
      `${plural(midStreamFlows, 'TCP connection')} began before the capture: picked up mid-stream, they count as NEW where the live host knew them${more}`,
      midStream,
    );
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
