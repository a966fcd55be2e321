/**
 * -m rateest: compares what a rate estimator of -j RATEEST says. Its estimate depends on when the
 * kernel's timers ran, so it is undecided. Options and printing as libxt_rateest.c of iptables 1.8.9.
 */
import { joined, undecided } from './conditions.ts';
import type { MatchDefinition, OptionUse } from './definition.ts';
import { OptionError } from './definition.ts';
import { argument } from './options.ts';
import { kernelRefuses } from './refusal.ts';
import { cutToBytes, unsignedNumber } from './values.ts';

/** Options of -m rateest. */
export interface RateestOptions {
  readonly name1: string;
  /** '' when a rate is compared, not another estimator. */
  readonly name2: string;
  readonly delta: boolean;
  readonly comparison: 'eq' | 'lt' | 'gt';
  readonly inverted: boolean;
  /** Bytes a second, unsigned 32-bit; undefined when not compared. */
  readonly bytes: readonly [number, number] | undefined;
  /** Packets a second. */
  readonly packets: readonly [number, number] | undefined;
}

const LONGEST_NAME = 15;
/** Bits a second of one unit; units in any case. */
const UNITS: ReadonlyMap<string, number> = new Map(
  [
    ['bit', 1],
    ['Kibit', 1024],
    ['kbit', 1e3],
    ['Mibit', 1024 ** 2],
    ['mbit', 1e6],
    ['Gibit', 1024 ** 3],
    ['gbit', 1e9],
    ['Tibit', 1024 ** 4],
    ['tbit', 1e12],
    ['Bps', 8],
    ['KiBps', 8 * 1024],
    ['KBps', 8e3],
    ['MiBps', 8 * 1024 ** 2],
    ['MBps', 8e6],
    ['GiBps', 8 * 1024 ** 3],
    ['GBps', 8e9],
    ['TiBps', 8 * 1024 ** 4],
    ['TBps', 8e12],
  ].map(([name, bits]): [string, number] => [`${name}`.toLowerCase(), Number(bits)]),
);

/** A rate without unit is one in bits, in spite of the real tool's help. @throws OptionError */
function parseRate(text: string): number {
  const found = /^[ \t]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(.*)$/.exec(text);
  const unit = found?.[2] === '' ? 1 : UNITS.get((found?.[2] ?? '?').toLowerCase());
  if (found === null || unit === undefined) {
    throw new OptionError('bad-value', `rateest: could not parse rate \`${text}'`, {
      hint: 'a number with bit, kbit, mbit … or Bps, KBps …',
    });
  }
  return Math.trunc((Number(found[1]) * unit) / 8) % 2 ** 32;
}

/** @throws OptionError bad-value */
function parsePackets(text: string): number {
  const value = unsignedNumber(text, 0xffffffff);
  if (value === undefined)
    throw new OptionError('bad-value', `rateest: could not parse pps \`${text}'`);
  return value;
}

