/** -m tcpmss: the maximum segment size option of TCP. As net/netfilter/xt_tcpmss.c. */
import type { PacketView } from '../packet/fields.ts';
import { outside, undecided } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import {
  BYTES_CUT,
  BYTES_OUTSIDE,
  byteOf,
  bytesAt,
  supposedTransport,
  wordOf,
} from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { requireProtocol } from './refusal.ts';
import type { Range } from './values.ts';
import { inRange, numberRange, rangeText } from './values.ts';

/** Options of -m tcpmss. Bytes. */
export interface TcpmssOptions extends Range {
  readonly inverted: boolean;
}

const TCP = 6;
const HEADER_LENGTH = 20;
const DATA_OFFSET = 12;
const KIND = 2;
const LENGTH = 4;
/** What the search says when it is no size. */
const ABSENT = -1;
const CUT = -2;

/** The size in a header of this length at an offset from the IP header, or a code. */
function segmentSize(packet: PacketView, start: number, headerLength: number): number {
  let at = HEADER_LENGTH;
  while (at < headerLength) {
    if (bytesAt(packet, start + at, 1) === BYTES_CUT) return CUT;
    const kind = byteOf(packet, start + at);
    let second = 0;
    if (kind >= 2 && at + 1 < headerLength) {
      if (bytesAt(packet, start + at + 1, 1) === BYTES_CUT) return CUT;
      second = byteOf(packet, start + at + 1);
    }
    if (kind === KIND && headerLength - at >= LENGTH && second === LENGTH) {
      const where = bytesAt(packet, start + at + 2, 2);
      return where === BYTES_CUT ? CUT : wordOf(packet, start + at + 2);
    }
    at += kind < 2 ? 1 : second || 1;
  }
  return ABSENT;
}

function judge(options: TcpmssOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  // The kernel does not ask whether this is a later fragment.
  const start = supposedTransport(packet);
  if (bytesAt(packet, start, HEADER_LENGTH) === BYTES_OUTSIDE) {
    failures?.push('tcpmss: there is no whole TCP header: dropped');
    return HOTDROP;
  }
  if (bytesAt(packet, start, DATA_OFFSET + 1) === BYTES_CUT) {
    return undecided(context, 'the snap length cut the TCP header');
  }
  const headerLength = (byteOf(packet, start + DATA_OFFSET) >> 4) * 4;
  if (headerLength < HEADER_LENGTH || bytesAt(packet, start, headerLength) === BYTES_OUTSIDE) {
    failures?.push('tcpmss: the data offset does not fit the segment: dropped');
    return HOTDROP;
  }
  const size = segmentSize(packet, start, headerLength);
  if (size === CUT) return undecided(context, 'the snap length cut the TCP options');
  if ((size !== ABSENT && inRange(options, size)) !== options.inverted) return YES;
  const has = size === ABSENT ? 'no such option' : `${size}`;
  failures?.push(outside('mss', options.inverted, has, rangeText(options)));
  return NO;
}

/** -m tcpmss. */
export const tcpmss: MatchDefinition<TcpmssOptions> = {
  name: 'tcpmss',
  families: [4, 6],
  mayHotdrop: true,
  help: 'the maximum segment size that a TCP segment offers; needs -p tcp',
  options: [
    {
      name: 'mss',
      argument: 'value[:value]',
      invertible: true,
      help: 'the size, or a range of sizes; negated it matches segments without the option, too',
    },
  ],
  reads: ['tcp-options', 'fragment'],
  parse(uses, context) {
    let options: TcpmssOptions = { low: 0, high: 0, inverted: false };
    readOptions('tcpmss', tcpmss.options, uses, {
      mss: (use) => {
        const range = numberRange('tcpmss', 'mss', argument(use), 0xffff);
        if (range.high < range.low) {
          throw new OptionError('bad-range', 'tcpmss: invalid range given', { option: 'mss' });
        }
        options = { ...range, inverted: use.inverted };
      },
    });
    requireOption('tcpmss', uses, 'mss');
    requireProtocol('tcpmss', context, TCP, 'tcp');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--mss ${rangeText(options)}`,
  list: (options) => `tcpmss match ${options.inverted ? '!' : ''}${rangeText(options)}`,
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
