/**
 * -j MARK: sets bits of the packet's mark and goes on (net/netfilter/xt_mark.c). All options are one
 * operation: the bits of the mask are cleared, then those of the value are flipped.
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import type { MaskedMark } from '../match/values.ts';
import { boundedNumber, hexText, maskedMark } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

const ALL = 0xffffffff;

/** In the real tool's order. */
const OPTIONS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'];

/** As `iptables -L` names the operation. */
export function operationText({ value, mask }: MaskedMark): string {
  if (value === 0) return `and ${hexText(~mask >>> 0)}`;
  if (value === mask) return `or ${hexText(value)}`;
  if (mask === 0) return `xor ${hexText(value)}`;
  if (mask === ALL) return `set ${hexText(value)}`;
  return `xset ${hexText(value)}/${hexText(mask)}`;
}

/** -j MARK. */
export const MARK: TargetDefinition<MaskedMark> = {
  name: 'MARK',
  writes: ['mark'],
  families: [4, 6],
  help: "change the packet's mark and go on with the next rule",
  options: [
    {
      name: 'set-xmark',
      argument: 'value[/mask]',
      help: 'clear the bits of mask (all by default), then flip those of value',
    },
    {
      name: 'set-mark',
      argument: 'value[/mask]',
      help: 'clear the bits of mask (all by default), then set those of value',
    },
    { name: 'and-mark', argument: 'bits', help: 'keep only these bits' },
    { name: 'or-mark', argument: 'bits', help: 'set these bits' },
    { name: 'xor-mark', argument: 'bits', help: 'flip these bits' },
  ],
  parse(uses) {
    let options: MaskedMark | undefined;
    const bits = (use: OptionUse): number => boundedNumber('MARK', use.name, argument(use), ALL);
    readOptions('MARK', MARK.options, uses, {
      'set-xmark': (use) => {
        options = maskedMark('MARK', 'set-xmark', argument(use));
      },
      'set-mark': (use) => {
        const { value, mask } = maskedMark('MARK', 'set-mark', argument(use));
        options = { value, mask: (value | mask) >>> 0 };
      },
      'and-mark': (use) => {
        options = { value: 0, mask: ~bits(use) >>> 0 };
      },
      'or-mark': (use) => {
        const value = bits(use);
        options = { value, mask: value };
      },
      'xor-mark': (use) => {
        options = { value: bits(use), mask: 0 };
      },
    });
    if (options === undefined) {
      throw new OptionError(
        'option-missing',
        'MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required',
      );
    }
    excludeEachOther('MARK', uses, OPTIONS);
    return options;
  },
  print: ({ value, mask }) => `--set-xmark ${hexText(value)}/${hexText(mask)}`,
  list: (options) => `MARK ${operationText(options)}`,
  apply({ value, mask }, context) {
    context.mark = ((context.mark & ~mask) ^ value) >>> 0;
    return TARGET_CONTINUE;
  },
};
