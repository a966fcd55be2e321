/**
 * A packet's outcome rests on the packets before it only, the families do not touch each other, and
 * the order of packets that share nothing is of no consequence.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { play, rulesetOf } from './play.ts';
import { randomScenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 12);

const familyOf = ({ bytes }: TimedFrame): number => (bytes[14] ?? 0) >> 4;

test('the first packets alone have the same outcomes', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 100 }), (seed, percent) => {
      const { rules, frames } = randomScenario(seededRandom(seed));
      const ruleset = rulesetOf(rules);
      const first = frames.slice(0, Math.floor((frames.length * percent) / 100));
      const all = play(ruleset, frames);
      expect(play(ruleset, first).outcomes).toEqual(all.outcomes.slice(0, first.length));
    }),
    { seed: 11, numRuns: RUNS },
  );
});

test('a replay twice gives the same', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { rules, frames } = randomScenario(seededRandom(seed));
      expect(play(rulesetOf(rules), frames)).toEqual(play(rulesetOf(rules), frames));
    }),
    { seed: 12, numRuns: RUNS },
  );
});

test('IPv4 and IPv6 do not touch each other', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { rules, frames } = randomScenario(seededRandom(seed));
      const both = play(rulesetOf(rules), frames);
      for (const family of [4, 6] as const) {
        const own = frames
          .map((frame, i) => ({ frame, i }))
          .filter(({ frame }) => familyOf(frame) === family);
        // Only the family's traffic, under both rulesets; and all traffic under the family's rules.
        const alone = play(
          rulesetOf(rules),
          own.map(({ frame }) => frame),
        );
        const only = play(rulesetOf(rules, [family]), frames);
        expect(alone.outcomes).toEqual(own.map(({ i }) => both.outcomes[i]));
        expect(own.map(({ i }) => only.outcomes[i])).toEqual(alone.outcomes);
        for (const [name, counted] of only.counters) {
          expect([name, counted]).toEqual([name, both.counters.get(name)]);
          expect([name, counted]).toEqual([name, alone.counters.get(name)]);
        }
        const others = only.outcomes.filter((_, i) => familyOf(frames[i] as TimedFrame) !== family);
        expect(new Set(others)).toEqual(new Set(['SKIPPED']));
      }
    }),
    { seed: 13, numRuns: RUNS },
  );
});

/** The pair of addresses, in either order. */
function ends({ bytes }: TimedFrame): string {
  const [from, length] = familyOf({ bytes } as TimedFrame) === 4 ? [26, 4] : [22, 16];
  const text = (at: number): string => [...bytes.subarray(at, at + length)].join('.');
  return [text(from), text(from + length)].sort().join(' ');
}

test('the order of packets between different hosts does not matter where no rule has state', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const { rules, frames } = randomScenario(random, 60, false);
      const still = frames.map((frame) => ({
        ...frame,
        timeSeconds: 1_700_000_000,
        timeNanoseconds: 0,
      }));
      const order = still.map((_, i) => i);
      for (let swaps = 0; swaps < 200; swaps++) {
        const at = random.below(order.length - 1);
        const [a = 0, b = 0] = order.slice(at, at + 2);
        const quotes = [a, b].some((i) => isError(still[i] as TimedFrame));
        if (quotes || ends(still[a] as TimedFrame) === ends(still[b] as TimedFrame)) continue;
        order[at] = b;
        order[at + 1] = a;
      }
      const ruleset = rulesetOf(rules);
      const straight = play(ruleset, still);
      const mixed = play(
        ruleset,
        order.map((i) => still[i] as TimedFrame),
      );
      expect(order.map((i) => straight.outcomes[i])).toEqual(mixed.outcomes);
      expect(mixed.counters).toEqual(straight.counters);
    }),
    { seed: 14, numRuns: RUNS },
  );
});

/** ICMP messages may be about any connection. */
function isError(frame: TimedFrame): boolean {
  return frame.bytes[familyOf(frame) === 4 ? 23 : 20] === (familyOf(frame) === 4 ? 1 : 58);
}
