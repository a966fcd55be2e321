/**
 * Compares our replay with the kernel's on the same packets at the same times: verdict and moved
 * counters of each packet, and all counters at the end. Each difference is a line for people.
 */
import { join } from 'node:path';
import {
  CONNTRACK_SYSCTLS,
  type ConntrackOptions,
  DEFAULT_CONNTRACK_OPTIONS,
} from '../../src/conntrack/options.ts';
import { replay } from '../../src/engine/replay.ts';
import type { PacketObserver, PacketOutcome, ReplayResult } from '../../src/engine/types.ts';
import type { LinkedRule } from '../../src/evaluate/program.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import { YES } from '../../src/match/definition.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import { formatIpv4, formatIpv6, protocolName } from '../../src/packet/text.ts';
import type { Ruleset } from '../../src/ruleset/types.ts';
import {
  type KernelInterface,
  type KernelJob,
  type KernelResult,
  type KernelVerdict,
  type Moved,
  playInKernel,
  withFolder,
} from './kernel.ts';
import { writePcapng } from './kernel-pcapng.ts';

/** One packet as our replay saw it. */
interface OurPacket {
  readonly verdict: string;
  readonly reason: string;
  readonly path: string;
  readonly ctstate: string;
  readonly ctreason: string;
  readonly hotdrop: boolean;
  readonly tuple: string;
  readonly moved: Moved[];
}

/** The outcome of a comparison. */
export interface Comparison {
  readonly kernel: KernelResult;
  /** Packets compared. */
  readonly packets: number;
  /** Empty when both agree. */
  readonly differences: readonly string[];
  /** Packets that we left undecided, with the reason: `12: the owner is not known`. */
  readonly undecided: readonly string[];
  /** Our verdicts, by packet. */
  readonly ours: readonly OurPacket[];
}

/** How our side replays, beside what the job says. */
export interface CompareOptions {
  /** Check checksums; default true, as the kernel does. */
  readonly checksums?: boolean;
  /** The vantage is not told, so that it is inferred from the capture. */
  readonly inferred?: boolean;
  /** Interfaces as told to our side (`eth0=192.0.2.1/24`), instead of the job's. */
  readonly vantage?: readonly string[];
  /** Other IPv4 rules than the kernel's, to see that a fault is found. */
  readonly rules4?: string;
}

function tupleText(packet: PacketView): string {
  const v4 = packet.family === 4;
  const source = v4
    ? formatIpv4(packet.source0)
    : formatIpv6(packet.source0, packet.source1, packet.source2, packet.source3);
  const destination = v4
    ? formatIpv4(packet.destination0)
    : formatIpv6(
        packet.destination0,
        packet.destination1,
        packet.destination2,
        packet.destination3,
      );
  const protocol = packet.protocol < 0 ? 'malformed' : protocolName(packet.protocol);
  const ports = packet.sourcePort < 0 ? '' : ` ${packet.sourcePort}>${packet.destinationPort}`;
  const icmp = packet.icmpType < 0 ? '' : ` type ${packet.icmpType}/${packet.icmpCode}`;
  const flags = packet.tcpFlags < 0 ? '' : ` flags 0x${packet.tcpFlags.toString(16)}`;
  return `${protocol} ${source} > ${destination}${ports}${icmp}${flags} ttl ${packet.ttl} length ${packet.totalLength}`;
}

/** Notes which counters a packet moves in our replay. */
class MovedCounters implements PacketObserver {
  moved: Moved[] = [];
  /** A target may change its length while a table is walked. */
  private packet: PacketView | undefined;
  private family: 4 | 6 = 4;

  begin(): void {
    this.moved = [];
  }

  table(...[, , , context]: Parameters<PacketObserver['table']>): void {
    this.packet = context.packet;
    this.family = context.family;
  }

  private get length(): number {
    return this.packet?.totalLength ?? 0;
  }

  rule(rule: LinkedRule, result: number): void {
    if (result === YES)
      this.moved.push([
        this.family,
        rule.chain.table,
        rule.chain.name,
        rule.number,
        1,
        this.length,
      ]);
  }

  policy(chain: LinkedRule['chain']): void {
    this.moved.push([this.family, chain.table, chain.name, 'policy', 1, this.length]);
  }
}

/** Sums entries of the same counter (a chain reached twice), and sorts. */
function gather(moved: readonly Moved[]): string[] {
  const sums = new Map<string, [number, number]>();
  for (const [family, table, chain, rule, packets, bytes] of moved) {
    const key = `IPv${family} ${table} ${chain} ${rule}`;
    const sum = sums.get(key) ?? [0, 0];
    sums.set(key, [sum[0] + packets, sum[1] + bytes]);
  }
  return [...sums].map(([key, [packets, bytes]]) => `${key} +${packets}:${bytes}`).sort();
}

/** Which of the kernel's verdicts ours may stand for. */
const SAME: Readonly<Record<string, readonly string[]>> = {
  ACCEPT: ['ACCEPT'],
  DROP: ['DROP'],
  REJECT: ['REJECT'],
  UNROUTED: ['VANISHED', 'NONE'],
  NOT_SEEN: ['NONE'],
  // Without conntrack fragments pass PREROUTING before INPUT waits for the rest.
  QUEUED: ['NONE', 'VANISHED'],
  SKIPPED: ['NONE'],
};

