/**
 * -m udp: ports of the UDP header. As udp_mt (net/netfilter/xt_tcpudp.c) and libxt_udp.c of iptables
 * 1.8.9, which finds ports by getaddrinfo and takes reversed ranges (they never match).
 */
import {
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  joined,
  transportHeader,
  undecided,
} from './conditions.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { HOTDROP, NO, YES } from './definition.ts';
import type { MessageNames } from './options.ts';
import { argument, readOptions } from './options.ts';
import type { PortCondition } from './ports.ts';
import {
  ANY_PORT,
  failedPorts,
  isAnyPort,
  listedPorts,
  lookedUpPortRange,
  portHolds,
  savedPorts,
} from './ports.ts';
import { requireProtocol } from './refusal.ts';

/** Options of -m udp. */
export interface UdpOptions {
  readonly source: PortCondition;
  readonly destination: PortCondition;
}

const UDP_HEADER_LENGTH = 8;
const NAMES: MessageNames = { sport: 'source-port', dport: 'destination-port' };

function matches(options: UdpOptions, context: PacketContext): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, UDP_HEADER_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return NO;
  if (header === HEADER_SHORT) return HOTDROP;
  if (packet.sourcePort < 0) {
    if (isAnyPort(options.source) && isAnyPort(options.destination)) return YES;
    return undecided(context, 'the snap length cut the UDP header');
  }
  if (!portHolds(options.source, packet.sourcePort)) return NO;
  return portHolds(options.destination, packet.destinationPort) ? YES : NO;
}

function explain(options: UdpOptions, context: PacketContext): string {
  const { packet } = context;
  const header = transportHeader(packet, UDP_HEADER_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return 'udp: a later fragment has no UDP header';
  if (header === HEADER_SHORT) {
    return `udp: ${packet.transportLength} bytes are no whole UDP header: dropped`;
  }
  if (packet.sourcePort < 0) return 'udp: the snap length cut the UDP header';
  return failedPorts(options, packet).join('; ');
}

/** -m udp. */
export const udp: MatchDefinition<UdpOptions> = {
  name: 'udp',
  families: [4, 6],
  help: 'ports of the UDP header; needs -p udp',
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
  ],
  reads: ['ports', 'fragment'],
  parse(uses, context) {
    let source = ANY_PORT;
    let destination = ANY_PORT;
    const ports = (use: OptionUse): PortCondition => ({
      ...lookedUpPortRange('udp', use.name, argument(use), NAMES[use.name]),
      inverted: use.inverted,
    });
    readOptions(
      'udp',
      udp.options,
      uses,
      {
        sport: (use) => {
          source = ports(use);
        },
        dport: (use) => {
          destination = ports(use);
        },
      },
      NAMES,
    );
    requireProtocol('udp', context, 17, 'udp');
    return { source, destination };
  },
  print: (options) =>
    joined(savedPorts('sport', options.source), savedPorts('dport', options.destination)),
  list: (options, numeric) =>
    joined(
      'udp',
      listedPorts('spt', options.source, 'udp', numeric),
      listedPorts('dpt', options.destination, 'udp', numeric),
    ),
  matches,
  explain,
};
