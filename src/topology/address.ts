/**
 * Addresses as the hot path has them: signed 32-bit words, one for IPv4, four for IPv6. Predicates
 * are named as the kernel's (linux/in.h, net/ipv6.h), reading of text is ipaddr.js's matter.
 */
import ipaddr from 'ipaddr.js';
import { formatIpv4, formatIpv6 } from '../packet/text.ts';
import type { Family } from '../ruleset/types.ts';

/** An address with the length of its network's prefix, bits. */
export interface Prefix {
  readonly family: Family;
  /** Signed, one for IPv4, four for IPv6. */
  readonly words: readonly number[];
  readonly length: number;
}

/** 224.0.0.0/4. */
export function isMulticast4(word: number): boolean {
  return word >>> 28 === 14;
}

/** 127.0.0.0/8. */
export function isLoopback4(word: number): boolean {
  return word >>> 24 === 127;
}

/** ff00::/8, by the first word. */
export function isMulticast6(w0: number): boolean {
  return w0 >>> 24 === 255;
}

/** ::1. */
export function isLoopback6(w0: number, w1: number, w2: number, w3: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === 0 && w3 === 1;
}

/** ::, the unspecified address. */
export function isAny6(w0: number, w1: number, w2: number, w3: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === 0 && w3 === 0;
}

/** fe80::/10, by the first word. */
export function isLinkLocal6(w0: number): boolean {
  return w0 >>> 22 === 0x3fa;
}

/** Mask of word `index` of a prefix of `length` bits, signed. */
export function maskWord(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - index * 32));
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** Whether an address (a1 to a3 only looked at for IPv6) is in a prefix. */
export function inPrefix(prefix: Prefix, a0: number, a1: number, a2: number, a3: number): boolean {
  const { words, length } = prefix;
  if (((a0 ^ (words[0] ?? 0)) & maskWord(length, 0)) !== 0) return false;
  if (prefix.family === 4) return true;
  if (((a1 ^ (words[1] ?? 0)) & maskWord(length, 1)) !== 0) return false;
  if (((a2 ^ (words[2] ?? 0)) & maskWord(length, 2)) !== 0) return false;
  return ((a3 ^ (words[3] ?? 0)) & maskWord(length, 3)) === 0;
}

/** The prefix's lowest address: its words with the host's bits cleared. */
export function networkOf(prefix: Prefix): Prefix {
  return { ...prefix, words: prefix.words.map((word, i) => word & maskWord(prefix.length, i)) };
}

/** Text of address words: one for IPv4, four for IPv6. */
export function addressText(words: readonly number[]): string {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return words.length === 1 ? formatIpv4(w0) : formatIpv6(w0, w1, w2, w3);
}

/** `192.0.2.0/24`; without the length when it is the whole address. */
export function prefixText(prefix: Prefix): string {
  const whole = prefix.family === 4 ? 32 : 128;
  const text = addressText(prefix.words);
  return prefix.length === whole ? text : `${text}/${prefix.length}`;
}

/**
 * Reads `ADDRESS[/LENGTH]` of either family; undefined when it is none. IPv4 needs all four parts
 * (inet_pton's form); a zone (`%eth0`) is refused.
 */
export function readPrefix(text: string): Prefix | undefined {
  const [address = '', length, ...rest] = text.split('/');
  if (rest.length > 0 || address.includes('%')) return undefined;
  const isIpv4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isIpv4 && !(ipaddr.IPv6.isValid(address) && hasPlainTail(address))) return undefined;
  const bytes = isIpv4 ? ipaddr.IPv4.parse(address).toByteArray() : bytesOf6(address);
  const whole = bytes.length * 8;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > whole))
    return undefined;
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(i * 4));
  return {
    family: isIpv4 ? 4 : 6,
    words,
    length: length === undefined ? whole : Number(length),
  };
}

/** ipaddr.js takes leading zeroes in an IPv4 tail (`::0192.0.2.1`); inet_pton refuses them. */
function hasPlainTail(address: string): boolean {
  const tail = address.slice(address.lastIndexOf(':') + 1);
  return !tail.includes('.') || ipaddr.IPv4.isValidFourPartDecimal(tail);
}

/** ipaddr.js takes `::192.0.2.1` (IPv4-compatible) for IPv4-mapped: it gets the tail in hexadecimal. */
function bytesOf6(address: string): number[] {
  const hexadecimal = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string): string =>
      (Number(high) * 256 + Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  return ipaddr.IPv6.parse(hexadecimal).toByteArray();
}

function hash6(w0: number, w1: number, w2: number, w3: number): number {
  return w3 ^ Math.imul(w2, 31) ^ Math.imul(w1, 961) ^ Math.imul(w0, 29791);
}

/** Who owns an address: indices of interfaces. */
export interface Owner {
  readonly devices: number[];
}

interface Entry extends Owner {
  readonly words: readonly number[];
}

/** A set of addresses of both families, each with the interfaces that own it. */
export class AddressTable {
  private readonly four = new Map<number, Owner>();
  private readonly six = new Map<number, Entry[]>();

  /** Adds an address of an interface; it may have several owners. */
  add(words: readonly number[], device: number): void {
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
    const owner = words.length === 1 ? this.get4(w0) : this.get6(w0, w1, w2, w3);
    if (owner !== undefined) {
      if (!owner.devices.includes(device)) owner.devices.push(device);
      return;
    }
    const devices = [device];
    if (words.length === 1) {
      this.four.set(w0, { devices });
      return;
    }
    const key = hash6(w0, w1, w2, w3);
    const entries = this.six.get(key);
    if (entries === undefined) this.six.set(key, [{ words, devices }]);
    else entries.push({ words, devices });
  }

  /** The owner of an IPv4 address. */
  get4(word: number): Owner | undefined {
    return this.four.get(word);
  }

  /** The owner of an IPv6 address. */
  get6(w0: number, w1: number, w2: number, w3: number): Owner | undefined {
    const entries = this.six.get(hash6(w0, w1, w2, w3));
    if (entries === undefined) return undefined;
    for (const entry of entries) {
      const { words } = entry;
      if (words[0] === w0 && words[1] === w1 && words[2] === w2 && words[3] === w3) return entry;
    }
    return undefined;
  }

  /** True when there is no address of the family. */
  isEmpty(family: Family): boolean {
    return family === 4 ? this.four.size === 0 : this.six.size === 0;
  }
}
