/**
 * One packet's way through the host: hooks and tables in the kernel's order, conntrack between raw
 * and mangle, confirmation when a packet leaves the last hook. Plain and sequential; counters move
 * in the programs. Checked against Linux 6.18, loopback and looped-back copies among it.
 */
import type { Tracker } from '../conntrack/types.ts';
import { invariant } from '../errors.ts';
import { exploreAnything, exploreRest, exploreTable, type Unknowns } from '../evaluate/possible.ts';
import type { LinkedChain, Program } from '../evaluate/program.ts';
import {
  type Doubts,
  newWalkResult,
  WALK_ACCEPT,
  WALK_REJECT,
  WALK_UNDECIDED,
  type WalkResult,
  walk,
} from '../evaluate/reference.ts';
import type { PacketContext } from '../match/definition.ts';
import { PACKET_BROADCAST, PACKET_MULTICAST, PacketView } from '../packet/fields.ts';
import {
  HOOK_FORWARD,
  HOOK_INPUT,
  HOOK_NAMES,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
  type TableName,
} from '../ruleset/types.ts';
import {
  COPY_LOOPED,
  COPY_UNKNOWN,
  PATH_DROPPED,
  PATH_FORWARD,
  PATH_INPUT,
  PATH_LOOPBACK,
  PATH_OUTPUT,
  PATH_UNDECIDED,
  type Path,
  type Topology,
} from '../topology/types.ts';
import { ConnectionStep } from './connection-step.ts';
import { FragmentMarks } from './fragment-marks.ts';
import type { PacketObserver, PacketOutcome } from './types.ts';

/** LINKTYPE_NULL: what a looped-back copy has in place of an Ethernet header. */
const LINKTYPE_NULL = 0;

/** Reassembly before INPUT. */
export interface Delivery {
  /** In place; false when the packet goes no further (the outcome then says why). */
  reassemble(packet: PacketView, outcome: PacketOutcome): boolean;
  /** The fragment may have come so far, or not. */
  doubt(packet: PacketView): void;
}

/** How often a packet may pass each hook: loopback passes all but FORWARD, a broadcast's copy too. */
const ALL_HOOKS: ReadonlyMap<number, number> = new Map([
  [HOOK_PREROUTING, 1],
  [HOOK_INPUT, 1],
  [HOOK_FORWARD, 1],
  [HOOK_OUTPUT, 1],
  [HOOK_POSTROUTING, 2],
]);
const INPUT_ONLY: ReadonlyMap<number, number> = new Map([[HOOK_INPUT, 1]]);

/** Walks packets of one family through the hooks. */
export class Host {
  private readonly program: Program;
  private readonly context: PacketContext;
  private readonly connection: ConnectionStep | undefined;
  private readonly delivery: Delivery;
  private readonly doubts: Doubts = { conntrack: '', packet: 0 };
  private readonly result: WalkResult = newWalkResult();
  private readonly marks = new FragmentMarks();
  // Of the current packet:
  private packet = new PacketView();
  private outcome!: PacketOutcome;
  private observer: PacketObserver | undefined;
  /** False while a looped-back copy is walked: its fate is not the packet's verdict. */
  private decides = true;
  /** Set from where on the packet's way is not known: tables are explored, no longer walked. */
  private unknowns: Unknowns | undefined;

  /**
   * @param tracker shared by the families
   * @param delivery as ip_local_deliver does it, before INPUT
   */
  constructor(program: Program, tracker: Tracker, topology: Topology, delivery: Delivery) {
    this.program = program;
    this.delivery = delivery;
    this.context = {
      packet: this.packet,
      family: program.family,
      hook: 0,
      inInterface: '',
      outInterface: '',
      mark: 0,
      ctstate: 0,
      ctdirection: 0,
      connection: undefined,
      topology,
      undecidedReason: '',
      mayHotdrop: false,
    };
    this.connection = program.tracksConnections
      ? new ConnectionStep(tracker, this.context, this.doubts)
      : undefined;
  }

