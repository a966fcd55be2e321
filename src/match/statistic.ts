/**
 * -m statistic: every n-th packet, exactly, or a random part of them. As net/netfilter/xt_statistic.c.
 * What the kernel drew at random nobody can tell afterwards: without a seed that is undecided, with
 * one the draws are those of the seed.
 */
import { undecided } from './conditions.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, excludeEachOther, hasOption, readOptions, requireOption } from './options.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { badValue, boundedNumber } from './values.ts';

/** Options of -m statistic. */
export interface StatisticOptions {
  readonly mode: 'random' | 'nth';
  /** In 1/2^31. */
  readonly probability: number;
  /** One less than --every. */
  readonly every: number;
  readonly packet: number;
  readonly inverted: boolean;
}

/** State of one instance. */
export interface StatisticState {
  count: number;
  readonly random: SeededRandom | undefined;
}

const ONE = 0x80000000;
const FLOAT =
  /^[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?[0-9]+))?|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)$/;

/** A number as strtod reads it, decimal or hexadecimal; undefined when it is none. */
function floatingNumber(text: string): number | undefined {
  const found = FLOAT.exec(text);
  if (found === null) return undefined;
  const [, sign, whole, fraction = '', power = '0', decimal, exponent = ''] = found;
  let value: number;
  if (decimal !== undefined) {
    value = Number(`${decimal}${exponent}`);
  } else {
    if (`${whole}${fraction}` === '') return undefined;
    value = Number.parseInt(`${whole}${fraction}`, 16) * 2 ** (Number(power) - 4 * fraction.length);
  }
  return sign === '-' ? -value : value;
}

/** @throws OptionError bad-value */
function parseProbability(text: string): number {
  const value = floatingNumber(text);
  if (value === undefined || value < 0 || value > 1)
    throw badValue('statistic', 'probability', ', or out of range (0-1).');
  return Math.round(ONE * value);
}

/** With 11 digits, halves to the even one, as printf("%.11f") has it. */
function probabilityText(probability: number): string {
  const scaled = BigInt(probability) * 5n ** 11n;
  const unit = 2n ** 20n;
  let digits = scaled / unit;
  const rest = (scaled % unit) * 2n;
  if (rest > unit || (rest === unit && digits % 2n === 1n)) digits += 1n;
  const text = `${digits}`.padStart(12, '0');
  return `${text.slice(0, -11)}.${text.slice(-11)}`;
}

function parse(uses: readonly OptionUse[]): StatisticOptions {
  let mode: 'random' | 'nth' = 'random';
  let probability = 0;
  let every = 0;
  let packet = 0;
  let inverted = false;
  readOptions('statistic', statistic.options, uses, {
    mode: (use) => {
      const text = argument(use);
      if (text !== 'random' && text !== 'nth') {
        throw new OptionError('bad-value', `Bad mode "${text}"`, {
          option: 'mode',
          hint: 'random or nth',
        });
      }
      mode = text;
    },
    probability: (use) => {
      probability = parseProbability(argument(use));
      inverted ||= use.inverted;
    },
    every: (use) => {
      every = boundedNumber('statistic', 'every', argument(use), 0xffffffff, 1) - 1;
      inverted ||= use.inverted;
    },
    packet: (use) => {
      packet = boundedNumber('statistic', 'packet', argument(use), 0xffffffff);
    },
  });
  check(uses, mode, packet > every && !hasOption(uses, 'probability'));
  return { mode, probability, every, packet, inverted };
}

/** @throws OptionError */
function check(uses: readonly OptionUse[], mode: string, packetTooHigh: boolean): void {
  const missing = (message: string): OptionError => new OptionError('option-missing', message);
  if (mode === 'random' && !hasOption(uses, 'probability'))
    throw missing('--probability must be specified when using random mode');
  if (mode === 'nth' && !hasOption(uses, 'every') && !hasOption(uses, 'packet'))
    throw missing('--every and --packet must be specified when using nth mode');
  if (packetTooHigh)
    throw new OptionError('bad-value', 'the --packet p must be 0 <= p <= n-1', {
      option: 'packet',
    });
  requireOption('statistic', uses, 'mode');
  excludeEachOther('statistic', uses, ['probability', 'every']);
  excludeEachOther('statistic', uses, ['probability', 'packet']);
  if (hasOption(uses, 'every') !== hasOption(uses, 'packet'))
    throw missing('statistic: option "--every" also requires "--packet".');
}

function text(options: StatisticOptions, dash: string): string {
  const not = options.inverted ? ' !' : '';
  if (options.mode === 'random')
    return `${dash}mode random${not} ${dash}probability ${probabilityText(options.probability)}`;
  const packet = options.packet !== 0 || dash !== '' ? ` ${dash}packet ${options.packet}` : '';
  return `${dash}mode nth${not} ${dash}every ${options.every + 1}${packet}`;
}

function matches(
  options: StatisticOptions,
  context: PacketContext,
  state: StatisticState,
): MatchResult {
  if (options.mode === 'nth') {
    state.count = state.count === options.every ? 0 : state.count + 1;
    return (state.count === 0) !== options.inverted ? YES : NO;
  }
  const { probability } = options;
  if (probability === 0 || probability === ONE)
    return (probability === ONE) !== options.inverted ? YES : NO;
  if (state.random === undefined)
    return undecided(
      context,
      '-m statistic --mode random: what the kernel drew is not known; a seed decides',
    );
  return (state.random.next() & 0x7fffffff) < probability !== options.inverted ? YES : NO;
}

/** -m statistic. */
export const statistic: MatchDefinition<StatisticOptions, StatisticState> = {
  name: 'statistic',
  families: [4, 6],
  help: 'every n-th packet, or a random part of all',
  options: [
    { name: 'mode', argument: 'mode', help: 'random or nth' },
    { name: 'probability', argument: 'p', invertible: true, help: 'from 0 to 1' },
    { name: 'every', argument: 'n', invertible: true, help: 'one of n packets' },
    { name: 'packet', argument: 'p', help: 'which one of the n, from 0' },
  ],
  reads: ['own-state'],
  assumable: true,
  parse,
  print: (options) => text(options, '--'),
  list: (options) => `statistic ${text(options, '')}`,
  matches,
  explain: (options) =>
    options.mode === 'nth'
      ? `--every: it is not the turn of this packet (one of ${options.every + 1})`
      : '--probability: not drawn',
  createState: ({ mode, every, packet }, replay) => ({
    count: every - packet,
    random: mode === 'random' ? seededRandom(replay) : undefined,
  }),
};
