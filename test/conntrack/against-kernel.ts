/**
 * Compares the tracker with the running kernel over the same packets: the ctstate of each one (rules
 * that count by ctstate and direction), and the table that is left (`conntrack -L`).
 */
import { createDefragmenter, DEFRAG_COMPLETE } from '../../src/conntrack/defrag.ts';
import type { ConntrackOptions } from '../../src/conntrack/options.ts';
import { createTracker } from '../../src/conntrack/tracker.ts';
import {
  type Connection,
  CTSTATE_NAMES,
  DIRECTION_ORIGINAL,
  IPS_ASSURED,
  IPS_SEEN_REPLY,
  type Tuple,
} from '../../src/conntrack/types.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { formatIpv4, formatIpv6 } from '../../src/packet/text.ts';
import { playInKernel } from '../support/kernel.ts';
import { viewOf } from '../support/packets.ts';
import { DROPPED_TTL, HOST4, HOST6, type RandomPacket } from './dialogues.ts';

const CHAINS = ['PREROUTING', 'OUTPUT'];
const STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'] as const;

/** Rules of the mangle table that count by ctstate, in the order of STATES, then by direction. */
function rules(ttl: string): string {
  const counting = CHAINS.flatMap((chain) => [
    ...STATES.map((state) => `-A ${chain} -m conntrack --ctstate ${state}`),
    `-A ${chain} -m conntrack --ctdir REPLY`,
  ]);
  const dropping = ['INPUT', 'POSTROUTING'].map((chain) => `-A ${chain} ${ttl} -j DROP`);
  return ['*mangle', ...counting, ...dropping, 'COMMIT', ''].join('\n');
}

const RULES4 = rules(`-m ttl --ttl-eq ${DROPPED_TTL}`);
const RULES6 = rules(`-m hl --hl-eq ${DROPPED_TTL}`);

function address(tuple: Tuple, words: Int32Array): string {
  return tuple.family === 4
    ? formatIpv4(words[0] ?? 0)
    : formatIpv6(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
}

const NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  47: 'gre',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};

function tupleText(tuple: Tuple): string {
  const { source, destination, sourcePort, destinationPort, protocol } = tuple;
  const ends = `src=${address(tuple, source)} dst=${address(tuple, destination)}`;
  if (protocol === 1 || protocol === 58)
    return `${ends} type=${destinationPort >>> 8} code=${destinationPort & 255} id=${sourcePort}`;
  if (protocol === 47)
    return `${ends} srckey=0x${sourcePort.toString(16)} dstkey=0x${destinationPort.toString(16)}`;
  // Listed with ports, but tracked by addresses (seen on Linux 6.18).
  if (protocol === 33) return `${ends} sport=0 dport=0`;
  if (NAMES[protocol] === undefined) return ends;
  return `${ends} sport=${sourcePort} dport=${destinationPort}`;
}

/** A connection as `conntrack -L` prints it, without timeout, marks and use count. */
export function connectionText(connection: Connection): string {
  const { original, reply, status, protocolState } = connection;
  const name = NAMES[original.protocol] ?? 'unknown';
  const state = protocolState === '' ? '' : ` ${protocolState}`;
  const unreplied = (status & IPS_SEEN_REPLY) === 0 ? ' [UNREPLIED]' : '';
  const assured = (status & IPS_ASSURED) === 0 ? '' : ' [ASSURED]';
  return `${name} ${original.protocol}${state} ${tupleText(original)}${unreplied} ${tupleText(reply)}${assured}`;
}

interface Dumped {
  readonly text: string;
  readonly timeout: number;
}

/** Takes the timeout out of a line of `conntrack -L`. */
function parseDump(line: string): Dumped {
  const match = /^ipv[46]\s+\d+ (\S+)\s+(\d+) (\d+) (.*?) mark=\d+.*$/.exec(line);
  if (match === null) return { text: line, timeout: 0 };
  const [, name, protocol, timeout, rest] = match;
  const text = `${name} ${protocol} ${rest}`.replace(/ timeout=\d+, stream_timeout=\d+/, '');
  return { text, timeout: Number(timeout) };
}

/** How packets are played in the kernel. */
export interface Playing {
  readonly sysctls?: Readonly<Record<string, number>>;
  /** 1 keeps the packets' times. */
  readonly pace?: number;
}

/** A packet with its time, seconds after the first one. */
export type Timed = RandomPacket & { readonly time?: number };

