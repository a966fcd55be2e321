/**
 * SCTP: states by chunks, and verification tags (RFC 9260 section 8.5). As nf_conntrack_proto_sctp.c;
 * compared with Linux 6.18 by random associations.
 */
import { CHECKSUM_BAD } from '../packet/fields.ts';
import type { ConntrackOptions } from './options.ts';
import {
  invalid,
  isConfirmed,
  type Judgement,
  type ProtocolTracker,
  setStatus,
  TRACK_ACCEPT,
  unknownState,
} from './protocol.ts';
import { OWN, PROTOCOL_STATE } from './record.ts';
import type { FlowTable } from './table.ts';
import { DIRECTION_ORIGINAL, IPS_ASSURED } from './types.ts';

const NONE = 0;
const CLOSED = 1;
const COOKIE_WAIT = 2;
const COOKIE_ECHOED = 3;
const ESTABLISHED = 4;
const SHUTDOWN_SENT = 5;
const SHUTDOWN_RECD = 6;
const SHUTDOWN_ACK_SENT = 7;
const HEARTBEAT_SENT = 8;
const STATE_NAMES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
] as const;

const DATA = 0;
const INIT = 1;
const INIT_ACK = 2;
const HEARTBEAT = 4;
const HEARTBEAT_ACK = 5;
const ABORT = 6;
const SHUTDOWN = 7;
const SHUTDOWN_ACK = 8;
const CHUNK_ERROR = 9;
const COOKIE_ECHO = 10;
const COOKIE_ACK = 11;
const SHUTDOWN_COMPLETE = 14;

/**
 * New state by direction, chunk type and old state, a digit each; `-` invalid. Columns: NONE CLOSED
 * COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT
 * HEARTBEAT_SENT. Chunks that are not here leave the state as it is.
 */
const TRANSITIONS: readonly ReadonlyMap<number, string>[] = [
  new Map([
    [INIT, '112341172'],
    [INIT_ACK, '112345671'],
    [ABORT, '111111111'],
    [SHUTDOWN, '112355671'],
    [SHUTDOWN_ACK, '712347777'],
    [CHUNK_ERROR, '112345671'],
    [COOKIE_ECHO, '113345671'],
    [COOKIE_ACK, '112445671'],
    [SHUTDOWN_COMPLETE, '112345611'],
    [HEARTBEAT, '812345678'],
    [HEARTBEAT_ACK, '112345678'],
  ]),
  new Map([
    [INIT, '-1234567-'],
    [INIT_ACK, '-2234567-'],
    [ABORT, '-1111111-'],
    [SHUTDOWN, '-1236567-'],
    [SHUTDOWN_ACK, '-1234777-'],
    [CHUNK_ERROR, '-1214567-'],
    [COOKIE_ECHO, '-1334567-'],
    [COOKIE_ACK, '-1244567-'],
    [SHUTDOWN_COMPLETE, '-1234561-'],
    [HEARTBEAT, '-12345678'],
    [HEARTBEAT_ACK, '-12345674'],
  ]),
];
const INVALID_STATE = -1;

function transition(direction: number, chunk: number, old: number): number {
  const letter = TRANSITIONS[direction]?.get(chunk)?.[old];
  if (letter === undefined) return old;
  return letter === '-' ? INVALID_STATE : Number(letter);
}

/** Offsets from a flow's base: the verification tags by direction, and a pending new path. */
const TAG = OWN;
const LAST_DIRECTION = OWN + 2;
const HEARTBEAT_FAILED = OWN + 3;
/** By direction: an INIT was seen and not yet acknowledged by a COOKIE ACK. */
const INIT_PENDING = OWN + 4;

const HEADER_LENGTH = 12;
const CHUNK_HEADER_LENGTH = 4;
/** Tag, window, streams and initial number of INIT and INIT ACK. */
const INIT_LENGTH = 16;
const TAG_REFLECTED = 1;

interface Chunk {
  readonly type: number;
  readonly flags: number;
  /** The initiate tag of INIT and INIT ACK; undefined when it is too short to have one. */
  readonly tag: number | undefined;
}

