/** Programs from rulesets as text, and walks of them, for tests of the evaluator. */

import {
  type LinkedChain,
  type LinkedRule,
  linkRuleset,
  type Program,
} from '../../src/evaluate/program.ts';
import {
  type Doubts,
  newWalkResult,
  WALK_ACCEPT,
  WALK_DROP,
  WALK_REJECT,
  type WalkResult,
  walk,
} from '../../src/evaluate/reference.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import type { MatchResult, PacketContext } from '../../src/match/definition.ts';
import { newContext } from '../../src/match/new-context.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import { type Family, HOOK_INPUT, HOOK_NAMES, type TableName } from '../../src/ruleset/types.ts';
import { createTopology, parseVantage } from '../../src/topology/vantage.ts';

/** The filter table of these lines (`:CHAIN POLICY` and `-A …`), INPUT's policy ACCEPT by default. */
export function filterText(...lines: readonly string[]): string {
  const own = new Set(
    lines.filter((line) => line.startsWith(':')).map((line) => line.split(' ')[0]),
  );
  const builtin = [':INPUT ACCEPT', ':FORWARD ACCEPT', ':OUTPUT ACCEPT'].filter(
    (line) => !own.has(line.split(' ')[0]),
  );
  return ['*filter', ...builtin, ...lines, 'COMMIT', ''].join('\n');
}

/** Links a ruleset in the form of iptables-save. */
export function programOf(text: string, family: Family = 4): Program {
  const { ruleset } = loadRuleset([{ text, file: 'test.rules', family }]);
  const rules = ruleset.families.get(family);
  if (rules === undefined) throw new Error('no rules of the family');
  return linkRuleset(rules);
}

/** A context for a packet at a hook of a host with eth0=192.0.2.1/24,2001:db8::1/64. */
export function contextOf(packet: PacketView, more: Partial<PacketContext> = {}): PacketContext {
  const interfaces = ['eth0=192.0.2.1/24,2001:db8::1/64'];
  const topology = createTopology(parseVantage({ local: [], interface: interfaces, route: [] }));
  return {
    ...newContext(packet, packet.family === 6 ? 6 : 4, topology),
    hook: HOOK_INPUT,
    inInterface: 'eth0',
    ...more,
  };
}

/** What a walk was told, and what it came to. */
export interface Walked {
  /** `accept`, `drop`, `reject icmp-port-unreachable`, `undecided`. */
  readonly verdict: string;
  /** `INPUT 3`, or `INPUT policy`. */
  readonly at: string;
  readonly result: WalkResult;
  /** Each rule looked at: `INPUT 1 no`. */
  readonly steps: readonly string[];
  readonly context: PacketContext;
}

const RESULT_NAMES = ['no', 'yes', 'hotdrop', 'undecided'] as const;

function verdictText(result: WalkResult): string {
  if (result.verdict === WALK_ACCEPT) return 'accept';
  if (result.verdict === WALK_DROP) return result.hotdrop ? 'hotdrop' : 'drop';
  return result.verdict === WALK_REJECT ? `reject ${result.answer}`.trim() : 'undecided';
}

/** Walks a packet through a table. */
export function walkOf(
  program: Program,
  packet: PacketView,
  options: {
    readonly context?: Partial<PacketContext>;
    readonly doubts?: Doubts;
    readonly table?: TableName;
  } = {},
): Walked {
  const context = contextOf(packet, options.context);
  const table = options.table ?? 'filter';
  const chain = program.chainAt(table, context.hook);
  if (chain === undefined) throw new Error(`no ${table} ${HOOK_NAMES[context.hook]}`);
  const steps: string[] = [];
  const result = newWalkResult();
  const doubts = options.doubts ?? { conntrack: '', packet: 1 };
  walk(program, chain, context, doubts, result, {
    rule: (rule: LinkedRule, matched: MatchResult) =>
      steps.push(`${rule.chain.name} ${rule.number} ${RESULT_NAMES[matched]}`),
    policy: (policy: LinkedChain) => steps.push(`${policy.name} policy`),
  });
  const at = `${result.chain?.name} ${result.rule?.number ?? 'policy'}`;
  return { verdict: verdictText(result), at, result, steps, context };
}

/** Counters that are not zero: `INPUT 1 [2:56]`, `INPUT policy [1:28]`. */
export function countersOf(program: Program): string[] {
  const lines: string[] = [];
  const line = (name: string, packets: number, bytes: number, uncertain: number): void => {
    const maybe = uncertain > 0 ? `+${uncertain}?` : '';
    if (packets > 0 || uncertain > 0) lines.push(`${name} [${packets}:${bytes}]${maybe}`);
  };
  for (const table of program.withCounters().tables.values())
    for (const chain of table.chains.values()) {
      for (const [i, rule] of chain.rules.entries())
        line(`${chain.name} ${i + 1}`, rule.packets, rule.bytes, rule.uncertainPackets ?? 0);
      line(`${chain.name} policy`, chain.packets, chain.bytes, chain.uncertainPackets ?? 0);
    }
  return lines;
}
