/**
 * -m mark: the packet's mark (skb->mark), which -j MARK sets. As net/netfilter/xt_mark.c.
 */
import { unequal } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import type { MaskedMark } from './values.ts';
import { hexText, maskedMark } from './values.ts';

/** Options of -m mark. */
export interface MarkOptions extends MaskedMark {
  readonly inverted: boolean;
}

/** `0x1` or `0x1/0xff`. */
function markText({ value, mask }: MaskedMark): string {
  return mask === 0xffffffff ? hexText(value) : `${hexText(value)}/${hexText(mask)}`;
}

/** -m mark. */
export const mark: MatchDefinition<MarkOptions> = {
  name: 'mark',
  families: [4, 6],
  help: "the packet's mark, as -j MARK sets it; packets come without one (0)",
  options: [
    {
      name: 'mark',
      argument: 'value[/mask]',
      invertible: true,
      help: 'the mark, masked when a mask is given, is the value',
    },
  ],
  reads: ['mark'],
  parse(uses) {
    let options: MarkOptions = { value: 0, mask: 0, inverted: false };
    readOptions('mark', mark.options, uses, {
      mark: (use) => {
        options = { ...maskedMark('mark', 'mark', argument(use)), inverted: use.inverted };
      },
    });
    requireOption('mark', uses, 'mark');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--mark ${markText(options)}`,
  list: (options) => `mark match ${options.inverted ? '! ' : ''}${markText(options)}`,
  matches({ value, mask, inverted }, context) {
    return ((context.mark & mask) >>> 0 === value) !== inverted ? YES : NO;
  },
  explain: (options, context) =>
    unequal('mark', options.inverted, hexText(context.mark >>> 0), markText(options)),
};
