/**
 * -j TOS: changes the IPv4 TOS byte or the IPv6 traffic class and goes on (tos_tg of
 * net/netfilter/xt_DSCP.c): the bits of the mask are cleared, then those of the value are flipped.
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import type { MaskedTos } from '../match/traffic-class.ts';
import { byteText, parseTos, tosSymbol } from '../match/traffic-class.ts';
import { boundedNumber } from '../match/values.ts';
import { setTrafficClass } from '../packet/edit.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** In the real tool's order. */
const OPTIONS = ['set-tos', 'and-tos', 'or-tos', 'xor-tos'];

function list(options: MaskedTos, numeric: boolean): string {
  const { value, mask } = options;
  const set = `TOS set ${byteText(value)}/${byteText(mask)}`;
  if (numeric) return set;
  const symbol = tosSymbol(options);
  if (symbol !== undefined) return ` TOS set${symbol}`;
  if (value === 0) return `TOS and ${byteText(~mask & 255)}`;
  if (value === mask) return `TOS or ${byteText(value)}`;
  return mask === 0 ? `TOS xor ${byteText(value)}` : set;
}

/** -j TOS. */
export const TOS: TargetDefinition<MaskedTos> = {
  name: 'TOS',
  families: [4, 6],
  tables: ['mangle'],
  help: 'change the type of service or traffic class and go on with the next rule',
  writes: ['tos', 'payload'],
  options: [
    {
      name: 'set-tos',
      argument: 'value[/mask]',
      help: 'clear the bits of mask (all by default), then flip those of value; or a name',
    },
    { name: 'and-tos', argument: 'bits', help: 'keep only these bits' },
    { name: 'or-tos', argument: 'bits', help: 'set these bits' },
    { name: 'xor-tos', argument: 'bits', help: 'flip these bits' },
  ],
  parse(uses) {
    let options: MaskedTos | undefined;
    const bits = (use: OptionUse): number => boundedNumber('TOS', use.name, argument(use), 255);
    readOptions('TOS', TOS.options, uses, {
      'set-tos': (use) => {
        options = parseTos('set-tos', argument(use));
      },
      'and-tos': (use) => {
        options = { value: 0, mask: ~bits(use) & 255 };
      },
      'or-tos': (use) => {
        const value = bits(use);
        options = { value, mask: value };
      },
      'xor-tos': (use) => {
        options = { value: bits(use), mask: 0 };
      },
    });
    if (options === undefined) {
      throw new OptionError('option-missing', 'TOS: An action is required', {
        hint: 'add --set-tos, --and-tos, --or-tos or --xor-tos',
      });
    }
    excludeEachOther('TOS', uses, OPTIONS);
    return options;
  },
  print: ({ value, mask }) => `--set-tos ${byteText(value)}/${byteText(mask)}`,
  list,
  apply({ value, mask }, { packet }) {
    const changed = (packet.tos & ~mask & 255) ^ value;
    if (changed !== packet.tos) setTrafficClass(packet, changed);
    return TARGET_CONTINUE;
  },
};