  /**
   * Takes a packet along its path and sets the outcome's verdict.
   * @param path any but PATH_NOT_SEEN
   */
  pass(
    packet: PacketView,
    path: Path,
    outcome: PacketOutcome,
    observer: PacketObserver | undefined,
  ): void {
    this.packet = packet;
    this.outcome = outcome;
    this.observer = observer;
    this.begin();
    this.along(path);
    this.connection?.settle(packet, outcome);
  }

  /**
   * A packet of which too little is known to walk it: it may have passed any rule. What it may have
   * done to connections is noted with the tracker.
   */
  unseen(number: number): void {
    exploreAnything(this.program, ALL_HOOKS, number);
  }

  private begin(): void {
    const { context } = this;
    context.packet = this.packet;
    context.mark = 0;
    this.connection?.begin();
    this.doubts.packet = this.outcome.number;
    this.decides = true;
    this.unknowns = undefined;
    this.outcome.verdict = 'ACCEPT';
  }

  private along(path: Path): boolean {
    const { inInterface, outInterface } = path;
    switch (path.path) {
      case PATH_INPUT:
        return this.prerouting(inInterface, false) && this.input(inInterface, false);
      case PATH_FORWARD:
        // ip_forward and ip6_forward count the hop before they call the hook.
        if (path.leaving) this.packet.ttl += 1;
        if (!this.prerouting(inInterface, false)) return false;
        this.packet.ttl -= 1;
        return this.forward(inInterface, outInterface);
      case PATH_OUTPUT:
        if (!this.output(outInterface)) return false;
        if (path.copy === COPY_LOOPED) return this.sendTwice(outInterface);
        return this.send(outInterface) && this.mayLoopBack(path);
      case PATH_LOOPBACK:
        return (
          this.output(outInterface) && this.send(outInterface) && this.comeBack(path, inInterface)
        );
      case PATH_DROPPED:
        return this.prerouting(inInterface, false) && this.stop('UNROUTED', path.reason);
      case PATH_UNDECIDED:
        return this.undecided(path);
    }
    invariant(false, `path ${path.path} is not walked`);
  }

  /** The second half of loopback, where ip_rcv and ip6_rcv look at the packet as at any other. */
  private comeBack(path: Path, inInterface: string): boolean {
    const lost = path.reason;
    if (lost !== '' && this.context.family === 6) return this.stop('UNROUTED', lost);
    if (!this.prerouting(inInterface, true)) return false;
    return lost !== '' ? this.stop('UNROUTED', lost) : this.input(inInterface, true);
  }

  /** Where the topology cannot tell the way: PREROUTING if that is sure, then what may follow. */
  private undecided(path: Path): boolean {
    const { inInterface } = path;
    if (inInterface !== '' && !this.prerouting(inInterface, false)) return false;
    this.stop('UNDECIDED', path.reason);
    const unknowns = this.doubt();
    if (path.maybe === PATH_INPUT) return this.input(inInterface, false);
    unknowns.interfaces = true;
    if (path.maybe === PATH_FORWARD) return this.forward(inInterface, '');
    if (this.prerouting('', false)) {
      this.input('', false);
      this.forward('', '');
    }
    return this.output('') && this.send('');
  }

  /** From here on the packet's way is not known. */
  private doubt(): Unknowns {
    this.unknowns ??= {
      mark: false,
      connection: this.doubts.conntrack !== '',
      interfaces: false,
      packet: this.outcome.number,
      mayBeReset: false,
    };
    return this.unknowns;
  }

  /** Ends the packet's way between hooks. */
  private stop(verdict: 'UNROUTED' | 'UNDECIDED', reason: string): boolean {
    // An undecided packet stays that: it may have been dropped before.
    if (this.unknowns !== undefined) return false;
    const { outcome } = this;
    outcome.verdict = verdict;
    outcome.reason = reason;
    outcome.chain = undefined;
    outcome.rule = undefined;
    outcome.table = '';
    outcome.hook = '';
    return false;
  }

