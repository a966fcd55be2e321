/**
 * What the command line needs of the process around it, as one value, so that commands can be run
 * in a test without a process.
 */
import { readFileSync } from 'node:fs';
import { DEFAULT_WIDTH } from '../report/layout.ts';
import { descriptorSink, type FlushedSink } from '../report/sink.ts';

/** The process, or what stands for it in a test. */
export interface CliHost {
  readonly stdout: FlushedSink;
  readonly stderr: FlushedSink;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Columns of the terminal on standard output, or a default. */
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Seconds of a steady clock, for rates. */
  seconds(): number;
  /** A file's text; '-' is standard input. @throws the system's errors */
  readText(file: string): string;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const NARROWEST = 60;

/** A file or standard input as UTF-8 text. @throws the system's errors */
export function readTextFile(file: string): string {
  return readFileSync(file === '-' ? STDIN : file, 'utf8');
}

/** The real process. */
export function processHost(): CliHost {
  return {
    stdout: descriptorSink(STDOUT),
    stderr: descriptorSink(STDERR),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    columns: Math.max(NARROWEST, process.stdout.columns ?? DEFAULT_WIDTH),
    environment: process.env,
    seconds: () => Number(process.hrtime.bigint()) / 1e9,
    readText: readTextFile,
  };
}
