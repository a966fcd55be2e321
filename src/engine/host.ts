/**
 * One packet's way through the host: hooks and tables in the kernel's order, conntrack between raw
 * and mangle, confirmation when a packet leaves the last hook. Plain and sequential; counters move
 * in the programs. Checked against Linux 6.18, loopback and looped-back copies among it.
 */
import { CTSTATE_UNTRACKED, type Tracker } from '../conntrack/types.ts';
import { invariant } from '../errors.ts';
import { exploreAnything, exploreRest, exploreTable, type Unknowns } from '../evaluate/possible.ts';
import type { LinkedChain, Program } from '../evaluate/program.ts';
import {
  READS_CONNECTION,
  READS_INTERFACES,
  READS_TRANSLATED,
  readsBits,
} from '../evaluate/reads.ts';
import {
  type Doubts,
  newWalkResult,
  WALK_ACCEPT,
  WALK_REJECT,
  WALK_UNDECIDED,
  type WalkResult,
  walk,
} from '../evaluate/reference.ts';
import type { PacketContext, PacketCopy } from '../match/definition.ts';
import { newContext } from '../match/new-context.ts';
import { decrementHopLimit, setHopLimit } from '../packet/edit.ts';
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
import { type Suspicion, Translations } from './translations.ts';
import type { PacketObserver, PacketOutcome } from './types.ts';

/** LINKTYPE_NULL: what a looped-back copy has in place of an Ethernet header. */
const LINKTYPE_NULL = 0;

