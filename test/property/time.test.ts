/** Time is the capture's: only differences count, in ticks of 4 ms where the kernel counts so. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { play, rulesetOf } from './play.ts';
import { randomScenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 15);

function shifted(frame: TimedFrame, ticks: number): TimedFrame {
  const seconds = Math.floor(ticks / 250);
  const nanoseconds = frame.timeNanoseconds + (ticks - seconds * 250) * 4_000_000;
  const carry = nanoseconds >= 1e9 ? 1 : 0;
  return {
    ...frame,
    timeSeconds: frame.timeSeconds + seconds + carry,
    timeNanoseconds: nanoseconds - carry * 1e9,
  };
}

test('moving all times by whole ticks changes nothing, limits included', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: -100_000_000_000, max: 90_000_000_000 }),
      (seed, ticks) => {
        const { rules, frames } = randomScenario(seededRandom(seed));
        const ruleset = rulesetOf(rules);
        const moved = frames.map((frame) => shifted(frame, ticks));
        const { outcomes, counters } = play(ruleset, moved);
        const before = play(ruleset, frames);
        expect(outcomes).toEqual(before.outcomes);
        expect(counters).toEqual(before.counters);
      },
    ),
    { seed: 21, numRuns: RUNS },
  );
});

test('clocks that step back: every packet has an outcome, and each verdict is counted', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const { rules, frames } = randomScenario(random);
      const jumping = frames.map((frame) =>
        random.chance(0.2)
          ? { ...frame, timeSeconds: random.pick([0, 1, 1_600_000_000, 2 ** 32 - 1]) }
          : frame,
      );
      const { outcomes } = play(rulesetOf(rules), jumping);
      expect(outcomes).toHaveLength(frames.length);
      for (const outcome of outcomes)
        expect(outcome).toMatch(/^(ACCEPT|DROP|REJECT|UNDECIDED|UNROUTED|NOT_SEEN|QUEUED)/);
    }),
    { seed: 22, numRuns: RUNS },
  );
});
