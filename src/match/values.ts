/**
 * Reading option values as libxtables 1.8.9 does: numbers, ranges, texts. Messages are those of the
 * real tool, without its prefix.
 */
import { OptionError } from './definition.ts';

/** Error for a value that is not of the option's kind or range, in the words of libxtables. */
export function badValue(extension: string, option: string, detail: string): OptionError {
  return new OptionError('bad-value', `${extension}: bad value for option "--${option}"${detail}`, {
    option,
  });
}

/**
 * An unsigned number as strtoul with base 0 takes it (decimal, 0x hexadecimal, leading 0 octal),
 * or undefined when it is none or above `max`. As xtables_strtoui without an end pointer.
 */
export function unsignedNumber(text: string, max: number): number | undefined {
  const plain = plainDecimal(text);
  if (plain >= 0) return plain > max ? undefined : plain;
  const prefix = unsignedPrefix(text);
  if (prefix === undefined || prefix.rest !== '' || prefix.value > max) return undefined;
  return prefix.value;
}

/** Value of up to 15 digits without a leading zero; -1 for any other text. */
function plainDecimal(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9 || (digit === 0 && at === 0 && text.length > 1)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The number at the beginning of a text (base 0) and what follows it; undefined if none. */
export function unsignedPrefix(text: string): { value: number; rest: string } | undefined {
  const found = /^[ \t\n\v\f\r]*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text);
  const digits = found?.[1];
  if (found === null || digits === undefined) return undefined;
  const octal = /^0[0-7]+$/.test(digits);
  return {
    value: octal ? Number.parseInt(digits, 8) : Number(digits),
    rest: text.slice(found[0].length),
  };
}

/**
 * An unsigned number from `min` (0) to `max`, as XTTYPE_UINT8 and its like.
 * @throws OptionError bad-value
 */
export function boundedNumber(
  extension: string,
  option: string,
  text: string,
  max: number,
  min = 0,
): number {
  const value = unsignedNumber(text, max);
  if (value === undefined || value < min) {
    throw badValue(extension, option, `, or out of range (${min}-${max}).`);
  }
  return value;
}

/** A closed range; `low` may exceed `high` where the real tool does not look. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Error for `1:2:3`. */
export function tooManyComponents(extension: string, option: string): OptionError {
  return new OptionError(
    'bad-value',
    `${extension}: Too many components for option "--${option}" (max: 2)`,
    { option, hint: 'a range is low:high' },
  );
}

/**
 * A range `a`, `a:b`, `:b`, `a:`, `:` or nothing (0), the missing ends being 0 and `max`, as
 * XTTYPE_UINT32RC and its like. @throws OptionError bad-value
 */
export function numberRange(extension: string, option: string, text: string, max: number): Range {
  const values: number[] = [];
  let rest = text;
  for (;;) {
    if (values.length === 2) throw tooManyComponents(extension, option);
    if (rest === '' || rest.startsWith(':')) {
      values.push(values.length === 1 ? max : 0);
    } else {
      const found = unsignedPrefix(rest);
      if (found === undefined || found.value > max) {
        throw badValue(extension, option, ` near "${rest}", or out of range (0-${max}).`);
      }
      values.push(found.value);
      rest = found.rest;
    }
    if (rest === '') break;
    if (!rest.startsWith(':')) {
      throw new OptionError(
        'bad-value',
        `${extension}: Argument to "--${option}" has unexpected characters near "${rest}".`,
        { option, hint: 'a range is low:high' },
      );
    }
    rest = rest.slice(1);
  }
  const [low = 0, high = low] = values;
  return { low, high };
}

/** A range as iptables-save prints it: one number when both ends are the same. */
export function rangeText(range: Range): string {
  return range.low === range.high ? `${range.low}` : `${range.low}:${range.high}`;
}

/** Whether a number lies in a range; never when the range is reversed. */
export function inRange(range: Range, value: number): boolean {
  return value >= range.low && value <= range.high;
}

/** A 32-bit value with mask, both unsigned. */
export interface MaskedMark {
  readonly value: number;
  readonly mask: number;
}

/** `value[/mask]`, as XTTYPE_MARKMASK32. @throws OptionError bad-value */
export function maskedMark(extension: string, option: string, text: string): MaskedMark {
  const integer = (part: string): { value: number; rest: string } => {
    const found = unsignedPrefix(part);
    if (found === undefined || found.value > 0xffffffff) {
      throw new OptionError(
        'bad-value',
        `${extension}: bad integer value for option "--${option}", or out of range.`,
        { option, hint: 'a mark is a number from 0 to 0xffffffff, with /mask if wanted' },
      );
    }
    return found;
  };
  const first = integer(text);
  const second = first.rest.startsWith('/') ? integer(first.rest.slice(1)) : undefined;
  if ((second ?? first).rest !== '') {
    throw new OptionError(
      'bad-value',
      `${extension}: trailing garbage after value for option "--${option}".`,
      { option },
    );
  }
  return { value: first.value, mask: second?.value ?? 0xffffffff };
}

/** `0x1f`, as %#x prints it: 0 is `0x0` in iptables' own formats. */
export function hexText(value: number): string {
  return `0x${value.toString(16)}`;
}

/**
 * A text as xtables_save_string prints it: quoted when it holds anything but letters, digits, `_`
 * and `-`, or nothing; backslash before `"`, `'` and `\\`.
 */
export function savedString(text: string): string {
  if (/^[-_0-9A-Za-z]+$/.test(text)) return text;
  return `"${text.replace(/["'\\]/g, '\\$&')}"`;
}

/** The text cut to what a C array holds: at most `size` bytes of UTF-8, no half character. */
export function cutToBytes(text: string, size: number): string {
  // No character of UTF-16 takes more than three bytes.
  if (text.length * 3 <= size) return text;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= size) return text;
  let end = size;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
