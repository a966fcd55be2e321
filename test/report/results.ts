/** Replay results made by hand for tests of reports: the counters are those of a saved ruleset. */
import { type ReplayResult, VERDICTS, type Verdict } from '../../src/engine/types.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import type { RulesetSource } from '../../src/ruleset/types.ts';

/** Counts by verdict; those not given are 0. */
export function counts(given: Partial<Record<Verdict, number>>): Record<Verdict, number> {
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, given[verdict] ?? 0])) as Record<
    Verdict,
    number
  >;
}

/** A result with the ruleset of some saved texts, and an otherwise empty replay. */
export function resultOf(
  sources: readonly RulesetSource[],
  given: Partial<ReplayResult> = {},
): ReplayResult {
  return {
    files: ['trace.pcap'],
    ruleset: loadRuleset(sources).ruleset,
    warnings: [],
    vantage: ['eth0=192.0.2.10/24 (given)'],
    vantageCertain: true,
    packets: 0,
    frameBytes: 0,
    firstTime: 0,
    lastTime: 0,
    verdicts: counts({}),
    byPath: new Map(),
    byProtocol: new Map(),
    reasons: new Map(),
    doctor: [],
    undecidedMatches: new Map(),
    assumptions: [],
    seed: undefined,
    connections: 0,
    bytesRead: 0,
    ...given,
  };
}
