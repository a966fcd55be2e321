/**
 * Tells modified pcap variants that share a magic number apart by their first records, as Wireshark
 * does: Nokia's and Red Hat 6.1's have the plain magic number, SuSE 6.3's that of A. Kuznetzov.
 * A variant is believed only when the layout of the magic number does not fit and its own does.
 */
import { maximumPacketLength } from './format.ts';
import type { PcapHeader } from './pcap-header.ts';

interface Variant {
  readonly name: string;
  readonly recordHeaderLength: number;
  readonly modified: boolean;
}

const PLAIN_VARIANTS: readonly Variant[] = [
  { name: 'Nokia', recordHeaderLength: 20, modified: false },
  { name: 'Red Hat 6.1', recordHeaderLength: 24, modified: true },
];
const MODIFIED_VARIANTS: readonly Variant[] = [
  { name: 'SuSE 6.3', recordHeaderLength: 28, modified: true },
];

/** Records of one file are not further apart, and none is older than libpcap (1990). */
const MOST_SECONDS_APART = 3 * 365 * 86_400;
const LEAST_SECONDS = 631_152_000;
/** Records that must make sense, one after the other, for a variant to be believed. */
const LEAST_RECORDS = 2;
/** Packets of a few bytes say nothing. */
const LEAST_PACKET = 14;

interface Judgement {
  /** No writer makes such records with this layout. */
  readonly impossible: boolean;
  /** Records in a row that look like real packets. */
  readonly likely: number;
}

/**
 * Judges the first records as laid out with a length of the record header.
 * @param view the first bytes of the file
 */
function judge(view: DataView, header: PcapHeader, recordHeaderLength: number): Judgement {
  const { little } = header;
  const maximum = maximumPacketLength(header.snapLength);
  let firstSeconds: number | undefined;
  let likely = 0;
  let doubtful = false;
  let at = header.fileHeaderLength;
  while (at + 16 <= view.byteLength) {
    const captured = view.getUint32(at + 8, little);
    const fraction = view.getUint32(at + 4, little);
    if (captured > maximum || fraction >= header.unitsPerSecond)
      return { impossible: true, likely: 0 };
    const seconds = view.getUint32(at, little);
    firstSeconds ??= seconds;
    doubtful ||=
      seconds < LEAST_SECONDS ||
      captured < LEAST_PACKET ||
      captured > view.getUint32(at + 12, little) ||
      Math.abs(seconds - firstSeconds) > MOST_SECONDS_APART;
    if (!doubtful) likely += 1;
    at += recordHeaderLength + captured;
  }
  return { impossible: false, likely: doubtful ? 0 : likely };
}

/** A header whose records were found to be laid out in another way, and the variant's name. */
export interface FoundVariant {
  readonly header: PcapHeader;
  readonly name: string;
}

/** Looks at the first records; undefined when they are as the magic number says, or unclear. */
export function findVariant(view: DataView, header: PcapHeader): FoundVariant | undefined {
  const { recordHeaderLength, unitsPerSecond, swappedLengths } = header;
  if (unitsPerSecond !== 1_000_000 || swappedLengths !== 'never') return undefined;
  // A good file of the layout that the magic number says is never taken for another.
  if (!judge(view, header, recordHeaderLength).impossible) return undefined;
  const candidates = header.modified ? MODIFIED_VARIANTS : PLAIN_VARIANTS;
  const found = candidates.find(
    (variant) => judge(view, header, variant.recordHeaderLength).likely >= LEAST_RECORDS,
  );
  if (found === undefined) return undefined;
  const { name, modified } = found;
  return { name, header: { ...header, modified, recordHeaderLength: found.recordHeaderLength } };
}
