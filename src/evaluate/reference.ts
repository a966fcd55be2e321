/**
 * The reference evaluator: walks chains rule by rule in the plainest way, as ipt_do_table does
 * (net/ipv4/netfilter/ip_tables.c, net/ipv6/netfilter/ip6_tables.c). It is what every faster
 * evaluator is compared with, so it stays obvious rather than quick.
 */
import { invariant } from '../errors.ts';
import type { MatchResult, PacketContext } from '../match/definition.ts';
import { HOTDROP, NO, UNDECIDED, YES } from '../match/definition.ts';
import {
  TARGET_ACCEPT,
  TARGET_CONTINUE,
  TARGET_DROP,
  TARGET_REJECT,
  TARGET_RETURN,
  TARGET_UNDECIDED,
} from '../target/definition.ts';
import { ipMatches } from './ip-match.ts';
import {
  type LinkedChain,
  type LinkedRule,
  type Program,
  READS_CONNECTION,
  READS_OWN_STATE,
} from './program.ts';

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

/** Why the state of a rule's stateful matches is not known from now on. */
export function doubtState(linked: LinkedRule, packet: number): void {
  if (linked.stateDoubt === '')
    linked.stateDoubt = `the state of this match rests on packet ${packet}, which is undecided`;
}

/** All conditions of a rule, in order; the first that fails ends it. */
function evaluateRule(
  linked: LinkedRule,
  context: PacketContext,
  doubts: Doubts,
  observer: WalkObserver | undefined,
): MatchResult {
  const { matches } = linked.rule;
  context.mayHotdrop = false;
  const first = ipMatches(linked.rule.ip, context);
  if (first !== YES) {
    observer?.rule(linked, first, -1);
    return first;
  }
  let unknown = -1;
  for (let i = 0; i < matches.length; i++) {
    // A reason already noted stays the one to report.
    const noted = context.undecidedReason;
    const result = evaluateMatch(linked, i, context, doubts, unknown >= 0);
    if (unknown >= 0) context.undecidedReason = noted;
    if (result === HOTDROP && unknown >= 0) context.mayHotdrop = true;
    if (result === UNDECIDED) {
      if (unknown < 0) unknown = i;
    } else if (result === NO ? !context.mayHotdrop : result === HOTDROP && unknown < 0) {
      // A condition that surely fails decides the rule, whatever an unknown one before it says,
      // unless that one may drop the packet.
      observer?.rule(linked, result, i);
      return result;
    }
  }
  const result: MatchResult = unknown >= 0 ? UNDECIDED : YES;
  observer?.rule(linked, result, unknown >= 0 ? unknown : undefined);
  return result;
}

function evaluateMatch(
  linked: LinkedRule,
  index: number,
  context: PacketContext,
  doubts: Doubts,
  afterUnknown: boolean,
): MatchResult {
  const reads = linked.reads[index] ?? 0;
  if ((reads & READS_CONNECTION) !== 0 && doubts.conntrack !== '') {
    context.undecidedReason = doubts.conntrack;
    return UNDECIDED;
  }
  if ((reads & READS_OWN_STATE) !== 0) {
    // Whether a stateful match after an unknown condition is asked at all is unknown too.
    if (afterUnknown) doubtState(linked, doubts.packet);
    if (linked.stateDoubt !== '') {
      context.undecidedReason = linked.stateDoubt;
      return UNDECIDED;
    }
  }
  const match = linked.rule.matches[index];
  invariant(match !== undefined, 'a match for each index');
  return match.matches(context, linked.states[index]);
}

/** Where a walk stands, and where its jumps came from. */
interface Cursor extends Place {
  readonly returns: Place[];
}

/**
 * Walks a table at a hook from its built-in chain. Moves counters; sets `result`.
 * @param length bytes to count: the datagram's length.
 */
export function walk(
  program: Program,
  start: LinkedChain,
  context: PacketContext,
  length: number,
  doubts: Doubts,
  result: WalkResult,
  observer?: WalkObserver,
): void {
  const cursor: Cursor = { chain: start, next: 0, returns: [] };
  result.hotdrop = false;
  result.answer = '';
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
    const matched = evaluateRule(linked, context, doubts, observer);
    if (matched === NO) continue;
    if (matched === YES) count(program, linked.counter, length);
    if (matched === UNDECIDED && !context.mayHotdrop && onlyCounts(linked)) {
      countUncertain(program, linked.counter);
      continue;
    }
    const verdict = verdictOf(matched, linked, context, cursor, result);
    if (verdict === 0) continue;
    result.hotdrop = matched === HOTDROP;
    result.verdict = verdict;
    result.chain = chain;
    result.rule = linked;
    return;
  }
  count(program, start.policyCounter, length);
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
  cursor: Cursor,
  result: WalkResult,
): number {
  if (matched === HOTDROP) return WALK_DROP;
  if (matched === UNDECIDED) return WALK_UNDECIDED;
  return applyTarget(linked, context, cursor, result);
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
  switch (target.target.apply(context)) {
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
