/**
 * pcapng's numbers and the parsing of its descriptive blocks: section header, interface description
 * and statistics (draft-ietf-opsawg-pcapng). Each takes a whole block in place.
 */
import { captureError } from './failure.ts';
import { DEFAULT_RESOLUTION } from './timestamps.ts';

/** Block types whose content is read. */
export const BLOCK_SECTION_HEADER = 0x0a0d0d0a;
export const BLOCK_INTERFACE = 1;
export const BLOCK_PACKET = 2;
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_INTERFACE_STATISTICS = 5;
export const BLOCK_ENHANCED_PACKET = 6;

const SKIPPED_BLOCKS: ReadonlyMap<number, string> = new Map([
  [4, 'Name Resolution'],
  [7, 'IRIG Timestamp'],
  [8, 'ARINC 429'],
  [9, 'systemd Journal Export'],
  [10, 'Decryption Secrets'],
  [0x101, 'Hone Project Machine Info'],
  [0x102, 'Hone Project Connection Event'],
  [0x204, 'Sysdig Event'],
  [0xbad, 'Custom'],
  [0x40000bad, 'Custom (not to be copied)'],
  [0x80000001, 'Darwin Process Event'],
]);

/** Name of a block type that is skipped, for notes. */
export function skippedBlockName(type: number): string {
  return SKIPPED_BLOCKS.get(type) ?? `unknown (0x${type.toString(16).padStart(8, '0')})`;
}

/** A block within a window: offsets are into `view`. */
export interface Block {
  readonly view: DataView;
  readonly little: boolean;
  /** Offset of the block's type. */
  readonly start: number;
  /** Total length with type, lengths and padding, bytes. */
  readonly length: number;
  /** For messages. */
  readonly file: string;
  readonly byteOffset: number;
}

/**
 * Calls `visit` for each option between two offsets; false when an option does not fit.
 * @param end first offset after the options: that of the block's trailing length
 */
export function visitOptions(
  view: DataView,
  little: boolean,
  start: number,
  end: number,
  visit: (code: number, offset: number, length: number) => void,
): boolean {
  let at = start;
  while (at + 4 <= end) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === 0) return true;
    const padded = (length + 3) & ~3;
    if (at + 4 + padded > end) return false;
    visit(code, at + 4, length);
    at += 4 + padded;
  }
  return at === end;
}

const utf8 = new TextDecoder('utf-8');

/** Longest text kept of an option, in characters. */
const MOST_TEXT = 1000;

/**
 * A text option, fit for a terminal: control characters and line ends become spaces, the zero bytes
 * that some writers end it by are not part of it, and what is very long is cut.
 */
export function optionText(view: DataView, offset: number, length: number): string {
  const text = utf8
    .decode(new Uint8Array(view.buffer, view.byteOffset + offset, length))
    .replace(/\0+$/, '')
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}

/** An unsigned 64-bit option; exact up to 2^53. */
export function optionUint64(view: DataView, little: boolean, offset: number): number {
  return Number(view.getBigUint64(offset, little));
}

/** What an interface description says. */
export interface InterfaceDescription {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly addresses: readonly string[];
  /** if_tsresol. */
  readonly resolution: number;
  /** if_tsoffset, seconds. */
  readonly offsetSeconds: number;
  /** Bytes. */
  readonly fcsLength: number;
}

const OPT_IF_NAME = 2;
const OPT_IF_DESCRIPTION = 3;
const OPT_IF_IPV4 = 4;
const OPT_IF_IPV6 = 5;
const OPT_IF_TSRESOL = 9;
const OPT_IF_FCSLEN = 13;
const OPT_IF_TSOFFSET = 14;

/** Length of a contiguous netmask; 32 for one that is not contiguous. */
function maskLength(mask: number): number {
  const length = Math.clz32(~mask);
  return length === 32 || mask << length === 0 ? length : 32;
}

