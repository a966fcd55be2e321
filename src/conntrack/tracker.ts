/**
 * The tracker: finds the flow of a packet or makes one, lets the protocol judge the packet, and says
 * the packet's ctstate. As nf_conntrack_in of nf_conntrack_core.c, one packet at a time; time is the
 * packets' own. A flow is unconfirmed, and found by nobody, until `confirm`.
 */
import type { PacketView } from '../packet/fields.ts';
import {
  PROTOCOL_GRE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDPLITE,
} from '../packet/transport.ts';
import { ConnectionView } from './connection.ts';
import { genericTracker, greTracker } from './generic.ts';
import {
  classifyIcmp,
  classifyIcmpv6,
  ICMP_CUT,
  ICMP_INVALID,
  ICMP_QUOTES,
  ICMP_TRACK,
  ICMP_UNTRACKED,
  type IcmpClass,
  icmpTracker,
  icmpv6Tracker,
} from './icmp.ts';
import { type ConntrackOptions, withDefaults } from './options.ts';
import {
  type Judgement,
  loseState,
  type ProtocolTracker,
  setStatus,
  TRACK_INVALID,
  TRACK_REPEAT,
} from './protocol.ts';
import {
  FIRST_PACKET,
  FLAG_STATE_UNKNOWN,
  FLAGS,
  KEY_DESTINATION,
  KEY_PROTOCOL,
  KEY_WORDS,
  STATUS,
} from './record.ts';
import { sctpTracker } from './sctp.ts';
import { FlowTable } from './table.ts';
import { setClosing, tcpTracker } from './tcp.ts';
import { invertTuple, newKey, packetTuple, quotedTuple, TUPLE_CUT, TUPLE_OK } from './tuple.ts';
import {
  type Connection,
  CTSTATE_ESTABLISHED,
  CTSTATE_INVALID,
  CTSTATE_NEW,
  CTSTATE_RELATED,
  CTSTATE_UNTRACKED,
  DIRECTION_ORIGINAL,
  DIRECTION_REPLY,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DYING,
  IPS_EXPECTED,
  IPS_SEEN_REPLY,
  type Tracker,
  type TrackResult,
} from './types.ts';
import { udpliteTracker, udpTracker } from './udp.ts';
import { UnseenPackets } from './unseen.ts';

/** Trackers by protocol number; all others are generic. */
const PROTOCOLS: ReadonlyMap<number, ProtocolTracker> = new Map([
  [PROTOCOL_ICMP, icmpTracker],
  [PROTOCOL_TCP, tcpTracker],
  [PROTOCOL_UDP, udpTracker],
  [PROTOCOL_GRE, greTracker],
  [PROTOCOL_ICMPV6, icmpv6Tracker],
  [PROTOCOL_SCTP, sctpTracker],
  [PROTOCOL_UDPLITE, udpliteTracker],
]);
const BY_PROTOCOL: readonly ProtocolTracker[] = Array.from(
  { length: 256 },
  (_, protocol) => PROTOCOLS.get(protocol) ?? genericTracker,
);

const NO_SLOT = -1;
const COLLECTOR_SECONDS = 60;

/** Why a packet that has no tuple is INVALID. */
function noTupleReason(packet: PacketView): string {
  if (packet.fragmentOffset !== 0) return 'a later fragment';
  if (packet.protocol < 0) return 'malformed extension headers';
  return 'no transport header that can be tracked';
}

class ConntrackTracker implements Tracker {
  private readonly options: ConntrackOptions;
  private readonly table = new FlowTable();
  private readonly views: ConnectionView[] = [];
  private readonly key = newKey();
  private readonly inverse = newKey();
  private readonly icmp: IcmpClass = { kind: ICMP_TRACK, reason: '', quotedOffset: 0 };
  private readonly judgement: Judgement;
  private readonly result: TrackResult = {
    ctstate: CTSTATE_INVALID,
    direction: DIRECTION_ORIGINAL,
    connection: undefined,
    refusedBy: undefined,
    refusedDirection: DIRECTION_ORIGINAL,
    reason: '',
    undecided: '',
  };
  /** The flow that this packet may begin; NO_SLOT when confirmed, or none. */
  private unconfirmed = NO_SLOT;
  /** Flows removed by this packet: their slots are free with the next. */
  private readonly dying: number[] = [];
  private now = Number.NEGATIVE_INFINITY;
  /** Whether the packet came to conntrack is not known. */
  private unsure = false;
  private readonly unseen: UnseenPackets;
  /** Number of the packet that met a full table; 0 before. Which entry the kernel evicts for it
   * depends on a random hash seed, so nothing is certain of unassured flows from then on. */
  private fullSince = 0;