function verdictsAgree(ours: OurPacket, kernel: KernelVerdict): boolean {
  if (SAME[ours.verdict]?.includes(kernel.verdict)) return true;
  // A hot drop moves no counter; in the first table nothing has moved before it either.
  if (ours.hotdrop) return kernel.verdict === 'VANISHED' || kernel.verdict === 'NONE';
  // Without a table on its way no counter tells the kernel's verdict.
  return ours.verdict === 'ACCEPT' && kernel.verdict === 'NONE' && ours.moved.length === 0;
}

function comparePacket(ours: OurPacket, kernel: KernelVerdict): string | undefined {
  const kernelMoved = gather(kernel.moved);
  const ourMoved = gather(ours.moved);
  const onlyKernel = kernelMoved.filter((line) => !ourMoved.includes(line));
  const onlyOurs = ourMoved.filter((line) => !kernelMoved.includes(line));
  if (onlyKernel.length + onlyOurs.length === 0 && verdictsAgree(ours, kernel)) return undefined;
  const what = [`packet ${kernel.n} (${kernel.way}) ${ours.tuple}:`];
  what.push(`kernel ${kernel.verdict}${kernel.error === '' ? '' : ` (${kernel.error})`},`);
  what.push(`ours ${ours.verdict}${ours.reason === '' ? '' : ` (${ours.reason})`}`);
  what.push(`by ${ours.path} ${ours.ctstate}${ours.ctreason === '' ? '' : ` (${ours.ctreason})`}`);
  if (onlyKernel.length > 0) what.push(`\n    kernel only: ${onlyKernel.join(', ')}`);
  if (onlyOurs.length > 0) what.push(`\n    ours only: ${onlyOurs.join(', ')}`);
  return what.join(' ');
}

/** Counters in the text of iptables-save -c, by `table chain rule`. */
function kernelCounters(save: string): Map<string, string> {
  const counters = new Map<string, string>();
  const numbers = new Map<string, number>();
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) {
      table = line.slice(1);
      numbers.clear();
    }
    const policy = /^:(\S+) (ACCEPT|DROP) \[(\d+:\d+)\]/.exec(line);
    if (policy) counters.set(`${table} ${policy[1]} policy`, policy[3] ?? '');
    const rule = /^\[(\d+:\d+)\] -A (\S+)/.exec(line);
    if (rule) {
      const chain = rule[2] ?? '';
      const number = (numbers.get(chain) ?? 0) + 1;
      numbers.set(chain, number);
      counters.set(`${table} ${chain} ${number}`, rule[1] ?? '');
    }
  }
  return counters;
}

/** A counter of ours: what surely was counted, and how many undecided packets may have been. */
interface OurCounter {
  readonly packets: number;
  readonly bytes: number;
  readonly uncertainPackets?: number | undefined;
}

function ourCounters(ruleset: Ruleset, family: 4 | 6): Map<string, OurCounter> {
  const counters = new Map<string, OurCounter>();
  for (const table of ruleset.families.get(family)?.tables.values() ?? []) {
    for (const chain of table.chains.values()) {
      if (chain.policy !== undefined) counters.set(`${table.name} ${chain.name} policy`, chain);
      chain.rules.forEach((rule, index) => {
        counters.set(`${table.name} ${chain.name} ${index + 1}`, rule);
      });
    }
  }
  return counters;
}

/** Equal; or, where undecided packets may have been counted, between the bounds. */
function countersAgree(theirs: string | undefined, ours: OurCounter | undefined): boolean {
  if (theirs === undefined || ours === undefined) return false;
  const uncertain = ours.uncertainPackets ?? 0;
  if (uncertain === 0) return theirs === `${ours.packets}:${ours.bytes}`;
  const packets = Number(theirs.split(':')[0]);
  return packets >= ours.packets && packets <= ours.packets + uncertain;
}

function compareCounters(kernel: KernelResult, ruleset: Ruleset): string[] {
  const differences: string[] = [];
  for (const family of [4, 6] as const) {
    const theirs = kernelCounters(family === 4 ? kernel.save4 : kernel.save6);
    const ours = ourCounters(ruleset, family);
    for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
      const left = theirs.get(key);
      const right = ours.get(key);
      if (countersAgree(left, right)) continue;
      const text = right === undefined ? 'absent' : `${right.packets}:${right.bytes}`;
      differences.push(`IPv${family} ${key} at the end: kernel [${left}], ours [${text}]`);
    }
  }
  return differences;
}

