/**
 * -m limit: a token bucket. Credit grows with each jiffy up to a cap, a match costs credit; without
 * enough the match fails. Arithmetic in 32 bits as net/netfilter/xt_limit.c has it, on a 64-bit
 * kernel: after more than 37 hours without a packet the growth wraps around there too.
 */
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { HZ, packetJiffies } from './jiffies.ts';
import { argument, readOptions } from './options.ts';
import { kernelFindsOutOfRange } from './refusal.ts';
import { boundedNumber } from './values.ts';

/** Options of -m limit. */
export interface LimitOptions {
  /** Time per packet, in 1/10,000 s. */
  readonly average: number;
  readonly burst: number;
}

/** State of one instance. */
export interface LimitState {
  /** Jiffy of the last look, -1 before the first. */
  previous: number;
  /** Unsigned 32-bit. */
  credit: number;
}

/** XT_LIMIT_SCALE: units of `average` in a second. */
const SCALE = 10_000;
const LARGEST_BURST = 10_000;
const DEFAULT_BURST = 5;
/** 3/hour. */
const DEFAULT_AVERAGE = (SCALE * 3600) / 3;
const UNITS: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3600],
  ['day', 86_400],
];

/** The largest power of two that lets a day's credit fit into 32 bits (CREDITS_PER_JIFFY). */
const CREDITS_PER_JIFFY = 2 ** Math.floor(Math.log2(0xffffffff / (HZ * 86_400)));
const CREDITS_PER_SECOND = HZ * CREDITS_PER_JIFFY;

/** user2credits: 1/10,000 s as credit, in 32 bits. */
function credits(user: number): number {
  const wide =
    user > Math.floor(0xffffffff / CREDITS_PER_SECOND)
      ? Math.floor(user / SCALE) * CREDITS_PER_SECOND
      : Math.floor((user * CREDITS_PER_SECOND) / SCALE);
  return wide % 2 ** 32;
}

/** Credit of a full bucket. */
function cap({ average, burst }: LimitOptions): number {
  return credits((average * burst) % 2 ** 32);
}

/** atoi on 64-bit Linux as an unsigned 32-bit number. */
function leadingInteger(text: string): number {
  const digits = /^[ \t\n\v\f\r]*([+-]?[0-9]+)/.exec(text)?.[1];
  if (digits === undefined) return 0;
  const most = 2n ** 63n - 1n;
  const exact = BigInt(digits);
  const long = exact > most ? most : exact < -most - 1n ? -most - 1n : exact;
  return Number(BigInt.asUintN(32, long));
}

/** `5`, `5/sec`, `5/m` …; units abbreviated, any case. @throws OptionError bad-rate */
function parseRate(text: string): number {
  const refuse = (message: string): OptionError =>
    new OptionError('bad-rate', message, {
      option: 'limit',
      hint: 'a rate is a number, /second, /minute, /hour or /day if wanted, at most 10000/second',
    });
  const slash = text.indexOf('/');
  const name = slash < 0 ? 'second' : text.slice(slash + 1).toLowerCase();
  const unit = UNITS.find(([long]) => name !== '' && long.startsWith(name));
  const rate = leadingInteger(text);
  if (unit === undefined || rate === 0) throw refuse(`bad rate "${text}"'`);
  const average = Math.floor((SCALE * unit[1]) / rate);
  if (average === 0) throw refuse(`Rate too fast "${text}"`);
  return average;
}

/** `5/sec`: the unit in which the rate is a whole number, or nearly. */
function rateText(average: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['day', SCALE * 86_400],
    ['hour', SCALE * 3600],
    ['min', SCALE * 60],
    ['sec', SCALE],
  ];
  let i = 1;
  for (; i < units.length; i++) {
    const scale = units[i]?.[1] ?? 0;
    if (average > scale || Math.floor(scale / average) < scale % average) break;
  }
  const [name, scale] = units[i - 1] ?? ['sec', SCALE];
  return `${Math.floor(scale / average)}/${name}`;
}

function matches(options: LimitOptions, context: PacketContext, state: LimitState): MatchResult {
  const now = packetJiffies(context.packet);
  // The kernel's jiffies never go back, a capture's clock may: then no time has passed.
  const elapsed = state.previous < 0 ? 0 : Math.max(0, now - state.previous);
  state.previous = Math.max(now, state.previous);
  const grown = state.credit + ((elapsed * CREDITS_PER_JIFFY) % 2 ** 32);
  const credit = Math.min(grown % 2 ** 32, cap(options));
  const cost = credits(options.average);
  state.credit = credit >= cost ? credit - cost : credit;
  return credit >= cost ? YES : NO;
}

/** -m limit. */
export const limit: MatchDefinition<LimitOptions, LimitState> = {
  name: 'limit',
  families: [4, 6],
  help: 'matches up to a rate (token bucket); each instance has its own',
  options: [
    { name: 'limit', argument: 'rate[/unit]', help: 'average rate, by default 3/hour' },
    { name: 'limit-burst', argument: 'number', help: 'packets that pass at once, by default 5' },
  ],
  reads: ['time', 'own-state'],
  parse(uses) {
    let average = DEFAULT_AVERAGE;
    let burst = DEFAULT_BURST;
    readOptions('limit', limit.options, uses, {
      limit: (use: OptionUse) => {
        average = parseRate(argument(use));
      },
      'limit-burst': (use: OptionUse) => {
        burst = boundedNumber('limit', 'limit-burst', argument(use), LARGEST_BURST);
      },
    });
    if (burst === 0 || cap({ average, burst }) < credits(average)) {
      throw kernelFindsOutOfRange(
        'limit-overflow',
        burst === 0
          ? '--limit-burst must be at least 1'
          : 'the rate is too slow for this burst: lower --limit-burst',
      );
    }
    return { average, burst };
  },
  print: ({ average, burst }) =>
    `--limit ${rateText(average)}${burst === DEFAULT_BURST ? '' : ` --limit-burst ${burst}`}`,
  list: ({ average, burst }) => `limit: avg ${rateText(average)} burst ${burst}`,
  matches,
  explain: ({ average, burst }) => `--limit: above ${rateText(average)}, burst of ${burst} used up`,
  createState: (options) => ({ previous: -1, credit: cap(options) }),
};
