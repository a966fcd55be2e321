/**
 * -j NFLOG: hands a copy of the packet to a logging program and goes on (net/netfilter/xt_NFLOG.c).
 */

import { joined } from '../match/conditions.ts';
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import { textValue } from '../match/text-value.ts';
import { boundedNumber, savedString } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j NFLOG. */
export interface NflogOptions {
  readonly group: number;
  /** At most 63 bytes. */
  readonly prefix: string;
  /** Bytes to copy, by --nflog-size or by --nflog-range, which never worked. */
  readonly length: number;
  readonly lengthIsSize: boolean;
  readonly threshold: number;
}

const DEFAULT_THRESHOLD = 0;

/** @throws OptionError bad-value */
function parsePrefix(use: OptionUse): string {
  const text = textValue(use, { shortest: 1, kept: 63 });
  if (argument(use).includes('\n')) {
    throw new OptionError('bad-value', 'Newlines not allowed in --log-prefix', {
      option: 'nflog-prefix',
    });
  }
  return text;
}

function text(options: NflogOptions, dashes: string): string {
  const { group, prefix, length, lengthIsSize, threshold } = options;
  const size = lengthIsSize ? `${dashes}nflog-size ${length}` : '';
  const range = length === 0 ? '' : `${dashes}nflog-range ${length}`;
  return joined(
    prefix === '' ? '' : `${dashes}nflog-prefix ${savedString(prefix)}`,
    group === 0 ? '' : `${dashes}nflog-group ${group}`,
    lengthIsSize ? size : range,
    threshold === DEFAULT_THRESHOLD ? '' : `${dashes}nflog-threshold ${threshold}`,
  );
}

/** -j NFLOG. */
export const NFLOG: TargetDefinition<NflogOptions> = {
  name: 'NFLOG',
  families: [4, 6],
  help: 'hand a copy to a logging program and go on with the next rule',
  options: [
    { name: 'nflog-group', argument: 'number', help: 'netlink group, 0 to 65535' },
    { name: 'nflog-prefix', argument: 'text', help: 'text that goes with it, at most 63 bytes' },
    { name: 'nflog-range', argument: 'bytes', help: 'has never worked; see --nflog-size' },
    { name: 'nflog-size', argument: 'bytes', help: 'how many bytes are copied' },
    { name: 'nflog-threshold', argument: 'packets', help: 'how many are queued in the kernel' },
  ],
  parse(uses, context) {
    let options: NflogOptions = {
      group: 0,
      prefix: '',
      length: 0,
      lengthIsSize: false,
      threshold: DEFAULT_THRESHOLD,
    };
    const number = (use: OptionUse, max: number): number =>
      boundedNumber('NFLOG', use.name, argument(use), max);
    readOptions('NFLOG', NFLOG.options, uses, {
      'nflog-group': (use) => {
        options = { ...options, group: number(use, 0xffff) };
      },
      'nflog-prefix': (use) => {
        options = { ...options, prefix: parsePrefix(use) };
      },
      'nflog-range': (use) => {
        options = { ...options, length: number(use, 0xffffffff) };
      },
      'nflog-size': (use) => {
        options = { ...options, length: number(use, 0xffffffff), lengthIsSize: true };
      },
      'nflog-threshold': (use) => {
        options = { ...options, threshold: number(use, 0xffff) };
      },
    });
    excludeEachOther('NFLOG', uses, ['nflog-range', 'nflog-size']);
    if (uses.some(({ name }) => name === 'nflog-range')) {
      context.warn({
        code: 'option-without-effect',
        severity: 'warning',
        message: '--nflog-range has never worked and is no longer supported',
        hint: 'use --nflog-size instead',
      });
    }
    return options;
  },
  print: (options) => text(options, '--'),
  list: (options) => text(options, ''),
  apply: () => TARGET_CONTINUE,
};
