/**
 * -m time: the time of day, the weekday, the day of the month and the date, by the packet's own time
 * in UTC. As net/netfilter/xt_time.c; spellings and their quirks as libxt_time.c of iptables 1.8.9
 * (time-values.ts). With --kerneltz the host's time zone decides, which no capture shows.
 */
import { joined, undecided } from './conditions.ts';
import type { MatchDefinition, OptionUse } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, excludeEachOther, readOptions } from './options.ts';
import {
  civilDate,
  clockText,
  dateText,
  daysText,
  parseClock,
  parseDate,
  parseMonthdays,
  parseWeekdays,
  weekdaysText,
} from './time-values.ts';

/** Options of -m time. */
export interface TimeOptions {
  /** Seconds of the day. */
  readonly start: number;
  readonly stop: number;
  /** Seconds since 1970, unsigned 32-bit. */
  readonly dateStart: number;
  readonly dateStop: number;
  /** Bit 1 to 31. */
  readonly monthdays: number;
  /** Bit 1 (Monday) to 7. */
  readonly weekdays: number;
  readonly contiguous: boolean;
  readonly kernelZone: boolean;
}

const DAY = 86_400;
const LAST_SECOND = DAY - 1;
const LAST_DATE = 0x7fffffff;
const ALL_MONTHDAYS = 0xfffffffe;
const ALL_WEEKDAYS = 0xfe;

/** The parts that fail at a time, in the kernel's order; empty when it matches. */
function failures(options: TimeOptions, seconds: number): string[] {
  const { start, stop, dateStart, dateStop } = options;
  if (seconds < dateStart) return [`--datestart: ${dateText(seconds, 'T')} is before it`];
  if (seconds > dateStop) return [`--datestop: ${dateText(seconds, 'T')} is after it`];
  const clock = seconds % DAY;
  const inside = start < stop ? clock >= start && clock <= stop : clock >= start || clock <= stop;
  if (!inside) {
    const range = `${clockText(start)} to ${clockText(stop)}`;
    return [`--timestart: ${clockText(clock)}, not in ${range}`];
  }
  // Before midnight began what is still going on: the day before counts.
  const early = start >= stop && options.contiguous && clock <= stop;
  const days = Math.floor((early ? seconds - DAY : seconds) / DAY);
  // 1970-01-01 was a Thursday; Sunday is 7.
  const weekday = (days + 4) % 7 === 0 ? 7 : (days + 4) % 7;
  if ((options.weekdays & (1 << weekday)) === 0)
    return [`--weekdays: ${weekdaysText(1 << weekday)}, not in ${weekdaysText(options.weekdays)}`];
  const { day } = civilDate(days);
  if ((options.monthdays & (1 << day)) === 0)
    return [`--monthdays: ${day}, not in ${daysText(options.monthdays)}`];
  return [];
}

/** Whether the options hold at any time, whatever the time zone. */
function holdsAlways(options: TimeOptions): boolean {
  return (
    options.start === 0 &&
    options.stop === LAST_SECOND &&
    options.dateStart === 0 &&
    options.dateStop === LAST_DATE &&
    options.monthdays === ALL_MONTHDAYS &&
    options.weekdays === ALL_WEEKDAYS
  );
}

function parse(uses: readonly OptionUse[]): TimeOptions {
  let options: TimeOptions = {
    start: 0,
    stop: LAST_SECOND,
    dateStart: 0,
    dateStop: LAST_DATE,
    monthdays: ALL_MONTHDAYS,
    weekdays: ALL_WEEKDAYS,
    contiguous: false,
    kernelZone: false,
  };
  const set = (more: Partial<TimeOptions>): void => {
    options = { ...options, ...more };
  };
  readOptions('time', time.options, uses, {
    datestart: (use) => set({ dateStart: parseDate(argument(use), use.name) }),
    datestop: (use) => set({ dateStop: parseDate(argument(use), use.name) }),
    timestart: (use) => set({ start: parseClock(argument(use), use.name) }),
    timestop: (use) => set({ stop: parseClock(argument(use), use.name) }),
    contiguous: () => set({ contiguous: true }),
    weekdays: (use) => {
      const days = parseWeekdays(argument(use));
      set({ weekdays: use.inverted ? days ^ ALL_WEEKDAYS : days });
    },
    monthdays: (use) => {
      const days = parseMonthdays(argument(use));
      set({ monthdays: (use.inverted ? days ^ ALL_MONTHDAYS : days) >>> 0 });
    },
    localtz: () => set({ kernelZone: true }),
    kerneltz: () => set({ kernelZone: true }),
  });
  if (options.contiguous && options.start < options.stop) {
    throw new OptionError(
      'bad-time',
      'time: --contiguous only makes sense when stoptime is smaller than starttime',
      { option: 'contiguous' },
    );
  }
  excludeEachOther('time', uses, ['localtz', 'utc']);
  excludeEachOther('time', uses, ['utc', 'kerneltz']);
  return options;
}

