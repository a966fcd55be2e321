/** -m limit over sequences of packets: credit, cap, jiffies, clocks that go back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HZ } from '../../src/match/jiffies.ts';
import { buildDatagram, viewOf } from '../support/packets.ts';
import { contextOf, matchOf } from './context.ts';

const datagram = buildDatagram({ source: '198.51.100.7', destination: '192.0.2.1', udp: {} });
const START = 1_700_000_000;

/** What one instance says of packets at these times, in milliseconds after the start: 1 or 0. */
function play(options: string, times: readonly number[]): number[] {
  const match = matchOf(`-m limit ${options}`);
  const state = match.createState();
  return times.map((time) => {
    const packet = viewOf(datagram, {
      timeSeconds: START + Math.floor(time / 1000),
      timeNanoseconds: (((time % 1000) + 1000) % 1000) * 1e6,
    });
    return match.matches(contextOf(packet), state);
  });
}

describe('the bucket', () => {
  it('is full at the start, and holds the burst', () => {
    expect(play('--limit 1/s', [0, 0, 0, 0, 0, 0, 0])).toEqual([1, 1, 1, 1, 1, 0, 0]);
    expect(play('--limit 1/s --limit-burst 1', [0, 0])).toEqual([1, 0]);
  });

  it('fills at the rate, to the last jiffy', () => {
    expect(play('--limit 1/s --limit-burst 1', [0, 996, 1000])).toEqual([1, 0, 1]);
    expect(play('--limit 1/s --limit-burst 1', [0, 500, 999, 1000, 1999, 2000])).toEqual([
      1, 0, 0, 1, 0, 1,
    ]);
    expect(play('--limit 10/s --limit-burst 1', [0, 99, 100, 199, 200])).toEqual([1, 0, 1, 0, 1]);
  });

  it('fills to the cap only', () => {
    expect(play('--limit 1/s --limit-burst 2', [0, 0, 100_000, 100_000, 100_000])).toEqual([
      1, 1, 1, 1, 0,
    ]);
  });

  it('keeps what a packet in vain found', () => {
    expect(play('--limit 1/min --limit-burst 1', [0, 20_000, 40_000, 60_000])).toEqual([
      1, 0, 0, 1,
    ]);
  });

  it('takes slow rates by whole units of 1/10,000 s', () => {
    const day = 86_400_000;
    const times = [0, 0, 0, 0, 0, day / 5 - 1000, day / 5];
    expect(play('--limit 5/day', times)).toEqual([1, 1, 1, 1, 1, 0, 1]);
  });

  it('rounds the cost down', () => {
    // 10000/7 = 1428 units; 4569 of 32000 credits a second: 142.8 ms, 36 jiffies of 4 ms.
    expect(play('--limit 7/s --limit-burst 1', [0, 140, 144])).toEqual([1, 0, 1]);
  });

  it('gains nothing while the clock goes back', () => {
    expect(play('--limit 1/s --limit-burst 1', [5000, 3000, 4000, 5999, 6000])).toEqual([
      1, 0, 0, 0, 1,
    ]);
  });

  it('wraps around after 37 hours, as 32 bits do', () => {
    // 2^32 credits are 33,554,432 jiffies: nothing is left of them.
    const wrap = (2 ** 25 * 1000) / HZ;
    expect(play('--limit 1/s --limit-burst 1', [0, wrap, wrap + 1000])).toEqual([1, 0, 1]);
    expect(play('--limit 1/s --limit-burst 1', [0, wrap - 1000])).toEqual([1, 1]);
    // What is left in the bucket and what it gains can wrap together, too.
    expect(play('--limit 1/s --limit-burst 2', [0, wrap - 400])).toEqual([1, 0]);
  });
});

describe('instances', () => {
  it('have their own bucket', () => {
    const match = matchOf('-m limit --limit 1/s --limit-burst 1');
    const context = contextOf(viewOf(datagram));
    expect(match.matches(context, match.createState())).toBe(1);
    expect(match.matches(context, match.createState())).toBe(1);
    const state = match.createState();
    expect([match.matches(context, state), match.matches(context, state)]).toEqual([1, 0]);
  });
});

it('never lets more through than burst and rate allow, nor less than the rate', () => {
  const gaps = fc.array(fc.constantFrom(0, 1, 4, 100, 250, 999, 1000, 5000), { maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 5 }), (all, burst) => {
      let now = 0;
      const times = all.map((gap) => (now += gap));
      const through = play(`--limit 4/s --limit-burst ${burst}`, times).reduce((a, b) => a + b, 0);
      const elapsed = now - (times[0] ?? 0);
      expect(through).toBeLessThanOrEqual(burst + Math.floor((elapsed + 4) / 250));
      expect(through).toBeGreaterThanOrEqual(Math.min(times.length, burst));
    }),
  );
});
