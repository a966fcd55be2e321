/**
 * -m length: the length of the datagram, as its own header says it (net/netfilter/xt_length.c).
 */
import { outside, unequal } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import type { Range } from './values.ts';
import { inRange, numberRange, rangeText } from './values.ts';

/** Options of -m length. Bytes. */
export interface LengthOptions extends Range {
  readonly inverted: boolean;
}

/** -m length. */
export const length: MatchDefinition<LengthOptions> = {
  name: 'length',
  families: [4, 6],
  help: 'length of the datagram: IPv4 total length, IPv6 40 + payload length',
  options: [
    {
      name: 'length',
      argument: 'length[:length]',
      invertible: true,
      help: 'bytes, or a range of them, both ends included',
    },
  ],
  reads: ['length'],
  parse(uses) {
    let options: LengthOptions = { low: 0, high: 0, inverted: false };
    readOptions('length', length.options, uses, {
      length: (use) => {
        const range = numberRange('length', 'length', argument(use), 0xffff);
        options = { ...range, inverted: use.inverted };
      },
    });
    requireOption('length', uses, 'length');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--length ${rangeText(options)}`,
  list: (options) => `length ${options.inverted ? '!' : ''}${rangeText(options)}`,
  matches: (options, { packet }) =>
    inRange(options, packet.totalLength) !== options.inverted ? YES : NO,
  explain: (options, { packet }) => {
    const say = options.low === options.high ? unequal : outside;
    return say('length', options.inverted, `${packet.totalLength}`, rangeText(options));
  },
};