/** -m time. */
export const time: MatchDefinition<TimeOptions> = {
  name: 'time',
  families: [4, 6],
  help: 'time of day, weekday, day of the month and date at which the packet comes (UTC)',
  options: [
    { name: 'datestart', argument: 'YYYY[-MM[-DD[Thh[:mm[:ss]]]]]', help: 'from this time on' },
    { name: 'datestop', argument: 'YYYY[-MM[-DD[Thh[:mm[:ss]]]]]', help: 'up to this time' },
    { name: 'timestart', argument: 'hh:mm[:ss]', help: 'time of day from which on it holds' },
    { name: 'timestop', argument: 'hh:mm[:ss]', help: 'time of day up to which it holds' },
    { name: 'contiguous', help: 'a time range over midnight counts for the day it began' },
    { name: 'weekdays', argument: 'day[,day…]', invertible: true, help: 'Mon … Sun or 1 … 7' },
    { name: 'monthdays', argument: 'day[,day…]', invertible: true, help: '1 to 31' },
    { name: 'localtz', help: 'old name of --kerneltz' },
    { name: 'utc', help: 'times are UTC, as they are anyway' },
    { name: 'kerneltz', help: "times are in the kernel's time zone" },
  ],
  reads: ['time'],
  assumable: true,
  parse,
  print(options) {
    const { start, stop, monthdays, weekdays, dateStart, dateStop } = options;
    const clock = start !== 0 || stop !== LAST_SECOND;
    return joined(
      clock ? `--timestart ${clockText(start)} --timestop ${clockText(stop)}` : '',
      monthdays === ALL_MONTHDAYS ? '' : `--monthdays ${daysText(monthdays)}`,
      weekdays === ALL_WEEKDAYS ? '' : `--weekdays ${weekdaysText(weekdays)}`,
      dateStart === 0 ? '' : `--datestart ${dateText(dateStart, 'T')}`,
      // iptables 1.8.9 prints the last date too when none was given.
      dateStop === 0 ? '' : `--datestop ${dateText(dateStop, 'T')}`,
      options.kernelZone ? '--kerneltz' : '',
      options.contiguous ? '--contiguous' : '',
    );
  },
  list(options) {
    const { start, stop, monthdays, weekdays, dateStart, dateStop } = options;
    const clock = start !== 0 || stop !== LAST_SECOND;
    return joined(
      'TIME',
      clock ? `from ${clockText(start)} to ${clockText(stop)}` : '',
      weekdays === ALL_WEEKDAYS ? '' : `on ${weekdaysText(weekdays)}`,
      monthdays === ALL_MONTHDAYS ? '' : `on ${daysText(monthdays, true)}`,
      dateStart === 0 ? '' : `starting from ${dateText(dateStart, ' ')}`,
      dateStop === LAST_DATE
        ? ''
        : joined('until date', dateStop === 0 ? '' : dateText(dateStop, ' ')),
      options.kernelZone ? '' : 'UTC',
      options.contiguous ? 'contiguous' : '',
    );
  },
  matches(options, context) {
    if (options.kernelZone && !holdsAlways(options))
      return undecided(context, "--kerneltz: no capture shows the host's time zone");
    return failures(options, context.packet.timeSeconds).length === 0 ? YES : NO;
  },
  explain: (options, { packet }) => failures(options, packet.timeSeconds).join('; '),
};
