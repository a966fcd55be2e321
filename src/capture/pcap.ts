/**
 * Reads the records of a pcap file in place, in file order, at the speed of the memory.
 * Invariant: a frame lies wholly within the window, and its original length is not below its
 * captured length.
 */
import { captureError } from './failure.ts';
import { LoggedReader, maximumPacketLength } from './format.ts';
import { requireSupportedLinkType } from './linktypes.ts';
import type { CaptureLog } from './log.ts';
import { type PcapHeader, readPcapHeader } from './pcap-header.ts';
import { findVariant } from './pcap-variants.ts';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTION_UNKNOWN, type Frame } from './types.ts';
import type { ByteWindow } from './window.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000;
/** sll_pkttype of a packet that the host sent (linux/if_packet.h). */
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;
const PACKET_TYPE_OFFSET = 22;

/** Reads one pcap file. The window must stand at its first byte, with the header in it. */
export class PcapReader extends LoggedReader {
  private readonly window: ByteWindow;
  private readonly fileIndex: number;
  private readonly header: PcapHeader;
  private readonly little: boolean;
  private readonly headerLength: number;
  private readonly maximum: number;
  private readonly linkType: number;
  private readonly interfaceId: number;
  private readonly mayBeSwapped: boolean;
  private readonly unitsPerSecond: number;
  private readonly nanosecondsPerUnit: number;
  /** Something that a plain pcap file of today has not: a slower path after the common one. */
  private readonly special: boolean;
  private number = 0;
  private needed: number;
  private finished = false;
  private badTimestamps = 0;

  constructor(window: ByteWindow, log: CaptureLog, fileIndex: number) {
    super(log, [window.source]);
    const file = log.file(fileIndex);
    const present = window.end - window.start;
    const head = new DataView(window.view.buffer, window.start, present);
    const read = readPcapHeader(head, file);
    const variant = findVariant(head, read);
    const header = variant?.header ?? read;
    if (variant !== undefined)
      log.note(
        'pcap-variant',
        fileIndex,
        header.fileHeaderLength,
        `read as the ${variant.name} variant of pcap: its first records make sense in no other way`,
      );
    this.window = window;
    this.fileIndex = fileIndex;
    this.header = header;
    this.little = header.little;
    this.headerLength = header.recordHeaderLength;
    this.needed = header.recordHeaderLength;
    this.maximum = maximumPacketLength(header.snapLength);
    this.unitsPerSecond = header.unitsPerSecond;
    this.nanosecondsPerUnit = NANOSECONDS_PER_SECOND / header.unitsPerSecond;
    this.linkType = header.linkType;
    this.mayBeSwapped = header.swappedLengths !== 'never';
    this.special = header.modified || header.fcsLength > 0;
    this.interfaceId = log.addInterface(
      { file, linkType: header.linkType, snapLength: header.snapLength, addresses: [] },
      0,
    );
    window.start += header.fileHeaderLength;
  }

  next(frame: Frame): boolean {
    const { window, little, headerLength } = this;
    const { view, start } = window;
    const present = window.end - start;
    let captured = 0;
    let original = 0;
    if (present >= headerLength) {
      captured = view.getInt32(start + 8, little);
      original = view.getInt32(start + 12, little);
      if (this.mayBeSwapped && this.isSwapped(captured, original)) {
        const swap = captured;
        captured = original;
        original = swap;
      }
      // Lengths of 2^31 and more are negative here.
      if (captured < 0 || captured > this.maximum) throw this.badLength(captured >>> 0);
    }
    const length = headerLength + captured;
    // The only way out without a frame: V8 optimises the function before it has seen rare ways.
    if (present < length) return this.wait(length);
    if (this.number === 0) this.checkLinkType();
    const number = this.number + 1;
    this.number = number;
    frame.number = number;
    if (frame.view !== view) {
      frame.view = view;
      frame.bytes = window.bytes;
    }
    frame.offset = start + headerLength;
    frame.capturedLength = captured;
    frame.originalLength = original >= captured ? original : atLeast(captured, original);
    frame.timeSeconds = view.getUint32(start, little);
    const fraction = view.getInt32(start + 4, little);
    frame.timeNanoseconds = Math.imul(fraction, this.nanosecondsPerUnit);
    frame.linkType = this.linkType;
    frame.interfaceId = this.interfaceId;
    frame.direction = DIRECTION_UNKNOWN;
    frame.fileOffset = window.base + start;
    frame.fileIndex = this.fileIndex;
    if (fraction < 0 || fraction >= this.unitsPerSecond) this.carry(frame, fraction >>> 0);
    if (this.special) this.applyVariant(frame, start);
    window.start = start + length;
    return true;
  }