  constructor(options: Partial<ConntrackOptions> | undefined) {
    this.options = withDefaults(options);
    this.unseen = new UnseenPackets(this.options);
    this.judgement = {
      packet: undefined as unknown as PacketView,
      now: 0,
      local: false,
      options: this.options,
      reason: '',
      undecided: '',
      kill: false,
      counted: true,
    };
  }

  get size(): number {
    let size = 0;
    for (const _ of this.table.live(this.now)) size += 1;
    return size;
  }

  *connections(): Generator<Connection> {
    for (const slot of this.table.live(this.now)) yield this.view(slot);
  }

  track(packet: PacketView, local: boolean, zone: number): TrackResult {
    this.unsure = false;
    return this.trackNow(packet, local, zone);
  }

  trackUnsure(packet: PacketView, zone: number): TrackResult {
    this.unsure = true;
    return this.trackNow(packet, true, zone);
  }

  doubt(connection: Connection): void {
    if (connection instanceof ConnectionView && this.table.isLive(connection.slot))
      loseState(this.table, connection.slot, this.now, this.options);
  }

  noteUnseen(packet: PacketView): void {
    this.unseen.note(packet, timeOf(packet));
  }

  noteBlind(family: 4 | 6, packet: PacketView): void {
    this.unseen.noteBlind(family, packet.number, timeOf(packet));
  }

  private trackNow(packet: PacketView, local: boolean, zone: number): TrackResult {
    this.settlePrevious();
    const { judgement, result } = this;
    this.now = timeOf(packet);
    judgement.packet = packet;
    judgement.now = this.now;
    judgement.local = local;
    judgement.reason = '';
    judgement.undecided = '';
    judgement.kill = false;
    judgement.counted = true;
    result.ctstate = CTSTATE_INVALID;
    result.direction = DIRECTION_ORIGINAL;
    result.connection = undefined;
    result.refusedBy = undefined;
    this.lookUp(packet, zone);
    result.reason = judgement.reason;
    result.undecided = judgement.undecided;
    return result;
  }

  confirm(_packet: PacketView, result: TrackResult): void {
    const slot = this.unconfirmed;
    if (slot === NO_SLOT || result.connection !== this.views[slot]) return;
    this.unconfirmed = NO_SLOT;
    this.makeRoom();
    this.table.insert(slot);
  }

  discard(_result: TrackResult): void {
    if (this.unconfirmed === NO_SLOT) return;
    this.table.release(this.unconfirmed);
    this.unconfirmed = NO_SLOT;
  }

  answeredByReset({ connection }: TrackResult): void {
    if (connection instanceof ConnectionView && isConfirmed(connection))
      setClosing(this.table, connection.slot, this.now, this.options);
  }

  /** A packet neither confirmed nor discarded was lost on its way. */
  private settlePrevious(): void {
    if (this.unconfirmed !== NO_SLOT) this.discard(this.result);
    if (this.dying.length === 0) return;
    for (const slot of this.dying) this.table.release(slot);
    this.dying.length = 0;
  }

  private lookUp(packet: PacketView, zone: number): void {
    const { protocol, fragmentOffset } = packet;
    const own = packet.family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    if (protocol === own && fragmentOffset === 0 && packet.transportOffset >= 0) {
      if (own === PROTOCOL_ICMP) classifyIcmp(this.judgement, this.icmp);
      else classifyIcmpv6(this.judgement, this.icmp);
      if (this.icmp.kind !== ICMP_TRACK) {
        this.settleIcmp(packet, zone);
        return;
      }
    }
    const status = packetTuple(packet, zone, this.key);
    if (status === TUPLE_OK) this.trackTuple(packet);
    else if (status === TUPLE_CUT) this.cutOff('transport header cut by the snap length');
    else this.judgement.reason = noTupleReason(packet);
  }

  private settleIcmp(packet: PacketView, zone: number): void {
    const { icmp, judgement, result } = this;
    switch (icmp.kind) {
      case ICMP_INVALID:
        judgement.reason = icmp.reason;
        return;
      case ICMP_UNTRACKED:
        result.ctstate = CTSTATE_UNTRACKED;
        return;
      case ICMP_CUT:
        this.cutOff(icmp.reason);
        return;
      case ICMP_QUOTES:
        this.trackError(packet, zone);
    }
  }

