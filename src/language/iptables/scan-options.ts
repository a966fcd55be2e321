/**
 * Reads option words one after another as glibc's getopt_long does for iptables: options and other
 * words in the order written (its optstring begins with "-"), long names abbreviated as long as
 * they stay unambiguous, short ones joined with each other and with their argument.
 */
import type { Word } from './source.ts';
import { tailOf } from './source.ts';

/** How an option takes its argument: not at all, always, or only joined (`-Lname`, `--list=name`);
 * `next-word`: the next word, if there is one that begins with neither `-` nor `!` (rateest). */
export type ArgumentNeed = 'none' | 'required' | 'optional' | 'next-word';

/** A long option. Two with the same `id` are one option under two names. */
export interface LongOption<Id> {
  readonly name: string;
  readonly argument: ArgumentNeed;
  readonly id: Id;
}

/** The options in force. */
export interface OptionTable<Id> {
  /** Where a name occurs twice, the first counts. */
  readonly long: readonly LongOption<Id>[];
  readonly short: ReadonlyMap<string, { readonly argument: ArgumentNeed; readonly id: Id }>;
  /** `long` by name, for the usual case of a name written in full. */
  readonly exact: ReadonlyMap<string, LongOption<Id>>;
}

/** Makes a table of options. */
export function makeOptionTable<Id>(
  long: readonly LongOption<Id>[],
  short: OptionTable<Id>['short'],
): OptionTable<Id> {
  const exact = new Map<string, LongOption<Id>>();
  for (const option of long) if (!exact.has(option.name)) exact.set(option.name, option);
  return { long, short, exact };
}

/** What was read. `word` is the one to point at. */
export type Scan<Id> =
  | { readonly kind: 'option'; readonly id: Id; readonly word: Word; readonly argument?: Word }
  | { readonly kind: 'operand'; readonly word: Word }
  | { readonly kind: 'unknown'; readonly word: Word }
  | { readonly kind: 'no-argument'; readonly word: Word }
  | { readonly kind: 'end' };

/** Reads the words of one command line. */
export class OptionScanner<Id> {
  readonly #words: readonly Word[];
  /** Next word to read, as getopt's optind. */
  index = 0;
  /** Where to go on within a cluster of short options (`-nvL`); 0 when not in one. */
  #within = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  /** The next word, unread. */
  peek(): Word | undefined {
    return this.#words[this.index];
  }

  /** Takes the next word when it is there and does not begin with `-` or `!` (xs_has_arg). */
  takeArgument(): Word | undefined {
    const word = this.peek();
    if (word === undefined || word.text.startsWith('-') || word.text.startsWith('!')) {
      return undefined;
    }
    this.index += 1;
    return word;
  }

  /** The word read last. */
  last(): Word | undefined {
    return this.#words[this.index - 1];
  }

  /** State to come back to with `rewind`, for a second look with more options in the table. */
  mark(): { index: number; within: number } {
    return { index: this.index, within: this.#within };
  }

  /** Goes back to a mark. */
  rewind(mark: { index: number; within: number }): void {
    this.index = mark.index;
    this.#within = mark.within;
  }

  /** Reads on. */
  next(table: OptionTable<Id>): Scan<Id> {
    const word = this.peek();
    if (word === undefined) return { kind: 'end' };
    if (this.#within > 0) return this.#short(table, word);
    if (word.text === '--') {
      this.index += 1;
      return { kind: 'end' };
    }
    if (word.text.startsWith('--')) return this.#long(table, word);
    if (word.text.startsWith('-') && word.text.length > 1) {
      this.#within = 1;
      return this.#short(table, word);
    }
    this.index += 1;
    return { kind: 'operand', word };
  }

  #short(table: OptionTable<Id>, word: Word): Scan<Id> {
    const letter = word.text[this.#within] ?? '';
    this.#within += 1;
    const rest = this.#within < word.text.length ? tailOf(word, this.#within) : undefined;
    const endOfWord = (): void => {
      this.#within = 0;
      this.index += 1;
    };
    if (rest === undefined) endOfWord();
    const option = letter === ':' ? undefined : table.short.get(letter);
    if (option === undefined) return { kind: 'unknown', word };
    const { id, argument } = option;
    if (argument === 'none') return { kind: 'option', id, word };
    if (rest !== undefined) {
      endOfWord();
      return { kind: 'option', id, word, argument: rest };
    }
    if (argument === 'optional') return { kind: 'option', id, word };
    return this.#withNextWord(id, word);
  }

  #long(table: OptionTable<Id>, word: Word): Scan<Id> {
    this.index += 1;
    const equals = word.text.indexOf('=');
    const name = word.text.slice(2, equals < 0 ? undefined : equals);
    const option = table.exact.get(name) ?? findAbbreviated(table.long, name);
    if (option === undefined) return { kind: 'unknown', word };
    const { id, argument } = option;
    if (equals >= 0) {
      if (argument === 'none' || argument === 'next-word') return { kind: 'unknown', word };
      return { kind: 'option', id, word, argument: tailOf(word, equals + 1) };
    }
    if (argument === 'required') return this.#withNextWord(id, word);
    const next = argument === 'next-word' ? this.peek() : undefined;
    if (next !== undefined && !/^[-!]/.test(next.text)) return this.#withNextWord(id, word);
    return { kind: 'option', id, word };
  }

  #withNextWord(id: Id, word: Word): Scan<Id> {
    const argument = this.peek();
    if (argument === undefined) return { kind: 'no-argument', word };
    this.index += 1;
    return { kind: 'option', id, word, argument };
  }
}

/** The only option that a name abbreviates. */
function findAbbreviated<Id>(
  options: readonly LongOption<Id>[],
  name: string,
): LongOption<Id> | undefined {
  let found: LongOption<Id> | undefined;
  let ambiguous = false;
  for (const option of options) {
    if (!option.name.startsWith(name)) continue;
    if (found === undefined) found = option;
    else if (found.id !== option.id || found.argument !== option.argument) ambiguous = true;
  }
  return ambiguous ? undefined : found;
}
