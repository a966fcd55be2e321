/**
 * TCP: what a segment means for the connection, by the state table, the windows and the special
 * cases for resets, ignored SYNs and challenge ACKs. As nf_conntrack_tcp_packet of
 * nf_conntrack_proto_tcp.c; compared with Linux 6.18 by random dialogues.
 */
import { CHECKSUM_BAD } from '../packet/fields.ts';
import { PROTOCOL_TCP } from '../packet/transport.ts';
import type { ConntrackOptions } from './options.ts';
import {
  hasSeenReply,
  invalid,
  isConfirmed,
  type Judgement,
  type ProtocolTracker,
  setStatus,
  TRACK_ACCEPT,
  TRACK_INVALID,
  TRACK_REPEAT,
  unknownState,
} from './protocol.ts';
import { FLAG_MIDSTREAM, FLAGS, KEY_PROTOCOL, PROTOCOL_STATE, STATUS } from './record.ts';
import type { FlowTable } from './table.ts';
import {
  CLOSE,
  CLOSE_WAIT,
  END,
  ESTABLISHED,
  FIN_WAIT,
  LAST_ACK,
  LAST_ACK_NUMBER,
  LAST_CHALLENGE_ACK,
  LAST_DIRECTION,
  LAST_END,
  LAST_FLAGS,
  LAST_KIND,
  LAST_SCALE,
  LAST_SEQUENCE,
  LAST_SIMULTANEOUS_OPEN,
  LAST_WINDOW,
  MAX_ACK,
  MAX_END,
  MAX_WINDOW,
  NONE,
  RETRANSMISSIONS,
  SCALE,
  SIDE_CLOSE_INIT,
  SIDE_FLAGS,
  SIDE_LIBERAL,
  SIDE_SACK_PERMITTED,
  SIDE_UNACKNOWLEDGED,
  SIDE_WINDOW_SCALE,
  SYN_RECV,
  SYN_SENT,
  SYN_SENT2,
  side,
  TCP_STATE_NAMES,
  TIME_WAIT,
  TO_IGNORE,
  TO_INVALID,
  transition,
} from './tcp-record.ts';
import { judgeReset, RESET_INVALID, RESET_KEEP_STATE, RESET_SKIP_WINDOW } from './tcp-reset.ts';
import {
  KIND_ACK,
  KIND_FIN,
  KIND_NAMES,
  KIND_NONE,
  KIND_RST,
  KIND_SYN,
  KIND_SYNACK,
  SEGMENT_BAD_FLAGS,
  SEGMENT_CUT,
  SEGMENT_TOO_SHORT,
  Segment,
} from './tcp-segment.ts';
import { adoptOptions, checkWindow, WINDOW_IGNORE, WINDOW_INVALID } from './tcp-window.ts';
import { DIRECTION_ORIGINAL, DIRECTION_REPLY, IPS_ASSURED } from './types.ts';

const segment = new Segment();

/** Begins a flow by its first segment; false when it cannot begin one (tcp_new). */
function begin(table: FlowTable, slot: number, options: ConntrackOptions): string {
  const next = transition(DIRECTION_ORIGINAL, segment.kind, NONE);
  if (next === TO_INVALID) return `${KIND_NAMES[segment.kind]} without a connection`;
  if (next !== SYN_SENT && !options.tcpLoose) return 'no SYN seen (tcp_loose is off)';
  const { state } = table;
  const base = table.base(slot);
  const first = side(base, DIRECTION_ORIGINAL);
  const window = Math.max(segment.window, 1);
  state[first + END] = segment.end;
  state[first + MAX_WINDOW] = window;
  if (next === SYN_SENT) {
    state[first + MAX_END] = segment.end;
    adoptOptions(table, slot, first, segment);
  } else {
    // Mid-stream: scaling is not known, so windows are not held against either side.
    state[first + MAX_END] = segment.end + window;
    const assumed = SIDE_SACK_PERMITTED | SIDE_LIBERAL;
    state[first + SIDE_FLAGS] = assumed;
    state[side(base, DIRECTION_REPLY) + SIDE_FLAGS] = assumed;
    state[base + FLAGS] = (state[base + FLAGS] as number) | FLAG_MIDSTREAM;
  }
  state[base + LAST_KIND] = KIND_NONE;
  return '';
}

