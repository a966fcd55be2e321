/**
 * A packet's dealings with conntrack: it is tracked once, confirmed when it leaves the last hook,
 * forgotten when it is dropped. Also keeps which connections rest on an undecided packet, so that
 * nothing that reads their state is decided.
 */
import {
  type Connection,
  CTSTATE_INVALID,
  CTSTATE_NAMES,
  CTSTATE_UNTRACKED,
  IPS_CONFIRMED,
  type Tracker,
  type TrackResult,
} from '../conntrack/types.ts';
import type { Doubts } from '../evaluate/reference.ts';
import type { PacketContext } from '../match/definition.ts';
import type { PacketView } from '../packet/fields.ts';
import { ExpectingHelpers } from './expecting-helpers.ts';
import type { Suspicion } from './translations.ts';
import type { PacketOutcome } from './types.ts';

/** conntrack as one family's host meets it. */
export class ConnectionStep {
  private readonly tracker: Tracker;
  private readonly context: PacketContext;
  private readonly doubts: Doubts;
  /** Connections whose existence or state rests on an undecided packet, with its number. */
  private doubtful = new WeakMap<Connection, number>();
  private readonly helpers = new ExpectingHelpers();
  /** Number of the first packet in a zone of one direction only: which entries are whose is not
   * simulated, so nothing is known from then on; 0 before. */
  private oneWayZone = 0;
  /** Timeout policies of connections (CT --timeout): what they say is not in the ruleset. */
  private policies = new WeakMap<Connection, string>();
  private tracked: TrackResult | undefined;
  private confirmed = false;
  /** Whether the packet got as far as conntrack is not known. */
  private uncertain = false;
  /** The suspicion that `track` was told of holds by what conntrack found. */
  suspect = false;
  /** The entry is this packet's own, not confirmed yet. */
  private isUnconfirmed = false;
  /** The packet begins a connection that nat has not seen yet. */
  isNew = false;
  /** A rule may have answered it with a TCP reset. */
  mayBeReset = false;

  constructor(tracker: Tracker, context: PacketContext, doubts: Doubts) {
    this.tracker = tracker;
    this.context = context;
    this.doubts = doubts;
  }

  /** A packet enters its first hook. */
  begin(): void {
    const { context } = this;
    // Before conntrack nf_ct_get gives nothing, which xt_conntrack calls INVALID.
    context.ctstate = CTSTATE_INVALID;
    context.ctdirection = 0;
    context.connection = undefined;
    context.refusedBy = undefined;
    this.doubts.conntrack = '';
    this.tracked = undefined;
    this.isUnconfirmed = false;
    this.isNew = false;
    this.suspect = false;
    this.mayBeReset = false;
    this.confirmed = false;
    this.uncertain = false;
  }

  /**
   * nf_conntrack_in, once for a packet.
   * @param local at OUTPUT
   * @param uncertain the packet may have ended before
   * @param suspicion what it may have to do with translated connections
   */
  track(
    packet: PacketView,
    local: boolean,
    outcome: PacketOutcome,
    uncertain = false,
    suspicion: Suspicion | undefined = undefined,
  ): void {
    const { context, doubts } = this;
    if (this.tracked !== undefined) return;
    if (context.untracked) {
      context.ctstate = CTSTATE_UNTRACKED;
      outcome.ctstate = 'UNTRACKED';
      return;
    }
    this.uncertain = uncertain;
    const zone = this.zone();
    const tracked = uncertain
      ? this.tracker.trackUnsure(packet, zone)
      : this.tracker.track(packet, local, zone);
    this.tracked = tracked;
    const { connection, ctstate } = tracked;
    context.ctstate = ctstate;
    context.ctdirection = tracked.direction;
    context.connection = connection;
    context.refusedBy = tracked.refusedBy;
    context.refusedDirection = tracked.refusedDirection;
    doubts.conntrack = tracked.undecided;
    if (connection !== undefined) this.lookAt(connection, packet, outcome);
    this.doubtZones(outcome);
    if (suspicion !== undefined && doubts.conntrack === '' && this.isSuspect(suspicion))
      doubts.conntrack = suspicion.reason;
    this.suspect = suspicion !== undefined && this.isSuspect(suspicion);
    outcome.ctstate = doubts.conntrack === '' ? (CTSTATE_NAMES[ctstate] ?? '') : '?';
    outcome.ctreason = tracked.reason;
  }

