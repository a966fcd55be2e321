/**
 * What a capture holds, for `fwreplay info`: interfaces, packets by protocol, time span, what is
 * wrong with it, and the vantage that a replay would take. Memory does not grow with the capture.
 */
import type { CaptureInterface, CaptureNote, CaptureReader, Frame } from '../capture/types.ts';
import { decode } from '../packet/decode.ts';
import { PACKET_NOT_IP, PACKET_OK, PacketView } from '../packet/fields.ts';
import { protocolName } from '../packet/text.ts';
import { VantageObserver } from '../topology/infer.ts';
import { createTopology } from '../topology/vantage.ts';
import { timeText } from './record.ts';

/** The replay guesses from as many frames at most (engine/peek.ts). */
const FRAMES_FOR_VANTAGE = 20_000;

/** A capture's facts; the JSON form of `fwreplay info`. */
export interface CaptureFacts {
  readonly files: readonly string[];
  readonly packets: number;
  /** Bytes of the packets as they were on the wire. */
  readonly frameBytes: number;
  readonly bytesRead: number;
  /** Earliest and latest packet, seconds since 1970 with nine decimals; null when there is none. */
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  /** Packets cut by the snap length. */
  readonly cut: number;
  readonly ipv4: number;
  readonly ipv6: number;
  readonly notIp: number;
  readonly malformed: number;
  /** Packets by protocol name, most first. */
  readonly protocols: Readonly<Record<string, number>>;
  readonly interfaces: readonly (CaptureInterface & { readonly packets: number })[];
  readonly notes: readonly CaptureNote[];
  readonly vantage: { readonly certain: boolean; readonly description: readonly string[] };
}

/** Collects facts frame by frame. */
export class CaptureFactsCollector {
  /** Frames so far. */
  packets = 0;
  private frameBytes = 0;
  private cut = 0;
  private readonly families = { ipv4: 0, ipv6: 0, notIp: 0, malformed: 0 };
  private readonly protocols = new Map<number, number>();
  private readonly perInterface = new Map<number, number>();
  private first: string | undefined;
  private last: string | undefined;
  private earliest = Number.POSITIVE_INFINITY;
  private latest = Number.NEGATIVE_INFINITY;
  private readonly packet = new PacketView();
  private readonly observer = new VantageObserver();

  /** Adds a frame. */
  add(frame: Frame): void {
    const { packet } = this;
    this.packets += 1;
    this.frameBytes += frame.originalLength;
    if (frame.capturedLength < frame.originalLength) this.cut += 1;
    this.perInterface.set(frame.interfaceId, (this.perInterface.get(frame.interfaceId) ?? 0) + 1);
    this.time(frame);
    const problem = decode(frame, packet);
    if (problem === PACKET_NOT_IP) this.families.notIp += 1;
    else if (problem !== PACKET_OK) this.families.malformed += 1;
    else {
      if (packet.family === 4) this.families.ipv4 += 1;
      else this.families.ipv6 += 1;
      this.protocols.set(packet.protocol, (this.protocols.get(packet.protocol) ?? 0) + 1);
      if (this.packets <= FRAMES_FOR_VANTAGE) this.observer.observe(packet);
    }
  }

  private time(frame: Frame): void {
    const { timeSeconds, timeNanoseconds } = frame;
    const time = timeSeconds + timeNanoseconds / 1e9;
    if (time < this.earliest) {
      this.earliest = time;
      this.first = timeText(timeSeconds, timeNanoseconds);
    }
    if (time >= this.latest) {
      this.latest = time;
      this.last = timeText(timeSeconds, timeNanoseconds);
    }
  }

  /** The facts, after the last frame. */
  conclude(reader: CaptureReader): CaptureFacts {
    const { vantage, certain, notes } = this.observer.conclude(reader.interfaces);
    const protocols = [...this.protocols].sort((a, b) => b[1] - a[1]);
    return {
      files: [...reader.files],
      packets: this.packets,
      frameBytes: this.frameBytes,
      bytesRead: reader.bytesRead,
      firstTime: this.first ?? null,
      lastTime: this.last ?? null,
      cut: this.cut,
      ...this.families,
      protocols: Object.fromEntries(
        protocols.map(([number, count]) => [
          number < 0 ? 'malformed' : protocolName(number),
          count,
        ]),
      ),
      interfaces: reader.interfaces.map((each) => ({
        ...each,
        packets: this.perInterface.get(each.id) ?? 0,
      })),
      notes: [...reader.notes],
      vantage: { certain, description: [...createTopology(vantage).description, ...notes] },
    };
  }
}
