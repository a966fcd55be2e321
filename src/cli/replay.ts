/**
 * `fwreplay replay`: replays captures against a ruleset and reports.
 */
import type { Argv } from 'yargs';
import { replay } from '../engine/replay.ts';
import type { PacketOutcome, ReplayOptions, ReplayResult, Verdict } from '../engine/types.ts';
import { csvReporter } from '../report/csv.ts';
import { jsonReporter } from '../report/json.ts';
import { ndjsonReporter } from '../report/ndjson.ts';
import { type Reporter, wantedPacket } from '../report/reporter.ts';
import { saveReporter } from '../report/save.ts';
import { textReporter } from '../report/text.ts';
import { plural } from '../report/units.ts';
import { EXIT_CHECK_FAILED, EXIT_OK } from './exit.ts';
import { explainPackets } from './explain.ts';
import type { CliHost } from './host.ts';
import {
  CHOICE,
  FLAG,
  type OutputArguments,
  REPEATED,
  type ReplayArguments,
  SINGLE,
  SWITCH,
  withOutput,
  withReplay,
} from './options.ts';
import { type Output, openOutput } from './output.ts';
import { prepareReplay, printWarnings } from './prepare.ts';
import { NO_PROGRESS, type Progress, terminalProgress } from './progress.ts';
import { parseCount, parsePacketNumbers, parseVerdicts, usageError } from './values.ts';

const REPLAY_GROUP = 'Replay:';

/** Values of `--format`. */
export const REPLAY_FORMATS = ['text', 'json', 'ndjson', 'csv', 'save'] as const;

/** The arguments of `fwreplay replay`. */
export interface ReplayCommandArguments extends ReplayArguments, OutputArguments {
  readonly captures: readonly string[];
  readonly format: string;
  readonly verdicts: boolean | undefined;
  readonly only: readonly string[] | undefined;
  readonly 'fail-on': readonly string[] | undefined;
  readonly packet: readonly string[] | undefined;
  readonly limit: string | undefined;
  readonly family: string | undefined;
  readonly 'all-rules': boolean;
  readonly progress: boolean;
}

/** Declares the command's arguments. */
export function replayCommand(yargs: Argv): Argv<ReplayCommandArguments> {
  return withExamples(withReportOptions(withOutput(withReplay(yargs)) as unknown as Argv))
    .positional('captures', {
      type: 'string',
      demandOption: true,
      describe: 'pcap or pcapng files, also gzip or zstd; - is standard input; merged by time',
    })
    .option('fail-on', {
      ...REPEATED,
      describe: 'Exit with 1 when a packet gets one of these verdicts: undecided,drop …',
      group: REPLAY_GROUP,
    })
    .option('limit', {
      ...SINGLE,
      describe: 'Stop after this many packets',
      group: REPLAY_GROUP,
    }) as unknown as Argv<ReplayCommandArguments>;
}

function withReportOptions(yargs: Argv): Argv {
  const group = 'Output:';
  return yargs
    .option('verdicts', {
      ...SWITCH,
      describe: 'A line per packet (text); --no-verdicts: no packets in json and ndjson',
      group,
    })
    .option('format', {
      ...CHOICE,
      alias: 'f',
      choices: REPLAY_FORMATS,
      default: 'text' as const,
      describe: "Form of the report; save: iptables-save -c with the replay's counters",
      group,
    })
    .option('only', {
      ...REPEATED,
      describe: 'List only packets with these verdicts: drop,reject …',
      group,
    })
    .option('packet', {
      ...REPEATED,
      describe: 'Explain these packets instead: N, N-M, N,M (as fwreplay explain)',
      group,
    })
    .option('family', {
      ...CHOICE,
      choices: ['4', '6'] as const,
      describe: 'With --format save: only this address family',
      group,
    })
    .option('all-rules', {
      ...FLAG,
      describe: 'Show all rules of a large ruleset, also those without hits',
      group,
    })
    .option('progress', {
      ...SWITCH,
      default: true,
      describe: 'Progress on standard error when it is a terminal',
      group,
    });
}

function withExamples(yargs: Argv): Argv {
  return yargs
    .example(
      '$0 replay trace.pcap --rules rules.v4 --interface eth0=192.0.2.10/24',
      'Counters of each rule, verdict totals',
    )
    .example(
      '$0 replay trace.pcap --rules rules.v4 --only drop,reject',
      'A line for each packet that did not get through',
    )
    .example(
      '$0 replay trace.pcapng.gz --rules fw.sh --format json -o out.json',
      'Everything, for programs',
    );
}

