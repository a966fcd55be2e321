import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timestamps } from '../../src/capture/timestamps.ts';
import { timeText } from './support.ts';

/** The same conversion in the plainest way. */
function expected(resolution: number, offset: number, units: bigint): string {
  const perSecond = (resolution & 0x80 ? 2n : 10n) ** BigInt(resolution & 0x7f);
  const nanoseconds = ((units % perSecond) * 1_000_000_000n) / perSecond;
  return timeText(Number(units / perSecond) + offset, Number(nanoseconds));
}

function converted(timestamps: Timestamps, units: bigint): string {
  timestamps.convert(Number(units >> 32n), Number(units & 0xffffffffn));
  return timeText(timestamps.seconds, timestamps.nanoseconds);
}

const anyResolution = fc.integer({ min: 0, max: 255 });

describe('pcapng timestamps', () => {
  it('are exact for every resolution and any sequence of times', () => {
    fc.assert(
      fc.property(
        anyResolution,
        fc.integer({ min: -1_000_000, max: 1_000_000 }),
        fc.array(fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }), { minLength: 1 }),
        (resolution, offset, times) => {
          const timestamps = new Timestamps(resolution, offset);
          for (const units of times)
            expect(converted(timestamps, units)).toBe(expected(resolution, offset, units));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('are exact where times lie close together, and around whole seconds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 3, 6, 7, 9, 10, 11, 12, 0x80 | 10, 0x80 | 20, 0x80 | 22, 0x80 | 23),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2 }),
        fc.boolean(),
        (resolution, seconds, steps, large) => {
          const perSecond = (resolution & 0x80 ? 2n : 10n) ** BigInt(resolution & 0x7f);
          const timestamps = new Timestamps(resolution);
          let units = (BigInt(seconds) * perSecond) % (1n << 64n);
          for (const step of steps) {
            units += BigInt(step) * (large ? perSecond / 2n + 1n : 1n);
            units = BigInt.asUintN(64, units);
            expect(converted(timestamps, units)).toBe(expected(resolution, 0, units));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('round down, to the nanosecond', () => {
    expect(converted(new Timestamps(10), 19_999_999_999n)).toBe('1.999999999');
    expect(converted(new Timestamps(0x80 | 1), 3n)).toBe('1.500000000');
    expect(converted(new Timestamps(127), 0xffffffffffffffffn)).toBe('0.000000000');
    expect(converted(new Timestamps(20), 0xffffffffffffffffn)).toBe('0.184467440');
  });
});