/** Halves go to the even number, as printf("%.0f") has it. */
function rounded(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

function rateText(rate: number): string {
  const bits = rate * 8;
  if (bits >= 1e9) return `${rounded(bits / 1e6)}Mbit`;
  return bits >= 1e6 ? `${rounded(bits / 1e3)}Kbit` : `${bits}bit`;
}

/** What stands in the messages for an option. */
const SHOWN_NAMES: Readonly<Record<string, string>> = {
  rateest1: 'rateest',
  rateest2: 'rateest',
  'rateest-bps1': 'rateest-bps',
  'rateest-bps2': 'rateest-bps',
  'rateest-pps1': 'rateest-pps',
  'rateest-pps2': 'rateest-pps',
  'rateest-delta': 'rateest-delta',
};

/** @throws OptionError */
function checkUse(use: OptionUse, seen: Set<string>): void {
  const shown = SHOWN_NAMES[use.name];
  if (use.inverted && shown !== undefined) {
    throw new OptionError('option-not-invertible', `rateest: ${shown} can't be inverted`, {
      option: use.name,
    });
  }
  if (seen.has(use.name)) {
    const what = shown === undefined ? 'lt/gt/eq' : `--${use.name}`;
    throw new OptionError('option-repeated', `rateest: can't specify ${what} twice`, {
      option: use.name,
    });
  }
  seen.add(use.name);
}

function parse(uses: readonly OptionUse[]): RateestOptions {
  const seen = new Set<string>();
  const names = ['', ''];
  const rates: Record<'bps' | 'pps', [number, number]> = { bps: [0, 0], pps: [0, 0] };
  let comparison: 'eq' | 'lt' | 'gt' | undefined;
  let inverted = false;
  for (const use of uses) {
    checkUse(use, seen);
    const [, kind, place] = /^rateest-(bps|pps)([12])$/.exec(use.name) ?? [];
    const [, name] = /^rateest([12])$/.exec(use.name) ?? [];
    const [, mode] = /^rateest-(eq|lt|gt)$/.exec(use.name) ?? [];
    if (name !== undefined) names[Number(name) - 1] = cutToBytes(argument(use), LONGEST_NAME);
    if ((kind === 'bps' || kind === 'pps') && use.value !== undefined) {
      const value = kind === 'bps' ? parseRate(use.value) : parsePackets(use.value);
      rates[kind][place === '1' ? 0 : 1] = value;
    }
    if (mode === 'eq' || mode === 'lt' || mode === 'gt') {
      comparison = mode;
      inverted ||= use.inverted;
    }
  }
  const used = (kind: string): boolean =>
    seen.has(`rateest-${kind}1`) || seen.has(`rateest-${kind}2`);
  if (comparison === undefined || !(used('bps') || used('pps')))
    throw kernelRefuses('option-missing', 'a comparison and --rateest-bps or --rateest-pps');
  const [name1 = '', name2 = ''] = names;
  if (name1 === '' || (name2 === '' && seen.has('rateest2')))
    throw new OptionError('unknown-estimator', 'No chain/target/match by that name.');
  return {
    name1,
    name2,
    delta: seen.has('rateest-delta'),
    comparison,
    inverted,
    bytes: used('bps') ? rates.bps : undefined,
    packets: used('pps') ? rates.pps : undefined,
  };
}

function mode({ comparison, inverted }: RateestOptions, dash: string): string {
  return `${inverted ? '! ' : ''}${dash}${comparison}`;
}

function savedRates(
  options: RateestOptions,
  name: string,
  rates: readonly [number, number] | undefined,
  shown: (rate: number) => string,
): string {
  if (rates === undefined) return '';
  const [first, second] = rates;
  const { delta, name2 } = options;
  return joined(
    delta ? `--rateest-${name}1 ${shown(first)}` : '',
    mode(options, '--rateest-'),
    `--rateest-${name}${delta ? '2' : ''}`,
    delta || name2 === '' ? shown(second) : '',
  );
}

function list(options: RateestOptions, numeric: boolean): string {
  const { bytes, packets, delta, name1, name2 } = options;
  const rate = numeric ? String : rateText;
  const absolute = name2 === '';
  const parts = ['rateest match', name1, delta ? 'delta' : ''];
  if (bytes !== undefined) {
    parts.push('bps', delta ? rate(bytes[0]) : '');
    if (absolute) parts.push(rate(bytes[1]), mode(options, ''));
  }
  if (packets !== undefined) {
    parts.push('pps', delta ? `${packets[0]}` : '');
    if (absolute) parts.push(mode(options, ''), `${packets[1]}`);
  }
  if (!absolute) {
    parts.push(mode(options, ''), name2);
    if (bytes !== undefined) parts.push('bps', delta ? rate(bytes[1]) : '');
    if (packets !== undefined) parts.push('pps', delta ? `${packets[1]}` : '');
  }
  return joined(...parts);
}

/** -m rateest. */
export const rateest: MatchDefinition<RateestOptions> = {
  name: 'rateest',
  families: [4, 6],
  help: 'compares what a rate estimator of -j RATEEST says',
  options: [
    { name: 'rateest1', aliases: ['rateest'], argument: 'name', help: 'the estimator' },
    { name: 'rateest2', argument: 'name', help: 'another one to compare it with' },
    ...['rateest-bps1', 'rateest-pps1'].map((name) => ({
      name,
      argument: 'rate',
      optionalArgument: true,
      help: 'the difference of the first to this rate is compared (--rateest-delta)',
    })),
    ...['rateest-bps2', 'rateest-pps2'].map((name) => ({
      name,
      aliases: [name.slice(0, -1)],
      argument: 'rate',
      optionalArgument: true,
      help: 'rate to compare with; none when it is another estimator',
    })),
    { name: 'rateest-delta', help: 'differences to given rates are compared' },
    { name: 'rateest-lt', invertible: true, help: 'less' },
    { name: 'rateest-gt', invertible: true, help: 'greater' },
    { name: 'rateest-eq', invertible: true, help: 'equal' },
  ],
  reads: ['host'],
  assumable: true,
  parse,
  print: (options) =>
    joined(
      options.delta ? '--rateest-delta' : '',
      `--rateest${options.name2 === '' ? '' : '1'} ${options.name1}`,
      savedRates(options, 'bps', options.bytes, rateText),
      savedRates(options, 'pps', options.packets, String),
      options.name2 === '' ? '' : `--rateest2 ${options.name2}`,
    ),
  list,
  matches: (_, context) =>
    undecided(
      context,
      '-m rateest: an estimate depends on when the timers of the kernel ran; --assume "rateest=no" says it',
    ),
  explain: () => 'rateest: the estimate is not known',
};