function ipv4WithPrefix(view: DataView, at: number): string {
  const bytes = [0, 1, 2, 3].map((i) => view.getUint8(at + i));
  return `${bytes.join('.')}/${maskLength(view.getUint32(at + 4, false))}`;
}

/** RFC 5952: without leading zeros, the first of the longest runs of zero groups as `::`. */
function ipv6WithPrefix(view: DataView, at: number): string {
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((i) => view.getUint16(at + i).toString(16));
  let from = 0;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === '0') end += 1;
    if (end - i > longest) {
      longest = end - i;
      from = i;
    }
  }
  const text =
    longest < 2
      ? groups.join(':')
      : `${groups.slice(0, from).join(':')}::${groups.slice(from + longest).join(':')}`;
  return `${text}/${view.getUint8(at + 16)}`;
}

/** if_fcslen is in bits; 4 for four bytes is what the format's own example and writers have. */
function fcsBytes(value: number): number {
  return value > 8 ? value >> 3 : value;
}

function malformed(block: Block, what: string): Error {
  return captureError('corrupt-block', block.file, what, { byteOffset: block.byteOffset });
}

/**
 * Reads an interface description block of at least 20 bytes.
 * @throws CaptureError corrupt-block, when the options that times depend on cannot be read
 */
export function readInterface(block: Block): InterfaceDescription {
  const { view, little, start, length } = block;
  let name: string | undefined;
  let description: string | undefined;
  let resolution: number | undefined;
  let offsetSeconds: number | undefined;
  let fcsLength = 0;
  const addresses: string[] = [];
  const fits = visitOptions(view, little, start + 16, start + length - 4, (code, at, size) => {
    if (code === OPT_IF_NAME) name = optionText(view, at, size);
    else if (code === OPT_IF_DESCRIPTION) description = optionText(view, at, size);
    else if (code === OPT_IF_IPV4 && size === 8) addresses.push(ipv4WithPrefix(view, at));
    else if (code === OPT_IF_IPV6 && size === 17) addresses.push(ipv6WithPrefix(view, at));
    else if (code === OPT_IF_FCSLEN && size === 1) fcsLength = fcsBytes(view.getUint8(at));
    else if (code === OPT_IF_TSRESOL) {
      if (size !== 1 || resolution !== undefined)
        throw malformed(
          block,
          'an interface has more than one if_tsresol, or one that is not one byte',
        );
      resolution = view.getUint8(at);
    } else if (code === OPT_IF_TSOFFSET) {
      if (size !== 8 || offsetSeconds !== undefined)
        throw malformed(
          block,
          'an interface has more than one if_tsoffset, or one that is not eight bytes',
        );
      offsetSeconds = Number(view.getBigInt64(at, little));
    }
  });
  if (!fits) throw malformed(block, 'the options of an interface description exceed its block');
  return {
    linkType: view.getUint16(start + 8, little),
    snapLength: view.getUint32(start + 12, little),
    name,
    description,
    addresses,
    resolution: resolution ?? DEFAULT_RESOLUTION,
    offsetSeconds: offsetSeconds ?? 0,
    fcsLength,
  };
}

/** Counters of an interface statistics block; undefined where it has none. */
export interface InterfaceStatistics {
  readonly received: number | undefined;
  /** By the interface, and by the operating system. */
  readonly dropped: number | undefined;
  readonly droppedBySystem: number | undefined;
}

/** Reads an interface statistics block of at least 24 bytes; options that do not fit are left. */
export function readStatistics(block: Block): InterfaceStatistics {
  const { view, little, start, length } = block;
  const counters = new Map<number, number>();
  visitOptions(view, little, start + 20, start + length - 4, (code, at, size) => {
    if (size === 8) counters.set(code, optionUint64(view, little, at));
  });
  return {
    received: counters.get(4),
    dropped: counters.get(5),
    droppedBySystem: counters.get(7),
  };
}
