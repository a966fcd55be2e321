/**
 * -m srh: the IPv6 segment routing header (RFC 8754), as srh1_mt6 of net/ipv6/netfilter/ip6t_srh.c.
 * The options of one field (-eq, -gt, -lt) share one number there: the last given counts for all.
 * The tag is compared in the byte order of the machine: on x86 and ARM with its bytes swapped.
 */
import { joined } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import {
  BYTES_CUT,
  BYTES_OUTSIDE,
  BYTES_PRESENT,
  byteOf,
  bytesAt,
  longOf,
} from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { NO, YES } from './definition.ts';
import {
  CHAIN_CUT,
  findHeader,
  headerLength,
  partialHeader,
  ROUTING,
  withoutHeader,
} from './ipv6-headers.ts';
import type { MaskedHost } from './numeric-address.ts';
import { addressText, maskedHost, maskedHostHolds, maskLength } from './numeric-address.ts';
import { argument, readOptions } from './options.ts';
import { boundedNumber } from './values.ts';

type Field = 'next-hdr' | 'hdr-len' | 'segs-left' | 'last-entry' | 'tag';
type Comparison = 'eq' | 'gt' | 'lt';

/** One condition on a number; its value stands in `values`, by field. */
interface NumberTest {
  /** Option name without `srh-`. */
  readonly name: string;
  readonly field: Field;
  readonly comparison: Comparison;
  readonly inverted: boolean;
}

/** One condition on a segment. */
interface SegmentTest {
  readonly name: 'psid' | 'nsid' | 'lsid';
  readonly host: MaskedHost;
  readonly inverted: boolean;
}

/** Options of -m srh, in the order in which they are printed and looked at. */
export interface SrhOptions {
  readonly numbers: readonly NumberTest[];
  readonly values: Readonly<Partial<Record<Field, number>>>;
  readonly segments: readonly SegmentTest[];
}

const TYPE = 4;
const FIXED_LENGTH = 8;
const ADDRESS_LENGTH = 16;
const NUMBERS: readonly (readonly [string, Field, Comparison, string])[] = [
  ['next-hdr', 'next-hdr', 'eq', 'next header'],
  ['hdr-len-eq', 'hdr-len', 'eq', 'header extension length is'],
  ['hdr-len-gt', 'hdr-len', 'gt', 'header extension length is greater than'],
  ['hdr-len-lt', 'hdr-len', 'lt', 'header extension length is less than'],
  ['segs-left-eq', 'segs-left', 'eq', 'segments left is'],
  ['segs-left-gt', 'segs-left', 'gt', 'segments left is greater than'],
  ['segs-left-lt', 'segs-left', 'lt', 'segments left is less than'],
  ['last-entry-eq', 'last-entry', 'eq', 'last entry is'],
  ['last-entry-gt', 'last-entry', 'gt', 'last entry is greater than'],
  ['last-entry-lt', 'last-entry', 'lt', 'last entry is less than'],
  ['tag', 'tag', 'eq', 'tag, with its two bytes swapped'],
];
const SEGMENTS: readonly (readonly [SegmentTest['name'], string])[] = [
  ['psid', 'previous segment'],
  ['nsid', 'next segment'],
  ['lsid', 'last segment'],
];
/** Where the numbers of one byte stand. */
const BYTE_AT: Readonly<Record<Field, number>> = {
  'next-hdr': 0,
  'hdr-len': 1,
  'segs-left': 3,
  'last-entry': 4,
  tag: 6,
};

function compares(comparison: Comparison, has: number, wanted: number): boolean {
  if (comparison === 'eq') return has === wanted;
  return comparison === 'gt' ? has > wanted : has < wanted;
}

function fieldOf(context: PacketContext, at: number, field: Field): number {
  const { packet } = context;
  const first = byteOf(packet, at + BYTE_AT[field]);
  return field === 'tag' ? first | (byteOf(packet, at + 7) << 8) : first;
}

/** Offset of a segment from the beginning of the header; -1: the kernel does not look further. */
function segmentAt(name: SegmentTest['name'], left: number, last: number): number {
  if (name === 'psid') return left === last ? -1 : FIXED_LENGTH + (left + 1) * ADDRESS_LENGTH;
  if (name === 'nsid') return left === 0 ? -1 : FIXED_LENGTH + (left - 1) * ADDRESS_LENGTH;
  return FIXED_LENGTH;
}

