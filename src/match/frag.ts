/**
 * -m frag: the IPv6 fragment header. As net/ipv6/netfilter/ip6t_frag.c, which reads --fraglen but
 * never looks at it. With connection tracking no chain sees a fragment.
 */
import { joined } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { BYTES_PRESENT, byteOf, bytesAt, longOf, wordOf } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, YES } from './definition.ts';
import { FRAGMENT, findHeader, partialHeader, withoutHeader } from './ipv6-headers.ts';
import type { NumberCondition } from './number-condition.ts';
import {
  ANY_NUMBER,
  failedNumber,
  LARGEST_NUMBER,
  listedNumbers,
  numberCondition,
  numberHolds,
  savedNumbers,
} from './number-condition.ts';
import { argument, excludeEachOther, readOptions } from './options.ts';
import { boundedNumber } from './values.ts';

/** Options of -m frag. */
export interface FragOptions {
  readonly id: NumberCondition;
  /** Taken and printed, without effect; undefined: not given. */
  readonly length: number | undefined;
  readonly lengthInverted: boolean;
  readonly reserved: boolean;
  readonly first: boolean;
  readonly more: boolean;
  readonly last: boolean;
}

const LENGTH = 8;
const NOTHING: FragOptions = {
  id: ANY_NUMBER,
  length: undefined,
  lengthInverted: false,
  reserved: false,
  first: false,
  more: false,
  last: false,
};

function judge(options: FragOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const at = findHeader(packet, FRAGMENT);
  if (at < 0) return withoutHeader(context, 'fragment', at, failures);
  const where = bytesAt(packet, at, LENGTH);
  if (where !== BYTES_PRESENT) return partialHeader(context, 'fragment', where, failures);
  const offset = wordOf(packet, at + 2);
  const id = longOf(packet, at + 4);
  if (!numberHolds(options.id, id)) failures?.push(failedNumber('fragid', options.id, id));
  else if (options.reserved && (byteOf(packet, at + 1) !== 0 || (offset & 6) !== 0)) {
    failures?.push('--fragres: a reserved field is not 0');
  } else if (options.first && (offset & 0xfff8) !== 0) {
    failures?.push('--fragfirst: a later fragment');
  } else if (options.more && (offset & 1) === 0) failures?.push('--fragmore: the last fragment');
  else if (options.last && (offset & 1) !== 0) failures?.push('--fraglast: more fragments follow');
  else return YES;
  return NO;
}

/** -m frag. */
export const frag: MatchDefinition<FragOptions> = {
  name: 'frag',
  families: [6],
  mayHotdrop: true,
  help: 'the fragment header; with connection tracking fragments are reassembled before any chain',
  options: [
    {
      name: 'fragid',
      argument: 'id[:id]',
      invertible: true,
      help: 'the identification is this, or in this range',
    },
    {
      name: 'fraglen',
      argument: 'length',
      invertible: true,
      help: 'the kernel does not look at it',
    },
    { name: 'fragres', help: 'the reserved fields are 0' },
    { name: 'fragfirst', help: 'the first fragment' },
    { name: 'fragmore', help: 'more fragments follow' },
    { name: 'fraglast', help: 'the last fragment' },
  ],
  reads: ['fragment', 'extension-headers'],
  parse(uses) {
    let options = NOTHING;
    const flag = (name: 'reserved' | 'first' | 'more' | 'last') => () => {
      options = { ...options, [name]: true };
    };
    readOptions('frag', frag.options, uses, {
      fragid: (use) => {
        options = { ...options, id: numberCondition('frag', use) };
      },
      fraglen: (use) => {
        const length = boundedNumber('frag', 'fraglen', argument(use), LARGEST_NUMBER);
        options = { ...options, length, lengthInverted: use.inverted };
      },
      fragres: flag('reserved'),
      fragfirst: flag('first'),
      fragmore: flag('more'),
      fraglast: flag('last'),
    });
    excludeEachOther('frag', uses, ['fragmore', 'fraglast']);
    return options;
  },
  print: ({ id, length, lengthInverted, reserved, first, more, last }) =>
    joined(
      savedNumbers('fragid', id),
      length === undefined ? '' : `${lengthInverted ? '! ' : ''}--fraglen ${length}`,
      reserved ? '--fragres' : '',
      first ? '--fragfirst' : '',
      more ? '--fragmore' : '',
      last ? '--fraglast' : '',
    ),
  list: ({ id, length, lengthInverted, reserved, first, more, last }) =>
    // The blank behind "frag" is there even before nothing.
    [
      `frag ${listedNumbers('id', id)}`,
      length === undefined ? '' : ` length:${lengthInverted ? '!' : ''}${length}`,
      reserved ? ' reserved' : '',
      first ? ' first' : '',
      more ? ' more' : '',
      last ? ' last' : '',
    ].join(''),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
