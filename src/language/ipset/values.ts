/**
 * Values as libipset 7.17 reads them (lib/parse.c): numbers of any base, addresses with prefix or
 * range, ports with protocol, MAC addresses. Messages are the real tool's.
 */

import { servicePort } from '../../match/services.ts';
import { parseIpv6, protocolNumber } from '../../packet/text.ts';
import type { Family } from '../../ruleset/types.ts';
import { icmpTypeCode } from './icmp-names.ts';

/** A command that ipset refuses, with the real tool's words. */
export class IpsetRefusal extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  /** It is the sets' state that does not suit, not what was written. */
  readonly state: boolean;
  constructor(code: string, message: string, details: { hint?: string; state?: boolean } = {}) {
    super(message);
    this.code = code;
    this.hint = details.hint;
    this.state = details.state === true;
  }
}

/** A refusal of what is written. */
export function syntaxError(message: string, hint?: string): IpsetRefusal {
  return new IpsetRefusal('ipset-syntax', `Syntax error: ${message}`, hint ? { hint } : {});
}

/** strtoull with base 0: undefined when it is no number. */
function integer(text: string): number | undefined {
  const found = /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text);
  const digits = found?.[2];
  if (digits === undefined) return undefined;
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return found?.[1] === '-' && value !== 0 ? 2 ** 64 - value : value;
}

/** A number within bounds. @throws IpsetRefusal ipset-syntax */
export function numberWithin(text: string, low: number, high: number): number {
  const value = integer(text);
  if (value === undefined) throw syntaxError(`'${text}' is invalid as number`);
  if (value < low || value > high) {
    throw syntaxError(`'${text}' is out of range ${low}-${high}`);
  }
  return value;
}

/** An address part as written: one address, a network, or a range. */
export interface AddressPart {
  /** Words; one for IPv4. */
  readonly words: readonly number[];
  readonly prefix: number | undefined;
  readonly last: readonly number[] | undefined;
}

/** Which forms a type takes for an address. */
export type AddressForm = 'any' | 'plain' | 'net' | 'no-range';

/** One to four numbers of which the last fills the rest (inet_aton): `1.2.3` is 1.2.0.3. */
function ipv4Word(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  let value = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    if (!/^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(part)) return undefined;
    const number = integer(part);
    const room = i === parts.length - 1 ? 256 ** (5 - parts.length) : 256;
    if (number === undefined || number >= room) return undefined;
    value = value * room + number;
  }
  return value | 0;
}

/** One address; names are never looked up. @throws IpsetRefusal host-not-found */
export function addressWords(text: string, family: Family): readonly number[] {
  const plain = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (family === 4) {
    const word = ipv4Word(plain);
    if (word !== undefined) return [word];
  } else {
    const words = parseIpv6(plain);
    if (words !== undefined) return [...words];
  }
  throw new IpsetRefusal(
    'host-not-found',
    `Syntax error: cannot parse ${plain}: resolving to IPv${family} address failed`,
    { hint: `write an IPv${family} address: names are not looked up` },
  );
}

/** Position of a separator that is neither first nor last in a text, or -1. */
export function separator(text: string, character: string): number {
  if (text.startsWith(character) || text.endsWith(character)) return -1;
  return text.indexOf(character);
}

function rangeAt(text: string): number {
  if (!text.startsWith('[')) return separator(text, '-');
  const end = text.indexOf(']');
  return end >= 0 && text[end + 1] === '-' ? end + 1 : -1;
}

function refuseForm(text: string, form: AddressForm, family: Family): void {
  const slash = separator(text, '/') >= 0;
  const range = rangeAt(text) >= 0;
  const host = text.endsWith(family === 4 ? '/32' : '/128');
  if (form === 'plain' && (range || (slash && !host)))
    throw syntaxError(`plain IP address must be supplied: ${text}`);
  if (form === 'net' && (range || !slash))
    throw syntaxError(`IP/netblock must be supplied: ${text}`);
  if (form === 'no-range' && range)
    throw syntaxError(`IP address or IP/cidr must be specified: ${text}`);
}

