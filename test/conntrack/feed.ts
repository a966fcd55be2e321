/**
 * Feeds a tracker with described packets, one after another, and tells the ctstate of each in words:
 * `NEW`, `ESTABLISHED reply`, `INVALID: reason`, `undecided: reason`.
 */
import type { ConntrackOptions } from '../../src/conntrack/options.ts';
import { createTracker } from '../../src/conntrack/tracker.ts';
import {
  type Connection,
  CTSTATE_INVALID,
  CTSTATE_NAMES,
  DIRECTION_REPLY,
  type Tracker,
  type TrackResult,
} from '../../src/conntrack/types.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { type DatagramSpec, packetOf, type TcpOptions } from '../support/packets.ts';

/** How a packet is sent. */
export interface Sending {
  /** At OUTPUT. */
  readonly local?: boolean;
  /** Dropped by a rule: discarded, not confirmed. */
  readonly dropped?: boolean;
  readonly zone?: number;
  /** Cut to so many bytes, as by a snap length. */
  readonly snapLength?: number;
}

export const START = 1_700_000_000;

/** A tracker with a clock. */
export class Feed {
  readonly tracker: Tracker;
  /** Seconds since START. */
  time = 0;
  last: TrackResult | undefined;
  private number = 0;

  constructor(options?: Partial<ConntrackOptions>) {
    this.tracker = createTracker(options);
  }

  /** Sends a packet now. */
  send(spec: DatagramSpec, sending: Sending = {}): string {
    this.number += 1;
    const seconds = Math.floor(this.time);
    const packet = packetOf(spec, {
      number: this.number,
      timeSeconds: START + seconds,
      timeNanoseconds: Math.round((this.time - seconds) * 1e9),
      ...(sending.snapLength === undefined ? {} : { capturedLength: sending.snapLength }),
    });
    verifyChecksums(packet);
    const result = this.tracker.track(packet, sending.local ?? false, sending.zone ?? 0);
    this.last = result;
    const text = describe(result);
    if (sending.dropped) this.tracker.discard(result);
    else this.tracker.confirm(packet, result);
    return text;
  }

  /** The only connection. */
  get connection(): Connection {
    const all = [...this.tracker.connections()];
    if (all.length !== 1) throw new Error(`${all.length} connections`);
    return all[0] as Connection;
  }

  /** Protocol state and seconds left of the only connection. */
  get entry(): string {
    const { protocolState, expiresAt } = this.connection;
    return `${protocolState} ${Math.round((expiresAt - START - this.time) * 1000) / 1000}`;
  }
}

function describe(result: TrackResult): string {
  if (result.undecided !== '') return `undecided: ${result.undecided}`;
  if (result.ctstate === CTSTATE_INVALID) return `INVALID: ${result.reason}`;
  const reply = result.connection !== undefined && result.direction === DIRECTION_REPLY;
  return `${CTSTATE_NAMES[result.ctstate]}${reply ? ' reply' : ''}`;
}

export const CLIENT = '192.0.2.2';
export const SERVER = '192.0.2.1';

/**
 * A TCP segment in short: `> SA 900 101 1000 5` is direction (`>` client to server), flags, sequence
 * number, acknowledgement, window (default 1000) and payload length (default 0).
 */
export function segment(line: string, options: TcpOptions | readonly number[] = {}): DatagramSpec {
  const [direction, flags = '', sequence, acknowledgement, window, length] = line.split(' ');
  const forward = direction === '>';
  return {
    source: forward ? CLIENT : SERVER,
    destination: forward ? SERVER : CLIENT,
    tcp: {
      sourcePort: forward ? 1000 : 80,
      destinationPort: forward ? 80 : 1000,
      flags: flags === '-' ? '' : flags,
      sequence: Number(sequence) >>> 0,
      acknowledgement: Number(acknowledgement ?? 0) >>> 0,
      window: Number(window ?? 1000),
      payload: Number(length ?? 0),
      options,
    },
  };
}

/** Sends segments in short form and gives what each was. */
export function talk(feed: Feed, ...lines: readonly string[]): string[] {
  return lines.map((line) => feed.send(segment(line)));
}
