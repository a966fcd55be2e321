/**
 * -j RATEEST: feeds a rate estimator that -m rateest asks, and goes on (net/netfilter/xt_RATEEST.c).
 * The estimator itself is not simulated.
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import { textValue } from '../match/text-value.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j RATEEST, as the kernel takes them. */
export interface RateestOptions {
  /** At most 15 bytes. */
  readonly name: string;
  /** -2 to 3: the interval is 2^interval seconds. */
  readonly interval: number;
  /** 1 to 30: the averaging constant is 2^ewmaLog intervals. */
  readonly ewmaLog: number;
}

const SECOND = 1_000_000;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  s: SECOND,
  sec: SECOND,
  secs: SECOND,
  ms: 1000,
  msec: 1000,
  msecs: 1000,
  us: 1,
  usec: 1,
  usecs: 1,
};

/** Microseconds of `250ms`, `1.5s`, `500000`. @throws OptionError bad-value */
function parseTime(use: OptionUse, what: string): number {
  const text = argument(use);
  const found = /^\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(.*)$/s.exec(text);
  const unit = (found?.[2] ?? '?').toLowerCase();
  if (found === null || !Object.hasOwn(UNITS, unit)) {
    throw new OptionError('bad-value', `RATEEST: bad ${what} value "${text}"`, {
      option: use.name,
      hint: 'a time is a number with s, ms or us',
    });
  }
  const value = Number(found[1]) * (UNITS[unit] ?? 1);
  // Stored in 32 bits as the processor converts.
  return Number.isFinite(value) ? Math.trunc(value) >>> 0 : 0;
}

/** The smallest interval that is long enough. @throws OptionError bad-value */
function intervalOf(time: number): number {
  for (let i = 0; i <= 5; i++) if (time <= 2 ** i * (SECOND / 4)) return i - 2;
  throw new OptionError('bad-value', 'RATEEST: interval value is too large', {
    option: 'rateest-interval',
    hint: 'at most 8s',
  });
}

/** @throws OptionError bad-value */
function ewmaLogOf(interval: number, time: number): number {
  let log = 1;
  while (log < 32) {
    // 1 << 31 is negative in the tool.
    const weight = 1 - 1 / (1 << log);
    if (interval / -Math.log(weight) > time) break;
    log++;
  }
  log--;
  if (log > 0 && log < 31) return log;
  throw new OptionError('bad-value', 'RATEEST: ewmalog value is out of range', {
    option: 'rateest-ewmalog',
  });
}

function timeText(time: number): string {
  if (time >= SECOND) return `${(time / SECOND).toFixed(1)}s`;
  return time >= 1000 ? `${(time / 1000).toFixed(1)}ms` : `${time}us`;
}

function text({ name, interval, ewmaLog }: RateestOptions, prefix: string): string {
  const time = Math.floor(((SECOND << (interval + 2)) >>> 0) / 4);
  const average = Math.imul(time, 1 << ewmaLog) >>> 0;
  return `${prefix}name ${name} ${prefix}interval ${timeText(time)} ${prefix}ewmalog ${timeText(average)}`;
}

/** -j RATEEST. */
export const RATEEST: TargetDefinition<RateestOptions> = {
  name: 'RATEEST',
  families: [4, 6],
  help: 'feed a rate estimator and go on with the next rule',
  options: [
    { name: 'rateest-name', argument: 'name', help: 'name of the estimator, at most 15 bytes' },
    { name: 'rateest-interval', argument: 'time', help: 'how often it samples: 250ms to 8s' },
    { name: 'rateest-ewmalog', argument: 'time', help: 'over how long it averages' },
  ],
  parse(uses) {
    let name = '';
    let interval = 0;
    let average = 0;
    readOptions('RATEEST', RATEEST.options, uses, {
      'rateest-name': (use) => {
        name = textValue(use, { kept: 15 });
      },
      'rateest-interval': (use) => {
        interval = parseTime(use, 'interval');
      },
      'rateest-ewmalog': (use) => {
        average = parseTime(use, 'ewmalog');
      },
    });
    const steps = intervalOf(interval);
    const ewmaLog = ewmaLogOf(interval, average);
    for (const option of ['rateest-name', 'rateest-interval', 'rateest-ewmalog']) {
      requireOption('RATEEST', uses, option);
    }
    return { name, interval: steps, ewmaLog };
  },
  print: (options) => text(options, '--rateest-'),
  list: (options) => text(options, ''),
  apply: () => TARGET_CONTINUE,
};
