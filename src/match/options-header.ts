/**
 * What -m hbh and -m dst share: the IPv6 hop-by-hop and destination options headers. As
 * net/ipv6/netfilter/ip6t_hbh.c, which compares the first options of the header, in order.
 */
import { joined, unequal } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { BYTES_CUT, BYTES_OUTSIDE, BYTES_PRESENT, byteOf, bytesAt } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import {
  CHAIN_CUT,
  findHeader,
  headerLength,
  partialHeader,
  withoutHeader,
} from './ipv6-headers.ts';
import { LARGEST_NUMBER } from './number-condition.ts';
import { argument, readOptions } from './options.ts';
import { boundedNumber } from './values.ts';

/** One option of the list. */
interface WantedOption {
  /** 0 to 255. */
  readonly type: number;
  /** Of its data, bytes; 255: any. */
  readonly length: number;
}

/** Options of -m hbh and -m dst. */
export interface OptionsHeaderOptions {
  /** Bytes of the whole header; undefined: any. */
  readonly length: number | undefined;
  readonly lengthInverted: boolean;
  /** undefined: not looked at. */
  readonly wanted: readonly WantedOption[] | undefined;
}

const ANY_LENGTH = 255;
/** IP6T_OPTS_OPTSNR. */
const MOST_OPTIONS = 16;

type Definition = MatchDefinition<OptionsHeaderOptions>;

/** strtoul with base 0, cut to a byte. @throws OptionError bad-value */
function byteNumber(extension: string, what: string, text: string): number {
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', message, {
      option: `${extension}-opts`,
      hint: 'options are numbers with :length if wanted, joined by commas: 5:2,1',
    });
  const found = /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text);
  const [all = '', sign = '', digits = ''] = found ?? [];
  if (found === null) throw refuse(`${extension}: no valid digits in ${what} \`${text}'`);
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  if (value > 0xffff_ffff_ffff_ffffn) {
    throw refuse(`${what} \`${text}' specified too big: would overflow`);
  }
  if (all.length < text.length) throw refuse(`${extension}: error parsing ${what} \`${text}'`);
  return Number(BigInt.asUintN(8, sign === '-' ? -value : value));
}

/** `5:2,1`. @throws OptionError bad-value, too-many-options */
function parseWanted(extension: string, noLength: string, text: string): WantedOption[] {
  const refuse = (code: string, message: string): OptionError =>
    new OptionError(code, message, { option: `${extension}-opts` });
  const parts = text.split(',');
  const wanted = parts.slice(0, MOST_OPTIONS).map((part, i) => {
    const colon = part.indexOf(':');
    if (colon >= 0 && i === MOST_OPTIONS - 1) {
      throw refuse('too-many-options', 'too many ports specified');
    }
    const type = byteNumber(extension, 'opt', colon < 0 ? part : part.slice(0, colon));
    if (colon < 0) return { type, length: ANY_LENGTH };
    if (type === 0) throw refuse('bad-value', noLength);
    return { type, length: byteNumber(extension, 'length', part.slice(colon + 1)) };
  });
  if (parts.length > MOST_OPTIONS) {
    throw refuse('too-many-options', 'too many addresses specified');
  }
  return wanted;
}

/** Whether the options at the beginning are those wanted: YES, NO, or CHAIN_CUT. */
function optionsHold(
  wanted: readonly WantedOption[],
  context: PacketContext,
  start: number,
  length: number,
): number {
  const { packet } = context;
  let at = start + 2;
  let left = length - 2;
  for (const [i, { type, length: wantedLength }] of wanted.entries()) {
    if (left < 1) return NO;
    const where = bytesAt(packet, at, 1);
    if (where !== BYTES_PRESENT) return where === BYTES_CUT ? CHAIN_CUT : NO;
    if (byteOf(packet, at) !== type) return NO;
    let size = 1;
    if (type !== 0) {
      if (left < 2) return NO;
      const second = bytesAt(packet, at + 1, 1);
      if (second !== BYTES_PRESENT) return second === BYTES_CUT ? CHAIN_CUT : NO;
      const has = byteOf(packet, at + 1);
      if (wantedLength !== ANY_LENGTH && wantedLength !== has) return NO;
      size = has + 2;
    }
    if (i < wanted.length - 1 && (at > packet.totalLength - size || left < size)) return NO;
    at += size;
    left -= size;
  }
  return YES;
}

function optionText({ type, length }: WantedOption): string {
  return length === ANY_LENGTH ? `${type}` : `${type}:${length}`;
}

/** Makes the definition. `noLength` is the real tool's message for a length of Pad1. */
export function optionsHeaderMatch(names: {
  readonly name: 'hbh' | 'dst';
  readonly header: string;
  readonly type: number;
  readonly noLength: string;
}): Definition {
  const { name, header, type } = names;
  const judge = (
    options: OptionsHeaderOptions,
    context: PacketContext,
    failures?: Failures,
  ): MatchResult => {
    const { packet } = context;
    const at = findHeader(packet, type);
    if (at < 0) return withoutHeader(context, header, at, failures);
    const length = headerLength(packet, type, at);
    if (bytesAt(packet, at, length) === BYTES_OUTSIDE) {
      failures?.push(`the ${header} header is longer than the packet: dropped`);
      return HOTDROP;
    }
    if (options.length !== undefined && (options.length === length) === options.lengthInverted) {
      const { lengthInverted } = options;
      failures?.push(unequal(`${name}-len`, lengthInverted, `${length}`, `${options.length}`));
      return NO;
    }
    if (options.wanted === undefined) return YES;
    const held = optionsHold(options.wanted, context, at, length);
    if (held === CHAIN_CUT) return partialHeader(context, header, BYTES_CUT, failures);
    if (held === YES) return YES;
    failures?.push(`--${name}-opts: the options do not begin with these`);
    return NO;
  };
  const definition: Definition = {
    name,
    families: [6],
    mayHotdrop: true,
    help: `the ${header} header`,
    options: [
      {
        name: `${name}-len`,
        argument: 'length',
        invertible: true,
        help: 'length of the header in bytes',
      },
      {
        name: `${name}-opts`,
        argument: 'type[:length][,type[:length]…]',
        help: 'its first options, in order: at most 16; length 255 or none: any',
      },
    ],
    reads: ['extension-headers', 'fragment'],
    parse(uses) {
      let options: OptionsHeaderOptions = {
        length: undefined,
        lengthInverted: false,
        wanted: undefined,
      };
      readOptions(name, definition.options, uses, {
        [`${name}-len`]: (use) => {
          const length = boundedNumber(name, use.name, argument(use), LARGEST_NUMBER);
          options = { ...options, length, lengthInverted: use.inverted };
        },
        [`${name}-opts`]: (use) => {
          options = { ...options, wanted: parseWanted(name, names.noLength, argument(use)) };
        },
      });
      return options;
    },
    print: ({ length, lengthInverted, wanted }) =>
      joined(
        length === undefined ? '' : `${lengthInverted ? '! ' : ''}--${name}-len ${length}`,
        wanted === undefined ? '' : `--${name}-opts ${wanted.map(optionText).join(',')}`,
      ),
    list: ({ length, lengthInverted, wanted }) =>
      joined(
        name,
        length === undefined ? '' : `length:${lengthInverted ? '!' : ''}${length}`,
        wanted === undefined ? '' : `opts ${wanted.map(optionText).join(',')}`,
      ),
    matches: judge,
    explain(options, context) {
      const failures: string[] = [];
      judge(options, context, failures);
      return failures.join('; ');
    },
  };
  return definition;
}