  /** @param again the packet was at OUTPUT before (loopback): conntrack and nat know it already */
  private prerouting(inInterface: string, again: boolean): boolean {
    this.interfaces(inInterface, '');
    if (!this.table('raw', HOOK_PREROUTING)) return false;
    if (!again) this.track(false);
    if (!this.table('mangle', HOOK_PREROUTING)) return false;
    return again || this.nat(HOOK_PREROUTING);
  }

  private input(inInterface: string, again: boolean): boolean {
    if (!this.deliver()) return false;
    this.interfaces(inInterface, '');
    if (!this.filters(HOOK_INPUT)) return false;
    if (again) return true;
    if (!this.nat(HOOK_INPUT)) return false;
    this.confirm();
    return true;
  }

  /** IPv4 fragments for this host become whole before INPUT, with or without conntrack
   * (ip_local_deliver); IPv6 ones after it (their header is one of the extension headers). */
  private deliver(): boolean {
    const { packet, context, marks } = this;
    const isFragment = packet.moreFragments !== 0 || packet.fragmentOffset !== 0;
    if (packet.family !== 4 || !isFragment) return true;
    marks.note(packet, context.mark);
    const key = marks.key(packet);
    if (this.unknowns !== undefined) {
      this.delivery.doubt(packet);
      exploreAnything(this.program, INPUT_ONLY, this.outcome.number);
      return false;
    }
    if (!this.delivery.reassemble(packet, this.outcome)) {
      if (this.outcome.verdict === 'UNDECIDED')
        exploreAnything(this.program, INPUT_ONLY, this.outcome.number);
      return false;
    }
    context.mark = marks.take(key);
    return true;
  }

  private forward(inInterface: string, outInterface: string): boolean {
    this.interfaces(inInterface, outInterface);
    return this.filters(HOOK_FORWARD) && this.leave();
  }

  private output(outInterface: string): boolean {
    this.interfaces('', outInterface);
    if (!this.table('raw', HOOK_OUTPUT)) return false;
    this.track(true);
    if (!this.table('mangle', HOOK_OUTPUT)) return false;
    if (!this.nat(HOOK_OUTPUT)) return false;
    return this.table('filter', HOOK_OUTPUT) && this.table('security', HOOK_OUTPUT);
  }

  private send(outInterface: string): boolean {
    this.interfaces('', outInterface);
    return this.leave();
  }

  /** POSTROUTING, then nf_confirm. */
  private leave(): boolean {
    if (!this.table('mangle', HOOK_POSTROUTING)) return false;
    if (!this.nat(HOOK_POSTROUTING)) return false;
    this.confirm();
    return true;
  }

  /** An entry that may not come to be is not confirmed here, but with its doubt at the end. */
  private confirm(): void {
    if (this.unknowns === undefined) this.connection?.confirm(this.packet);
    // Behind it (loopback) --ctstatus CONFIRMED may hold, or not.
    else this.unknowns.connection = true;
  }

  /**
   * A broadcast: the packet itself leaves; before that a clone of it passes POSTROUTING too and comes
   * in again by the same interface (ip_mc_output).
   */
  private sendTwice(device: string): boolean {
    const { context, unknowns } = this;
    const { mark } = context;
    this.loopBack(device);
    // What becomes of the copy says nothing of the packet itself.
    context.mark = mark;
    this.unknowns = unknowns;
    return this.send(device);
  }

  private loopBack(device: string): void {
    const { packet } = this;
    const { packetType, linkType } = packet;
    this.decides = false;
    if (this.send(device)) {
      // PACKET_LOOPBACK, which -m pkttype takes by address; there is no Ethernet header any more.
      packet.packetType = isGroup(packet) ? PACKET_MULTICAST : PACKET_BROADCAST;
      packet.linkType = LINKTYPE_NULL;
      if (this.prerouting(device, true)) this.input(device, true);
      packet.packetType = packetType;
      packet.linkType = linkType;
    }
    this.decides = true;
  }

