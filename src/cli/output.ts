/**
 * Where a command's output goes: standard output, or the file of --output. With the style that suits
 * it: colour only where a terminal reads.
 */
import { closeSync, openSync } from 'node:fs';
import { DEFAULT_WIDTH } from '../report/layout.ts';
import { descriptorSink, type FlushedSink } from '../report/sink.ts';
import { chooseStyle, type Style } from '../report/style.ts';
import type { CliHost } from './host.ts';
import { systemReason } from './sources.ts';
import { usageError } from './values.ts';

/** An opened output. */
export interface Output {
  readonly sink: FlushedSink;
  readonly style: Style;
  /** Columns of text. */
  readonly width: number;
  readonly isTerminal: boolean;
  /** Writes what is left and closes the file. @throws the system's errors */
  close(): void;
}

/** Opens the output. @param colour --color, --no-color or neither. @throws UsageError */
export function openOutput(
  host: CliHost,
  file: string | undefined,
  colour: boolean | undefined,
): Output {
  const { environment } = host;
  if (file === undefined || file === '-') {
    const terminal = host.stdoutIsTerminal;
    return {
      sink: host.stdout,
      style: chooseStyle({ option: colour, terminal, environment }),
      width: terminal ? host.columns : DEFAULT_WIDTH,
      isTerminal: terminal,
      close: () => host.stdout.flush(),
    };
  }
  let descriptor: number;
  try {
    descriptor = openSync(file, 'w');
  } catch (error) {
    throw usageError('output-unwritable', `cannot write ${file}: ${systemReason(error)}`);
  }
  const sink = descriptorSink(descriptor);
  return {
    sink,
    style: chooseStyle({ option: colour, terminal: false, environment }),
    width: DEFAULT_WIDTH,
    isTerminal: false,
    close() {
      sink.flush();
      closeSync(descriptor);
    },
  };
}
