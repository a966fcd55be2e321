/**
 * -m string: a text or bytes anywhere in the datagram. As net/netfilter/xt_string.c with
 * skb_find_text (net/core/skbuff.c): the first occurrence from --from on counts, and it must lie
 * before --to as a whole. Of a reassembled datagram bm does not find what spans two fragments; other
 * packets are taken to be in one piece, which a capture does not show.
 */
import type { PacketView } from '../packet/fields.ts';
import { undecided } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, excludeEachOther, hasOption, missingOption, readOptions } from './options.ts';
import { kernelRefuses } from './refusal.ts';
import type { SearchPattern } from './text-search.ts';
import { findPattern, searchPattern } from './text-search.ts';
import { boundedNumber } from './values.ts';

/** Options of -m string. */
export interface StringOptions {
  /** 1 to 128 bytes. */
  readonly pattern: Uint8Array;
  readonly search: SearchPattern;
  readonly inverted: boolean;
  readonly algorithm: string;
  /** Offsets from the IP header. */
  readonly from: number;
  readonly to: number;
  readonly ignoreCase: boolean;
}

const NO_LIMIT = 0xffff;
/** XT_STRING_MAX_PATTERN_SIZE. */
const LONGEST = 128;
/** A state machine; its pattern is an array of its own kind. */
const FSM = 'fsm';
const TOKEN_LENGTH = 4;
const LAST_TOKEN_TYPE = 13;
const IGNORE_HEAD = 4;

function refuse(message: string, hint?: string): OptionError {
  return new OptionError('bad-string', message, hint === undefined ? {} : { hint });
}

/** @throws OptionError bad-string */
function parseString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > LONGEST) {
    throw refuse(`STRING too long "${text}"`, `at most ${LONGEST} bytes`);
  }
  return bytes;
}

const BAR = 0x7c;
const BACKSLASH = 0x5c;
const BLANK = 0x20;

function hexDigit(code: number | undefined): number {
  const digit = Number.parseInt(String.fromCharCode(code ?? 0), 16);
  if (Number.isNaN(digit)) {
    throw refuse(`Invalid hex char '${String.fromCharCode(code ?? 0)}'`);
  }
  return digit;
}