  /** A copy that may or may not come back: what it may have done there. */
  private mayLoopBack(path: Path): boolean {
    if (path.copy === COPY_UNKNOWN) {
      this.doubt();
      this.loopBack(path.outInterface);
    }
    return true;
  }

  private track(local: boolean): void {
    const { unknowns } = this;
    this.connection?.track(this.packet, local, this.outcome, unknowns !== undefined);
    if (unknowns !== undefined) unknowns.connection = true;
  }

  private interfaces(inInterface: string, outInterface: string): void {
    this.context.inInterface = inInterface;
    this.context.outInterface = outInterface;
  }

  private filters(hook: number): boolean {
    return this.table('mangle', hook) && this.table('filter', hook) && this.table('security', hook);
  }

  /** nat sees only the first packet of a connection. */
  private nat(hook: number): boolean {
    const { connection } = this;
    if (connection?.isNew === true) return this.table('nat', hook);
    return connection?.mayBeNew !== true || this.perhaps('nat', hook);
  }

  /** A table that the packet may meet; decided only when it cannot end there. */
  private perhaps(name: TableName, hook: number): boolean {
    const { context, outcome } = this;
    const chain = this.program.chainAt(name, hook);
    if (chain === undefined) return true;
    context.hook = hook;
    const unknowns = this.unknowns ?? {
      mark: false,
      connection: true,
      interfaces: false,
      packet: outcome.number,
      mayBeReset: false,
    };
    const { mayDrop } = exploreTable(this.program, chain, context, unknowns);
    if (this.unknowns === undefined && mayDrop) {
      this.stop('UNDECIDED', this.doubts.conntrack);
      this.doubt();
    }
    return true;
  }

  /** Walks one table at a hook; false when the packet's way ends there. */
  private table(name: TableName, hook: number): boolean {
    const chain = this.program.chainAt(name, hook);
    if (chain === undefined) return true;
    const { context, result, unknowns } = this;
    context.hook = hook;
    if (unknowns !== undefined)
      return this.explored(exploreTable(this.program, chain, context, unknowns).mayAccept);
    this.observer?.table(HOOK_NAMES[hook] ?? '', name, chain, context);
    walk(this.program, chain, context, this.packet.totalLength, this.doubts, result, this.observer);
    if (this.decides) this.note(name, HOOK_NAMES[hook] ?? '', result);
    if (result.verdict === WALK_UNDECIDED) return this.exploreRest(chain);
    if (result.answer === 'tcp-reset') this.connection?.answeredByReset();
    return result.verdict === WALK_ACCEPT;
  }

  private exploreRest(chain: LinkedChain): boolean {
    const { rule, returns } = this.result;
    invariant(rule !== undefined, 'an undecided walk ends at a rule');
    const unknowns = this.doubt();
    const { context } = this;
    const { mayAccept } = exploreRest(this.program, chain, rule, returns, context, unknowns);
    return this.explored(mayAccept);
  }

  private explored(mayAccept: boolean): boolean {
    const { connection, unknowns } = this;
    if (connection !== undefined && unknowns?.mayBeReset === true) connection.mayBeReset = true;
    return mayAccept;
  }

  private note(table: TableName, hook: string, result: WalkResult): void {
    const { outcome } = this;
    const accepted = result.verdict === WALK_ACCEPT;
    if (!accepted || table === 'filter' || outcome.table !== 'filter') {
      outcome.hook = hook;
      outcome.table = table;
      outcome.chain = result.chain;
      outcome.rule = result.rule;
    }
    if (accepted) return;
    if (result.verdict === WALK_UNDECIDED) {
      outcome.verdict = 'UNDECIDED';
      outcome.reason = this.context.undecidedReason;
      return;
    }
    outcome.verdict = result.verdict === WALK_REJECT ? 'REJECT' : 'DROP';
    outcome.answer = result.answer;
    if (result.hotdrop) outcome.reason = 'dropped by a match that found the packet malformed';
  }
}

function isGroup(packet: PacketView): boolean {
  const first = packet.destination0 >>> 24;
  return packet.family === 4 ? first >>> 4 === 14 : first === 255;
}