  /** A zone of -1 is that of the mark as it is now (CT --zone mark). */
  private zone(): number {
    const { context } = this;
    if (context.zoneOriginal === -1) context.zoneOriginal = context.mark & 0xffff;
    if (context.zoneReply === -1) context.zoneReply = context.mark & 0xffff;
    return context.zoneOriginal;
  }

  private lookAt(connection: Connection, packet: PacketView, outcome: PacketOutcome): void {
    const { context, doubts } = this;
    this.isUnconfirmed = (connection.status & IPS_CONFIRMED) === 0;
    this.isNew = this.isUnconfirmed;
    if (this.isNew) {
      this.doubtful.delete(connection);
      this.policies.delete(connection);
    }
    const since = this.doubtful.get(connection);
    if (since !== undefined)
      doubts.conntrack = `its connection rests on packet ${since}, which is undecided`;
    const policy = this.policies.get(connection);
    if (policy !== undefined && doubts.conntrack === '')
      doubts.conntrack = `the timeouts of its connection are those of the policy "${policy}", which is not known`;
    if (this.isNew && doubts.conntrack === '') doubts.conntrack = this.helpers.expects(packet);
    if (context.helper !== '') this.helpers.add(packet, context.helper, outcome.number);
    if (context.timeoutPolicy !== '') this.policies.set(connection, context.timeoutPolicy);
  }

  private doubtZones(outcome: PacketOutcome): void {
    const { context, doubts } = this;
    if (context.zoneOriginal !== context.zoneReply && this.oneWayZone === 0)
      this.oneWayZone = outcome.number;
    if (this.oneWayZone !== 0 && doubts.conntrack === '')
      doubts.conntrack = `conntrack zones of one direction are not simulated (in use since packet ${this.oneWayZone})`;
  }

  /** A packet of a known connection that is not translated has nothing to do with those that are. */
  private isSuspect({ sure }: Suspicion): boolean {
    return sure || this.tracked?.connection === undefined || this.isNew;
  }

  /** nf_confirm, at the end of INPUT or POSTROUTING; only the first time counts. */
  confirm(packet: PacketView): void {
    if (this.tracked === undefined || this.confirmed) return;
    this.tracker.confirm(packet, this.tracked);
    this.confirmed = true;
    // nat has seen the connection by now, also where a copy of the packet comes by again.
    this.isNew = false;
  }

  /** REJECT --reject-with tcp-reset closes the connection that it answers (nf_ct_set_closing). */
  answeredByReset(): void {
    if (this.tracked !== undefined) this.tracker.answeredByReset(this.tracked);
  }

  /** The packet's way has ended with the outcome's verdict. */
  settle(packet: PacketView, outcome: PacketOutcome): void {
    if (this.confirmed) return;
    if (outcome.verdict === 'UNDECIDED') this.doubt(packet, outcome);
    else if (this.tracked !== undefined) this.tracker.discard(this.tracked);
  }

  /**
   * Whether the entry that the packet makes exists from now on is unknown, and if the packet did not
   * get as far as conntrack also whether it changed one: keep it, and let nothing rest on it.
   */
  private doubt(packet: PacketView, outcome: PacketOutcome): void {
    const reached = this.tracked !== undefined;
    if (!reached) this.track(packet, true, outcome, true);
    const { tracked } = this;
    if (!reached || this.uncertain) outcome.ctstate = '?';
    if (tracked?.connection === undefined) return;
    const { isUnconfirmed } = this;
    this.tracker.confirm(packet, tracked);
    if (!isUnconfirmed && !this.uncertain && !this.mayBeReset) return;
    this.tracker.doubt(tracked.connection);
    this.doubtful.set(tracked.connection, outcome.number);
  }
}
