/**
 * Rates, bursts and modes of -m hashlimit as texts: read and printed as libxt_hashlimit.c of iptables
 * 1.8.9 does, its rounding included.
 */
import { joined } from './conditions.ts';
import { OptionError } from './definition.ts';
import type { HashlimitOptions } from './hashlimit.ts';
import { BY_DESTINATION, BY_DESTINATION_PORT, BY_SOURCE, BY_SOURCE_PORT } from './hashlimit-key.ts';
import { bytesToCost, costToBytes, SCALE } from './hashlimit-rate.ts';
import { widePrefix } from './wide-number.ts';

/** Largest --hashlimit-burst of packets. */
export const MOST_BURST = 1_000_000n;

const UNITS: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3600],
  ['day', 86_400],
];
const FACTORS: Readonly<Record<string, bigint>> = { m: 1024n * 1024n, k: 1024n };
/** In the order in which they are printed. */
const MODES: readonly (readonly [string, number])[] = [
  ['srcip', BY_SOURCE],
  ['srcport', BY_SOURCE_PORT],
  ['dstip', BY_DESTINATION],
  ['dstport', BY_DESTINATION_PORT],
];

function badValue(option: string, text: string, hint: string): OptionError {
  return new OptionError('bad-value', `hashlimit: Bad value for "--${option}" option: "${text}"`, {
    option,
    hint,
  });
}

/** atoll, as an unsigned 64-bit number. */
function leadingInteger(text: string): bigint {
  const digits = /^[ \t\n\v\f\r]*([+-]?[0-9]+)/.exec(text)?.[1];
  if (digits === undefined) return 0n;
  const most = 2n ** 63n - 1n;
  const exact = BigInt(digits.replace('+', ''));
  const long = exact > most ? most : exact < -most - 1n ? -most - 1n : exact;
  return BigInt.asUintN(64, long);
}

/** A rate as `average` of RateConfig, and the seconds of its unit. */
export interface Limit {
  readonly average: bigint;
  readonly bytes: boolean;
  readonly unit: number;
}

/** `5/min` or `10kb/s`. @throws OptionError bad-value, bad-rate */
export function parseLimit(text: string, option: string): Limit {
  return parseBytes(text) ?? parseRate(text, option);
}

function parseBytes(text: string): Limit | undefined {
  const at = text.indexOf('b/s');
  const number = leadingInteger(text);
  if (at <= 0 || number === 0n) return undefined;
  const factor = FACTORS[text[at - 1] ?? ''] ?? 1n;
  const average = bytesToCost(BigInt.asUintN(64, number * factor));
  if (average === undefined)
    throw new OptionError('bad-rate', `Rate too high "${text}"`, { option: 'hashlimit-upto' });
  return { average, bytes: true, unit: 1 };
}

function parseRate(text: string, option: string): Limit {
  const slash = text.indexOf('/');
  const name = slash < 0 ? 'second' : text.slice(slash + 1).toLowerCase();
  const unit = UNITS.find(([long]) => name !== '' && long.startsWith(name));
  const rate = leadingInteger(text);
  // The old name of the option is not in the messages of the real tool.
  if (unit === undefined || rate === 0n)
    throw badValue(option, text, 'a rate is 10/sec, /min, /hour, /day, or bytes: 10kb/s');
  const average = BigInt(SCALE * unit[1]) / rate;
  if (average === 0n)
    throw new OptionError('bad-rate', `Rate too fast "${text}"`, {
      option,
      hint: 'at most 1000000/sec',
    });
  return { average, bytes: false, unit: unit[1] };
}

/** Error for a burst that is none. */
export function badBurst(): OptionError {
  return new OptionError(
    'bad-burst',
    `bad value for option "--hashlimit-burst", or out of range (1-${MOST_BURST}).`,
    { option: 'hashlimit-burst' },
  );
}

/** `5`, or bytes: `10kb`. @throws OptionError bad-burst */
export function parseBurst(text: string): bigint {
  const found = widePrefix(text);
  if (found === undefined || found.value < 1n || (found.rest === '' && found.value > MOST_BURST))
    throw badBurst();
  return BigInt.asUintN(64, found.value * (FACTORS[found.rest[0] ?? ''] ?? 1n));
}

