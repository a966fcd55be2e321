/**
 * What all reports have in common: they are told each packet, then the result. Which packets a
 * report lists is decided by one filter, the same for every format.
 */
import type { PacketOutcome, ReplayResult, Verdict } from '../engine/types.ts';

/** A report in the making. Both methods write to the report's sink and may throw its errors. */
export interface Reporter {
  /** One packet; `outcome` is reused by the caller. Absent: the report lists no packets. */
  packet?(outcome: PacketOutcome): void;
  end(result: ReplayResult): void;
}

/** Which packets to list. */
export interface PacketFilter {
  /** Only these verdicts; undefined: all. */
  readonly only?: ReadonlySet<Verdict> | undefined;
  /** Only these packet numbers; undefined: all. */
  readonly numbers?: ReadonlySet<number> | undefined;
}

/** The filter as a function. */
export function wantedPacket(filter: PacketFilter): (outcome: PacketOutcome) => boolean {
  const { only, numbers } = filter;
  return (outcome) =>
    (only === undefined || only.has(outcome.verdict)) &&
    (numbers === undefined || numbers.has(outcome.number));
}
