/**
 * What an undecided packet may have done from where its verdict became unknown: every rule that it
 * could have matched is counted as uncertain, and every stateful match that it could have met is in
 * doubt from then on. An upper bound by construction: only conditions that surely fail end a branch.
 */
import {
  HOTDROP,
  NO,
  type PacketContext,
  type PacketCopy,
  UNDECIDED,
  YES,
} from '../match/definition.ts';
import { isDoubtable } from '../match/replay-state.ts';
import { TABLE_NAMES } from '../ruleset/types.ts';
import {
  type BoundTarget,
  TARGET_ACCEPT,
  TARGET_CONTINUE,
  TARGET_REJECT,
  TARGET_RETURN,
  TARGET_UNDECIDED,
} from '../target/definition.ts';
import { ipMatches } from './ip-match.ts';
import type { LinkedChain, LinkedRule, Program } from './program.ts';
import { READS_OWN_STATE, READS_TRANSLATED, readsBits } from './reads.ts';
import { doubtState, knownConditions, type Place, stateDoubtText } from './reference.ts';

/** What is not known of the packet, beside what the capture lacks. */
export interface Unknowns {
  /** READS_ bits of what a match may read and is not known. Grows as rules that may have been hit
   * have targets that write. */
  reads: number;
  /** A NAT target that may have been hit, as printed; ''. */
  translated: string;
  /** A copy that -j TEE may have sent. */
  copyTo: PacketCopy | undefined;
  /** A target that may have been hit ends the packet's way, or may. */
  mayEnd: boolean;
  /** Number of the undecided packet. */
  packet: number;
  /** Set where a rule may have answered the packet with a TCP reset. */
  mayBeReset: boolean;
}

/** How a branch may go on; bits. */
const ENDS = 0;
const MAY_RETURN = 1;
const MAY_ACCEPT = 2;

/** May the packet match: surely not, perhaps, surely, or is it dropped by a match. */
type Chance = 'no' | 'perhaps' | 'surely' | 'hotdrop';

interface Explored {
  readonly outcome: number;
  readonly reads: number;
  readonly counted: ReadonlyMap<number, number>;
}

class Exploration {
  private readonly program: Program;
  private readonly context: PacketContext;
  readonly unknowns: Unknowns;
  /** What was counted in the chain under way. */
  private counted = new Map<number, number>();
  /** Of chains from their first rule on, with what was unknown then; a chain under way cannot meet
   * itself (loops are refused). */
  private readonly explored = new Map<LinkedChain, Explored>();

  constructor(program: Program, context: PacketContext, unknowns: Unknowns) {
    this.program = program;
    this.context = context;
    this.unknowns = unknowns;
  }

  /** A packet counts at a rule each time that it comes by: by several jumps to its chain. */
  count(counter: number, times = 1): void {
    if (counter < 0) return;
    this.counted.set(counter, (this.counted.get(counter) ?? 0) + times);
    const { uncertain } = this.program.counters;
    uncertain[counter] = (uncertain[counter] ?? 0) + times;
  }

  chain(chain: LinkedChain): number {
    const before = this.explored.get(chain);
    const { reads } = this.unknowns;
    if (before !== undefined && before.reads === reads) {
      for (const [counter, times] of before.counted) this.count(counter, times);
      return before.outcome;
    }
    const outer = this.counted;
    const counted = new Map<number, number>();
    this.counted = counted;
    const outcome = this.from(chain, 0);
    this.counted = outer;
    for (const [counter, times] of counted) outer.set(counter, (outer.get(counter) ?? 0) + times);
    this.explored.set(chain, { outcome, reads, counted });
    return outcome;
  }

  /** Everything from rule index `start` of a chain on. */
  from(chain: LinkedChain, start: number): number {
    let outcome = ENDS;
    for (let i = start; i < chain.rules.length; i++) {
      const linked = chain.rules[i];
      if (linked === undefined) break;
      const chance = this.chance(linked);
      if (chance === 'no') continue;
      if (chance === 'hotdrop') {
        this.unknowns.mayEnd = true;
        return outcome;
      }
      this.count(linked.counter);
      const { goesOn, leadsTo } = this.target(linked);
      outcome |= leadsTo;
      if (chance === 'surely' && !goesOn) return outcome;
    }
    return outcome | MAY_RETURN;
  }

  /** What a hit leads to, and whether the next rule may follow it. */
  target(linked: LinkedRule): { goesOn: boolean; leadsTo: number } {
    const { target } = linked.rule;
    if (target.kind === 'none') return { goesOn: true, leadsTo: ENDS };
    if (target.kind !== 'target') {
      const inner = linked.jump === undefined ? ENDS : this.chain(linked.jump);
      const returns = (inner & MAY_RETURN) !== 0;
      if (target.kind === 'goto') return { goesOn: false, leadsTo: inner };
      return { goesOn: returns, leadsTo: inner & MAY_ACCEPT };
    }
    return this.targetItself(target.target, linked.targetState);
  }

  /** A target that changes the packet or keeps state is not applied, since it may not have been met. */
  private targetItself(target: BoundTarget, state: unknown): { goesOn: boolean; leadsTo: number } {
    const { context, unknowns } = this;
    if (target.writes.length > 0 || state !== undefined) {
      unknowns.reads |= readsBits(target.writes);
      if (isDoubtable(state)) state.doubt(stateDoubtText(unknowns.packet));
      return { goesOn: true, leadsTo: ENDS };
    }
    const noted = { ...context };
    const result = target.apply(context, state);
    if (context.translated !== noted.translated) {
      unknowns.translated = context.translated;
      unknowns.reads |= READS_TRANSLATED;
    }
    if (context.copyTo !== noted.copyTo) unknowns.copyTo = context.copyTo;
    if (context.unknown !== noted.unknown) unknowns.reads |= readsBits(context.unknown?.what ?? []);
    Object.assign(context, noted);
    if (result === TARGET_CONTINUE) return { goesOn: true, leadsTo: ENDS };
    if (result === TARGET_RETURN) return { goesOn: false, leadsTo: MAY_RETURN };
    if (result !== TARGET_ACCEPT) unknowns.mayEnd = true;
    if (result === TARGET_REJECT && target.answer(context) === 'tcp-reset')
      unknowns.mayBeReset = true;
    if (result === TARGET_UNDECIDED) return { goesOn: true, leadsTo: MAY_ACCEPT };
    return { goesOn: false, leadsTo: result === TARGET_ACCEPT ? MAY_ACCEPT : ENDS };
  }