function makeReporter(
  host: CliHost,
  args: ReplayCommandArguments,
  output: Output,
  only: ReadonlySet<Verdict> | undefined,
): Reporter {
  const wanted: (outcome: PacketOutcome) => boolean = wantedPacket({ only });
  const { sink } = output;
  const listed = args.verdicts !== false;
  switch (args.format) {
    case 'json':
      return jsonReporter(sink, listed ? wanted : undefined);
    case 'ndjson':
      return ndjsonReporter(sink, listed ? wanted : () => false);
    case 'csv':
      return csvReporter(sink, wanted);
    case 'save':
      return saveReporter(sink, args.family === undefined ? [4, 6] : [args.family === '4' ? 4 : 6]);
    default: {
      const started = host.seconds();
      return textReporter(sink, {
        style: output.style,
        width: output.width,
        allRules: args['all-rules'],
        quiet: args.quiet,
        elapsedSeconds: () => host.seconds() - started,
        wanted: listsPackets(args) ? wanted : undefined,
      });
    }
  }
}

/** In text, packets are listed when asked for: by --verdicts, or by --only. */
function listsPackets(args: ReplayCommandArguments): boolean {
  return args.verdicts ?? args.only !== undefined;
}

function makeProgress(host: CliHost, args: ReplayCommandArguments, output: Output): Progress {
  const scrolls = output.isTerminal && (args.format !== 'text' || listsPackets(args));
  if (!args.progress || args.quiet || !host.stderrIsTerminal || scrolls) return NO_PROGRESS;
  return terminalProgress(process.stderr, () => host.seconds());
}

function checkArguments(args: ReplayCommandArguments): void {
  if (args.packet !== undefined && args.format !== 'text' && args.format !== 'json')
    throw usageError('usage', '--packet goes with --format text or json');
  const listing = ['only', 'verdicts', 'fail-on'] as const;
  const unused = listing.find((name) => args.packet !== undefined && args[name] !== undefined);
  if (unused !== undefined)
    throw usageError('usage', `--packet explains packets: --${unused} has no meaning with it`);
  if (args.family !== undefined && args.format !== 'save')
    throw usageError('usage', '--family goes with --format save');
  if (args.only !== undefined && args.format === 'save')
    throw usageError('usage', '--only has no meaning with --format save, which lists no packets');
  if (args.only !== undefined && args.verdicts === false)
    throw usageError('usage', '--only and --no-verdicts exclude each other');
  if (args.format === 'csv' && args.verdicts === false)
    throw usageError('usage', '--format csv holds nothing but packets: --no-verdicts leaves none');
}

/** Formats without room for notes: what one must know to trust them goes to standard error. */
function tellDoubts(host: CliHost, result: ReplayResult, format: string): void {
  const lines = result.doctor
    .filter(({ code }) => code === 'truncated-file')
    .map(({ message }) => message);
  if (!result.vantageCertain)
    lines.push(...result.vantage.filter((line) => line.includes('; if not: ')));
  const undecided = result.verdicts.UNDECIDED;
  if (undecided > 0 && format === 'save')
    lines.push(`${plural(undecided, 'packet')} UNDECIDED: counters may lack them`);
  for (const line of lines) host.stderr.write(`note: ${line}\n`);
}

/** The packets with verdicts that --fail-on names. */
function failures(result: ReplayResult, failOn: ReadonlySet<Verdict>): number {
  return [...failOn].reduce((sum, verdict) => sum + result.verdicts[verdict], 0);
}

/** Runs the command; gives the exit code. @throws FwreplayError, the system's errors */
export async function runReplay(args: ReplayCommandArguments, host: CliHost): Promise<number> {
  checkArguments(args);
  const only = parseVerdicts(args.only, '--only');
  const failOn = parseVerdicts(args['fail-on'], '--fail-on');
  const { limit } = args;
  const prepared = prepareReplay(host, args.captures, args);
  const { warnings } = prepared;
  const options: ReplayOptions = {
    ...prepared.options,
    ...(limit === undefined ? {} : { limit: parseCount(limit, '--limit') }),
  };
  if (!args.quiet) printWarnings(host, warnings);
  if (args.packet !== undefined) {
    const numbers = parsePacketNumbers(args.packet, '--packet');
    return explainPackets(args, { ...prepared, options }, numbers, host);
  }
  const output = openOutput(host, args.output, args.color);
  const reporter = makeReporter(host, args, output, only);
  const progress = makeProgress(host, args, output);
  try {
    const result = await replay({
      ...options,
      ...(reporter.packet === undefined ? {} : { onPacket: reporter.packet }),
      onProgress: progress.update,
    });
    progress.stop();
    if (!args.quiet) printWarnings(host, result.warnings);
    reporter.end({ ...result, warnings: [...warnings, ...result.warnings] });
    output.close();
    if (!args.quiet && (args.format === 'csv' || args.format === 'save'))
      tellDoubts(host, result, args.format);
    const failed = failOn === undefined ? 0 : failures(result, failOn);
    if (failed === 0) return EXIT_OK;
    host.stderr.write(
      `check failed: ${plural(failed, 'packet')} of --fail-on ${[...(failOn ?? [])].join(',').toLowerCase()}\n`,
    );
    return EXIT_CHECK_FAILED;
  } finally {
    progress.stop();
  }
}
