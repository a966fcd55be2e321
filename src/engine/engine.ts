/**
 * Decides packets one after another: what netfilter never sees, the vantage, reassembly, then the
 * host's hooks. Holds all state of a replay: flow tables, fragments, counters.
 */
import {
  createDefragmenter,
  DEFRAG_COMPLETE,
  DEFRAG_DROPPED,
  DEFRAG_QUEUED,
  DEFRAG_UNDECIDED,
} from '../conntrack/defrag.ts';
import { createTracker } from '../conntrack/tracker.ts';
import type { Tracker } from '../conntrack/types.ts';
import type { Diagnostic } from '../errors.ts';
import { Assumptions, type PacketTally } from '../evaluate/assumptions.ts';
import { linkRuleset, type Program } from '../evaluate/program.ts';
import { packetJiffies } from '../match/jiffies.ts';
import { REPLAY_SETS } from '../match/replay-sets.ts';
import { createReplayState, type ReplaySettings, type ReplayState } from '../match/replay-state.ts';
import { verifyChecksums } from '../packet/checksum.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../packet/ethertypes.ts';
import {
  isFragment,
  PACKET_BAD_IP_CHECKSUM,
  PACKET_CUT,
  PACKET_NOT_IP,
  PACKET_OK,
  type PacketView,
} from '../packet/fields.ts';
import { problemText } from '../packet/problem.ts';
import type { Family, FamilyRuleset, Ruleset } from '../ruleset/types.ts';
import type { SetCollection } from '../sets/collection.ts';
import { newPath } from '../topology/outcome.ts';
import {
  COPY_UNKNOWN,
  PATH_DROPPED,
  PATH_FORWARD,
  PATH_INPUT,
  PATH_LOOPBACK,
  PATH_NOT_SEEN,
  PATH_OUTPUT,
  PATH_UNDECIDED,
  type Path,
  type Topology,
} from '../topology/types.ts';
import { Host } from './host.ts';
import { notIpReason } from './not-ip.ts';
import type { PacketObserver, PacketOutcome, ReplayOptions } from './types.ts';

const PATH_NAMES: Readonly<Record<number, string>> = {
  [PATH_INPUT]: 'INPUT',
  [PATH_OUTPUT]: 'OUTPUT',
  [PATH_FORWARD]: 'FORWARD',
  [PATH_LOOPBACK]: 'LOOPBACK',
  [PATH_DROPPED]: 'PREROUTING',
};

/** Of an undecided way PREROUTING may be known. */
function pathName({ path, inInterface }: Path): string {
  return PATH_NAMES[path] ?? (path === PATH_UNDECIDED && inInterface !== '' ? 'PREROUTING' : '');
}

/** Seed of what is random, when none is given. */
const DEFAULT_SEED = 1;

interface Lane {
  readonly program: Program;
  readonly host: Host;
}

/** A reused outcome, as if of no packet yet. */
export function newOutcome(packet: PacketView): PacketOutcome {
  return {
    packet,
    number: 0,
    verdict: 'SKIPPED',
    reason: '',
    path: '',
    hook: '',
    table: '',
    chain: undefined,
    rule: undefined,
    answer: '',
    ctstate: '',
    ctreason: '',
    inInterface: '',
    outInterface: '',
    tracked: false,
    mayLoopBack: false,
    mayBeTranslated: false,
    queued: '',
  };
}

function clear(outcome: PacketOutcome, number: number): void {
  outcome.number = number;
  outcome.verdict = 'SKIPPED';
  outcome.reason = '';
  outcome.path = '';
  outcome.hook = '';
  outcome.table = '';
  outcome.chain = undefined;
  outcome.rule = undefined;
  outcome.answer = '';
  outcome.ctstate = '';
  outcome.ctreason = '';
  outcome.inInterface = '';
  outcome.outInterface = '';
  outcome.tracked = false;
  outcome.mayLoopBack = false;
  outcome.mayBeTranslated = false;
  outcome.queued = '';
}

