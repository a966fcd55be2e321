/**
 * -m connbytes: packets, bytes or mean packet size of the connection so far, this packet included.
 * As net/netfilter/xt_connbytes.c. The capture's beginning is the connection's, if not before.
 */
import type { Connection } from '../conntrack/types.ts';
import { DIRECTION_ORIGINAL, DIRECTION_REPLY } from '../conntrack/types.ts';
import { outside } from './conditions.ts';
import type { MatchDefinition, OptionUse } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { WIDEST, wideRange } from './wide-number.ts';

/** Options of -m connbytes. */
export interface ConnbytesOptions {
  /** Larger than `to` when inverted, as the kernel has it. 64-bit unsigned. */
  readonly from: bigint;
  readonly to: bigint;
  readonly mode: string;
  readonly direction: string;
}

const MODES = ['packets', 'bytes', 'avgpkt'];
const DIRECTIONS = ['original', 'reply', 'both'];

/** What is compared. */
function measured({ mode, direction }: ConnbytesOptions, connection: Connection): number {
  let packets = 0;
  let bytes = 0;
  if (direction !== 'reply') {
    packets += connection.packetCount(DIRECTION_ORIGINAL);
    bytes += connection.byteCount(DIRECTION_ORIGINAL);
  }
  if (direction !== 'original') {
    packets += connection.packetCount(DIRECTION_REPLY);
    bytes += connection.byteCount(DIRECTION_REPLY);
  }
  if (mode === 'packets') return packets;
  if (mode === 'bytes') return bytes;
  return packets === 0 ? 0 : Math.floor(bytes / packets);
}

/** @throws OptionError bad-value */
function oneOf(use: OptionUse, words: readonly string[]): string {
  const word = argument(use);
  if (words.includes(word)) return word;
  throw new OptionError('bad-value', `Unknown --${use.name} \`${word}'`, {
    option: use.name,
    hint: words.join(', '),
  });
}

/** @throws OptionError */
function parseRange(use: OptionUse): Pick<ConnbytesOptions, 'from' | 'to'> {
  const [from = 0n, to = WIDEST] = wideRange('connbytes', 'connbytes', argument(use));
  if (to < from) {
    throw new OptionError('bad-value', `${from} should be less than ${to}`, {
      option: 'connbytes',
    });
  }
  return use.inverted ? { from: to, to: from } : { from, to };
}

function rangeText({ from, to }: ConnbytesOptions, dash: string): string {
  const inverted = from > to;
  const [low, high] = inverted ? [to, from] : [from, to];
  const end = high !== 0n && high < WIDEST ? `:${high}` : '';
  return `${inverted ? '! ' : ''}${dash}connbytes ${low}${end}`;
}

/** -m connbytes. */
export const connbytes: MatchDefinition<ConnbytesOptions> = {
  name: 'connbytes',
  families: [4, 6],
  help: 'packets, bytes or mean packet size of the connection so far',
  options: [
    { name: 'connbytes', argument: 'from[:to]', invertible: true, help: 'how many' },
    { name: 'connbytes-dir', argument: 'direction', help: 'original, reply or both' },
    { name: 'connbytes-mode', argument: 'mode', help: 'packets, bytes or avgpkt' },
  ],
  reads: ['connection', 'ctstate', 'length'],
  parse(uses) {
    let options: ConnbytesOptions = { from: 0n, to: 0n, mode: '', direction: '' };
    readOptions('connbytes', connbytes.options, uses, {
      connbytes: (use) => {
        options = { ...options, ...parseRange(use) };
      },
      'connbytes-dir': (use) => {
        options = { ...options, direction: oneOf(use, DIRECTIONS) };
      },
      'connbytes-mode': (use) => {
        options = { ...options, mode: oneOf(use, MODES) };
      },
    });
    for (const { name } of connbytes.options) requireOption('connbytes', uses, name);
    return options;
  },
  print: (options) =>
    `${rangeText(options, '--')} --connbytes-mode ${options.mode} --connbytes-dir ${options.direction}`,
  list: (options) =>
    `${rangeText(options, '')} connbytes mode ${options.mode} connbytes direction ${options.direction}`,
  matches(options, { connection }) {
    if (connection === undefined) return NO;
    const { from, to } = options;
    const value = measured(options, connection);
    const holds = to >= from ? value >= from && value <= to : value < to || value > from;
    return holds ? YES : NO;
  },
  explain: (options, { connection }) => {
    if (connection === undefined) return 'connbytes: no connection';
    const inverted = options.from > options.to;
    const range = rangeText(options, '').replace(/^(! )?connbytes /, '');
    return outside('connbytes', inverted, `${measured(options, connection)}`, range);
  },
};
