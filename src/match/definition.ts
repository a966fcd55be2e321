/**
 * What a match extension is. Each match is one file that exports one MatchDefinition; the registry
 * lists them. `bind` seals the option type, so the evaluator needs to know nothing of it.
 */

import type { Connection } from '../conntrack/types.ts';
import type { Diagnostic } from '../errors.ts';
import type { PacketView } from '../packet/fields.ts';
import type { Family, HookName, IpMatch, TableName } from '../ruleset/types.ts';
import type { SetFacts } from '../sets/collection.ts';
import type { Topology } from '../topology/types.ts';
import { createReplayState, type ReplayState } from './replay-state.ts';

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
  /** For INVALID packets: the connection that they would belong to, if one, and as which direction. */
  refusedBy: Connection | undefined;
  refusedDirection: number;
  topology: Topology;
  /** Set by -j NOTRACK and -j CT --notrack in the raw table, before conntrack looks. */
  untracked: boolean;
  /** Conntrack zone set by -j CT --zone in the raw table, per direction (ORIGINAL, REPLY), 0;
   * -1: the lower 16 bits of the mark when conntrack looks (--zone mark). */
  zoneOriginal: number;
  zoneReply: number;
  /** skb priority as -j CLASSIFY sets it, unsigned 32-bit. */
  priority: number;
  /** The packet is at or after FORWARD: no socket of this host has sent it or will take it. */
  forwarded: boolean;
  /** -j TRACE was met: later rules are traced. */
  traced: boolean;
  /** Target that would translate the packet's connection, as printed: `DNAT --to-destination …`. */
  translated: string;
  /** Which address that target changes; '' while `translated` is ''. */
  translates: 'source' | 'destination' | '';
  /** Helper that -j CT --helper gave the new connection; '' for none. */
  helper: string;
  /** Timeout policy that -j CT --timeout gave the new connection; '' for none. */
  timeoutPolicy: string;
  /** What the packet would have been handed to: `NFQUEUE --queue-num 0`; '' for nothing. */
  queued: string;
  /** Where -j TEE sent a copy, which then passes OUTPUT and POSTROUTING, untracked. */
  copyTo: PacketCopy | undefined;
  /** A -j CT said how the packet is tracked; a later one changes nothing. */
  trackingSet: boolean;
  /** What a target set to a value that the capture does not tell. */
  unknown: UnknownWrite | undefined;
  /** Set by a condition that returns UNDECIDED. */
  undecidedReason: string;
  /** Set by a condition that returns UNDECIDED where it may be HOTDROP in truth. */
  mayHotdrop?: boolean;
}

/** A copy that -j TEE sends. */
export interface PacketCopy {
  /** Next hop: one word, or four. */
  readonly gateway: readonly number[];
  /** Device it must leave by; '' for any. */
  readonly outInterface: string;
}