/** The chunks of a packet, 'cut' when the snap length hides some, 'bad' when they are not in order. */
function readChunks({ packet }: Judgement): readonly Chunk[] | 'cut' | 'bad' {
  const { view, transportOffset, transportLength, transportCaptured } = packet;
  const chunks: Chunk[] = [];
  let alone = false;
  let at = HEADER_LENGTH;
  while (at + CHUNK_HEADER_LENGTH <= transportLength) {
    if (at + CHUNK_HEADER_LENGTH > transportCaptured) return 'cut';
    const type = view.getUint8(transportOffset + at);
    const length = view.getUint16(transportOffset + at + 2);
    if (type === INIT || type === INIT_ACK || type === SHUTDOWN_COMPLETE) alone = true;
    const first = type === COOKIE_ACK || type === COOKIE_ECHO || alone;
    if (length === 0 || (first && chunks.length > 0)) return 'bad';
    let tag: number | undefined;
    if (type === INIT || type === INIT_ACK) {
      const needed = at + CHUNK_HEADER_LENGTH + INIT_LENGTH;
      if (needed <= transportLength) {
        if (needed > transportCaptured) return 'cut';
        tag = view.getInt32(transportOffset + at + CHUNK_HEADER_LENGTH);
      }
    }
    chunks.push({ type, flags: view.getUint8(transportOffset + at + 1), tag });
    at += (length + 3) & ~3;
  }
  return chunks.length === 0 ? 'bad' : chunks;
}

/** Begins a flow; '' or why it cannot (sctp_new). */
function begin(state: Int32Array, base: number, tag: number, chunks: readonly Chunk[]): string {
  for (const { type } of chunks)
    if (type === ABORT || type === SHUTDOWN_COMPLETE || type === COOKIE_ACK)
      return 'SCTP chunk without an association';
  for (const chunk of chunks) {
    if (transition(DIRECTION_ORIGINAL, chunk.type, NONE) === NONE)
      return 'SCTP chunk without an association';
    if (chunk.type === INIT) {
      if (tag !== 0 || chunk.tag === undefined) return 'SCTP INIT with a verification tag';
      state[base + TAG + 1] = chunk.tag;
    } else if (chunk.type === HEARTBEAT || chunk.type === HEARTBEAT_ACK) {
      state[base + TAG] = tag;
    } else if (chunk.type === SHUTDOWN_ACK) {
      // Out of the blue (RFC 9260 section 8.4): the answer will carry the same tag.
      state[base + TAG + 1] = tag;
    }
  }
  return '';
}

/** What the tag of a chunk says. */
const TAG_FINE = 0;
const TAG_WRONG = 1;
/** A heartbeat with another tag, maybe of a restarted association: it passes, nothing else. */
const TAG_OTHER_PATH = 2;

/** Checks a HEARTBEAT or HEARTBEAT ACK, which may belong to another path or a restart. */
function checkHeartbeat(
  state: Int32Array,
  base: number,
  direction: number,
  tag: number,
  type: number,
  hasData: boolean,
): number {
  const own = base + TAG + direction;
  if (state[own] === 0) {
    state[own] = tag;
    return TAG_FINE;
  }
  if (state[own] === tag) {
    state[base + HEARTBEAT_FAILED] = 0;
    return TAG_FINE;
  }
  if (hasData) return TAG_WRONG;
  if (type === HEARTBEAT) {
    state[base + HEARTBEAT_FAILED] = 1;
    state[base + LAST_DIRECTION] = direction;
    return TAG_OTHER_PATH;
  }
  if (state[base + HEARTBEAT_FAILED] === 0 || state[base + LAST_DIRECTION] === direction)
    return TAG_WRONG;
  state[base + HEARTBEAT_FAILED] = 0;
  state[own] = tag;
  state[base + TAG + 1 - direction] = 0;
  return TAG_FINE;
}

/** Checks the packet's tag for a chunk that has a rule of its own (RFC 9260 section 8.5.1). */
function checkTag(
  state: Int32Array,
  base: number,
  direction: number,
  tag: number,
  chunk: Chunk,
): number {
  const own = state[base + TAG + direction];
  switch (chunk.type) {
    case INIT:
      return tag === 0 ? TAG_FINE : TAG_WRONG;
    case ABORT:
    case SHUTDOWN_COMPLETE: {
      const reflected = (chunk.flags & TAG_REFLECTED) !== 0;
      return tag === (reflected ? state[base + TAG + 1 - direction] : own) ? TAG_FINE : TAG_WRONG;
    }
    case COOKIE_ECHO:
      return tag === own ? TAG_FINE : TAG_WRONG;
    case COOKIE_ACK:
      state[base + INIT_PENDING] = 0;
      state[base + INIT_PENDING + 1] = 0;
      return TAG_FINE;
  }
  return TAG_FINE;
}

const OWN_TAG_RULE: ReadonlySet<number> = new Set([
  INIT,
  SHUTDOWN_COMPLETE,
  COOKIE_ECHO,
  ABORT,
  SHUTDOWN_ACK,
  HEARTBEAT,
  HEARTBEAT_ACK,
]);

