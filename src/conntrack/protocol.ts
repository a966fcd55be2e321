/**
 * What a protocol's tracker is: it judges a packet of a flow, moves the flow's own state and sets its
 * timeout. The tracker (tracker.ts) finds the flow before, and acts on the answer.
 */
import type { PacketView } from '../packet/fields.ts';
import { type ConntrackOptions, longestTimeout } from './options.ts';
import { FLAG_STATE_UNKNOWN, FLAGS, KEY_PROTOCOL, STATUS } from './record.ts';
import type { FlowTable } from './table.ts';
import { IPS_CONFIRMED, IPS_SEEN_REPLY } from './types.ts';

/** The packet belongs to the flow. */
export const TRACK_ACCEPT = 0;
/** The packet is INVALID; `reason` says why. A flow that it would have begun does not begin. */
export const TRACK_INVALID = 1;
/** The flow is over (it was removed); look up again, the packet begins a new one (-NF_REPEAT). */
export const TRACK_REPEAT = 2;

/** The packet at hand and what the tracker answers about it; one reused object. */
export interface Judgement {
  packet: PacketView;
  /** Capture time, seconds. */
  now: number;
  /** True at OUTPUT: checksums are not looked at. */
  local: boolean;
  options: ConntrackOptions;
  /** Why INVALID. */
  reason: string;
  /** Why the capture cannot tell. */
  undecided: string;
  /** Set by a tracker that ended the flow with this packet: it is to be removed. */
  kill: boolean;
  /** False for a packet that does not count as traffic of the flow (nf_ct_acct_update). */
  counted: boolean;
}

/** Tracks one protocol. */
export interface ProtocolTracker {
  /**
   * Judges a packet and updates the flow.
   * @param slot the flow; not confirmed when this is its first packet
   * @param direction DIRECTION_ORIGINAL or DIRECTION_REPLY
   * @returns a TRACK_ value
   */
  packet(table: FlowTable, slot: number, direction: number, judgement: Judgement): number;
  /** Names of PROTOCOL_STATE, as `conntrack -L` prints them; empty when there are no states. */
  readonly stateNames: readonly string[];
}

/** Answers INVALID with a reason. */
export function invalid(judgement: Judgement, reason: string): number {
  judgement.reason = reason;
  return TRACK_INVALID;
}

/** Notes that the snap length hides what the flow's state depends on, now and from now on. */
export function unknownState(
  table: FlowTable,
  slot: number,
  judgement: Judgement,
  what: string,
): number {
  judgement.undecided = `${what} cut by the snap length`;
  loseState(table, slot, judgement.now, judgement.options);
  return TRACK_ACCEPT;
}

/**
 * From now on neither a flow's state is known, nor whether it exists: it is kept as long as anything
 * of its protocol may last, and nothing that rests on it is decided.
 */
export function loseState(
  table: FlowTable,
  slot: number,
  now: number,
  options: ConntrackOptions,
): void {
  const at = table.base(slot) + FLAGS;
  table.state[at] = (table.state[at] as number) | FLAG_STATE_UNKNOWN;
  const protocol = (table.keys[table.keyAt(slot * 2) + KEY_PROTOCOL] as number) & 0xff;
  table.refresh(slot, now + longestTimeout(options, protocol));
}

/** True for all but the packet that begins the flow. */
export function isConfirmed(table: FlowTable, slot: number): boolean {
  return ((table.state[table.base(slot) + STATUS] as number) & IPS_CONFIRMED) !== 0;
}

/** True when a packet in reply direction was seen before this one. */
export function hasSeenReply(table: FlowTable, slot: number): boolean {
  return ((table.state[table.base(slot) + STATUS] as number) & IPS_SEEN_REPLY) !== 0;
}

/** Sets status bits. */
export function setStatus(table: FlowTable, slot: number, bits: number): void {
  const at = table.base(slot) + STATUS;
  table.state[at] = (table.state[at] as number) | bits;
}