/** May a SYN begin a new connection on these ports, the old one being closed or aborted? */
function mayReopen(state: Int32Array, base: number, direction: number): boolean {
  const flags =
    (state[side(base, 0) + SIDE_FLAGS] as number) | (state[side(base, 1) + SIDE_FLAGS] as number);
  return (
    (flags & SIDE_CLOSE_INIT) !== 0 ||
    (state[base + LAST_DIRECTION] === direction && state[base + LAST_KIND] === KIND_RST)
  );
}

/** Is this the SYN-ACK to a SYN that was ignored before? Then the connection is a new one. */
function answersIgnoredSyn(state: Int32Array, base: number, direction: number): boolean {
  return (
    segment.kind === KIND_SYNACK &&
    state[base + LAST_KIND] === KIND_SYN &&
    state[base + LAST_DIRECTION] !== direction &&
    segment.acknowledgement === state[base + LAST_END]
  );
}

/** Takes over the ignored SYN as the connection's beginning. */
function adoptIgnoredSyn(state: Int32Array, base: number, direction: number): void {
  const client = side(base, state[base + LAST_DIRECTION] as number);
  const end = state[base + LAST_END] as number;
  state[base + LAST_FLAGS] = (state[base + LAST_FLAGS] as number) & ~LAST_CHALLENGE_ACK;
  state[client + END] = end;
  state[client + MAX_END] = end;
  state[client + MAX_WINDOW] = Math.max(state[base + LAST_WINDOW] as number, 1);
  state[client + SCALE] = state[base + LAST_SCALE] as number;
  state[client + SIDE_FLAGS] = state[base + LAST_FLAGS] as number;
  const server = side(base, direction);
  state[server + END] = 0;
  state[server + MAX_END] = 0;
  state[server + MAX_WINDOW] = 0;
  state[server + MAX_ACK] = 0;
  state[server + SCALE] = 0;
  state[server + SIDE_FLAGS] = (state[server + SIDE_FLAGS] as number) & SIDE_LIBERAL;
}

/** Remembers a segment that passes without effect, for what may answer it. */
function rememberIgnored(state: Int32Array, base: number, direction: number, old: number): void {
  state[base + LAST_KIND] = segment.kind;
  state[base + LAST_DIRECTION] = direction;
  state[base + LAST_SEQUENCE] = segment.sequence;
  state[base + LAST_END] = segment.end;
  state[base + LAST_WINDOW] = segment.window;
  if (segment.kind === KIND_SYN && direction === DIRECTION_ORIGINAL) {
    segment.readOptions();
    let flags = segment.sackPermitted ? SIDE_SACK_PERMITTED : 0;
    if (segment.windowScale >= 0) flags |= SIDE_WINDOW_SCALE;
    if (old === LAST_ACK) flags |= LAST_CHALLENGE_ACK;
    state[base + LAST_SCALE] = Math.max(segment.windowScale, 0);
    state[base + LAST_FLAGS] = flags;
  }
  // It may be a challenge ACK; a reset will then carry its number.
  if (old === SYN_SENT && segment.kind === KIND_ACK && direction === DIRECTION_REPLY)
    state[base + LAST_ACK_NUMBER] = segment.acknowledgement;
}

/** Is this ACK the challenge to a SYN ignored in LAST_ACK, and not the last ACK? */
function isChallengeAck(state: Int32Array, base: number, direction: number, old: number): boolean {
  return (
    old === LAST_ACK &&
    segment.kind === KIND_ACK &&
    state[base + LAST_DIRECTION] !== direction &&
    state[base + LAST_KIND] === KIND_SYN &&
    ((state[base + LAST_FLAGS] as number) & LAST_CHALLENGE_ACK) !== 0
  );
}

function stateTimeout(options: ConntrackOptions, state: number): number {
  switch (state) {
    case SYN_RECV:
      return options.tcpTimeoutSynRecvSeconds;
    case ESTABLISHED:
      return options.tcpTimeoutEstablishedSeconds;
    case FIN_WAIT:
      return options.tcpTimeoutFinWaitSeconds;
    case CLOSE_WAIT:
      return options.tcpTimeoutCloseWaitSeconds;
    case LAST_ACK:
      return options.tcpTimeoutLastAckSeconds;
    case TIME_WAIT:
      return options.tcpTimeoutTimeWaitSeconds;
    case CLOSE:
      return options.tcpTimeoutCloseSeconds;
    default:
      // SYN_SENT and SYN_SENT2 have one setting.
      return options.tcpTimeoutSynSentSeconds;
  }
}

