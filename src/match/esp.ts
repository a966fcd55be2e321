/** -m esp: the IPsec encapsulating payload header (RFC 4303), as net/netfilter/xt_esp.c. */
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
  ANY_NUMBER,
  failedNumber,
  listedNumbers,
  numberCondition,
  numberHolds,
  savedNumbers,
} from './number-condition.ts';
import { readOptions } from './options.ts';
import { requireProtocol } from './refusal.ts';

/** Options of -m esp. */
export interface EspOptions {
  readonly spi: NumberCondition;
}

const LENGTH = 8;
const PROTOCOL = 50;

function judge({ spi }: EspOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    failures?.push('esp: a later fragment has no header');
    return NO;
  }
  if (header === HEADER_SHORT) {
    failures?.push(`esp: ${packet.transportLength} bytes are no whole header: dropped`);
    return HOTDROP;
  }
  if (header === HEADER_CUT) return undecided(context, 'the snap length cut the ESP header');
  const has = packet.view.getUint32(packet.transportOffset);
  if (numberHolds(spi, has)) return YES;
  failures?.push(failedNumber('espspi', spi, has));
  return NO;
}

/** -m esp. */
export const esp: MatchDefinition<EspOptions> = {
  name: 'esp',
  families: [4, 6],
  mayHotdrop: true,
  help: 'the IPsec encapsulating header; needs -p esp',
  options: [
    {
      name: 'espspi',
      argument: 'spi[:spi]',
      invertible: true,
      help: 'the security parameter index is this, or in this range',
    },
  ],
  reads: ['payload', 'fragment'],
  parse(uses, context) {
    let options: EspOptions = { spi: ANY_NUMBER };
    readOptions('esp', esp.options, uses, {
      espspi: (use) => {
        options = { spi: numberCondition('esp', use) };
      },
    });
    requireProtocol('esp', context, PROTOCOL, 'esp');
    return options;
  },
  print: ({ spi }) => savedNumbers('espspi', spi),
  list: ({ spi }) => joined('esp', listedNumbers('spi', spi)),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
