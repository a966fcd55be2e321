/** -m dscp: the upper six bits of TOS or traffic class (net/netfilter/xt_dscp.c). */
import { unequal } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, excludeEachOther, readOptions } from './options.ts';
import { byteText, dscpOfClass } from './traffic-class.ts';
import { boundedNumber } from './values.ts';

/** Options of -m dscp. */
export interface DscpOptions {
  /** 0 to 63. */
  readonly value: number;
  readonly inverted: boolean;
}

/** -m dscp. */
export const dscp: MatchDefinition<DscpOptions> = {
  name: 'dscp',
  families: [4, 6],
  help: 'the differentiated services code point',
  options: [
    { name: 'dscp', argument: 'value', invertible: true, help: 'the code point, 0 to 63' },
    {
      name: 'dscp-class',
      argument: 'class',
      invertible: true,
      help: 'the code point of a class: BE, EF, CS0 to CS7, AF11 to AF43',
    },
  ],
  reads: ['tos'],
  parse(uses) {
    let options: DscpOptions | undefined;
    readOptions('dscp', dscp.options, uses, {
      dscp: (use) => {
        const value = boundedNumber('dscp', 'dscp', argument(use), 63);
        options = { value, inverted: use.inverted };
      },
      'dscp-class': (use) => {
        options = { value: dscpOfClass('dscp-class', argument(use)), inverted: use.inverted };
      },
    });
    if (options === undefined) {
      throw new OptionError('option-missing', 'DSCP match: Parameter --dscp is required', {
        hint: 'add --dscp or --dscp-class',
      });
    }
    excludeEachOther('dscp', uses, ['dscp', 'dscp-class']);
    return options;
  },
  print: ({ value, inverted }) => `${inverted ? '! ' : ''}--dscp ${byteText(value)}`,
  list: ({ value, inverted }) => `DSCP match ${inverted ? '!' : ''}${byteText(value)}`,
  matches: ({ value, inverted }, { packet }) =>
    (packet.tos >> 2 === value) !== inverted ? YES : NO,
  explain: ({ value, inverted }, { packet }) =>
    unequal('dscp', inverted, byteText(packet.tos >> 2), byteText(value)),
};
