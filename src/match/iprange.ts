/**
 * -m iprange: source or destination within a range of addresses, both ends included. As
 * net/netfilter/xt_iprange.c; addresses compare as unsigned numbers, first word first.
 */
import type { PacketView } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { addressText, plainAddress } from './numeric-address.ts';
import { argument, readOptions } from './options.ts';

/** A range of addresses; words signed 32-bit, one or four. */
interface AddressRange {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly inverted: boolean;
}

/** Options of -m iprange; at least one. */
export interface IprangeOptions {
  readonly source?: AddressRange;
  readonly destination?: AddressRange;
}

/** The words of an address one after another: negative, 0 or positive as a is below, at, above b. */
function compare(b: readonly number[], a0: number, a1: number, a2: number, a3: number): number {
  let difference = (a0 >>> 0) - ((b[0] ?? 0) >>> 0);
  if (difference !== 0 || b.length === 1) return difference;
  difference = (a1 >>> 0) - ((b[1] ?? 0) >>> 0);
  if (difference !== 0) return difference;
  difference = (a2 >>> 0) - ((b[2] ?? 0) >>> 0);
  return difference !== 0 ? difference : (a3 >>> 0) - ((b[3] ?? 0) >>> 0);
}

function sourceHolds(range: AddressRange, packet: PacketView): boolean {
  const { source0, source1, source2, source3 } = packet;
  const inside =
    compare(range.low, source0, source1, source2, source3) >= 0 &&
    compare(range.high, source0, source1, source2, source3) <= 0;
  return inside !== range.inverted;
}

function destinationHolds(range: AddressRange, packet: PacketView): boolean {
  const { destination0, destination1, destination2, destination3 } = packet;
  const inside =
    compare(range.low, destination0, destination1, destination2, destination3) >= 0 &&
    compare(range.high, destination0, destination1, destination2, destination3) <= 0;
  return inside !== range.inverted;
}

function matches({ source, destination }: IprangeOptions, { packet }: PacketContext): MatchResult {
  if (source !== undefined && !sourceHolds(source, packet)) return NO;
  return destination === undefined || destinationHolds(destination, packet) ? YES : NO;
}

function rangeText({ low, high }: AddressRange): string {
  return `${addressText(low)}-${addressText(high)}`;
}

/** @throws OptionError bad-address */
function parseRange(
  use: OptionUse,
  family: Family,
  reversed: (text: string) => void,
): AddressRange {
  const text = argument(use);
  const address = (part: string): readonly number[] => {
    const words = plainAddress(part, family);
    if (words !== undefined) return words;
    throw new OptionError(
      'bad-address',
      `iprange: Bad value for "--${use.name}" option: "${part}"`,
      { option: use.name, hint: `two IPv${family} addresses joined by -, without spaces` },
    );
  };
  const dash = text.indexOf('-');
  const low = address(dash < 0 ? text : text.slice(0, dash));
  const high = dash < 0 ? low : address(text.slice(dash + 1));
  const [a = 0, b = 0, c = 0, d = 0] = low;
  if (compare(high, a, b, c, d) > 0) reversed(text);
  return { low, high, inverted: use.inverted };
}

function explain({ source, destination }: IprangeOptions, { packet }: PacketContext): string {
  const words = (all: readonly number[]): string =>
    addressText(packet.family === 4 ? all.slice(0, 1) : all);
  const fail = (option: string, range: AddressRange, has: string): string =>
    range.inverted
      ? `! --${option}: ${has} is excluded (${rangeText(range)})`
      : `--${option}: ${has}, not in ${rangeText(range)}`;
  const failed: string[] = [];
  if (source !== undefined && !sourceHolds(source, packet)) {
    const { source0, source1, source2, source3 } = packet;
    failed.push(fail('src-range', source, words([source0, source1, source2, source3])));
  }
  if (destination !== undefined && !destinationHolds(destination, packet)) {
    const { destination0, destination1, destination2, destination3 } = packet;
    const has = words([destination0, destination1, destination2, destination3]);
    failed.push(fail('dst-range', destination, has));
  }
  return failed.join('; ');
}

/** -m iprange. */
export const iprange: MatchDefinition<IprangeOptions> = {
  name: 'iprange',
  families: [4, 6],
  help: 'source or destination within a range of addresses',
  options: [
    {
      name: 'src-range',
      argument: 'address[-address]',
      invertible: true,
      help: 'the source address is in the range, ends included',
    },
    {
      name: 'dst-range',
      argument: 'address[-address]',
      invertible: true,
      help: 'the destination address is in the range, ends included',
    },
  ],
  reads: ['addresses'],
  parse(uses, context) {
    let options: IprangeOptions = {};
    const read = (use: OptionUse): AddressRange =>
      parseRange(use, context.family, (text) =>
        context.warn({
          code: 'range-reversed',
          message: `xt_iprange: range ${text} is reversed and will never match`,
          hint: 'put the lower address first',
          severity: 'warning',
        }),
      );
    readOptions('iprange', iprange.options, uses, {
      'src-range': (use) => {
        options = { ...options, source: read(use) };
      },
      'dst-range': (use) => {
        options = { ...options, destination: read(use) };
      },
    });
    if (uses.length === 0) {
      throw new OptionError(
        'option-missing',
        "iprange match: You must specify `--src-range' or `--dst-range'",
      );
    }
    return options;
  },
  print: ({ source, destination }) =>
    [
      ...(source ? [`${source.inverted ? '! ' : ''}--src-range ${rangeText(source)}`] : []),
      ...(destination
        ? [`${destination.inverted ? '! ' : ''}--dst-range ${rangeText(destination)}`]
        : []),
    ].join(' '),
  list: ({ source, destination }) =>
    [
      ...(source ? [`source IP range ${source.inverted ? '! ' : ''}${rangeText(source)}`] : []),
      ...(destination
        ? [`destination IP range ${destination.inverted ? '! ' : ''}${rangeText(destination)}`]
        : []),
    ].join(' '),
  matches,
  explain,
};
