/**
 * The host and the rules of the kernel scenes: a router whose rules count the ctstate in every table
 * at every hook, and the short line that tells what a packet moved there.
 */
import {
  BUILTIN_CHAINS,
  HOOK_NAMES,
  TABLE_NAMES,
  type TableName,
} from '../../src/ruleset/types.ts';
import type { KernelJob, Moved } from './kernel.ts';
import { onTheWire } from './kernel-wire.ts';
import { buildDatagram, type DatagramSpec } from './packets.ts';

const STATES = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED'] as const;

/** A ruleset that only counts: in each chain of the tables one rule per ctstate. */
export function stateCounters(tables: readonly TableName[] = TABLE_NAMES): string {
  let text = '';
  for (const table of tables) {
    text += `*${table}\n`;
    for (const chain of BUILTIN_CHAINS[table]) text += `:${chain} ACCEPT [0:0]\n`;
    for (const chain of BUILTIN_CHAINS[table])
      for (const state of STATES) text += `-A ${chain} -m conntrack --ctstate ${state}\n`;
    text += 'COMMIT\n';
  }
  return text;
}

/** Tables with their built-in chains, policy ACCEPT, and no rule. */
export function emptyTables(tables: readonly TableName[]): string {
  let text = '';
  for (const table of tables) {
    const chains = BUILTIN_CHAINS[table].map((chain) => `:${chain} ACCEPT [0:0]\n`);
    text += `*${table}\n${chains.join('')}COMMIT\n`;
  }
  return text;
}

/** The host of most scenes: a router with two networks; 192.0.2.0/24 and 2001:db8:1::/64 on eth0. */
export const ROUTER = {
  interfaces: [
    {
      name: 'eth0',
      mac: '02:00:00:00:00:a0',
      addresses: ['192.0.2.1/24', '2001:db8:1::1/64', 'fe80::1/64'],
    },
    {
      name: 'eth1',
      mac: '02:00:00:00:00:a1',
      addresses: ['203.0.113.1/24', '2001:db8:2::1/64', 'fe80::2/64'],
    },
    { name: 'lo', addresses: ['127.0.0.1/8', '::1/128'] },
  ],
  routes: ['198.51.100.0/24=eth1', '2001:db8:c::/64=eth1', 'default=eth0'],
} as const;

/** A packet of a scene. */
export type ScenePacket = DatagramSpec | Uint8Array;

/** What a scene needs beside its packets. */
export type SceneOptions = Partial<Omit<KernelJob, 'packets' | 'capture'>>;

/** Short words for the usual ways through the hooks. */
const WAYS: Readonly<Record<string, string>> = {
  'PREROUTING INPUT': 'in',
  'OUTPUT POSTROUTING': 'out',
  'PREROUTING FORWARD POSTROUTING': 'forward',
  'PREROUTING INPUT OUTPUT POSTROUTING': 'loop',
  PREROUTING: 'lost',
};

/**
 * One line for what a packet moved in the mangle table: the ctstate and the way: `NEW in`,
 * `INVALID forward`, `ESTABLISHED out`; `lost`: PREROUTING only; `-`: nothing.
 */
export function summary(moved: readonly Moved[]): string {
  const mangle = moved.filter(([, table]) => table === 'mangle');
  if (mangle.length === 0) return moved.length === 0 ? '-' : 'raw only';
  const states = new Set<string>();
  const hooks: string[] = [];
  for (const hook of HOOK_NAMES) {
    const here = mangle.filter(([, , chain]) => chain === hook);
    for (const [, , , rule] of here)
      if (rule !== 'policy') states.add(STATES[rule - 1] ?? `rule ${rule}`);
    const times = here.find(([, , , rule]) => rule === 'policy')?.[4] ?? 0;
    if (times > 0) hooks.push(times === 1 ? hook : `${hook}*${times}`);
  }
  const way = hooks.join(' ');
  return `${[...states].join('+')} ${WAYS[way] ?? way}`;
}

/** A job for these packets: the router and the state counters unless the options say otherwise. */
export function sceneJob(packets: readonly ScenePacket[], options: SceneOptions = {}): KernelJob {
  const rules = stateCounters();
  const host = { ...ROUTER, ...options };
  const bytes = packets.map((packet) =>
    packet instanceof Uint8Array ? packet : buildDatagram(packet),
  );
  const framed =
    options.linkType === undefined
      ? { linkType: 1, packets: bytes.map((datagram) => onTheWire(datagram, host)) }
      : { packets: bytes.map((frame) => ({ bytes: frame })) };
  return { rules4: rules, rules6: rules, ...host, ...framed };
}
