/**
 * One packet's outcome as a plain record: what JSON, NDJSON and CSV hold of it. Made only for the
 * packets that are reported, since the engine's outcome is one reused object.
 */
import type { PacketOutcome, Verdict } from '../engine/types.ts';
import type { LinkedChain, LinkedRule } from '../evaluate/program.ts';
import type { PacketView } from '../packet/fields.ts';
import { formatIpv4, formatIpv6, protocolName } from '../packet/text.ts';
import type { Family, TableName } from '../ruleset/types.ts';

/** A packet in a report. Fields that do not apply are null, so that every record has all keys. */
export interface PacketRecord {
  readonly number: number;
  readonly verdict: Verdict;
  /** Seconds since 1970-01-01 UTC, nine decimals; text, as a double cannot hold nanoseconds. */
  readonly time: string;
  readonly family: Family | null;
  readonly protocol: string | null;
  readonly source: string | null;
  readonly sourcePort: number | null;
  readonly destination: string | null;
  readonly destinationPort: number | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  /** Length of the datagram by its headers, bytes: what the counters count. */
  readonly length: number | null;
  readonly in: string | null;
  readonly out: string | null;
  /** 'INPUT', 'OUTPUT', 'FORWARD', 'LOOPBACK'. */
  readonly path: string | null;
  readonly hook: string | null;
  readonly table: TableName | null;
  readonly chain: string | null;
  /** Number of the deciding rule in `chain`, from 1; null with a chain: the chain's policy. */
  readonly rule: number | null;
  /** Where the deciding rule is written. */
  readonly file: string | null;
  readonly line: number | null;
  readonly answer: string | null;
  readonly ctstate: string | null;
  readonly ctreason: string | null;
  readonly reason: string | null;
}

/** Capture time as `tcpdump -tt` prints it. @param digits decimals, 0 to 9, cut rather than rounded. */
export function timeText(seconds: number, nanoseconds: number, digits = 9): string {
  return `${seconds}.${String(nanoseconds).padStart(9, '0').slice(0, digits)}`;
}

function orNull<T extends string>(text: T | ''): T | null {
  return text === '' ? null : (text as T);
}

function portOrNull(value: number): number | null {
  return value < 0 ? null : value;
}

/** Source or destination address as text; '' for a packet that is not IP. */
export function addressText(packet: PacketView, which: 'source' | 'destination'): string {
  if (packet.family === 4)
    return formatIpv4(which === 'source' ? packet.source0 : packet.destination0);
  if (packet.family !== 6) return '';
  return which === 'source'
    ? formatIpv6(packet.source0, packet.source1, packet.source2, packet.source3)
    : formatIpv6(
        packet.destination0,
        packet.destination1,
        packet.destination2,
        packet.destination3,
      );
}

/** The place of a verdict: `filter INPUT 3`, `filter INPUT policy`; '' when nothing decided. */
export function placeText(
  table: string,
  chain: LinkedChain | undefined,
  rule: LinkedRule | undefined,
): string {
  if (rule) return `${rule.chain.table} ${rule.chain.name} ${rule.number}`;
  return chain ? `${table} ${chain.name} policy` : '';
}

/** Copies an outcome. */
export function packetRecord(outcome: PacketOutcome): PacketRecord {
  const { packet, rule } = outcome;
  const { family } = packet;
  const isIp = family === 4 || family === 6;
  return {
    number: outcome.number,
    verdict: outcome.verdict,
    time: timeText(packet.timeSeconds, packet.timeNanoseconds),
    family: isIp ? family : null,
    protocol: isIp && packet.protocol >= 0 ? protocolName(packet.protocol) : null,
    source: orNull(addressText(packet, 'source')),
    sourcePort: isIp ? portOrNull(packet.sourcePort) : null,
    destination: orNull(addressText(packet, 'destination')),
    destinationPort: isIp ? portOrNull(packet.destinationPort) : null,
    icmpType: isIp ? portOrNull(packet.icmpType) : null,
    icmpCode: isIp ? portOrNull(packet.icmpCode) : null,
    length: isIp ? packet.totalLength : null,
    in: orNull(outcome.inInterface),
    out: orNull(outcome.outInterface),
    path: orNull(outcome.path),
    hook: orNull(outcome.hook),
    table: orNull(outcome.table),
    chain: (rule?.chain ?? outcome.chain)?.name ?? null,
    rule: rule?.number ?? null,
    file: rule?.rule.where?.file ?? null,
    line: rule?.rule.where?.line ?? null,
    answer: orNull(outcome.answer),
    ctstate: orNull(outcome.ctstate),
    ctreason: orNull(outcome.ctreason),
    reason: orNull(outcome.reason),
  };
}
