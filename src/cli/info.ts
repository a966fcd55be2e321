/**
 * `fwreplay info`: what a capture holds, and the vantage that would be taken for it.
 */
import type { Argv } from 'yargs';
import { openCapture } from '../capture/reader.ts';
import { Frame } from '../capture/types.ts';
import { type CaptureFacts, CaptureFactsCollector } from '../report/capture-facts.ts';
import { captureFactsLines } from '../report/capture-facts-text.ts';
import { EXIT_OK } from './exit.ts';
import type { CliHost } from './host.ts';
import { CHOICE, type OutputArguments, withOutput } from './options.ts';
import { openOutput } from './output.ts';
import { NO_PROGRESS, terminalProgress } from './progress.ts';
import { checkStdinOnce } from './sources.ts';

/** The arguments of `fwreplay info`. */
export interface InfoCommandArguments extends OutputArguments {
  readonly captures: readonly string[];
  readonly format: string;
}

/** Declares the command's arguments. */
export function infoCommand(yargs: Argv): Argv<InfoCommandArguments> {
  return withOutput(yargs)
    .positional('captures', {
      type: 'string',
      demandOption: true,
      describe: 'pcap or pcapng files, also gzip or zstd; - is standard input',
    })
    .option('format', {
      ...CHOICE,
      alias: 'f',
      choices: ['text', 'json'] as const,
      default: 'text' as const,
      describe: 'Form of the report',
      group: 'Output:',
    })
    .example(
      '$0 info trace.pcapng',
      'Interfaces, packets, protocols, vantage',
    ) as unknown as Argv<InfoCommandArguments>;
}

/** Reads the captures to their end. @throws CaptureError */
async function readFacts(
  captures: readonly string[],
  update: (packets: number, bytesRead: number, bytesTotal: number | undefined) => void,
): Promise<CaptureFacts> {
  const reader = await openCapture(captures);
  try {
    const collector = new CaptureFactsCollector();
    const frame = new Frame();
    while (await reader.fill()) {
      while (reader.next(frame)) collector.add(frame);
      update(collector.packets, reader.bytesRead, reader.bytesTotal);
    }
    return collector.conclude(reader);
  } finally {
    reader.close();
  }
}

/** Runs the command. @throws FwreplayError, the system's errors */
export async function runInfo(args: InfoCommandArguments, host: CliHost): Promise<number> {
  checkStdinOnce(args.captures);
  const progress =
    host.stderrIsTerminal && !args.quiet
      ? terminalProgress(process.stderr, () => host.seconds())
      : NO_PROGRESS;
  let facts: CaptureFacts;
  try {
    facts = await readFacts(args.captures, progress.update);
  } finally {
    progress.stop();
  }
  const output = openOutput(host, args.output, args.color);
  output.sink.write(
    args.format === 'json'
      ? `${JSON.stringify(facts, undefined, 2)}\n`
      : `${captureFactsLines(facts, output.style, output.width).join('\n')}\n`,
  );
  output.close();
  return EXIT_OK;
}
