/**
 * Splits a shell script into words and operators, quotes and expansions recognised, each with its
 * place. Here-documents are read when their line ends. As POSIX.1 (Shell Command Language, 2.2, 2.3).
 */
import type { HereDocument, ShellPart, ShellWord } from './shell-syntax.ts';
import type { SourceLine, Word } from './source.ts';
import { Refusal } from './source.ts';

/** A token. A word that is no more than one unquoted text has it in `plain`. */
export type Token =
  | {
      readonly kind: 'word';
      readonly word: ShellWord;
      readonly plain: string | undefined;
      readonly offset: number;
    }
  | { readonly kind: 'operator'; readonly text: string; readonly place: Word }
  | { readonly kind: 'newline' | 'end'; readonly place: Word };

const OPERATORS = [
  '&>>',
  '<<-',
  '<<<',
  ';;',
  '&&',
  '||',
  '&>',
  '>>',
  '>&',
  '>|',
  '<<',
  '<&',
  '<>',
  ';',
  '&',
  '|',
  '>',
  '<',
  '(',
  ')',
];
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/** Reads tokens of a script. */
export class ShellLexer {
  readonly #text: string;
  readonly #lines: readonly SourceLine[];
  readonly #starts: readonly number[];
  #at = 0;
  readonly #pending: { delimiter: string; strip: boolean; lines: SourceLine[] }[] = [];

