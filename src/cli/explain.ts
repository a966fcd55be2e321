/**
 * `fwreplay explain`: the walk of one packet, or of some, through tables, chains and rules. The
 * packets before them are replayed too, since connection tracking and limits rest on them.
 */
import type { Argv } from 'yargs';
import { replay } from '../engine/replay.ts';
import type { ReplayOptions } from '../engine/types.ts';
import type { Diagnostic } from '../errors.ts';
import { commentsBefore, explainLines } from '../report/explain.ts';
import { explainDocument } from '../report/explain-json.ts';
import { plural } from '../report/units.ts';
import { type PacketWalk, recordWalk, type WalkRecorder } from '../report/walk.ts';
import { EXIT_OK } from './exit.ts';
import type { CliHost } from './host.ts';
import {
  CHOICE,
  FLAG,
  type OutputArguments,
  type ReplayArguments,
  withOutput,
  withReplay,
} from './options.ts';
import { openOutput } from './output.ts';
import { type PreparedReplay, prepareReplay, printWarnings } from './prepare.ts';
import { parsePacketNumbers, usageError } from './values.ts';

/** The arguments of `fwreplay explain`. */
export interface ExplainCommandArguments extends ReplayArguments, OutputArguments {
  readonly capture: string;
  readonly packets: readonly string[];
  readonly format: string;
  readonly 'all-rules': boolean;
}

/** Declares the command's arguments. */
export function explainCommand(yargs: Argv): Argv<ExplainCommandArguments> {
  return withOutput(withReplay(yargs))
    .positional('capture', {
      type: 'string',
      demandOption: true,
      describe: 'pcap or pcapng file, also gzip or zstd; - is standard input',
    })
    .positional('packets', {
      type: 'string',
      demandOption: true,
      describe: 'Packet numbers as capture tools count, from 1: N, N-M, N,M',
    })
    .option('format', {
      ...CHOICE,
      alias: 'f',
      choices: ['text', 'json'] as const,
      default: 'text' as const,
      describe: 'Form of the report',
      group: 'Output:',
    })
    .option('all-rules', {
      ...FLAG,
      describe: 'Show every rule of a long walk',
      group: 'Output:',
    })
    .example('$0 explain trace.pcap 41 --rules rules.v4', 'Why packet 41 got its verdict')
    .example(
      '$0 explain trace.pcap 41-45 --rules rules.v4 --format json',
      'The walks as data',
    ) as unknown as Argv<ExplainCommandArguments>;
}

/** Runs the command. @throws FwreplayError, the system's errors */
export async function runExplain(args: ExplainCommandArguments, host: CliHost): Promise<number> {
  const numbers = parsePacketNumbers(args.packets, 'explain');
  const prepared = prepareReplay(host, [args.capture], args);
  if (!args.quiet) printWarnings(host, prepared.warnings);
  return explainPackets(args, prepared, numbers, host);
}

/** Records the walks of the packets; stops after the last. @throws UsageError, CaptureError */
export async function recordWalks(
  options: ReplayOptions,
  numbers: readonly number[],
): Promise<{ walks: PacketWalk[]; warnings: readonly Diagnostic[] }> {
  const wanted = new Set(numbers);
  const last = Math.max(...numbers);
  const walks: PacketWalk[] = [];
  let recorder: WalkRecorder | undefined;
  const result = await replay({
    ...options,
    limit: Math.min(last, options.limit ?? last),
    observe(number) {
      recorder = wanted.has(number) ? recordWalk() : undefined;
      return recorder?.observer;
    },
    onPacket(outcome) {
      if (recorder !== undefined) walks.push(recorder.finish(outcome));
    },
  });
  if (result.packets < last)
    throw usageError(
      'no-such-packet',
      `there is no packet ${last}: the replay has ${plural(result.packets, 'packet')}`,
    );
  return { walks, warnings: result.warnings };
}

/** How the walks are written. */
export interface ExplainOutputArguments extends OutputArguments {
  readonly format: string;
  readonly 'all-rules': boolean;
}

/** Writes the walks of the packets. @throws FwreplayError, the system's errors */
export async function explainPackets(
  args: ExplainOutputArguments,
  prepared: PreparedReplay,
  numbers: readonly number[],
  host: CliHost,
): Promise<number> {
  const { walks, warnings } = await recordWalks(prepared.options, numbers);
  if (!args.quiet) printWarnings(host, warnings);
  const output = openOutput(host, args.output, args.color);
  if (args.format === 'json') {
    output.sink.write(`${JSON.stringify(explainDocument(walks), undefined, 2)}\n`);
  } else {
    const { style, width } = output;
    const texts = new Map(prepared.sources.map(({ file, text }) => [file, text]));
    const comments = (file: string, line: number): string[] =>
      commentsBefore(texts.get(file) ?? '', line);
    const lines = walks.map((walk) =>
      explainLines(walk, {
        style,
        width,
        allRules: args['all-rules'],
        commentsBefore: comments,
      }).join('\n'),
    );
    output.sink.write(`${lines.join('\n\n')}\n`);
  }
  output.close();
  return EXIT_OK;
}
