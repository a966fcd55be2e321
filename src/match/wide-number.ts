/** Unsigned 64-bit option values, as XTTYPE_UINT64 and XTTYPE_UINT64RC read them. */
import { OptionError } from './definition.ts';
import { badValue, tooManyComponents } from './values.ts';

/** Largest 64-bit number. */
export const WIDEST = 2n ** 64n - 1n;

/** The number at the beginning of a text (base 0) and what follows it; undefined if none, or wider. */
export function widePrefix(text: string): { value: bigint; rest: string } | undefined {
  const found = /^[ \t\n\v\f\r]*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text);
  const digits = found?.[1];
  if (found === null || digits === undefined) return undefined;
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return value > WIDEST ? undefined : { value, rest: text.slice(found[0].length) };
}

/** A number from 0 to 2^64 - 1. @throws OptionError bad-value */
export function wideNumber(extension: string, option: string, text: string): bigint {
  const found = widePrefix(text);
  if (found === undefined || found.rest !== '')
    throw badValue(extension, option, `, or out of range (0-${WIDEST}).`);
  return found.value;
}

/**
 * `a`, `a:b`, `:b`, `a:`, `:` or nothing: one or two numbers, missing ones 0 and 2^64 - 1.
 * @throws OptionError bad-value
 */
export function wideRange(extension: string, option: string, text: string): readonly bigint[] {
  const values: bigint[] = [];
  let rest = text;
  for (;;) {
    if (values.length === 2) throw tooManyComponents(extension, option);
    if (rest === '' || rest.startsWith(':')) {
      values.push(values.length === 1 ? WIDEST : 0n);
    } else {
      const found = widePrefix(rest);
      if (found === undefined)
        throw badValue(extension, option, ` near "${rest}", or out of range (0-${WIDEST}).`);
      values.push(found.value);
      rest = found.rest;
    }
    if (rest === '') return values;
    if (!rest.startsWith(':')) {
      throw new OptionError(
        'bad-value',
        `${extension}: Argument to "--${option}" has unexpected characters near "${rest}".`,
        { option, hint: 'a range is low:high' },
      );
    }
    rest = rest.slice(1);
  }
}