/** The engine of one replay. */
export class Engine {
  private readonly lanes = new Map<Family, Lane>();
  private readonly path: Path = newPath();
  private readonly topology: Topology;
  private readonly checksums: boolean;
  private readonly arriving;
  /** What this host sends in fragments was whole at OUTPUT: put together again apart from the rest. */
  private readonly sent;
  readonly tracker: Tracker;
  readonly assumptions: Assumptions;
  private readonly state: ReplayState;
  private readonly sets: SetCollection | undefined;
  private seed: number | undefined;

  /** @throws UsageError for a wrong assumption */
  constructor(ruleset: Ruleset, topology: Topology, options: ReplayOptions) {
    this.topology = topology;
    this.checksums = options.checksums ?? false;
    this.sets = ruleset.sets;
    this.tracker = createTracker(options.conntrack);
    this.arriving = createDefragmenter(options.conntrack);
    this.sent = createDefragmenter(options.conntrack);
    this.assumptions = new Assumptions(options.assume ?? []);
    const { sets } = ruleset;
    const settings = { ...options.settings, ...(sets === undefined ? {} : { sets }) };
    this.state = createReplayState(this.settings(settings));
    for (const [family, rules] of ruleset.families) {
      const program = linkRuleset(rules, this.state, this.assumptions);
      const host = new Host(program, this.tracker, topology, {
        reassemble: (packet, outcome) => this.reassemble(packet, outcome, false),
        doubt: (packet) => this.arriving.doubt(packet, this.path.inInterface),
      });
      this.lanes.set(family, { program, host });
    }
  }

  /** The settings, with a look at whether anything random is made of the seed. */
  private settings(given: ReplaySettings): ReplaySettings {
    const seed = given.seed ?? DEFAULT_SEED;
    return Object.defineProperty({ ...given }, 'seed', {
      enumerable: true,
      get: () => {
        this.seed = seed;
        return seed;
      },
    });
  }

  /** The seed that random matches or targets of the ruleset take; undefined: there are none. */
  get seedUsed(): number | undefined {
    return this.seed;
  }

  /** Assumptions that no match takes up. */
  unusedAssumptions(): Diagnostic[] {
    return this.assumptions.unused();
  }

  /** By the name of a match: the packets for which one of that kind was undecided. */
  undecidedMatches(): Map<string, PacketTally> {
    const all = new Map<string, PacketTally>();
    for (const { program } of this.lanes.values())
      for (const [name, tally] of program.undecided) {
        const known = all.get(name);
        if (known === undefined) {
          all.set(name, { ...tally });
          continue;
        }
        known.packets += tally.packets;
        known.firstPacket = Math.min(known.firstPacket, tally.firstPacket);
      }
    return all;
  }

  /** The ruleset with the counters as they stand. */
  counted(): Ruleset {
    const families = new Map<Family, FamilyRuleset>();
    for (const [family, { program }] of this.lanes) families.set(family, program.withCounters());
    if (this.sets === undefined) return { families };
    // As the replay leaves them.
    return { families, sets: this.state.shared(REPLAY_SETS, '').collection };
  }

