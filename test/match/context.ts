/**
 * Matches, targets and packet contexts for tests: rules as one writes them, on a host with one
 * Ethernet interface (eth0: 192.0.2.1/24, 2001:db8::1/64).
 */

import type { Connection, Tuple } from '../../src/conntrack/types.ts';
import type { BoundMatch, PacketContext } from '../../src/match/definition.ts';
import { HOTDROP, NO, UNDECIDED, YES } from '../../src/match/definition.ts';
import { newContext } from '../../src/match/new-context.ts';
import { findMatch } from '../../src/match/registry.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import type { Family } from '../../src/ruleset/types.ts';
import { HOOK_FORWARD, HOOK_INPUT, HOOK_PREROUTING } from '../../src/ruleset/types.ts';
import type { BoundTarget } from '../../src/target/definition.ts';
import { findTarget } from '../../src/target/registry.ts';
import { createTopology, parseVantage } from '../../src/topology/vantage.ts';
import { addressBytes } from '../support/packets.ts';
import { parseContext, shellWords, usesOf } from './examples.ts';

/** A match of `-p udp -m udp --dport 53`: the protocol, if any, then `-m NAME`, then its options. */
export function matchOf(rule: string, family: Family = 4): BoundMatch {
  const [, protocol = '', name = '', options = ''] =
    /^((?:! )?-p \S+)? ?-m (\S+) ?(.*)$/.exec(rule) ?? [];
  const match = findMatch(name, family);
  if (match === undefined) throw new Error(`no match ${name}`);
  return match.bind(usesOf(match.options, shellWords(options)), parseContext(family, protocol));
}

/** A target of `-p tcp -j REJECT --reject-with tcp-reset`. */
export function targetOf(rule: string, family: Family = 4): BoundTarget {
  const [, protocol = '', name = '', options = ''] =
    /^((?:! )?-p \S+(?: -m .*?)?)? ?-j (\S+) ?(.*)$/.exec(rule) ?? [];
  const target = findTarget(name, family);
  if (target === undefined) throw new Error(`no target ${name}`);
  return target.bind(usesOf(target.options, shellWords(options)), parseContext(family, protocol));
}

/** The host's routing. */
export const topology = createTopology(
  parseVantage({ local: [], interface: ['eth0=192.0.2.1/24,2001:db8::1/64'], route: [] }),
);

/** The context of a packet that arrives on eth0 (INPUT), unless told otherwise. */
export function contextOf(packet: PacketView, more: Partial<PacketContext> = {}): PacketContext {
  const hook = more.hook ?? HOOK_INPUT;
  const arrives = hook === HOOK_PREROUTING || hook === HOOK_INPUT || hook === HOOK_FORWARD;
  const leaves = !arrives || hook === HOOK_FORWARD;
  return {
    ...newContext(packet, packet.family === 6 ? 6 : 4, topology),
    hook,
    inInterface: arrives ? 'eth0' : '',
    outInterface: leaves ? 'eth0' : '',
    ctstate: 0,
    ...more,
  };
}

const RESULTS: Readonly<Record<number, string>> = {
  [NO]: 'NO',
  [YES]: 'YES',
  [HOTDROP]: 'HOTDROP',
  [UNDECIDED]: 'UNDECIDED',
};

/** What a fresh instance of a match says of a packet: 'NO', 'YES', 'HOTDROP' or 'UNDECIDED'. */
export function say(rule: string, packet: PacketView, more: Partial<PacketContext> = {}): string {
  const match = matchOf(rule, packet.family === 6 ? 6 : 4);
  return RESULTS[match.matches(contextOf(packet, more), match.createState())] ?? '?';
}

/** Why a match fails. */
export function why(rule: string, packet: PacketView, more: Partial<PacketContext> = {}): string {
  return matchOf(rule, packet.family === 6 ? 6 : 4).explain(contextOf(packet, more));
}

/** A tuple of `192.0.2.1 40000 192.0.2.2 80`. */
export function tupleOf(text: string, protocol = 6): Tuple {
  const [source = '', sourcePort = '0', destination = '', destinationPort = '0'] = text.split(' ');
  const words = (address: string): Int32Array => {
    const bytes = addressBytes(address);
    const view = new DataView(bytes.buffer);
    return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i));
  };
  return {
    family: source.includes(':') ? 6 : 4,
    protocol,
    source: words(source),
    destination: words(destination),
    sourcePort: Number(sourcePort),
    destinationPort: Number(destinationPort),
    zone: 0,
  };
}

/** A connection whose reply tuple is the original one turned round. */
export function connectionOf(text: string, more: Partial<Connection> = {}): Connection {
  const original = tupleOf(text, more.original?.protocol ?? 6);
  return {
    original,
    reply: {
      ...original,
      source: original.destination,
      destination: original.source,
      sourcePort: original.destinationPort,
      destinationPort: original.sourcePort,
    },
    status: 0,
    mark: 0,
    protocolState: '',
    expiresAt: 0,
    firstPacket: 1,
    midStream: false,
    packetCount: () => 0,
    byteCount: () => 0,
    ...more,
  };
}
