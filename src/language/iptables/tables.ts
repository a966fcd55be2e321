/**
 * The tables of one family while a ruleset is read: what libiptc holds between the command and the
 * kernel. Mutable; `freeze` turns it into the immutable Ruleset. Jumps point to chain objects, so a
 * renamed chain keeps them, and `references` always equals the number of rules that jump there.
 */

import type { Position } from '../../errors.ts';
import type { BoundMatch, SetDirectory } from '../../match/definition.ts';
import type {
  Chain,
  Family,
  FamilyRuleset,
  IpMatch,
  Rule,
  RuleTarget,
  Table,
  TableName,
} from '../../ruleset/types.ts';
import { BUILTIN_CHAINS } from '../../ruleset/types.ts';
import type { BoundTarget } from '../../target/definition.ts';
import { BindCache } from './bind-cache.ts';
import { savedConditions } from './rule-print.ts';
import type { Word } from './source.ts';

/** Where an extension may be used; the kernel checks it when a table is loaded. */
export interface Restriction {
  readonly name: string;
  readonly kind: 'match' | 'target';
  readonly tables: readonly string[] | undefined;
  readonly hooks: readonly string[] | undefined;
  readonly word: Word;
}

/** What a rule does; a jump points to the chain itself. */
export type OpenTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: OpenChain }
  | { readonly kind: 'target'; readonly target: BoundTarget };

/** A rule in an open table. */
export interface OpenRule {
  readonly ip: IpMatch;
  readonly matches: readonly BoundMatch[];
  readonly target: OpenTarget;
  /** ip6tables: `-p all` was written, which -D and -C look at. */
  readonly anyProtocolGiven: boolean;
  /** A verdict of the kernel itself (ACCEPT, DROP, RETURN) without any condition: nothing after it
   * in its chain is ever reached. */
  readonly unconditionalVerdict: boolean;
  readonly restrictions: readonly Restriction[];
  packets: number;
  bytes: number;
  readonly where: Position;
  readonly sourceLine: string;
  /** The word to point at for the whole rule: its target, else its command. */
  readonly word: Word;
}

/** A chain in an open table. */
export interface OpenChain {
  name: string;
  /** Undefined: a user's chain. */
  policy: 'ACCEPT' | 'DROP' | undefined;
  packets: number;
  bytes: number;
  rules: OpenRule[];
  /** Number of rules that jump or go here. */
  references: number;
  /** Number of its rules that are an unconditional verdict. */
  verdicts: number;
}

/** A table being edited. */
export class OpenTable {
  readonly name: TableName;
  readonly family: Family;
  readonly #chains = new Map<string, OpenChain>();
  /** What `chains` gave; undefined once names have changed. */
  #ordered: readonly OpenChain[] | undefined;
  /** The hooks that reach each chain, kept by kernel-checks.ts; undefined: not known (any more). */
  reach: Map<OpenChain, number> | undefined;

  constructor(name: TableName, family: Family) {
    this.name = name;
    this.family = family;
    for (const hook of BUILTIN_CHAINS[name]) this.#chains.set(hook, newChain(hook, 'ACCEPT'));
  }

  /** A chain by name. */
  chain(name: string): OpenChain | undefined {
    return this.#chains.get(name);
  }

  /** Built-in chains in the kernel's order, then the others by name. */
  chains(): readonly OpenChain[] {
    this.#ordered ??= this.#inOrder();
    return this.#ordered;
  }

