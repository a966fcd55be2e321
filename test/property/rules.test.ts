/**
 * Rewritings of a ruleset that mean the same: rules that only count, empty chains, chains in another
 * order, the end of a chain moved into a chain of its own. No verdict and no counter changes.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../support/random.ts';
import { type Played, play, rulesetOf } from './play.ts';
import { randomScenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 12);

interface Line {
  /** What the rule is known by, whatever its number; '' for one that was added. */
  readonly name: string;
  readonly text: string;
}

interface TableText {
  readonly table: string;
  /** Policy of a chain, `-` for a user chain. */
  readonly policies: Map<string, string>;
  readonly chains: Map<string, Line[]>;
}

function parsed(family: number, text: string): TableText[] {
  const tables: TableText[] = [];
  for (const line of text.split('\n')) {
    const at = tables.at(-1);
    const [first = '', second = ''] = line.split(' ');
    if (line.startsWith('*'))
      tables.push({ table: line.slice(1), policies: new Map(), chains: new Map() });
    else if (line.startsWith(':') && at !== undefined) {
      at.policies.set(first.slice(1), second);
      at.chains.set(first.slice(1), []);
    } else if (first === '-A' && at !== undefined) {
      const rules = at.chains.get(second) ?? [];
      const name = `${family} ${at.table} ${second} ${rules.length + 1}`;
      rules.push({ name, text: line.slice(4 + second.length) });
    }
  }
  return tables;
}

function printed(tables: readonly TableText[]): string {
  return tables
    .map(({ table, policies, chains }) => {
      const heads = [...policies].map(([chain, policy]) => `:${chain} ${policy} [0:0]\n`);
      const rules = [...chains].flatMap(([chain, lines]) =>
        lines.map(({ text }) => `-A ${chain} ${text}\n`),
      );
      return `*${table}\n${heads.join('')}${rules.join('')}COMMIT\n`;
    })
    .join('');
}

/** Names of all places: `4 filter INPUT 3` as it is now, to what it was. */
function names(family: number, tables: readonly TableText[]): Map<string, string> {
  const all = new Map<string, string>();
  for (const { table, chains } of tables)
    for (const [chain, lines] of chains) {
      all.set(`${family} ${table} ${chain} policy`, `${family} ${table} ${chain} policy`);
      for (const [i, { name }] of lines.entries())
        all.set(`${family} ${table} ${chain} ${i + 1}`, name);
    }
  return all;
}

/** Outcomes and counters by the old names. */
function renamed(played: Played, frames: readonly TimedFrame[], places: Map<string, string>) {
  const outcomes = played.outcomes.map((outcome, i) => {
    const [verdict, hook, table, chain, number, ...answer] = outcome.split(' ');
    if (hook === undefined) return verdict;
    const family = ((frames[i] as TimedFrame).bytes[14] ?? 0) >> 4;
    const place = places.get(`${family} ${table} ${chain} ${number}`) ?? 'nowhere';
    return [verdict, hook, place, ...answer].join(' ');
  });
  const counters = new Map<string, string>();
  for (const [place, { packets, bytes, uncertain }] of played.counters) {
    const name = places.get(place) ?? '';
    if (name !== '') counters.set(name, `${packets} ${bytes} ${uncertain}`);
  }
  return { outcomes, counters: new Map([...counters].sort()) };
}

type Rewrite = (tables: TableText[], random: Random) => void;

function check(seed: number, rewrite: Rewrite): void {
  const random = seededRandom(seed);
  const { rules, frames } = randomScenario(random);
  const places = new Map<string, string>();
  const same = new Map<string, string>();
  const rewritten = { 4: '', 6: '' };
  for (const family of [4, 6] as const) {
    const tables = parsed(family, rules[family]);
    for (const [place, name] of names(family, tables)) same.set(place, name);
    rewrite(tables, random);
    for (const [place, name] of names(family, tables)) places.set(place, name);
    rewritten[family] = printed(tables);
  }
  const before = renamed(play(rulesetOf(rules), frames), frames, same);
  const after = renamed(play(rulesetOf(rewritten), frames), frames, places);
  expect(after.outcomes).toEqual(before.outcomes);
  expect(after.counters).toEqual(before.counters);
}

const COUNTING = [
  '',
  '-m length --length 0:100',
  '-m mark --mark 1',
  '-m addrtype --dst-type LOCAL',
  '-m limit --limit 1/s',
  '-m comment --comment counts',
];

test('rules that only count', () => {
  const rewrite: Rewrite = (tables, random) => {
    for (const { chains } of tables)
      for (const lines of chains.values())
        for (let left = random.below(4); left > 0; left--)
          lines.splice(random.below(lines.length + 1), 0, {
            name: '',
            text: random.pick(COUNTING),
          });
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => check(seed, rewrite)),
    { seed: 31, numRuns: RUNS },
  );
});

test('jumps to an empty chain, or to one that returns', () => {
  const rewrite: Rewrite = (tables, random) => {
    for (const { chains, policies } of tables) {
      const target = random.pick(['EMPTY', 'BACK']);
      for (const lines of chains.values())
        for (let left = random.below(3); left > 0; left--)
          lines.splice(random.below(lines.length + 1), 0, { name: '', text: `-j ${target}` });
      for (const name of ['EMPTY', 'BACK']) policies.set(name, '-');
      chains.set('EMPTY', []);
      chains.set('BACK', [{ name: '', text: '-j RETURN' }]);
    }
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => check(seed, rewrite)),
    { seed: 32, numRuns: RUNS },
  );
});

test('the end of each chain in a chain of its own, called by jump or goto', () => {
  const rewrite: Rewrite = (tables, random) => {
    for (const { chains, policies } of tables)
      for (const [chain, lines] of [...chains]) {
        const end = lines.splice(random.below(lines.length + 1));
        lines.push({ name: '', text: `${random.pick(['-j', '-g'])} END${chain}` });
        policies.set(`END${chain}`, '-');
        chains.set(`END${chain}`, end);
      }
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => check(seed, rewrite)),
    { seed: 33, numRuns: RUNS },
  );
});

test('tables and chains in another order', () => {
  const rewrite: Rewrite = (tables) => {
    tables.reverse();
    for (const { chains, policies } of tables)
      for (const map of [chains, policies] as Map<string, unknown>[]) {
        const entries = [...map].reverse();
        map.clear();
        for (const [key, value] of entries) map.set(key, value);
      }
  };
  fc.assert(
    fc.property(fc.nat(), (seed) => check(seed, rewrite)),
    { seed: 34, numRuns: RUNS },
  );
});
