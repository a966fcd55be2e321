/**
 * -m multiport: one of up to 15 ports (a range takes two places). As multiport_mt
 * (net/netfilter/xt_multiport.c): the first four bytes of the transport header must be there, and a
 * later fragment never matches, inverted or not.
 */
import {
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  transportHeader,
  undecided,
} from './conditions.ts';
import type {
  MatchDefinition,
  MatchResult,
  OptionUse,
  PacketContext,
  ParseContext,
} from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import type { MessageNames } from './options.ts';
import { argument, excludeEachOther, readOptions } from './options.ts';
import { portName, servicePortNumber } from './ports.ts';
import type { Range } from './values.ts';

/** Which ports are looked at. */
type Side = 'sports' | 'dports' | 'ports';

/** Options of -m multiport. */
export interface MultiportOptions {
  readonly side: Side;
  /** In the order written; a single port has equal ends. */
  readonly ranges: readonly Range[];
  readonly inverted: boolean;
  /** Name of the rule's protocol, for service names. */
  readonly protocol: string;
}

const PORTS_LENGTH = 4;
/** XT_MULTI_PORTS. */
const MOST_PORTS = 15;
const NAMES: MessageNames = { sports: 'source-ports', dports: 'destination-ports' };
const SIDES: readonly Side[] = ['sports', 'dports', 'ports'];
const PROTOCOLS: Readonly<Record<number, string>> = {
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  132: 'sctp',
  136: 'udplite',
};

/** @throws OptionError protocol-required */
function protocolName(use: OptionUse, context: ParseContext): string {
  const protocol = use.beforeProtocol === true ? undefined : context.ip.protocol;
  const name = protocol?.inverted === false ? PROTOCOLS[protocol.number] : undefined;
  if (name !== undefined) return name;
  throw protocol === undefined
    ? new OptionError(
        'protocol-required',
        "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
        { option: use.name, hint: 'put -p before -m multiport' },
      )
    : new OptionError(
        'protocol-required',
        'multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP',
        { option: use.name },
      );
}

/** `22,80:90,443`. @throws OptionError bad-port, bad-range, too-many-ports */
function parseRanges(text: string, protocol: string, option: string): Range[] {
  const tooMany = (): OptionError =>
    new OptionError('too-many-ports', 'too many ports specified', {
      option,
      hint: 'one instance takes 15 ports, a range counting as two',
    });
  const ranges: Range[] = [];
  let places = 0;
  for (const part of text.split(',')) {
    const colon = part.indexOf(':');
    places += colon < 0 ? 1 : 2;
    if (places > MOST_PORTS) throw tooMany();
    const low = servicePortNumber(colon < 0 ? part : part.slice(0, colon), protocol, option);
    const high = colon < 0 ? low : servicePortNumber(part.slice(colon + 1), protocol, option);
    if (colon >= 0 && low >= high) {
      throw new OptionError('bad-range', 'invalid portrange specified', {
        option,
        hint: 'the first port of a range must be below the second',
      });
    }
    ranges.push({ low, high });
  }
  return ranges;
}

function anyHolds(ranges: readonly Range[], port: number): boolean {
  for (const { low, high } of ranges) if (port >= low && port <= high) return true;
  return false;
}

function matches(options: MultiportOptions, context: PacketContext): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, PORTS_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return NO;
  if (header === HEADER_SHORT) return HOTDROP;
  if (packet.sourcePort < 0) return undecided(context, 'the snap length cut the ports');
  const { side, ranges, inverted } = options;
  const holds =
    (side !== 'dports' && anyHolds(ranges, packet.sourcePort)) ||
    (side !== 'sports' && anyHolds(ranges, packet.destinationPort));
  return holds !== inverted ? YES : NO;
}

function portsText(options: MultiportOptions, numeric: boolean): string {
  const name = (port: number): string => portName(port, options.protocol, numeric);
  return options.ranges
    .map(({ low, high }) => (low === high ? name(low) : `${name(low)}:${name(high)}`))
    .join(',');
}

function explain(options: MultiportOptions, context: PacketContext): string {
  const { packet } = context;
  const header = transportHeader(packet, PORTS_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return 'multiport: a later fragment has no ports';
  if (header === HEADER_SHORT) {
    return `multiport: ${packet.transportLength} bytes hold no two ports: dropped`;
  }
  if (packet.sourcePort < 0) return 'multiport: the snap length cut the ports';
  const has = {
    sports: `${packet.sourcePort}`,
    dports: `${packet.destinationPort}`,
    ports: `${packet.sourcePort} and ${packet.destinationPort}`,
  }[options.side];
  const wanted = portsText(options, true);
  return options.inverted
    ? `! --${options.side}: ${has} is excluded (${wanted})`
    : `--${options.side}: ${has}, not in ${wanted}`;
}

function spec(name: Side, alias: readonly string[], which: string): MatchSpec {
  return {
    name,
    aliases: alias,
    argument: 'port[,port:port…]',
    invertible: true,
    help: `${which} is one of these ports`,
  };
}
type MatchSpec = MatchDefinition<MultiportOptions>['options'][number];

/** -m multiport. */
export const multiport: MatchDefinition<MultiportOptions> = {
  name: 'multiport',
  families: [4, 6],
  help: 'one of up to 15 ports; needs -p tcp, udp, udplite, sctp or dccp before it',
  options: [
    spec('sports', ['source-ports'], 'the source port'),
    spec('dports', ['destination-ports'], 'the destination port'),
    spec('ports', [], 'the source or the destination port'),
  ],
  reads: ['ports', 'fragment'],
  parse(uses, context) {
    let options: MultiportOptions | undefined;
    const read = (use: OptionUse): void => {
      const protocol = protocolName(use, context);
      const ranges = parseRanges(argument(use), protocol, use.name);
      options = { side: use.name as Side, ranges, inverted: use.inverted, protocol };
    };
    const readers = { sports: read, dports: read, ports: read };
    readOptions('multiport', multiport.options, uses, readers, NAMES);
    if (options === undefined) {
      throw new OptionError('option-missing', 'multiport expection an option', {
        hint: 'add --dports, --sports or --ports',
      });
    }
    excludeEachOther('multiport', uses, SIDES, NAMES);
    return options;
  },
  print: (options) =>
    `${options.inverted ? '! ' : ''}--${options.side} ${portsText(options, true)}`,
  list: (options, numeric) =>
    `multiport ${options.side} ${options.inverted ? ' !' : ''}${portsText(options, numeric)}`,
  matches,
  explain,
};