function judgeSegments(
  segments: readonly SegmentTest[],
  context: PacketContext,
  at: number,
  failures: Failures,
): MatchResult {
  const { packet } = context;
  const left = byteOf(packet, at + BYTE_AT['segs-left']);
  const last = byteOf(packet, at + BYTE_AT['last-entry']);
  for (const { name, host, inverted } of segments) {
    const offset = segmentAt(name, left, last);
    const where = offset < 0 ? BYTES_OUTSIDE : bytesAt(packet, at + offset, ADDRESS_LENGTH);
    if (where === BYTES_CUT) return partialHeader(context, 'segment routing', where, failures);
    const from = at + offset;
    const holds =
      where === BYTES_PRESENT &&
      maskedHostHolds(
        host,
        [0, 4, 8, 12].map((i) => longOf(packet, from + i)),
      ) !== inverted;
    if (holds) continue;
    failures?.push(
      where === BYTES_PRESENT
        ? `${inverted ? '! ' : ''}--srh-${name}: another segment`
        : `--srh-${name}: there is no such segment`,
    );
    return NO;
  }
  return YES;
}

function judge(options: SrhOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const at = findHeader(packet, ROUTING);
  if (at === CHAIN_CUT) return withoutHeader(context, 'routing', at, failures);
  const where = at < 0 ? BYTES_OUTSIDE : bytesAt(packet, at, FIXED_LENGTH);
  if (where === BYTES_CUT) return partialHeader(context, 'segment routing', where, failures);
  if (where === BYTES_OUTSIDE) {
    failures?.push('srh: no whole routing header');
    return NO;
  }
  const length = headerLength(packet, ROUTING, at);
  if (
    bytesAt(packet, at, length) === BYTES_OUTSIDE ||
    byteOf(packet, at + 2) !== TYPE ||
    byteOf(packet, at + BYTE_AT['segs-left']) > byteOf(packet, at + BYTE_AT['last-entry'])
  ) {
    failures?.push('srh: the routing header is no valid segment routing header');
    return NO;
  }
  for (const { name, field, comparison, inverted } of options.numbers) {
    const has = fieldOf(context, at, field);
    const wanted = options.values[field] ?? 0;
    if (compares(comparison, has, wanted) !== inverted) continue;
    failures?.push(`${inverted ? '! ' : ''}--srh-${name}: ${has}, asked for ${wanted}`);
    return NO;
  }
  return judgeSegments(options.segments, context, at, failures);
}

function hostText({ address, mask }: MaskedHost): string {
  return `${addressText(address)}/${maskLength(mask)}`;
}

function parse(uses: readonly OptionUse[]): SrhOptions {
  const numbers = new Map<string, NumberTest>();
  const values: Partial<Record<Field, number>> = {};
  const segments = new Map<string, SegmentTest>();
  const readers: Record<string, (use: OptionUse) => void> = {};
  for (const [name, field, comparison] of NUMBERS) {
    readers[`srh-${name}`] = (use) => {
      const most = field === 'tag' ? 0xffff : 255;
      values[field] = boundedNumber('srh', use.name, argument(use), most);
      numbers.set(name, { name, field, comparison, inverted: use.inverted });
    };
  }
  for (const [name] of SEGMENTS) {
    readers[`srh-${name}`] = (use) => {
      const host = maskedHost('srh', use.name, argument(use), 6);
      segments.set(name, { name, host, inverted: use.inverted });
    };
  }
  readOptions('srh', srh.options, uses, readers);
  return {
    numbers: NUMBERS.flatMap(([name]) => numbers.get(name) ?? []),
    values,
    segments: SEGMENTS.flatMap(([name]) => segments.get(name) ?? []),
  };
}

/** -m srh. */
export const srh: MatchDefinition<SrhOptions> = {
  name: 'srh',
  families: [6],
  mayHotdrop: true,
  help: 'the segment routing header',
  options: [
    ...NUMBERS.map(([name, , , help]) => ({
      name: `srh-${name}`,
      argument: 'number',
      invertible: true,
      help,
    })),
    ...SEGMENTS.map(([name, help]) => ({
      name: `srh-${name}`,
      argument: 'address[/mask]',
      invertible: true,
      help,
    })),
  ],
  reads: ['extension-headers', 'fragment'],
  parse,
  print: ({ numbers, values, segments }) =>
    joined(
      ...numbers.map(
        ({ name, field, inverted }) => `${inverted ? '! ' : ''}--srh-${name} ${values[field]}`,
      ),
      ...segments.map(
        ({ name, host, inverted }) => `${inverted ? '! ' : ''}--srh-${name} ${hostText(host)}`,
      ),
    ),
  list: ({ numbers, values, segments }) =>
    joined(
      'srh',
      ...numbers.map(
        ({ name, field, inverted }) => `${name}:${inverted ? '!' : ''}${values[field]}`,
      ),
      // Two blanks where it is not negated.
      ...segments.map(
        ({ name, host, inverted }) => `${name} ${inverted ? '!' : ''} ${hostText(host)}`,
      ),
    ),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
