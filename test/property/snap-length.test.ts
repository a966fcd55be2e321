/**
 * What the snap length hides makes a verdict undecided, never another one; and what an undecided
 * packet may have changed (connections, fragments, limits, counters) is in doubt from then on.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../support/random.ts';
import { contradictions, play, rulesetOf } from './play.ts';
import { randomScenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 25);

/** Cuts a frame to a length where it hurts: within or just after its headers. */
function cut(frame: TimedFrame, random: Random): TimedFrame {
  const whole = frame.bytes.length;
  const capturedLength = Math.min(
    whole,
    random.chance(0.5) ? 34 + random.below(45) : random.below(whole + 1),
  );
  return { ...frame, capturedLength };
}

function check(
  seed: number,
  cutter: (frames: readonly TimedFrame[], random: Random) => TimedFrame[],
) {
  const random = seededRandom(seed);
  const { rules, frames } = randomScenario(random);
  const ruleset = rulesetOf(rules);
  const whole = play(ruleset, frames);
  const less = play(ruleset, cutter(frames, random));
  expect(contradictions(whole, less), `seed ${seed}`).toEqual([]);
}

test('one snap length for all', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 14, max: 130 }), (seed, snap) =>
      check(seed, (frames) =>
        frames.map((frame) => ({ ...frame, capturedLength: Math.min(snap, frame.bytes.length) })),
      ),
    ),
    { seed: 1, numRuns: RUNS },
  );
});

test('all frames cut, each to its own length', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) =>
      check(seed, (frames, random) => frames.map((frame) => cut(frame, random))),
    ),
    { seed: 2, numRuns: RUNS },
  );
});

test('some frames cut', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(0.02, 0.1, 0.4), (seed, share) =>
      check(seed, (frames, random) =>
        frames.map((frame) => (random.chance(share) ? cut(frame, random) : frame)),
      ),
    ),
    { seed: 3, numRuns: RUNS * 2 },
  );
});
