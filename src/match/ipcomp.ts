/** -m ipcomp: the IP payload compression header (RFC 3173), as net/netfilter/xt_ipcomp.c. */
import {
  HEADER_CUT,
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  joined,
  transportHeader,
  undecided,
} from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { HOTDROP, NO, YES } from './definition.ts';
import type { NumberCondition } from './number-condition.ts';
import {
  failedNumber,
  listedNumbers,
  numberCondition,
  numberHolds,
  savedNumbers,
} from './number-condition.ts';
import { readOptions } from './options.ts';
import { requireProtocol } from './refusal.ts';

/** Options of -m ipcomp. */
export interface IpcompOptions {
  readonly spi: NumberCondition;
  /** --compres: printed, but the kernel does not look at it (seen on Linux 6.18). */
  readonly reserved: boolean;
}

/** Without --ipcompspi it is the index 0 that is wanted. */
const DEFAULT_SPI: NumberCondition = { low: 0, high: 0, inverted: false };

const LENGTH = 4;
const PROTOCOL = 108;

function judge({ spi }: IpcompOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    failures?.push('ipcomp: a later fragment has no header');
    return NO;
  }
  if (header === HEADER_SHORT) {
    failures?.push(`ipcomp: ${packet.transportLength} bytes are no whole header: dropped`);
    return HOTDROP;
  }
  if (header === HEADER_CUT) return undecided(context, 'the snap length cut the IPComp header');
  const has = packet.view.getUint16(packet.transportOffset + 2);
  if (numberHolds(spi, has)) return YES;
  failures?.push(failedNumber('ipcompspi', spi, has));
  return NO;
}

/** -m ipcomp. */
export const ipcomp: MatchDefinition<IpcompOptions> = {
  name: 'ipcomp',
  families: [4, 6],
  mayHotdrop: true,
  help: 'the IP payload compression header; needs -p ipcomp',
  options: [
    {
      name: 'ipcompspi',
      argument: 'spi[:spi]',
      invertible: true,
      help: 'the compression parameter index is this, or in this range; 0 by default',
    },
    { name: 'compres', help: 'no effect' },
  ],
  reads: ['payload', 'fragment'],
  parse(uses, context) {
    let options: IpcompOptions = { spi: DEFAULT_SPI, reserved: false };
    readOptions('ipcomp', ipcomp.options, uses, {
      ipcompspi: (use) => {
        options = { ...options, spi: numberCondition('ipcomp', use) };
      },
      compres: () => {
        options = { ...options, reserved: true };
      },
    });
    requireProtocol('ipcomp', context, PROTOCOL, 'ipcomp');
    return options;
  },
  print: ({ spi, reserved }) => joined(savedNumbers('ipcompspi', spi), reserved ? '--compres' : ''),
  list: ({ spi, reserved }) =>
    `comp ${joined(listedNumbers('spi', spi), reserved ? 'reserved' : '')}`,
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
