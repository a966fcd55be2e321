/**
 * -j ULOG: the older way to hand copies to a logging program, which Linux 3.17 removed
 * (net/ipv4/netfilter/ipt_ULOG.c before that). The packet goes on. iptables 1.8.9 still reads it.
 */
import { joined } from '../match/conditions.ts';
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { textValue } from '../match/text-value.ts';
import { badValue, boundedNumber, savedString, unsignedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j ULOG. */
export interface UlogOptions {
  /** 1 to 32. */
  readonly group: number;
  /** At most 31 bytes. */
  readonly prefix: string;
  readonly copyRange: number;
  readonly threshold: number;
}

/** ULOG_MAX_QLEN. */
const MOST_QUEUED = 50;

/** @throws OptionError bad-value */
function parsePrefix(use: OptionUse): string {
  const text = textValue(use, { shortest: 1, kept: 31 });
  if (argument(use).includes('\n')) {
    throw new OptionError('bad-value', 'Newlines not allowed in --ulog-prefix', {
      option: 'ulog-prefix',
    });
  }
  return text;
}

/** @throws OptionError bad-value */
function parseCopyRange(use: OptionUse): number {
  const value = unsignedNumber(argument(use), 2 ** 64);
  if (value === undefined) {
    throw badValue('ULOG', use.name, ', or out of range (0-18446744073709551615).');
  }
  return Number(BigInt.asUintN(32, BigInt(value)));
}

/** -j ULOG. */
export const ULOG: TargetDefinition<UlogOptions> = {
  name: 'ULOG',
  families: [4],
  help: 'hand a copy to a logging program and go on (removed in Linux 3.17)',
  options: [
    { name: 'ulog-nlgroup', argument: 'number', help: 'netlink group, 1 to 32' },
    { name: 'ulog-prefix', argument: 'text', help: 'text that goes with it, at most 31 bytes' },
    { name: 'ulog-cprange', argument: 'bytes', help: 'how many bytes are copied; 0: all' },
    { name: 'ulog-qthreshold', argument: 'packets', help: 'how many are queued, 1 to 50' },
  ],
  parse(uses) {
    let options: UlogOptions = { group: 1, prefix: '', copyRange: 0, threshold: 1 };
    const number = (use: OptionUse, max: number): number =>
      boundedNumber('ULOG', use.name, argument(use), max, 1);
    readOptions('ULOG', ULOG.options, uses, {
      'ulog-nlgroup': (use) => {
        options = { ...options, group: number(use, 32) };
      },
      'ulog-prefix': (use) => {
        options = { ...options, prefix: parsePrefix(use) };
      },
      'ulog-cprange': (use) => {
        options = { ...options, copyRange: parseCopyRange(use) };
      },
      'ulog-qthreshold': (use) => {
        options = { ...options, threshold: number(use, MOST_QUEUED) };
      },
    });
    return options;
  },
  print: ({ group, prefix, copyRange, threshold }) =>
    joined(
      prefix === '' ? '' : `--ulog-prefix ${savedString(prefix)}`,
      group === 1 ? '' : `--ulog-nlgroup ${group}`,
      copyRange === 0 ? '' : `--ulog-cprange ${copyRange}`,
      threshold === 1 ? '' : `--ulog-qthreshold ${threshold}`,
    ),
  list: ({ group, prefix, copyRange, threshold }) =>
    joined(
      `ULOG copy_range ${copyRange} nlgroup ${group}`,
      prefix === '' ? '' : `prefix "${prefix}"`,
      `queue_threshold ${threshold}`,
    ),
  apply: () => TARGET_CONTINUE,
};
