/** What a target extension is: like a match, but it decides what happens to the packet. */
import type {
  OptionSpec,
  OptionUse,
  PacketContext,
  ParseContext,
  Reads,
} from '../match/definition.ts';
import { createReplayState, type ReplayState } from '../match/replay-state.ts';
import type { Family, HookName, TableName } from '../ruleset/types.ts';

/** What a target does with the packet. */
export const TARGET_CONTINUE = 0;
export const TARGET_ACCEPT = 1;
export const TARGET_DROP = 2;
/** A drop with an answer. */
export const TARGET_REJECT = 3;
/** Back to the calling chain; in a built-in chain: the policy. */
export const TARGET_RETURN = 4;
/** The capture cannot tell; reason in `context.undecidedReason`. */
export const TARGET_UNDECIDED = 5;
export type TargetResult = 0 | 1 | 2 | 3 | 4 | 5;

/** A target extension with option type O. */
export interface TargetDefinition<O, S = undefined> {
  /** As in `-j NAME`. */
  readonly name: string;
  /** Name in the first column of `iptables -L`, where it is another (NOTRACK: CT). */
  readonly listedAs?: string;
  /** What it changes of what later matches read (mark, ttl, tos …); none by default. A target that
   * writes goes on with the next rule, or is undecided. */
  readonly writes?: readonly Reads[];
  /** What its work rests on (CONNMARK: connection, and the mark it saves); nothing by default. */
  reads?(options: O): readonly Reads[];
  readonly families: readonly Family[];
  readonly tables?: readonly TableName[];
  readonly hooks?: readonly HookName[];
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** @throws OptionError (match/definition.ts) */
  parse(uses: readonly OptionUse[], context: ParseContext): O;
  /** iptables-save form of the options after `-j NAME`, without leading space. */
  print(options: O, family: Family): string;
  /** As `iptables -L` prints it at the end of the line. */
  list(options: O, numeric: boolean, family: Family): string;
  /** The sets (ipset) that these options name. */
  setNames?(options: O): readonly string[];
  /** May change the context (mark …). */
  apply(options: O, context: PacketContext, state: S): TargetResult;
  /** Fresh state at the start of a replay. */
  createState?(options: O, replay: ReplayState): S;
  /** With these options the kernel tracks connections for the family (nf_ct_netns_get). */
  tracksConnections?(options: O): boolean;
  /** Only in these hooks with these options; undefined: as `hooks`. */
  hooksFor?(options: O): readonly HookName[] | undefined;
  /** Only in these tables with these options; undefined: as `tables`. */
  tablesFor?(options: O): readonly TableName[] | undefined;
  /** For REJECT: the answer sent ("icmp-port-unreachable", "tcp-reset"), '' when none is sent. */
  answer?(options: O, context: PacketContext): string;
}

/** A definition with its options: what a rule holds. */
export interface BoundTarget {
  readonly name: string;
  /** Name in the first column of `iptables -L`. */
  readonly listedAs: string;
  /** iptables-save form after `-j `: `LOG --log-prefix "x"`. */
  readonly text: string;
  readonly writes: readonly Reads[];
  /** What its work rests on: where that is not known for a packet, so is what the target does. */
  readonly reads: readonly Reads[];
  readonly tracksConnections: boolean;
  /** The sets (ipset) that it names. */
  readonly setNames: readonly string[];
  /** Only valid in chains reached from these hooks alone; undefined: from all. */
  readonly hooks?: readonly HookName[] | undefined;
  /** Only valid in these tables; undefined: in all. */
  readonly tables?: readonly TableName[] | undefined;
  list(numeric: boolean): string;
  /** @param replay by default a new one of its own */
  createState(replay?: ReplayState): unknown;
  apply(context: PacketContext, state?: unknown): TargetResult;
  answer(context: PacketContext): string;
}

/** A definition with its options; a class with its text made when asked for, as of matches. */
class SealedTarget<O, S> implements BoundTarget {
  readonly #definition: TargetDefinition<O, S>;
  readonly #options: O;
  readonly #family: Family;

  constructor(definition: TargetDefinition<O, S>, options: O, family: Family) {
    this.#definition = definition;
    this.#options = options;
    this.#family = family;
  }

  get name(): string {
    return this.#definition.name;
  }

  get listedAs(): string {
    return this.#definition.listedAs ?? this.name;
  }

  get text(): string {
    const printed = this.#definition.print(this.#options, this.#family);
    return printed === '' ? this.name : `${this.name} ${printed}`;
  }

  get writes(): readonly Reads[] {
    return this.#definition.writes ?? [];
  }

  get reads(): readonly Reads[] {
    return this.#definition.reads?.(this.#options) ?? [];
  }

  get setNames(): readonly string[] {
    return this.#definition.setNames?.(this.#options) ?? [];
  }

  get tracksConnections(): boolean {
    return this.#definition.tracksConnections?.(this.#options) ?? false;
  }

  get hooks(): readonly HookName[] | undefined {
    return this.#definition.hooksFor?.(this.#options) ?? this.#definition.hooks;
  }

  get tables(): readonly TableName[] | undefined {
    return this.#definition.tablesFor?.(this.#options) ?? this.#definition.tables;
  }

  list(numeric: boolean): string {
    return this.#definition.list(this.#options, numeric, this.#family);
  }

  createState(replay: ReplayState = createReplayState()): unknown {
    return this.#definition.createState?.(this.#options, replay);
  }

  apply(context: PacketContext, state?: unknown): TargetResult {
    return this.#definition.apply(this.#options, context, state as S);
  }

  answer(context: PacketContext): string {
    return this.#definition.answer?.(this.#options, context) ?? '';
  }
}

/** Seals a definition with its options. */
export function bindTarget<O, S>(
  definition: TargetDefinition<O, S>,
  options: O,
  family: Family,
): BoundTarget {
  return new SealedTarget(definition, options, family);
}

/** A definition as the registry holds it, its option type sealed. */
export interface RegisteredTarget {
  readonly name: string;
  readonly families: readonly Family[];
  readonly tables: readonly TableName[] | undefined;
  readonly hooks: readonly HookName[] | undefined;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** @throws OptionError (match/definition.ts) */
  bind(uses: readonly OptionUse[], context: ParseContext): BoundTarget;
}

/** Seals a definition for the registry. */
export function registerTarget<O, S>(definition: TargetDefinition<O, S>): RegisteredTarget {
  return {
    name: definition.name,
    families: definition.families,
    tables: definition.tables,
    hooks: definition.hooks,
    help: definition.help,
    options: definition.options,
    bind: (uses, context) =>
      bindTarget(definition, definition.parse(uses, context), context.family),
  };
}
