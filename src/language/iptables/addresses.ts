/**
 * Addresses and masks of -s and -d: reads them as libxtables 1.8.9 does (several by comma, masks of
 * every spelling, names), and prints them as iptables-save and `iptables -L` do. Host names are
 * never looked up: the reader gives a table of those it knows.
 */
import { addressName } from '../../match/numeric-address.ts';
import { unsignedNumber } from '../../match/values.ts';
import { formatIpv4, formatIpv6, parseIpv6 } from '../../packet/text.ts';
import type { AddressMask, Family } from '../../ruleset/types.ts';
import type { Word } from './source.ts';
import { Refusal, tailOf } from './source.ts';

/** Addresses by host name, given by the user. */
export type HostTable = ReadonlyMap<string, readonly string[]>;

/** An address with its mask, before `!` is known. Words signed 32-bit. */
export interface MaskedAddress {
  readonly address: readonly number[];
  readonly mask: readonly number[];
}

const ANY: Readonly<Record<Family, MaskedAddress>> = {
  4: { address: [0], mask: [0] },
  6: { address: [0, 0, 0, 0], mask: [0, 0, 0, 0] },
};

/** What a rule without -s or -d has. */
export function anyAddress(family: Family): MaskedAddress {
  return ANY[family];
}

/** Whether every bit is free: an address that matches all packets. */
export function isAny(masked: MaskedAddress): boolean {
  return masked.mask.every((word) => word === 0) && masked.address.every((word) => word === 0);
}

/**
 * Reads `address[/mask][,address[/mask]…]`, as xtables_ipparse_multiple and xtables_ip6parse_multiple.
 * @throws Refusal host-not-found, bad-mask
 */
export function parseAddresses(word: Word, family: Family, hosts: HostTable): MaskedAddress[] {
  // The usual case: one address, nothing to cut.
  if (!/[, \t\n\v\f\r]/.test(word.text) && word.text.length <= 255) {
    return parseOne(word, family, hosts);
  }
  const found: MaskedAddress[] = [];
  let start = 0;
  for (const part of word.text.split(',')) {
    const text = part.replace(/^[ \t\n\v\f\r]+/, '');
    const place = tailOf(word, start + (part.length - text.length));
    start += part.length + 1;
    if (text.length > 255) throw new Refusal('host-not-found', 'Hostname too long', place);
    found.push(...parseOne({ ...place, text, length: Math.max(1, text.length) }, family, hosts));
  }
  return found;
}

/** Plain `a.b.c.d`, by far the most usual; undefined for anything else. */
function dottedQuad(text: string): number | undefined {
  let word = 0;
  let dots = 0;
  let byte = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (byte < 0) return undefined;
      word = (word << 8) | byte;
      dots += 1;
      byte = -1;
    } else {
      // A leading zero makes it octal: left to the full reading.
      if (code < 48 || code > 57 || byte === 0) return undefined;
      byte = (byte < 0 ? 0 : byte * 10) + (code - 48);
      if (byte > 255) return undefined;
    }
  }
  return dots === 3 && byte >= 0 ? (word << 8) | byte : undefined;
}

function parseOne(word: Word, family: Family, hosts: HostTable): MaskedAddress[] {
  const slash = word.text.lastIndexOf('/');
  const name = slash < 0 ? word.text : word.text.slice(0, slash);
  const mask = parseMask(slash < 0 ? undefined : tailOf(word, slash + 1), family);
  if (mask.every((part) => part === 0)) return [anyAddress(family)];
  const place = slash < 0 ? word : { ...word, text: name };
  return hostAddresses(place, family, hosts).map((address) => ({
    address: address.map((part, i) => part & (mask[i] ?? 0)),
    mask,
  }));
}

function parseMask(word: Word | undefined, family: Family): readonly number[] {
  const bits = family === 4 ? 32 : 128;
  if (word === undefined) return prefixMask(bits, family);
  const prefix = unsignedNumber(word.text, bits);
  if (prefix === undefined) {
    const dotted = family === 4 ? dottedMask(word.text) : parseIpv6(word.text);
    if (dotted !== undefined) return [...dotted];
    throw new Refusal('bad-mask', `invalid mask \`${word.text}' specified`, word, {
      hint: `a mask is a prefix length from 0 to ${bits} or ${family === 4 ? 'four numbers such as 255.255.255.0' : 'an IPv6 address such as ffff:ffff::'}`,
    });
  }
  return prefixMask(prefix, family);
}

const PREFIX_MASKS: Readonly<Record<Family, readonly (readonly number[])[]>> = {
  4: Array.from({ length: 33 }, (_, bits) => maskWords(bits, 1)),
  6: Array.from({ length: 129 }, (_, bits) => maskWords(bits, 4)),
};

function maskWords(bits: number, words: number): number[] {
  return Array.from({ length: words }, (_, i) => {
    const here = Math.min(32, Math.max(0, bits - 32 * i));
    return here === 0 ? 0 : -1 << (32 - here);
  });
}

