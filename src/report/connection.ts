/**
 * A conntrack entry as plain data and as `conntrack -L` prints it, for explain.
 */
import {
  type Connection,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_SEEN_REPLY,
  type Tuple,
} from '../conntrack/types.ts';
import { formatIpv4, formatIpv6, protocolName } from '../packet/text.ts';
import type { Family } from '../ruleset/types.ts';

const ICMP = 1;
const ICMPV6 = 58;

/** One direction of a conntrack entry. Fields that the protocol does not have are null. */
export interface TupleRecord {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
  readonly icmpId: number | null;
}

/** A conntrack entry in a report. */
export interface ConnectionRecord {
  readonly family: Family;
  readonly protocol: string;
  readonly protocolNumber: number;
  /** `SYN_SENT` …; null where the protocol has no states. */
  readonly state: string | null;
  readonly original: TupleRecord;
  readonly reply: TupleRecord;
  readonly seenReply: boolean;
  readonly assured: boolean;
  /** False: the entry is not yet known to later packets. */
  readonly confirmed: boolean;
  readonly mark: number;
  /** Seconds until it expires, by the capture's clock. */
  readonly secondsLeft: number;
  /** Number of the packet that made it. */
  readonly firstPacket: number;
  /** It was picked up without its beginning. */
  readonly midStream: boolean;
}

function wordsText(family: 4 | 6, words: Int32Array): string {
  return family === 4
    ? formatIpv4(words[0] ?? 0)
    : formatIpv6(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
}

const PROTOCOLS_WITH_PORTS = new Set([6, 17, 33, 132, 136]);

function tupleRecord(tuple: Tuple): TupleRecord {
  const { family, protocol, sourcePort, destinationPort } = tuple;
  const icmp = protocol === ICMP || protocol === ICMPV6;
  const ports = PROTOCOLS_WITH_PORTS.has(protocol);
  return {
    source: wordsText(family, tuple.source),
    destination: wordsText(family, tuple.destination),
    sourcePort: ports ? sourcePort : null,
    destinationPort: ports ? destinationPort : null,
    icmpType: icmp ? destinationPort >> 8 : null,
    icmpCode: icmp ? destinationPort & 0xff : null,
    icmpId: icmp ? sourcePort : null,
  };
}

/** Copies a live entry. @param time capture time now, seconds since 1970 */
export function connectionRecord(connection: Connection, time: number): ConnectionRecord {
  const { original, reply, status, mark, protocolState, expiresAt } = connection;
  return {
    family: original.family,
    protocol: protocolName(original.protocol),
    protocolNumber: original.protocol,
    state: protocolState === '' ? null : protocolState,
    original: tupleRecord(original),
    reply: tupleRecord(reply),
    seenReply: (status & IPS_SEEN_REPLY) !== 0,
    assured: (status & IPS_ASSURED) !== 0,
    confirmed: (status & IPS_CONFIRMED) !== 0,
    mark: mark >>> 0,
    secondsLeft: Math.max(0, Math.round(expiresAt - time)),
    firstPacket: connection.firstPacket,
    midStream: connection.midStream,
  };
}

function tupleText(tuple: TupleRecord): string {
  const parts = [`src=${tuple.source} dst=${tuple.destination}`];
  if (tuple.sourcePort !== null)
    parts.push(`sport=${tuple.sourcePort} dport=${tuple.destinationPort}`);
  if (tuple.icmpType !== null)
    parts.push(`type=${tuple.icmpType} code=${tuple.icmpCode} id=${tuple.icmpId}`);
  return parts.join(' ');
}

/** As `conntrack -L` prints an entry, with one space between fields. */
export function connectionText(connection: ConnectionRecord): string {
  const { protocol, protocolNumber, secondsLeft, state, original, reply } = connection;
  return [
    `${protocol} ${protocolNumber} ${secondsLeft}`,
    ...(state === null ? [] : [state]),
    tupleText(original),
    ...(connection.seenReply ? [] : ['[UNREPLIED]']),
    tupleText(reply),
    ...(connection.assured ? ['[ASSURED]'] : []),
    `mark=${connection.mark}`,
  ].join(' ');
}
