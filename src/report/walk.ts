/**
 * Records one packet's walk through tables, chains and rules: which condition of each rule failed
 * and why, and which rules missed on a single condition. Plain data, made while the packet is walked
 * since the engine's context is live; the explain reports print it.
 */
import type { PacketObserver, PacketOutcome } from '../engine/types.ts';
import { explainIpMatch, ipMatches } from '../evaluate/ip-match.ts';
import type { LinkedRule } from '../evaluate/program.ts';
import { ruleText } from '../language/iptables/rule-print.ts';
import {
  HOTDROP,
  type MatchResult,
  NO,
  type PacketContext,
  UNDECIDED,
  YES,
} from '../match/definition.ts';
import type { IpMatch, TableName } from '../ruleset/types.ts';
import { type ConnectionRecord, connectionRecord } from './connection.ts';
import { type PacketRecord, packetRecord } from './record.ts';
import { targetName } from './rule-columns.ts';

/** How a rule's conditions came out. */
export type StepResult = 'matched' | 'missed' | 'undecided' | 'hotdrop';

/** One rule that the packet met. */
export interface RuleStep {
  readonly chain: string;
  /** From 1. */
  readonly rule: number;
  readonly result: StepResult;
  /** `-p tcp -m tcp --dport 22 -j ACCEPT`: as iptables-save prints it, without `-A CHAIN`. */
  readonly text: string;
  readonly target: string;
  /** What did not hold, "--dport: 443, not 8443"; the first is what ended the rule. */
  readonly failed: readonly string[];
  /** Number of conditions of the rule (a comment is none). */
  readonly conditions: number;
  /** Conditions with state of their own that were not asked because an earlier one failed. */
  readonly notAsked: readonly string[];
  readonly file: string | null;
  readonly line: number | null;
  readonly source: string | null;
}

/** One table at one hook. */
export interface TableWalk {
  readonly hook: string;
  readonly table: TableName;
  readonly in: string | null;
  readonly out: string | null;
  /** skb mark at the table's beginning. */
  readonly mark: number;
  readonly steps: RuleStep[];
  /** The policy that was reached; null when a rule decided. */
  policy: 'ACCEPT' | 'DROP' | null;
}

/** A rule that failed on one condition only. */
export interface NearMiss {
  readonly hook: string;
  readonly table: TableName;
  readonly chain: string;
  readonly rule: number;
  readonly failed: string;
  /** Conditions that held. */
  readonly held: number;
  readonly step: RuleStep;
}

/** A packet with its walk. */
export interface PacketWalk {
  readonly packet: PacketRecord;
  readonly tables: readonly TableWalk[];
  /** Nearest first: most conditions held; then in the order walked. */
  readonly nearMisses: readonly NearMiss[];
  /** The conntrack entry as the packet left it; null when it has none. */
  readonly connection: ConnectionRecord | null;
}

/** Collects one packet's walk. */
export interface WalkRecorder {
  readonly observer: PacketObserver;
  /** The walk, with the packet's outcome. Call once, when the packet is decided. */
  finish(outcome: PacketOutcome): PacketWalk;
}

const RESULTS: Readonly<Record<MatchResult, StepResult>> = {
  [NO]: 'missed',
  [YES]: 'matched',
  [HOTDROP]: 'hotdrop',
  [UNDECIDED]: 'undecided',
};

/** Fields of one protocol's header: asking for them in another's would tell nonsense. */
const ONE_PROTOCOL: ReadonlySet<string> = new Set(['icmp', 'tcp-flags', 'tcp-options']);

/** Each condition of a rule that needs no -m, by itself. */
function singleConditions(ip: IpMatch): IpMatch[] {
  const { source, destination, inInterface, outInterface, protocol, fragment } = ip;
  const singles: (IpMatch | undefined)[] = [
    source && { source },
    destination && { destination },
    inInterface && { inInterface },
    outInterface && { outInterface },
    protocol && { protocol },
    fragment && { fragment },
  ];
  return singles.filter((single) => single !== undefined);
}

interface Findings {
  readonly failed: string[];
  readonly notAsked: string[];
  readonly conditions: number;
}

