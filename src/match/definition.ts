/**
 * What a match extension is. Each match is one file that exports one MatchDefinition; the registry
 * lists them. `bind` seals the option type, so the evaluator needs to know nothing of it.
 */

import type { Connection } from '../conntrack/types.ts';
import type { Diagnostic } from '../errors.ts';
import type { PacketView } from '../packet/fields.ts';
import type { Family, HookName, IpMatch, TableName } from '../ruleset/types.ts';
import type { Topology } from '../topology/types.ts';

/** Result of one condition. */
export const NO = 0;
export const YES = 1;
/** The kernel drops the packet at once (par->hotdrop), whatever the target. */
export const HOTDROP = 2;
/** The capture cannot tell; the reason goes to `context.undecidedReason`. */
export const UNDECIDED = 3;
export type MatchResult = 0 | 1 | 2 | 3;

/** Everything a condition or target may look at for the current packet at the current hook. */
export interface PacketContext {
  packet: PacketView;
  family: Family;
  /** HOOK_ number. */
  hook: number;
  /** '' where the hook has none (OUTPUT in, INPUT out). */
  inInterface: string;
  outInterface: string;
  /** skb mark, unsigned 32-bit. Targets change it. */
  mark: number;
  /** One CTSTATE_ value; 0 when conntrack did not run (yet). */
  ctstate: number;
  /** DIRECTION_ORIGINAL or DIRECTION_REPLY. */
  ctdirection: number;
  connection: Connection | undefined;
  topology: Topology;
  /** Set by a condition that returns UNDECIDED. */
  undecidedReason: string;
  /** Set by a condition that returns UNDECIDED where it may be HOTDROP in truth. */
  mayHotdrop?: boolean;
}

/** One option as found on the command line, with how it was negated. */
export interface OptionUse {
  /** Long name without dashes, canonical (aliases resolved). */
  readonly name: string;
  readonly inverted: boolean;
  /** The argument, undefined for a flag. Two arguments (tcp-flags) are joined by one space. */
  readonly value: string | undefined;
  /** True when -p stood after this option or not at all: multiport needs it before. */
  readonly beforeProtocol?: boolean;
}

/** An option's grammar. */
export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  /** Other long names: `source-port` for `sport`. */
  readonly aliases?: readonly string[];
  /** Single-letter form without dash (only where iptables has one). */
  readonly short?: string;
  /** What the argument is, for help ("port[:port]"); absent for a flag; two words: two arguments. */
  readonly argument?: string;
  /** Further arguments taken after the first (tcp-flags takes 2 in all: 1). */
  readonly extraArguments?: number;
  readonly optionalArgument?: boolean;
  readonly invertible?: boolean;
  readonly help: string;
}

/** Thrown by `parse` of matches and targets; the language adds position and source line. */
export class OptionError extends Error {
  /** Stable diagnostic code. */
  readonly code: string;
  readonly hint: string | undefined;
  /** Which option is at fault (canonical name), if one. */
  readonly option: string | undefined;
  constructor(code: string, message: string, details: { hint?: string; option?: string } = {}) {
    super(message);
    this.code = code;
    this.hint = details.hint;
    this.option = details.option;
  }
}

/** What else of the rule and its place `parse` may look at. */
export interface ParseContext {
  readonly family: Family;
  readonly table: TableName;
  /** Chain the rule is for (its name). */
  readonly chain: string;
  /** The rule's -p, -s …, complete when `parse` runs. */
  readonly ip: IpMatch;
  /** Findings that do not refuse the rule. */
  warn(diagnostic: Omit<Diagnostic, 'where' | 'sourceLine'>): void;
}

/** What a condition reads, to know what may be cached or reordered. */
export type Reads =
  | 'addresses'
  | 'ports'
  | 'protocol'
  | 'tcp-flags'
  | 'tcp-options'
  | 'icmp'
  | 'length'
  | 'ttl'
  | 'mark'
  | 'mac'
  | 'packet-type'
  | 'interfaces'
  | 'ctstate'
  | 'connection'
  | 'topology'
  | 'time'
  | 'payload'
  | 'own-state'
  | 'nothing'
  | 'fragment';

