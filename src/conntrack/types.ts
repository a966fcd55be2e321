/** What conntrack tells the evaluator about a packet. */
import type { PacketView } from '../packet/fields.ts';

/** ctstate of a packet as `-m conntrack --ctstate` sees it. */
export const CTSTATE_INVALID = 1;
export const CTSTATE_ESTABLISHED = 2;
export const CTSTATE_RELATED = 4;
export const CTSTATE_NEW = 8;
export const CTSTATE_UNTRACKED = 16;
export const CTSTATE_NAMES: Readonly<Record<number, string>> = {
  0: '-',
  1: 'INVALID',
  2: 'ESTABLISHED',
  4: 'RELATED',
  8: 'NEW',
  16: 'UNTRACKED',
};

/** IPS_ status bits (linux/netfilter/nf_conntrack_common.h). */
export const IPS_EXPECTED = 1 << 0;
export const IPS_SEEN_REPLY = 1 << 1;
export const IPS_ASSURED = 1 << 2;
export const IPS_CONFIRMED = 1 << 3;
export const IPS_SRC_NAT = 1 << 4;
export const IPS_DST_NAT = 1 << 5;
export const IPS_DYING = 1 << 9;

/** Original or reply direction of a connection. */
export const DIRECTION_ORIGINAL = 0;
export const DIRECTION_REPLY = 1;

/** One direction's tuple. For ICMP: sourcePort = identifier, destinationPort = type << 8 | code. */
export interface Tuple {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly source: Int32Array;
  readonly destination: Int32Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly zone: number;
}

/** A tracked connection (conntrack entry). */
export interface Connection {
  readonly original: Tuple;
  readonly reply: Tuple;
  /** IPS_ bits. */
  readonly status: number;
  mark: number;
  /** Name of the protocol's own state (`ESTABLISHED` of TCP …), '' where it has none. */
  readonly protocolState: string;
  /** Capture time at which it expires, seconds (fraction allowed). */
  readonly expiresAt: number;
  /** Number of the packet that made it. */
  readonly firstPacket: number;
  /** True when its first packet shows that it began before the capture (no SYN seen). */
  readonly midStream: boolean;
  /** Packets of a direction (DIRECTION_) so far, the current one included, as the kernel counts them
   * with nf_conntrack_acct: INVALID ones and ICMP errors do not count. */
  packetCount(direction: number): number;
  /** Bytes of their datagrams. */
  byteCount(direction: number): number;
}

/** What `track` found out; one reused object per tracker. */
export interface TrackResult {
  /** One CTSTATE_ value. */
  ctstate: number;
  /** DIRECTION_ORIGINAL or DIRECTION_REPLY. */
  direction: number;
  /** Undefined for INVALID and UNTRACKED. For RELATED ICMP errors the connection they quote. */
  connection: Connection | undefined;
  /** For INVALID packets: the known connection that their addresses and ports belong to, if one. */
  refusedBy: Connection | undefined;
  /** Direction of the packet in it. */
  refusedDirection: number;
  /** Short reason for INVALID, for explain: "no SYN", "sequence out of window" …; '' otherwise. */
  reason: string;
  /** Non-empty when the capture cannot tell (cut by the snap length…): packet is undecided if a rule
   * reads its state. */
  undecided: string;
}

/** The conntrack machine of one network namespace. Time is the packets' time. */
export interface Tracker {
  /**
   * Looks the packet up and updates protocol state, as nf_conntrack_in does. A new entry stays
   * unconfirmed until `confirm`; `discard` (packet dropped) forgets it.
   * @param local true at OUTPUT, false at PREROUTING (checksums are looked at only there).
   */
  track(packet: PacketView, local: boolean, zone: number): TrackResult;
  /**
   * As `track` for a packet that perhaps never came here: whether its connection exists, and in what
   * state, is not known from then on.
   */
  trackUnsure(packet: PacketView, zone: number): TrackResult;
  /** Whether the connection exists, and in what state, is not known from now on. */
  doubt(connection: Connection): void;
  /** A packet too short to tell its connection: its addresses are known. */
  noteUnseen(packet: PacketView): void;
  /** A packet of which nothing is known but the family. */
  noteBlind(family: 4 | 6, packet: PacketView): void;
  /** The packet left the last hook: its new entry becomes known (nf_confirm). */
  confirm(packet: PacketView, result: TrackResult): void;
  /** The packet was dropped: an unconfirmed entry is forgotten. */
  discard(result: TrackResult): void;
  /**
   * The packet was answered with a TCP reset (REJECT --reject-with tcp-reset): its connection, when
   * confirmed, is closing from now on (nf_conntrack_tcp_set_closing). Call it before `discard`.
   */
  answeredByReset(result: TrackResult): void;
  /** Number of confirmed entries not yet expired at the time of the last packet. */
  readonly size: number;
  /** All confirmed entries. */
  connections(): Iterable<Connection>;
}
