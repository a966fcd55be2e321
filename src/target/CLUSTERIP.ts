/**
 * -j CLUSTERIP: lets each node of a cluster with one address take its share of the connections
 * (net/ipv4/netfilter/ipt_CLUSTERIP.c, removed in Linux 6.8). Which shares a node takes changes while
 * it runs, so the packet is undecided.
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { parseMac } from '../match/mac.ts';
import { argument, hasOption, readOptions, requireWith } from '../match/options.ts';
import { boundedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_UNDECIDED } from './definition.ts';

/** Options of -j CLUSTERIP. */
export interface ClusteripOptions {
  /** --new was given: the rest counts. */
  readonly isNew: boolean;
  readonly hashMode: string;
  readonly mac: readonly number[];
  readonly totalNodes: number;
  readonly localNode: number;
  readonly hashInit: number;
}

const HASH_MODES = ['sourceip', 'sourceip-sourceport', 'sourceip-sourceport-destport'];
const MOST_NODES = 16;
const NEEDED = ['new', 'hashmode', 'clustermac', 'total-nodes', 'local-node'];

/** @throws OptionError bad-value */
function parseHashMode(use: OptionUse): string {
  const text = argument(use);
  if (HASH_MODES.includes(text)) return text;
  throw new OptionError('bad-value', `Unknown hashmode "${text}"`, {
    option: use.name,
    hint: `modes are ${HASH_MODES.join(', ')}`,
  });
}

/** @throws OptionError bad-mac */
function parseGroupMac(use: OptionUse): number[] {
  const mac = parseMac(argument(use));
  if (((mac[0] ?? 0) & 1) === 1) return mac;
  throw new OptionError('bad-mac', 'MAC has to be a multicast ethernet address', {
    option: use.name,
  });
}

function macText(mac: readonly number[]): string {
  return mac.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(':');
}

/** -j CLUSTERIP. */
export const CLUSTERIP: TargetDefinition<ClusteripOptions> = {
  name: 'CLUSTERIP',
  families: [4],
  hooks: ['INPUT'],
  help: "take this node's share of a cluster's connections (removed in Linux 6.8)",
  options: [
    { name: 'new', help: 'make a new cluster; the other options need it' },
    { name: 'hashmode', argument: 'mode', help: 'what of a packet chooses the node' },
    { name: 'clustermac', argument: 'mac', help: 'multicast MAC address of the cluster' },
    { name: 'total-nodes', argument: 'number', help: 'number of nodes, at most 16' },
    { name: 'local-node', argument: 'number', help: 'number of this node' },
    { name: 'hash-init', argument: 'number', help: 'start value of the hash' },
  ],
  parse(uses) {
    let options: ClusteripOptions = {
      isNew: false,
      hashMode: HASH_MODES[0] ?? '',
      mac: [0, 0, 0, 0, 0, 0],
      totalNodes: 0,
      localNode: 0,
      hashInit: 0,
    };
    const number = (use: OptionUse, max: number): number =>
      boundedNumber('CLUSTERIP', use.name, argument(use), max);
    readOptions('CLUSTERIP', CLUSTERIP.options, uses, {
      new: () => {
        options = { ...options, isNew: true };
      },
      hashmode: (use) => {
        options = { ...options, hashMode: parseHashMode(use) };
      },
      clustermac: (use) => {
        options = { ...options, mac: parseGroupMac(use) };
      },
      'total-nodes': (use) => {
        options = { ...options, totalNodes: number(use, MOST_NODES) };
      },
      'local-node': (use) => {
        options = { ...options, localNode: number(use, MOST_NODES) };
      },
      'hash-init': (use) => {
        options = { ...options, hashInit: number(use, 0xffffffff) };
      },
    });
    if (uses.length > 0 && !NEEDED.every((name) => hasOption(uses, name))) {
      const message = 'CLUSTERIP target: Invalid parameter combination';
      throw new OptionError('option-missing', message, {
        hint: `give ${NEEDED.map((name) => `--${name}`).join(', ')}`,
      });
    }
    requireWith('CLUSTERIP', uses, 'hash-init', 'new');
    return options;
  },
  print({ isNew, hashMode, mac, totalNodes, localNode, hashInit }) {
    if (!isNew) return '';
    return `--new --hashmode ${hashMode} --clustermac ${macText(mac)} --total-nodes ${totalNodes} --local-node ${localNode} --hash-init ${hashInit}`;
  },
  list({ isNew, hashMode, mac, totalNodes, localNode, hashInit }) {
    if (!isNew) return 'CLUSTERIP';
    return `CLUSTERIP hashmode=${hashMode} clustermac=${macText(mac)} total_nodes=${totalNodes} local_node=${localNode} hash_init=${hashInit}`;
  },
  tracksConnections: () => true,
  apply(_, context) {
    context.undecidedReason = "which node of CLUSTERIP's cluster takes the packet is not known";
    return TARGET_UNDECIDED;
  },
};
