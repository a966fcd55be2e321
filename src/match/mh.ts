/** -m mh: the type of an IPv6 mobility header (RFC 6275), as net/ipv6/netfilter/ip6t_mh.c. */
import {
  HEADER_CUT,
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  outside,
  transportHeader,
  undecided,
} from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import { NO_NEXT } from './ipv6-headers.ts';
import { argument, readOptions } from './options.ts';
import { requireProtocol } from './refusal.ts';
import type { Range } from './values.ts';
import { inRange, rangeText, unsignedNumber } from './values.ts';

/** Options of -m mh. */
export interface MhOptions extends Range {
  readonly inverted: boolean;
}

const PROTOCOL = 135;
/** sizeof(struct ip6_mh). */
const LENGTH = 6;
/** Names with aliases, by type. */
const TYPES: readonly (readonly [string, string])[] = [
  ['binding-refresh-request', 'brr'],
  ['home-test-init', 'hoti'],
  ['careof-test-init', 'coti'],
  ['home-test', 'hot'],
  ['careof-test', 'cot'],
  ['binding-update', 'bu'],
  ['binding-acknowledgement', 'ba'],
  ['binding-error', 'be'],
];

/** By name, abbreviated as far as one likes, or number. @throws OptionError bad-value */
function parseType(text: string): number {
  const lower = text.toLowerCase();
  let found = -1;
  for (const [type, names] of TYPES.entries()) {
    for (const name of names) {
      if (name === lower || (found < 0 && name.startsWith(lower))) found = type;
    }
  }
  const type = found >= 0 ? found : unsignedNumber(text, 255);
  if (type === undefined) {
    throw new OptionError('bad-value', `Invalid MH type \`${text}'`, {
      option: 'mh-type',
      hint: `a type is a number from 0 to 255 or a name: ${TYPES.map(([name]) => name).join(', ')}`,
    });
  }
  return type;
}

/** @throws OptionError */
function parseTypes(text: string): Range {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const type = parseType(text);
    return { low: type, high: type };
  }
  const first = text.slice(0, colon);
  const second = text.slice(colon + 1);
  const low = first === '' ? 0 : parseType(first);
  const high = second === '' ? 255 : parseType(second);
  if (low > high) {
    throw new OptionError('bad-range', 'Invalid MH type range (min > max)', {
      option: 'mh-type',
      hint: `write ${high}:${low}`,
    });
  }
  return { low, high };
}

function judge(options: MhOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    failures?.push('mh: a later fragment has no header');
    return NO;
  }
  if (header === HEADER_SHORT) {
    failures?.push(`mh: ${packet.transportLength} bytes are no whole header: dropped`);
    return HOTDROP;
  }
  if (header === HEADER_CUT) return undecided(context, 'the snap length cut the mobility header');
  const next = packet.bytes[packet.transportOffset] ?? 0;
  if (next !== NO_NEXT) {
    failures?.push(`mh: ${next} follows the header, not 59 (nothing): dropped`);
    return HOTDROP;
  }
  const type = packet.bytes[packet.transportOffset + 2] ?? 0;
  if (inRange(options, type) !== options.inverted) return YES;
  failures?.push(outside('mh-type', options.inverted, `${type}`, rangeText(options)));
  return NO;
}

function listed(options: MhOptions, numeric: boolean): string {
  const { low, high, inverted } = options;
  if (low === 0 && high === 255 && !inverted) return 'mh';
  const name = (type: number): string => (numeric ? `${type}` : (TYPES[type]?.[0] ?? `${type}`));
  return `mh ${inverted ? '!' : ''}${low === high ? name(low) : `${name(low)}:${name(high)}`}`;
}

/** -m mh. */
export const mh: MatchDefinition<MhOptions> = {
  name: 'mh',
  families: [6],
  mayHotdrop: true,
  help: 'the mobility header; needs -p mobility-header',
  options: [
    {
      name: 'mh-type',
      argument: 'type[:type]',
      invertible: true,
      help: 'the type by number or name, or a range of types',
    },
  ],
  reads: ['payload', 'fragment'],
  parse(uses, context) {
    let options: MhOptions = { low: 0, high: 255, inverted: false };
    readOptions('mh', mh.options, uses, {
      'mh-type': (use) => {
        options = { ...parseTypes(argument(use)), inverted: use.inverted };
      },
    });
    requireProtocol('mh', context, PROTOCOL, 'mobility-header');
    return options;
  },
  print: (options) => {
    if (options.low === 0 && options.high === 255) return '';
    return `${options.inverted ? '! ' : ''}--mh-type ${rangeText(options)}`;
  },
  list: listed,
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