  /** Decides the packet with this number; `outcome` is cleared and set. */
  decide(
    packet: PacketView,
    number: number,
    outcome: PacketOutcome,
    observer: PacketObserver | undefined,
  ): void {
    clear(outcome, number);
    if (this.state.firstTick < 0) this.state.firstTick = packetJiffies(packet);
    if (this.checksums && packet.problem === PACKET_OK) verifyChecksums(packet);
    const { problem } = packet;
    if (problem !== PACKET_OK && problem !== PACKET_BAD_IP_CHECKSUM) {
      setProblem(packet, outcome);
      if (problem === PACKET_CUT) this.unseenHeader(packet, number);
      return;
    }
    const lane = this.lanes.get(packet.family as Family);
    if (lane === undefined) {
      outcome.reason = `no IPv${packet.family} ruleset was given`;
      return;
    }
    const { path } = this;
    this.topology.classify(packet, path);
    outcome.path = pathName(path);
    outcome.inInterface = path.inInterface;
    outcome.outInterface = path.outInterface;
    if (path.path === PATH_NOT_SEEN) {
      outcome.verdict = 'NOT_SEEN';
      outcome.reason = path.reason;
      return;
    }
    const local = path.path === PATH_OUTPUT || path.path === PATH_LOOPBACK;
    if (problem === PACKET_BAD_IP_CHECKSUM && !local) {
      outcome.verdict = 'NOT_SEEN';
      outcome.reason = problemText(packet);
      return;
    }
    outcome.mayLoopBack = path.copy === COPY_UNKNOWN;
    outcome.tracked = lane.program.tracksConnections;
    outcome.mayBeTranslated =
      lane.program.translatesSources && (path.path === PATH_INPUT || path.path === PATH_OUTPUT);
    if (isInPieces(packet, local, outcome.tracked) && !this.reassemble(packet, outcome, local)) {
      if (outcome.verdict !== 'UNDECIDED') return;
      // Perhaps the datagram became whole with it.
      lane.host.unseen(number);
      if (outcome.tracked) this.tracker.noteUnseen(packet);
      return;
    }
    lane.host.pass(packet, path, outcome, observer);
  }

  /** The IP header is cut: the packet may have been any of its family. */
  private unseenHeader(packet: PacketView, number: number): void {
    for (const [family, { program, host }] of this.lanes) {
      if (!mayBeOf(packet, family)) continue;
      host.unseen(number);
      if (program.tracksConnections) this.tracker.noteBlind(family, packet);
      this.arriving.doubtAll(family, packet);
      this.sent.doubtAll(family, packet);
    }
  }

  /** The interface of the packet, where known. */
  private device(local: boolean): string {
    return local ? this.path.outInterface : this.path.inInterface;
  }

  /** True when `packet` now is a whole datagram. */
  private reassemble(packet: PacketView, outcome: PacketOutcome, local: boolean): boolean {
    const result = (local ? this.sent : this.arriving).add(packet, this.device(local));
    switch (result.status) {
      case DEFRAG_QUEUED:
        outcome.verdict = 'QUEUED';
        outcome.reason = 'fragment, kept until its datagram is whole';
        return false;
      case DEFRAG_DROPPED:
        outcome.verdict = 'NOT_SEEN';
        outcome.reason = `fragment dropped in reassembly: ${result.reason}`;
        return false;
      case DEFRAG_UNDECIDED:
        outcome.verdict = 'UNDECIDED';
        outcome.reason = result.reason;
        return false;
      case DEFRAG_COMPLETE:
        if (this.checksums && packet.problem === PACKET_OK) verifyChecksums(packet);
        if (packet.problem === PACKET_OK || packet.problem === PACKET_BAD_IP_CHECKSUM) return true;
        setProblem(packet, outcome);
        if (packet.problem === PACKET_CUT) this.unseenHeader(packet, packet.number);
        return false;
    }
    return true;
  }
}

/**
 * Whether a packet is put together before its first hook: what this host sends was whole there, and
 * conntrack reassembles, taking also the header off an IPv6 datagram that is one fragment only.
 */
function isInPieces(packet: PacketView, local: boolean, tracked: boolean): boolean {
  if (isFragment(packet)) return local || tracked;
  return tracked && packet.fragmentHeaderOffset >= 0;
}

/** Whether a packet with its IP header cut may be of a family. */
function mayBeOf({ etherType }: PacketView, family: Family): boolean {
  if (etherType === ETHERTYPE_IPV4) return family === 4;
  return etherType !== ETHERTYPE_IPV6 || family === 6;
}

/** Sets the outcome of a frame that is no whole IP packet. */
function setProblem(packet: PacketView, outcome: PacketOutcome): void {
  if (packet.problem === PACKET_NOT_IP) {
    outcome.verdict = 'SKIPPED';
    outcome.reason = notIpReason(packet);
    return;
  }
  outcome.verdict = packet.problem === PACKET_CUT ? 'UNDECIDED' : 'NOT_SEEN';
  outcome.reason = problemText(packet);
}
