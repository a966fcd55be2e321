/** What a parsed iptables command line says, before it meets the tables. */
import type { BoundMatch } from '../../match/definition.ts';
import type { Family, IpMatch, TableName } from '../../ruleset/types.ts';
import type { BoundTarget } from '../../target/definition.ts';
import type { MaskedAddress } from './addresses.ts';
import type { CommandName, OptionSet } from './base-options.ts';
import type { Refusal, Word } from './source.ts';
import type { Restriction } from './tables.ts';

/** -j or -g as written. */
export interface Jump {
  readonly word: Word;
  readonly goto: boolean;
  /** Whether there is a target of this name; else it must be a chain. */
  readonly isTarget: boolean;
  /** The target, bound; undefined when it is none, or when the kernel refuses it. */
  readonly target: BoundTarget | undefined;
}

/** A rule as a command describes it; one rule for each pair of addresses. */
export interface RuleDraft {
  /** All conditions but the addresses. */
  readonly ip: IpMatch;
  readonly sources: readonly MaskedAddress[];
  readonly destinations: readonly MaskedAddress[];
  readonly sourceInverted: boolean;
  readonly destinationInverted: boolean;
  readonly matches: readonly BoundMatch[];
  readonly restrictions: readonly Restriction[];
  readonly jump: Jump | undefined;
  /** ip6tables keeps whether -p was given, even `-p all` (IP6T_F_PROTO). */
  readonly protocolGiven: boolean;
  /** Well-formed, but no kernel takes it; there can be no such rule in a table. */
  readonly kernelRefusal: Refusal | undefined;
}

/** One command line. */
export interface Command {
  readonly family: Family;
  /** In the order given; `-L -Z` and `-S -Z` are two, else one. */
  readonly commands: readonly CommandName[];
  /** The command's own word, for findings about it. */
  readonly word: Word;
  readonly table: TableName;
  readonly chain: Word | undefined;
  readonly ruleNumber: number | undefined;
  readonly policy: Word | undefined;
  readonly newName: Word | undefined;
  readonly options: OptionSet;
  /** From -c; undefined when not given. */
  readonly counters: { readonly packets: number; readonly bytes: number } | undefined;
  /** For the commands that take a rule. */
  readonly rule: RuleDraft | undefined;
}

/** What a line came to: a command, a text to print and be done (-V, -h), or nothing (`-4`, `-6` for
 * the other family in a file of iptables-restore). */
export type Parsed =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'nothing' };
