/**
 * The options that are no part of a rule: -t, -v, -n, -x, --line-numbers, -w, -W, -4, -6, -V, -h, -M.
 * As do_parse of xshared.c (1.8.9).
 */
import type { Family } from '../../ruleset/types.ts';
import type { Parsed } from './command.ts';
import { helpText, versionText } from './help.ts';
import type { LineState } from './line-state.ts';
import type { Word } from './source.ts';
import { Refusal } from './source.ts';

/** Reads an option. Something to return at once, or undefined to go on. @throws Refusal */
export function readGeneralOption(
  state: LineState,
  letter: string,
  word: Word,
  argument: Word | undefined,
): Parsed | undefined {
  switch (letter) {
    case 'v':
      if (!state.options.has('v')) state.count('v', word);
      return undefined;
    case 'n':
    case 'x':
    case '0':
      state.count(letter, word);
      return undefined;
    case 't':
      readTable(state, word, argument ?? word);
      return undefined;
    case 'w':
      readWait(state, word, argument);
      return undefined;
    case 'W':
      readWaitInterval(state, word, argument);
      return undefined;
    case '4':
      return readFamily(state, 4, word);
    case '6':
      return readFamily(state, 6, word);
    case 'V':
      return { kind: 'print', text: versionText(state.family, state.invert !== undefined) };
    case 'h':
      return { kind: 'print', text: helpText(state.family) };
    case 'M':
      return undefined;
    default:
      throw new Refusal('unknown-option', 'Unknown arg "(null)"', word);
  }
}

function readTable(state: LineState, word: Word, argument: Word): void {
  state.refuseInvert('unexpected ! flag before --table');
  const { restore } = state.context;
  if (restore !== undefined && state.tableSet) {
    const message = `The -t option cannot be used in ${restore.program}.`;
    throw new Refusal('table-in-restore', message, word, {
      hint: 'a line beginning with * opens a table: *nat',
    });
  }
  state.table = argument;
  state.tableSet = true;
}

function refuseInRestore(state: LineState, letter: string, word: Word): void {
  if (state.context.restore === undefined) return;
  const message = `You cannot use \`-${letter}' from iptables-restore`;
  throw new Refusal('wait-in-restore', message, word);
}

function readWait(state: LineState, word: Word, argument: Word | undefined): void {
  refuseInRestore(state, 'w', word);
  const value = argument ?? state.scanner.takeArgument();
  if (value !== undefined && !/^\s*[+-]?\d/.test(value.text)) {
    throw new Refusal('bad-value', 'wait seconds not numeric', value);
  }
  state.wait = value === undefined || Number.parseInt(value.text, 10) !== 0;
}

function readWaitInterval(state: LineState, word: Word, argument: Word | undefined): void {
  refuseInRestore(state, 'W', word);
  const value = argument ?? state.scanner.takeArgument();
  if (value === undefined) {
    throw new Refusal('option-argument', 'wait interval value required', word);
  }
  const interval = /^\s*\+?(\d+)/.exec(value.text)?.[1];
  if (interval === undefined) throw new Refusal('bad-value', 'wait interval not numeric', value);
  if (Number(interval) > 999999) {
    const message = `too long usec wait ${Number(interval)} > 999999 usec`;
    throw new Refusal('bad-value', message, value);
  }
  state.intervalWord = word;
  const message = 'Ignoring deprecated --wait-interval option';
  state.context.findings.warn('deprecated', message, word);
}

function readFamily(state: LineState, family: Family, word: Word): Parsed | undefined {
  if (family === state.family) return undefined;
  if (state.context.restore !== undefined) return { kind: 'nothing' };
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  throw new Refusal('wrong-family', `${word.text} is an error in this command`, word, {
    hint: `use ${tool}`,
  });
}
