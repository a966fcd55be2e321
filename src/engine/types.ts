/** What a replay takes and gives. */

import type { ConntrackOptions } from '../conntrack/options.ts';
import type { Diagnostic } from '../errors.ts';
import type { LinkedChain, LinkedRule } from '../evaluate/program.ts';
import type { WalkObserver } from '../evaluate/reference.ts';
import type { PacketContext } from '../match/definition.ts';
import type { ReplaySettings } from '../match/replay-state.ts';
import type { PacketView } from '../packet/fields.ts';
import type { Ruleset, RulesetSource, TableName } from '../ruleset/types.ts';

/**
 * What became of a packet.
 * ACCEPT, DROP, REJECT: the firewall's verdict. UNDECIDED: the capture cannot tell (`reason`).
 * UNROUTED: the kernel's routing discards it between hooks (`reason`). NOT_SEEN: netfilter never
 * sees it (bad header, not for this host). QUEUED: a fragment, waiting for the rest of its
 * datagram. SKIPPED: not IP, or of a family for which no ruleset was given.
 */
export const VERDICTS = [
  'ACCEPT',
  'DROP',
  'REJECT',
  'UNDECIDED',
  'UNROUTED',
  'NOT_SEEN',
  'QUEUED',
  'SKIPPED',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One packet's outcome. One reused object: copy what you keep. */
export interface PacketOutcome {
  /** The packet as decoded; after reassembly the whole datagram. */
  readonly packet: PacketView;
  /** Number in the capture, from 1 (of the last fragment for a reassembled datagram). */
  number: number;
  verdict: Verdict;
  /** Why, for all but ACCEPT, DROP and REJECT; '' otherwise. */
  reason: string;
  /** The way through the host: 'INPUT', 'OUTPUT', 'FORWARD', 'LOOPBACK'; 'PREROUTING' when it ends
   * there, or is not known from there on; '' when not known at all. */
  path: string;
  /** Hook (name) and table where the verdict fell; '' when none did. For ACCEPT: the last filter-like
   * table walked. */
  hook: string;
  table: TableName | '';
  chain: LinkedChain | undefined;
  /** The deciding rule; undefined: the policy of `chain` (or no chain at all). */
  rule: LinkedRule | undefined;
  /** What REJECT answers: 'icmp-port-unreachable', 'tcp-reset' …; '' when nothing. */
  answer: string;
  /** 'NEW', 'ESTABLISHED' …; '' when the ruleset does not track connections. */
  ctstate: string;
  /** Why conntrack finds it INVALID; '' otherwise. */
  ctreason: string;
  /** '' where there is none. */
  inInterface: string;
  outInterface: string;
  /** The ruleset makes the kernel track the packet's connection. */
  tracked: boolean;
  /** A sent multicast packet of which a copy may have come back, or not. */
  mayLoopBack: boolean;
  /** From or to this host's own address, where the ruleset changes source addresses: perhaps a
   * packet of a forwarded connection. */
  mayBeTranslated: boolean;
  /** What it would have been handed to: `NFQUEUE --queue-num 0`; taken for without a listener. */
  queued: string;
}

/** One walk of a packet through a table at a hook, as told to a `PacketObserver`. */
export interface PacketObserver extends WalkObserver {
  /** A table is about to be walked. `context` is live: read it now. */
  table(hook: string, table: TableName, chain: LinkedChain, context: PacketContext): void;
}

export type { RulesetSource } from '../ruleset/types.ts';

/** How to replay. */
export interface ReplayOptions {
  /** Paths; '-' is standard input. Merged by time. */
  readonly captures: readonly string[];
  readonly rules?: readonly RulesetSource[];
  /** An already loaded ruleset, instead of `rules`. */
  readonly ruleset?: Ruleset;
  /** As the command line's options of the same names. All empty: inferred from the capture. */
  readonly vantage?: {
    readonly local?: readonly string[];
    readonly interface?: readonly string[];
    readonly route?: readonly string[];
  };
  /** nf_conntrack_* settings; kernel's defaults otherwise. */
  readonly conntrack?: Partial<ConntrackOptions>;
  /** Facts that no capture holds: `MATCH=yes` or `MATCH=no`, where MATCH is the beginning of a match
   * as iptables-save prints it, without `-m`. The longest that fits a match counts. */
  readonly assume?: readonly string[];
  /** Seed, lists and parameters that stateful matches begin with. */
  readonly settings?: ReplaySettings;
  /** Check IP and L4 checksums as an arriving host does. Default false: captures often hold
   * checksums not yet filled in by the network card. */
  readonly checksums?: boolean;
  readonly onPacket?: (outcome: PacketOutcome) => void;
  /** Gives an observer for the packets to be traced. `whole` is false for the frame as read. */
  readonly observe?: (number: number) => PacketObserver | undefined;
  /** Called now and then (each block read) with the number of packets and bytes so far. */
  readonly onProgress?: (
    packets: number,
    bytesRead: number,
    bytesTotal: number | undefined,
  ) => void;
  /** Stop after this many packets. */
  readonly limit?: number;
}

/** A number of packets with the first of them. */
export interface Tally {
  packets: number;
  firstPacket: number;
}

/** Something taken for given that the capture does not show, with the packets it decided. */
export interface AssumptionUse extends Tally {
  /** `owner --uid-owner 33=no`, or a sentence. */
  readonly text: string;
  /** The user stated it (`assume`); false: fwreplay takes it for given by itself. */
  readonly stated: boolean;
}

/** One finding of the capture doctor. */
export interface DoctorNote {
  readonly code:
    | 'one-direction'
    | 'mid-stream'
    | 'snap-length'
    | 'offloaded-checksums'
    | 'duplicates'
    | 'clock-backwards'
    | 'truncated-file'
    | 'bad-checksums'
    | 'multicast-copies'
    | 'translated-addresses';
  readonly message: string;
  /** Packets concerned. */
  readonly packets: number;
  /** Verdicts that rest on it. */
  readonly verdicts: number;
  readonly firstPacket: number;
}

/** The whole replay's result. */
export interface ReplayResult {
  readonly files: readonly string[];
  /** The ruleset with the replay's counters. */
  readonly ruleset: Ruleset;
  readonly warnings: readonly Diagnostic[];
  /** How the host's vantage was found, lines for people. */
  readonly vantage: readonly string[];
  /** False when it was guessed by traffic. */
  readonly vantageCertain: boolean;
  /** Frames read. */
  readonly packets: number;
  /** Sum of original lengths of the frames, bytes. */
  readonly frameBytes: number;
  /** Capture time of the first and last packet, seconds since 1970 with fraction; 0 when empty. */
  readonly firstTime: number;
  readonly lastTime: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** verdict counts by path ('INPUT' …). */
  readonly byPath: ReadonlyMap<string, Readonly<Record<Verdict, number>>>;
  /** verdict counts by protocol name. */
  readonly byProtocol: ReadonlyMap<string, Readonly<Record<Verdict, number>>>;
  /** By verdict (UNDECIDED, UNROUTED, NOT_SEEN, SKIPPED, QUEUED) and reason. */
  readonly reasons: ReadonlyMap<Verdict, ReadonlyMap<string, Tally>>;
  readonly doctor: readonly DoctorNote[];
  /** By the name of a match: packets for which one of that kind could not be decided. */
  readonly undecidedMatches: ReadonlyMap<string, Tally>;
  readonly assumptions: readonly AssumptionUse[];
  /** Seed of the ruleset's random matches and targets; undefined: it has none. */
  readonly seed: number | undefined;
  /** Connections tracked at the end. */
  readonly connections: number;
  /** Bytes read of the files. */
  readonly bytesRead: number;
}