/** `text|68 65 78|text`, a backslash before a literal. @throws OptionError bad-string */
function parseHexString(text: string): Uint8Array {
  const s = new TextEncoder().encode(text);
  if (s.length === 0) throw refuse('STRING must contain at least one char');
  const pattern: number[] = [];
  let inHex = false;
  for (let i = 0; i < s.length; ) {
    if (pattern.length >= LONGEST) throw refuse(`STRING too long "${text}"`);
    let literal = false;
    if (s[i] === BACKSLASH) {
      if (inHex) throw refuse('Cannot include literals in hex data');
      literal = true;
    } else if (s[i] === BAR) {
      inHex = !inHex;
      if (inHex) while (s[i + 1] === BLANK) i += 1;
      if (i + 1 >= s.length) break;
      i += 1;
    }
    if (literal) {
      if (i + 1 >= s.length) throw refuse('Bad literal placement at end of string');
      pattern.push(s[i + 1] ?? 0);
      i += 2;
    } else if (inHex) {
      if (i + 1 >= s.length) throw refuse('Odd number of hex digits');
      if (i + 2 >= s.length) throw refuse('Invalid hex block', 'a hex block ends with |');
      pattern.push(hexDigit(s[i]) * 16 + hexDigit(s[i + 1]));
      i += s[i + 2] === BLANK ? 3 : 2;
    } else {
      pattern.push(s[i] ?? 0);
      i += 1;
    }
  }
  return Uint8Array.from(pattern);
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

/** The pattern as it is printed: in hexadecimal when it holds odd bytes or ends in a backslash. */
function patternText(pattern: Uint8Array): { hex: boolean; text: string } {
  if (!pattern.every(isPrintable) || pattern.at(-1) === BACKSLASH) {
    const digits = [...pattern].map((byte) => byte.toString(16).padStart(2, '0'));
    return { hex: true, text: `"|${digits.join('')}|"` };
  }
  const text = String.fromCharCode(...pattern).replace(/["\\]/g, '\\$&');
  return { hex: false, text: `"${text}"` };
}

function parse(uses: Parameters<MatchDefinition<StringOptions>['parse']>[0]): StringOptions {
  let pattern: Uint8Array | undefined;
  let inverted = false;
  let algorithm: string | undefined;
  let from = 0;
  let to = NO_LIMIT;
  readOptions('string', string.options, uses, {
    from: (use) => {
      from = boundedNumber('string', 'from', argument(use), 0xffff);
    },
    to: (use) => {
      to = boundedNumber('string', 'to', argument(use), 0xffff);
    },
    algo: (use) => {
      algorithm = argument(use);
    },
    string: (use) => {
      pattern = parseString(argument(use));
      inverted ||= use.inverted;
    },
    'hex-string': (use) => {
      pattern = parseHexString(argument(use));
      inverted ||= use.inverted;
    },
  });
  if (pattern === undefined) {
    throw new OptionError(
      'option-missing',
      "STRING match: You must specify `--string' or `--hex-string'",
    );
  }
  excludeEachOther('string', uses, ['string', 'hex-string']);
  if (algorithm === undefined) throw missingOption('string', 'algo');
  const ignoreCase = hasOption(uses, 'icase');
  kernelChecks(pattern, algorithm, from, to, ignoreCase);
  const search = searchPattern(pattern, ignoreCase);
  return { pattern, search, inverted, algorithm, from, to, ignoreCase };
}

/** Whether the bytes are tokens (struct ts_fsm_token) as fsm_init of lib/ts_fsm.c takes them. */
function isStateMachine(pattern: Uint8Array): boolean {
  if (pattern.length % TOKEN_LENGTH !== 0) return false;
  for (let at = 0; at < pattern.length; at += TOKEN_LENGTH) {
    const type = (pattern[at] ?? 0) | ((pattern[at + 1] ?? 0) << 8);
    const recurrence = pattern[at + 2] ?? 0;
    if (type > LAST_TOKEN_TYPE || recurrence > IGNORE_HEAD) return false;
    if (recurrence === IGNORE_HEAD && at > 0) return false;
  }
  return true;
}

/** string_mt_check and textsearch_prepare. @throws OptionError */
function kernelChecks(
  pattern: Uint8Array,
  algorithm: string,
  from: number,
  to: number,
  ignoreCase: boolean,
): void {
  if (from > to) throw kernelRefuses('bad-range', '--from must not exceed --to');
  if (pattern.length === 0) throw kernelRefuses('empty-string', 'the string must not be empty');
  if (algorithm === FSM) {
    if (ignoreCase || !isStateMachine(pattern)) {
      throw kernelRefuses('bad-string', 'the pattern is none for the algorithm fsm');
    }
    return;
  }
  if (algorithm === 'bm' || algorithm === 'kmp') return;
  throw new OptionError('unknown-algorithm', 'No chain/target/match by that name.', {
    option: 'algo',
    hint: 'the algorithms are bm and kmp',
  });
}

/**
 * Whether the text is between two offsets from the IP header. Of a datagram made of fragments bm
 * searches each by itself: seen on Linux 6.18.
 */
function isFound(
  { search, algorithm }: StringOptions,
  packet: PacketView,
  from: number,
  end: number,
): boolean {
  const { bytes, networkOffset: zero, pieces, piecesOf } = packet;
  if (algorithm !== 'bm' || piecesOf !== bytes) {
    return findPattern(bytes, search, zero + from, zero + end) >= 0;
  }
  let start = from;
  for (const next of pieces) {
    if (next <= start) continue;
    if (findPattern(bytes, search, zero + start, zero + Math.min(end, next)) >= 0) return true;
    start = next;
  }
  return findPattern(bytes, search, zero + start, zero + end) >= 0;
}

/** What ß (0xdf) becomes in capitals, in lib/ctype.c. */
const SHARP_S = 0xdf;
const CAPITAL_SHARP_S = 0xbf;

/**
 * lib/ts_bm.c knows how far to go on only for letters that have two cases, which ß is not, but it
 * compares it as one.
 */
function mayPassOver(
  { search, algorithm }: StringOptions,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (algorithm !== 'bm' || !search.ignoreCase || !search.bytes.includes(CAPITAL_SHARP_S)) {
    return false;
  }
  return bytes.subarray(start, end).includes(SHARP_S);
}

function judge(options: StringOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const { search, from, to, inverted } = options;
  if (options.algorithm === FSM) {
    return undecided(context, '-m string --algo fsm is not evaluated');
  }
  const { networkOffset, networkEnd, totalLength } = packet;
  const length = search.bytes.length;
  const captured = networkEnd - networkOffset;
  const limit = Math.min(to, totalLength);
  const end = Math.min(limit, captured);
  // The first occurrence counts, which ends before all others: any before the limit will do.
  const found = isFound(options, packet, from, end);
  if (!found && captured < limit && from + length <= limit) {
    return undecided(context, 'the snap length cut the bytes that -m string searches');
  }
  if (found && mayPassOver(options, packet.bytes, networkOffset + from, networkOffset + end)) {
    return undecided(context, 'bm with --icase may pass over texts with ß in Latin-1');
  }
  if (found !== inverted) return YES;
  const text = patternText(options.pattern).text;
  failures?.push(found ? `! --string: ${text} is there` : `--string: no ${text}`);
  return NO;
}

function limits({ from, to }: StringOptions, names: readonly [string, string]): string {
  const first = from === 0 ? '' : ` ${names[0]} ${from}`;
  return `${first}${to === NO_LIMIT ? '' : ` ${names[1]} ${to}`}`;
}

/** -m string. */
export const string: MatchDefinition<StringOptions> = {
  name: 'string',
  families: [4, 6],
  help: 'a text or bytes anywhere in the datagram, its headers included',
  options: [
    { name: 'from', argument: 'offset', help: 'first offset from the IP header, by default 0' },
    {
      name: 'to',
      argument: 'offset',
      help: 'offset before which the text must end, by default 65535',
    },
    { name: 'algo', argument: 'bm|kmp', help: 'how it is searched; must be given' },
    { name: 'string', argument: 'text', invertible: true, help: 'at most 128 bytes' },
    {
      name: 'hex-string',
      argument: 'text',
      invertible: true,
      help: 'a text in which hexadecimal bytes stand between bars: "GET|20|/"',
    },
    { name: 'icase', help: 'upper and lower case are the same' },
  ],
  reads: [
    'payload',
    'addresses',
    'ports',
    'protocol',
    'tcp-flags',
    'tcp-options',
    'icmp',
    'length',
    'ttl',
    'tos',
    'fragment',
    'extension-headers',
  ],
  parse,
  print(options) {
    const { hex, text } = patternText(options.pattern);
    const name = hex ? '--hex-string' : '--string';
    const rest = `${limits(options, ['--from', '--to'])}${options.ignoreCase ? ' --icase' : ''}`;
    return `${options.inverted ? '! ' : ''}${name} ${text} --algo ${options.algorithm}${rest}`;
  },
  list(options) {
    const { text } = patternText(options.pattern);
    const rest = `${limits(options, ['FROM', 'TO'])}${options.ignoreCase ? ' ICASE' : ''}`;
    // Two blanks where it is not negated, as the real tool has it.
    return `STRING match ${options.inverted ? '!' : ''} ${text} ALGO name ${options.algorithm}${rest}`;
  },
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