/** How long the flow lives from now, by its state and by what is left unanswered. */
function timeoutOf(
  state: Int32Array,
  base: number,
  next: number,
  options: ConntrackOptions,
): number {
  const usual = stateTimeout(options, next);
  const retrans = options.tcpTimeoutMaxRetransSeconds;
  const unacknowledged = options.tcpTimeoutUnacknowledgedSeconds;
  const flags =
    (state[side(base, 0) + SIDE_FLAGS] as number) | (state[side(base, 1) + SIDE_FLAGS] as number);
  if ((state[base + RETRANSMISSIONS] as number) >= options.tcpMaxRetrans && usual > retrans)
    return retrans;
  if (segment.kind === KIND_RST) return options.tcpTimeoutCloseSeconds;
  if ((flags & SIDE_UNACKNOWLEDGED) !== 0 && usual > unacknowledged) return unacknowledged;
  if (state[base + LAST_WINDOW] === 0 && usual > retrans) return retrans;
  return usual;
}

/** The segment is accepted: new state, status and timeout. */
function settle(
  table: FlowTable,
  slot: number,
  direction: number,
  old: number,
  next: number,
  judgement: Judgement,
): number {
  const { state } = table;
  const { options, now } = judgement;
  const base = table.base(slot);
  state[base + LAST_KIND] = segment.kind;
  state[base + LAST_DIRECTION] = direction;
  state[base + PROTOCOL_STATE] = next;
  if (old !== next && next === FIN_WAIT) {
    const at = side(base, direction) + SIDE_FLAGS;
    state[at] = (state[at] as number) | SIDE_CLOSE_INIT;
  }
  let timeout = timeoutOf(state, base, next, options);
  const assured = ((state[base + STATUS] as number) & IPS_ASSURED) !== 0;
  if (!hasSeenReply(table, slot)) {
    if (segment.kind === KIND_RST) {
      // The only answer is a reset: there never was a connection.
      judgement.kill = true;
      return TRACK_ACCEPT;
    }
    // A SYN sent again does not prolong the entry.
    if (segment.kind === KIND_SYN && old === SYN_SENT) return uncounted(judgement);
    if (next === ESTABLISHED) timeout = Math.min(timeout, options.tcpTimeoutUnacknowledgedSeconds);
  } else if (!assured && (old === SYN_RECV || old === ESTABLISHED) && next === ESTABLISHED) {
    setStatus(table, slot, IPS_ASSURED);
  }
  table.refresh(slot, now + timeout);
  return TRACK_ACCEPT;
}

/** Accepted without nf_ct_refresh_acct: neither the timeout nor the flow's counters move. */
function uncounted(judgement: Judgement): number {
  judgement.counted = false;
  return TRACK_ACCEPT;
}

/** An out-of-window FIN or RST answered by another shortens the wait for a dead connection. */
function shorten(table: FlowTable, slot: number, direction: number, judgement: Judgement): void {
  const { kind } = segment;
  if (kind !== KIND_RST && kind !== KIND_FIN) return;
  const { state } = table;
  const base = table.base(slot);
  if (((state[base + STATUS] as number) & IPS_ASSURED) === 0) return;
  const lastKind = state[base + LAST_KIND];
  if (
    state[base + LAST_DIRECTION] !== direction &&
    (lastKind === KIND_FIN || lastKind === KIND_RST)
  ) {
    const left = (table.expires[slot] as number) - judgement.now;
    const timeout = judgement.options.tcpTimeoutUnacknowledgedSeconds;
    if (left >= 120 && left > timeout) table.refresh(slot, judgement.now + timeout);
    return;
  }
  state[base + LAST_KIND] = kind;
  state[base + LAST_DIRECTION] = direction;
}

/** Reads and checks the header; undefined when the segment can be tracked. */
function readSegment(table: FlowTable, slot: number, judgement: Judgement): number | undefined {
  const { packet, local, options } = judgement;
  const problem = segment.read(packet);
  if (problem === SEGMENT_CUT) return unknownState(table, slot, judgement, 'TCP header');
  if (problem === SEGMENT_TOO_SHORT) return invalid(judgement, 'TCP header length is wrong');
  if (!local && options.checksum && packet.transportChecksum === CHECKSUM_BAD)
    return invalid(judgement, 'bad TCP checksum');
  if (problem === SEGMENT_BAD_FLAGS) return invalid(judgement, 'impossible TCP flags');
  return undefined;
}

