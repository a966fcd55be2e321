/**
 * Names of DSCP classes and of the old types of service, and how options of the matches and targets
 * for them are read: dscp_helper.c, tos_values.c and XTTYPE_TOSMASK of iptables 1.8.9.
 */
import { OptionError } from './definition.ts';
import { unsignedNumber, unsignedPrefix } from './values.ts';

/** In the real tool's order: a name counts when it begins with one of these. */
const DSCP_CLASSES: readonly (readonly [string, number])[] = [
  ['CS0', 0x00],
  ['CS1', 0x08],
  ['CS2', 0x10],
  ['CS3', 0x18],
  ['CS4', 0x20],
  ['CS5', 0x28],
  ['CS6', 0x30],
  ['CS7', 0x38],
  ['BE', 0x00],
  ['AF11', 0x0a],
  ['AF12', 0x0c],
  ['AF13', 0x0e],
  ['AF21', 0x12],
  ['AF22', 0x14],
  ['AF23', 0x16],
  ['AF31', 0x1a],
  ['AF32', 0x1c],
  ['AF33', 0x1e],
  ['AF41', 0x22],
  ['AF42', 0x24],
  ['AF43', 0x26],
  ['EF', 0x2e],
];

const TOS_SYMBOLS: readonly (readonly [string, number])[] = [
  ['Minimize-Delay', 0x10],
  ['Maximize-Throughput', 0x08],
  ['Maximize-Reliability', 0x04],
  ['Minimize-Cost', 0x02],
  ['Normal-Service', 0x00],
];

/** Mask of the symbols: all but the ECN bits of the old TOS byte. */
export const SYMBOL_MASK = 0x3f;

/** The code point, 0 to 63, of a class name; any case, anything may follow. @throws OptionError */
export function dscpOfClass(option: string, text: string): number {
  const upper = text.toUpperCase();
  const found = DSCP_CLASSES.find(([name]) => upper.startsWith(name));
  if (found === undefined) {
    throw new OptionError('bad-value', `Invalid DSCP value \`${text}'`, {
      option,
      hint: 'classes are CS0 to CS7, BE, EF and AF11 to AF43',
    });
  }
  return found[1];
}

/** Two digits with 0x, as %#04x prints all but 0. */
export function byteText(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

/** A TOS byte with its mask, both 0 to 255. */
export interface MaskedTos {
  readonly value: number;
  readonly mask: number;
}

/** `value[/mask]`, or a symbol, whose mask is `symbolMask`. @throws OptionError bad-value */
export function parseTos(option: string, text: string, symbolMask = SYMBOL_MASK): MaskedTos {
  const first = unsignedPrefix(text);
  if (first !== undefined && first.value <= 255) {
    if (first.rest === '') return { value: first.value, mask: 255 };
    const mask = first.rest.startsWith('/') ? unsignedNumber(first.rest.slice(1), 255) : undefined;
    if (mask === undefined) {
      throw new OptionError('bad-value', `Illegal value: "${text}"`, {
        option,
        hint: 'write a byte, with /mask if wanted: 0x10/0xfc',
      });
    }
    return { value: first.value, mask };
  }
  const symbol = TOS_SYMBOLS.find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (symbol === undefined) {
    throw new OptionError('bad-value', `Symbolic name "${text}" is unknown`, {
      option,
      hint: `names are ${TOS_SYMBOLS.map(([name]) => name).join(', ')}`,
    });
  }
  return { value: symbol[1], mask: symbolMask };
}

/** The symbol of a value under the symbols' mask, if it has one. */
export function tosSymbol({ value, mask }: MaskedTos): string | undefined {
  if (mask !== SYMBOL_MASK) return undefined;
  return TOS_SYMBOLS.find(([, known]) => known === value)?.[0];
}
