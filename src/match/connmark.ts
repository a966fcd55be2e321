/**
 * -m connmark: the mark of the packet's connection, which -j CONNMARK sets. As
 * net/netfilter/xt_connmark.c: a packet without a connection does not match, inverted or not.
 */
import { unequal } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import type { MaskedMark } from './values.ts';
import { hexText, maskedMark } from './values.ts';

/** Options of -m connmark. */
export interface ConnmarkOptions extends MaskedMark {
  readonly inverted: boolean;
}

/** `0x1` or `0x1/0xff`. */
function markText({ value, mask }: MaskedMark): string {
  return mask === 0xffffffff ? hexText(value) : `${hexText(value)}/${hexText(mask)}`;
}

/** -m connmark. */
export const connmark: MatchDefinition<ConnmarkOptions> = {
  name: 'connmark',
  families: [4, 6],
  help: "the mark of the packet's connection, as -j CONNMARK sets it",
  options: [
    {
      name: 'mark',
      argument: 'value[/mask]',
      invertible: true,
      help: "the connection's mark, masked when a mask is given, is the value",
    },
  ],
  reads: ['connection'],
  parse(uses) {
    let options: ConnmarkOptions = { value: 0, mask: 0, inverted: false };
    readOptions('connmark', connmark.options, uses, {
      mark: (use) => {
        options = { ...maskedMark('connmark', 'mark', argument(use)), inverted: use.inverted };
      },
    });
    requireOption('connmark', uses, 'mark');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--mark ${markText(options)}`,
  // The real tool leaves a space of its own before the value.
  list: (options) => `connmark match ${options.inverted ? '!' : ''} ${markText(options)}`,
  matches({ value, mask, inverted }, { connection }) {
    if (connection === undefined) return NO;
    return ((connection.mark & mask) >>> 0 === value) !== inverted ? YES : NO;
  },
  explain: (options, { connection }) => {
    if (connection === undefined) return 'connmark: no connection';
    return unequal('mark', options.inverted, hexText(connection.mark), markText(options));
  },
};