  #inOrder(): OpenChain[] {
    const builtIn: OpenChain[] = [];
    const names: string[] = [];
    for (const chain of this.#chains.values()) {
      if (chain.policy === undefined) names.push(chain.name);
      else builtIn.push(chain);
    }
    return [...builtIn, ...names.sort().flatMap((name) => this.#chains.get(name) ?? [])];
  }

  /** Makes an empty chain of a new name. */
  add(name: string): OpenChain {
    const chain = newChain(name, undefined);
    this.#ordered = undefined;
    this.#chains.set(name, chain);
    return chain;
  }

  /** Takes a chain out; it must be empty and without references. */
  remove(chain: OpenChain): void {
    this.#ordered = undefined;
    this.#chains.delete(chain.name);
  }

  /** Gives a chain a new, unused name. */
  rename(chain: OpenChain, name: string): void {
    this.#ordered = undefined;
    this.#chains.delete(chain.name);
    chain.name = name;
    this.#chains.set(name, chain);
  }

  /** Removes all rules, then all chains of users. Policies stay. */
  clear(): void {
    this.#ordered = undefined;
    for (const chain of this.#chains.values()) this.flush(chain);
    for (const [name, chain] of this.#chains) {
      if (chain.policy === undefined) this.#chains.delete(name);
    }
  }

  /** Sets the counters of all policies to 0, except that of the chain `except`. */
  zeroPolicies(except?: string): void {
    for (const chain of this.#chains.values()) {
      if (chain.policy === undefined || chain.name === except) continue;
      chain.packets = 0;
      chain.bytes = 0;
    }
  }

  /** Puts a rule at an index (0: first). */
  insert(chain: OpenChain, index: number, rule: OpenRule): void {
    if (index === chain.rules.length) chain.rules.push(rule);
    else {
      chain.rules.splice(index, 0, rule);
      // What comes behind it may not be reached any more.
      if (rule.unconditionalVerdict) this.reach = undefined;
    }
    this.#count(chain, rule, 1);
  }

  #count(chain: OpenChain, rule: OpenRule, by: 1 | -1): void {
    if (rule.unconditionalVerdict) chain.verdicts += by;
    if ('chain' in rule.target) rule.target.chain.references += by;
    if (by < 0 && (rule.unconditionalVerdict || 'chain' in rule.target)) this.reach = undefined;
  }

  /** Takes the rule at an index out. */
  delete(chain: OpenChain, index: number): void {
    for (const rule of chain.rules.splice(index, 1)) this.#count(chain, rule, -1);
  }

  /** Takes all rules of a chain out. */
  flush(chain: OpenChain): void {
    for (const rule of chain.rules) this.#count(chain, rule, -1);
    chain.rules = [];
  }

  /** The immutable form. */
  freeze(): Table {
    const chains = new Map<string, Chain>();
    for (const chain of this.chains()) {
      const { name, policy, packets, bytes, rules } = chain;
      chains.set(name, { name, policy, packets, bytes, rules: rules.map(freezeRule) });
    }
    return { name: this.name, chains };
  }
}

function newChain(name: string, policy: 'ACCEPT' | undefined): OpenChain {
  return { name, policy, packets: 0, bytes: 0, rules: [], references: 0, verdicts: 0 };
}

function freezeTarget(target: OpenTarget): RuleTarget {
  return 'chain' in target ? { kind: target.kind, chain: target.chain.name } : target;
}

function freezeRule(rule: OpenRule): Rule {
  const { ip, matches, packets, bytes, where, sourceLine } = rule;
  const target = freezeTarget(rule.target);
  return { ip, matches, target, packets, bytes, where, sourceLine };
}

/** Keys of rules that were compared already. */
const KEYS = new WeakMap<OpenRule, string>();

/** Text that is equal for rules with the same conditions. */
function ruleKey(rule: OpenRule): string {
  const known = KEYS.get(rule);
  if (known !== undefined) return known;
  let key = savedConditions(rule.ip);
  // `! -i +` prints as nothing, yet it is a condition.
  for (const wanted of [rule.ip.inInterface, rule.ip.outInterface]) {
    if (wanted?.inverted === true && wanted.wildcard && wanted.name === '') key += ' !+';
  }
  if (rule.anyProtocolGiven) key += ' -p all';
  for (const match of rule.matches) key += ` ${match.text}`;
  KEYS.set(rule, key);
  return key;
}

/** Whether two rules are the same for -D and -C: all but the counters. */
export function sameRule(a: OpenRule, b: OpenRule): boolean {
  if (a.target.kind !== b.target.kind || a.matches.length !== b.matches.length) return false;
  if (ruleKey(a) !== ruleKey(b)) return false;
  if ('chain' in a.target) return 'chain' in b.target && a.target.chain === b.target.chain;
  if (a.target.kind === 'none') return true;
  return b.target.kind === 'target' && a.target.target.text === b.target.target.text;
}

/** All tables of a family that exist so far. */
export class OpenFamily {
  readonly family: Family;
  /** In the order in which iptables-save shows them. */
  readonly tables = new Map<TableName, OpenTable>();
  readonly bindings = new BindCache();
  /** The sets that rules may refer to; undefined: none. */
  readonly sets: SetDirectory | undefined;

  constructor(family: Family, sets?: SetDirectory) {
    this.family = family;
    this.sets = sets;
  }

  /**
   * A table, made when it is not there yet, as the kernel loads one when first asked for it.
   * @param first put a new one before those there are, as the kernel lists the newest first; a file
   *   of iptables-save keeps its own order instead
   */
  table(name: TableName, first: boolean): OpenTable {
    const known = this.tables.get(name);
    if (known !== undefined) return known;
    const made = new OpenTable(name, this.family);
    const others = first ? [...this.tables] : [];
    if (first) this.tables.clear();
    this.tables.set(name, made);
    for (const [otherName, other] of others) this.tables.set(otherName, other);
    return made;
  }

  /** The immutable form. */
  freeze(): FamilyRuleset {
    const tables = new Map<TableName, Table>();
    for (const [name, table] of this.tables) tables.set(name, table.freeze());
    return { family: this.family, tables };
  }
}
