/**
 * How long a large ruleset takes to load, as a ratio to `iptables-legacy-restore --test` on the same
 * file (which parses it and asks the kernel for nothing but the table; needs root). Part of `npm run
 * bench`; alone: `npx tsx bench/load-ruleset.ts`, after a build. Sizes: FWREPLAY_BENCH_RULES
 * (default 100,000), FWREPLAY_BENCH_ROUNDS (default 5).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contender, measure } from './measure.ts';
import { filterRuleset, kubeRuleset } from './rulesets.ts';

const here = dirname(fileURLToPath(import.meta.url));
const data = join(here, 'data');

/** What was measured of one ruleset. */
export interface LoadedRow {
  readonly name: string;
  readonly rules: number;
  /** Start of Node to its end; `inside` is the loading alone. */
  readonly seconds: number;
  readonly insideSeconds: number;
  readonly peakMiB: number;
  /** Time of the real tool; undefined where it cannot run. */
  readonly realSeconds: number | undefined;
}

function realTool(path: string): Contender | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const command = ['unshare', '-n', 'iptables-legacy-restore', '--test', path];
  return { name: 'iptables-legacy-restore --test', command };
}

function measureFile(name: string, path: string, rounds: number): LoadedRow {
  const own: Contender = {
    name: 'fwreplay',
    command: [process.execPath, join(here, 'contenders/load-ruleset.mjs'), path],
  };
  const real = realTool(path);
  const [mine, theirs] = measure(real === undefined ? [own] : [own, real], rounds);
  const said = JSON.parse(mine?.output ?? '{}') as {
    rules: number;
    seconds: number;
    peakMiB: number;
  };
  return {
    name,
    rules: said.rules,
    seconds: Math.min(...(mine?.seconds ?? [])),
    insideSeconds: said.seconds,
    peakMiB: said.peakMiB,
    realSeconds: theirs === undefined ? undefined : Math.min(...theirs.seconds),
  };
}

/** Measures and prints. */
export function benchLoading(rules: number, rounds: number): LoadedRow[] {
  mkdirSync(data, { recursive: true });
  return (
    [
      ['one long chain', filterRuleset(rules)],
      ['kube-proxy chains', kubeRuleset(rules)],
    ] as const
  ).map(([name, text], index) => {
    const path = join(data, `ruleset-${index}.rules`);
    writeFileSync(path, text);
    const row = measureFile(name, path, rounds);
    const ratio =
      row.realSeconds === undefined
        ? ''
        : `  ${(row.seconds / row.realSeconds).toFixed(2)} x iptables-legacy-restore --test`;
    console.log(
      `${row.name.padEnd(20)} ${row.rules} rules ${row.seconds.toFixed(2).padStart(6)} s (${row.insideSeconds.toFixed(2)} s inside), ${row.peakMiB.toFixed(0)} MiB${ratio}`,
    );
    return row;
  });
}

function setting(name: string, otherwise: number): number {
  const value = Number(process.env[`FWREPLAY_BENCH_${name}`] || otherwise);
  if (!Number.isInteger(value) || value < 1) throw new Error(`FWREPLAY_BENCH_${name}: ${value}?`);
  return value;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  benchLoading(setting('RULES', 100_000), setting('ROUNDS', 5));
}
