/**
 * Texts as option values, as XTTYPE_STRING of libxtables 1.8.9 takes them: a shortest and a longest
 * length in bytes, and what is longer than the C array is cut without a word.
 */
import type { OptionUse } from './definition.ts';
import { OptionError } from './definition.ts';
import { argument } from './options.ts';
import { cutToBytes } from './values.ts';

/** Limits of a text, in bytes. */
export interface TextLimits {
  readonly shortest?: number;
  readonly longest?: number;
  /** What the array holds, its final zero not counted. */
  readonly kept?: number;
}

/** @throws OptionError bad-value */
export function textValue(use: OptionUse, limits: TextLimits): string {
  const text = argument(use);
  const { shortest = 0, longest = Number.POSITIVE_INFINITY, kept } = limits;
  const { length } = new TextEncoder().encode(text);
  const limit =
    length < shortest ? `minimum length of ${shortest}` : `maximum length of ${longest}`;
  if (length < shortest || length > longest) {
    const message = `Argument must have a ${limit} characters`;
    throw new OptionError('bad-value', message, { option: use.name });
  }
  return kept === undefined ? text : cutToBytes(text, kept);
}
