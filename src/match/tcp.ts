/**
 * -m tcp: ports, flags and options of the TCP header. As tcp_mt (net/netfilter/xt_tcpudp.c); options
 * as libxt_tcp.c of iptables 1.8.9, which reads them without the checks common to newer extensions.
 */
import type { PacketView } from '../packet/fields.ts';
import {
  HEADER_CUT,
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  joined,
  transportHeader,
  undecided,
  unequal,
} from './conditions.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, UNDECIDED, YES } from './definition.ts';
import { argument } from './options.ts';
import type { PortCondition } from './ports.ts';
import {
  ANY_PORT,
  failedPorts,
  isAnyPort,
  listedPorts,
  portHolds,
  savedPorts,
  servicePortNumber,
} from './ports.ts';
import { requireProtocol } from './refusal.ts';
import { parseTcpFlags, SYN_COMPARE, SYN_MASK, tcpFlagDigits, tcpFlagNames } from './tcp-flags.ts';
import { unsignedNumber } from './values.ts';

/** Options of -m tcp. */
export interface TcpOptions {
  readonly source: PortCondition;
  readonly destination: PortCondition;
  /** Flags looked at and flags that must be set, as the header's byte 13 has them. */
  readonly flagMask: number;
  readonly flagCompare: number;
  readonly flagsInverted: boolean;
  /** Kind of a TCP option that must be there, 1 to 255; 0: none. */
  readonly option: number;
  readonly optionInverted: boolean;
}

const TCP_HEADER_LENGTH = 20;

/** `1:2`, `:2`, `1:`, `1`; missing ends are 0 and 65535. @throws OptionError */
function parsePorts(use: OptionUse): PortCondition {
  const [first = '', ...more] = argument(use).split(':');
  const { inverted } = use;
  const port = (text: string): number => servicePortNumber(text, 'tcp', use.name);
  if (more.length === 0) {
    const only = port(first);
    return { low: only, high: only, inverted };
  }
  const second = more.join(':');
  const low = first === '' ? 0 : port(first);
  const high = second === '' ? 0xffff : port(second);
  if (low > high) {
    throw new OptionError('bad-range', 'invalid portrange (min > max)', {
      option: use.name,
      hint: `write ${high}:${low}`,
    });
  }
  return { low, high, inverted };
}

function parseFlags(use: OptionUse): Partial<TcpOptions> {
  if (use.name === 'syn') {
    return { flagMask: SYN_MASK, flagCompare: SYN_COMPARE, flagsInverted: use.inverted };
  }
  const text = argument(use);
  const space = text.indexOf(' ');
  if (space < 0) {
    throw new OptionError('option-argument', '--tcp-flags requires two args.', {
      option: use.name,
      hint: 'first the flags to look at, then those of them that must be set',
    });
  }
  return {
    flagMask: parseTcpFlags(text.slice(0, space)),
    flagCompare: parseTcpFlags(text.slice(space + 1)),
    flagsInverted: use.inverted,
  };
}

function parseOptionKind(use: OptionUse): number {
  const text = argument(use);
  const kind = unsignedNumber(text, 255);
  if (kind === undefined || kind === 0) {
    throw new OptionError('bad-value', `Bad TCP option "${text}"`, {
      option: use.name,
      hint: 'the kind of a TCP option, 1 to 255',
    });
  }
  return kind;
}

/** The message when an option, or one of its kind, stands twice. */
const TWICE: Readonly<Record<string, string>> = {
  sport: "Only one `--source-port' allowed",
  dport: "Only one `--destination-port' allowed",
  'tcp-flags': "Only one of `--syn' or `--tcp-flags'  allowed",
  'tcp-option': "Only one `--tcp-option' allowed",
};

function parseUses(uses: readonly OptionUse[]): TcpOptions {
  let options: TcpOptions = {
    source: ANY_PORT,
    destination: ANY_PORT,
    flagMask: 0,
    flagCompare: 0,
    flagsInverted: false,
    option: 0,
    optionInverted: false,
  };
  const seen = new Set<string>();
  for (const use of uses) {
    const kind = use.name === 'syn' ? 'tcp-flags' : use.name;
    if (seen.has(kind)) {
      throw new OptionError('option-repeated', TWICE[kind] ?? kind, { option: use.name });
    }
    seen.add(kind);
    if (kind === 'sport') options = { ...options, source: parsePorts(use) };
    else if (kind === 'dport') options = { ...options, destination: parsePorts(use) };
    else if (kind === 'tcp-flags') options = { ...options, ...parseFlags(use) };
    else if (kind === 'tcp-option') {
      options = { ...options, option: parseOptionKind(use), optionInverted: use.inverted };
    }
  }
  return options;
}

/**
 * Whether an option kind is in the header, as tcp_find_option walks them: YES, NO, HOTDROP when the
 * header says it is shorter than it can be or longer than the packet, UNDECIDED when cut.
 */
function findOption(packet: PacketView, kind: number): MatchResult {
  if (packet.transportCaptured < 13) return UNDECIDED;
  const { bytes, transportOffset } = packet;
  const headerLength = ((bytes[transportOffset + 12] ?? 0) >> 4) * 4;
  if (headerLength < TCP_HEADER_LENGTH || headerLength > packet.transportLength) return HOTDROP;
  const end = transportOffset + headerLength;
  const captured = transportOffset + packet.transportCaptured;
  let at = transportOffset + TCP_HEADER_LENGTH;
  while (at < end) {
    if (at >= captured) return UNDECIDED;
    const here = bytes[at] ?? 0;
    if (here === kind) return YES;
    if (here < 2) at += 1;
    else if (at + 1 < end && at + 1 >= captured) return UNDECIDED;
    else at += (at + 1 < end ? bytes[at + 1] : 0) || 1;
  }
  return NO;
}

