/**
 * The TCP part of a flow's record, and TCP's states with their transitions. The table says what a
 * segment means by its kind, direction and the state so far; windows are tcp-window.ts's matter.
 */
import { OWN } from './record.ts';

/** States; numbers as in the kernel (enum tcp_conntrack). */
export const NONE = 0;
export const SYN_SENT = 1;
export const SYN_RECV = 2;
export const ESTABLISHED = 3;
export const FIN_WAIT = 4;
export const CLOSE_WAIT = 5;
export const LAST_ACK = 6;
export const TIME_WAIT = 7;
export const CLOSE = 8;
/** A SYN from the other side after a SYN: simultaneous open. */
export const SYN_SENT2 = 9;

/** Not a state: the segment is INVALID. */
export const TO_INVALID = -1;
/** Not a state: the segment passes, the flow stays as it is. */
export const TO_IGNORE = -2;

/** Names of the states as `conntrack -L` prints them. */
export const TCP_STATE_NAMES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

/**
 * New state by direction, kind of segment, old state: a digit is the state, `-` invalid, `.` ignore.
 * Column order: NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE
 * SYN_SENT2; the behaviour of nf_conntrack_proto_tcp.c, compared with Linux 6.18 by random dialogues.
 */
const TRANSITIONS = [
  {
    syn: '11.....119',
    synAck: '--2------2',
    fin: '--4466678-',
    ack: '3-3355778-',
    rst: '-888888888',
    none: '----------',
  },
  {
    syn: '-9-----1-9',
    synAck: '-2.......2',
    fin: '--4466678-',
    ack: '-.2355778.',
    rst: '-888888888',
    none: '----------',
  },
];

const TABLE: readonly Int8Array[] = TRANSITIONS.map((rows) => {
  const text = rows.syn + rows.synAck + rows.fin + rows.ack + rows.rst + rows.none;
  return Int8Array.from(text, (c) => (c === '-' ? TO_INVALID : c === '.' ? TO_IGNORE : Number(c)));
});

/** The state a segment leads to, TO_INVALID or TO_IGNORE. */
export function transition(direction: number, kind: number, state: number): number {
  return (TABLE[direction] as Int8Array)[kind * 10 + state] as number;
}

/** Offsets in the record of one side (what it sent), from `side(base, direction)`. */
export const END = 0;
/** Highest sequence number that it may send: what the other side allowed. */
export const MAX_END = 1;
/** Largest window that it offered, unsigned. */
export const MAX_WINDOW = 2;
/** Highest acknowledgement that it sent. */
export const MAX_ACK = 3;
export const SCALE = 4;
export const SIDE_FLAGS = 5;
const SIDE_WORDS = 6;

/** First word of a direction's side record. */
export function side(base: number, direction: number): number {
  return base + OWN + direction * SIDE_WORDS;
}

/** Bits of SIDE_FLAGS. */
export const SIDE_WINDOW_SCALE = 0x01;
export const SIDE_SACK_PERMITTED = 0x02;
/** This side was the first to close. */
export const SIDE_CLOSE_INIT = 0x04;
export const SIDE_LIBERAL = 0x08;
export const SIDE_UNACKNOWLEDGED = 0x10;
export const SIDE_MAX_ACK_SET = 0x20;
/** Of LAST_FLAGS: the answer to the SYN just ignored may be a challenge ACK (RFC 5961). */
export const LAST_CHALLENGE_ACK = 0x40;
/** Of LAST_FLAGS: SYNs were seen in both directions. */
export const LAST_SIMULTANEOUS_OPEN = 0x80;

/** Offsets from a flow's base: the last segment that mattered. */
const LAST = OWN + 2 * SIDE_WORDS;
export const LAST_DIRECTION = LAST;
export const LAST_KIND = LAST + 1;
export const LAST_SEQUENCE = LAST + 2;
export const LAST_ACK_NUMBER = LAST + 3;
export const LAST_END = LAST + 4;
export const LAST_WINDOW = LAST + 5;
export const LAST_SCALE = LAST + 6;
export const LAST_FLAGS = LAST + 7;
export const RETRANSMISSIONS = LAST + 8;
