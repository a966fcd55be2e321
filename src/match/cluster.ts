/**
 * -m cluster: this node's share of the connections, by a hash of the address that began the
 * connection. As net/netfilter/xt_cluster.c: a packet without a connection does not match, inverted
 * or not; and a packet to one host in a multicast frame is taken for an ordinary one from here on.
 */
import type { Connection } from '../conntrack/types.ts';
import { PACKET_HOST, PACKET_MULTICAST } from '../packet/fields.ts';
import { toMulticast } from './address-kind.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { hashWord, littleEndian, scaleTo } from './jenkins-hash.ts';
import { argument, excludeEachOther, hasOption, readOptions, requireOption } from './options.ts';
import { boundedNumber } from './values.ts';

/** Options of -m cluster. */
export interface ClusterOptions {
  readonly totalNodes: number;
  /** Unsigned 32-bit. */
  readonly nodeMask: number;
  readonly seed: number;
  readonly inverted: boolean;
}

const MOST_NODES = 32;

function paddedHex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** The node that a connection belongs to, from 0. */
function nodeOf({ original }: Connection, { totalNodes, seed }: ClusterOptions): number {
  // Of an IPv6 address the kernel takes the first word only: it counts in units of its union.
  const hash = hashWord(littleEndian(original.source[0] ?? 0), seed);
  return scaleTo(hash, totalNodes);
}

function matches(options: ClusterOptions, context: PacketContext): MatchResult {
  const { packet, connection } = context;
  if (packet.packetType === PACKET_MULTICAST && !toMulticast(packet))
    packet.packetType = PACKET_HOST;
  if (connection === undefined) return NO;
  const mine = ((options.nodeMask >>> nodeOf(connection, options)) & 1) !== 0;
  return mine !== options.inverted ? YES : NO;
}

function parse(uses: readonly OptionUse[]): ClusterOptions {
  let options: ClusterOptions = { totalNodes: 0, nodeMask: 0, seed: 0, inverted: false };
  const number = (use: OptionUse): number =>
    boundedNumber('cluster', use.name, argument(use), MOST_NODES, 1);
  readOptions('cluster', cluster.options, uses, {
    'cluster-total-nodes': (use) => {
      options = { ...options, totalNodes: number(use) };
    },
    'cluster-local-node': (use) => {
      options = { ...options, nodeMask: 2 ** (number(use) - 1), inverted: use.inverted };
    },
    'cluster-local-nodemask': (use) => {
      options = { ...options, nodeMask: number(use), inverted: use.inverted };
    },
    'cluster-hash-seed': (use) => {
      const seed = boundedNumber('cluster', use.name, argument(use), 0xffffffff);
      options = { ...options, seed };
    },
  });
  const has = (name: string): boolean => hasOption(uses, name);
  const complete = has('cluster-total-nodes') && has('cluster-hash-seed');
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', `cluster match: ${message}`);
  if (complete && options.nodeMask >= 2 ** options.totalNodes) {
    throw refuse(
      has('cluster-local-node')
        ? "`--cluster-local-node' must be <= `--cluster-total-nodes'"
        : "`--cluster-local-nodemask' too big for `--cluster-total-nodes'",
    );
  }
  if (!has('cluster-local-node') && !has('cluster-local-nodemask'))
    throw refuse("`--cluster-local-node' or`--cluster-local-nodemask' is missing");
  requireOption('cluster', uses, 'cluster-total-nodes');
  excludeEachOther('cluster', uses, ['cluster-local-node', 'cluster-local-nodemask']);
  requireOption('cluster', uses, 'cluster-hash-seed');
  return options;
}

/** -m cluster. */
export const cluster: MatchDefinition<ClusterOptions> = {
  name: 'cluster',
  families: [4, 6],
  help: "this node's share of the connections, by a hash of the address that began them",
  options: [
    { name: 'cluster-total-nodes', argument: 'number', help: 'nodes in all, up to 32' },
    { name: 'cluster-local-node', argument: 'number', invertible: true, help: 'this one, from 1' },
    {
      name: 'cluster-local-nodemask',
      argument: 'mask',
      invertible: true,
      help: 'several nodes as bits; the real tool takes it up to 32 only',
    },
    { name: 'cluster-hash-seed', argument: 'seed', help: 'the same on all nodes' },
  ],
  reads: ['connection', 'packet-type', 'addresses'],
  parse,
  print: (options) =>
    `${options.inverted ? '! ' : ''}--cluster-local-nodemask ${paddedHex(options.nodeMask)} --cluster-total-nodes ${options.totalNodes} --cluster-hash-seed ${paddedHex(options.seed)}`,
  list: (options) =>
    `cluster ${options.inverted ? '!' : ''}node_mask=${paddedHex(options.nodeMask)} total_nodes=${options.totalNodes} hash_seed=${paddedHex(options.seed)}`,
  matches,
  explain: (options, { connection }) => {
    if (connection === undefined) return 'cluster: no connection';
    const node = nodeOf(connection, options) + 1;
    return `--cluster-local-nodemask: the connection belongs to node ${node} of ${options.totalNodes}`;
  },
};
