/**
 * One real command line applied to a ruleset that is kept as text, as iptables would apply it to the
 * kernel's tables: what it prints, its exit status, and the ruleset afterwards.
 */
import type { Diagnostic } from '../../errors.ts';
import { RulesetError } from '../../errors.ts';
import type { Family, TableName } from '../../ruleset/types.ts';
import type { Command } from './command.ts';
import { parseCommandLine } from './command-line.ts';
import { execute } from './execute.ts';
import { printSave } from './print.ts';
import { restoreFile } from './restore-file.ts';
import { Findings, Refusal, splitLines, type Word } from './source.ts';
import { OpenFamily } from './tables.ts';

/** The tool's exit statuses. */
export const STATUS_DONE = 0;
/** The tables do not allow it, or what was asked for is not there. */
export const STATUS_REFUSED = 1;
/** The command line is wrong. */
export const STATUS_WRONG_USAGE = 2;
/** There is no such table (VERSION_PROBLEM of the tool). */
export const STATUS_NO_TABLE = 3;

/** What a command came to. */
export interface AppliedCommand {
  readonly status: number;
  /** What the tool prints on standard output. */
  readonly output: string;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** The ruleset as iptables-save -c prints it now; undefined when the command changes nothing. */
  readonly state: string | undefined;
}

const READING = new Set(['list', 'list-rules', 'check']);

/** The status of a refusal by the tables: what follows -j or -g is looked for with the options. */
function statusOf({ diagnostic, state }: Refusal, command: Command): number {
  const { code } = diagnostic;
  if (code === 'unknown-target') return STATUS_WRONG_USAGE;
  const isGoto = command.rule?.jump?.goto === true;
  return code === 'no-chain' && isGoto && !state ? STATUS_WRONG_USAGE : STATUS_REFUSED;
}

function wordsOf(program: string, args: readonly string[]): [Word, Word[]] {
  const all = [program, ...args];
  const line = { file: 'command line', number: 1, text: all.map(quoted).join(' ') };
  let column = 1;
  const words = all.map((text) => {
    const { length } = quoted(text);
    const word = { text, line, column, length };
    column += length + 1;
    return word;
  });
  const [first, ...rest] = words;
  return [first as Word, rest];
}

function quoted(text: string): string {
  return /^[\w@%+=:,./!-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Opens the ruleset of a text. @throws RulesetError */
function open(text: string, file: string, family: Family): OpenFamily {
  const tables = new OpenFamily(family);
  const findings = new Findings();
  restoreFile(splitLines(text, file), tables, findings, {
    counters: true,
    noflush: false,
    hosts: new Map(),
    unfinished: text !== '' && !text.endsWith('\n'),
    keepOrder: true,
  });
  if (findings.errors.length > 0) throw new RulesetError(findings.errors);
  return tables;
}

function changes({ commands }: Command): boolean {
  return commands.some((name) => !READING.has(name));
}

/**
 * Applies a command line.
 * @param args what comes after `iptables` or `ip6tables`
 * @param state the ruleset in the form of iptables-save; '' for none
 * @param file the state's name, for findings in it
 * @throws RulesetError when the state itself is wrong
 */
export function applyCommand(
  family: Family,
  args: readonly string[],
  state: string,
  file: string,
): AppliedCommand {
  const tables = open(state, file, family);
  const findings = new Findings();
  const [program, words] = wordsOf(family === 4 ? 'iptables' : 'ip6tables', args);
  const failed = (status: number, refusal: unknown): AppliedCommand => {
    if (!(refusal instanceof Refusal)) throw refusal;
    findings.add(refusal);
    const { errors, warnings } = findings;
    return { status, output: '', errors, warnings, state: undefined };
  };
  const done = (output: string, after: string | undefined): AppliedCommand => {
    const { errors, warnings } = findings;
    return { status: STATUS_DONE, output, errors, warnings, state: after };
  };
  let command: Command;
  try {
    const parsed = parseCommandLine(program, words, {
      family,
      hosts: new Map(),
      findings,
      bindings: tables.bindings,
      sets: tables.sets,
      restore: undefined,
      isChain: (table, chain) => tables.tables.get(table as TableName)?.chain(chain) !== undefined,
    });
    if (parsed.kind !== 'command')
      return done(parsed.kind === 'print' ? parsed.text : '', undefined);
    command = parsed.command;
  } catch (error) {
    const noTable = error instanceof Refusal && error.diagnostic.code === 'unknown-table';
    return failed(noTable ? STATUS_NO_TABLE : STATUS_WRONG_USAGE, error);
  }
  try {
    const output = execute(command, { tables, findings, restore: false });
    const after = changes(command) ? printSave(tables.freeze(), { counters: true }) : undefined;
    return done(output, after);
  } catch (error) {
    return failed(error instanceof Refusal ? statusOf(error, command) : STATUS_REFUSED, error);
  }
}
