/**
 * The reference evaluator: walks chains rule by rule in the plainest way, as ipt_do_table does
 * (net/ipv4/netfilter/ip_tables.c, net/ipv6/netfilter/ip6_tables.c). It is what every faster
 * evaluator is compared with, so it stays obvious rather than quick.
 */
import { invariant } from '../errors.ts';
import type { MatchResult, PacketContext } from '../match/definition.ts';
import { HOTDROP, NO, UNDECIDED, YES } from '../match/definition.ts';
import { isDoubtable } from '../match/replay-state.ts';
import type { IpMatch } from '../ruleset/types.ts';
import {
  TARGET_ACCEPT,
  TARGET_CONTINUE,
  TARGET_DROP,
  TARGET_REJECT,
  TARGET_RETURN,
  TARGET_UNDECIDED,
} from '../target/definition.ts';
import { tallyPacket } from './assumptions.ts';
import { ipMatches } from './ip-match.ts';
import type { LinkedChain, LinkedRule, Program } from './program.ts';
import {
  READS_ADDRESSES,
  READS_CONNECTION,
  READS_FRAGMENT,
  READS_INTERFACES,
  READS_OWN_STATE,
  READS_PROTOCOL,
  readsBits,
} from './reads.ts';

/** What one table says at one hook. */
export const WALK_ACCEPT = 1;
export const WALK_DROP = 2;
export const WALK_REJECT = 3;
export const WALK_UNDECIDED = 4;

/** Where a walk continues: a chain and the index of its next rule. */
export interface Place {
  chain: LinkedChain;
  next: number;
}

/** Outcome of a walk; one reused object. */
export interface WalkResult {
  /** One WALK_ value. */
  verdict: number;
  /** Chain in which it was decided. */
  chain: LinkedChain | undefined;
  /** Deciding rule; undefined: the policy of `chain`. */
  rule: LinkedRule | undefined;
  /** A match dropped the packet by itself (hotdrop), rather than the rule's target. */
  hotdrop: boolean;
  /** What REJECT answers; '' when nothing. */
  answer: string;
  /** For WALK_UNDECIDED: `rule` matched, but what its target does is not known. */
  matched: boolean;
  /** For WALK_UNDECIDED: where the jumps that led to `chain` return to, outermost first. */
  returns: readonly Place[];
}

/** A result to be set by `walk`. */
export function newWalkResult(): WalkResult {
  return {
    verdict: 0,
    chain: undefined,
    rule: undefined,
    hotdrop: false,
    answer: '',
    matched: false,
    returns: [],
  };
}

/** Is told each step, for explain and for tests that compare with the kernel. */
export interface WalkObserver {
  /** A rule was looked at. `failed`: -1 the ip conditions, n the match; undefined when all held. */
  rule(rule: LinkedRule, result: MatchResult, failed: number | undefined): void;
  /** The policy of a built-in chain was reached. */
  policy(chain: LinkedChain): void;
}

/** What conditions rest on and cannot be known for the current packet. */
export interface Doubts {
  /** Why ctstate is not known; '' where it is. */
  conntrack: string;
  /** Number of the packet, for the doubts that it leaves behind. */
  packet: number;
}

/** What an undecided packet leaves unknown in a state that it may have used. */
export function stateDoubtText(packet: number): string {
  return `the state of this match rests on packet ${packet}, which is undecided`;
}

/** The state of a rule's match is not known from now on. @param packet number of the undecided one */
export function doubtState(linked: LinkedRule, index: number, packet: number): void {
  const state = linked.states[index];
  if (isDoubtable(state)) state.doubt(stateDoubtText(packet));
  else if (linked.stateDoubt === '') linked.stateDoubt = stateDoubtText(packet);
}

/**
 * A rule's own conditions without those that rest on what is not known of the packet; the same object
 * when there are none.
 * @param unknown READS_ bits
 */
export function knownConditions(ip: IpMatch, unknown: number): IpMatch {
  let known = ip;
  if ((unknown & READS_ADDRESSES) !== 0 && (ip.source ?? ip.destination) !== undefined)
    known = { ...known, source: undefined, destination: undefined };
  if ((unknown & READS_INTERFACES) !== 0 && (ip.inInterface ?? ip.outInterface) !== undefined)
    known = { ...known, inInterface: undefined, outInterface: undefined };
  if ((unknown & READS_PROTOCOL) !== 0 && ip.protocol !== undefined)
    known = { ...known, protocol: undefined };
  if ((unknown & READS_FRAGMENT) !== 0 && ip.fragment !== undefined)
    known = { ...known, fragment: undefined };
  return known;
}

