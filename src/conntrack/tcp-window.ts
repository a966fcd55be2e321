/**
 * TCP window tracking: is a segment within what the two sides may send and acknowledge? After Guido
 * van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", as nf_conntrack_proto_tcp.c has it.
 * Sequence numbers are signed words compared by difference; windows are unsigned.
 */
import { TCP_ACK, TCP_RST, TCP_SYN } from '../packet/transport.ts';
import type { Judgement } from './protocol.ts';
import { FLAG_STATE_UNKNOWN, FLAG_WINDOW_UNKNOWN, FLAGS, PROTOCOL_STATE } from './record.ts';
import type { FlowTable } from './table.ts';
import {
  END,
  LAST_ACK_NUMBER,
  LAST_DIRECTION,
  LAST_END,
  LAST_SEQUENCE,
  LAST_WINDOW,
  MAX_ACK,
  MAX_END,
  MAX_WINDOW,
  RETRANSMISSIONS,
  SCALE,
  SIDE_FLAGS,
  SIDE_LIBERAL,
  SIDE_MAX_ACK_SET,
  SIDE_SACK_PERMITTED,
  SIDE_UNACKNOWLEDGED,
  SIDE_WINDOW_SCALE,
  SYN_RECV,
  SYN_SENT,
  side,
} from './tcp-record.ts';
import { after, before, KIND_ACK, type Segment } from './tcp-segment.ts';
import { DIRECTION_REPLY } from './types.ts';

/** In window: the state moves on. */
export const WINDOW_ACCEPT = 0;
/** Passes, but the flow stays as it is. */
export const WINDOW_IGNORE = 1;
/** INVALID. */
export const WINDOW_INVALID = 2;

/** How far back an acknowledgement may be at least (MAXACKWINCONST). */
const LEAST_ACK_WINDOW = 66_000;

/** Takes over window scale and SACK of a segment with options; without options nothing changes. */
export function adoptOptions(table: FlowTable, slot: number, at: number, segment: Segment): void {
  if (!segment.hasOptions) return;
  const { state } = table;
  if (segment.optionsCut) {
    const flags = table.base(slot) + FLAGS;
    state[flags] = (state[flags] as number) | FLAG_WINDOW_UNKNOWN;
  }
  segment.readOptions();
  let flags = (state[at + SIDE_FLAGS] as number) & SIDE_LIBERAL;
  if (segment.sackPermitted) flags |= SIDE_SACK_PERMITTED;
  if (segment.windowScale >= 0) flags |= SIDE_WINDOW_SCALE;
  state[at + SCALE] = Math.max(segment.windowScale, 0);
  state[at + SIDE_FLAGS] = flags;
}

/** A side's first segment is a SYN or SYN-ACK: begin its record. */
function beginSide(
  table: FlowTable,
  slot: number,
  sender: number,
  receiver: number,
  segment: Segment,
  direction: number,
): void {
  const { state } = table;
  state[sender + END] = segment.end;
  state[sender + MAX_END] = segment.end;
  state[sender + MAX_WINDOW] = Math.max(segment.window, 1);
  adoptOptions(table, slot, sender, segment);
  const both = (state[sender + SIDE_FLAGS] as number) & (state[receiver + SIDE_FLAGS] as number);
  // Scaling holds only when both sides offer it (RFC 7323 section 2.2).
  if (direction === DIRECTION_REPLY && (both & SIDE_WINDOW_SCALE) === 0) {
    state[sender + SCALE] = 0;
    state[receiver + SCALE] = 0;
  }
}

/** A side's first segment is from mid-stream: take what it tells. */
function pickUpSide(
  state: Int32Array,
  sender: number,
  receiver: number,
  segment: Segment,
  sack: number,
): void {
  state[sender + END] = segment.end;
  const window = (segment.window << (state[sender + SCALE] as number)) >>> 0;
  state[sender + MAX_WINDOW] = Math.max(window, 1);
  state[sender + MAX_END] = segment.end + Math.max(window, 1);
  if (state[receiver + MAX_WINDOW] === 0) {
    state[receiver + END] = sack;
    state[receiver + MAX_END] = sack;
  } else if (sack === (((state[receiver + END] as number) + 1) | 0)) {
    // Probably the answer to a keepalive.
    state[receiver + END] = sack;
  }
}

function ackWindow(state: Int32Array, sender: number): number {
  return Math.max((state[sender + MAX_WINDOW] as number) >>> 0, LEAST_ACK_WINDOW);
}

/** Does the segment's end reach into the receiver's window (not all of it acknowledged before)? */
function reachesWindow(state: Int32Array, sender: number, receiver: number, end: number): boolean {
  const edge = (state[sender + END] as number) - (state[receiver + MAX_WINDOW] as number) - 1;
  return after(end, edge | 0);
}

