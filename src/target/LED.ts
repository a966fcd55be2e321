/**
 * -j LED: blinks a light of the machine and goes on (net/netfilter/xt_LED.c).
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import { textValue } from '../match/text-value.ts';
import { unsignedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j LED. */
export interface LedOptions {
  /** At most 16 bytes. */
  readonly trigger: string;
  /** Milliseconds, 32-bit signed as the tool stores and prints them; -1 for ever. */
  readonly delay: number;
  readonly alwaysBlink: boolean;
}

/** @throws OptionError bad-value */
function parseDelay(use: OptionUse): number {
  const text = argument(use);
  if (/^inf/i.test(text)) return -1;
  const value = unsignedNumber(text, 0xffffffff);
  if (value === undefined) {
    throw new OptionError('bad-value', 'Delay value must be within range 0..4294967295', {
      option: 'led-delay',
    });
  }
  return value | 0;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** -j LED. */
export const LED: TargetDefinition<LedOptions> = {
  name: 'LED',
  families: [4, 6],
  help: 'blink a light of the machine and go on with the next rule',
  options: [
    { name: 'led-trigger-id', argument: 'name', help: 'name of the trigger' },
    { name: 'led-delay', argument: 'ms', help: 'how long the light stays on; inf: for ever' },
    { name: 'led-always-blink', help: 'blink also when the light is on already' },
  ],
  parse(uses) {
    let options: LedOptions = { trigger: '', delay: 0, alwaysBlink: false };
    readOptions('LED', LED.options, uses, {
      'led-trigger-id': (use) => {
        options = { ...options, trigger: textValue(use, { longest: 16 }) };
      },
      'led-delay': (use) => {
        options = { ...options, delay: parseDelay(use) };
      },
      'led-always-blink': () => {
        options = { ...options, alwaysBlink: true };
      },
    });
    requireOption('LED', uses, 'led-trigger-id');
    return options;
  },
  print({ trigger, delay, alwaysBlink }) {
    const time = delay > 0 ? ` --led-delay ${delay}` : delay === -1 ? ' --led-delay inf' : '';
    return `--led-trigger-id ${quoted(trigger)}${time}${alwaysBlink ? ' --led-always-blink' : ''}`;
  },
  list({ trigger, delay, alwaysBlink }) {
    const time = delay === -1 ? 'inf' : `${delay}ms`;
    const blink = alwaysBlink ? ' led-always-blink' : '';
    return `led-trigger-id:${quoted(trigger)} led-delay:${time}${blink}`;
  },
  apply: () => TARGET_CONTINUE,
};
