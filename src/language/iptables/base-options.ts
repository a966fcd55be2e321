/**
 * The options that iptables itself has, apart from those of matches and targets, and which of them
 * go with which command. As iptables.c and xshared.c of 1.8.9 have them.
 */
import type { Family } from '../../ruleset/types.ts';
import type { ArgumentNeed, LongOption } from './scan-options.ts';

/** Commands by their letter; D and Z with a number are commands of their own. */
export type CommandName =
  | 'append'
  | 'check'
  | 'delete'
  | 'delete-number'
  | 'insert'
  | 'replace'
  | 'list'
  | 'list-rules'
  | 'flush'
  | 'zero'
  | 'zero-number'
  | 'new-chain'
  | 'delete-chain'
  | 'rename-chain'
  | 'policy';

/** Letter of each command, for messages. */
export const COMMAND_LETTERS: Readonly<Record<CommandName, string>> = {
  insert: 'I',
  delete: 'D',
  'delete-number': 'D',
  replace: 'R',
  append: 'A',
  list: 'L',
  flush: 'F',
  zero: 'Z',
  'new-chain': 'N',
  'delete-chain': 'X',
  policy: 'P',
  'rename-chain': 'E',
  'list-rules': 'S',
  'zero-number': 'Z',
  check: 'C',
};

/** Base option by letter; `0` is --line-numbers. */
export type BaseLetter = string;

const LONG: readonly (readonly [string, BaseLetter, ArgumentNeed])[] = [
  ['append', 'A', 'required'],
  ['delete', 'D', 'required'],
  ['check', 'C', 'required'],
  ['insert', 'I', 'required'],
  ['replace', 'R', 'required'],
  ['list', 'L', 'optional'],
  ['list-rules', 'S', 'optional'],
  ['flush', 'F', 'optional'],
  ['zero', 'Z', 'optional'],
  ['new-chain', 'N', 'required'],
  ['delete-chain', 'X', 'optional'],
  ['rename-chain', 'E', 'required'],
  ['policy', 'P', 'required'],
  ['source', 's', 'required'],
  ['destination', 'd', 'required'],
  ['src', 's', 'required'],
  ['dst', 'd', 'required'],
  ['protocol', 'p', 'required'],
  ['in-interface', 'i', 'required'],
  ['jump', 'j', 'required'],
  ['table', 't', 'required'],
  ['match', 'm', 'required'],
  ['numeric', 'n', 'none'],
  ['out-interface', 'o', 'required'],
  ['verbose', 'v', 'none'],
  ['wait', 'w', 'optional'],
  ['wait-interval', 'W', 'optional'],
  ['exact', 'x', 'none'],
  ['fragments', 'f', 'none'],
  ['version', 'V', 'none'],
  ['help', 'h', 'optional'],
  ['line-numbers', '0', 'none'],
  ['modprobe', 'M', 'required'],
  ['set-counters', 'c', 'required'],
  ['goto', 'g', 'required'],
  ['ipv4', '4', 'none'],
  ['ipv6', '6', 'none'],
];

/** The long base options of a family; ip6tables has no --fragments. */
export function baseLongOptions(family: Family): LongOption<BaseLetter>[] {
  return LONG.filter(([name]) => family === 4 || name !== 'fragments').map(
    ([name, id, argument]) => ({ name, id, argument }),
  );
}

/** The short base options, as the optstring has them. */
export const BASE_SHORT_OPTIONS: ReadonlyMap<
  string,
  { readonly argument: ArgumentNeed; readonly id: BaseLetter }
> = new Map(
  [
    ...'ACDEINPcdijopstRgmM'.split('').map((letter) => [letter, 'required'] as const),
    ...'FLXZSWhw'.split('').map((letter) => [letter, 'optional'] as const),
    ...'V46bfnvx'.split('').map((letter) => [letter, 'none'] as const),
  ].map(([id, argument]) => [id, { argument, id }]),
);

/** Options that are counted once and checked against the command, with their letter. */
export type CountedOption = 'n' | 's' | 'd' | 'p' | 'j' | 'v' | 'x' | 'i' | 'o' | '0' | 'c' | 'f';

/** The order in which they are checked. */
export const COUNTED_OPTIONS: readonly CountedOption[] = [
  'n',
  's',
  'd',
  'p',
  'j',
  'v',
  'x',
  'i',
  'o',
  '0',
  'c',
  'f',
];

const OPTION_BITS = new Map(COUNTED_OPTIONS.map((option, index) => [option, 1 << index]));

/** A set of counted options. Bits in a number, since each command line of a ruleset has two. */
export class OptionSet {
  #bits = 0;

  has(option: CountedOption): boolean {
    return (this.#bits & (OPTION_BITS.get(option) ?? 0)) !== 0;
  }

  add(option: CountedOption): void {
    this.#bits |= OPTION_BITS.get(option) ?? 0;
  }
}

/** Those that may stand after `!`. */
export const INVERTIBLE_OPTIONS: ReadonlySet<string> = new Set(['s', 'd', 'p', 'i', 'o', 'f']);

const RULE_OPTIONS = 'sdpjviof';
const LEGAL_OPTIONS: Readonly<Record<CommandName, string>> = {
  insert: `${RULE_OPTIONS}c`,
  delete: RULE_OPTIONS,
  'delete-number': 'v',
  replace: `${RULE_OPTIONS}c`,
  append: `${RULE_OPTIONS}c`,
  list: 'nvx0',
  flush: 'v',
  zero: 'v',
  'new-chain': 'v',
  'delete-chain': 'v',
  policy: 'vc',
  'rename-chain': 'v',
  'list-rules': 'v',
  'zero-number': 'v',
  check: RULE_OPTIONS,
};

/** The first option in use that none of the commands takes; undefined when all are legal. */
export function illegalOption(
  commands: readonly CommandName[],
  used: OptionSet,
): CountedOption | undefined {
  return COUNTED_OPTIONS.find(
    (option) =>
      used.has(option) && !commands.some((command) => LEGAL_OPTIONS[command].includes(option)),
  );
}
