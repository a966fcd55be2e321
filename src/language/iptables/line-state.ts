/**
 * What has been read of one command line so far. The reading itself is in command-line.ts (commands),
 * rule-options.ts and general-options.ts; checks of the whole are in finish-line.ts.
 */
import type { SetDirectory } from '../../match/definition.ts';
import { unsignedNumber } from '../../match/values.ts';
import type { Family, InterfaceMatch, IpMatch } from '../../ruleset/types.ts';
import type { HostTable } from './addresses.ts';
import type { CommandName, CountedOption } from './base-options.ts';
import { INVERTIBLE_OPTIONS, OptionSet } from './base-options.ts';
import type { BindCache } from './bind-cache.ts';
import type { OptionId } from './extensions.ts';
import { Extensions } from './extensions.ts';
import { OptionScanner } from './scan-options.ts';
import type { Findings, Word } from './source.ts';
import { Refusal, wordAt } from './source.ts';

/** What a command line is read in. */
export interface LineContext {
  readonly family: Family;
  readonly hosts: HostTable;
  readonly findings: Findings;
  readonly bindings: BindCache;
  /** The sets (ipset) there are; absent: none. */
  readonly sets?: SetDirectory | undefined;
  /** Set while a file of iptables-restore is read: the table it is in, and how to call the tool. */
  readonly restore: { readonly table: string; readonly program: string } | undefined;
  /** Whether a table has a chain of this name; it goes before a target of the same name where
   * fwreplay does not have that target. */
  isChain(table: string, name: string): boolean;
}

/** An interface option with the word to point at. */
export interface InterfaceOption {
  readonly word: Word;
  readonly wanted: InterfaceMatch;
}

/** One command line while it is read. */
export class LineState {
  readonly program: Word;
  readonly context: LineContext;
  readonly family: Family;
  readonly scanner: OptionScanner<OptionId>;
  readonly extensions: Extensions;
  readonly options = new OptionSet();
  readonly inverted = new OptionSet();
  commands: CommandName[] = [];
  /** The first command's own word. */
  commandWord: Word | undefined;
  table: Word;
  tableSet: boolean;
  chain: Word | undefined;
  ruleNumber: number | undefined;
  policy: Word | undefined;
  newName: Word | undefined;
  /** As written, in lower case. */
  protocolWord: Word | undefined;
  protocol: IpMatch['protocol'];
  source: Word | undefined;
  destination: Word | undefined;
  inInterface: InterfaceOption | undefined;
  outInterface: InterfaceOption | undefined;
  fragment = false;
  jump: { word: Word; goto: boolean; target: boolean } | undefined;
  counters: { packets: number; bytes: number } | undefined;
  wait = false;
  intervalWord: Word | undefined;
  /** The pending `!`. */
  invert: Word | undefined;

  constructor(program: Word, words: readonly Word[], context: LineContext) {
    this.program = program;
    this.context = context;
    this.family = context.family;
    this.scanner = new OptionScanner(words);
    this.extensions = new Extensions(context.family, context.bindings);
    this.table = wordAt(program, context.restore?.table ?? 'filter');
    this.tableSet = context.restore !== undefined;
  }

  /**
   * Notes an option that may stand once, and the `!` before it.
   * @returns whether it is inverted
   * @throws Refusal option-repeated, bad-negation
   */
  count(option: CountedOption, word: Word): boolean {
    if (this.options.has(option)) {
      throw new Refusal('option-repeated', `multiple -${option} flags not allowed`, word, {
        hint: option === 's' || option === 'd' ? `several addresses: -${option} A,B` : undefined,
      });
    }
    this.options.add(option);
    if (this.invert === undefined) return false;
    if (!INVERTIBLE_OPTIONS.has(option)) {
      throw new Refusal('bad-negation', `cannot have ! before -${option}`, this.invert);
    }
    this.inverted.add(option);
    return true;
  }

  /** @throws Refusal bad-negation when `!` stands before what cannot be inverted */
  refuseInvert(message: string, hint?: string): void {
    if (this.invert === undefined) return;
    throw new Refusal('bad-negation', message, this.invert, { hint });
  }

  /** The next word, which must be an argument. @throws Refusal option-argument */
  needed(word: Word, message: string): Word {
    const found = this.scanner.takeArgument();
    if (found === undefined) throw new Refusal('option-argument', message, word);
    return found;
  }

  /** The next word as a rule number, if it is an argument. @throws Refusal rule-number */
  takeRuleNumber(): number | undefined {
    const word = this.scanner.takeArgument();
    return word === undefined ? undefined : ruleNumber(word);
  }
}

/** @throws Refusal rule-number */
export function ruleNumber(word: Word): number {
  const number = unsignedNumber(word.text, 0x7fffffff);
  if (number === undefined || number === 0) {
    throw new Refusal('rule-number', `Invalid rule number \`${word.text}'`, word, {
      hint: 'rules count from 1',
    });
  }
  return number;
}
