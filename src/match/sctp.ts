/** -m sctp: ports and chunks of SCTP (RFC 9260). As net/netfilter/xt_sctp.c. */
import {
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  joined,
  transportHeader,
  undecided,
} from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { savedPortCondition } from './dccp.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, UNDECIDED, YES } from './definition.ts';
import { argument } from './options.ts';
import type { PortCondition } from './ports.ts';
import { ANY_PORT, failedPorts, listedPorts, portHolds, servicePortNumber } from './ports.ts';
import { requireProtocol } from './refusal.ts';
import type { ChunkCondition } from './sctp-chunks.ts';
import { chunksHold, chunksText, parseChunks } from './sctp-chunks.ts';

/** Options of -m sctp. */
export interface SctpOptions {
  readonly source: PortCondition | undefined;
  readonly destination: PortCondition | undefined;
  readonly chunks: ChunkCondition | undefined;
}

const PROTOCOL = 132;
const LENGTH = 12;

/** @throws OptionError bad-port, bad-range */
function parsePorts(use: OptionUse): PortCondition {
  const text = argument(use);
  const { inverted } = use;
  const port = (part: string): number => servicePortNumber(part, 'sctp', use.name);
  const colon = text.indexOf(':');
  if (colon < 0) return { low: port(text), high: port(text), inverted };
  const first = text.slice(0, colon);
  const second = text.slice(colon + 1);
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

/** The message when an option stands twice. */
const TWICE: Readonly<Record<string, string>> = {
  sport: "Only one `--source-port' allowed",
  dport: "Only one `--destination-port' allowed",
  'chunk-types': "Only one `--chunk-types' allowed",
};

function parse(uses: readonly OptionUse[]): SctpOptions {
  let options: SctpOptions = { source: undefined, destination: undefined, chunks: undefined };
  const seen = new Set<string>();
  for (const use of uses) {
    const { name } = use;
    if (seen.has(name)) {
      throw new OptionError('option-repeated', TWICE[name] ?? name, { option: name });
    }
    seen.add(name);
    if (name === 'sport') options = { ...options, source: parsePorts(use) };
    else if (name === 'dport') options = { ...options, destination: parsePorts(use) };
    else options = { ...options, chunks: parseChunks(argument(use), use.inverted) };
  }
  return options;
}

function judge(options: SctpOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const { chunks } = options;
  const header = transportHeader(packet, LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    failures?.push('sctp: a later fragment has no header');
    return NO;
  }
  if (header === HEADER_SHORT) {
    failures?.push(`sctp: ${packet.transportLength} bytes are no whole header: dropped`);
    return HOTDROP;
  }
  if (packet.sourcePort < 0) return undecided(context, 'the snap length cut the SCTP header');
  const ports = {
    source: options.source ?? ANY_PORT,
    destination: options.destination ?? ANY_PORT,
  };
  if (
    !portHolds(ports.source, packet.sourcePort) ||
    !portHolds(ports.destination, packet.destinationPort)
  ) {
    failures?.push(...failedPorts(ports, packet));
    return NO;
  }
  if (chunks === undefined) return YES;
  const held = chunksHold(chunks, packet);
  if (held === UNDECIDED) return undecided(context, 'the snap length cut the SCTP chunks');
  if (held === HOTDROP && chunks.inverted) {
    // The kernel counts the rule, goes on to its target, and drops the packet all the same.
    return undecided(context, 'a negated --chunk-types meets malformed chunks');
  }
  if (held === HOTDROP) {
    failures?.push('sctp: a chunk is cut short by the datagram or has no length: dropped');
    return HOTDROP;
  }
  if ((held === YES) !== chunks.inverted) return YES;
  const text = chunksText(chunks, false);
  failures?.push(
    chunks.inverted ? `! --chunk-types: they are ${text}` : `--chunk-types: not ${text}`,
  );
  return NO;
}

function listed(name: string, ports: PortCondition | undefined, numeric: boolean): string {
  return ports === undefined ? '' : listedPorts(name, ports, 'sctp', numeric);
}

/** -m sctp. */
export const sctp: MatchDefinition<SctpOptions> = {
  name: 'sctp',
  families: [4, 6],
  mayHotdrop: true,
  help: 'ports and chunks of an SCTP packet; needs -p sctp',
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
    {
      name: 'chunk-types',
      argument: 'all|any|only chunk[:flags][,chunk[:flags]…]',
      extraArguments: 1,
      invertible: true,
      help: 'all of these chunks, any of them, or no others; flags in capitals are set, others not',
    },
  ],
  reads: ['ports', 'payload', 'fragment'],
  parse(uses, context) {
    const options = parse(uses);
    requireProtocol('sctp', context, PROTOCOL, 'sctp');
    return options;
  },
  print: ({ source, destination, chunks }) =>
    joined(
      savedPortCondition('sport', source),
      savedPortCondition('dport', destination),
      chunks === undefined
        ? ''
        : `${chunks.inverted ? '! ' : ''}--chunk-types ${chunksText(chunks, false)}`,
    ),
  list: ({ source, destination, chunks }, numeric) =>
    joined(
      'sctp',
      listed('spt', source, numeric),
      listed('dpt', destination, numeric),
      chunks === undefined ? '' : `${chunks.inverted ? '! ' : ''}${chunksText(chunks, numeric)}`,
    ),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
