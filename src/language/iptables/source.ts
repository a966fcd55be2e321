/**
 * Where text came from: source lines, words with their place in them, and findings. Every word that
 * a reader makes keeps its place, so that any later stage can point at what it refuses.
 */
import type { Diagnostic, Position } from '../../errors.ts';

/** One physical line of a file. */
export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  /** Without its newline. */
  readonly text: string;
}

/** One argument as a command gets it: quotes and backslashes are gone, its place is kept. */
export interface Word {
  readonly text: string;
  readonly line: SourceLine;
  /** Column in `line`, from 1, in UTF-16 code units. */
  readonly column: number;
  /** Length of the source text, at least 1. */
  readonly length: number;
  /** An unquoted `*`, `?` or `[` stands in it: a shell might put file names in its place. */
  readonly glob?: boolean;
}

/** A word's place. */
export function positionOf(word: Word): Position {
  return {
    file: word.line.file,
    line: word.line.number,
    column: word.column,
    length: Math.max(1, word.length),
  };
}

/** The part of a word from `start` on; its place is exact where the word had no quotes before it. */
export function tailOf(word: Word, start: number): Word {
  const inside = word.length >= word.text.length;
  return {
    text: word.text.slice(start),
    line: word.line,
    column: inside ? word.column + start : word.column,
    length: inside ? Math.max(1, word.length - start) : word.length,
  };
}

/** A word that no one wrote, standing at the place of another. */
export function wordAt(place: Word, text: string): Word {
  return { text, line: place.line, column: place.column, length: place.length };
}

/** A whole line as a word, for findings that concern all of it. */
export function lineWord(line: SourceLine): Word {
  const column = line.text.search(/\S/) + 1;
  return {
    text: line.text,
    line,
    column: Math.max(1, column),
    length: Math.max(1, line.text.trim().length),
  };
}

/** Splits a text into its lines; a final newline makes no empty last line. */
export function splitLines(text: string, file: string): SourceLine[] {
  const parts = text.split('\n');
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part, index) => ({ file, number: index + 1, text: part }));
}

/** What a Refusal is about, but for the place. */
export interface RefusalDetails {
  /** A function where it takes a search, which is not made for what is not shown. */
  readonly hint?: string | (() => string | undefined) | undefined;
  /**
   * True when it is the tables' state that does not suit (no such chain, no such rule, already
   * there) rather than what was written: a script may expect that and go on.
   */
  readonly state?: boolean;
}

/** One command or line that is refused, as the real tool refuses it. Caught by the readers. */
export class Refusal extends Error {
  readonly #code: string;
  readonly #word: Word;
  readonly #hint: RefusalDetails['hint'];
  /** See RefusalDetails. */
  readonly state: boolean;
  constructor(code: string, message: string, word: Word, details: RefusalDetails = {}) {
    super(message);
    this.name = 'Refusal';
    this.#code = code;
    this.#word = word;
    this.#hint = details.hint;
    this.state = details.state === true;
  }

  get diagnostic(): Diagnostic {
    const hint = typeof this.#hint === 'function' ? this.#hint() : this.#hint;
    return diagnosticAt(this.#code, this.message, this.#word, hint);
  }
}

/** A diagnostic at a word. */
export function diagnosticAt(
  code: string,
  message: string,
  word: Word,
  hint?: string,
  severity?: 'warning',
): Diagnostic {
  return {
    code,
    message,
    where: positionOf(word),
    sourceLine: word.line.text,
    ...(hint === undefined ? {} : { hint }),
    ...(severity === undefined ? {} : { severity }),
  };
}

/** The first findings of a kind, and how many there are. */
class FindingList {
  readonly kept: Diagnostic[] = [];
  readonly #most: number;
  #more = 0;
  #firstLeftOut: Diagnostic | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Notes one; `make` is only called when it is kept or the first that is not. */
  add(make: () => Diagnostic): void {
    if (this.kept.length < this.#most) {
      this.kept.push(make());
      return;
    }
    this.#more += 1;
    this.#firstLeftOut ??= make();
  }

  /** Those kept, and a last one that tells of the others. */
  all(what: string): Diagnostic[] {
    if (this.#firstLeftOut === undefined) return this.kept;
    const { where, sourceLine, severity } = this.#firstLeftOut;
    const message = `${this.#more} more ${what}${this.#more === 1 ? '' : 's'} from here on, not shown`;
    return [
      ...this.kept,
      { code: 'more-findings', message, where, sourceLine, ...(severity ? { severity } : {}) },
    ];
  }
}

/** Findings kept of each kind when nothing else is asked for. */
export const MOST_FINDINGS = 100;

/** Collects what is found while a ruleset is read. */
export class Findings {
  readonly #errors: FindingList;
  readonly #warnings: FindingList;
  readonly #hints = new Set<string>();

  /** @param most of errors, and of warnings, that are kept; the others are counted */
  constructor(most = MOST_FINDINGS) {
    this.#errors = new FindingList(most);
    this.#warnings = new FindingList(most);
  }

  /** What refuses the ruleset. */
  get errors(): readonly Diagnostic[] {
    return this.#errors.all('error');
  }

  /** What does not. */
  get warnings(): readonly Diagnostic[] {
    return this.#warnings.all('warning');
  }

  /** Notes something that does not refuse the ruleset. */
  warn(code: string, message: string, word: Word, hint?: string): void {
    this.#warnings.add(() => diagnosticAt(code, message, word, hint, 'warning'));
  }

  /** Notes a diagnostic that no word of a line stands for: of a whole file. */
  note(diagnostic: Diagnostic): void {
    const list = diagnostic.severity === 'warning' ? this.#warnings : this.#errors;
    list.add(() => diagnostic);
  }

  /** Notes a refusal; a hint is given once, not with each of a thousand lines of a kind. */
  add(refusal: Refusal): void {
    this.#errors.add(() => {
      const { diagnostic } = refusal;
      const { hint, ...rest } = diagnostic;
      if (hint === undefined) return diagnostic;
      if (this.#hints.has(hint)) return rest;
      this.#hints.add(hint);
      return diagnostic;
    });
  }

  /** Runs `work`; a Refusal is noted and undefined returned. */
  collect<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.add(error);
      return undefined;
    }
  }
}
