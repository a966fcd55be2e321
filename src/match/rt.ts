/**
 * -m rt: the IPv6 routing header. As net/ipv6/netfilter/ip6t_rt.c; the options for type 0 (which RFC
 * 5095 forbids) compare its list of addresses.
 */
import { parseIpv6 } from '../packet/text.ts';
import { joined, unequal } from './conditions.ts';
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
import { HOTDROP, NO, OptionError, UNDECIDED, YES } from './definition.ts';
import { findHeader, headerLength, partialHeader, ROUTING, withoutHeader } from './ipv6-headers.ts';
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
import { addressText } from './numeric-address.ts';
import { argument, readOptions } from './options.ts';
import { boundedNumber } from './values.ts';

/** Options of -m rt. */
export interface RtOptions {
  readonly type: number | undefined;
  readonly typeInverted: boolean;
  readonly segmentsLeft: NumberCondition;
  /** Bytes of the whole header. */
  readonly length: number | undefined;
  readonly lengthInverted: boolean;
  /** The reserved field is 0. */
  readonly reserved: boolean;
  /** Four words each. */
  readonly addresses: readonly (readonly number[])[] | undefined;
  /** They need only be among the header's, in this order. */
  readonly notStrict: boolean;
}

/** IP6T_RT_HOPS. */
const MOST_ADDRESSES = 16;
const ADDRESS_LENGTH = 16;
/** Of type 0: before the addresses. */
const FIXED_LENGTH = 8;
const NOTHING: RtOptions = {
  type: undefined,
  typeInverted: false,
  segmentsLeft: ANY_NUMBER,
  length: undefined,
  lengthInverted: false,
  reserved: false,
  addresses: undefined,
  notStrict: false,
};

/** `2001:db8::1,2001:db8::2`. @throws OptionError bad-address, too-many-addresses */
function parseAddresses(text: string): number[][] {
  const parts = text.split(',');
  const addresses = parts.slice(0, MOST_ADDRESSES).map((part) => {
    const words = parseIpv6(part);
    if (words === undefined) {
      throw new OptionError('bad-address', `bad address: ${part}`, { option: 'rt-0-addrs' });
    }
    return [...words];
  });
  if (parts.length > MOST_ADDRESSES) {
    throw new OptionError('too-many-addresses', 'too many addresses specified', {
      option: 'rt-0-addrs',
      hint: `at most ${MOST_ADDRESSES}`,
    });
  }
  return addresses;
}

function addressIs(context: PacketContext, at: number, wanted: readonly number[]): boolean {
  return wanted.every((word, i) => longOf(context.packet, at + 4 * i) === word >>> 0);
}

/** Whether the header's addresses are those wanted; UNDECIDED: cut. */
function addressesHold(
  { addresses = [], notStrict }: RtOptions,
  context: PacketContext,
  start: number,
  length: number,
): MatchResult {
  const count = Math.floor((length - FIXED_LENGTH) / ADDRESS_LENGTH);
  if (addresses.length > count || (!notStrict && addresses.length !== count)) return NO;
  let found = 0;
  for (let i = 0; i < count && found < addresses.length; i++) {
    const at = start + FIXED_LENGTH + i * ADDRESS_LENGTH;
    if (bytesAt(context.packet, at, ADDRESS_LENGTH) !== BYTES_PRESENT) return UNDECIDED;
    if (addressIs(context, at, addresses[found] ?? [])) found += 1;
    else if (!notStrict) return NO;
  }
  return found === addresses.length ? YES : NO;
}

function judge(options: RtOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const at = findHeader(packet, ROUTING);
  if (at < 0) return withoutHeader(context, 'routing', at, failures);
  const length = headerLength(packet, ROUTING, at);
  if (bytesAt(packet, at, length) === BYTES_OUTSIDE) {
    failures?.push('rt: the routing header is longer than the packet: dropped');
    return HOTDROP;
  }
  const type = byteOf(packet, at + 2);
  const segments = byteOf(packet, at + 3);
  if (!numberHolds(options.segmentsLeft, segments)) {
    failures?.push(failedNumber('rt-segsleft', options.segmentsLeft, segments));
    return NO;
  }
  if (options.length !== undefined && (length === options.length) === options.lengthInverted) {
    failures?.push(unequal('rt-len', options.lengthInverted, `${length}`, `${options.length}`));
    return NO;
  }
  if (options.type !== undefined && (type === options.type) === options.typeInverted) {
    failures?.push(unequal('rt-type', options.typeInverted, `${type}`, `${options.type}`));
    return NO;
  }
  if (options.reserved) {
    if (bytesAt(packet, at + 4, 4) === BYTES_CUT) {
      return partialHeader(context, 'routing', BYTES_CUT, failures);
    }
    if (longOf(packet, at + 4) !== 0) {
      failures?.push('--rt-0-res: the reserved field is not 0');
      return NO;
    }
  }
  if (options.addresses === undefined) return YES;
  const held = addressesHold(options, context, at, length);
  if (held === UNDECIDED) return partialHeader(context, 'routing', BYTES_CUT, failures);
  if (held === NO) failures?.push('--rt-0-addrs: other addresses');
  return held;
}

