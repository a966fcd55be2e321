/**
 * `fwreplay iptables` and `fwreplay ip6tables`: applies a real command line to a ruleset file in place
 * of the kernel's tables, so that firewall scripts can be tried without root.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import type { Argv } from 'yargs';
import { formatDiagnostic } from '../errors.ts';
import { applyCommand } from '../language/iptables/apply-command.ts';
import type { Family } from '../ruleset/types.ts';
import type { CliHost } from './host.ts';
import { SINGLE } from './options.ts';
import { printWarnings } from './prepare.ts';
import { systemReason } from './sources.ts';
import { usageError } from './values.ts';

/** The arguments of `fwreplay iptables`. */
export interface IptablesCommandArguments {
  /** Before `--`: none belong there. */
  readonly arguments: readonly string[];
  readonly state: string | undefined;
}

/** Declares the command's arguments. */
export function iptablesCommand(yargs: Argv, name: string): Argv<IptablesCommandArguments> {
  return yargs
    .positional('arguments', {
      type: 'string',
      array: true,
      default: [] as string[],
      describe: `What comes after ${name}; put -- before it`,
    })
    .option('state', {
      ...SINGLE,
      describe: 'The ruleset, as iptables-save -c prints it; made when it is not there',
    })
    .example(
      `$0 ${name} --state rules.v4 -- -A INPUT -p tcp --dport 22 -j ACCEPT`,
      'Adds a rule to the file',
    )
    .example(
      `$0 ${name} --state rules.v4 -- -L -n -v`,
      'Lists it',
    ) as unknown as Argv<IptablesCommandArguments>;
}

function readState(host: CliHost, file: string): string {
  if (!existsSync(file)) return '';
  try {
    return host.readText(file);
  } catch (error) {
    throw usageError('rules-unreadable', `cannot read the state ${file}: ${systemReason(error)}`);
  }
}

/** Whole or not at all: a reader never meets half a ruleset. */
function writeState(file: string, text: string): void {
  const beside = `${file}.new`;
  try {
    writeFileSync(beside, text);
    renameSync(beside, file);
  } catch (error) {
    throw usageError('state-unwritable', `cannot write the state ${file}: ${systemReason(error)}`);
  }
}

/**
 * Runs the command; gives the real tool's exit code.
 * @param words the arguments of iptables
 * @throws FwreplayError
 */
export async function runIptables(
  args: IptablesCommandArguments,
  family: Family,
  words: readonly string[],
  host: CliHost,
): Promise<number> {
  const { state: file } = args;
  if (args.arguments.length > 0 && words.length === 0)
    throw usageError('usage', 'put -- before the arguments of iptables');
  if (file === undefined)
    throw usageError('usage', 'no state was given', 'fwreplay iptables --state FILE -- -A INPUT …');
  const applied = applyCommand(family, words, readState(host, file), file);
  host.stdout.write(applied.output);
  printWarnings(host, applied.warnings);
  for (const error of applied.errors) host.stderr.write(`${formatDiagnostic(error)}\n`);
  if (applied.state !== undefined) writeState(file, applied.state);
  return applied.status;
}
