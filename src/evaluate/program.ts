/**
 * A family's ruleset linked for walking: chains point to chains, each rule and policy has its place
 * in the counter arrays, stateful matches have their state. Made once per replay.
 */

import { invariant } from '../errors.ts';
import { createReplayState, type ReplayState } from '../match/replay-state.ts';
import type { Chain, Family, FamilyRuleset, Rule, Table, TableName } from '../ruleset/types.ts';
import { HOOK_NAMES, TABLE_NAMES } from '../ruleset/types.ts';
import { type AssumedMatch, Assumptions, type PacketTally } from './assumptions.ts';
import { READS_CONNECTION, readsBits } from './reads.ts';

/** A rule ready to be walked. */
export interface LinkedRule {
  readonly rule: Rule;
  readonly chain: LinkedChain;
  /** From 1, as `--line-numbers` counts. */
  readonly number: number;
  /** Index into the counters. */
  readonly counter: number;
  readonly jump: LinkedChain | undefined;
  /** State of the target. */
  readonly targetState: unknown;
  /** State of each match, in the order of rule.matches. */
  readonly states: unknown[];
  /** READS_ bits of each match, in the order of rule.matches. */
  readonly reads: readonly number[];
  /** What the user assumes of each match; empty when nothing of any. */
  readonly assumed: readonly (AssumedMatch | undefined)[];
  /** Why the state of its stateful matches (limit …) is not known any more; '' while it is. */
  stateDoubt: string;
}

/** A chain ready to be walked. */
export interface LinkedChain {
  readonly table: TableName;
  readonly name: string;
  readonly policy: 'ACCEPT' | 'DROP' | undefined;
  /** Counter of the policy; -1 for a user chain. */
  readonly policyCounter: number;
  readonly rules: readonly LinkedRule[];
}

/** Packet and byte counts; doubles, exact up to 2^53. */
export interface Counters {
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  /** Undecided packets that the kernel may have counted here beside `packets`. */
  readonly uncertain: Float64Array;
}

/** One family's linked ruleset with its counters. */
export interface Program {
  readonly family: Family;
  readonly counters: Counters;
  /** True when the ruleset makes the kernel track connections (and reassemble fragments). */
  readonly tracksConnections: boolean;
  /** True when rules of nat change source addresses. */
  readonly translatesSources: boolean;
  /** Packets for which a match of a kind was undecided, by its name. */
  readonly undecided: Map<string, PacketTally>;
  /** The built-in chain of a table at a hook (HOOK_ number). */
  chainAt(table: TableName, hook: number): LinkedChain | undefined;
  /** Every chain by table and name. */
  chain(table: TableName, name: string): LinkedChain | undefined;
  /** The ruleset with these counters in place of those of the file. */
  withCounters(): FamilyRuleset;
}

interface ChainInMaking extends LinkedChain {
  readonly rules: LinkedRule[];
}

interface Linking {
  readonly replay: ReplayState;
  readonly assumptions: Assumptions;
  /** By table and name. */
  readonly chains: Map<string, ChainInMaking>;
  /** Number of counters. */
  size: number;
}

function linkChains(
  ruleset: FamilyRuleset,
  replay: ReplayState,
  assumptions: Assumptions,
): Linking {
  const linking: Linking = { replay, assumptions, chains: new Map(), size: 0 };
  for (const table of ruleset.tables.values()) {
    for (const { name, policy } of table.chains.values()) {
      const policyCounter = policy === undefined ? -1 : linking.size++;
      const chain = { table: table.name, name, policy, policyCounter, rules: [] };
      linking.chains.set(`${table.name} ${name}`, chain);
    }
  }
  for (const table of ruleset.tables.values())
    for (const chain of table.chains.values()) linkRules(linking, table, chain);
  return linking;
}

const NOTHING_ASSUMED: readonly undefined[] = [];

function assumedOf(rule: Rule, assumptions: Assumptions): readonly (AssumedMatch | undefined)[] {
  if (assumptions.all.length === 0) return NOTHING_ASSUMED;
  const assumed = rule.matches.map((match) => assumptions.of(match));
  return assumed.some((each) => each !== undefined) ? assumed : NOTHING_ASSUMED;
}

function linkRules(linking: Linking, table: Table, chain: Chain): void {
  const { replay, assumptions } = linking;
  const linked = linking.chains.get(`${table.name} ${chain.name}`);
  invariant(linked !== undefined, 'chain was just made');
  for (const rule of chain.rules) {
    linked.rules.push({
      rule,
      chain: linked,
      number: linked.rules.length + 1,
      counter: linking.size++,
      jump: jumpTarget(linking.chains, table, rule),
      targetState:
        rule.target.kind === 'target' ? rule.target.target.createState(replay) : undefined,
      states: rule.matches.map((match) => match.createState(replay)),
      reads: rule.matches.map(({ reads }) => readsBits(reads)),
      assumed: assumedOf(rule, assumptions),
      stateDoubt: '',
    });
  }
}

