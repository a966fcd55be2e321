/**
 * Random rulesets and packets: the evaluator against a second, independent one (recursive, over the
 * neutral ruleset instead of the linked program), and what must hold of its counters.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipMatches } from '../../src/evaluate/ip-match.ts';
import { linkRuleset } from '../../src/evaluate/program.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { HOTDROP, NO, type PacketContext, UNDECIDED } from '../../src/match/definition.ts';
import { createReplayState, isDoubtable } from '../../src/match/replay-state.ts';
import type { Family, FamilyRuleset, Rule, Table } from '../../src/ruleset/types.ts';
import {
  TARGET_ACCEPT,
  TARGET_CONTINUE,
  TARGET_RETURN,
  TARGET_UNDECIDED,
} from '../../src/target/definition.ts';
import { arbitraryPacket, arbitraryRule } from '../match/arbitraries.ts';
import { buildDatagram, viewOf } from '../support/packets.ts';
import { contextOf, countersOf, walkOf } from './programs.ts';

const CHAINS = ['INPUT', 'A', 'B', 'C'] as const;

/** A rule's words, or a jump to a chain further down (so that there is no loop). */
function arbitraryLine(family: Family, chain: number): fc.Arbitrary<string> {
  const rule = arbitraryRule(family, 'filter').map((words) => words.map(quoted).join(' '));
  const below = CHAINS.slice(chain + 1);
  const jump =
    below.length === 0
      ? rule
      : fc
          .constantFrom(...below)
          .chain((to) =>
            fc
              .tuple(
                fc.constantFrom('-j', '-g'),
                fc.constantFrom('', '-p tcp ', '! -p udp ', '-s 10.0.0.0/8 '),
              )
              .map(
                ([option, condition]) =>
                  `${family === 6 ? condition.replace('10.0.0.0/8', '2001:db8::/32') : condition}${option} ${to}`,
              ),
          );
  return fc
    .oneof({ weight: 2, arbitrary: rule }, { weight: 1, arbitrary: jump })
    .map((text) => `-A ${CHAINS[chain]} ${text}`);
}

