/**
 * -m ah: the authentication header (RFC 4302). As net/ipv4/netfilter/ipt_ah.c, where it is the
 * protocol, and net/ipv6/netfilter/ip6t_ah.c, where it is an extension header.
 */
import {
  HEADER_CUT,
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  joined,
  transportHeader,
  undecided,
  unequal,
} from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { BYTES_PRESENT, bytesAt, longOf, wordOf } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext, ParseContext } from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import {
  AUTHENTICATION,
  findHeader,
  headerLength,
  partialHeader,
  withoutHeader,
} from './ipv6-headers.ts';
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
import { argument, readOptions } from './options.ts';
import { requireProtocol } from './refusal.ts';
import { boundedNumber } from './values.ts';

/** Options of -m ah. */
export interface AhOptions {
  readonly spi: NumberCondition;
  /** Bytes of the header; 0: any, even inverted (the kernel's words). IPv6. */
  readonly length: number;
  readonly lengthInverted: boolean;
  /** The reserved field must be 0. IPv6. */
  readonly reserved: boolean;
}

const LENGTH = 12;

function judge4({ spi }: AhOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    failures?.push('ah: a later fragment has no header');
    return NO;
  }
  if (header === HEADER_SHORT) {
    failures?.push(`ah: ${packet.transportLength} bytes are no whole header: dropped`);
    return HOTDROP;
  }
  if (header === HEADER_CUT) return undecided(context, 'the snap length cut the AH header');
  const has = packet.view.getUint32(packet.transportOffset + 4);
  if (numberHolds(spi, has)) return YES;
  failures?.push(failedNumber('ahspi', spi, has));
  return NO;
}

function judge6(options: AhOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const at = findHeader(packet, AUTHENTICATION);
  if (at < 0) return withoutHeader(context, 'AH', at, failures);
  const where = bytesAt(packet, at, LENGTH);
  if (where !== BYTES_PRESENT) return partialHeader(context, 'AH', where, failures);
  const spi = longOf(packet, at + 4);
  if (!numberHolds(options.spi, spi)) {
    failures?.push(failedNumber('ahspi', options.spi, spi));
    return NO;
  }
  const length = headerLength(packet, AUTHENTICATION, at);
  if (options.length !== 0 && (length === options.length) === options.lengthInverted) {
    failures?.push(unequal('ahlen', options.lengthInverted, `${length}`, `${options.length}`));
    return NO;
  }
  if (options.reserved && wordOf(packet, at + 2) !== 0) {
    failures?.push('--ahres: the reserved field is not 0');
    return NO;
  }
  return YES;
}

function judge(options: AhOptions, context: PacketContext, failures?: Failures): MatchResult {
  return context.family === 4
    ? judge4(options, context, failures)
    : judge6(options, context, failures);
}

function list({ spi, length, lengthInverted, reserved }: AhOptions): string {
  const not = lengthInverted ? '!' : '';
  const lengths = length !== 0 || lengthInverted ? `length:${not}${length}` : '';
  // The real tool puts no blank between the two, and one behind "ah" even before nothing.
  return `ah ${listedNumbers('spi', spi)}${lengths}${reserved ? ' reserved' : ''}`;
}

/** @throws OptionError unknown-option */
function onlyIpv6(context: ParseContext, option: string): void {
  if (context.family === 6) return;
  throw new OptionError('unknown-option', `unknown option "--${option}"`, {
    option,
    hint: 'only ip6tables has it',
  });
}

/** -m ah. */
export const ah: MatchDefinition<AhOptions> = {
  name: 'ah',
  families: [4, 6],
  mayHotdrop: true,
  help: 'the IPsec authentication header; in IPv4 needs -p ah, in IPv6 it is any in the chain',
  options: [
    {
      name: 'ahspi',
      argument: 'spi[:spi]',
      invertible: true,
      help: 'the security parameter index is this, or in this range',
    },
    {
      name: 'ahlen',
      argument: 'length',
      invertible: true,
      help: 'length of the header in bytes; 0: any (IPv6 only)',
    },
    { name: 'ahres', help: 'the reserved field is 0 (IPv6 only)' },
  ],
  reads: ['payload', 'extension-headers', 'fragment'],
  parse(uses, context) {
    let options: AhOptions = {
      spi: ANY_NUMBER,
      length: 0,
      lengthInverted: false,
      reserved: false,
    };
    readOptions('ah', ah.options, uses, {
      ahspi: (use) => {
        options = { ...options, spi: numberCondition('ah', use) };
      },
      ahlen: (use) => {
        onlyIpv6(context, 'ahlen');
        const length = boundedNumber('ah', 'ahlen', argument(use), LARGEST_NUMBER);
        options = { ...options, length, lengthInverted: use.inverted };
      },
      ahres: () => {
        onlyIpv6(context, 'ahres');
        options = { ...options, reserved: true };
      },
    });
    if (context.family === 4) requireProtocol('ah', context, AUTHENTICATION, 'ah');
    return options;
  },
  print: ({ spi, length, lengthInverted, reserved }) =>
    joined(
      savedNumbers('ahspi', spi),
      length !== 0 || lengthInverted ? `${lengthInverted ? '! ' : ''}--ahlen ${length}` : '',
      reserved ? '--ahres' : '',
    ),
  list,
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