/** An address part. @throws IpsetRefusal */
export function addressPart(text: string, form: AddressForm, family: Family): AddressPart {
  refuseForm(text, form, family);
  const slash = separator(text, '/');
  if (slash >= 0) {
    const prefix = numberWithin(text.slice(slash + 1), 0, family === 4 ? 32 : 128);
    return { words: addressWords(text.slice(0, slash), family), prefix, last: undefined };
  }
  const dash = rangeAt(text);
  if (dash < 0) return { words: addressWords(text, family), prefix: undefined, last: undefined };
  return {
    words: addressWords(text.slice(0, dash), family),
    prefix: undefined,
    last: addressWords(text.slice(dash + 1), family),
  };
}

/** A port, or ports from one to another, of a protocol. */
export interface PortPart {
  readonly protocol: number;
  readonly port: number;
  readonly last: number | undefined;
}

function onePort(text: string, protocol: string): number {
  const number = integer(text);
  if (number !== undefined && number <= 0xffff) return number;
  const name = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const port = servicePort(name, protocol);
  if (port !== undefined) return port;
  if (number !== undefined) {
    throw syntaxError(`'${text}' is out of range 0-65535`);
  }
  throw syntaxError(`'${text}' is invalid as number`, `or is no port of ${protocol} by name`);
}

function portRange(text: string, protocol: string): { port: number; last: number | undefined } {
  const dash = rangeAt(text);
  if (dash < 0) return { port: onePort(text, protocol), last: undefined };
  return {
    last: onePort(text.slice(dash + 1), protocol),
    port: onePort(text.slice(0, dash), protocol),
  };
}

function protocolByName(text: string): number {
  const name = text.toLowerCase() === 'icmpv6' ? 'ipv6-icmp' : text;
  const number = protocolNumber(name) ?? protocolNumber(name.toLowerCase());
  if (number !== undefined) return number;
  const value = integer(text);
  if (value === undefined || value > 255) throw syntaxError(`cannot parse '${text}' as a protocol`);
  if (value === 0) throw new IpsetRefusal('bad-protocol', 'Invalid protocol specified');
  return value;
}

const WITH_PORTS = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

function icmpPart(text: string, protocol: number, family: Family): PortPart {
  const version = protocol === 1 ? 4 : 6;
  const name = protocol === 1 ? 'ICMP' : 'ICMPv6';
  if (family !== version) {
    throw syntaxError(
      `Protocol ${name} can be used with family ${version === 4 ? 'inet' : 'inet6'} only`,
    );
  }
  const port = icmpTypeCode(text, version);
  if (port !== undefined) return { protocol, port, last: undefined };
  const slash = separator(text, '/');
  if (slash < 0) {
    throw new IpsetRefusal('ipset-syntax', `Cannot parse ${text} as an ${name} type/code.`);
  }
  const type = numberWithin(text.slice(0, slash), 0, 255);
  const code = numberWithin(text.slice(slash + 1), 0, 255);
  return { protocol, port: (type << 8) | code, last: undefined };
}

/** `[protocol:]port[-port]`. @throws IpsetRefusal */
export function portPart(text: string, family: Family): PortPart {
  const colon = separator(text, ':');
  if (colon < 0) return { protocol: 6, ...portRange(text, 'tcp') };
  const name = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const protocol = protocolByName(name);
  if (WITH_PORTS.has(protocol)) return { protocol, ...portRange(rest, name) };
  if (protocol === 1 || protocol === 58) return icmpPart(rest, protocol, family);
  if (rest !== '0') {
    throw syntaxError(`Protocol ${name} can be used with pseudo port value 0 only.`);
  }
  if (protocol === 0) throw new IpsetRefusal('bad-protocol', 'Invalid protocol specified');
  return { protocol, port: 0, last: undefined };
}

/** A MAC address as its upper 32 and lower 16 bits. @throws IpsetRefusal ipset-syntax */
export function macAddress(text: string): { high: number; low: number } {
  const parts = text.split(':');
  const good = parts.length === 6 && parts.every((part) => /^[0-9a-fA-F]{1,2}$/.test(part));
  if (!good) throw syntaxError(`cannot parse '${text}' as ethernet address`);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = parts.map((part) => Number.parseInt(part, 16));
  return { high: (a << 24) | (b << 16) | (c << 8) | d, low: (e << 8) | f };
}
