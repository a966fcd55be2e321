/**
 * Files of `ipset restore`: one command a line, without the program's name. The common line,
 * `add SET ELEMENT`, is read without detours, since a file may have millions of them.
 */
import { type Findings, Refusal, type SourceLine } from '../iptables/source.ts';
import { quickAdd } from './quick-add.ts';
import { type OpenSets, readCommand, runCommand } from './run.ts';
import { IpsetRefusal, syntaxError } from './values.ts';

/** Splits a line as ipset does: at blanks; quotes keep a comment together. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === ' ' || character === '\t') {
      at += 1;
      continue;
    }
    if (character === '"') {
      const end = text.indexOf('"', at + 1);
      if (end < 0) throw syntaxError('missing close quote');
      words.push(text.slice(at + 1, end));
      at = end + 1;
      continue;
    }
    let end = at;
    while (end < text.length && text[end] !== ' ' && text[end] !== '\t') end += 1;
    words.push(text.slice(at, end));
    at = end;
  }
  return words;
}

/** How a file is restored. */
export interface RestoreOptions {
  /** `-exist`: what is there already is left as it is. */
  readonly exist: boolean;
  /** Told what list, save … of the file print. */
  readonly output: (line: SourceLine, text: string) => void;
}

function refusalAt(error: IpsetRefusal, line: SourceLine): Refusal {
  const column = Math.max(1, line.text.search(/\S/) + 1);
  const word = { text: line.text, line, column, length: Math.max(1, line.text.trim().length) };
  const message = error.message.replace(/\.$/, '');
  return new Refusal(error.code, message, word, { hint: error.hint, state: error.state });
}

/** Runs one line; its refusal is thrown with its place. @throws Refusal */
function runLine(line: SourceLine, sets: OpenSets, options: RestoreOptions): void {
  const text = line.text.replace(/\r$/, '');
  try {
    const { command, words, options: given } = readCommand(splitWords(text));
    if (command === 'restore') {
      throw new IpsetRefusal('nested-restore', 'Restore command in restore mode is not allowed');
    }
    if (options.exist) given.exist = true;
    const { text: printed } = runCommand({ command, words, options: given }, sets);
    if (printed !== '') options.output(line, printed);
  } catch (error) {
    if (!(error instanceof IpsetRefusal)) throw error;
    throw refusalAt(error, line);
  }
}

/** Whether a line is empty, a remark or COMMIT. */
function isIdle(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === '' || trimmed.startsWith('#') || trimmed === 'COMMIT';
}

/** Restores lines that were read already (of a script). All refusals go to the findings. */
export function restoreLines(
  lines: readonly SourceLine[],
  sets: OpenSets,
  findings: Findings,
  options: RestoreOptions,
): void {
  for (const line of lines) {
    if (!isIdle(line.text)) findings.collect(() => runLine(line, sets, options));
  }
}

/** Restores a file's text. All refusals go to the findings. */
export function restoreText(
  text: string,
  file: string,
  sets: OpenSets,
  findings: Findings,
  options: RestoreOptions,
): void {
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    number += 1;
    const line = { file, number, text: text.slice(start, end) };
    start = end + 1;
    if (quickAdd(line.text, sets) || isIdle(line.text)) continue;
    findings.collect(() => runLine(line, sets, options));
  }
}

/** Whether a text is a file of ipset: its first line of any use is an ipset command. */
export function isIpsetText(text: string): boolean {
  const first = /^[ \t]*(?!#)(\S.*)$/m.exec(text)?.[1] ?? '';
  return (
    /^(create|add|-N|--create|-A|--add|flush|destroy)[ \t]+\S+/.test(first) &&
    !/^-A\s.*\s-j\s/.test(first)
  );
}
