/**
 * Reads the packets of a pcapng file in place, in file order (draft-ietf-opsawg-pcapng). Enhanced
 * packet blocks are the fast way; descriptive blocks go to pcapng-section.ts; all others are
 * skipped without being held in memory.
 * Invariant: a frame lies wholly within its block, and its block within the window.
 */
import { captureError, counted } from './failure.ts';
import { LoggedReader, MAXIMUM_PACKET } from './format.ts';
import { requireSupportedLinkType } from './linktypes.ts';
import type { CaptureLog } from './log.ts';
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_INTERFACE_STATISTICS,
  BLOCK_PACKET,
  BLOCK_SECTION_HEADER,
  BLOCK_SIMPLE_PACKET,
  type Block,
} from './pcapng-blocks.ts';
import { PacketOptions } from './pcapng-packet-options.ts';
import { PcapngSections, type SectionInterface } from './pcapng-section.ts';
import { Timestamps } from './timestamps.ts';
import { DIRECTION_UNKNOWN, type Frame } from './types.ts';
import type { ByteWindow } from './window.ts';

/** Type and the two lengths: what every block has. */
const BLOCK_OVERHEAD = 12;
/** Largest block that is held whole: a packet with its options. Larger ones can only be skipped. */
const MAXIMUM_BLOCK = MAXIMUM_PACKET;
/** Header and trailer of an enhanced packet block and of the obsolete packet block. */
const PACKET_OVERHEAD = 32;
const SIMPLE_PACKET_OVERHEAD = 16;

/** Reads one pcapng file. The window must stand at its first byte. */
export class PcapngReader extends LoggedReader {
  private readonly window: ByteWindow;
  private readonly fileIndex: number;
  private readonly sections: PcapngSections;
  private readonly options: PacketOptions;
  private number = 0;
  private needed = BLOCK_OVERHEAD;
  /** Bytes of a skipped block that are still to come. */
  private toSkip = 0;
  /** Holds the time of the last packet that had one. */
  private lastTime = new Timestamps();
  private untimed = 0;
  private firstUntimed = 0;
  private finished = false;

  constructor(window: ByteWindow, log: CaptureLog, fileIndex: number) {
    super(log, [window.source]);
    this.window = window;
    this.fileIndex = fileIndex;
    this.sections = new PcapngSections(log, fileIndex);
    this.options = new PacketOptions(this.sections);
  }

