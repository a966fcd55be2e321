/**
 * What an undecided packet may have done from where its verdict became unknown: every rule that it
 * could have matched is counted as uncertain, and every stateful match that it could have met is in
 * doubt from then on. An upper bound by construction: only conditions that surely fail end a branch.
 */
import type { PacketContext } from '../match/definition.ts';
import { HOTDROP, NO, YES } from '../match/definition.ts';
import { TARGET_CONTINUE, TARGET_RETURN, TARGET_UNDECIDED } from '../target/definition.ts';
import { ipMatches } from './ip-match.ts';
import {
  type LinkedChain,
  type LinkedRule,
  type Program,
  READS_CONNECTION,
  READS_INTERFACES,
  READS_MARK,
  READS_OWN_STATE,
} from './program.ts';
import { doubtState, type Place } from './reference.ts';

/** What is not known of the packet, beside what the capture lacks. */
export interface Unknowns {
  /** A rule that may have been hit sets the mark. */
  mark: boolean;
  /** ctstate. */
  connection: boolean;
  /** Which interfaces the packet meets. */
  interfaces: boolean;
  /** Number of the undecided packet. */
  packet: number;
}

/** How a branch may go on; bits. */
const ENDS = 0;
const MAY_RETURN = 1;
const MAY_ACCEPT = 2;

/** May the packet match: surely not, perhaps, surely, or is it dropped by a match. */
type Chance = 'no' | 'perhaps' | 'surely' | 'hotdrop';

class Exploration {
  private readonly program: Program;
  private readonly context: PacketContext;
  private readonly unknowns: Unknowns;
  private readonly counted = new Set<number>();
  /** Of chains from their first rule on; a chain under way cannot meet itself (loops are refused). */
  private readonly explored = new Map<LinkedChain, number>();

  constructor(program: Program, context: PacketContext, unknowns: Unknowns) {
    this.program = program;
    this.context = context;
    this.unknowns = unknowns;
  }

  count(counter: number): void {
    if (counter < 0 || this.counted.has(counter)) return;
    this.counted.add(counter);
    const { uncertain } = this.program.counters;
    uncertain[counter] = (uncertain[counter] ?? 0) + 1;
  }

  chain(chain: LinkedChain): number {
    const before = this.explored.get(chain);
    if (before !== undefined) return before;
    const outcome = this.from(chain, 0);
    this.explored.set(chain, outcome);
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
      if (chance === 'hotdrop') return outcome;
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
    const { mark } = this.context;
    const result = target.target.apply(this.context);
    if (this.context.mark !== mark) {
      this.context.mark = mark;
      this.unknowns.mark = true;
    }
    if (result === TARGET_CONTINUE) return { goesOn: true, leadsTo: ENDS };
    if (result === TARGET_RETURN) return { goesOn: false, leadsTo: MAY_RETURN };
    if (result === TARGET_UNDECIDED) return { goesOn: true, leadsTo: MAY_ACCEPT };
    return { goesOn: false, leadsTo: target.target.name === 'ACCEPT' ? MAY_ACCEPT : ENDS };
  }

  private chance(linked: LinkedRule): Chance {
    const { unknowns, context } = this;
    const { ip, matches } = linked.rule;
    const blind = unknowns.interfaces && (ip.inInterface ?? ip.outInterface) !== undefined;
    const known = blind ? { ...ip, inInterface: undefined, outInterface: undefined } : ip;
    const first = ipMatches(known, context);
    if (first === NO) return 'no';
    if (first === HOTDROP && !blind) return 'hotdrop';
    let sure = first === YES && !blind;
    for (const [i, match] of matches.entries()) {
      const reads = linked.reads[i] ?? 0;
      if ((reads & READS_OWN_STATE) !== 0) {
        doubtState(linked, unknowns.packet);
        sure = false;
      } else if (this.isUnknown(reads)) {
        sure = false;
      } else {
        const result = match.matches(context, linked.states[i]);
        if (result === NO) return 'no';
        if (result === HOTDROP && sure) return 'hotdrop';
        if (result !== YES) sure = false;
      }
    }
    return sure ? 'surely' : 'perhaps';
  }

  private isUnknown(reads: number): boolean {
    const { mark, connection, interfaces } = this.unknowns;
    return (
      (mark && (reads & READS_MARK) !== 0) ||
      (connection && (reads & READS_CONNECTION) !== 0) ||
      (interfaces && (reads & READS_INTERFACES) !== 0)
    );
  }
}

/**
 * After a walk that ended undecided at `rule`: explores what may have followed in this table.
 * @returns whether the packet may have been accepted by it
 */
export function exploreRest(
  program: Program,
  start: LinkedChain,
  rule: LinkedRule,
  returns: readonly Place[],
  context: PacketContext,
  unknowns: Unknowns,
): boolean {
  const exploration = new Exploration(program, context, unknowns);
  exploration.count(rule.counter);
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
  return accepts !== 0 || start.policy !== 'DROP';
}