  /** Too little is there to know the packet's flow. */
  private cutOff(reason: string): void {
    const { judgement } = this;
    judgement.undecided = reason;
    this.unseen.note(judgement.packet, this.now);
  }

  /** An ICMP error belongs to the flow that it quotes (nf_conntrack_inet_error). */
  private trackError(packet: PacketView, zone: number): void {
    const { judgement, result, key, inverse } = this;
    const family = packet.family === 6 ? 6 : 4;
    const end = packet.transportOffset + packet.transportLength;
    const capturedEnd = packet.transportOffset + packet.transportCaptured;
    const offset = this.icmp.quotedOffset;
    const status = quotedTuple({ view: packet.view, offset, capturedEnd, end }, family, zone, key);
    if (status === TUPLE_CUT) {
      judgement.undecided = 'the packet quoted by the ICMP error is cut by the snap length';
      return;
    }
    if (status !== TUPLE_OK || !invertTuple(key, inverse)) {
      judgement.reason = 'the ICMP error quotes no packet that could be tracked';
      return;
    }
    const entry = this.table.find(inverse, this.now);
    const unseen = this.unseen.before(inverse, this.now);
    if (unseen !== 0) judgement.undecided = unseenReason(unseen);
    if (entry < 0) {
      judgement.reason = 'the ICMP error quotes no known connection';
      this.doubtAbsence();
      return;
    }
    if (!this.goesTo(packet, entry)) {
      judgement.reason = 'the ICMP error does not go to the sender of the packet that it quotes';
      return;
    }
    result.ctstate = CTSTATE_RELATED;
    result.direction = entry & 1;
    result.connection = this.view(entry >>> 1);
    if (this.isUnknown(entry >>> 1)) judgement.undecided = this.unknownReason(entry >>> 1);
    this.doubtPresence(entry >>> 1);
  }

  /** True when the packet's destination is that of the entry's tuple. */
  private goesTo(packet: PacketView, entry: number): boolean {
    const { keys } = this.table;
    const at = this.table.keyAt(entry) + KEY_DESTINATION;
    if (keys[at] !== packet.destination0) return false;
    if (packet.family === 4) return true;
    return (
      keys[at + 1] === packet.destination1 &&
      keys[at + 2] === packet.destination2 &&
      keys[at + 3] === packet.destination3
    );
  }

  /** The flow of this.key, made if there is none; then its protocol judges (resolve_normal_ct). */
  private trackTuple(packet: PacketView): void {
    const { table, judgement, key } = this;
    for (;;) {
      const entry = table.find(key, this.now);
      const slot = entry >= 0 ? entry >>> 1 : this.make(packet);
      if (slot === NO_SLOT) {
        judgement.reason = 'ICMP type that begins no connection';
        const unseen = this.unseen.before(key, this.now);
        if (unseen !== 0) judgement.undecided = unseenReason(unseen);
        return;
      }
      const direction = entry >= 0 ? entry & 1 : DIRECTION_ORIGINAL;
      if (this.mayDiffer(slot)) {
        this.settle(slot, direction);
        return;
      }
      const answer = this.judge(slot, direction);
      if (judgement.kill) this.kill(slot);
      judgement.kill = false;
      if (answer === TRACK_REPEAT) continue;
      if (answer !== TRACK_INVALID) {
        this.settle(slot, direction);
      } else if (entry < 0) {
        this.discard(this.result);
        this.doubtAbsence();
      } else {
        this.result.refusedBy = this.view(slot);
        this.result.refusedDirection = direction;
        this.doubtPresence(slot);
      }
      return;
    }
  }

  private judge(slot: number, direction: number): number {
    const { table, judgement } = this;
    const protocol = (table.keys[table.keyAt(slot * 2) + KEY_PROTOCOL] as number) & 0xff;
    return (BY_PROTOCOL[protocol] as ProtocolTracker).packet(table, slot, direction, judgement);
  }

  /** Is the flow's state unknown, or does this packet make it so? Notes why. */
  private mayDiffer(slot: number): boolean {
    const { judgement, table, now } = this;
    const unseen = this.unseen.before(this.key, now);
    if (unseen !== 0) judgement.undecided = unseenReason(unseen);
    else if (this.isUnknown(slot)) judgement.undecided = this.unknownReason(slot);
    else if (this.unsure) judgement.undecided = 'whether it came to conntrack is not known';
    else return false;
    loseState(table, slot, now, this.options);
    return true;
  }

  private isUnknown(slot: number): boolean {
    const { table } = this;
    return ((table.state[table.base(slot) + FLAGS] as number) & FLAG_STATE_UNKNOWN) !== 0;
  }

