/**
 * Runs the command line in tests: in this process with a host made of strings, which is quick, or as
 * a process of its own, for what only a process has (exit status, pipes, signals).
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { CliHost } from '../../src/cli/host.ts';
import { run } from '../../src/cli/run.ts';
import { stringSink } from '../../src/report/sink.ts';
import { repositoryRoot } from './shared-data.ts';

/** What a run of the command line gave. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the process around a run looks like. */
export interface CliWorld {
  /** Text on standard input, for rulesets. */
  readonly stdin?: string;
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

function flushed(): ReturnType<typeof stringSink> & { flush(): void } {
  return { ...stringSink(), flush: () => undefined };
}

/** Runs the command line in this process; files are relative to the repository. */
export async function runCli(args: readonly string[], world: CliWorld = {}): Promise<CliResult> {
  const stdout = flushed();
  const stderr = flushed();
  let clock = 0;
  const host: CliHost = {
    stdout,
    stderr,
    stdoutIsTerminal: world.terminal ?? false,
    stderrIsTerminal: false,
    columns: world.columns ?? 100,
    environment: world.environment ?? {},
    seconds() {
      clock += 0.125;
      return clock;
    },
    readText(file) {
      if (file === '-') return world.stdin ?? '';
      return readFileSync(isAbsolute(file) ? file : join(repositoryRoot, file), 'utf8');
    },
  };
  const code = await run(args, host);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** Node's arguments that start the command line from its sources. */
export const CLI_ARGUMENTS = ['--import', 'tsx', join(repositoryRoot, 'src/cli/main.ts')] as const;

/** Runs the command line as a process. */
export function spawnCli(
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly env?: Record<string, string> } = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [...CLI_ARGUMENTS, ...args], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...process.env, NO_COLOR: '', ...options.env },
    timeout: 60_000,
  });
}
