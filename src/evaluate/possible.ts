/**
 * What an undecided packet may have done from where its verdict became unknown: every rule that it
 * could have matched is counted as uncertain, and every stateful match that it could have met is in
 * doubt from then on. An upper bound by construction: only conditions that surely fail end a branch.
 */
import type { PacketContext } from '../match/definition.ts';
import { HOTDROP, NO, YES } from '../match/definition.ts';
import { TABLE_NAMES } from '../ruleset/types.ts';
import {
  TARGET_ACCEPT,
  TARGET_CONTINUE,
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
  /** Set where a rule may have answered the packet with a TCP reset. */
  mayBeReset: boolean;
}

/** How a branch may go on; bits. */
const ENDS = 0;
const MAY_RETURN = 1;
const MAY_ACCEPT = 2;

/** May the packet match: surely not, perhaps, surely, or is it dropped by a match. */
type Chance = 'no' | 'perhaps' | 'surely' | 'hotdrop';

/** How often each counter may be hit. */
type Hits = Map<number, number>;

/** What a chain may lead to: MAY_ bits, and the hits of one visit. */
interface Explored {
  readonly outcome: number;
  readonly hits: Hits;
}

function addHits(to: Hits, from: Hits): void {
  for (const [counter, hits] of from) to.set(counter, (to.get(counter) ?? 0) + hits);
}

class Exploration {
  private readonly context: PacketContext;
  private readonly unknowns: Unknowns;
  /** Of chains from their first rule on; a chain under way cannot meet itself (loops are refused). */
  private readonly explored = new Map<LinkedChain, Explored>();
  /** Of the chain under way. */
  hits: Hits = new Map();
  /** Some branch surely or perhaps ends in a drop. */
  mayDrop = false;

  constructor(context: PacketContext, unknowns: Unknowns) {
    this.context = context;
    this.unknowns = unknowns;
  }

  count(counter: number): void {
    if (counter >= 0) this.hits.set(counter, (this.hits.get(counter) ?? 0) + 1);
  }

  chain(chain: LinkedChain): number {
    let explored = this.explored.get(chain);
    const { hits } = this;
    if (explored === undefined) {
      this.hits = new Map();
      explored = { outcome: this.from(chain, 0), hits: this.hits };
      this.explored.set(chain, explored);
    }
    this.hits = hits;
    // Each visit counts: two rules may jump to one chain.
    addHits(hits, explored.hits);
    return explored.outcome;
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
        this.mayDrop = true;
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
    const { context } = this;
    const { mark } = context;
    const result = target.target.apply(context);
    if (context.mark !== mark) {
      context.mark = mark;
      this.unknowns.mark = true;
    }
    if (result === TARGET_CONTINUE) return { goesOn: true, leadsTo: ENDS };
    if (result === TARGET_RETURN) return { goesOn: false, leadsTo: MAY_RETURN };
    if (result === TARGET_UNDECIDED) return { goesOn: true, leadsTo: MAY_ACCEPT };
    if (result === TARGET_ACCEPT) return { goesOn: false, leadsTo: MAY_ACCEPT };
    this.mayDrop = true;
    if (result === TARGET_REJECT && target.target.answer(context) === 'tcp-reset')
      this.unknowns.mayBeReset = true;
    return { goesOn: false, leadsTo: ENDS };
  }

  private chance(linked: LinkedRule): Chance {
    const { unknowns, context } = this;
    const { ip, matches } = linked.rule;
    const blind = unknowns.interfaces && (ip.inInterface ?? ip.outInterface) !== undefined;
    const known = blind ? { ...ip, inInterface: undefined, outInterface: undefined } : ip;
    context.mayHotdrop = false;
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
        if (result === HOTDROP) {
          this.mayDrop = true;
          if (sure) return 'hotdrop';
        }
        if (result !== YES) sure = false;
        if (context.mayHotdrop) this.mayDrop = true;
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

/** What a table may have made of a packet. */
export interface Possible {
  readonly mayAccept: boolean;
  readonly mayDrop: boolean;
}

/**
 * After a walk that ended undecided at `rule`: explores what may have followed in this table.
 */
export function exploreRest(
  program: Program,
  start: LinkedChain,
  rule: LinkedRule,
  returns: readonly Place[],
  context: PacketContext,
  unknowns: Unknowns,
): Possible {
  return settled(program, start, context, unknowns, (exploration) => {
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
    return (outcome & MAY_RETURN) | accepts;
  });
}

/** As exploreRest for a table that the packet may have met from its beginning. */
export function exploreTable(
  program: Program,
  start: LinkedChain,
  context: PacketContext,
  unknowns: Unknowns,
): Possible {
  return settled(program, start, context, unknowns, (exploration) => exploration.chain(start));
}

/** Explores until what is unknown does not grow any more, then counts. */
function settled(
  program: Program,
  start: LinkedChain,
  context: PacketContext,
  unknowns: Unknowns,
  explore: (exploration: Exploration) => number,
): Possible {
  for (;;) {
    const { mark } = unknowns;
    const exploration = new Exploration(context, unknowns);
    const outcome = explore(exploration);
    // A mark that a rule may set further down may be read further up, by another way.
    if (unknowns.mark !== mark) continue;
    const returns = (outcome & MAY_RETURN) !== 0;
    if (returns) exploration.count(start.policyCounter);
    addUncertain(program, exploration.hits, 1);
    const drops = start.policy === 'DROP';
    return {
      mayAccept: (outcome & MAY_ACCEPT) !== 0 || (returns && !drops),
      mayDrop: exploration.mayDrop || (returns && drops),
    };
  }
}

function addUncertain(program: Program, hits: Hits, times: number): void {
  const { uncertain } = program.counters;
  for (const [counter, count] of hits)
    uncertain[counter] = (uncertain[counter] ?? 0) + count * times;
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
      addUncertain(program, hits, times);
      addUncertain(program, new Map([[chain.policyCounter, 1]]), times);
    }
}

function anythingIn(chain: LinkedChain, packet: number, known: Map<LinkedChain, Hits>): Hits {
  const before = known.get(chain);
  if (before !== undefined) return before;
  const hits: Hits = new Map();
  for (const linked of chain.rules) {
    addHits(hits, new Map([[linked.counter, 1]]));
    if (linked.reads.some((reads) => (reads & READS_OWN_STATE) !== 0)) doubtState(linked, packet);
    if (linked.jump !== undefined) addHits(hits, anythingIn(linked.jump, packet, known));
  }
  known.set(chain, hits);
  return hits;
}