/** A change of the packet whose outcome the capture does not tell. */
export interface UnknownWrite {
  /** A match that reads any of these is undecided from then on. */
  readonly what: readonly Reads[];
  readonly reason: string;
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
  /** The argument may be missing: the next word is it unless that begins with `-` or `!`. */
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

/** The sets that there are while a rule is read. */
export interface SetDirectory {
  facts(name: string): SetFacts | undefined;
}

/** What else of the rule and its place `parse` may look at. */
export interface ParseContext {
  readonly family: Family;
  readonly table: TableName;
  /** Chain the rule is for (its name). */
  readonly chain: string;
  /** The rule's -p, -s …, complete when `parse` runs. */
  readonly ip: IpMatch;
  /** The sets there are; absent: none. */
  readonly sets?: SetDirectory | undefined;
  /** For targets: the rule's matches. */
  readonly matches?: readonly BoundMatch[];
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
  | 'fragment'
  /** TOS, DSCP, ECN, traffic class. */
  | 'tos'
  /** IPv4 options, IPv6 extension headers. */
  | 'extension-headers'
  /** What a capture does not show of the host: sockets, owners, CPU … */
  | 'host';

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
  /** `iptables -L` puts no blank before what this match prints (eui64, bpf). */
  readonly listedWithoutBlank?: boolean;
  /** The plain evaluation. Never throws. */
  matches(options: O, context: PacketContext, state: S): MatchResult;
  /** Why it did not match, for explain: "--dport: 443, not 8443" (the packet has 443). Several
   * conditions that fail are joined by "; ", the first to fail first. Only asked when it fails. */
  explain(options: O, context: PacketContext): string;
  /** Fresh per-rule state at the start of a replay. */
  createState?(options: O, replay: ReplayState): S;
  /** With these options the kernel tracks connections for the family (nf_ct_netns_get). Matches
   * that read 'ctstate' or 'connection' do so anyway. */
  tracksConnections?(options: O): boolean;
  /** Only in these hooks with these options (narrower than `hooks`); undefined: as `hooks`. */
  hooksFor?(options: O): readonly HookName[] | undefined;
  /** The sets (ipset) that these options name. */
  setNames?(options: O): readonly string[];
  /** What is read with these options, where that is less than `reads`. */
  readsFor?(options: O): readonly Reads[];
  /** It may drop the packet by what it finds in it (not by lengths alone): where what it looks at is
   * not known, neither is whether the packet goes on. */
  readonly mayHotdrop?: boolean;
  /** It asks for what no capture holds: the user may state whether it holds (--assume). */
  readonly assumable?: boolean;
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
  /** No blank goes before what `list` gives. */
  readonly listedWithoutBlank: boolean;
  /** @param replay by default a new one of its own */
  createState(replay?: ReplayState): unknown;
  readonly tracksConnections: boolean;
  /** The sets (ipset) that it names. */
  readonly setNames: readonly string[];
  /** As in the definition. */
  readonly mayHotdrop: boolean;
  /** Where it is undecided, an assumption of the user may decide it. */
  readonly assumable: boolean;
  matches(context: PacketContext, state: unknown): MatchResult;
  /** Why it does not match; '' when it does. A match with state of its own (limit) is taken to
   * have failed. */
  explain(context: PacketContext): string;
}

/** A definition with its options. A class, with its text made when asked for, because a ruleset may
 * hold hundreds of thousands of them. */
class SealedMatch<O, S> implements BoundMatch {
  readonly #definition: MatchDefinition<O, S>;
  readonly #options: O;
  readonly #family: Family;

  constructor(definition: MatchDefinition<O, S>, options: O, family: Family) {
    this.#definition = definition;
    this.#options = options;
    this.#family = family;
  }

  get name(): string {
    return this.#definition.name;
  }

  get reads(): readonly Reads[] {
    return this.#definition.readsFor?.(this.#options) ?? this.#definition.reads;
  }

  get hooks(): readonly HookName[] | undefined {
    return this.#definition.hooksFor?.(this.#options) ?? this.#definition.hooks;
  }

  get text(): string {
    const printed = this.#definition.print(this.#options, this.#family);
    return `-m ${this.#definition.name}${printed === '' ? '' : ` ${printed}`}`;
  }

  get tracksConnections(): boolean {
    return this.#definition.tracksConnections?.(this.#options) ?? false;
  }

  get setNames(): readonly string[] {
    return this.#definition.setNames?.(this.#options) ?? [];
  }

  get mayHotdrop(): boolean {
    return this.#definition.mayHotdrop ?? false;
  }

  get assumable(): boolean {
    return this.#definition.assumable ?? false;
  }

  get listedWithoutBlank(): boolean {
    return this.#definition.listedWithoutBlank ?? false;
  }

  list(numeric: boolean): string {
    return this.#definition.list(this.#options, numeric, this.#family);
  }

  createState(replay: ReplayState = createReplayState()): unknown {
    return this.#definition.createState?.(this.#options, replay);
  }

  matches(context: PacketContext, state: unknown): MatchResult {
    return this.#definition.matches(this.#options, context, state as S);
  }

  explain(context: PacketContext): string {
    const definition = this.#definition;
    // What a match with state of its own would say must not be asked again.
    if (definition.createState !== undefined) return definition.explain(this.#options, context);
    const noted = context.undecidedReason;
    const holds = definition.matches(this.#options, context, undefined as S) === YES;
    context.undecidedReason = noted;
    return holds ? '' : definition.explain(this.#options, context);
  }
}

/** Seals a definition with its options. */
export function bindMatch<O, S>(
  definition: MatchDefinition<O, S>,
  options: O,
  family: Family,
): BoundMatch {
  return new SealedMatch(definition, options, family);
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
  readonly assumable: boolean;
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
    assumable: definition.assumable ?? false,
    bind: (uses, context) => bindMatch(definition, definition.parse(uses, context), context.family),
  };
}