/**
 * A match extension with option type O and per-rule state S (undefined for a stateless one).
 */
export interface MatchDefinition<O, S = undefined> {
  /** As in `-m NAME`. */
  readonly name: string;
  /** Other names for -m (icmpv6 for icmp6). */
  readonly aliases?: readonly string[];
  readonly families: readonly Family[];
  /** Only in these tables or hooks; all when absent. */
  readonly tables?: readonly TableName[];
  readonly hooks?: readonly HookName[];
  readonly help: string;
  readonly options: readonly OptionSpec[];
  readonly reads: readonly Reads[];
  /** Turns options into the typed form. @throws OptionError */
  parse(uses: readonly OptionUse[], context: ParseContext): O;
  /** iptables-save form of the options, without `-m name`, without leading space: `--dport 22`. */
  print(options: O, family: Family): string;
  /** As `iptables -L` (numeric false) or `-L -n` prints it, without leading space, '' for nothing. */
  list(options: O, numeric: boolean, family: Family): string;
  /** The plain evaluation. Never throws. */
  matches(options: O, context: PacketContext, state: S): MatchResult;
  /** Why it did not match, for explain: "--dport: 443, not 8443" (the packet has 443). Several
   * conditions that fail are joined by "; ", the first to fail first. Only asked when it fails. */
  explain(options: O, context: PacketContext): string;
  /** Fresh per-rule state at the start of a replay. */
  createState?(options: O): S;
  /** Only in these hooks with these options (narrower than `hooks`); undefined: as `hooks`. */
  hooksFor?(options: O): readonly HookName[] | undefined;
  /** What is read with these options, where that is less than `reads`. */
  readsFor?(options: O): readonly Reads[];
}

/** A definition with its options: what a rule holds. */
export interface BoundMatch {
  readonly name: string;
  readonly reads: readonly Reads[];
  /** Only valid in chains reached from these hooks alone; undefined: from all. */
  readonly hooks?: readonly HookName[] | undefined;
  /** iptables-save form with `-m name`. */
  readonly text: string;
  list(numeric: boolean): string;
  createState(): unknown;
  matches(context: PacketContext, state: unknown): MatchResult;
  /** Why it does not match; '' when it does. A match with state of its own (limit) is taken to
   * have failed. */
  explain(context: PacketContext): string;
}

/** Seals a definition with its options. */
export function bindMatch<O, S>(
  definition: MatchDefinition<O, S>,
  options: O,
  family: Family,
): BoundMatch {
  const printed = definition.print(options, family);
  return {
    name: definition.name,
    reads: definition.readsFor?.(options) ?? definition.reads,
    hooks: definition.hooksFor?.(options) ?? definition.hooks,
    text: `-m ${definition.name}${printed === '' ? '' : ` ${printed}`}`,
    list: (numeric) => definition.list(options, numeric, family),
    createState: () => definition.createState?.(options),
    matches: (context, state) => definition.matches(options, context, state as S),
    explain(context) {
      // What a match with state of its own would say must not be asked again.
      if (definition.createState !== undefined) return definition.explain(options, context);
      const noted = context.undecidedReason;
      const holds = definition.matches(options, context, undefined as S) === YES;
      context.undecidedReason = noted;
      return holds ? '' : definition.explain(options, context);
    },
  };
}

/** A definition as the registry holds it, its option type sealed. */
export interface RegisteredMatch {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly families: readonly Family[];
  readonly tables: readonly TableName[] | undefined;
  readonly hooks: readonly HookName[] | undefined;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** @throws OptionError */
  bind(uses: readonly OptionUse[], context: ParseContext): BoundMatch;
}

/** Seals a definition for the registry. */
export function registerMatch<O, S>(definition: MatchDefinition<O, S>): RegisteredMatch {
  return {
    name: definition.name,
    aliases: definition.aliases ?? [],
    families: definition.families,
    tables: definition.tables,
    hooks: definition.hooks,
    help: definition.help,
    options: definition.options,
    bind: (uses, context) => bindMatch(definition, definition.parse(uses, context), context.family),
  };
}
