/**
 * Addresses and protocol numbers as text, and back. Prints as glibc's inet_ntop does, because that
 * is what iptables, conntrack and tcpdump print. Not for the hot path: strings are made here.
 */
import { PROTOCOLS } from './protocols.ts';

const NAMES = new Map<number, string>();
const NUMBERS = new Map<string, number>();
for (const { number, name, aliases } of PROTOCOLS) {
  if (!NAMES.has(number)) NAMES.set(number, name);
  for (const text of [name, ...aliases]) if (!NUMBERS.has(text)) NUMBERS.set(text, number);
}

/** Dotted decimal of an IPv4 address word (signed or unsigned). */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** Where the longest run of two or more zero groups begins and how long it is (RFC 5952, 4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/**
 * Text of an IPv6 address of four words (signed or unsigned), first word first, as RFC 5952 wants
 * it; IPv4-mapped and IPv4-compatible addresses end in dotted decimal as glibc's inet_ntop has it.
 */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  const run = longestZeroRun(groups);
  const mapped = run.start === 0 && run.length === 5 && groups[5] === 0xffff;
  if (mapped) return `::ffff:${formatIpv4(w3)}`;
  if (run.start === 0 && run.length === 6) return `::${formatIpv4(w3)}`;
  const hex = groups.map((group) => group.toString(16));
  if (run.start < 0) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/**
 * The word (signed) of a dotted decimal IPv4 address of exactly four parts without leading zeros,
 * as inet_pton takes it; undefined when it is none.
 */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let word = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    word = (word << 8) | Number(part);
  }
  return word;
}

/** Groups of one side of `::`, a dotted decimal tail being two of them; undefined when malformed. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const word = parseIpv4(part);
      if (word === undefined) return undefined;
      groups.push(word >>> 16, word & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/**
 * The four words (signed) of an IPv6 address without zone or prefix length, as inet_pton takes it
 * (RFC 4291, 2.2); undefined when it is none.
 */
export function parseIpv6(text: string): Int32Array | undefined {
  const [left = '', right, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  if (right !== undefined && left.includes('.')) return undefined;
  const head = parseGroups(left);
  const tail = parseGroups(right ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const zeros = 8 - head.length - tail.length;
  if (right === undefined ? zeros !== 0 : zeros < 1) return undefined;
  const groups = [...head, ...new Array<number>(zeros).fill(0), ...tail];
  return Int32Array.from([0, 2, 4, 6], (i) => ((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0));
}

/** Name of a protocol number, the number itself (decimal) when it has none. */
export function protocolName(number: number): string {
  return NAMES.get(number) ?? String(number);
}

/**
 * Number of a protocol by name or alias; case matters, as for getprotobyname. Numbers written as
 * text are not names. undefined when there is none.
 */
export function protocolNumber(name: string): number | undefined {
  return NUMBERS.get(name);
}