function stateTimeout(options: ConntrackOptions, state: number): number {
  switch (state) {
    case COOKIE_WAIT:
      return options.sctpTimeoutCookieWaitSeconds;
    case COOKIE_ECHOED:
      return options.sctpTimeoutCookieEchoedSeconds;
    case ESTABLISHED:
      return options.sctpTimeoutEstablishedSeconds;
    case SHUTDOWN_SENT:
      return options.sctpTimeoutShutdownSentSeconds;
    case SHUTDOWN_RECD:
      return options.sctpTimeoutShutdownRecdSeconds;
    case SHUTDOWN_ACK_SENT:
      return options.sctpTimeoutShutdownAckSentSeconds;
    case HEARTBEAT_SENT:
      return options.sctpTimeoutHeartbeatSentSeconds;
    default:
      return options.sctpTimeoutClosedSeconds;
  }
}

/**
 * Takes the other direction's tag from an INIT or INIT ACK. When both sides sent an INIT (a
 * collision), an INIT ACK to the one that lost must not change the tag; false then.
 */
function noteTag(
  state: Int32Array,
  base: number,
  direction: number,
  type: number,
  tag: number,
): boolean {
  const own = base + INIT_PENDING + direction;
  const other = base + INIT_PENDING + 1 - direction;
  const at = base + TAG + 1 - direction;
  const differs = state[at] !== tag;
  if (type === INIT) {
    // One that carries the tag known already is late or sent again, and begins nothing.
    if (differs || state[base + PROTOCOL_STATE] === NONE) {
      if (state[own] !== 0) state[other] = 0;
      state[own] = 1;
    }
  } else if (differs) {
    if (state[other] === 0 ? state[at] !== 0 : state[own] !== 0) return false;
  }
  state[at] = tag;
  return true;
}

const WRONG_TAG = 'wrong SCTP verification tag';

/** Walks the chunks of a packet in order and moves the state; what is changed before a bad one stays. */
function walkChunks(
  table: FlowTable,
  slot: number,
  direction: number,
  judgement: Judgement,
  tag: number,
  chunks: readonly Chunk[],
): number {
  const { state } = table;
  const base = table.base(slot);
  const confirmed = isConfirmed(table, slot);
  const hasData = chunks.some(({ type }) => type === DATA);
  let ignored = false;
  let next = NONE;
  for (const chunk of chunks) {
    const { type } = chunk;
    const heartbeat = type === HEARTBEAT || type === HEARTBEAT_ACK;
    const answer = heartbeat
      ? checkHeartbeat(state, base, direction, tag, type, hasData || ignored)
      : checkTag(state, base, direction, tag, chunk);
    if (answer === TAG_WRONG) return invalid(judgement, WRONG_TAG);
    if (answer === TAG_OTHER_PATH) {
      ignored = true;
      continue;
    }
    const old = state[base + PROTOCOL_STATE] as number;
    next = transition(direction, type, old);
    if (next === INVALID_STATE)
      return invalid(judgement, `SCTP chunk ${type} in state ${STATE_NAMES[old]}`);
    if (type === INIT || type === INIT_ACK) {
      if (chunk.tag === undefined) return invalid(judgement, 'SCTP INIT is too short');
      if (!noteTag(state, base, direction, type, chunk.tag)) return invalid(judgement, WRONG_TAG);
      // An INIT sent again does not prolong the entry.
      if (type === INIT && next === CLOSED && old === CLOSED && confirmed) ignored = true;
    }
    state[base + PROTOCOL_STATE] = next;
    if (next === ESTABLISHED && old !== ESTABLISHED) setStatus(table, slot, IPS_ASSURED);
  }
  const { now, options } = judgement;
  if (!ignored) table.refresh(slot, now + stateTimeout(options, next));
  return TRACK_ACCEPT;
}

/** Tracks SCTP. */
export const sctpTracker: ProtocolTracker = {
  stateNames: STATE_NAMES,
  packet(table, slot, direction, judgement) {
    const { packet, local, options } = judgement;
    const { transportLength, transportCaptured } = packet;
    if (transportLength < HEADER_LENGTH) return invalid(judgement, 'SCTP header is too short');
    if (!local && options.checksum && packet.transportChecksum === CHECKSUM_BAD)
      return invalid(judgement, 'bad SCTP checksum');
    if (transportCaptured < HEADER_LENGTH)
      return unknownState(table, slot, judgement, 'SCTP header');
    const chunks = readChunks(judgement);
    if (chunks === 'cut') return unknownState(table, slot, judgement, 'SCTP chunks');
    if (chunks === 'bad') return invalid(judgement, 'SCTP chunks not in order');
    const { state } = table;
    const base = table.base(slot);
    const tag = packet.view.getInt32(packet.transportOffset + 4);
    if (!isConfirmed(table, slot)) {
      const problem = begin(state, base, tag, chunks);
      if (problem !== '') return invalid(judgement, problem);
    }
    const ruled = chunks.some(({ type }) => OWN_TAG_RULE.has(type));
    if (!ruled && tag !== state[base + TAG + direction]) return invalid(judgement, WRONG_TAG);
    return walkChunks(table, slot, direction, judgement, tag, chunks);
  },
};