const READS_TTL = readsBits(['ttl']);
/** What a copy of the packet, made on its way, may have otherwise than the packet in the end. */
const READS_COPY = readsBits(['mark', 'ttl', 'tos', 'length', 'tcp-options', 'payload']);

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
  private readonly translations = new Translations();
  // Of the current packet:
  private packet = new PacketView();
  private outcome!: PacketOutcome;
  private observer: PacketObserver | undefined;
  /** False while a looped-back copy is walked: its fate is not the packet's verdict. */
  private decides = true;
  /** Set from where on the packet's way is not known: tables are explored, no longer walked. */
  private unknowns: Unknowns | undefined;
  /** What the packet may have to do with translated connections. */
  private suspicion: Suspicion | undefined;
  /** A changed destination may have taken the packet another way. */
  private rerouted = false;

  /**
   * @param tracker shared by the families
   * @param delivery as ip_local_deliver does it, before INPUT
   */
  constructor(program: Program, tracker: Tracker, topology: Topology, delivery: Delivery) {
    this.program = program;
    this.delivery = delivery;
    this.context = newContext(this.packet, program.family, topology);
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
    const copyTo = this.context.copyTo ?? this.unknowns?.copyTo;
    if (copyTo !== undefined) this.copy(copyTo);
    outcome.queued = this.context.queued;
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
    context.untracked = false;
    context.zoneOriginal = 0;
    context.zoneReply = 0;
    context.priority = 0;
    context.traced = false;
    context.forwarded = false;
    context.translated = '';
    context.translates = '';
    context.helper = '';
    context.timeoutPolicy = '';
    context.queued = '';
    context.copyTo = undefined;
    context.trackingSet = false;
    context.unknown = undefined;
    this.rerouted = false;
    this.connection?.begin();
    this.doubts.packet = this.outcome.number;
    this.decides = true;
    this.unknowns = undefined;
    this.outcome.verdict = 'ACCEPT';
  }

  private along(path: Path): boolean {
    const { inInterface, outInterface } = path;
    const arrives = (path.path === PATH_FORWARD && !path.leaving) || path.path === PATH_INPUT;
    this.suspicion = this.translations.suspect(this.packet, arrives);
    if (this.suspicion?.original === undefined && this.suspicion !== undefined && !arrives)
      return this.maybeTranslated(path, this.suspicion.reason);
    switch (path.path) {
      case PATH_INPUT:
        if (!this.prerouting(inInterface, false)) return false;
        return this.rerouted ? this.anyWay() : this.input(inInterface, false);
      case PATH_FORWARD:
        // ip_forward and ip6_forward count the hop before they call the hook.
        if (path.leaving) this.hop(1);
        if (!this.prerouting(inInterface, false)) return false;
        if (this.rerouted) return this.anyWay();
        if (this.packet.ttl <= 1) return this.stop('UNROUTED', 'TTL or hop limit expires here');
        this.hop(-1);
        return this.forward(inInterface, outInterface);
      case PATH_OUTPUT:
        if (!this.output(outInterface)) return false;
        if (this.rerouted) return this.anyWayOut();
        if (path.copy === COPY_LOOPED) return this.sendTwice(outInterface);
        return this.send(outInterface) && this.mayLoopBack(path);
      case PATH_LOOPBACK:
        if (!this.output(outInterface)) return false;
        if (this.rerouted) return this.anyWayOut();
        return this.send(outInterface) && this.comeBack(path, inInterface);
      case PATH_DROPPED:
        if (!this.prerouting(inInterface, false)) return false;
        if (this.rerouted || this.outlives(path)) return this.anyWay();
        return this.stop('UNROUTED', path.reason);
      case PATH_UNDECIDED:
        return this.undecided(path);
    }
    invariant(false, `path ${path.path} is not walked`);
  }

  /**
   * A target before routing (-j TTL, -j HL) may have kept alive a packet that would expire here: then
   * it is forwarded, by an interface that nobody has looked up.
   */
  private outlives(path: Path): boolean {
    const unknown = ((this.unknowns?.reads ?? 0) & READS_TTL) !== 0;
    if (!path.reason.endsWith('expires here') || (this.packet.ttl <= 1 && !unknown)) return false;
    this.stop('UNDECIDED', 'a target changed its TTL: where it is forwarded is not known');
    this.doubt().reads |= READS_INTERFACES;
    return true;
  }

  /** A copy of -j TEE leaves by OUTPUT and POSTROUTING, untracked: what it may have counted there. */
  private copy({ outInterface }: PacketCopy): void {
    const { context, packet } = this;
    const noted = { ...context };
    this.decides = false;
    const unknowns = this.doubt();
    unknowns.reads |= READS_CONNECTION | READS_COPY;
    context.ctstate = CTSTATE_UNTRACKED;
    context.connection = undefined;
    this.interfaces('', outInterface);
    if (outInterface === '') unknowns.reads |= READS_INTERFACES;
    const ways = [
      ['raw', HOOK_OUTPUT],
      ['mangle', HOOK_OUTPUT],
      ['filter', HOOK_OUTPUT],
      ['security', HOOK_OUTPUT],
      ['mangle', HOOK_POSTROUTING],
    ] as const;
    for (const [table, hook] of ways) if (!this.table(table, hook)) break;
    Object.assign(context, noted);
    context.packet = packet;
  }

  private hop(change: number): void {
    if (change === -1 && this.packet.ttl > 0) decrementHopLimit(this.packet);
    else setHopLimit(this.packet, (this.packet.ttl + change) & 0xff);
  }

  /** After PREROUTING the way rests on an address that is not known. */
  private anyWay(): boolean {
    const input = this.input('', false);
    this.hop(-1);
    return this.forward('', '') || input;
  }

  /** After OUTPUT likewise: it may come back by the loopback interface. */
  private anyWayOut(): boolean {
    const sent = this.send('');
    if (sent && this.prerouting('', true)) this.input('', true);
    return sent;
  }

  /** Captured perhaps after a translation: where it came from is not known. */
  private maybeTranslated(path: Path, reason: string): boolean {
    this.stop('UNDECIDED', reason);
    this.doubt().reads |= READS_TRANSLATED | READS_CONNECTION | READS_COPY;
    this.outcome.path = '';
    if (path.path === PATH_OUTPUT || path.path === PATH_LOOPBACK)
      if (this.output('')) this.anyWayOut();
    return this.prerouting('', false) && this.anyWay();
  }

  /** The second half of loopback, where ip_rcv and ip6_rcv look at the packet as at any other. */
  private comeBack(path: Path, inInterface: string): boolean {
    const lost = path.reason;
    if (lost !== '' && this.context.family === 6) return this.stop('UNROUTED', lost);
    // Its source is another one from POSTROUTING on.
    if (this.context.translates === 'source' || this.suspicion?.original?.source === true) {
      this.stop('UNDECIDED', this.translationReason());
      this.doubt().reads |= READS_TRANSLATED | READS_CONNECTION;
    }
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
    unknowns.reads |= READS_INTERFACES;
    if (path.maybe === PATH_FORWARD) return this.forward(inInterface, '');
    if (this.prerouting('', false)) {
      this.input('', false);
      this.forward('', '');
    }
    return this.output('') && this.send('');
  }

  /** From here on the packet's way is not known. */
  private doubt(): Unknowns {
    this.unknowns ??= this.newUnknowns();
    return this.unknowns;
  }

  private newUnknowns(): Unknowns {
    const { unknown } = this.context;
    return {
      reads: (this.doubts.conntrack !== '' ? READS_CONNECTION : 0) | readsBits(unknown?.what ?? []),
      translated: '',
      copyTo: undefined,
      mayEnd: false,
      packet: this.outcome.number,
      mayBeReset: false,
    };
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
    if (!again && !this.nat(HOOK_PREROUTING)) return false;
    this.translate();
    return true;
  }

  /**
   * After nat at PREROUTING and OUTPUT: when the destination was changed, what the packet meets from
   * here on is not known.
   */
  private translate(): void {
    const { context, suspicion, unknowns } = this;
    const changed = context.translates === 'destination';
    const before = suspicion?.original?.destination === true || this.connection?.suspect === true;
    const original = suspicion?.original;
    const perhaps = unknowns !== undefined && unknowns.translated !== '';
    const known = original !== undefined && !original.destination;
    if (!changed && !perhaps && (!before || known)) return;
    this.stop('UNDECIDED', this.translationReason());
    this.doubt().reads |= READS_TRANSLATED | READS_CONNECTION;
    this.rerouted = true;
  }

  private translationReason(): string {
    const { translated } = this.context;
    if (translated === '') return this.suspicion?.reason ?? '';
    return `address translation is not simulated yet: ${translated}`;
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
    this.context.forwarded = true;
    return this.filters(HOOK_FORWARD) && this.leave();
  }

  private output(outInterface: string): boolean {
    this.interfaces('', outInterface);
    this.context.forwarded = false;
    if (!this.table('raw', HOOK_OUTPUT)) return false;
    this.track(true);
    if (!this.table('mangle', HOOK_OUTPUT)) return false;
    if (!this.nat(HOOK_OUTPUT)) return false;
    this.translate();
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
    else this.unknowns.reads |= READS_CONNECTION;
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
    const uncertain = unknowns !== undefined;
    this.connection?.track(this.packet, local, this.outcome, uncertain, this.suspicion);
    if (unknowns !== undefined) unknowns.reads |= READS_CONNECTION;
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
    const { connection, unknowns, doubts } = this;
    if (connection === undefined) return true;
    const isDoubtful = doubts.conntrack !== '' || ((unknowns?.reads ?? 0) & READS_CONNECTION) !== 0;
    if (!connection.isNew && !isDoubtful) return true;
    if (unknowns === undefined && isDoubtful) return this.perhapsNat(hook);
    const goesOn = this.table('nat', hook);
    const { translated } = this.context;
    this.noteTranslation(hook, translated === '' ? (this.unknowns?.translated ?? '') : translated);
    // Perhaps nat never saw it.
    return goesOn || isDoubtful;
  }

  private noteTranslation(hook: number, target: string): void {
    if (target === '') return;
    const what = isSourceHook(hook) ? 'source' : 'destination';
    this.translations.add(this.packet, what, target, this.outcome.number);
  }

  /** Whether nat sees the packet is not known. Where it would change nothing, that does not matter. */
  private perhapsNat(hook: number): boolean {
    const chain = this.program.chainAt('nat', hook);
    if (chain === undefined) return true;
    const { context } = this;
    context.hook = hook;
    const trial = this.newUnknowns();
    const before = trial.reads;
    const accepts = exploreTable(this.program, chain, context, trial);
    this.noteTranslation(hook, trial.translated);
    const written = trial.reads & ~before & ~(isSourceHook(hook) ? READS_TRANSLATED : 0);
    if (accepts && !trial.mayEnd && written === 0) return true;
    this.stop('UNDECIDED', this.doubts.conntrack);
    this.unknowns = trial;
    return accepts;
  }

  /** Walks one table at a hook; false when the packet's way ends there. */
  private table(name: TableName, hook: number): boolean {
    const chain = this.program.chainAt(name, hook);
    if (chain === undefined) return true;
    const { context, result, unknowns } = this;
    context.hook = hook;
    if (unknowns !== undefined)
      return this.explored(exploreTable(this.program, chain, context, unknowns));
    this.observer?.table(HOOK_NAMES[hook] ?? '', name, chain, context);
    walk(this.program, chain, context, this.doubts, result, this.observer);
    if (this.decides) this.note(name, HOOK_NAMES[hook] ?? '', result);
    if (result.verdict === WALK_UNDECIDED) return this.exploreRest(chain);
    if (result.answer === 'tcp-reset') this.connection?.answeredByReset();
    return result.verdict === WALK_ACCEPT;
  }

  private exploreRest(chain: LinkedChain): boolean {
    const { rule, matched, returns } = this.result;
    invariant(rule !== undefined, 'an undecided walk ends at a rule');
    const unknowns = this.doubt();
    const { context, program } = this;
    return this.explored(exploreRest(program, chain, rule, matched, returns, context, unknowns));
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

/** Where nat changes the source; elsewhere the destination. */
function isSourceHook(hook: number): boolean {
  return hook === HOOK_POSTROUTING || hook === HOOK_INPUT;
}

function isGroup(packet: PacketView): boolean {
  const first = packet.destination0 >>> 24;
  return packet.family === 4 ? first >>> 4 === 14 : first === 255;
}