/** @throws OptionError type-required */
function requireType0(options: RtOptions, use: OptionUse): void {
  if (options.type === 0 && !options.typeInverted) return;
  throw new OptionError('type-required', `\`--rt-type 0' required before \`--${use.name}'`, {
    option: use.name,
  });
}

function parse(uses: readonly OptionUse[]): RtOptions {
  let options = NOTHING;
  readOptions('rt', rt.options, uses, {
    'rt-type': (use) => {
      const type = boundedNumber('rt', 'rt-type', argument(use), LARGEST_NUMBER);
      options = { ...options, type, typeInverted: use.inverted };
    },
    'rt-segsleft': (use) => {
      options = { ...options, segmentsLeft: numberCondition('rt', use) };
    },
    'rt-len': (use) => {
      const length = boundedNumber('rt', 'rt-len', argument(use), LARGEST_NUMBER);
      options = { ...options, length, lengthInverted: use.inverted };
    },
    'rt-0-res': (use) => {
      requireType0(options, use);
      options = { ...options, reserved: true };
    },
    'rt-0-addrs': (use) => {
      requireType0(options, use);
      options = { ...options, addresses: parseAddresses(argument(use)) };
    },
    'rt-0-not-strict': (use) => {
      if (options.addresses === undefined) {
        throw new OptionError(
          'addresses-required',
          "`--rt-0-addr ...' required before `--rt-0-not-strict'",
          { option: use.name },
        );
      }
      options = { ...options, notStrict: true };
    },
  });
  return options;
}

/** -m rt. */
export const rt: MatchDefinition<RtOptions> = {
  name: 'rt',
  families: [6],
  mayHotdrop: true,
  help: 'the routing header',
  options: [
    { name: 'rt-type', argument: 'type', invertible: true, help: 'the type of routing' },
    {
      name: 'rt-segsleft',
      argument: 'number[:number]',
      invertible: true,
      help: 'segments left is this, or in this range',
    },
    {
      name: 'rt-len',
      argument: 'length',
      invertible: true,
      help: 'length of the header in bytes',
    },
    { name: 'rt-0-res', help: 'the reserved field is 0; after --rt-type 0' },
    {
      name: 'rt-0-addrs',
      argument: 'address[,address…]',
      help: 'the addresses of the header, at most 16; after --rt-type 0',
    },
    { name: 'rt-0-not-strict', help: 'others may stand between those of --rt-0-addrs' },
  ],
  reads: ['extension-headers', 'fragment'],
  parse,
  print: (options) =>
    joined(
      options.type === undefined
        ? ''
        : `${options.typeInverted ? '! ' : ''}--rt-type ${options.type}`,
      savedNumbers('rt-segsleft', options.segmentsLeft),
      options.length === undefined
        ? ''
        : `${options.lengthInverted ? '! ' : ''}--rt-len ${options.length}`,
      options.reserved ? '--rt-0-res' : '',
      options.addresses === undefined
        ? ''
        : `--rt-0-addrs ${options.addresses.map(addressText).join(',')}`,
      options.notStrict ? '--rt-0-not-strict' : '',
    ),
  list: (options) =>
    joined(
      'rt',
      // %d of a 32-bit number.
      options.type === undefined
        ? ''
        : `type:${options.typeInverted ? '!' : ''}${options.type | 0}`,
      listedNumbers('segsleft', options.segmentsLeft),
      options.length === undefined
        ? ''
        : `length:${options.lengthInverted ? '!' : ''}${options.length}`,
      options.reserved ? 'reserved' : '',
      options.addresses === undefined
        ? ''
        : `0-addrs ${options.addresses.map(addressText).join(',')}`,
      options.notStrict ? '0-not-strict' : '',
    ),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