function matches(options: TcpOptions, context: PacketContext): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, TCP_HEADER_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    // A TCP fragment 8 bytes in could overwrite the flags. The kernel counts IPv4 offsets in units
    // of 8 bytes and IPv6 ones in bytes, so that only IPv4 is caught.
    return packet.family === 4 && packet.fragmentOffset === 8 ? HOTDROP : NO;
  }
  if (header === HEADER_SHORT) return HOTDROP;
  const noPorts = packet.sourcePort < 0;
  if (!noPorts && !portHolds(options.source, packet.sourcePort)) return NO;
  if (!noPorts && !portHolds(options.destination, packet.destinationPort)) return NO;
  const noFlags = packet.tcpFlags < 0;
  if (!noFlags && !flagsHold(options, packet.tcpFlags)) return NO;
  let unknown =
    (noPorts && !(isAnyPort(options.source) && isAnyPort(options.destination))) ||
    (noFlags && looksAtFlags(options));
  if (options.option !== 0) {
    const found = findOption(packet, options.option);
    if (found === HOTDROP && !unknown) return HOTDROP;
    if (found === UNDECIDED || found === HOTDROP) unknown = true;
    else if ((found === YES) === options.optionInverted) return NO;
  }
  if (!unknown) return YES;
  // Only who looks for an option looks at the data offset, which may be wrong.
  if (options.option !== 0) context.mayHotdrop = true;
  return undecided(context, 'the snap length cut the TCP header');
}

function flagsHold(options: TcpOptions, flags: number): boolean {
  return ((flags & options.flagMask) === options.flagCompare) !== options.flagsInverted;
}

function looksAtFlags(options: TcpOptions): boolean {
  return options.flagMask !== 0 || options.flagCompare !== 0 || options.flagsInverted;
}

function explain(options: TcpOptions, context: PacketContext): string {
  const { packet } = context;
  const header = transportHeader(packet, TCP_HEADER_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return 'tcp: a later fragment has no TCP header';
  if (header === HEADER_SHORT) {
    return `tcp: ${packet.transportLength} bytes are no whole TCP header: dropped`;
  }
  const failed = [...failedPorts(options, packet)];
  if (packet.tcpFlags >= 0 && !flagsHold(options, packet.tcpFlags)) {
    const looked = tcpFlagNames(packet.tcpFlags & options.flagMask);
    const wanted = tcpFlagNames(options.flagCompare);
    const mask = tcpFlagNames(options.flagMask);
    failed.push(`${unequal('tcp-flags', options.flagsInverted, looked, wanted)} (of ${mask})`);
  }
  const found = options.option === 0 ? YES : findOption(packet, options.option);
  if (found === HOTDROP) failed.push('tcp: the data offset does not fit the segment: dropped');
  if (options.option !== 0 && found === (options.optionInverted ? YES : NO)) {
    failed.push(
      options.optionInverted
        ? `! --tcp-option: option ${options.option} is there`
        : `--tcp-option: no option ${options.option}`,
    );
  }
  if (failed.length === 0 && header === HEADER_CUT)
    return 'tcp: the snap length cut the TCP header';
  return failed.join('; ');
}

function print(options: TcpOptions): string {
  return joined(
    savedPorts('sport', options.source),
    savedPorts('dport', options.destination),
    options.option === 0
      ? ''
      : `${options.optionInverted ? '! ' : ''}--tcp-option ${options.option}`,
    options.flagMask === 0 && !options.flagsInverted
      ? ''
      : `${options.flagsInverted ? '! ' : ''}--tcp-flags ${tcpFlagNames(options.flagMask)} ${tcpFlagNames(options.flagCompare)}`,
  );
}

function list(options: TcpOptions, numeric: boolean): string {
  const text = numeric ? tcpFlagDigits : tcpFlagNames;
  return joined(
    'tcp',
    listedPorts('spt', options.source, 'tcp', numeric),
    listedPorts('dpt', options.destination, 'tcp', numeric),
    options.option === 0 ? '' : `option=${options.optionInverted ? '!' : ''}${options.option}`,
    options.flagMask === 0 && !options.flagsInverted
      ? ''
      : `flags:${options.flagsInverted ? '!' : ''}${text(options.flagMask)}/${text(options.flagCompare)}`,
  );
}

/** -m tcp. */
export const tcp: MatchDefinition<TcpOptions> = {
  name: 'tcp',
  families: [4, 6],
  help: 'ports, flags and options of the TCP header; needs -p tcp',
  options: [
    {
      name: 'sport',
      aliases: ['source-port'],
      argument: 'port[:port]',
      invertible: true,
      help: 'source port or range of ports, by number or service name',
    },
    {
      name: 'dport',
      aliases: ['destination-port'],
      argument: 'port[:port]',
      invertible: true,
      help: 'destination port or range of ports, by number or service name',
    },
    { name: 'syn', invertible: true, help: 'as --tcp-flags FIN,SYN,RST,ACK SYN' },
    {
      name: 'tcp-flags',
      argument: 'mask comp',
      extraArguments: 1,
      invertible: true,
      help: 'of the flags in mask exactly those in comp are set',
    },
    {
      name: 'tcp-option',
      argument: 'number',
      invertible: true,
      help: 'a TCP option of this kind is there',
    },
  ],
  reads: ['ports', 'tcp-flags', 'tcp-options', 'fragment'],
  readsFor: ({ option }) => (option === 0 ? ['ports', 'tcp-flags', 'fragment'] : tcp.reads),
  parse(uses, context) {
    const options = parseUses(uses);
    requireProtocol('tcp', context, 6, 'tcp');
    return options;
  },
  print,
  list,
  matches,
  explain,
};
