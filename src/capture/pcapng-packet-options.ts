/**
 * Options of pcapng packet blocks: direction and length of the frame check sequence (epb_flags),
 * packets lost before this one (epb_dropcount), comments. One reused object: some systems write
 * flags on every packet.
 */
import { counted } from './failure.ts';
import { optionText, optionUint64 } from './pcapng-blocks.ts';
import type { PcapngSections, SectionInterface } from './pcapng-section.ts';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTION_UNKNOWN } from './types.ts';

const OPT_END = 0;
const OPT_COMMENT = 1;
const OPT_FLAGS = 2;
const OPT_DROPCOUNT = 4;

/** Reads the options of one packet after the other. */
export class PacketOptions {
  /** Result of the last `read`: one of the DIRECTION_ values. */
  direction = DIRECTION_UNKNOWN;
  /** Result of the last `read`, bytes; 0 when not said. */
  fcsLength = 0;
  private readonly sections: PcapngSections;
  private malformed = 0;
  private firstMalformed = 0;

  constructor(sections: PcapngSections) {
    this.sections = sections;
  }

  /**
   * Reads the options from `start` to `end` (the block's trailing length) of packet `number`.
   * Options that do not fit are left and noted: tcpdump and Wireshark read such packets too.
   */
  read(
    view: DataView,
    little: boolean,
    start: number,
    end: number,
    number: number,
    on: SectionInterface,
    byteOffset: number,
  ): void {
    this.direction = DIRECTION_UNKNOWN;
    this.fcsLength = 0;
    let at = start;
    while (at + 4 <= end) {
      const code = view.getUint16(at, little);
      const length = view.getUint16(at + 2, little);
      if (code === OPT_END) return;
      const next = at + 4 + ((length + 3) & ~3);
      if (next > end) break;
      if (code === OPT_FLAGS && length === 4) this.flags(view.getUint32(at + 4, little));
      else if (code === OPT_COMMENT)
        this.sections.note(
          'comment',
          byteOffset,
          `packet ${number}: ${optionText(view, at + 4, length)}`,
        );
      else if (code === OPT_DROPCOUNT && length === 8)
        on.droppedBefore += optionUint64(view, little, at + 4);
      at = next;
    }
    if (at !== end) this.countMalformed(byteOffset);
  }

  /** Notes at the end of the file. */
  finish(): void {
    const { malformed } = this;
    if (malformed > 0)
      this.sections.note(
        'malformed-options',
        this.firstMalformed,
        `options that do not fit their block, in ${counted(malformed, 'packet')}: not read`,
      );
  }

  private flags(flags: number): void {
    const direction = flags & 3;
    if (direction === 1) this.direction = DIRECTION_INBOUND;
    else if (direction === 2) this.direction = DIRECTION_OUTBOUND;
    this.fcsLength = (flags >>> 5) & 0xf;
  }

  private countMalformed(byteOffset: number): void {
    if (this.malformed === 0) this.firstMalformed = byteOffset;
    this.malformed += 1;
  }
}