function quoted(word: string): string {
  return /^[\w.,:/!=+-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}

function arbitraryTable(family: Family): fc.Arbitrary<string> {
  const chains = CHAINS.map((_, i) => fc.array(arbitraryLine(family, i), { maxLength: 5 }));
  return fc
    .tuple(fc.constantFrom('ACCEPT', 'DROP'), fc.tuple(...chains))
    .map(([policy, lines]) =>
      ['*filter', `:INPUT ${policy}`, ':FORWARD ACCEPT', ':OUTPUT ACCEPT', ':A -', ':B -', ':C -']
        .concat(lines.flat(), 'COMMIT', '')
        .join('\n'),
    );
}

function load(text: string, family: Family): FamilyRuleset | undefined {
  try {
    return loadRuleset([{ text, file: 'random', family }]).ruleset.families.get(family);
  } catch {
    // Some random rules may not stand where they were put; those rulesets say nothing here.
    return undefined;
  }
}

type Decision = 'accept' | 'drop' | 'hotdrop' | 'undecided' | 'return';

/** The second evaluator: plain recursion over the ruleset itself. */
class Plain {
  readonly counts = new Map<Rule | string, number>();
  private readonly table: Table;
  private readonly states: ReadonlyMap<Rule, readonly unknown[]>;
  private readonly targetStates: ReadonlyMap<Rule, unknown>;
  /** Rules whose stateful matches may or may not have been asked. */
  private readonly doubted = new Set<Rule>();

  constructor(table: Table) {
    this.table = table;
    const rules = [...table.chains.values()].flatMap((chain) => chain.rules);
    const replay = createReplayState();
    this.states = new Map(
      rules.map((rule) => [rule, rule.matches.map((match) => match.createState(replay))]),
    );
    this.targetStates = new Map(
      rules.map((rule) => [
        rule,
        rule.target.kind === 'target' ? rule.target.target.createState(replay) : undefined,
      ]),
    );
  }

  input(context: PacketContext): Decision {
    const decision = this.chain('INPUT', context);
    if (decision !== 'return') return decision;
    this.count('policy');
    return this.table.chains.get('INPUT')?.policy === 'DROP' ? 'drop' : 'accept';
  }

  /** A match of the rule just asked may have dropped the packet. */
  private mayDrop = false;

  private count(what: Rule | string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  private chain(name: string, context: PacketContext): Decision {
    for (const rule of this.table.chains.get(name)?.rules ?? []) {
      const match = this.match(rule, context);
      if (match === NO) continue;
      if (match === HOTDROP) return 'hotdrop';
      const { target } = rule;
      if (match === UNDECIDED) {
        // A rule that only counts decides nothing, known or not.
        // Unless one of its matches may have dropped the packet.
        if (this.mayDrop) return 'undecided';
        if (target.kind === 'none') continue;
        if (target.kind === 'target' && target.target.name === 'LOG') continue;
        return 'undecided';
      }
      this.count(rule);
      if (target.kind === 'none') continue;
      if (target.kind === 'target') {
        const result = target.target.apply(context, this.targetStates.get(rule));
        if (result === TARGET_UNDECIDED) return 'undecided';
        if (result === TARGET_CONTINUE) continue;
        if (result === TARGET_RETURN) return 'return';
        return result === TARGET_ACCEPT ? 'accept' : 'drop';
      }
      const inner = this.chain(target.chain, context);
      if (target.kind === 'goto' || inner !== 'return') return inner;
    }
    return 'return';
  }

  private match(rule: Rule, context: PacketContext): number {
    context.mayHotdrop = false;
    const first = ipMatches(rule.ip, context);
    if (first === NO || first === HOTDROP) return first;
    const results: number[] = [first];
    this.mayDrop = false;
    for (const [i, match] of rule.matches.entries()) {
      const state = this.states.get(rule)?.[i];
      const stateful = match.reads.includes('own-state');
      if (stateful && results.includes(UNDECIDED)) {
        if (isDoubtable(state)) state.doubt('perhaps asked');
        else this.doubted.add(rule);
        results.push(UNDECIDED);
        this.mayDrop ||= match.mayHotdrop;
        continue;
      }
      const result = stateful && this.doubted.has(rule) ? UNDECIDED : match.matches(context, state);
      if (result === UNDECIDED && (match.mayHotdrop || context.mayHotdrop)) this.mayDrop = true;
      if (result === HOTDROP && results.includes(UNDECIDED)) this.mayDrop = true;
      if (result === NO) return this.mayDrop ? UNDECIDED : NO;
      // After a doubtful condition it is not known whether this one was asked at all.
      if (result === HOTDROP && !results.includes(UNDECIDED)) return HOTDROP;
      results.push(result === HOTDROP ? UNDECIDED : result);
    }
    return results.includes(UNDECIDED) ? UNDECIDED : 1;
  }
}

describe.each([4, 6] as const)('IPv%d', (family) => {
  const packets = fc.array(arbitraryPacket(family), { minLength: 1, maxLength: 8 });

  test('both evaluators agree on every verdict and counter', () => {
    let compared = 0;
    fc.assert(
      fc.property(arbitraryTable(family), packets, (text, specs) => {
        const ruleset = load(text, family);
        const table = ruleset?.tables.get('filter');
        if (ruleset === undefined || table === undefined) return;
        const program = linkRuleset(ruleset);
        const plain = new Plain(table);
        for (const [i, spec] of specs.entries()) {
          const time = { timeSeconds: 1_700_000_000 + i };
          const packet = viewOf(buildDatagram(spec), time);
          const ours = walkOf(program, packet);
          const expected = plain.input(contextOf(packet));
          const verdict = ours.verdict.startsWith('reject') ? 'drop' : ours.verdict;
          expect(verdict).toBe(expected);
          compared += 1;
          if (verdict === 'undecided') return;
        }
        const counted = program.withCounters().tables.get('filter');
        for (const chain of table.chains.values()) {
          const after = counted?.chains.get(chain.name);
          expect(after?.rules.map((rule) => rule.packets)).toEqual(
            chain.rules.map((rule) => plain.counts.get(rule) ?? 0),
          );
        }
        expect(counted?.chains.get('INPUT')?.packets).toBe(plain.counts.get('policy') ?? 0);
      }),
      { numRuns: 200 },
    );
    expect(compared).toBeGreaterThan(150);
  });

  test('every packet ends once: at a rule that ends, at the policy, by hotdrop or undecided', () => {
    fc.assert(
      fc.property(arbitraryTable(family), packets, (text, specs) => {
        const ruleset = load(text, family);
        if (ruleset === undefined) return;
        const program = linkRuleset(ruleset);
        let ended = 0;
        for (const spec of specs) {
          const { verdict, result, steps } = walkOf(program, viewOf(buildDatagram(spec)));
          if (verdict === 'hotdrop' || verdict === 'undecided') ended += 1;
          if (verdict !== 'hotdrop' && verdict !== 'undecided' && result.rule === undefined)
            expect(steps.at(-1)).toBe('INPUT policy');
        }
        const chains = [...(program.withCounters().tables.get('filter')?.chains.values() ?? [])];
        const ENDS = new Set(['ACCEPT', 'DROP', 'NFQUEUE', 'QUEUE', 'REJECT']);
        for (const chain of chains) {
          ended += chain.packets;
          for (const { target, packets: hits } of chain.rules)
            if (target.kind === 'target' && ENDS.has(target.target.name)) ended += hits;
        }
        expect(ended).toBe(specs.length);
      }),
      { numRuns: 100 },
    );
  });

  test('the same packets give the same counters', () => {
    fc.assert(
      fc.property(arbitraryTable(family), packets, (text, specs) => {
        const ruleset = load(text, family);
        if (ruleset === undefined) return;
        const run = (): string[] => {
          const program = linkRuleset(ruleset);
          for (const spec of specs) walkOf(program, viewOf(buildDatagram(spec)));
          return countersOf(program);
        };
        expect(run()).toEqual(run());
      }),
      { numRuns: 50 },
    );
  });
});