  private unknownReason(slot: number): string {
    const first = (this.table.state[this.table.base(slot) + FIRST_PACKET] as number) >>> 0;
    return `an earlier packet of its connection (begun by packet ${first}) is cut by the snap length`;
  }

  /** The packet belongs to the flow: its ctstate, and that an answer was seen. */
  private settle(slot: number, direction: number): void {
    const { table, result, judgement } = this;
    const status = table.state[table.base(slot) + STATUS] as number;
    if (judgement.counted) table.account(slot, direction, judgement.packet.totalLength);
    result.direction = direction;
    result.connection = this.view(slot);
    if (direction === DIRECTION_REPLY || (status & IPS_SEEN_REPLY) !== 0)
      result.ctstate = CTSTATE_ESTABLISHED;
    else if ((status & IPS_EXPECTED) !== 0) result.ctstate = CTSTATE_RELATED;
    else result.ctstate = CTSTATE_NEW;
    if (direction === DIRECTION_REPLY) setStatus(table, slot, IPS_SEEN_REPLY);
    if (slot === this.unconfirmed) this.doubtAbsence();
    else this.doubtPresence(slot);
  }

  /** A new unconfirmed flow for this.key, or NO_SLOT when its kind begins none. */
  private make(packet: PacketView): number {
    const { table, key, inverse } = this;
    if (!invertTuple(key, inverse)) return NO_SLOT;
    const slot = table.allocate(this.now);
    const { keys } = table;
    const at = table.keyAt(slot * 2);
    for (let i = 0; i < KEY_WORDS; i++) {
      keys[at + i] = key[i] as number;
      keys[at + KEY_WORDS + i] = inverse[i] as number;
    }
    table.state[table.base(slot) + FIRST_PACKET] = packet.number;
    this.unconfirmed = slot;
    return slot;
  }

  private kill(slot: number): void {
    if (slot === this.unconfirmed) return;
    this.table.remove(slot);
    this.dying.push(slot);
  }

  /**
   * Has the kernel as many entries as it may? Expired ones count until its garbage collector comes
   * by, which is within a minute (GC_SCAN_INTERVAL_MAX).
   */
  private isFull(): boolean {
    const { max } = this.options;
    if (max === 0 || this.table.count < max) return false;
    this.table.sweep(this.now - COLLECTOR_SECONDS);
    return this.table.count >= max;
  }

  /** When the table is full, what the kernel evicts is not known: take an unassured flow. */
  private makeRoom(): void {
    if (!this.isFull()) return;
    const { table } = this;
    if (this.fullSince === 0) this.fullSince = this.judgement.packet.number;
    table.sweep(this.now);
    if (table.count < this.options.max) return;
    for (const slot of table.live(this.now)) {
      if (((table.state[table.base(slot) + STATUS] as number) & IPS_ASSURED) !== 0) continue;
      table.remove(slot);
      table.release(slot);
      return;
    }
  }

  private doubtAbsence(): void {
    if (this.fullSince !== 0 || this.isFull()) this.doubtFull();
  }

  private doubtPresence(slot: number): void {
    if (this.fullSince === 0) return;
    const status = this.table.state[this.table.base(slot) + STATUS] as number;
    if ((status & IPS_ASSURED) === 0) this.doubtFull();
  }

  private doubtFull(): void {
    if (this.judgement.undecided !== '') return;
    const since = this.fullSince === 0 ? this.judgement.packet.number : this.fullSince;
    this.judgement.undecided = `the conntrack table is full since packet ${since} (nf_conntrack_max ${this.options.max})`;
  }

  private view(slot: number): ConnectionView {
    const known = this.views[slot];
    if (known !== undefined) return known;
    const made = new ConnectionView(this.table, slot, BY_PROTOCOL);
    this.views[slot] = made;
    return made;
  }
}

function timeOf(packet: PacketView): number {
  return packet.timeSeconds + packet.timeNanoseconds / 1e9;
}

function unseenReason(number: number): string {
  return `packet ${number} may be of its connection, but is cut by the snap length`;
}

/** True for a connection that is in the table. */
export function isConfirmed(connection: Connection): boolean {
  return (connection.status & (IPS_CONFIRMED | IPS_DYING)) === IPS_CONFIRMED;
}

/**
 * Makes an empty tracker.
 * @param options what differs from the kernel's defaults
 */
export function createTracker(options?: Partial<ConntrackOptions>): Tracker {
  return new ConntrackTracker(options);
}