function ackIsRecent(state: Int32Array, sender: number, receiver: number, sack: number): boolean {
  return after(sack, ((state[receiver + END] as number) - ackWindow(state, sender) - 1) | 0);
}

/** A failed check counts only when the side is not tracked liberally. */
function fail(
  table: FlowTable,
  slot: number,
  sender: number,
  judgement: Judgement,
  answer: number,
  reason: string,
): number {
  const liberal = ((table.state[sender + SIDE_FLAGS] as number) & SIDE_LIBERAL) !== 0;
  if (liberal || judgement.options.tcpBeLiberal) return WINDOW_ACCEPT;
  const at = table.base(slot) + FLAGS;
  const flags = table.state[at] as number;
  if ((flags & FLAG_WINDOW_UNKNOWN) !== 0) {
    // With the true scale it may well be in window, and then the state has moved on.
    judgement.undecided = `${reason}, but TCP options of its connection are cut by the snap length`;
    table.state[at] = flags | FLAG_STATE_UNKNOWN;
    table.refresh(slot, judgement.now + judgement.options.tcpTimeoutEstablishedSeconds);
  }
  if (answer === WINDOW_INVALID) judgement.reason = reason;
  return answer;
}

/** Judges a segment whose sequence number is beyond what the receiver allowed. */
function beyondWindow(
  table: FlowTable,
  slot: number,
  sender: number,
  receiver: number,
  judgement: Judgement,
  end: number,
  sack: number,
): number {
  const { state } = table;
  const overshot = (end - (state[sender + MAX_END] as number) + 1) >>> 0;
  const window = (state[receiver + MAX_WINDOW] as number) >>> 0;
  if (
    window !== 0 &&
    reachesWindow(state, sender, receiver, end) &&
    ackIsRecent(state, sender, receiver, sack) &&
    overshot <= window &&
    before(sack, ((state[receiver + END] as number) + 1) | 0)
  ) {
    // Some stacks send a little more than allowed; the answer to it must not look wrong.
    state[sender + END] = end;
    state[sender + SIDE_FLAGS] = (state[sender + SIDE_FLAGS] as number) | SIDE_UNACKNOWLEDGED;
    const reason = `${overshot} bytes more than the window`;
    return fail(table, slot, sender, judgement, WINDOW_IGNORE, reason);
  }
  const reason = "sequence number beyond the receiver's window";
  return fail(table, slot, sender, judgement, WINDOW_INVALID, reason);
}

/** Moves both sides' records on by a segment that is in window. */
function advance(
  state: Int32Array,
  sender: number,
  receiver: number,
  segment: Segment,
  end: number,
  ack: number,
  sack: number,
): void {
  const scale = (segment.flags & TCP_SYN) !== 0 ? 0 : (state[sender + SCALE] as number);
  const window = (segment.window << scale) >>> 0;
  const offered = (window + ((sack - ack) | 0)) >>> 0;
  if ((state[sender + MAX_WINDOW] as number) >>> 0 < offered) state[sender + MAX_WINDOW] = offered;
  let flags = state[sender + SIDE_FLAGS] as number;
  if (after(end, state[sender + END] as number)) {
    state[sender + END] = end;
    flags |= SIDE_UNACKNOWLEDGED;
  }
  if ((segment.flags & TCP_ACK) !== 0) {
    const first = (flags & SIDE_MAX_ACK_SET) === 0;
    if (first || after(ack, state[sender + MAX_ACK] as number)) state[sender + MAX_ACK] = ack;
    flags |= SIDE_MAX_ACK_SET;
  }
  state[sender + SIDE_FLAGS] = flags;

  const allowed = state[sender + MAX_END] as number;
  if (state[receiver + MAX_WINDOW] !== 0 && after(end, allowed))
    state[receiver + MAX_WINDOW] = (state[receiver + MAX_WINDOW] as number) + ((end - allowed) | 0);
  const edge = (sack + window) | 0;
  if (after(edge, ((state[receiver + MAX_END] as number) - 1) | 0))
    state[receiver + MAX_END] = window === 0 ? edge + 1 : edge;
  if (ack === state[receiver + END])
    state[receiver + SIDE_FLAGS] = (state[receiver + SIDE_FLAGS] as number) & ~SIDE_UNACKNOWLEDGED;
}

/** Counts pure retransmissions of an ACK segment. */
function countRetransmissions(
  state: Int32Array,
  base: number,
  direction: number,
  segment: Segment,
  end: number,
  sequence: number,
  ack: number,
): void {
  if (
    state[base + LAST_DIRECTION] === direction &&
    state[base + LAST_SEQUENCE] === sequence &&
    state[base + LAST_ACK_NUMBER] === ack &&
    state[base + LAST_END] === end &&
    state[base + LAST_WINDOW] === segment.window
  ) {
    // An 8-bit counter in the kernel (struct ip_ct_tcp).
    state[base + RETRANSMISSIONS] = ((state[base + RETRANSMISSIONS] as number) + 1) & 0xff;
    return;
  }
  state[base + LAST_DIRECTION] = direction;
  state[base + LAST_SEQUENCE] = sequence;
  state[base + LAST_ACK_NUMBER] = ack;
  state[base + LAST_END] = end;
  state[base + LAST_WINDOW] = segment.window;
  state[base + RETRANSMISSIONS] = 0;
}

