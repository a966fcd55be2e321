/**
 * TCP resets: which of them end a flow, which are INVALID, and which may only provoke a challenge, so
 * that the flow lives on (RFC 5961). As the CLOSE case of nf_conntrack_tcp_packet.
 */
import type { ConntrackOptions } from './options.ts';
import { hasSeenReply } from './protocol.ts';
import { STATUS } from './record.ts';
import type { FlowTable } from './table.ts';
import {
  CLOSE,
  CLOSE_WAIT,
  ESTABLISHED,
  FIN_WAIT,
  LAST_ACK,
  LAST_ACK_NUMBER,
  LAST_DIRECTION,
  LAST_END,
  LAST_KIND,
  MAX_ACK,
  SIDE_FLAGS,
  SIDE_MAX_ACK_SET,
  SYN_SENT,
  side,
  TIME_WAIT,
} from './tcp-record.ts';
import { before, KIND_ACK, KIND_SYN, type Segment } from './tcp-segment.ts';
import { DIRECTION_REPLY, IPS_ASSURED } from './types.ts';

/** Closing states, in which the kernel may drop the entry any time: a reset is not checked. */
function isClosing(state: number): boolean {
  return (
    state === FIN_WAIT ||
    state === LAST_ACK ||
    state === TIME_WAIT ||
    state === CLOSE ||
    state === CLOSE_WAIT
  );
}

/** What to do with a reset, bits: nothing set means to check the window as for any segment. */
export const RESET_CHECK_WINDOW = 0;
/** It closes the flow whatever its numbers. */
export const RESET_SKIP_WINDOW = 1;
/** The flow stays in its state. */
export const RESET_KEEP_STATE = 2;
/** The reset is INVALID. */
export const RESET_INVALID = 4;

/**
 * Judges a reset by the highest acknowledgement of the other side (RFC 5961 section 3).
 * @param old the flow's state
 * @returns RESET_ bits
 */
export function judgeReset(
  table: FlowTable,
  slot: number,
  direction: number,
  old: number,
  segment: Segment,
  options: ConntrackOptions,
): number {
  if (isClosing(old)) return RESET_SKIP_WINDOW;
  const { state } = table;
  const base = table.base(slot);
  const other = side(base, 1 - direction);
  const status = state[base + STATUS] as number;
  const { sequence } = segment;
  const lastKind = state[base + LAST_KIND] as number;
  let answer = RESET_CHECK_WINDOW;
  const known = ((state[other + SIDE_FLAGS] as number) & SIDE_MAX_ACK_SET) !== 0;
  if (known && lastKind !== KIND_SYN) {
    const expected = state[other + MAX_ACK] as number;
    const established = old === ESTABLISHED && (status & IPS_ASSURED) !== 0;
    if (sequence === 0 && !established) return RESET_CHECK_WINDOW;
    if (before(sequence, expected) && !options.tcpIgnoreInvalidRst) return RESET_INVALID;
    if (!established || sequence === expected) return RESET_CHECK_WINDOW;
    // Sent right behind its own data.
    if (
      lastKind === KIND_ACK &&
      state[base + LAST_DIRECTION] === direction &&
      sequence === state[base + LAST_END]
    )
      return RESET_CHECK_WINDOW;
    // Not the exact number: the receiver will challenge it, so the connection may live on.
    answer = RESET_KEEP_STATE;
  }
  const fromOther = state[base + LAST_DIRECTION] !== direction;
  const answersIgnored =
    (hasSeenReply(table, slot) && lastKind === KIND_SYN && fromOther) ||
    ((status & IPS_ASSURED) === 0 && lastKind === KIND_ACK);
  if (answersIgnored && segment.acknowledgement === state[base + LAST_END])
    return answer | RESET_SKIP_WINDOW;
  if (
    old === SYN_SENT &&
    lastKind === KIND_ACK &&
    state[base + LAST_DIRECTION] === DIRECTION_REPLY &&
    sequence === state[base + LAST_ACK_NUMBER]
  )
    return RESET_SKIP_WINDOW;
  return answer;
}
