import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDefragmenter, DEFRAG_COMPLETE } from '../../src/conntrack/defrag.ts';
import { createTracker } from '../../src/conntrack/tracker.ts';
import { CTSTATE_NAMES, type Tracker } from '../../src/conntrack/types.ts';
import { PACKET_OK } from '../../src/packet/fields.ts';
import { viewOf } from '../support/packets.ts';
import { connectionText } from './against-kernel.ts';
import { Random, randomTraffic } from './dialogues.ts';
import { randomFragments } from './fragment-traffic.ts';

interface Input {
  readonly bytes: Uint8Array;
  readonly capturedLength: number;
  readonly time: number;
  readonly local: boolean;
}

/** Plays packets and gives all that can be seen of it. */
function run(tracker: Tracker, inputs: readonly Input[]): string[] {
  const defragmenter = createDefragmenter();
  const seen: string[] = [];
  for (const [i, { bytes, capturedLength, time, local }] of inputs.entries()) {
    const captured = Math.min(bytes.length, capturedLength);
    const spec = { number: i + 1, timeSeconds: time, capturedLength: captured };
    const view = viewOf(bytes, spec);
    if (view.problem !== PACKET_OK) continue;
    if (defragmenter.add(view).status !== DEFRAG_COMPLETE || view.problem !== PACKET_OK) continue;
    const result = tracker.track(view, local, 0);
    seen.push(`${CTSTATE_NAMES[result.ctstate]} ${result.reason} ${result.undecided}`);
    if (i % 7 === 0) tracker.discard(result);
    else tracker.confirm(view, result);
    expect(tracker.size).toBeLessThanOrEqual(i + 1);
  }
  for (const connection of tracker.connections())
    seen.push(`${connectionText(connection)} ${connection.expiresAt}`);
  return seen;
}

/** Traffic of all kinds, some of it damaged, cut, or out of time. */
function damaged(seed: number): Input[] {
  const random = new Random(seed);
  const packets = [
    ...randomTraffic(seed, 150, ['tcp', 'sctp', 'other']),
    ...randomFragments(seed, 50),
  ];
  let time = 1_700_000_000;
  return packets.map(({ bytes, local }) => {
    const copy = bytes.slice();
    if (random.chance(0.3)) copy[random.below(copy.length)] = random.below(256);
    const shortened = random.chance(0.1) ? copy.slice(0, random.below(copy.length) + 1) : copy;
    time += random.pick([0, 0, 0, 1, 30, 200, -5, -100]);
    const capturedLength = random.chance(0.15) ? random.below(90) : 65_535;
    return { bytes: shortened, capturedLength, time, local };
  });
}

describe('tracker and reassembly', () => {
  it('never throw and give the same again, whatever the packets', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const inputs = damaged(seed);
        expect(run(createTracker(), inputs)).toEqual(run(createTracker(), inputs));
      }),
      { numRuns: 60 },
    );
  });

  it('never throw on arbitrary bytes with an IP header', () => {
    const anything = fc.tuple(
      fc.constantFrom(0x45, 0x46, 0x4f, 0x60),
      fc.uint8Array({ maxLength: 120 }),
    );
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 20 }), (packets) => {
        const inputs = packets.map(([first, rest]) => {
          const bytes = Uint8Array.from([first, ...rest]);
          if (bytes.length > 10 && first < 0x60) bytes.set([0, bytes.length], 2);
          if (bytes.length > 40 && first === 0x60) bytes.set([0, bytes.length - 40], 4);
          return { bytes, capturedLength: 65_535, time: 1_700_000_000, local: false };
        });
        run(createTracker(), inputs);
      }),
      { numRuns: 500 },
    );
  });

  it('give the same whether the table is small or large', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const inputs = damaged(seed);
        const unlimited = run(createTracker({ max: 0 }), inputs);
        expect(run(createTracker({ max: 10_000 }), inputs)).toEqual(unlimited);
      }),
      { numRuns: 20 },
    );
  });

  it('keep no more than nf_conntrack_max entries', () => {
    const tracker = createTracker({ max: 7 });
    run(tracker, damaged(1));
    expect(tracker.size).toBeLessThanOrEqual(7);
  });
});
