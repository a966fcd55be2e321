/**
 * Times whole commands, start to end, in turn: what disturbs the machine then disturbs all alike.
 */
import { spawnSync } from 'node:child_process';

/** A command to time. Its last line of output is kept. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  /** Slow ones run in the first round only. */
  readonly once?: boolean;
}

/** What was measured of one contender. */
export interface Measured {
  readonly name: string;
  /** One per round. */
  readonly seconds: number[];
  output: string;
}

/** A line of the result. */
export interface Row {
  readonly name: string;
  /** The shortest round. */
  readonly seconds: number;
  readonly millionPerSecond: number;
  /** Time as a multiple of the base's; undefined without a base. */
  readonly ratio: number | undefined;
  readonly output: string;
}

const LONGEST_MILLISECONDS = 600_000;

/** Whether a program is installed. */
export function available(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Runs a command once. @throws Error when it fails */
export function run(contender: Contender): { seconds: number; output: string } {
  const [program = '', ...args] = contender.command;
  const started = process.hrtime.bigint();
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: LONGEST_MILLISECONDS });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  if (done.status !== 0) throw new Error(`${contender.name}: ${done.stderr || done.error}`);
  return { seconds, output: done.stdout.trim().split('\n').at(-1) ?? '' };
}

/** Runs all contenders in turn, `rounds` times. */
export function measure(contenders: readonly Contender[], rounds: number): Measured[] {
  const results = contenders.map(({ name }): Measured => ({ name, seconds: [], output: '' }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const result = results[i];
      if (result === undefined || (contender.once && round > 0)) continue;
      const { seconds, output } = run(contender);
      result.seconds.push(seconds);
      result.output = output;
    }
  }
  return results;
}

/** Lines of the result. @param base beginning of the name of the one that ratios refer to */
export function rows(measured: readonly Measured[], packets: number, base: string): Row[] {
  const best = ({ seconds }: Measured): number => Math.min(...seconds);
  const reference = measured.find(({ name }) => name.startsWith(base));
  return measured.map((one) => ({
    name: one.name,
    seconds: best(one),
    millionPerSecond: packets / best(one) / 1e6,
    ratio: reference === undefined ? undefined : best(one) / best(reference),
    output: one.output,
  }));
}
