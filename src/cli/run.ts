/**
 * The command line as a function: arguments in, exit code out. Declares the commands to yargs, turns
 * its complaints into usage errors with a suggestion, and every error into text and a code.
 */
import { readFileSync } from 'node:fs';
import yargs, { type Argv } from 'yargs';
import { FwreplayError, UsageError } from '../errors.ts';
import { nearest } from '../language/iptables/suggest.ts';
import { isClosedPipe } from '../report/sink.ts';
import { EXIT_OK, failureOf } from './exit.ts';
import { type ExplainCommandArguments, explainCommand, runExplain } from './explain.ts';
import type { CliHost } from './host.ts';
import { type InfoCommandArguments, infoCommand, runInfo } from './info.ts';
import { type IptablesCommandArguments, iptablesCommand, runIptables } from './iptables.ts';
import { type ReplayCommandArguments, replayCommand, runReplay } from './replay.ts';
import { runShow, type ShowCommandArguments, showCommand } from './show.ts';

const WIDEST_HELP = 100;
const EPILOGUE = `Exit codes: 0 fine, 1 a check failed (--fail-on), 2 wrong usage or bad ruleset,
3 bad capture, 70 a bug, 74 the output cannot be written.`;

const COMMANDS = ['replay', 'explain', 'show', 'info', 'iptables', 'ip6tables', 'completion'];

/** The package's version. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}

/** What the arguments ask for; undefined when yargs has answered (help, version, completion). */
type Action = () => Promise<number>;

interface Asked {
  action: Action | undefined;
}

/**
 * Stands for a bare `-`, which yargs takes for an option without a name, while it parses. Not a text
 * that an argument can have: system calls end arguments at NUL.
 */
const STDIN_STANDIN = '\0stdin';

function hideDash(argument: string): string {
  return argument === '-' ? STDIN_STANDIN : argument;
}

function showDash(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(showDash);
  return value === STDIN_STANDIN ? '-' : value;
}

/** yargs' arguments as a command wants them. */
function argumentsFor<T>(parsed: Readonly<Record<string, unknown>>): T {
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => [key, showDash(value)]),
  ) as T;
}

/** What stands behind `--`, as written: the arguments of another program. */
function behindDashes(argv: readonly string[]): readonly string[] {
  const dashes = argv.indexOf('--');
  return dashes < 0 ? [] : argv.slice(dashes + 1);
}