  next(frame: Frame): boolean {
    const { window, sections } = this;
    for (;;) {
      if (this.toSkip > 0 && !this.skipOn()) return this.wait(1);
      const { view, start } = window;
      const present = window.end - start;
      if (present < BLOCK_OVERHEAD) return this.wait(BLOCK_OVERHEAD);
      const type = view.getUint32(start, sections.little);
      if (type === BLOCK_ENHANCED_PACKET) {
        // The common case first; what does not fit here is looked at again below, and refused.
        const length = view.getInt32(start + 4, sections.little);
        if (length >= PACKET_OVERHEAD && length <= present && (length & 3) === 0) {
          this.enhancedPacket(frame, start, length);
          window.start = start + length;
          return true;
        }
      }
      const length = this.blockLength(type, start);
      if (present < length) {
        if (isRead(type)) return this.wait(length);
        this.beginSkip(type, length);
      } else {
        this.checkTrailer(type, start, length);
        const gave = this.otherBlock(frame, type, start, length);
        window.start = start + length;
        if (gave) return true;
      }
    }
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

  /** Total length of the block at `start`, checked as far as it can be alone. */
  private blockLength(type: number, start: number): number {
    const { sections, window } = this;
    let { little } = sections;
    if (type === BLOCK_SECTION_HEADER)
      little = sections.isLittle(window.view, start, window.base + start);
    const length = window.view.getUint32(start + 4, little);
    if (length < BLOCK_OVERHEAD || (length & 3) !== 0)
      throw this.corrupt(
        'corrupt-length',
        start,
        length < BLOCK_OVERHEAD
          ? `a block claims a length of ${length} bytes, less than ${BLOCK_OVERHEAD}`
          : `a block claims a length of ${length} bytes, which is no multiple of 4`,
      );
    if (length > MAXIMUM_BLOCK && isRead(type))
      throw this.corrupt('corrupt-length', start, `a block claims a length of ${length} bytes`);
    return length;
  }

  private checkTrailer(type: number, start: number, length: number): void {
    const { sections, window } = this;
    const { view } = window;
    const little =
      type === BLOCK_SECTION_HEADER
        ? sections.isLittle(view, start, window.base + start)
        : sections.little;
    const trailer = view.getUint32(start + length - 4, little);
    if (trailer !== length)
      throw this.corrupt(
        'corrupt-length',
        start,
        `a block's length is ${length} at its begin and ${trailer} at its end`,
      );
  }

  /** Handles a whole block that is no enhanced packet; true when it gave a frame. */
  private otherBlock(frame: Frame, type: number, start: number, length: number): boolean {
    const { sections } = this;
    switch (type) {
      case BLOCK_ENHANCED_PACKET:
        throw this.tooShort(start, length, PACKET_OVERHEAD);
      case BLOCK_SIMPLE_PACKET:
        return this.simplePacket(frame, start, length);
      case BLOCK_PACKET:
        return this.obsoletePacket(frame, start, length);
      case BLOCK_SECTION_HEADER: {
        const little = sections.isLittle(this.window.view, start, this.window.base + start);
        sections.beginSection(this.block(start, length, little));
        return false;
      }
      case BLOCK_INTERFACE:
        sections.addInterface(this.block(start, length, sections.little));
        return false;
      case BLOCK_INTERFACE_STATISTICS:
        sections.addStatistics(this.block(start, length, sections.little));
        return false;
      default:
        sections.skip(type, this.window.base + start);
        return false;
    }
  }

  private block(start: number, length: number, little: boolean): Block {
    const { view, base } = this.window;
    const file = this.log.file(this.fileIndex);
    return { view, little, start, length, file, byteOffset: base + start };
  }

  /** An enhanced packet block that is whole in the window. */
  private enhancedPacket(frame: Frame, start: number, length: number): void {
    const { little, interfaces } = this.sections;
    const { view } = this.window;
    if (view.getInt32(start + length - 4, little) !== length) this.checkTrailer(0, start, length);
    const on = interfaces[view.getUint32(start + 8, little)];
    if (on === undefined) throw this.unknownInterface(view.getUint32(start + 8, little), start);
    this.packet(frame, start, length, on);
  }

  private obsoletePacket(frame: Frame, start: number, length: number): true {
    const { little } = this.sections;
    const { view } = this.window;
    if (length < PACKET_OVERHEAD) throw this.tooShort(start, length, PACKET_OVERHEAD);
    const on = this.interfaceAt(view.getUint16(start + 8, little), start);
    const drops = view.getUint16(start + 10, little);
    if (drops !== 0xffff) on.droppedBefore += drops;
    this.packet(frame, start, length, on);
    return true;
  }

  /** What enhanced and obsolete packet blocks have in common. */
  private packet(frame: Frame, start: number, length: number, on: SectionInterface): void {
    const { little } = this.sections;
    const { view } = this.window;
    const captured = view.getInt32(start + 20, little);
    if (captured < 0 || captured > length - PACKET_OVERHEAD)
      throw this.exceeds(start, length, captured >>> 0);
    const { time } = on;
    time.convert(view.getUint32(start + 12, little), view.getUint32(start + 16, little));
    this.lastTime = time;
    this.give(frame, start, 28, captured, view.getUint32(start + 24, little), on);
    const options = start + 28 + ((captured + 3) & ~3);
    const end = start + length - 4;
    let fcsLength = on.fcsLength;
    if (options + 4 <= end) {
      this.options.read(view, little, options, end, this.number, on, this.window.base + start);
      frame.direction = this.options.direction;
      if (this.options.fcsLength > 0) fcsLength = this.options.fcsLength;
    }
    if (fcsLength > 0) stripFcs(frame, fcsLength);
  }

  private simplePacket(frame: Frame, start: number, length: number): true {
    const { view } = this.window;
    if (length < SIMPLE_PACKET_OVERHEAD) throw this.tooShort(start, length, SIMPLE_PACKET_OVERHEAD);
    const on = this.interfaceAt(0, start);
    const original = view.getUint32(start + 8, this.sections.little);
    const captured = on.snapLength > 0 ? Math.min(original, on.snapLength) : original;
    if (captured > length - SIMPLE_PACKET_OVERHEAD) throw this.exceeds(start, length, captured);
    this.untimed += 1;
    if (this.untimed === 1) this.firstUntimed = this.window.base + start;
    this.give(frame, start, 12, captured, original, on);
    if (on.fcsLength > 0) stripFcs(frame, on.fcsLength);
    return true;
  }

  private give(
    frame: Frame,
    start: number,
    dataOffset: number,
    captured: number,
    original: number,
    on: SectionInterface,
  ): void {
    const { window } = this;
    const fileOffset = window.base + start;
    if (!on.supported)
      requireSupportedLinkType(on.linkType, this.log.file(this.fileIndex), fileOffset);
    this.number += 1;
    frame.number = this.number;
    if (frame.view !== window.view) {
      frame.view = window.view;
      frame.bytes = window.bytes;
    }
    frame.offset = start + dataOffset;
    frame.capturedLength = captured;
    frame.originalLength = Math.max(original, captured);
    frame.timeSeconds = this.lastTime.seconds;
    frame.timeNanoseconds = this.lastTime.nanoseconds;
    frame.linkType = on.linkType;
    frame.interfaceId = on.id;
    frame.direction = DIRECTION_UNKNOWN;
    frame.fileOffset = fileOffset;
    frame.fileIndex = this.fileIndex;
  }

  private interfaceAt(index: number, start: number): SectionInterface {
    const found = this.sections.interfaces[index];
    if (found === undefined) throw this.unknownInterface(index, start);
    return found;
  }

  private unknownInterface(index: number, start: number): Error {
    return this.corrupt(
      'unknown-interface',
      start,
      `a packet on interface ${index}, which this section does not describe`,
    );
  }

  private beginSkip(type: number, length: number): void {
    this.sections.skip(type, this.window.offset);
    this.toSkip = length;
  }

  /** Skips what is there of a block that need not be held; true when its end is reached. */
  private skipOn(): boolean {
    const { window } = this;
    const step = Math.min(this.toSkip, window.end - window.start);
    window.start += step;
    this.toSkip -= step;
    return this.toSkip === 0;
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    const { window, sections, toSkip, untimed } = this;
    const left = window.end - window.start;
    const { cut, ignored } = window.source;
    if (left > 0 || toSkip > 0)
      sections.note(
        'truncated-file',
        window.offset,
        toSkip > 0
          ? `the file ends within a block: ${toSkip} of its bytes are missing`
          : `the file ends within a block after packet ${this.number}: ` +
              `${left} of ${this.needed} bytes of it are there`,
      );
    else if (cut !== undefined) sections.note('truncated-file', window.offset, cut);
    if (ignored !== undefined) sections.note('trailing-data', window.offset, ignored);
    if (untimed > 0)
      sections.note(
        'no-timestamp',
        this.firstUntimed,
        `no time for ${counted(untimed, 'packet')} (Simple Packet Block): ` +
          'given that of the packet before',
      );
    this.options.finish();
    sections.finish();
  }

  private tooShort(start: number, length: number, least: number): Error {
    return this.corrupt(
      'corrupt-length',
      start,
      `a packet block of ${length} bytes is shorter than its own header (${least})`,
    );
  }

  private exceeds(start: number, length: number, captured: number): Error {
    return this.corrupt(
      'corrupt-length',
      start,
      `packet ${this.number + 1} claims ${captured} captured bytes in a block of ${length}`,
    );
  }

  private corrupt(code: string, start: number, message: string): Error {
    return captureError(code, this.log.file(this.fileIndex), message, {
      byteOffset: this.window.base + start,
      hint: 'the file is corrupt from here on',
    });
  }
}

/** True for blocks whose content is read, which must be whole in the window. */
function isRead(type: number): boolean {
  return (
    type === BLOCK_ENHANCED_PACKET ||
    type === BLOCK_SIMPLE_PACKET ||
    type === BLOCK_PACKET ||
    type === BLOCK_SECTION_HEADER ||
    type === BLOCK_INTERFACE ||
    type === BLOCK_INTERFACE_STATISTICS
  );
}

function stripFcs(frame: Frame, fcsLength: number): void {
  frame.originalLength = Math.max(0, frame.originalLength - fcsLength);
  frame.capturedLength = Math.min(frame.capturedLength, frame.originalLength);
}