/** SACK blocks may be among the options that are cut: what they acknowledge is not known. */
function noteMissingSack(
  table: FlowTable,
  slot: number,
  sender: number,
  receiver: number,
  judgement: Judgement,
): void {
  const { state } = table;
  const at = table.base(slot) + FLAGS;
  const flags = state[at] as number;
  const sackPermitted = ((state[receiver + SIDE_FLAGS] as number) & SIDE_SACK_PERMITTED) !== 0;
  const liberal = ((state[sender + SIDE_FLAGS] as number) & SIDE_LIBERAL) !== 0;
  if (liberal || judgement.options.tcpBeLiberal) return;
  if (!sackPermitted && (flags & FLAG_WINDOW_UNKNOWN) === 0) return;
  judgement.undecided = 'TCP options (SACK) cut by the snap length';
  state[at] = flags | FLAG_WINDOW_UNKNOWN;
}

/**
 * Judges a segment by the windows and moves them on.
 * @returns WINDOW_ACCEPT, WINDOW_IGNORE or WINDOW_INVALID (then `judgement.reason` says why)
 */
export function checkWindow(
  table: FlowTable,
  slot: number,
  direction: number,
  segment: Segment,
  judgement: Judgement,
): number {
  const { state } = table;
  const base = table.base(slot);
  const sender = side(base, direction);
  const receiver = side(base, 1 - direction);
  const { flags } = segment;
  let { sequence, end, acknowledgement: ack } = segment;
  let sack = ack;
  if (((state[receiver + SIDE_FLAGS] as number) & SIDE_SACK_PERMITTED) !== 0)
    sack = segment.highestAcknowledged();
  // SYNs carry no SACK blocks (RFC 2018, 3).
  if (segment.optionsCut && (flags & (TCP_ACK | TCP_SYN)) === TCP_ACK)
    noteMissingSack(table, slot, sender, receiver, judgement);
  const old = state[base + PROTOCOL_STATE] as number;
  if (state[sender + MAX_WINDOW] === 0) {
    if ((flags & TCP_SYN) === 0) {
      pickUpSide(state, sender, receiver, segment, sack);
    } else {
      beginSide(table, slot, sender, receiver, segment, direction);
      if ((flags & TCP_ACK) === 0) return WINDOW_ACCEPT;
    }
  } else if (
    (flags & TCP_SYN) !== 0 &&
    after(end, state[sender + END] as number) &&
    (old === SYN_SENT || old === SYN_RECV)
  ) {
    // A new attempt with other sequence numbers or options.
    beginSide(table, slot, sender, receiver, segment, direction);
    if (direction === DIRECTION_REPLY && (flags & TCP_ACK) === 0) return WINDOW_ACCEPT;
  }
  // No acknowledgement, or a reset of a stack that sets ACK without a number: taken as right.
  if ((flags & TCP_ACK) === 0 || ((flags & TCP_RST) !== 0 && ack === 0)) {
    ack = state[receiver + END] as number;
    sack = ack;
  }
  // A reset that answers a SYN.
  if ((flags & TCP_RST) !== 0 && sequence === 0 && old === SYN_SENT) {
    sequence = state[sender + END] as number;
    end = sequence;
  }
  if (!before(sequence, ((state[sender + MAX_END] as number) + 1) | 0))
    return beyondWindow(table, slot, sender, receiver, judgement, end, sack);
  if (!before(sack, ((state[receiver + END] as number) + 1) | 0)) {
    const reason = 'acknowledges data not seen yet';
    return fail(table, slot, sender, judgement, WINDOW_INVALID, reason);
  }
  if (state[receiver + MAX_WINDOW] !== 0 && !reachesWindow(state, sender, receiver, end)) {
    const reason = 'data already acknowledged is sent again';
    return fail(table, slot, sender, judgement, WINDOW_IGNORE, reason);
  }
  if (!ackIsRecent(state, sender, receiver, sack)) {
    const reason = 'acknowledgement far behind';
    return fail(table, slot, sender, judgement, WINDOW_IGNORE, reason);
  }
  advance(state, sender, receiver, segment, end, ack, sack);
  if (segment.kind === KIND_ACK)
    countRetransmissions(state, base, direction, segment, end, sequence, ack);
  return WINDOW_ACCEPT;
}