function build(argv: readonly string[], host: CliHost, asked: Asked): Argv {
  const width = Math.min(WIDEST_HELP, host.columns);
  return yargs(argv.map(hideDash))
    .scriptName('fwreplay')
    .usage(
      'Usage: $0 COMMAND …\n\nReplays captured traffic against a Linux firewall ruleset in user space.',
    )
    .command(
      'replay <captures..>',
      'Replay captures against a ruleset: verdicts and counters',
      (each) => replayCommand(each),
      (args) => {
        asked.action = () => runReplay(argumentsFor<ReplayCommandArguments>(args), host);
      },
    )
    .command(
      'explain <capture> <packets..>',
      'Show the walk of a packet through tables, chains and rules',
      (each) => explainCommand(each),
      (args) => {
        asked.action = () => runExplain(argumentsFor<ExplainCommandArguments>(args), host);
      },
    )
    .command(
      'show [rulesets..]',
      'Load a ruleset or script and print it as iptables would',
      (each) => showCommand(each),
      (args) => {
        asked.action = () => runShow(argumentsFor<ShowCommandArguments>(args), host);
      },
    )
    .command(
      'info <captures..>',
      'What a capture holds, and which host it seems to be from',
      (each) => infoCommand(each),
      (args) => {
        asked.action = () => runInfo(argumentsFor<InfoCommandArguments>(args), host);
      },
    )
    .command(
      'iptables [arguments..]',
      'Apply an iptables command line to a ruleset file',
      (each) => iptablesCommand(each, 'iptables'),
      (args) => {
        asked.action = () =>
          runIptables(argumentsFor<IptablesCommandArguments>(args), 4, behindDashes(argv), host);
      },
    )
    .command(
      'ip6tables [arguments..]',
      'Apply an ip6tables command line to a ruleset file',
      (each) => iptablesCommand(each, 'ip6tables'),
      (args) => {
        asked.action = () =>
          runIptables(argumentsFor<IptablesCommandArguments>(args), 6, behindDashes(argv), host);
      },
    )
    .completion('completion', 'Print a completion script for bash or zsh')
    .parserConfiguration({
      'greedy-arrays': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .demandCommand(1, 'a command is needed')
    .strict()
    .help()
    .alias('help', 'h')
    .version(packageVersion())
    .alias('version', 'V')
    .locale('en')
    .wrap(width)
    .epilogue(EPILOGUE)
    .exitProcess(false);
}

interface DeclaredOptions {
  readonly key: Readonly<Record<string, unknown>>;
  readonly boolean: readonly string[];
}

/** The options of a declared command line. */
function optionsOf(declared: Argv): DeclaredOptions {
  // yargs keeps them here; its types do not say so.
  return (declared as unknown as { getOptions(): DeclaredOptions }).getOptions();
}

/** yargs takes any value of a flag other than true for false: `--color=always` would mean none. */
function checkFlags(declared: Argv, argv: readonly string[]): void {
  const flags = optionsOf(declared).boolean;
  const end = argv.indexOf('--');
  for (const argument of end < 0 ? argv : argv.slice(0, end)) {
    const [, name = '', value = ''] = /^--?(?:no-)?([^=]+)=(.*)$/.exec(argument) ?? [];
    if (flags.includes(name) && value !== 'true' && value !== 'false')
      throw new UsageError([
        { code: 'usage', message: `--${name} is on or off: "${value}" is no value for it` },
      ]);
  }
}

/** What a command needs beside options, for when it is missing. */
const NEEDS: Readonly<Record<string, string>> = {
  replay: 'no capture was given: fwreplay replay CAPTURE… --rules FILE',
  explain: 'a capture and a packet number are needed: fwreplay explain CAPTURE N --rules FILE',
  info: 'no capture was given: fwreplay info CAPTURE…',
};

/** A first word that looks like a capture was probably meant for `replay`. */
function unknownCommand(command: string, help: string): UsageError {
  const near = nearest(command, COMMANDS);
  const capture = /\.(pcap|pcapng|cap)(\.(gz|zst))?$/i.test(command);
  const meant = capture ? `replay ${command} --rules FILE` : near;
  const hint = meant === undefined ? `see ${help}` : `did you mean "fwreplay ${meant}"?`;
  const message = `unknown command "${command}"`;
  return new UsageError([{ code: 'unknown-command', message, hint }]);
}

function unknownNames(
  names: readonly string[],
  declared: Argv,
  help: string,
  argv: readonly string[],
): UsageError {
  return new UsageError(
    names.map((name) => {
      const written = argv.find((each) => each.replace(/^-+/, '').split('=')[0] === name) ?? name;
      if (!written.startsWith('-'))
        return {
          code: 'unknown-argument',
          message: `unexpected argument "${name}"`,
          hint: `see ${help}`,
        };
      const near = nearest(name, Object.keys(optionsOf(declared).key));
      return {
        code: 'unknown-option',
        message: `unknown option ${written.split('=')[0]}`,
        hint: near === undefined ? `see ${help}` : `did you mean --${near}?`,
      };
    }),
  );
}

/** @param choices as yargs lists them: `"a", "b"` */
function badChoice(option: string, given: string, choices: string): UsageError {
  const known = choices.split(', ').map((each) => each.replaceAll('"', ''));
  const near = nearest(given, known);
  return new UsageError([
    {
      code: 'bad-choice',
      message: `--${option}: "${given}" is not one of ${known.join(', ')}`,
      hint: near === undefined ? undefined : `did you mean ${near}?`,
    },
  ]);
}

/** yargs' complaint as ours, with a suggestion for unknown names. */
function complaint(said: string, declared: Argv, argv: readonly string[]): UsageError {
  const command = argv.find((each) => !each.startsWith('-'));
  const known = command !== undefined && COMMANDS.includes(command);
  const help = `fwreplay ${known ? `${command} ` : ''}--help`;
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/.exec(said)?.[1];
  if (unknown !== undefined && command !== undefined && !known)
    return unknownCommand(command, help);
  if (unknown !== undefined) return unknownNames(unknown.split(', '), declared, help, argv);
  const lacking = /^Not enough arguments following: (\S+)$/.exec(said)?.[1];
  const option = lacking === undefined || lacking.length > 1 ? `--${lacking}` : `-${lacking}`;
  const choice = /^Invalid values:\n {2}Argument: (\S+), Given: "(.*)", Choices: (.*)$/s.exec(said);
  if (choice !== null) return badChoice(choice[1] ?? '', choice[2] ?? '', choice[3] ?? '');
  const missing = said.startsWith('Not enough non-option') ? NEEDS[command ?? ''] : undefined;
  const message = missing ?? (lacking === undefined ? lowerFirst(said) : `${option} needs a value`);
  return new UsageError([{ code: 'usage', message, hint: `see ${help}` }]);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

async function parse(argv: readonly string[], host: CliHost): Promise<Action | undefined> {
  const asked: Asked = { action: undefined };
  const declared = build(argv, host, asked);
  declared.fail((message, error) => {
    if (error instanceof FwreplayError || (error instanceof Error && !message)) throw error;
    throw complaint(message ?? error?.message ?? 'wrong usage', declared, argv);
  });
  declared.check(() => {
    checkFlags(declared, argv);
    return true;
  });
  await declared.parseAsync();
  return asked.action;
}

/** Runs the command line; never throws. */
export async function run(argv: readonly string[], host: CliHost): Promise<number> {
  try {
    const action = await parse(argv, host);
    const code = action === undefined ? EXIT_OK : await action();
    host.stdout.flush();
    host.stderr.flush();
    return code;
  } catch (error) {
    // The reader of our output has gone (`| head`): nothing is wrong.
    if (isClosedPipe(error)) return EXIT_OK;
    return fail(error, host);
  }
}

function fail(error: unknown, host: CliHost): number {
  const { code, text } = failureOf(error);
  try {
    host.stdout.flush();
  } catch {
    // What went wrong before is what to report.
  }
  try {
    host.stderr.write(`${text}\n`);
    host.stderr.flush();
  } catch {
    // Nobody listens any more; the exit code tells.
  }
  return code;
}
