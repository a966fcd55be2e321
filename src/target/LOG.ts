/**
 * -j LOG: a line to the kernel's log; the packet goes on to the next rule (xt_LOG.c). Nothing is
 * logged here, but the rule counts.
 */
import { joined } from '../match/conditions.ts';
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { cutToBytes, savedString, unsignedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j LOG. */
export interface LogOptions {
  /** 0 (emerg) to 7 (debug). */
  readonly level: number;
  /** At most 29 bytes. */
  readonly prefix: string;
  /** XT_LOG_ bits. */
  readonly flags: number;
}

/** LOG_WARNING. */
const DEFAULT_LEVEL = 4;
/** sizeof(prefix) less the terminating zero; iptables cuts longer texts without a word. */
const LONGEST_PREFIX = 29;
/** Names that --log-level takes. */
const LEVELS: Readonly<Record<string, number>> = {
  emerg: 0,
  panic: 0,
  alert: 1,
  crit: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};
/** Names that `iptables -L` shows. */
const LEVEL_NAMES = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
/** Flag options in the order in which they are printed: name without `log-`, bit, help. */
const FLAGS: readonly (readonly [string, number, string])[] = [
  ['tcp-sequence', 0x01, 'log TCP sequence numbers'],
  ['tcp-options', 0x02, 'log TCP options'],
  ['ip-options', 0x04, 'log IP options'],
  ['uid', 0x08, 'log the user who owns the socket'],
  ['macdecode', 0x20, 'log MAC addresses and protocol decoded'],
];

/** @throws OptionError bad-log-level */
function parseLevel(use: OptionUse): number {
  const text = argument(use);
  const level = unsignedNumber(text, 7) ?? (Object.hasOwn(LEVELS, text) ? LEVELS[text] : undefined);
  if (level === undefined) {
    throw new OptionError('bad-log-level', `log level "${text}" unknown`, {
      option: 'log-level',
      hint: `levels are 0 to 7, ${Object.keys(LEVELS).join(', ')}`,
    });
  }
  return level;
}

/** @throws OptionError bad-value */
function parsePrefix(use: OptionUse): string {
  const text = argument(use);
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', message, { option: 'log-prefix' });
  if (text === '') throw refuse('Argument must have a minimum length of 1 characters');
  if (text.includes('\n')) throw refuse('Newlines not allowed in --log-prefix');
  return cutToBytes(text, LONGEST_PREFIX);
}

function list({ level, prefix, flags }: LogOptions, numeric: boolean): string {
  const end = prefix === '' ? '' : `prefix "${prefix}"`;
  if (numeric) return joined(`LOG flags ${flags} level ${level}`, end);
  const names = FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  return joined(`LOG level ${LEVEL_NAMES[level] ?? level}`, ...names, end);
}

/** -j LOG. */
export const LOG: TargetDefinition<LogOptions> = {
  name: 'LOG',
  families: [4, 6],
  help: "write a line to the kernel's log and go on with the next rule",
  options: [
    { name: 'log-level', argument: 'level', help: 'syslog level, 4 (warning) by default' },
    { name: 'log-prefix', argument: 'text', help: 'text before the line, at most 29 bytes' },
    ...FLAGS.map(([name, , help]) => ({ name: `log-${name}`, help })),
  ],
  parse(uses) {
    let options: LogOptions = { level: DEFAULT_LEVEL, prefix: '', flags: 0 };
    readOptions('LOG', LOG.options, uses, {
      'log-level': (use) => {
        options = { ...options, level: parseLevel(use) };
      },
      'log-prefix': (use) => {
        options = { ...options, prefix: parsePrefix(use) };
      },
      ...Object.fromEntries(
        FLAGS.map(([name, bit]) => [
          `log-${name}`,
          () => {
            options = { ...options, flags: options.flags | bit };
          },
        ]),
      ),
    });
    return options;
  },
  print: ({ level, prefix, flags }) =>
    joined(
      prefix === '' ? '' : `--log-prefix ${savedString(prefix)}`,
      level === DEFAULT_LEVEL ? '' : `--log-level ${level}`,
      ...FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => `--log-${name}`),
    ),
  list,
  apply: () => TARGET_CONTINUE,
};