/** Words of a mask with the first `bits` bits set; the same array for the same length. */
export function prefixMask(bits: number, family: Family): readonly number[] {
  return PREFIX_MASKS[family][bits] ?? maskWords(bits, family === 4 ? 1 : 4);
}

/** Four numbers by dots, each of any base; as xtables_numeric_to_ipmask. */
function dottedMask(text: string): number[] | undefined {
  const parts = text.split('.');
  return parts.length === 4 ? bytesWord(parts) : undefined;
}

function bytesWord(parts: readonly string[]): number[] | undefined {
  let word = 0;
  for (const part of parts) {
    const byte = unsignedNumber(part, 255);
    if (byte === undefined) return undefined;
    word = (word << 8) | byte;
  }
  return [word];
}

/** An IPv4 address of one to four numbers, missing ones being zero: `10.1` is 10.1.0.0. */
function shortIpv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  while (parts.length < 4) parts.push('0');
  return bytesWord(parts);
}

/** An IPv4 address as inet_aton takes it: the last number fills what is left. */
function atonIpv4(text: string): number[] | undefined {
  const parts = text.split('.');
  const last = parts.pop();
  if (last === undefined || parts.length > 3) return undefined;
  if (![...parts, last].every((part) => /^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(part))) {
    return undefined;
  }
  let value = 0;
  for (const part of parts) {
    const byte = unsignedNumber(part, 255);
    if (byte === undefined) return undefined;
    value = value * 256 + byte;
  }
  const room = 256 ** (4 - parts.length);
  const rest = unsignedNumber(last, room - 1);
  return rest === undefined ? undefined : [(value * room + rest) | 0];
}

/** One literal address. */
function literalAddress(text: string, family: Family): number[] | undefined {
  if (family === 4) {
    const quad = dottedQuad(text);
    return quad === undefined ? (shortIpv4(text) ?? atonIpv4(text)) : [quad];
  }
  const words = parseIpv6(text);
  return words === undefined ? undefined : [...words];
}

const LOCALHOST: Readonly<Record<Family, number[]>> = { 4: [0x7f000001], 6: [0, 0, 0, 1] };

function hostAddresses(word: Word, family: Family, hosts: HostTable): number[][] {
  const literal = literalAddress(word.text, family);
  if (literal !== undefined) return [literal];
  const given = hosts.get(word.text.toLowerCase());
  if (given !== undefined) {
    const known = given.flatMap((text) => {
      const address = literalAddress(text, family);
      return address === undefined ? [] : [address];
    });
    if (known.length > 0) return known;
  }
  if (word.text.toLowerCase() === 'localhost') return [LOCALHOST[family]];
  throw new Refusal('host-not-found', `host/network \`${word.text}' not found`, word, {
    hint: hostHint(word.text, family),
  });
}

function hostHint(name: string, family: Family): string {
  if (literalAddress(name, family === 4 ? 6 : 4) !== undefined && name !== '') {
    const other = family === 4 ? 'IPv6: ip6tables takes it' : 'IPv4: iptables takes it';
    return `this address is ${other}`;
  }
  if (/^[0-9.]+$/.test(name)) return 'an IPv4 address has four numbers from 0 to 255';
  return 'write the address instead: host names are not looked up, as the answer may change';
}

/** Prefix length of a mask, or -1 when its ones are not all in front. */
export function prefixLength(mask: readonly number[]): number {
  let length = 0;
  for (const [i, word] of mask.entries()) {
    const ones = Math.clz32(~word);
    length += ones;
    if (ones === 32) continue;
    const rest = mask.slice(i + 1).some((later) => later !== 0);
    return word << ones === 0 && !rest ? length : -1;
  }
  return length;
}

/** An address without its mask. */
export function addressText(words: readonly number[]): string {
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return words.length === 1 ? formatIpv4(a) : formatIpv6(a, b, c, d);
}

/** ` ! -s 192.0.2.0/24`, or '' when there is nothing to say (save_ipv4_addr, save_ipv6_addr). */
export function savedAddress(letter: 's' | 'd', wanted: AddressMask | undefined): string {
  if (wanted === undefined) return '';
  const length = prefixLength(wanted.mask);
  const mask = length < 0 ? addressText(wanted.mask) : `${length}`;
  return `${wanted.inverted ? ' !' : ''} -${letter} ${addressText(wanted.address)}/${mask}`;
}

/** An address column of `iptables -L`; known loopback names are shown as names unless `numeric`. */
export function listedAddress(
  wanted: AddressMask | undefined,
  numeric: boolean,
  family: Family,
): string {
  const { address, mask } = wanted ?? anyAddress(family);
  const unspecified = family === 4 ? mask[0] === 0 : address.every((word) => word === 0);
  if (unspecified && !numeric) return 'anywhere';
  const text = numeric ? addressText(address) : addressName(address);
  const length = prefixLength(mask);
  if (length < 0) return `${text}/${addressText(mask)}`;
  return length === 32 * mask.length ? text : `${text}/${length}`;
}
