/**
 * What a capture reader gives: one reused frame at a time, as offsets into a block of bytes.
 * Nothing here knows what a frame holds; that is packet/'s matter.
 */

/** Capture direction of a frame, from pcapng's epb_flags (draft-ietf-opsawg-pcapng, 4.3.1). */
export const DIRECTION_UNKNOWN = 0;
export const DIRECTION_INBOUND = 1;
export const DIRECTION_OUTBOUND = 2;

/** A frame as read; one object, overwritten by each `next`. Valid until the next call. */
export class Frame {
  /** Number in the whole replay, from 1, as capture tools number packets. */
  number = 0;
  bytes: Uint8Array = new Uint8Array(0);
  /** Over the same memory and with the same offsets as `bytes`. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the link-layer header begins in `bytes`. */
  offset = 0;
  /** Bytes present in the file. */
  capturedLength = 0;
  /** Bytes that were on the wire. Never below capturedLength. */
  originalLength = 0;
  /** Whole seconds since 1970-01-01 UTC. */
  timeSeconds = 0;
  /** 0 to 999,999,999. */
  timeNanoseconds = 0;
  /** LINKTYPE_ value (tcpdump.org/linktypes.html). */
  linkType = 0;
  /** Index into the reader's `interfaces`. */
  interfaceId = 0;
  /** DIRECTION_UNKNOWN, DIRECTION_INBOUND or DIRECTION_OUTBOUND. */
  direction = DIRECTION_UNKNOWN;
  /** Offset in the (uncompressed) file of the packet's record. */
  fileOffset = 0;
  /** Index into the reader's `files`. */
  fileIndex = 0;
}

/** Makes `to` the same frame as `from`, over the same memory. */
export function copyFrame(from: Frame, to: Frame): void {
  to.number = from.number;
  to.bytes = from.bytes;
  to.view = from.view;
  to.offset = from.offset;
  to.capturedLength = from.capturedLength;
  to.originalLength = from.originalLength;
  to.timeSeconds = from.timeSeconds;
  to.timeNanoseconds = from.timeNanoseconds;
  to.linkType = from.linkType;
  to.interfaceId = from.interfaceId;
  to.direction = from.direction;
  to.fileOffset = from.fileOffset;
  to.fileIndex = from.fileIndex;
}

/** An interface that the capture describes (pcapng IDB; for pcap one per file). */
export interface CaptureInterface {
  readonly id: number;
  readonly file: string;
  readonly linkType: number;
  /** 0: no limit. */
  readonly snapLength: number;
  readonly name?: string;
  readonly description?: string;
  /** Addresses with prefix length, as text: `192.0.2.1/24`, `2001:db8::1/64`. */
  readonly addresses: readonly string[];
}

/** A packet with a comment (pcapng opt_comment). */
export interface PacketComment {
  readonly number: number;
  readonly text: string;
}

/** Something about the capture that the report must say, such as a cut end. */
export interface CaptureNote {
  readonly code:
    | 'truncated-file'
    | 'skipped-block'
    | 'out-of-order'
    | 'interface-statistics'
    | 'comment'
    /** A fraction of a second that is no fraction: whole seconds in it were carried over. */
    | 'bad-timestamp'
    /** Packets without a time (pcapng Simple Packet Block): they take that of the one before. */
    | 'no-timestamp'
    /** Options of a packet that do not fit its block: the packet is read, the options are not. */
    | 'malformed-options'
    /** A modified pcap variant, found by its records (it shares its magic number with others). */
    | 'pcap-variant'
    /** Bytes behind the end of compressed data. */
    | 'trailing-data';
  readonly message: string;
  readonly file: string;
  readonly byteOffset: number;
}

/** A stream of frames: `while (await r.fill()) while (r.next(frame)) …`. */
export interface CaptureReader {
  /** Grows while reading. */
  readonly interfaces: readonly CaptureInterface[];
  readonly files: readonly string[];
  /** Grows while reading; complete after the last `fill` (bounded: at most some hundreds). */
  readonly notes: readonly CaptureNote[];
  /** Bytes of the files consumed so far (compressed bytes where compressed), for progress. */
  readonly bytesRead: number;
  /** Total bytes of the files; undefined for standard input. */
  readonly bytesTotal: number | undefined;
  /**
   * Makes more frames available; false at the end.
   * @throws CaptureError when the capture is not one, or is corrupt.
   */
  fill(): boolean | Promise<boolean>;
  /**
   * The next frame of what was filled, or false when `fill` must be called.
   * @throws CaptureError for a corrupt record.
   */
  next(frame: Frame): boolean;
  /** Closes files; may be called more than once. */
  close(): void;
}