  private chance(linked: LinkedRule): Chance {
    const { unknowns, context } = this;
    const { ip, matches } = linked.rule;
    const known = knownConditions(ip, unknowns.reads);
    const blind = known !== ip;
    context.mayHotdrop = false;
    const first = ipMatches(known, context);
    if (first === NO) return 'no';
    if (first === HOTDROP && !blind) return 'hotdrop';
    let sure = first === YES && !blind;
    for (const [i, match] of matches.entries()) {
      const reads = linked.reads[i] ?? 0;
      if ((reads & READS_OWN_STATE) !== 0) {
        doubtState(linked, i, unknowns.packet);
        if (match.mayHotdrop) unknowns.mayEnd = true;
        sure = false;
        continue;
      }
      let result =
        (reads & unknowns.reads) !== 0 ? UNDECIDED : match.matches(context, linked.states[i]);
      const assumed = linked.assumed[i];
      if (result === UNDECIDED && assumed !== undefined) result = assumed.holds ? YES : NO;
      if (result === NO) return 'no';
      if (result === HOTDROP) {
        unknowns.mayEnd = true;
        if (sure) return 'hotdrop';
      }
      if (result === UNDECIDED && match.mayHotdrop) unknowns.mayEnd = true;
      if (result !== YES) sure = false;
      if (context.mayHotdrop) unknowns.mayEnd = true;
    }
    return sure ? 'surely' : 'perhaps';
  }
}

/**
 * After a walk that ended undecided at `rule`: explores what may have followed in this table.
 * @param matched the rule surely matched (and was counted): what its target did is unknown
 * @returns whether the packet may have been accepted by it
 */
export function exploreRest(
  program: Program,
  start: LinkedChain,
  rule: LinkedRule,
  matched: boolean,
  returns: readonly Place[],
  context: PacketContext,
  unknowns: Unknowns,
): boolean {
  const exploration = new Exploration(program, context, unknowns);
  if (!matched) exploration.count(rule.counter);
  const { leadsTo } = exploration.target(rule);
  // The rule's own match was the unknown thing, so the next rule may always follow.
  let outcome = leadsTo | exploration.from(rule.chain, rule.number);
  let accepts = outcome & MAY_ACCEPT;
  for (let i = returns.length - 1; i >= 0 && (outcome & MAY_RETURN) !== 0; i--) {
    const place = returns[i];
    if (place === undefined) break;
    outcome = exploration.from(place.chain, place.next);
    accepts |= outcome & MAY_ACCEPT;
  }
  return endOfTable(exploration, start, outcome, accepts);
}

/** As exploreRest for a table that the packet may have met from its beginning. */
export function exploreTable(
  program: Program,
  start: LinkedChain,
  context: PacketContext,
  unknowns: Unknowns,
): boolean {
  const exploration = new Exploration(program, context, unknowns);
  const outcome = exploration.chain(start);
  return endOfTable(exploration, start, outcome, outcome & MAY_ACCEPT);
}

function endOfTable(
  exploration: Exploration,
  start: LinkedChain,
  outcome: number,
  accepts: number,
): boolean {
  if ((outcome & MAY_RETURN) === 0) return accepts !== 0;
  exploration.count(start.policyCounter);
  if (start.policy === 'DROP') exploration.unknowns.mayEnd = true;
  return accepts !== 0 || start.policy !== 'DROP';
}

/**
 * A packet of which too little is known to say which rules it may have met: each of them, and each
 * stateful match.
 * @param hooks HOOK_ numbers that it may have passed, with how often
 */
export function exploreAnything(
  program: Program,
  hooks: ReadonlyMap<number, number>,
  packet: number,
): void {
  for (const table of TABLE_NAMES)
    for (const [hook, times] of hooks) {
      const chain = program.chainAt(table, hook);
      if (chain === undefined) continue;
      const hits = anythingIn(chain, packet, new Map());
      hits.set(chain.policyCounter, 1);
      const { uncertain } = program.counters;
      for (const [counter, count] of hits)
        uncertain[counter] = (uncertain[counter] ?? 0) + count * times;
    }
}

/** How often each counter may be hit. */
type Hits = Map<number, number>;

function anythingIn(chain: LinkedChain, packet: number, known: Map<LinkedChain, Hits>): Hits {
  const before = known.get(chain);
  if (before !== undefined) return before;
  const hits: Hits = new Map();
  for (const linked of chain.rules) {
    hits.set(linked.counter, (hits.get(linked.counter) ?? 0) + 1);
    for (const [i, reads] of linked.reads.entries())
      if ((reads & READS_OWN_STATE) !== 0) doubtState(linked, i, packet);
    if (isDoubtable(linked.targetState)) linked.targetState.doubt(stateDoubtText(packet));
    if (linked.jump === undefined) continue;
    for (const [counter, count] of anythingIn(linked.jump, packet, known))
      hits.set(counter, (hits.get(counter) ?? 0) + count);
  }
  known.set(chain, hits);
  return hits;
}
