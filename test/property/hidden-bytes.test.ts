/**
 * What a snap length hides may have been anything: a replay that decides must be right for whatever
 * bytes are put in place of the cut ones, for that packet and for all that come after it.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../support/random.ts';
import { contradictions, play, rulesetOf } from './play.ts';
import { randomScenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 20);

/** The frame with other bytes from `at` on: of another frame, or random, or a few of them changed. */
function otherwise(frame: TimedFrame, at: number, others: readonly TimedFrame[], random: Random) {
  const bytes = frame.bytes.slice();
  const other = random.pick(others).bytes;
  const roll = random.below(3);
  for (let i = at; i < bytes.length; i++) {
    if (roll === 0) bytes[i] = other[i] ?? 0;
    else if (roll === 1 ? random.chance(0.1) : i < at + 4) bytes[i] = random.below(256);
  }
  return { ...frame, bytes };
}

test.each([
  ['behind the IP header', 34, 40],
  ['behind the fixed transport header', 54, 30],
  ['anywhere', 14, 100],
])('cut %s', (_name, least, spread) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const { rules, frames } = randomScenario(random, 50);
      const ruleset = rulesetOf(rules);
      const lengths = frames.map(({ bytes }) =>
        random.chance(0.15) ? Math.min(bytes.length, least + random.below(spread)) : bytes.length,
      );
      const cut = frames.map((frame, i) => ({ ...frame, capturedLength: lengths[i] ?? 0 }));
      const less = play(ruleset, cut);
      for (let variant = 0; variant < 3; variant++) {
        const filled = frames.map((frame, i) => otherwise(frame, lengths[i] ?? 0, frames, random));
        expect(contradictions(play(ruleset, filled), less), `seed ${seed}`).toEqual([]);
      }
    }),
    { seed: 51, numRuns: RUNS },
  );
});
