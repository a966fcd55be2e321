/**
 * -m ecn: explicit congestion notification in the IP header (RFC 3168) and in TCP's flags. As
 * net/netfilter/xt_ecn.c.
 */
import { joined, undecided, unequal } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { BYTES_CUT, BYTES_OUTSIDE, byteOf, bytesAt, supposedTransport } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions } from './options.ts';
import { requireProtocol } from './refusal.ts';
import { boundedNumber } from './values.ts';

/** A flag that must be set, must not be set, or is not looked at. */
type Wanted = 'set' | 'unset' | undefined;

/** Options of -m ecn. */
export interface EcnOptions {
  readonly ece: Wanted;
  readonly cwr: Wanted;
  /** 0 to 3. */
  readonly ect: number | undefined;
  readonly ectInverted: boolean;
}

const ECE = 0x40;
const CWR = 0x80;
const TCP_HEADER_LENGTH = 20;
const TCP_FLAGS = 13;
const TCP = 6;

function flagFails(wanted: Wanted, isSet: boolean): boolean {
  return wanted !== undefined && isSet !== (wanted === 'set');
}

function judge(options: EcnOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const { ect, ectInverted, ece, cwr } = options;
  const has = packet.tos & 3;
  if (ect !== undefined && (has === ect) === ectInverted) {
    failures?.push(unequal('ecn-ip-ect', ectInverted, `${has}`, `${ect}`));
    return NO;
  }
  if (ece === undefined && cwr === undefined) return YES;
  // The kernel does not ask whether this is a later fragment.
  const at = supposedTransport(packet);
  const where = bytesAt(packet, at, TCP_HEADER_LENGTH);
  if (where === BYTES_OUTSIDE) {
    failures?.push('ecn: there is no whole TCP header');
    return NO;
  }
  if (bytesAt(packet, at, TCP_FLAGS + 1) === BYTES_CUT) {
    return undecided(context, 'the snap length cut the TCP flags');
  }
  const flags = byteOf(packet, at + TCP_FLAGS);
  const eceFails = flagFails(ece, (flags & ECE) !== 0);
  const cwrFails = flagFails(cwr, (flags & CWR) !== 0);
  if (!eceFails && !cwrFails) return YES;
  if (eceFails) failures?.push(`--ecn-tcp-ece: ECE is ${ece === 'set' ? 'not ' : ''}set`);
  if (cwrFails) failures?.push(`--ecn-tcp-cwr: CWR is ${cwr === 'set' ? 'not ' : ''}set`);
  return NO;
}

/** -m ecn. */
export const ecn: MatchDefinition<EcnOptions> = {
  name: 'ecn',
  families: [4, 6],
  help: 'explicit congestion notification; the TCP flags need -p tcp',
  options: [
    { name: 'ecn-tcp-cwr', invertible: true, help: 'the CWR flag of TCP is set' },
    { name: 'ecn-tcp-ece', invertible: true, help: 'the ECE flag of TCP is set' },
    {
      name: 'ecn-ip-ect',
      argument: 'number',
      invertible: true,
      help: 'the ECN code point of the IP header, 0 to 3',
    },
  ],
  reads: ['tos', 'tcp-flags', 'fragment'],
  readsFor: ({ ece, cwr }) => (ece === undefined && cwr === undefined ? ['tos'] : ecn.reads),
  parse(uses, context) {
    let options: EcnOptions = {
      ece: undefined,
      cwr: undefined,
      ect: undefined,
      ectInverted: false,
    };
    const state = (inverted: boolean): Wanted => (inverted ? 'unset' : 'set');
    readOptions('ecn', ecn.options, uses, {
      'ecn-tcp-cwr': (use) => {
        options = { ...options, cwr: state(use.inverted) };
      },
      'ecn-tcp-ece': (use) => {
        options = { ...options, ece: state(use.inverted) };
      },
      'ecn-ip-ect': (use) => {
        const ect = boundedNumber('ecn', 'ecn-ip-ect', argument(use), 3);
        options = { ...options, ect, ectInverted: use.inverted };
      },
    });
    if (uses.length === 0) {
      throw new OptionError('option-missing', 'ECN match: some option required', {
        hint: 'add --ecn-ip-ect, --ecn-tcp-ece or --ecn-tcp-cwr',
      });
    }
    if (options.ece !== undefined || options.cwr !== undefined) {
      requireProtocol('ecn with TCP flags', context, TCP, 'tcp');
    }
    return options;
  },
  print: ({ ece, cwr, ect, ectInverted }) =>
    joined(
      ece === undefined ? '' : `${ece === 'unset' ? '! ' : ''}--ecn-tcp-ece`,
      cwr === undefined ? '' : `${cwr === 'unset' ? '! ' : ''}--ecn-tcp-cwr`,
      ect === undefined ? '' : `${ectInverted ? '! ' : ''}--ecn-ip-ect ${ect}`,
    ),
  list: ({ ece, cwr, ect, ectInverted }) =>
    joined(
      'ECN match',
      ece === undefined ? '' : `${ece === 'unset' ? '!' : ''}ECE`,
      cwr === undefined ? '' : `${cwr === 'unset' ? '!' : ''}CWR`,
      ect === undefined ? '' : `${ectInverted ? '!' : ''}ECT=${ect}`,
    ),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
