/**
 * Random numbers of a seed, for what is random in the kernel: the same seed, ruleset and capture give
 * the same draws. Each rule draws from a stream of its own, so that rules do not disturb each other.
 */
import type { ReplayState, SharedKind } from './replay-state.ts';

/** splitmix32 (public domain). */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** The next number, unsigned 32-bit. */
  next(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }
}

const streams: SharedKind<{ used: number }> = {
  kind: 'random streams',
  make: () => ({ used: 0 }),
};

/** A stream of its own; undefined when the user gave no seed. */
export function seededRandom(replay: ReplayState): SeededRandom | undefined {
  const { seed } = replay.settings;
  if (seed === undefined) return undefined;
  const counter = replay.shared(streams, '');
  counter.used += 1;
  // The first draw of a stream of streams separates neighbours.
  return new SeededRandom(new SeededRandom(Math.imul(seed, 0x01000193) ^ counter.used).next());
}
