/**
 * The running kernel as referee: plays a capture packet by packet through real netfilter in a private
 * network namespace (kernel-player.py) and tells each packet's verdict and the counters it moved.
 * Needs root, unshare, python3, iproute2, iptables, nft and conntrack; `kernelMissing` says what lacks.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writePcapng } from './kernel-pcapng.ts';

const PLAYER = join(dirname(fileURLToPath(import.meta.url)), 'kernel-player.py');

/** An interface of the firewall host; addresses with prefix length. */
export interface KernelInterface {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Of the TAP device; else as the capture shows it for the host's addresses, else made up. */
  readonly mac?: string;
}

/** A packet to play that is in no capture file. */
export interface KernelPacket {
  /** The frame, of the job's link type. */
  readonly bytes: Uint8Array;
  /** Seconds; with `pace` the gaps are kept. Default: 1 ms after the one before. */
  readonly time?: number;
  /** Name of the interface where it was captured. */
  readonly interface?: string;
}

/** What to play and on which host. */
export interface KernelJob {
  readonly capture?: string;
  /** Instead of `capture`. */
  readonly packets?: readonly KernelPacket[] | undefined;
  /** LINKTYPE_ of `packets`; default 101 (RAW: bytes are datagrams). */
  readonly linkType?: number;
  /** iptables-save text. */
  readonly rules4?: string | undefined;
  /** ip6tables-save text. */
  readonly rules6?: string | undefined;
  /** Shell script of iptables commands, instead of or before the above. */
  readonly script?: string;
  readonly backend?: 'legacy' | 'nft';
  readonly interfaces: readonly KernelInterface[];
  /** `10.0.0.0/8=eth1`, `default=eth0`; none at all: the default by the first interface. */
  readonly routes?: readonly string[];
  /** Multicast groups that the host has joined. */
  readonly groups?: readonly { readonly interface: string; readonly address: string }[];
  readonly sysctls?: Readonly<Record<string, number | string>>;
  /** Capture time is kept, times this factor; 0 (default): as fast as it goes. */
  readonly pace?: number;
  /** Read the counters after each packet; default true. */
  readonly perPacket?: boolean;
  /** Where to write the played frames with the times at which they were played. */
  readonly retimed?: string;
}

/** A counter that moved: family, table, chain, rule number or 'policy', packets, bytes. */
export type Moved = readonly [4 | 6, string, string, number | 'policy', number, number];

/** One played packet. */
export interface KernelVerdict {
  /** Number in the capture, from 1. */
  readonly n: number;
  /** Sent by the host, sent to itself, arrived; or not played (`error` says why). */
  readonly way: 'send' | 'loop' | 'arrive' | 'skip';
  /** Where it arrived, '' otherwise. */
  readonly interface: string;
  /** Nanoseconds since 1970 on the capture's clock; more than a double holds exactly. */
  readonly time: number;
  /**
   * VANISHED: netfilter saw it, but it neither passed nor was dropped by a rule (routing; a match's
   * hot drop). NONE: no counter moved (dropped before netfilter; a fragment that waits).
   */
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | 'VANISHED' | 'NONE';
  readonly moved: readonly Moved[];
  /** Why sending failed, in the kernel's words (EPERM after a drop is usual), or ''. */
  readonly error: string;
}

/** What the kernel did. */
export interface KernelResult {
  readonly kernel: string;
  readonly packets: readonly KernelVerdict[];
  /** Frames that were not played, and why; all but those cut are in `packets` too. */
  readonly skipped: readonly { readonly n: number; readonly reason: string }[];
  /** iptables-save -c of the tables in use, without comments. */
  readonly save4: string;
  readonly save6: string;
  /** conntrack -L, sorted. */
  readonly conntrack: readonly string[];
  readonly script: {
    readonly status: number;
    readonly stdout: string;
    readonly stderr: string;
  } | null;
}

function findMissing(): string[] {
  const missing: string[] = [];
  if (process.platform !== 'linux') return ['Linux'];
  if (process.getuid?.() !== 0) missing.push('root');
  if (!existsSync('/dev/net/tun')) missing.push('/dev/net/tun');
  const tools = ['unshare', 'python3', 'ip', 'nft', 'conntrack'];
  for (const family of ['iptables', 'ip6tables'])
    tools.push(`${family}-legacy-save`, `${family}-legacy-restore`, `${family}-nft-restore`);
  for (const tool of tools)
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) missing.push(tool);
  if (missing.length === 0 && spawnSync('unshare', ['-n', '-m', 'true']).status !== 0)
    missing.push('permission to make namespaces (unshare -n -m)');
  return missing;
}

/** What this machine lacks for the kernel tests; empty when they can run. */
export const kernelMissing: readonly string[] = findMissing();

/** True when this machine can play packets through its kernel. */
export const kernelAvailable = kernelMissing.length === 0;

/** Appended to the titles of tests that skip without the kernel. */
export const WITHOUT_KERNEL = kernelAvailable
  ? ''
  : ` (skipped, missing: ${kernelMissing.join(', ')})`;

interface Waiting {
  resolve(result: KernelResult): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

let player: ChildProcess | undefined;
let nextId = 1;
const waiting = new Map<number, Waiting>();

function failAll(message: string): void {
  for (const { reject, timer } of waiting.values()) {
    clearTimeout(timer);
    reject(new Error(message));
  }
  waiting.clear();
}

function settle(line: string): void {
  const answer = JSON.parse(line) as { id: number; failed?: string } & KernelResult;
  const waits = waiting.get(answer.id);
  if (waits === undefined) return;
  waiting.delete(answer.id);
  clearTimeout(waits.timer);
  if (answer.failed === undefined) waits.resolve(answer);
  else waits.reject(new Error(`kernel player: ${answer.failed}`));
}

/** The player process, started at the first need. It ends with this process: its input closes. */
function startPlayer(): ChildProcess {
  const child = spawn('unshare', ['-n', '-m', 'python3', PLAYER], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000);
  });
  createInterface({ input: child.stdout }).on('line', settle);
  child.on('exit', () => {
    if (player === child) player = undefined;
    failAll(`kernel player ended: ${errors}`);
  });
  child.stdin.on('error', () => undefined);
  return child;
}

/** Ends the player process; the next job starts another. */
export function stopKernel(): void {
  player?.kill('SIGKILL');
  player = undefined;
}

/** Runs `use` with a fresh folder that is removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'fwreplay-kernel-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Plays a job through the kernel.
 * @throws Error when the job cannot be set up (rules refused, bad interface) or takes > 2 minutes.
 */
export function playInKernel(job: KernelJob): Promise<KernelResult> {
  if (job.packets === undefined) return send(job);
  return withFolder((folder) => {
    const { packets = [], linkType = 101, ...rest } = job;
    const capture = join(folder, 'packets.pcapng');
    writePcapng(capture, packets, linkType);
    return send({ ...rest, capture });
  });
}

function send(job: KernelJob): Promise<KernelResult> {
  player ??= startPlayer();
  const { stdin } = player;
  return new Promise((resolve, reject) => {
    const id = nextId++;
    const timer = setTimeout(() => {
      waiting.delete(id);
      stopKernel();
      reject(new Error('kernel player: no answer within 2 minutes'));
    }, 120_000);
    waiting.set(id, { resolve, reject, timer });
    stdin?.write(`${JSON.stringify({ ...job, id })}\n`);
  });
}