function evaluateConditions(ip: IpMatch, context: PacketContext): MatchResult {
  const { unknown } = context;
  if (unknown === undefined) return ipMatches(ip, context);
  const known = knownConditions(ip, readsBits(unknown.what));
  const result = ipMatches(known, context);
  if (known === ip || result === NO) return result;
  context.undecidedReason = unknown.reason;
  return UNDECIDED;
}

/** All conditions of a rule, in order; the first that surely fails ends it. */
function evaluateRule(
  program: Program,
  linked: LinkedRule,
  context: PacketContext,
  doubts: Doubts,
  observer: WalkObserver | undefined,
): MatchResult {
  const { matches, ip } = linked.rule;
  context.mayHotdrop = false;
  const first = evaluateConditions(ip, context);
  if (first === NO || first === HOTDROP) {
    observer?.rule(linked, first, -1);
    return first;
  }
  /** Which condition is not known: -1 those of the rule itself. */
  let unknown = first === UNDECIDED ? -1 : undefined;
  for (let i = 0; i < matches.length; i++) {
    // A reason already noted stays the one to report.
    const noted = context.undecidedReason;
    const result = evaluateMatch(program, linked, i, context, doubts, unknown !== undefined);
    if (unknown !== undefined) context.undecidedReason = noted;
    if (result === HOTDROP && unknown !== undefined) context.mayHotdrop = true;
    if (result === UNDECIDED) {
      unknown ??= i;
    } else if (result === NO ? !context.mayHotdrop : result === HOTDROP && unknown === undefined) {
      // A condition that surely fails decides the rule, whatever an unknown one before it says,
      // unless that one may drop the packet.
      observer?.rule(linked, result, i);
      return result;
    }
  }
  const result: MatchResult = unknown === undefined ? YES : UNDECIDED;
  observer?.rule(linked, result, unknown);
  return result;
}

/** A match as the evaluator asks it: undecided by what it rests on, decided by what is assumed. */
function evaluateMatch(
  program: Program,
  linked: LinkedRule,
  index: number,
  context: PacketContext,
  doubts: Doubts,
  afterUnknown: boolean,
): MatchResult {
  const result = askMatch(linked, index, context, doubts, afterUnknown);
  if (result !== UNDECIDED) return result;
  const assumed = linked.assumed[index];
  if (assumed !== undefined) {
    tallyPacket(assumed.assumption, doubts.packet);
    return assumed.holds ? YES : NO;
  }
  const match = linked.rule.matches[index];
  if (match !== undefined) {
    tallyUndecided(program, match.name, doubts.packet);
    if (match.mayHotdrop) context.mayHotdrop = true;
  }
  return result;
}

function tallyUndecided({ undecided }: Program, name: string, packet: number): void {
  let tally = undecided.get(name);
  if (tally === undefined) {
    tally = { packets: 0, firstPacket: 0, lastPacket: 0 };
    undecided.set(name, tally);
  }
  tallyPacket(tally, packet);
}

function askMatch(
  linked: LinkedRule,
  index: number,
  context: PacketContext,
  doubts: Doubts,
  afterUnknown: boolean,
): MatchResult {
  const reads = linked.reads[index] ?? 0;
  if ((reads & READS_OWN_STATE) !== 0) {
    // Whether a stateful match after an unknown condition is asked at all is unknown too; so is what
    // one does that rests on something unknown itself.
    if (afterUnknown || restsOnUnknown(reads, context, doubts)) {
      doubtState(linked, index, doubts.packet);
      noteUnknown(reads, context, doubts, stateDoubtText(doubts.packet));
      return UNDECIDED;
    }
    if (linked.stateDoubt !== '') {
      context.undecidedReason = linked.stateDoubt;
      return UNDECIDED;
    }
  } else if (restsOnUnknown(reads, context, doubts)) {
    noteUnknown(reads, context, doubts, '');
    return UNDECIDED;
  }
  const match = linked.rule.matches[index];
  invariant(match !== undefined, 'a match for each index');
  return match.matches(context, linked.states[index]);
}

function restsOnUnknown(reads: number, context: PacketContext, doubts: Doubts): boolean {
  if ((reads & READS_CONNECTION) !== 0 && doubts.conntrack !== '') return true;
  return context.unknown !== undefined && (reads & readsBits(context.unknown.what)) !== 0;
}

function noteUnknown(reads: number, context: PacketContext, doubts: Doubts, other: string): void {
  const { unknown } = context;
  if ((reads & READS_CONNECTION) !== 0 && doubts.conntrack !== '')
    context.undecidedReason = doubts.conntrack;
  else if (unknown !== undefined && (reads & readsBits(unknown.what)) !== 0)
    context.undecidedReason = unknown.reason;
  else context.undecidedReason = other;
}