  /** @param lines the lines of the script, joined by newlines to what is read */
  constructor(lines: readonly SourceLine[]) {
    this.#lines = lines;
    this.#text = lines.map((line) => line.text).join('\n');
    let start = 0;
    this.#starts = lines.map((line) => {
      const here = start;
      start += line.text.length + 1;
      return here;
    });
  }

  /** Where an offset is. */
  place(offset: number, end = offset + 1): Word {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const line = this.#lines[low] ?? { file: '', number: 1, text: '' };
    const column = offset - (this.#starts[low] ?? 0) + 1;
    const length = Math.max(1, Math.min(end - offset, line.text.length - column + 1));
    return { text: '', line, column, length };
  }

  /** The next token. @throws Refusal unterminated-quote and its like */
  next(): Token {
    this.#skipBlanks();
    const offset = this.#at;
    const letter = this.#text[offset];
    if (letter === undefined) return { kind: 'end', place: this.place(Math.max(0, offset - 1)) };
    if (letter === '\n') {
      this.#at += 1;
      this.#readDocuments();
      return { kind: 'newline', place: this.place(offset) };
    }
    for (const operator of OPERATORS) {
      if (this.#text.startsWith(operator, offset)) {
        this.#at += operator.length;
        return { kind: 'operator', text: operator, place: this.place(offset, this.#at) };
      }
    }
    return this.#word(offset);
  }

  #skipBlanks(): void {
    for (;;) {
      const letter = this.#text[this.#at];
      if (letter === ' ' || letter === '\t') this.#at += 1;
      else if (letter === '\\' && this.#continuation() > 0) this.#at += this.#continuation();
      else if (letter === '#') {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else return;
    }
  }

  /** Length of a backslash with its newline here; 0 when there is none. */
  #continuation(): number {
    return this.#text.startsWith('\\\n', this.#at) ? 2 : 0;
  }

  #word(offset: number): Token {
    const parts: ShellPart[] = [];
    let plain = '';
    let text = '';
    let simple = true;
    const flush = (quoted: boolean): void => {
      if (text !== '' || quoted) parts.push({ kind: 'text', text, quoted });
      text = '';
    };
    for (;;) {
      const letter = this.#text[this.#at];
      if (letter === undefined || ' \t\n;&|<>()'.includes(letter)) break;
      if (letter === '\\') {
        const skip = this.#continuation();
        if (skip > 0) {
          this.#at += skip;
          continue;
        }
        simple = false;
        flush(false);
        text = this.#text[this.#at + 1] ?? '\\';
        this.#at += 2;
        flush(true);
      } else if (letter === "'" || letter === '"' || letter === '$' || letter === '`') {
        simple = false;
        flush(false);
        if (letter === "'") parts.push(this.#singleQuoted());
        else if (letter === '"') parts.push(...this.#doubleQuoted());
        else parts.push(this.#expansion(false));
      } else {
        text += letter;
        plain += letter;
        this.#at += 1;
      }
    }
    flush(false);
    const { line, column, length } = this.place(offset, this.#at);
    const word: ShellWord = { parts, line, column, length };
    return { kind: 'word', word, plain: simple ? plain : undefined, offset };
  }

  #singleQuoted(): ShellPart {
    const open = this.#at;
    const close = this.#text.indexOf("'", open + 1);
    if (close < 0) throw this.#unterminated(open, "'");
    this.#at = close + 1;
    return { kind: 'text', text: this.#text.slice(open + 1, close), quoted: true };
  }

  #unterminated(offset: number, what: string): Refusal {
    const message = `unterminated ${what}`;
    this.#at = this.#text.length;
    return new Refusal('unterminated', message, this.place(offset), {
      hint: 'the shell would read on to the end of the file',
    });
  }

  #doubleQuoted(): ShellPart[] {
    const open = this.#at;
    this.#at += 1;
    const parts: ShellPart[] = [];
    let text = '';
    for (;;) {
      const letter = this.#text[this.#at];
      if (letter === undefined) throw this.#unterminated(open, '"');
      if (letter === '"') break;
      if (letter === '\\') {
        const next = this.#text[this.#at + 1] ?? '';
        if (next !== '\n') text += '$`"\\'.includes(next) && next !== '' ? next : `\\${next}`;
        this.#at += 2;
      } else if (letter === '$' || letter === '`') {
        parts.push({ kind: 'text', text, quoted: true });
        text = '';
        parts.push(this.#expansion(true));
      } else {
        text += letter;
        this.#at += 1;
      }
    }
    this.#at += 1;
    parts.push({ kind: 'text', text, quoted: true });
    return parts;
  }

  /** What a `$` or a backtick begins. */
  #expansion(quoted: boolean): ShellPart {
    const open = this.#at;
    if (this.#text[open] === '`') {
      const close = this.#text.indexOf('`', open + 1);
      if (close < 0) throw this.#unterminated(open, '`');
      this.#at = close + 1;
      return { kind: 'substitution', script: this.#text.slice(open + 1, close), quoted };
    }
    const next = this.#text[open + 1] ?? '';
    if (next === '(') return this.#parenthesis(open, quoted);
    if (next === '{') return this.#braces(open, quoted);
    NAME.lastIndex = open + 1;
    const name = NAME.exec(this.#text)?.[0] ?? (/[0-9@*#?$!-]/.test(next) ? next : undefined);
    if (name === undefined) {
      this.#at += 1;
      return { kind: 'text', text: '$', quoted };
    }
    this.#at = open + 1 + name.length;
    return { kind: 'variable', name, quoted, fallback: undefined };
  }

  #parenthesis(open: number, quoted: boolean): ShellPart {
    let depth = 0;
    for (let at = open + 1; at < this.#text.length; at++) {
      if (this.#text[at] === '(') depth += 1;
      if (this.#text[at] === ')') depth -= 1;
      if (depth > 0) continue;
      this.#at = at + 1;
      if (this.#text.startsWith('$((', open)) {
        return { kind: 'unsupported', text: this.#text.slice(open, at + 1) };
      }
      return { kind: 'substitution', script: this.#text.slice(open + 2, at), quoted };
    }
    throw this.#unterminated(open, '$(');
  }

  #braces(open: number, quoted: boolean): ShellPart {
    NAME.lastIndex = open + 2;
    const name =
      NAME.exec(this.#text)?.[0] ??
      /^[0-9]+|^[@*#?]/.exec(this.#text.slice(open + 2, open + 6))?.[0];
    const close = this.#closingBrace(open);
    this.#at = close + 1;
    const whole = this.#text.slice(open, close + 1);
    if (name === undefined) return { kind: 'unsupported', text: whole };
    const after = open + 2 + name.length;
    if (after === close) return { kind: 'variable', name, quoted, fallback: undefined };
    const operator = /^:?[-=]/.exec(this.#text.slice(after, close))?.[0];
    if (operator === undefined) return { kind: 'unsupported', text: whole };
    const start = after + operator.length;
    const word = this.#fallbackWord(start, close);
    const fallback = { word, whenEmpty: operator.startsWith(':') };
    return { kind: 'variable', name, quoted, fallback };
  }

  #closingBrace(open: number): number {
    let depth = 0;
    for (let at = open + 1; at < this.#text.length; at++) {
      if (this.#text[at] === '{') depth += 1;
      if (this.#text[at] === '}') depth -= 1;
      if (depth === 0) return at;
    }
    throw this.#unterminated(open, '${');
  }

  /** The word after `:-`; plain text or one variable, quotes taken off. */
  #fallbackWord(start: number, end: number): ShellWord {
    const { line, column, length } = this.place(start, end);
    const text = this.#text.slice(start, end);
    const variable = /^"?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?"?$/.exec(text)?.[1];
    const part: ShellPart =
      variable !== undefined
        ? { kind: 'variable', name: variable, quoted: false, fallback: undefined }
        : /[$`\\]/.test(text)
          ? { kind: 'unsupported', text }
          : { kind: 'text', text: text.replace(/^(["'])(.*)\1$/s, '$2'), quoted: false };
    return { parts: [part], line, column, length };
  }

  /** Asks for a here-document to be read after this line. */
  expectDocument(delimiter: string, literal: boolean, strip: boolean): HereDocument {
    const lines: SourceLine[] = [];
    this.#pending.push({ delimiter, strip, lines });
    return { lines, literal };
  }

  #readDocuments(): void {
    for (const { delimiter, strip, lines } of this.#pending.splice(0)) {
      for (;;) {
        const { line } = this.place(this.#at);
        if (this.#at >= this.#text.length) throw this.#unterminated(this.#text.length - 1, '<<');
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end + 1;
        const text = strip ? line.text.replace(/^\t+/, '') : line.text;
        if (text === delimiter) break;
        lines.push({ ...line, text });
      }
    }
  }
}
