/**
 * `npm run bench`: times whole commands on one generated capture, in turn (A B C, A B C …), and
 * prints ratios to `tcpdump -r FILE -w /dev/null`; minima of the rounds, because noise only adds.
 * Node's own start (some 50 ms) is in the times of fwreplay. Then measures peak memory on a capture
 * of whole frames. Sizes by environment variables: FWREPLAY_BENCH_PACKETS (default 10,000,000),
 * FWREPLAY_BENCH_ROUNDS (default 5), FWREPLAY_BENCH_MEMORY_MB (default 1,000; 0: none);
 * FWREPLAY_BENCH_TSHARK=1 adds tshark. Last times the
 * loading of large rulesets (load-ruleset.ts), FWREPLAY_BENCH_RULES (default 100,000).
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateCapture } from './generate.ts';
import { benchLoading } from './load-ruleset.ts';
import {
  available,
  type Contender,
  type Measured,
  measure,
  type Row,
  rows,
  run,
} from './measure.ts';

const here = dirname(fileURLToPath(import.meta.url));
const data = join(here, 'data');

function setting(name: string, otherwise: number): number {
  const text = process.env[`FWREPLAY_BENCH_${name}`];
  const value = text === undefined || text === '' ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`FWREPLAY_BENCH_${name}: ${text}?`);
  return value;
}

const packets = setting('PACKETS', 10_000_000);
const rounds = Math.max(1, setting('ROUNDS', 5));
const memoryMegabytes = setting('MEMORY_MB', 1000);
/** Mean frame of the generated traffic when it is kept whole, bytes with the record header. */
const WHOLE_FRAME_BYTES = 665;

/** Makes a capture, or takes the one of an earlier run. */
async function capture(name: string, count: number, snapLength: number): Promise<string> {
  const path = join(data, name);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size !== undefined && size > 0) return path;
  console.log(`generating ${count.toLocaleString('en')} packets …`);
  const flows = Math.ceil(count / 35);
  try {
    await generateCapture(path, { packets: count, flows, ipv6Share: 0.3, seed: 1, snapLength });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}

const node = process.execPath;
const script = (name: string): string => join(here, 'contenders', name);
const rules = [4, 6].map((family) => join(here, `../scenarios/server/rules.v${family}`));
const readDecode = (path: string): Contender => ({
  name: 'fwreplay read + decode',
  command: [node, script('read-decode.mjs'), path],
});
const replay = (path: string): Contender => ({
  name: 'fwreplay replay (reference evaluator)',
  command: [node, script('replay.mjs'), path, ...rules],
  once: packets > 500_000,
});

function contenders(path: string): Contender[] {
  const list = [readDecode(path), replay(path)];
  list.push({
    name: 'pcap-parser (read only)',
    command: [node, script('pcap-parser.mjs'), path],
    once: true,
  });
  if (available('tcpdump'))
    list.unshift(
      { name: 'tcpdump -r -w /dev/null', command: ['tcpdump', '-r', path, '-w', '/dev/null'] },
      { name: 'tcpdump -r --count', command: ['tcpdump', '-r', path, '--count'] },
    );
  if (process.env.FWREPLAY_BENCH_TSHARK && available('tshark'))
    list.push({ name: 'tshark -r -q', command: ['tshark', '-r', path, '-q'], once: true });
  return list;
}

function printRow(row: Row): void {
  const ratio = row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} x tcpdump's time`;
  const rate = row.millionPerSecond.toFixed(2);
  console.log(
    `${row.name.padEnd(38)} ${row.seconds.toFixed(3).padStart(8)} s ${rate.padStart(7)} M packets/s  ${ratio}`,
  );
  if (row.output.startsWith('{')) console.log(`    ${row.output}`);
}

interface Peak {
  readonly name: string;
  readonly peakMiB: number;
}

/** Peak resident memory of each command on a capture of whole frames. */
async function memory(): Promise<Peak[]> {
  if (memoryMegabytes === 0) return [];
  const count = Math.ceil((memoryMegabytes * 1e6) / WHOLE_FRAME_BYTES);
  const path = await capture(`whole-${memoryMegabytes}.pcap`, count, 0);
  console.log(`\n${path}: ${(statSync(path).size / 1e6).toFixed(0)} MB, peak memory`);
  return [readDecode(path), replay(path)].map((contender) => {
    const { output } = run(contender);
    const { peakMiB } = JSON.parse(output) as { peakMiB: number };
    console.log(`${contender.name.padEnd(38)} ${peakMiB.toFixed(0).padStart(8)} MiB`);
    return { name: contender.name, peakMiB };
  });
}

mkdirSync(data, { recursive: true });
const path = await capture(`generated-${packets}.pcap`, packets, 96);
const megabytes = (statSync(path).size / 1e6).toFixed(0);
console.log(`${path}: ${megabytes} MB, ${rounds} rounds, minima`);
const measured: Measured[] = measure(contenders(path), rounds);
const table = rows(measured, packets, 'tcpdump -r -w');
table.forEach(printRow);
const peaks = await memory();
console.log('\nloading rulesets');
const loading = benchLoading(Math.max(1, setting('RULES', 100_000)), rounds);
writeFileSync(
  join(data, 'latest.json'),
  `${JSON.stringify({ packets, rounds, table, memoryMegabytes, peaks, loading }, null, 2)}\n`,
);
