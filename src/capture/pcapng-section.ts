/**
 * The state of a pcapng file that its descriptive blocks set: byte order and interfaces of the
 * current section, statistics, and what was skipped, which become notes. Packets are pcapng.ts's.
 */
import { captureError, counted } from './failure.ts';
import { SUPPORTED_LINK_TYPES } from './linktypes.ts';
import type { CaptureLog } from './log.ts';
import {
  type Block,
  optionText,
  readInterface,
  readStatistics,
  skippedBlockName,
  visitOptions,
} from './pcapng-blocks.ts';
import { Timestamps } from './timestamps.ts';

/** Shortest lengths of the blocks, bytes. */
const SECTION_LENGTH = 28;
const INTERFACE_LENGTH = 20;
const STATISTICS_LENGTH = 24;

const MAGIC_BIG = 0x1a2b3c4d;
const MAGIC_LITTLE = 0x4d3c2b1a;
const OPT_COMMENT = 1;
/** Types of skipped blocks told apart; a file with more is nonsense. */
const MOST_SKIPPED_TYPES = 100;

/** One interface of the current section. */
export interface SectionInterface {
  /** Index into the replay's interfaces. */
  readonly id: number;
  readonly linkType: number;
  readonly supported: boolean;
  /** 0: no limit. */
  readonly snapLength: number;
  readonly fcsLength: number;
  readonly time: Timestamps;
  readonly label: string;
  /** From the last statistics block, and summed from the packets (epb_dropcount). */
  received: number | undefined;
  dropped: number;
  droppedBySystem: number;
  droppedBefore: number;
  statisticsOffset: number;
}

interface Skipped {
  count: number;
  readonly byteOffset: number;
}

/** Sections, interfaces and notes of one file. */
export class PcapngSections {
  little = true;
  interfaces: SectionInterface[] = [];
  private readonly log: CaptureLog;
  private readonly fileIndex: number;
  private readonly skipped = new Map<string, Skipped>();

  constructor(log: CaptureLog, fileIndex: number) {
    this.log = log;
    this.fileIndex = fileIndex;
  }

  private get file(): string {
    return this.log.file(this.fileIndex);
  }

  /**
   * Byte order of the section whose header block begins at `start` (12 bytes must be there).
   * @throws CaptureError corrupt-block
   */
  isLittle(view: DataView, start: number, byteOffset: number): boolean {
    const magic = view.getUint32(start + 8, false);
    if (magic !== MAGIC_BIG && magic !== MAGIC_LITTLE)
      throw captureError('corrupt-block', this.file, 'a section header without byte-order magic', {
        byteOffset,
        hint: 'the file is corrupt, or no pcapng file',
      });
    return magic === MAGIC_LITTLE;
  }

  /** Takes a section header: from here on its byte order and no interfaces hold. */
  beginSection(block: Block): void {
    this.requireLength(block, SECTION_LENGTH, 'section header');
    const { view, little, start, length } = block;
    const major = view.getUint16(start + 12, little);
    const minor = view.getUint16(start + 14, little);
    // 1.2 is written by some tools for the same format; libpcap takes it too.
    if (major !== 1 || (minor !== 0 && minor !== 2))
      throw captureError(
        'unsupported-capture',
        this.file,
        `pcapng version ${major}.${minor} is unknown`,
        {
          byteOffset: block.byteOffset + 12,
          hint: 'version 1.0 is read; convert the file, for example with editcap -F pcapng',
        },
      );
    this.endSection();
    this.little = little;
    this.interfaces = [];
    visitOptions(view, little, start + 24, start + length - 4, (code, at, size) => {
      if (code === OPT_COMMENT)
        this.note('comment', block.byteOffset, `section: ${optionText(view, at, size)}`);
    });
  }

  addInterface(block: Block): void {
    this.requireLength(block, INTERFACE_LENGTH, 'interface description');
    const found = readInterface(block);
    const { linkType, snapLength, name, description, addresses } = found;
    const id = this.log.addInterface(
      {
        file: this.file,
        linkType,
        snapLength,
        addresses,
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
      },
      block.byteOffset,
    );
    this.interfaces.push({
      id,
      linkType,
      supported: SUPPORTED_LINK_TYPES.has(linkType),
      snapLength,
      fcsLength: found.fcsLength,
      time: new Timestamps(found.resolution, found.offsetSeconds),
      label: name ?? `interface ${this.interfaces.length}`,
      received: undefined,
      dropped: 0,
      droppedBySystem: 0,
      droppedBefore: 0,
      statisticsOffset: block.byteOffset,
    });
  }

  addStatistics(block: Block): void {
    this.requireLength(block, STATISTICS_LENGTH, 'interface statistics');
    const target = this.interfaces[block.view.getUint32(block.start + 8, block.little)];
    // Of an interface that was never described: harmless, no packet rests on it.
    if (target === undefined) return;
    const { received, dropped, droppedBySystem } = readStatistics(block);
    target.received = received ?? target.received;
    target.dropped = dropped ?? target.dropped;
    target.droppedBySystem = droppedBySystem ?? target.droppedBySystem;
    target.statisticsOffset = block.byteOffset;
  }

  /** Counts a block that is skipped. */
  skip(type: number, byteOffset: number): void {
    const known =
      this.skipped.size < MOST_SKIPPED_TYPES || this.skipped.has(skippedBlockName(type));
    const name = known ? skippedBlockName(type) : 'other unknown';
    const entry = this.skipped.get(name);
    if (entry === undefined) this.skipped.set(name, { count: 1, byteOffset });
    else entry.count += 1;
  }

  /** Notes at the end of the file. */
  finish(): void {
    this.endSection();
    for (const [name, { count, byteOffset }] of this.skipped)
      this.note('skipped-block', byteOffset, `${counted(count, `${name} block`)} skipped`);
    this.skipped.clear();
  }

  private endSection(): void {
    for (const one of this.interfaces) {
      const { received, dropped, droppedBySystem, droppedBefore, label } = one;
      const parts = [
        dropped > 0 ? `${dropped} dropped by the interface` : '',
        droppedBySystem > 0 ? `${droppedBySystem} dropped by the operating system` : '',
        droppedBefore > 0 ? `${droppedBefore} lost before packets that say so` : '',
      ].filter((part) => part !== '');
      if (parts.length === 0) continue;
      const all = received === undefined ? '' : `${received} packets received, `;
      this.note(
        'interface-statistics',
        one.statisticsOffset,
        `${label}: ${all}${parts.join(', ')}: they are missing here`,
      );
    }
  }

  private requireLength(block: Block, least: number, what: string): void {
    if (block.length < least)
      throw captureError(
        'corrupt-length',
        this.file,
        `${what} block of ${block.length} bytes, shorter than its own fields (${least})`,
        { byteOffset: block.byteOffset, hint: 'the file is corrupt from here on' },
      );
  }

  note(code: Parameters<CaptureLog['note']>[0], byteOffset: number, message: string): void {
    this.log.note(code, this.fileIndex, byteOffset, message);
  }
}