/** Seconds, as atoi reads them. @throws OptionError bad-value */
export function parseInterval(text: string): number {
  const value = Number(BigInt.asIntN(32, leadingInteger(text)));
  if (value <= 0) throw badValue('hashlimit-rate-interval', text, 'a number of seconds from 1');
  return value;
}

/** BY_ bits of `srcip,dstport`. @throws OptionError bad-value */
export function parseMode(text: string): number {
  let bits = 0;
  for (const word of text.split(/[,|]/)) {
    const found = MODES.find(([name]) => name === word);
    if (found === undefined && word !== '')
      throw badValue('hashlimit-mode', text, 'srcip, srcport, dstip, dstport, joined by commas');
    bits |= found?.[1] ?? 0;
  }
  return bits;
}

interface Shown {
  readonly text: string;
  /** Milliseconds of expiry that go without saying. */
  readonly expire: number;
}

function rateText(period: bigint): Shown {
  const units = (['day', 'hour', 'min', 'sec'] as const).map((name, i): [string, bigint] => [
    name,
    BigInt(SCALE * (UNITS[3 - i]?.[1] ?? 1)),
  ]);
  let i = 1;
  for (; i < units.length; i++) {
    const scale = units[i]?.[1] ?? 0n;
    if (period > scale || scale / period < scale % period) break;
  }
  const [name, scale] = units[i - 1] ?? ['sec', BigInt(SCALE)];
  return { text: `${scale / period}/${name}`, expire: Number(scale / BigInt(SCALE)) * 1000 };
}

/** The real tool masks with 32 bits. */
const U32 = 0xffffffffn;
const SIZES: readonly (readonly [string, bigint])[] = [
  ['m', 1024n * 1024n],
  ['k', 1024n],
];

function bytesText(average: bigint, burst: bigint, prefix: string): Shown {
  const rate = costToBytes(average);
  const [unit, size] = SIZES.find(
    ([, each]) => rate >= each && bytesToCost(rate & (U32 ^ (each - 1n))) === average,
  ) ?? ['', 1n];
  const text = `${rate / size}${unit}b/s`;
  if (burst === 0n) return { text, expire: 15_000 };
  const whole = rate * burst;
  const [burstUnit, burstSize] = SIZES.find(([, each]) => whole >= each) ?? ['', 1n];
  return { text: `${text} ${prefix}burst ${whole / burstSize}${burstUnit}b`, expire: 60_000 };
}

/** `--hashlimit-upto 5/sec --hashlimit-burst 5`, or `limit: up to 5/sec burst 5`. */
export function limitText(options: HashlimitOptions, prefix: string): Shown {
  const { average, burst, bytes, above, interval } = options;
  const listed = prefix === '';
  const label = listed
    ? `limit: ${above ? 'above' : 'up to'}`
    : `${prefix}${above ? 'above' : 'upto'}`;
  // -L shows the rate of the whole interval, iptables-save that of a second.
  const period = listed && interval !== 0 ? average * BigInt(interval) : average;
  const shown = bytes ? bytesText(average, burst, prefix) : rateText(BigInt.asUintN(64, period));
  const packets = bytes ? '' : `${prefix}burst ${burst}`;
  return { text: joined(label, shown.text, packets), expire: shown.expire };
}

/** All options, after those of the limit. */
export function tableText(options: HashlimitOptions, prefix: string, limit: Shown): string {
  const { mode, size, max, gcInterval, expire, sourceMask, destinationMask, family } = options;
  const most = family === 4 ? 32 : 128;
  const listed = prefix === '';
  const modes = MODES.filter(([, bit]) => (mode & bit) !== 0).map(([name]) => name);
  const number = (name: string, value: number, silent: number): string =>
    value === silent ? '' : `${prefix}${name} ${value}`;
  return joined(
    limit.text,
    modes.length === 0 ? '' : `${prefix}mode ${modes.join(listed ? '-' : ',')}`,
    listed ? '' : `${prefix}name ${options.name}`,
    number('htable-size', size, 0),
    number('htable-max', max, 0),
    number('htable-gcinterval', gcInterval, 1000),
    number('htable-expire', expire, limit.expire),
    number('srcmask', sourceMask, most),
    number('dstmask', destinationMask, most),
    options.rateMatch ? `${prefix}rate-match` : '',
    options.rateMatch ? number('rate-interval', options.interval, 1) : '',
  );
}
