/** -m tos: the TOS byte or traffic class under a mask (xt_tos revision 1 of net/netfilter/xt_dscp.c). */
import { unequal } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import type { MaskedTos } from './traffic-class.ts';
import { byteText, parseTos, tosSymbol } from './traffic-class.ts';

/** Options of -m tos. */
export interface TosOptions extends MaskedTos {
  readonly inverted: boolean;
}

function maskedText({ value, mask }: MaskedTos): string {
  return `${byteText(value)}/${byteText(mask)}`;
}

/** -m tos. */
export const tos: MatchDefinition<TosOptions> = {
  name: 'tos',
  families: [4, 6],
  help: 'the type of service or traffic class byte',
  options: [
    {
      name: 'tos',
      argument: 'value[/mask]',
      invertible: true,
      help: 'the byte under the mask, or a name such as Minimize-Delay (with mask 0x3f)',
    },
  ],
  reads: ['tos'],
  parse(uses) {
    let options: TosOptions = { value: 0, mask: 0, inverted: false };
    readOptions('tos', tos.options, uses, {
      tos: (use) => {
        options = { ...parseTos('tos', argument(use)), inverted: use.inverted };
      },
    });
    requireOption('tos', uses, 'tos');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--tos ${maskedText(options)}`,
  list: (options, numeric) => {
    const symbol = numeric ? undefined : tosSymbol(options);
    // As the real tool has it: no blank before the digits.
    const shown = symbol === undefined ? maskedText(options) : ` ${symbol}`;
    return `tos match${options.inverted ? '!' : ''}${shown}`;
  },
  matches: ({ value, mask, inverted }, { packet }) =>
    ((packet.tos & mask) === value) !== inverted ? YES : NO,
  explain: (options, { packet }) =>
    unequal('tos', options.inverted, byteText(packet.tos), maskedText(options)),
};
