/**
 * -j IDLETIMER: restarts a timer whose end the kernel tells user space, and goes on
 * (net/netfilter/xt_IDLETIMER.c). Nothing that a rule reads.
 */
import { argument, readOptions, requireOption } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { textValue } from '../match/text-value.ts';
import { boundedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j IDLETIMER. */
export interface IdletimerOptions {
  /** Seconds. */
  readonly timeout: number;
  /** At most 27 bytes. */
  readonly label: string;
  readonly alarm: boolean;
}

/** INT_MAX milliseconds, in seconds. */
const TOO_LONG = Math.floor(0x7fffffff / 1000);

/** -j IDLETIMER. */
export const IDLETIMER: TargetDefinition<IdletimerOptions> = {
  name: 'IDLETIMER',
  families: [4, 6],
  help: 'restart a timer of the kernel and go on with the next rule',
  options: [
    { name: 'timeout', argument: 'seconds', help: 'after how long without packets it ends' },
    { name: 'label', argument: 'name', help: 'name of the timer, at most 27 bytes' },
    { name: 'alarm', help: 'let the timer run while the system sleeps' },
  ],
  parse(uses) {
    let options: IdletimerOptions = { timeout: 0, label: '', alarm: false };
    readOptions('IDLETIMER', IDLETIMER.options, uses, {
      timeout: (use) => {
        const timeout = boundedNumber('IDLETIMER', 'timeout', argument(use), 0xffffffff);
        options = { ...options, timeout };
      },
      label: (use) => {
        options = { ...options, label: textValue(use, { kept: 27 }) };
      },
      alarm: () => {
        options = { ...options, alarm: true };
      },
    });
    requireOption('IDLETIMER', uses, 'timeout');
    requireOption('IDLETIMER', uses, 'label');
    if (options.timeout === 0 || options.timeout >= TOO_LONG) {
      throw kernelRefuses('bad-value', `the kernel takes --timeout from 1 to ${TOO_LONG - 1}`);
    }
    if (options.label === '') throw kernelRefuses('bad-value', 'the kernel wants a --label');
    return options;
  },
  print: ({ timeout, label, alarm }) =>
    `--timeout ${timeout} --label ${label}${alarm ? ' --alarm' : ''}`,
  list: ({ timeout, label, alarm }) => `timeout:${timeout} label:${label}${alarm ? ' alarm' : ''}`,
  apply: () => TARGET_CONTINUE,
};