  fill(): boolean | Promise<boolean> {
    const filled = this.window.fill(this.needed);
    return typeof filled === 'boolean' ? this.filled(filled) : filled.then((f) => this.filled(f));
  }

  private filled(more: boolean): boolean {
    if (!more) this.finish();
    return more;
  }

  private wait(needed: number): false {
    this.needed = needed;
    return false;
  }

  private isSwapped(captured: number, original: number): boolean {
    return this.header.swappedLengths === 'always' || captured >>> 0 > original >>> 0;
  }

  private checkLinkType(): void {
    requireSupportedLinkType(this.linkType, this.log.file(this.fileIndex), this.window.offset);
  }

  /** A fraction of a second or more, seen in files of broken writers: keep the sum. */
  private carry(frame: Frame, fraction: number): void {
    this.badTimestamps += 1;
    if (this.badTimestamps === 1)
      this.log.note(
        'bad-timestamp',
        this.fileIndex,
        frame.fileOffset,
        `packet ${this.number} has ${fraction} / ${this.unitsPerSecond} as fraction of a second: ` +
          'carried over to the seconds, here and in later packets',
      );
    const whole = Math.floor(fraction / this.unitsPerSecond);
    frame.timeSeconds += whole;
    frame.timeNanoseconds = (fraction - whole * this.unitsPerSecond) * this.nanosecondsPerUnit;
  }

  private applyVariant(frame: Frame, start: number): void {
    const { fcsLength, modified } = this.header;
    if (fcsLength > 0) {
      frame.originalLength = Math.max(0, frame.originalLength - fcsLength);
      frame.capturedLength = Math.min(frame.capturedLength, frame.originalLength);
    }
    if (!modified) return;
    const packetType = frame.view.getUint8(start + PACKET_TYPE_OFFSET);
    if (packetType === PACKET_OUTGOING) frame.direction = DIRECTION_OUTBOUND;
    else if (packetType < PACKET_OTHERHOST) frame.direction = DIRECTION_INBOUND;
  }

  private badLength(captured: number): Error {
    const { window, number, maximum } = this;
    const hint =
      number < 10
        ? 'the file is corrupt, or of a modified format; try: editcap -F pcap IN OUT'
        : 'the file is corrupt from here on';
    return captureError(
      'corrupt-length',
      this.log.file(this.fileIndex),
      `packet ${number + 1} claims ${captured} captured bytes, more than ${maximum}`,
      { byteOffset: window.offset, hint },
    );
  }

  /** Notes at the end of the file, once. */
  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    const { window, log, fileIndex } = this;
    const left = window.end - window.start;
    if (left > 0)
      log.note(
        'truncated-file',
        fileIndex,
        window.offset,
        `the file ends within packet ${this.number + 1}: ` +
          `${left} of ${this.needed} bytes of its record are there`,
      );
    const { cut, ignored } = window.source;
    if (left === 0 && cut !== undefined) log.note('truncated-file', fileIndex, window.offset, cut);
    if (ignored !== undefined) log.note('trailing-data', fileIndex, window.offset, ignored);
  }
}

/** The original length when, as a signed number, it is below the captured one. */
function atLeast(captured: number, original: number): number {
  return Math.max(captured, original >>> 0);
}
