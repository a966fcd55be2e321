/**
 * The result of a replay as plain data, the form that the JSON reports write: docs/report-format.md
 * describes it, docs/schema/replay-v1.schema.json checks it. Keys are never removed or retyped
 * within a version.
 */
import type { ReplayResult, Verdict } from '../engine/types.ts';
import { VERDICTS } from '../engine/types.ts';
import type { Diagnostic } from '../errors.ts';
import { ruleText } from '../language/iptables/rule-print.ts';
import type { Chain, Family, TableName } from '../ruleset/types.ts';

/** The schema's identifier: `schema` of every JSON report. */
export const REPORT_SCHEMA = 'urn:fwreplay:schema:replay-v1';
/** Version of the report format. */
export const REPORT_VERSION = 1;

/** A rule or policy with its counters. */
export interface CountedRule {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  /** From 1. */
  readonly number: number;
  readonly packets: number;
  /** Datagram bytes, as iptables counts. */
  readonly bytes: number;
  /** Undecided packets that may have been counted here in addition. */
  readonly uncertainPackets: number;
  /** As iptables-save prints it: `-A INPUT -p tcp …`. */
  readonly text: string;
  readonly file: string | null;
  readonly line: number | null;
}

/** A built-in chain's policy with its counters. */
export interface CountedPolicy {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  readonly policy: 'ACCEPT' | 'DROP';
  readonly packets: number;
  readonly bytes: number;
  /** As of a rule. */
  readonly uncertainPackets: number;
}

/** Calls `visit` for every chain of a result's ruleset: IPv4 first, tables and chains as stored. */
export function eachChain(
  result: ReplayResult,
  visit: (family: Family, table: TableName, chain: Chain) => void,
): void {
  for (const family of [4, 6] as const) {
    for (const table of result.ruleset.families.get(family)?.tables.values() ?? []) {
      for (const chain of table.chains.values()) visit(family, table.name, chain);
    }
  }
}

/** Every rule, in the ruleset's order. */
export function countedRules(result: ReplayResult): CountedRule[] {
  const rules: CountedRule[] = [];
  eachChain(result, (family, table, chain) => {
    chain.rules.forEach((rule, index) => {
      rules.push({
        family,
        table,
        chain: chain.name,
        number: index + 1,
        packets: rule.packets,
        bytes: rule.bytes,
        uncertainPackets: rule.uncertainPackets ?? 0,
        text: ruleText(rule, chain.name, family),
        file: rule.where?.file ?? null,
        line: rule.where?.line ?? null,
      });
    });
  });
  return rules;
}

/** Every policy, in the ruleset's order. */
export function countedPolicies(result: ReplayResult): CountedPolicy[] {
  const policies: CountedPolicy[] = [];
  eachChain(result, (family, table, chain) => {
    const { name, policy, packets, bytes, uncertainPackets = 0 } = chain;
    if (policy === undefined) return;
    policies.push({ family, table, chain: name, policy, packets, bytes, uncertainPackets });
  });
  return policies;
}

/** A diagnostic as plain data. */
export function diagnosticData(diagnostic: Diagnostic): Record<string, unknown> {
  const { code, message, where, hint, severity } = diagnostic;
  return {
    code,
    severity: severity ?? 'error',
    message,
    file: where?.file ?? null,
    line: where?.line ?? null,
    column: where?.column ?? null,
    hint: hint ?? null,
  };
}

function countsByVerdict(counts: Readonly<Record<Verdict, number>>): Record<string, number> {
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, counts[verdict]]));
}

function countsByKey(
  map: ReadonlyMap<string, Readonly<Record<Verdict, number>>>,
): Record<string, Record<string, number>> {
  return Object.fromEntries([...map].map(([key, counts]) => [key, countsByVerdict(counts)]));
}

/** The whole result but for the packets. */
export function summaryData(result: ReplayResult): Record<string, unknown> {
  return {
    capture: {
      files: [...result.files],
      packets: result.packets,
      frameBytes: result.frameBytes,
      bytesRead: result.bytesRead,
      firstTime: result.firstTime,
      lastTime: result.lastTime,
    },
    vantage: { certain: result.vantageCertain, description: [...result.vantage] },
    verdicts: countsByVerdict(result.verdicts),
    byPath: countsByKey(result.byPath),
    byProtocol: countsByKey(result.byProtocol),
    reasons: [...result.reasons].flatMap(([verdict, reasons]) =>
      [...reasons].map(([reason, tally]) => ({
        verdict,
        reason,
        packets: tally.packets,
        firstPacket: tally.firstPacket,
      })),
    ),
    connections: result.connections,
    policies: countedPolicies(result),
    rules: countedRules(result),
    doctor: result.doctor.map(({ code, message, packets, verdicts, firstPacket }) => ({
      code,
      message,
      packets,
      verdicts,
      firstPacket,
    })),
    undecidedMatches: [...result.undecidedMatches].map(([match, tally]) => ({
      match,
      packets: tally.packets,
      firstPacket: tally.firstPacket,
    })),
    assumptions: result.assumptions.map(({ text, stated, packets, firstPacket }) => ({
      assumption: text,
      stated,
      packets,
      firstPacket,
    })),
    seed: result.seed ?? null,
    warnings: result.warnings.map(diagnosticData),
  };
}
