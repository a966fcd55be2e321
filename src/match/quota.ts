/**
 * -m quota: holds until the rule has seen so many bytes. As net/netfilter/xt_quota.c: the first
 * packet that does not fit uses up what is left.
 */
import type { MatchDefinition } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { wideNumber } from './wide-number.ts';

/** Options of -m quota. */
export interface QuotaOptions {
  /** Bytes, 64-bit unsigned. */
  readonly quota: bigint;
  readonly inverted: boolean;
}

/** State of one instance: bytes left. No capture counts further than a double is exact. */
export interface QuotaState {
  left: number;
}

/** -m quota. */
export const quota: MatchDefinition<QuotaOptions, QuotaState> = {
  name: 'quota',
  families: [4, 6],
  help: 'holds until so many bytes were seen by this rule',
  options: [{ name: 'quota', argument: 'bytes', invertible: true, help: 'bytes that pass' }],
  reads: ['length', 'own-state'],
  parse(uses) {
    let options: QuotaOptions = { quota: 0n, inverted: false };
    readOptions('quota', quota.options, uses, {
      quota: (use) => {
        const bytes = wideNumber('quota', 'quota', argument(use));
        options = { quota: bytes, inverted: use.inverted };
      },
    });
    requireOption('quota', uses, 'quota');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--quota ${options.quota}`,
  list: (options) => `quota: ${options.quota} bytes`,
  matches({ inverted }, { packet }, state) {
    const fits = state.left >= packet.totalLength;
    state.left = fits ? state.left - packet.totalLength : 0;
    return fits !== inverted ? YES : NO;
  },
  explain: (options) =>
    options.inverted
      ? `! --quota: the quota of ${options.quota} bytes is not used up`
      : `--quota: ${options.quota} bytes are used up`,
  createState: (options) => ({ left: Number(options.quota) }),
};