/** Links a family's ruleset. Tables that the ruleset does not name are not walked. */
export function linkRuleset(
  ruleset: FamilyRuleset,
  replay: ReplayState = createReplayState(),
  assumptions: Assumptions = new Assumptions([]),
): Program {
  const { chains, size } = linkChains(ruleset, replay, assumptions);
  refuseLoops(chains.values());
  const counters = {
    packets: new Float64Array(size),
    bytes: new Float64Array(size),
    uncertain: new Float64Array(size),
  };
  const hooks = new Map(
    TABLE_NAMES.map((table) => [table, HOOK_NAMES.map((hook) => chains.get(`${table} ${hook}`))]),
  );
  return {
    family: ruleset.family,
    counters,
    tracksConnections: [...chains.values()].some(({ rules }) => rules.some(tracksConnections)),
    translatesSources: [...chains.values()].some(({ rules }) => rules.some(translatesSource)),
    undecided: new Map(),
    chainAt: (table, hook) => hooks.get(table)?.[hook],
    chain: (table, name) => chains.get(`${table} ${name}`),
    withCounters: () => countedRuleset(ruleset, chains, counters),
  };
}

/**
 * A loop of jumps is refused when a ruleset is loaded; walking one would never end. The kernel looks
 * for it from the built-in chains on: a loop that none of them leads to is taken, and never walked.
 */
function refuseLoops(chains: Iterable<LinkedChain>): void {
  const above = new Set<LinkedChain>();
  const done = new Set<LinkedChain>();
  const visit = (at: LinkedChain): void => {
    if (done.has(at)) return;
    above.add(at);
    for (const { jump } of at.rules) {
      if (jump === undefined) continue;
      invariant(!above.has(jump), `the chain ${jump.name} jumps to itself`);
      visit(jump);
    }
    above.delete(at);
    done.add(at);
  };
  for (const chain of chains) if (chain.policy !== undefined) visit(chain);
}

/**
 * xt_conntrack, xt_state and others take a reference on conntrack for their own family when a rule is
 * loaded, in whatever table and chain; so do the targets that need it (those of nat, CT, CONNMARK). A
 * nat table alone does not, nor does the other family's ruleset: seen on Linux 6.18.
 */
function tracksConnections({ rule, reads }: LinkedRule): boolean {
  const { target, matches } = rule;
  return (
    reads.some((bits) => (bits & READS_CONNECTION) !== 0) ||
    matches.some((match) => match.tracksConnections) ||
    (target.kind === 'target' && target.target.tracksConnections)
  );
}

const SOURCE_TARGETS: ReadonlySet<string> = new Set(['SNAT', 'MASQUERADE', 'NETMAP']);

function translatesSource({ rule: { target } }: LinkedRule): boolean {
  return target.kind === 'target' && SOURCE_TARGETS.has(target.target.name);
}

function jumpTarget(
  chains: ReadonlyMap<string, LinkedChain>,
  table: Table,
  rule: Rule,
): LinkedChain | undefined {
  const { target } = rule;
  if (target.kind !== 'jump' && target.kind !== 'goto') return undefined;
  const chain = chains.get(`${table.name} ${target.chain}`);
  invariant(chain !== undefined, `jump to the undefined chain ${target.chain}`);
  return chain;
}

function countedRuleset(
  ruleset: FamilyRuleset,
  linked: ReadonlyMap<string, LinkedChain>,
  counters: Counters,
): FamilyRuleset {
  const at = (index: number): { packets: number; bytes: number; uncertainPackets: number } => ({
    packets: index < 0 ? 0 : (counters.packets[index] ?? 0),
    bytes: index < 0 ? 0 : (counters.bytes[index] ?? 0),
    uncertainPackets: index < 0 ? 0 : (counters.uncertain[index] ?? 0),
  });
  const tables = new Map<TableName, Table>();
  for (const table of ruleset.tables.values()) {
    const chains = new Map<string, Chain>();
    for (const chain of table.chains.values()) {
      const from = linked.get(`${table.name} ${chain.name}`);
      invariant(from !== undefined, 'every chain is linked');
      chains.set(chain.name, {
        ...chain,
        ...at(from.policyCounter),
        rules: from.rules.map(({ rule, counter }) => ({ ...rule, ...at(counter) })),
      });
    }
    tables.set(table.name, { name: table.name, chains });
  }
  return { family: ruleset.family, tables };
}
