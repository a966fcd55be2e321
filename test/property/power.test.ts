/** The random scenarios reach what the other tests are about: else those would say nothing. */
import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { play, rulesetOf } from './play.ts';
import { randomScenario } from './scenario.ts';

test('all verdicts, hooks and tables come up; undecided is rare without cuts, not all with', () => {
  const seen = new Map<string, number>();
  const add = (name: string): void => {
    seen.set(name, (seen.get(name) ?? 0) + 1);
  };
  let cutDecided = 0;
  let packets = 0;
  for (let seed = 1; seed <= 15; seed++) {
    const { rules, frames } = randomScenario(seededRandom(seed));
    const ruleset = rulesetOf(rules);
    packets += frames.length;
    for (const outcome of play(ruleset, frames).outcomes)
      for (const word of outcome.split(' ').slice(0, 3)) add(word);
    const cut = play(
      ruleset,
      frames.map((frame) => ({ ...frame, capturedLength: Math.min(74, frame.bytes.length) })),
    );
    cutDecided += cut.outcomes.filter((outcome) => outcome !== 'UNDECIDED').length;
  }
  for (const name of ['ACCEPT', 'DROP', 'REJECT', 'QUEUED', 'UNROUTED'])
    expect(seen.get(name) ?? 0, name).toBeGreaterThan(5);
  for (const name of ['raw', 'mangle', 'filter', 'security', 'INPUT', 'OUTPUT', 'FORWARD'])
    expect(seen.get(name) ?? 0, name).toBeGreaterThan(10);
  expect((seen.get('UNDECIDED') ?? 0) / packets).toBeLessThan(0.1);
  expect(cutDecided / packets).toBeGreaterThan(0.5);
});