/** Asks all conditions, also those that the evaluator did not reach, but never one with own state. */
function findings(
  linked: LinkedRule,
  context: PacketContext,
  result: MatchResult,
  decider: number | undefined,
): Findings {
  const { ip, matches } = linked.rule;
  const failed: string[] = [];
  const notAsked: string[] = [];
  const singles = singleConditions(ip);
  let conditions = singles.length;
  // Asking again must leave the context as the evaluator set it.
  const reason = context.undecidedReason;
  let otherProtocol = false;
  for (const single of singles) {
    if (ipMatches(single, context) === YES) continue;
    failed.push(explainIpMatch(single, context));
    if (single.protocol !== undefined) otherProtocol = true;
  }
  matches.forEach((match, index) => {
    if (match.name === 'comment') return;
    conditions += 1;
    const assumed = linked.assumed[index];
    if (assumed !== undefined && !match.reads.includes('own-state')) {
      // Only what the capture leaves open is assumed: one that is decided says why by itself.
      const known = match.matches(context, linked.states[index]);
      if (known === NO) failed.push(match.explain(context));
      else if (known === UNDECIDED && !assumed.holds)
        failed.push(`${match.text}: assumed not to hold (--assume)`);
    } else if (index === decider) {
      failed.push(result === UNDECIDED ? `${match.text}: ${reason}` : match.explain(context));
    } else if (match.reads.includes('own-state')) {
      if (decider !== undefined && index > decider) notAsked.push(match.text);
    } else if (otherProtocol && match.reads.some((read) => ONE_PROTOCOL.has(read))) {
      failed.push(`-m ${match.name}: no such header`);
    } else if (match.matches(context, linked.states[index]) !== YES) {
      failed.push(match.explain(context));
    }
  });
  context.undecidedReason = reason;
  return { failed, notAsked, conditions };
}

function recordStep(
  linked: LinkedRule,
  context: PacketContext,
  result: MatchResult,
  decider: number | undefined,
): RuleStep {
  const { rule, chain, number } = linked;
  const found =
    result === YES
      ? { failed: [], notAsked: [], conditions: 0 }
      : findings(linked, context, result, decider);
  const text = ruleText(rule, chain.name, context.family).replace(`-A ${chain.name}`, '').trim();
  return {
    chain: chain.name,
    rule: number,
    result: RESULTS[result],
    text,
    target: targetName(rule),
    failed: found.failed,
    conditions: found.conditions,
    notAsked: found.notAsked,
    file: rule.where?.file ?? null,
    line: rule.where?.line ?? null,
    source: rule.sourceLine ?? null,
  };
}

function nearMissesOf(tables: readonly TableWalk[]): NearMiss[] {
  const misses = tables.flatMap(({ hook, table, steps }) =>
    steps.flatMap((step): NearMiss[] => {
      const [failed] = step.failed;
      if (step.result !== 'missed' || failed === undefined || step.failed.length > 1) return [];
      const held = step.conditions - 1 - step.notAsked.length;
      const { chain, rule } = step;
      return held > 0 ? [{ hook, table, chain, rule, failed, held, step }] : [];
    }),
  );
  return misses.sort((a, b) => b.held - a.held);
}

/** Makes a recorder for one packet. */
export function recordWalk(): WalkRecorder {
  const tables: TableWalk[] = [];
  let context: PacketContext | undefined;
  const current = (): TableWalk | undefined => tables.at(-1);
  return {
    observer: {
      table(hook, table, _chain, live) {
        context = live;
        tables.push({
          hook,
          table,
          in: live.inInterface === '' ? null : live.inInterface,
          out: live.outInterface === '' ? null : live.outInterface,
          mark: live.mark,
          steps: [],
          policy: null,
        });
      },
      rule(linked, result, failed) {
        if (context !== undefined)
          current()?.steps.push(recordStep(linked, context, result, failed));
      },
      policy(chain) {
        const walk = current();
        if (walk !== undefined) walk.policy = chain.policy ?? null;
      },
    },
    finish(outcome) {
      const { packet } = outcome;
      const time = packet.timeSeconds + packet.timeNanoseconds / 1e9;
      const connection = context?.connection;
      return {
        packet: packetRecord(outcome),
        tables,
        nearMisses: nearMissesOf(tables),
        connection: connection === undefined ? null : connectionRecord(connection, time),
      };
    },
  };
}
