/**
 * A range of 32-bit numbers that may be negated, as the SPI of -m ah and -m esp, the identification
 * of -m frag and the segments left of -m rt are given: reading (XTTYPE_UINT32RC), printing, looking.
 */
import { outside, unequal } from './conditions.ts';
import type { OptionUse } from './definition.ts';
import { argument } from './options.ts';
import type { Range } from './values.ts';
import { inRange, numberRange, rangeText } from './values.ts';

/** The condition. */
export interface NumberCondition extends Range {
  readonly inverted: boolean;
}

/** Largest number. */
export const LARGEST_NUMBER = 0xffffffff;
/** No condition. */
export const ANY_NUMBER: NumberCondition = { low: 0, high: LARGEST_NUMBER, inverted: false };

/** Reads it. @throws OptionError bad-value */
export function numberCondition(extension: string, use: OptionUse): NumberCondition {
  const range = numberRange(extension, use.name, argument(use), LARGEST_NUMBER);
  return { ...range, inverted: use.inverted };
}

/** Whether a number (unsigned) meets it. */
export function numberHolds(condition: NumberCondition, value: number): boolean {
  return inRange(condition, value) !== condition.inverted;
}

function holdsAll({ low, high }: NumberCondition): boolean {
  return low === 0 && high === LARGEST_NUMBER;
}

/** `! --fragid 1:2`, or '' for every number: iptables 1.8.9 drops a ! before that, too. */
export function savedNumbers(option: string, condition: NumberCondition): string {
  if (holdsAll(condition)) return '';
  return `${condition.inverted ? '! ' : ''}--${option} ${rangeText(condition)}`;
}

/** `spi:!1` or `spis:1:2` as `iptables -L` has it, or '' for every number. */
export function listedNumbers(name: string, condition: NumberCondition): string {
  if (holdsAll(condition) && !condition.inverted) return '';
  const plural = condition.low === condition.high ? '' : 's';
  return `${name}${plural}:${condition.inverted ? '!' : ''}${rangeText(condition)}`;
}

/** Why a number does not meet it. */
export function failedNumber(option: string, condition: NumberCondition, value: number): string {
  const say = condition.low === condition.high ? unequal : outside;
  return say(option, condition.inverted, `${value}`, rangeText(condition));
}