/** What the tracker says of each packet, `STATE` or `STATE reply`, and its table at the end. */
export function trackTraffic(
  packets: readonly Timed[],
  options?: Partial<ConntrackOptions>,
): {
  readonly states: string[];
  readonly reasons: string[];
  readonly table: Map<string, number>;
} {
  const tracker = createTracker(options);
  const defragmenter = createDefragmenter(options);
  const states: string[] = [];
  const reasons: string[] = [];
  const now = 1_700_000_000;
  for (const [i, { bytes, local, dropped, time = 0 }] of packets.entries()) {
    const timeNanoseconds = Math.round((time % 1) * 1e9);
    const timeSeconds = now + Math.floor(time);
    const view = viewOf(bytes, { number: i + 1, timeSeconds, timeNanoseconds });
    if (defragmenter.add(view).status !== DEFRAG_COMPLETE) {
      states.push('not seen');
      reasons.push('');
      continue;
    }
    verifyChecksums(view);
    const result = tracker.track(view, local, 0);
    const direction = result.connection !== undefined && result.direction !== DIRECTION_ORIGINAL;
    states.push(`${CTSTATE_NAMES[result.ctstate]}${direction ? ' reply' : ''}`);
    reasons.push(result.undecided === '' ? result.reason : `undecided: ${result.undecided}`);
    if (dropped) tracker.discard(result);
    else tracker.confirm(view, result);
  }
  const table = new Map<string, number>();
  for (const connection of tracker.connections())
    table.set(connectionText(connection), connection.expiresAt - now);
  return { states, reasons, table };
}

/** A difference between kernel and tracker, for people. */
export interface StateDifference {
  readonly packet: number;
  readonly kernel: string;
  readonly ours: string;
  readonly what: string;
}

/** Seconds that playing may take, by which the kernel's timeouts may be shorter than ours. */
const PLAYING_SECONDS = 20;

/** What the kernel says of each packet, and its table at the end. */
export async function playStates(
  packets: readonly Timed[],
  { sysctls = {}, pace = 0 }: Playing = {},
): Promise<{
  readonly states: string[];
  /** Bytes that the rule counted, 0 when none did. */
  readonly bytes: number[];
  readonly dump: readonly string[];
}> {
  const kernel = await playInKernel({
    packets: packets.map(({ bytes, time }) => (time === undefined ? { bytes } : { bytes, time })),
    sysctls,
    pace,
    rules4: RULES4,
    rules6: RULES6,
    interfaces: [{ name: 'eth0', addresses: [`${HOST4}/24`, `${HOST6}/64`] }],
    routes: ['default=eth0'],
  });
  const states = packets.map(() => 'not played');
  const bytes = packets.map(() => 0);
  for (const { n, moved, error } of kernel.packets) {
    const counted = moved.filter(
      ([, table, chain]) => table === 'mangle' && CHAINS.includes(chain),
    );
    const numbers = counted.map(([, , , rule]) => rule);
    bytes[n - 1] = counted.find(([, , , rule]) => rule !== 'policy')?.[5] ?? 0;
    const state = STATES.find((_, i) => numbers.includes(i + 1));
    const reply = numbers.includes(STATES.length + 1) ? ' reply' : '';
    states[n - 1] = state === undefined ? `not seen ${error}` : `${state}${reply}`;
  }
  return { states, bytes, dump: kernel.conntrack };
}

/** Plays the packets through both; nothing found means equal. */
export async function compareTraffic(packets: readonly RandomPacket[]): Promise<StateDifference[]> {
  const kernel = await playStates(packets);
  const ours = trackTraffic(packets);
  const differences: StateDifference[] = [];
  for (const [i, theirs] of kernel.states.entries()) {
    const mine = ours.states[i] ?? '';
    if (theirs === mine) continue;
    const what = `${JSON.stringify(packets[i]?.spec)} ${ours.reasons[i]}`;
    differences.push({ packet: i + 1, kernel: theirs, ours: mine, what });
  }
  return [...differences, ...compareTables(kernel.dump, ours.table)];
}

function compareTables(lines: readonly string[], ours: Map<string, number>): StateDifference[] {
  const differences: StateDifference[] = [];
  const left = new Map(ours);
  for (const { text, timeout } of lines.map(parseDump)) {
    // A dump may list an entry twice, when the table is walked in several parts.
    const expected = ours.get(text);
    left.delete(text);
    if (expected === undefined)
      differences.push({ packet: 0, kernel: text, ours: 'no such entry', what: '' });
    else if (timeout > expected || timeout < expected - PLAYING_SECONDS)
      differences.push({
        packet: 0,
        kernel: `timeout ${timeout}`,
        ours: `${expected}`,
        what: text,
      });
  }
  for (const [text] of left)
    differences.push({ packet: 0, kernel: 'no such entry', ours: text, what: '' });
  return differences;
}