/** Where a walk stands, and where its jumps came from. */
interface Cursor extends Place {
  readonly returns: Place[];
}

/**
 * Walks a table at a hook from its built-in chain. Moves counters; sets `result`. Bytes are counted
 * as the packet is at each rule: a target before may have made it longer.
 */
export function walk(
  program: Program,
  start: LinkedChain,
  context: PacketContext,
  doubts: Doubts,
  result: WalkResult,
  observer?: WalkObserver,
): void {
  const cursor: Cursor = { chain: start, next: 0, returns: [] };
  result.hotdrop = false;
  result.answer = '';
  result.matched = false;
  result.returns = cursor.returns;
  context.undecidedReason = '';
  for (;;) {
    const { chain } = cursor;
    const linked = chain.rules[cursor.next];
    if (linked === undefined) {
      const back = cursor.returns.pop();
      if (back === undefined) break;
      cursor.chain = back.chain;
      cursor.next = back.next;
      continue;
    }
    cursor.next += 1;
    const matched = evaluateRule(program, linked, context, doubts, observer);
    if (matched === NO) continue;
    if (matched === YES) count(program, linked.counter, context.packet.totalLength);
    if (matched === UNDECIDED && !context.mayHotdrop && onlyCounts(linked)) {
      countUncertain(program, linked.counter);
      continue;
    }
    const verdict = verdictOf(matched, linked, context, doubts, cursor, result);
    if (verdict === 0) continue;
    result.hotdrop = matched === HOTDROP;
    result.matched = matched === YES;
    result.verdict = verdict;
    result.chain = chain;
    result.rule = linked;
    return;
  }
  count(program, start.policyCounter, context.packet.totalLength);
  observer?.policy(start);
  result.verdict = start.policy === 'DROP' ? WALK_DROP : WALK_ACCEPT;
  result.chain = start;
  result.rule = undefined;
}

function count(program: Program, counter: number, length: number): void {
  const { packets, bytes } = program.counters;
  packets[counter] = (packets[counter] ?? 0) + 1;
  bytes[counter] = (bytes[counter] ?? 0) + length;
}

function countUncertain(program: Program, counter: number): void {
  const { uncertain } = program.counters;
  uncertain[counter] = (uncertain[counter] ?? 0) + 1;
}

/** Does a hit change nothing for the packet? Then whether it is one need not be known. */
function onlyCounts({ rule: { target } }: LinkedRule): boolean {
  return target.kind === 'none' || (target.kind === 'target' && target.target.name === 'LOG');
}

function verdictOf(
  matched: MatchResult,
  linked: LinkedRule,
  context: PacketContext,
  doubts: Doubts,
  cursor: Cursor,
  result: WalkResult,
): number {
  if (matched === HOTDROP) return WALK_DROP;
  if (matched === UNDECIDED || targetRestsOnUnknown(linked, context, doubts)) return WALK_UNDECIDED;
  return applyTarget(linked, context, cursor, result);
}

/** Whether what a target does rests on something that is not known of the packet. */
function targetRestsOnUnknown(
  { rule: { target } }: LinkedRule,
  context: PacketContext,
  doubts: Doubts,
): boolean {
  if (doubts.conntrack === '' && context.unknown === undefined) return false;
  if (target.kind !== 'target' || target.target.reads.length === 0) return false;
  const reads = readsBits(target.target.reads);
  if (!restsOnUnknown(reads, context, doubts)) return false;
  noteUnknown(reads, context, doubts, '');
  return true;
}

/** Applies a matched rule's target: a WALK_ verdict, or 0 to go on where the cursor then stands. */
function applyTarget(
  linked: LinkedRule,
  context: PacketContext,
  cursor: Cursor,
  result: WalkResult,
): number {
  const { target } = linked.rule;
  if (target.kind === 'none') return 0;
  if (target.kind !== 'target') {
    invariant(linked.jump !== undefined, 'a jump is linked to its chain');
    // A goto leaves no trace: the chain it goes to returns to where the last jump came from.
    if (target.kind === 'jump') cursor.returns.push({ chain: cursor.chain, next: cursor.next });
    cursor.chain = linked.jump;
    cursor.next = 0;
    return 0;
  }
  switch (target.target.apply(context, linked.targetState)) {
    case TARGET_CONTINUE:
      return 0;
    case TARGET_ACCEPT:
      return WALK_ACCEPT;
    case TARGET_DROP:
      return WALK_DROP;
    case TARGET_REJECT:
      result.answer = target.target.answer(context);
      return WALK_REJECT;
    case TARGET_RETURN:
      cursor.next = cursor.chain.rules.length;
      return 0;
    case TARGET_UNDECIDED:
      return WALK_UNDECIDED;
  }
}
