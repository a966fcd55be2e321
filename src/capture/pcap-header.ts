/**
 * The file header of pcap and what it decides about the records: byte order, unit of the fraction
 * of a second, length and layout of the record headers (draft-ietf-opsawg-pcap, libpcap's
 * sf-pcap.c, and wiretap's list of modified variants).
 */
import { captureError } from './failure.ts';

/** Bytes of the file header, without what a variant appends. */
export const PCAP_HEADER_LENGTH = 24;

/** How records are laid out; found from the file header. */
export interface PcapHeader {
  /** Little-endian. */
  readonly little: boolean;
  /** Units of the fraction in a second: 1e6 or 1e9. */
  readonly unitsPerSecond: number;
  /** Bytes of the file header with what the variant appends. */
  readonly fileHeaderLength: number;
  /** Bytes of a record header. */
  readonly recordHeaderLength: number;
  /** Records carry interface index, protocol and packet type (A. Kuznetzov's libpcap). */
  readonly modified: boolean;
  /** Captured and original length are in the other order: never, always, or where captured is
   * the larger (version 2.3, which had both). */
  readonly swappedLengths: 'never' | 'always' | 'where-larger';
  /** LINKTYPE_ value without the flags above it. */
  readonly linkType: number;
  /** As in the file; 0: no limit. */
  readonly snapLength: number;
  /** Bytes of frame check sequence at the end of each packet. */
  readonly fcsLength: number;
}

interface Variant {
  readonly unitsPerSecond: number;
  readonly extraHeader: number;
  readonly recordHeaderLength: number;
}

const MICROSECONDS = 1_000_000;
const NANOSECONDS = 1_000_000_000;

const VARIANTS: ReadonlyMap<number, Variant> = new Map([
  [0xa1b2c3d4, { unitsPerSecond: MICROSECONDS, extraHeader: 0, recordHeaderLength: 16 }],
  [0xa1b23c4d, { unitsPerSecond: NANOSECONDS, extraHeader: 0, recordHeaderLength: 16 }],
  // A. Kuznetzov's modified libpcap, of Red Hat 6 and SuSE 6 among others.
  [0xa1b2cd34, { unitsPerSecond: MICROSECONDS, extraHeader: 0, recordHeaderLength: 24 }],
  // IXIA lcap, hardware and software: the length of all records follows the file header.
  [0x1c0001ac, { unitsPerSecond: NANOSECONDS, extraHeader: 4, recordHeaderLength: 16 }],
  [0x1c0001ab, { unitsPerSecond: NANOSECONDS, extraHeader: 4, recordHeaderLength: 16 }],
]);

/** True when the first four bytes are a pcap magic number of either byte order. */
export function isPcapMagic(view: DataView): boolean {
  return VARIANTS.has(view.getUint32(0, true)) || VARIANTS.has(view.getUint32(0, false));
}

const LINK_TYPE_MASK = 0x03ffffff;
const FCS_LENGTH_PRESENT = 0x04000000;

function swapped(major: number, minor: number): PcapHeader['swappedLengths'] {
  // libpcap: versions before 2.3, and DG/UX's 543.0, have original before captured length.
  if (major === 543 || minor < 3) return 'always';
  return minor === 3 ? 'where-larger' : 'never';
}

/**
 * Reads the file header.
 * @param view the file's first bytes, of which there may be too few
 * @throws CaptureError truncated-header, unsupported-capture
 */
export function readPcapHeader(view: DataView, file: string): PcapHeader {
  const little = VARIANTS.has(view.getUint32(0, true));
  const variant = VARIANTS.get(view.getUint32(0, little));
  const fileHeaderLength = PCAP_HEADER_LENGTH + (variant?.extraHeader ?? 0);
  if (variant === undefined || view.byteLength < fileHeaderLength)
    throw captureError(
      'truncated-header',
      file,
      `the file ends within its header: ${view.byteLength} of ${fileHeaderLength} bytes are there`,
      {
        byteOffset: view.byteLength,
        hint: 'nothing was captured yet, or the copy is not complete',
      },
    );
  const major = view.getUint16(4, little);
  const minor = view.getUint16(6, little);
  if (!((major === 2 && minor <= 4) || (major === 543 && minor === 0)))
    throw captureError('unsupported-capture', file, `pcap version ${major}.${minor} is unknown`, {
      byteOffset: 4,
      hint: 'versions 2.0 to 2.4 are read; convert the file, for example with editcap -F pcap',
    });
  const network = view.getUint32(20, little);
  return {
    little,
    unitsPerSecond: variant.unitsPerSecond,
    fileHeaderLength,
    recordHeaderLength: variant.recordHeaderLength,
    modified: variant.recordHeaderLength === 24,
    swappedLengths: swapped(major, minor),
    linkType: network & LINK_TYPE_MASK,
    snapLength: view.getUint32(16, little),
    // In units of 16 bits: draft-ietf-opsawg-pcap, "LinkType and additional information".
    fcsLength: (network & FCS_LENGTH_PRESENT) !== 0 ? (network >>> 28) * 2 : 0,
  };
}
