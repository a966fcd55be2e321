/**
 * Turns a shell word into the arguments it stands for: variables of the script, quotes, splitting
 * at blanks. Whatever cannot be known (a variable that the script does not set, the output of some
 * command, file names by pattern) is noted as a problem and raised only by commands that matter.
 */
import type { ShellPart, ShellWord } from './shell-syntax.ts';
import type { Word } from './source.ts';
import { Refusal } from './source.ts';

/** What a word became. */
export interface Expansion {
  readonly words: readonly Word[];
  /** Why the words are not to be relied upon. */
  readonly problem: Refusal | undefined;
}

/** Where values come from. */
export interface ShellValues {
  /** Value of a variable or positional parameter; undefined when not set in the script. */
  variable(name: string): string | undefined;
  /** Output of a command substitution where it is known without running anything. */
  substitution(script: string): string | undefined;
}

/** Longest value of a word: scripts of rules stay far below. */
const MAX_LENGTH = 1 << 20;

function tooLong(word: ShellWord): Refusal {
  const { line, column, length } = word;
  const message = `the word becomes longer than ${MAX_LENGTH} characters`;
  return new Refusal('too-long', message, { text: '', line, column, length });
}

/** A value with no splitting, as in assignments, redirections and here-documents. */
export function expandText(
  word: ShellWord,
  values: ShellValues,
): { text: string; problem: Refusal | undefined } {
  let text = '';
  let problem: Refusal | undefined;
  for (const part of word.parts) {
    const value = partValue(part, word, values);
    text += value.text;
    problem ??= value.problem;
    if (text.length > MAX_LENGTH) return { text: '', problem: tooLong(word) };
  }
  return { text, problem };
}

/** All arguments that a word stands for: none, one, or several. */
export function expandWord(word: ShellWord, values: ShellValues): Expansion {
  const { line, column, length } = word;
  const fields: Word[] = [];
  let text = '';
  let open = false;
  let glob = false;
  let problem: Refusal | undefined;
  const close = (): void => {
    if (open) fields.push({ text, line, column, length, ...(glob ? { glob: true } : {}) });
    text = '';
    open = false;
    glob = false;
  };
  let total = 0;
  for (const part of word.parts) {
    const value = partValue(part, word, values);
    problem ??= value.problem;
    total += value.text.length;
    if (total > MAX_LENGTH) return { words: [], problem: tooLong(word) };
    if (part.kind === 'unsupported' || part.quoted) {
      text += value.text;
      open = true;
      continue;
    }
    if (part.kind === 'text') {
      text += value.text;
      open = true;
      glob ||= isPattern(value.text);
      continue;
    }
    const pieces = value.text.split(/[ \t\n]+/);
    pieces.forEach((piece, index) => {
      if (index > 0) close();
      if (piece === '') return;
      text += piece;
      open = true;
      glob ||= isPattern(piece);
    });
  }
  close();
  return { words: fields, problem };
}

/**
 * Whether a shell might put file names in its place. Not `[2001:db8::1]:80`: a file called `2:80` is
 * nowhere, and without one the word stays as it is.
 */
function isPattern(text: string): boolean {
  return /[*?]|\[(?![0-9a-fA-F:.-]*:[0-9a-fA-F:.-]*\]).*\]|\{[^{}]*(,|\.\.)[^{}]*\}/.test(text);
}

function partValue(
  part: ShellPart,
  word: ShellWord,
  values: ShellValues,
): { text: string; problem?: Refusal } {
  const place: Word = { text: '', line: word.line, column: word.column, length: word.length };
  switch (part.kind) {
    case 'text':
      return { text: part.text };
    case 'unsupported':
      return {
        text: part.text,
        problem: new Refusal('unsupported-shell', `${part.text} is not supported`, place, {
          hint: 'write its value instead',
        }),
      };
    case 'substitution': {
      const known = values.substitution(part.script);
      if (known !== undefined) return { text: known };
      const message = `the output of "${part.script.trim()}" is not known`;
      const hint = 'commands are not run: write the value instead';
      return { text: '', problem: new Refusal('unsupported-shell', message, place, { hint }) };
    }
    case 'variable': {
      const value = values.variable(part.name);
      const { fallback } = part;
      if (value !== undefined && (value !== '' || fallback?.whenEmpty !== true)) {
        return { text: value };
      }
      if (fallback !== undefined) {
        const { text, problem } = expandText(fallback.word, values);
        return problem === undefined ? { text } : { text, problem };
      }
      return { text: '', problem: unsetVariable(part.name, place) };
    }
  }
}

function unsetVariable(name: string, place: Word): Refusal {
  return new Refusal('unset-variable', `$${name} is not set in the script`, place, {
    hint: /^[0-9@*#]$/.test(name)
      ? 'arguments of the script are not known'
      : `set it at the beginning: ${name}=…`,
  });
}
