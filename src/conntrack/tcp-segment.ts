/**
 * A TCP segment as conntrack reads it: header fields, the kind by its flags, options that matter.
 * One reused object; sequence numbers are signed 32-bit words, compared by difference (RFC 1982).
 */
import type { PacketView } from '../packet/fields.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TCP_URG } from '../packet/transport.ts';

/** Kinds of segments, by RST, SYN, FIN, ACK in this order of weight. */
export const KIND_SYN = 0;
export const KIND_SYNACK = 1;
export const KIND_FIN = 2;
export const KIND_ACK = 3;
export const KIND_RST = 4;
export const KIND_NONE = 5;
export const KIND_NAMES = ['SYN', 'SYN-ACK', 'FIN', 'ACK', 'RST', 'none of the flags'] as const;

const FIXED_LENGTH = 20;

/** True when sequence number a comes before b. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** True when sequence number a comes after b. */
export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** Flag combinations that may appear; PSH, ECE and CWR may be set with each (tcp_valid_flags). */
const VALID_FLAGS: ReadonlySet<number> = new Set([
  TCP_SYN,
  TCP_SYN | TCP_URG,
  TCP_SYN | TCP_ACK,
  TCP_RST,
  TCP_RST | TCP_ACK,
  TCP_FIN | TCP_ACK,
  TCP_FIN | TCP_ACK | TCP_URG,
  TCP_ACK,
  TCP_ACK | TCP_URG,
]);
const FLAGS_LOOKED_AT = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG;

function kindOf(flags: number): number {
  if ((flags & TCP_RST) !== 0) return KIND_RST;
  if ((flags & TCP_SYN) !== 0) return (flags & TCP_ACK) !== 0 ? KIND_SYNACK : KIND_SYN;
  if ((flags & TCP_FIN) !== 0) return KIND_FIN;
  return (flags & TCP_ACK) !== 0 ? KIND_ACK : KIND_NONE;
}

/** Result of `read`. */
export const SEGMENT_OK = 0;
export const SEGMENT_TOO_SHORT = 1;
export const SEGMENT_BAD_FLAGS = 2;
/** The fixed header is cut by the snap length. */
export const SEGMENT_CUT = 3;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
/** TCP_MAX_WSCALE, RFC 7323 section 2.3. */
const MOST_SCALE = 14;

/** The current segment. */
export class Segment {
  flags = 0;
  kind = KIND_NONE;
  sequence = 0;
  acknowledgement = 0;
  /** Sequence number after the segment: data, SYN and FIN counted. */
  end = 0;
  /** As in the header, not scaled. */
  window = 0;
  /** The options are there but not all captured. */
  optionsCut = false;

  /** Set by `readOptions`; -1 for an absent window scale. */
  windowScale = -1;
  sackPermitted = false;

  private view: DataView = new DataView(new ArrayBuffer(0));
  private optionsAt = 0;
  private optionsLength = 0;

  /** True when the header has any options (padding counts). */
  get hasOptions(): boolean {
    return this.optionsLength > 0;
  }

  /** Reads the header. @returns SEGMENT_OK or why not */
  read(packet: PacketView): number {
    const { view, transportOffset: at, transportLength, transportCaptured } = packet;
    if (transportLength < FIXED_LENGTH) return SEGMENT_TOO_SHORT;
    if (transportCaptured < FIXED_LENGTH) return SEGMENT_CUT;
    const headerLength = (view.getUint8(at + 12) >>> 4) * 4;
    if (headerLength < FIXED_LENGTH || headerLength > transportLength) return SEGMENT_TOO_SHORT;
    const flags = view.getUint8(at + 13);
    if (!VALID_FLAGS.has(flags & FLAGS_LOOKED_AT)) return SEGMENT_BAD_FLAGS;
    this.flags = flags;
    this.kind = kindOf(flags);
    this.sequence = view.getInt32(at + 4);
    this.acknowledgement = view.getInt32(at + 8);
    this.window = view.getUint16(at + 14);
    const counted = (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
    this.end = (this.sequence + transportLength - headerLength + counted) | 0;
    this.view = view;
    this.optionsAt = at + FIXED_LENGTH;
    this.optionsLength = headerLength - FIXED_LENGTH;
    this.optionsCut = transportCaptured < headerLength;
    return SEGMENT_OK;
  }

  /** Reads window scale and SACK-permitted, as far as the options go. */
  readOptions(): void {
    this.windowScale = -1;
    this.sackPermitted = false;
    this.walkOptions((kind, at, length) => {
      if (kind === OPTION_WINDOW_SCALE && length === 3)
        this.windowScale = Math.min(this.view.getUint8(at + 2), MOST_SCALE);
      if (kind === OPTION_SACK_PERMITTED && length === 2) this.sackPermitted = true;
      return true;
    });
  }

  /** The highest right edge of the SACK blocks, or the acknowledgement when none is beyond it. */
  highestAcknowledged(): number {
    let highest = this.acknowledgement;
    if (!this.mayHaveSack()) return highest;
    this.walkOptions((kind, at, length) => {
      if (kind !== OPTION_SACK || length < 10 || (length - 2) % 8 !== 0) return true;
      for (let block = at + 2; block < at + length; block += 8) {
        const right = this.view.getInt32(block + 4);
        if (after(right, highest)) highest = right;
      }
      return false;
    });
    return highest;
  }

  /** False for no options, and for the usual timestamps-only options (a fast path). */
  private mayHaveSack(): boolean {
    if (this.optionsCut || this.optionsLength === 0) return false;
    return this.optionsLength !== 12 || this.view.getInt32(this.optionsAt) !== 0x0101080a;
  }

  /** Calls `visit` for each whole option until it returns false; ends at a malformed one. */
  private walkOptions(visit: (kind: number, at: number, length: number) => boolean): void {
    if (this.optionsCut) return;
    const { view } = this;
    const end = this.optionsAt + this.optionsLength;
    let at = this.optionsAt;
    while (at < end) {
      const kind = view.getUint8(at);
      if (kind === OPTION_END) return;
      if (kind === OPTION_NOP) {
        at += 1;
        continue;
      }
      if (at + 2 > end) return;
      const length = view.getUint8(at + 1);
      if (length < 2 || at + length > end || !visit(kind, at, length)) return;
      at += length;
    }
  }
}