function invalidState(judgement: Judgement, direction: number, old: number): number {
  const from = direction === DIRECTION_ORIGINAL ? 'original' : 'reply';
  const kind = KIND_NAMES[segment.kind];
  return invalid(judgement, `${kind} in ${from} direction in state ${TCP_STATE_NAMES[old]}`);
}

function checkAndSettle(
  table: FlowTable,
  slot: number,
  direction: number,
  old: number,
  next: number,
  judgement: Judgement,
): number {
  const answer = checkWindow(table, slot, direction, segment, judgement);
  if (answer === WINDOW_IGNORE) return uncounted(judgement);
  if (answer === WINDOW_INVALID) {
    shorten(table, slot, direction, judgement);
    return TRACK_INVALID;
  }
  return settle(table, slot, direction, old, next, judgement);
}

/** Closes a TCP flow because the host answered it with a reset; other protocols are left alone. */
export function setClosing(
  table: FlowTable,
  slot: number,
  now: number,
  options: ConntrackOptions,
): void {
  const protocol = (table.keys[table.keyAt(slot * 2) + KEY_PROTOCOL] as number) & 0xff;
  const at = table.base(slot) + PROTOCOL_STATE;
  if (protocol !== PROTOCOL_TCP || table.state[at] === CLOSE) return;
  table.state[at] = CLOSE;
  table.refresh(slot, now + options.tcpTimeoutCloseSeconds);
}

/** Tracks TCP. */
export const tcpTracker: ProtocolTracker = {
  stateNames: TCP_STATE_NAMES,
  packet(table, slot, direction, judgement) {
    const refused = readSegment(table, slot, judgement);
    if (refused !== undefined) return refused;
    const { options } = judgement;
    if (!isConfirmed(table, slot)) {
      const problem = begin(table, slot, options);
      if (problem !== '') return invalid(judgement, problem);
    }
    const { state } = table;
    const base = table.base(slot);
    let old = state[base + PROTOCOL_STATE] as number;
    let next = transition(direction, segment.kind, old);
    if (next === TO_INVALID) return invalidState(judgement, direction, old);
    const reopens = next === SYN_SENT && old >= TIME_WAIT;
    if (reopens && mayReopen(state, base, direction)) {
      judgement.kill = true;
      return TRACK_REPEAT;
    }
    if (reopens || next === TO_IGNORE) {
      if (!answersIgnoredSyn(state, base, direction)) {
        rememberIgnored(state, base, direction, old);
        return uncounted(judgement);
      }
      adoptIgnoredSyn(state, base, direction);
      old = SYN_SENT;
      next = SYN_RECV;
      return checkAndSettle(table, slot, direction, old, next, judgement);
    }
    if (next === TIME_WAIT && isChallengeAck(state, base, direction, old)) {
      state[base + LAST_FLAGS] = (state[base + LAST_FLAGS] as number) & ~LAST_CHALLENGE_ACK;
      return uncounted(judgement);
    }
    if (next === SYN_SENT2)
      state[base + LAST_FLAGS] = (state[base + LAST_FLAGS] as number) | LAST_SIMULTANEOUS_OPEN;
    const simultaneous = ((state[base + LAST_FLAGS] as number) & LAST_SIMULTANEOUS_OPEN) !== 0;
    // A table of states cannot tell who answers whom when both sides sent a SYN.
    if (next === SYN_RECV && direction === DIRECTION_REPLY && segment.kind === KIND_ACK)
      if (simultaneous) next = ESTABLISHED;
    if (next === CLOSE && segment.kind === KIND_RST) {
      const reset = judgeReset(table, slot, direction, old, segment, options);
      if (reset === RESET_INVALID) return invalid(judgement, 'RST with a sequence number too low');
      if ((reset & RESET_KEEP_STATE) !== 0) next = old;
      if ((reset & RESET_SKIP_WINDOW) !== 0)
        return settle(table, slot, direction, old, next, judgement);
    }
    return checkAndSettle(table, slot, direction, old, next, judgement);
  },
};
