/** What a target extension is: like a match, but it decides what happens to the packet. */
import type { OptionSpec, OptionUse, PacketContext, ParseContext } from '../match/definition.ts';
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
export interface TargetDefinition<O> {
  /** As in `-j NAME`. */
  readonly name: string;
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
  /** May change the context (mark …). */
  apply(options: O, context: PacketContext): TargetResult;
  /** For REJECT: the answer sent ("icmp-port-unreachable", "tcp-reset"), '' when none is sent. */
  answer?(options: O, context: PacketContext): string;
}

/** A definition with its options: what a rule holds. */
export interface BoundTarget {
  readonly name: string;
  /** iptables-save form after `-j `: `LOG --log-prefix "x"`. */
  readonly text: string;
  list(numeric: boolean): string;
  apply(context: PacketContext): TargetResult;
  answer(context: PacketContext): string;
}

/** Seals a definition with its options. */
export function bindTarget<O>(
  definition: TargetDefinition<O>,
  options: O,
  family: Family,
): BoundTarget {
  const printed = definition.print(options, family);
  return {
    name: definition.name,
    text: printed === '' ? definition.name : `${definition.name} ${printed}`,
    list: (numeric) => definition.list(options, numeric, family),
    apply: (context) => definition.apply(options, context),
    answer: (context) => definition.answer?.(options, context) ?? '',
  };
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
export function registerTarget<O>(definition: TargetDefinition<O>): RegisteredTarget {
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
