/**
 * Dates, times of day and days as options of -m time: read as libxt_time.c of iptables 1.8.9 reads
 * them, strtoul and its lenience included (empty numbers are 0, month 0 is the December before).
 */
import { OptionError } from './definition.ts';

const WEEKDAYS = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const HIGHEST = 2n ** 64n - 1n;

/** strtoul into an unsigned int: the number at the beginning (0 when none) and the rest. */
function leading(text: string, base: 0 | 10): { value: number; rest: string } {
  const digits = base === 10 ? '[0-9]+' : '0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*';
  const found = new RegExp(`^[ \\t\\n\\v\\f\\r]*([+-]?)(${digits})`).exec(text);
  const number = found?.[2];
  if (found === null || number === undefined) return { value: 0, rest: text };
  const octal = base === 0 && /^0[0-7]+$/.test(number);
  const hexadecimal = base === 0 && /^0[xX]/.test(number);
  const plain = hexadecimal ? number : number.replace(/^0+(?=[0-9])/, '');
  const exact = BigInt(octal ? `0o${number.slice(1)}` : plain);
  const long = exact > HIGHEST ? HIGHEST : found[1] === '-' ? -exact : exact;
  return { value: Number(BigInt.asUintN(32, long)), rest: text.slice(found[0].length) };
}

/** `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` as seconds since 1970. @throws OptionError bad-time */
export function parseDate(text: string, option: string): number {
  const refuse = (): OptionError =>
    new OptionError(
      'bad-time',
      `Invalid date "${text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`,
      { option },
    );
  const parts = [1970, 1, 1, 0, 0, 0];
  const ends = ['-', '-', 'T', ':', ':', ''];
  const most = [2038, 12, 31, 23, 59, 59];
  let rest = text;
  for (let i = 0; i < parts.length; i++) {
    const found = leading(rest, 10);
    const end = ends[i] ?? '';
    const ended = found.rest === '';
    if (!ended && (end === '' || !found.rest.startsWith(end))) throw refuse();
    if (found.value > (most[i] ?? 0) || (i === 0 && found.value < 1970)) throw refuse();
    parts[i] = found.value;
    if (ended) break;
    rest = found.rest.slice(1);
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  if (seconds < 0) throw new OptionError('bad-time', 'mktime returned an error', { option });
  return seconds;
}

/** `hh:mm[:ss]` as seconds of the day. @throws OptionError bad-time */
export function parseClock(text: string, option: string): number {
  // The real tool's message names the part from which on it does not understand.
  const refuse = (from: string): OptionError =>
    new OptionError(
      'bad-time',
      `invalid time "${from}" specified, should be hh:mm[:ss] format and within the boundaries`,
      { option },
    );
  const hour = leading(text, 10);
  if (!hour.rest.startsWith(':') || hour.value > 23) throw refuse(text);
  const afterHour = hour.rest.slice(1);
  const minute = leading(afterHour, 10);
  if (!/^(:|$)/.test(minute.rest) || minute.value > 59) throw refuse(afterHour);
  const whole = hour.value * 3600 + minute.value * 60;
  if (minute.rest === '') return whole;
  const afterMinute = minute.rest.slice(1);
  const second = leading(afterMinute, 10);
  if (second.rest !== '' || second.value > 59) throw refuse(afterMinute);
  return whole + second.value;
}

/** The parts of a list, each cut to what the real tool's buffer holds; a last empty one is none. */
function segments(text: string, size: number): string[] {
  const parts = text.split(',');
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part) => part.slice(0, size));
}

/** Bits of `1,15,31`. @throws OptionError bad-day */
export function parseMonthdays(text: string): number {
  let bits = 0;
  for (const day of segments(text, 2)) {
    const { value, rest } = leading(day, 0);
    if (rest !== '' || value > 31) {
      throw new OptionError('bad-day', `${day} is not a valid day for --monthdays`, {
        option: 'monthdays',
      });
    }
    bits |= 1 << value;
  }
  return bits >>> 0;
}

/** Bits of `Mon,Tue` or `1,2`; two letters are enough. @throws OptionError bad-day */
export function parseWeekdays(text: string): number {
  let bits = 0;
  for (const day of segments(text, 3)) {
    const { value, rest } = leading(day, 0);
    if (rest === '') {
      if (value === 0) {
        throw new OptionError('bad-day', 'No, the week does NOT begin with Sunday.', {
          option: 'weekdays',
        });
      }
      bits |= 1 << (value & 31);
      continue;
    }
    const found = WEEKDAYS.findIndex((name) => name !== '' && name.slice(0, 2) === day.slice(0, 2));
    if (found < 0) {
      throw new OptionError('bad-day', `${day} is not a valid day specifier`, {
        option: 'weekdays',
        hint: 'Mon, Tue, Wed, Thu, Fri, Sat, Sun or 1 to 7',
      });
    }
    bits |= 1 << found;
  }
  return bits & 0xff;
}

/** `Mon,Tue`. */
export function weekdaysText(bits: number): string {
  return WEEKDAYS.filter((name, day) => name !== '' && (bits & (1 << day)) !== 0).join(',');
}

const ORDINALS: Readonly<Record<number, string>> = { 1: 'st', 2: 'nd', 3: 'rd' };

/** `1,15,31`, or `1st,15th,31st` as the real tool counts (`11st`). */
export function daysText(bits: number, ordinal = false): string {
  const days: string[] = [];
  for (let day = 1; day <= 31; day++)
    if ((bits & (1 << day)) !== 0)
      days.push(`${day}${ordinal ? (ORDINALS[day % 10] ?? 'th') : ''}`);
  return days.join(',');
}

/** `01:02:03`. */
export function clockText(seconds: number): string {
  const two = (value: number): string => `${value}`.padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const SECONDS_OF_DAY = 86_400;

/** Year, month and day (from 1) of a number of days since 1970, in the Gregorian calendar. */
export function civilDate(days: number): { year: number; month: number; day: number } {
  // Counted from 0000-03-01, so that a leap day ends its year; 400 years are an era.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const ofYear =
    ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const month = Math.floor((5 * ofYear + 2) / 153);
  return {
    year: yearOfEra + era * 400 + (month >= 10 ? 1 : 0),
    month: month < 10 ? month + 3 : month - 9,
    day: ofYear - Math.floor((153 * month + 2) / 5) + 1,
  };
}

/** `2001-02-03T04:05:06`, with what stands between date and time. */
export function dateText(seconds: number, between: string): string {
  const { year, month, day } = civilDate(Math.floor(seconds / SECONDS_OF_DAY));
  const two = (value: number): string => `${value}`.padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}${between}${clockText(seconds % SECONDS_OF_DAY)}`;
}
