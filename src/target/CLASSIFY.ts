/**
 * -j CLASSIFY: sets the packet's priority, which names its traffic control class, and goes on
 * (net/netfilter/xt_CLASSIFY.c).
 */
import { OptionError } from '../match/definition.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j CLASSIFY. */
export interface ClassifyOptions {
  /** Major number in the upper 16 bits, minor number in the lower ones; unsigned. */
  readonly priority: number;
}

/** A number as sscanf's %x stores it in 32 bits. */
function hexWord(sign: string | undefined, digits: string): number {
  const most = 0xffff_ffff_ffff_ffffn;
  const value = BigInt(`0x0${digits.replace(/^0[xX]/, '')}`);
  const capped = value > most ? most : value;
  return Number(BigInt.asUintN(32, sign === '-' && value <= most ? -capped : capped));
}

/** `major:minor` in hexadecimal as sscanf reads it; what follows is not looked at. */
function parseClass(text: string): number | undefined {
  const number = '([+-]?)(0[xX][0-9a-fA-F]*|[0-9a-fA-F]+)';
  const [, majorSign, major, minorSign, minor] =
    new RegExp(`^\\s*${number}:\\s*${number}`).exec(text) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return (
    (((hexWord(majorSign, major) & 0xffff) << 16) | (hexWord(minorSign, minor) & 0xffff)) >>> 0
  );
}

/** -j CLASSIFY. */
export const CLASSIFY: TargetDefinition<ClassifyOptions> = {
  name: 'CLASSIFY',
  families: [4, 6],
  hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  help: "set the packet's traffic control class and go on with the next rule",
  options: [
    { name: 'set-class', argument: 'major:minor', help: 'class, both numbers in hexadecimal' },
  ],
  parse(uses) {
    let priority = 0;
    readOptions('CLASSIFY', CLASSIFY.options, uses, {
      'set-class': (use) => {
        const value = parseClass(argument(use));
        if (value === undefined) {
          throw new OptionError('bad-value', `Bad class value "${argument(use)}"`, {
            option: 'set-class',
            hint: 'a class is two hexadecimal numbers: 1:10',
          });
        }
        priority = value;
      },
    });
    requireOption('CLASSIFY', uses, 'set-class');
    return { priority };
  },
  print({ priority }) {
    const four = (value: number): string => value.toString(16).padStart(4, '0');
    return `--set-class ${four(priority >>> 16)}:${four(priority & 0xffff)}`;
  },
  list: ({ priority }) =>
    `CLASSIFY set ${(priority >>> 16).toString(16)}:${(priority & 0xffff).toString(16)}`,
  apply({ priority }, context) {
    context.priority = priority;
    return TARGET_CONTINUE;
  },
};