/** The tables of an iptables-save text, sorted: the kernel prints them in the order of loading. */
function sortedTables(save: string): string {
  const tables = save.split(/^(?=\*)/m).filter((part) => part.startsWith('*'));
  return tables
    .map((table) => table.replace(/^#.*\n/gm, ''))
    .sort()
    .join('');
}

/** The lines in which our `iptables-save -c` and the real one differ. */
function compareSaves(kernel: KernelResult, ruleset: Ruleset): string[] {
  const differences: string[] = [];
  for (const family of [4, 6] as const) {
    const rules = ruleset.families.get(family);
    const ours = rules === undefined ? '' : sortedTables(printSave(rules, { counters: true }));
    const theirs = sortedTables(family === 4 ? kernel.save4 : kernel.save6);
    if (ours === theirs) continue;
    const ourLines = ours.split('\n');
    theirs.split('\n').forEach((line, index) => {
      const our = ourLines[index];
      if (line !== our) differences.push(`iptables-save -c prints ${line}\n    ours ${our}`);
    });
  }
  return differences;
}

/** The job's sysctls that our side knows as options. */
function conntrackOptions(job: KernelJob): Partial<ConntrackOptions> {
  const options: Record<string, number | boolean> = {};
  for (const [name, value] of Object.entries(job.sysctls ?? {})) {
    const key = CONNTRACK_SYSCTLS.get(name);
    if (key === undefined) continue;
    const number = Number(value);
    options[key] = typeof DEFAULT_CONNTRACK_OPTIONS[key] === 'boolean' ? number !== 0 : number;
  }
  return options;
}

/** Plays the job through the kernel, then through our replay with the kernel's times. */
export async function compareWithKernel(
  job: KernelJob,
  options: CompareOptions = {},
): Promise<Comparison> {
  return withFolder(async (folder) => {
    const { packets, linkType = 101, ...rest } = job;
    const capture = job.capture ?? join(folder, 'packets.pcapng');
    if (packets !== undefined) writePcapng(capture, packets, linkType);
    const retimed = join(folder, 'retimed.pcapng');
    const kernel = await playInKernel({ ...rest, capture, retimed });
    return compareRetimed(job, kernel, retimed, options);
  });
}

async function compareRetimed(
  job: KernelJob,
  kernel: KernelResult,
  retimed: string,
  options: CompareOptions,
): Promise<Comparison> {
  const ours: OurPacket[] = [];
  const counters = new MovedCounters();
  const result = await replay({
    captures: [retimed],
    rules: ourRules({ ...job, rules4: options.rules4 ?? job.rules4 }),
    vantage: options.inferred
      ? {}
      : {
          interface: options.vantage ?? job.interfaces.map(vantageInterface),
          route: job.routes ?? [],
        },
    conntrack: conntrackOptions(job),
    checksums: options.checksums ?? true,
    observe: () => {
      counters.begin();
      return counters;
    },
    onPacket: (outcome) => ours.push(ourPacket(outcome, counters)),
  });
  return conclude(job, kernel, ours, result);
}

function vantageInterface(one: KernelInterface): string {
  const items = [...one.addresses, ...(one.mac === undefined ? [] : [one.mac])];
  return items.length === 0 ? one.name : `${one.name}=${items.join(',')}`;
}

function ourPacket(outcome: PacketOutcome, counters: MovedCounters): OurPacket {
  return {
    verdict: outcome.verdict,
    reason: outcome.reason,
    path: outcome.path,
    ctstate: outcome.ctstate,
    ctreason: outcome.ctreason,
    hotdrop: outcome.verdict === 'DROP' && outcome.reason !== '',
    tuple: tupleText(outcome.packet),
    moved: counters.moved,
  };
}

function ourRules(job: KernelJob): { text: string; file: string; family?: 4 | 6 }[] {
  const rules: { text: string; file: string; family?: 4 | 6 }[] = [];
  if (job.script !== undefined) rules.push({ text: job.script, file: 'rules.sh' });
  if (job.rules4 !== undefined) rules.push({ text: job.rules4, file: 'rules.v4', family: 4 });
  if (job.rules6 !== undefined) rules.push({ text: job.rules6, file: 'rules.v6', family: 6 });
  return rules;
}

function conclude(
  job: KernelJob,
  kernel: KernelResult,
  ours: readonly OurPacket[],
  result: ReplayResult,
): Comparison {
  const differences: string[] = [];
  const undecided: string[] = [];
  if (ours.length !== kernel.packets.length)
    differences.push(
      `the kernel was given ${kernel.packets.length} packets, we read ${ours.length}`,
    );
  kernel.packets.forEach((packet, index) => {
    const our = ours[index];
    if (our === undefined) return;
    if (our.verdict === 'UNDECIDED') undecided.push(`${packet.n}: ${our.reason}`);
    else if (job.perPacket ?? true) {
      const difference = comparePacket(our, packet);
      if (difference !== undefined) differences.push(difference);
    }
  });
  differences.push(...compareCounters(kernel, result.ruleset));
  // Where a packet is undecided, numbers may differ; iptables-nft has some other ways of printing.
  if (undecided.length === 0 && differences.length === 0 && job.backend !== 'nft')
    differences.push(...compareSaves(kernel, result.ruleset));
  // An undecided packet leaves open whether its connection is there.
  if (undecided.length === 0 && kernel.conntrack.length !== result.connections)
    differences.push(
      `connections at the end: kernel ${kernel.conntrack.length}, ours ${result.connections}`,
    );
  return { kernel, packets: kernel.packets.length, differences, undecided, ours };
}
