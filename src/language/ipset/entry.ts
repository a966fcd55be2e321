/**
 * Entries of `ipset add`, `del` and `test`: the element as written, its options, and the elements of
 * the set that it stands for (ranges of addresses and ports, networks).
 */
import type { Family } from '../../ruleset/types.ts';
import { prefixWord } from '../../sets/key.ts';
import type { ListPlace } from '../../sets/list-set.ts';
import type { Extensions, SetElement, SetHeader } from '../../sets/types.ts';
import { newElement } from '../../sets/types.ts';
import { missingArgument, unknownArgument } from './create.ts';
import {
  type AddressForm,
  type AddressPart,
  addressPart,
  IpsetRefusal,
  macAddress,
  numberWithin,
  type PortPart,
  portPart,
  separator,
  syntaxError,
} from './values.ts';

/** An entry as written. */
export interface Entry {
  readonly addresses: readonly (AddressPart | undefined)[];
  readonly port: PortPart | undefined;
  /** Of the set that a list's entry names. */
  readonly setName: string;
  readonly place: ListPlace | undefined;
  readonly element: SetElement;
  readonly extensions: Extensions;
}

const LONGEST_COMMENT = 255;
const LONGEST_TIMEOUT = 4294967;
const LARGEST_COUNTER = 2 ** 64;
const LONGEST_INTERFACE = 15;

/** Splits an element at its commas. @throws IpsetRefusal ipset-syntax */
function partsOf(text: string, { type }: SetHeader): string[] {
  const count = type.components.length;
  const parts: string[] = [];
  let rest = text;
  while (parts.length < 3) {
    const comma = separator(rest, ',');
    if (comma < 0) break;
    parts.push(rest.slice(0, comma));
    rest = rest.slice(comma + 1);
  }
  parts.push(rest);
  const optional = type.name === 'bitmap:ip,mac';
  if (parts.length === 1 && count > 1 && !optional)
    throw syntaxError(`Second element is missing from ${text}.`);
  if (parts.length === 2 && count > 2) throw syntaxError(`Third element is missing from ${text}.`);
  if (parts.length > 1 && count === 1)
    throw syntaxError(`Elem separator in ${text}, but settype ${type.name} supports none.`);
  if (parts.length > 2 && count === 2)
    throw syntaxError(`Two elem separators in ${text}, but settype ${type.name} supports one.`);
  if (parts.length > 3)
    throw syntaxError(`Three elem separators in ${text}, but settype ${type.name} supports two.`);
  return parts;
}

/** How an address may be written at a place of a type. */
function formOf(header: SetHeader, index: number): AddressForm {
  const { type, family } = header;
  if (type.name === 'bitmap:ip') return 'any';
  if (type.name === 'bitmap:ip,mac') return 'plain';
  if (type.components[index] === 'net') return family === 4 ? 'any' : 'no-range';
  if (index > 0) return 'plain';
  return family === 4 ? 'any' : 'plain';
}

function readInterface(text: string, element: SetElement): void {
  element.physicalDevice = text.startsWith('physdev:');
  element.interfaceName = element.physicalDevice ? text.slice(8) : text;
  if (element.interfaceName.length > LONGEST_INTERFACE) {
    throw syntaxError(
      `interface name '${element.interfaceName}' is longer than ${LONGEST_INTERFACE} characters`,
    );
  }
}

function readMac(text: string, element: SetElement): void {
  const { high, low } = macAddress(text);
  element.macHigh = high;
  element.macLow = low;
  element.hasMac = true;
}

/** Port of a bitmap: `[tcp|udp:]port[-port]`. */
function bitmapPort(text: string, family: Family): PortPart {
  const part = portPart(text, family);
  if (part.protocol !== 6 && part.protocol !== 17)
    throw syntaxError('Only protocols TCP and UDP are valid');
  return part;
}

interface OpenEntry {
  readonly addresses: (AddressPart | undefined)[];
  port: PortPart | undefined;
  setName: string;
  readonly element: SetElement;
}

function readElement(text: string, header: SetHeader): OpenEntry {
  const entry: OpenEntry = {
    addresses: [],
    port: undefined,
    setName: '',
    element: newElement(),
  };
  const { type, family } = header;
  partsOf(text, header).forEach((part, index) => {
    switch (type.components[index]) {
      case 'ip':
      case 'net':
        entry.addresses.push(addressPart(part, formOf(header, index), family));
        break;
      case 'port':
        entry.port = type.method === 'bitmap' ? bitmapPort(part, family) : portPart(part, family);
        break;
      case 'mac':
        readMac(part, entry.element);
        break;
      case 'mark':
        entry.element.mark = (numberWithin(part, 0, 0xffffffff) & header.markMask) >>> 0;
        break;
      case 'iface':
        readInterface(part, entry.element);
        break;
      case 'set':
        checkName(part);
        entry.setName = part;
        break;
      case undefined:
    }
  });
  return entry;
}

/** @throws IpsetRefusal ipset-syntax when a set's name is too long */
export function checkName(name: string): void {
  if (new TextEncoder().encode(name).length > 31)
    throw syntaxError(`setname '${name}' is longer than 31 characters`);
}

function readMark(text: string): Extensions {
  const found = /^0x([0-9a-fA-F]{1,8})(?:\/0x([0-9a-fA-F]{1,8}))?/.exec(text);
  if (found?.[1] === undefined) {
    throw syntaxError('Invalid skbmark format, it should be:  MARK/MASK or MARK (see manpage)');
  }
  const mask = found[2] === undefined ? 0xffffffff : Number.parseInt(found[2], 16);
  return { mark: Number.parseInt(found[1], 16), markMask: mask };
}

function readPriority(text: string): Extensions {
  const found = /^([0-9a-fA-F]+):([0-9a-fA-F]+)/.exec(text);
  if (found?.[1] === undefined || found[2] === undefined)
    throw syntaxError('Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)');
  const [major, minor] = [Number.parseInt(found[1], 16), Number.parseInt(found[2], 16)];
  return { priority: ((major << 16) | (minor & 0xffff)) >>> 0 };
}

function readComment(text: string): Extensions {
  if (text.includes('"')) throw syntaxError('" character is not permitted in comments');
  if (new TextEncoder().encode(text).length > LONGEST_COMMENT) {
    throw syntaxError(`Comment is longer than the maximum allowed ${LONGEST_COMMENT} characters`);
  }
  return { comment: text };
}

const VALUES: Readonly<Record<string, (text: string) => Extensions>> = {
  timeout: (text) => ({ timeout: numberWithin(text, 0, LONGEST_TIMEOUT) }),
  packets: (text) => ({ packets: numberWithin(text, 0, LARGEST_COUNTER) }),
  bytes: (text) => ({ bytes: numberWithin(text, 0, LARGEST_COUNTER) }),
  comment: readComment,
  skbmark: readMark,
  skbprio: readPriority,
  skbqueue: (text) => ({ queue: numberWithin(text, 0, 0xffff) }),
};

/** What a set must have been created with for an extension. @throws IpsetRefusal */
function requireSupport(header: SetHeader, name: string): void {
  const without = (what: string, feature: string): IpsetRefusal =>
    new IpsetRefusal('set-without', `${what}: set was created without ${feature} support`);
  if (name === 'timeout' && header.timeout === undefined)
    throw without('Timeout cannot be used', 'timeout');
  if ((name === 'packets' || name === 'bytes') && !header.counters)
    throw without('Packet/byte counters cannot be used', 'counter');
  if (name === 'comment' && !header.comments) throw without('Comment cannot be used', 'comment');
  if (name.startsWith('skb') && !header.packetInfo)
    throw without('Skbinfo mapping cannot be used', 'skbinfo');
}

/** Reads an entry. @throws IpsetRefusal */
export function readEntry(words: readonly string[], header: SetHeader, adding: boolean): Entry {
  const open = readElement(words[0] ?? '', header);
  let extensions: Extensions = {};
  let place: ListPlace | undefined;
  const used: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? '';
    const name = word.replace(/^--?(?=[a-z])/, '');
    if (name === 'nomatch' && header.type.nomatch) {
      extensions = { ...extensions, nomatch: true };
      continue;
    }
    if (name === 'wildcard' && header.type.name === 'hash:net,iface') {
      open.element.wildcard = true;
      continue;
    }
    const listed = header.type.method === 'list' && (name === 'before' || name === 'after');
    const read = adding ? VALUES[name] : undefined;
    if (!listed && read === undefined) throw unknownArgument(word);
    const value = words[++i];
    if (value === undefined) throw missingArgument(name);
    if (listed) place = { before: name === 'before', reference: value };
    else if (read !== undefined) extensions = { ...extensions, ...read(value) };
    used.push(name);
  }
  for (const name of used) requireSupport(header, name);
  return { ...open, place, extensions };
}

/** Takes one element; false stops. */
type Take = (element: SetElement) => boolean;

const ZERO_PREFIXES = new Set(['hash:net,net', 'hash:net,port,net', 'hash:net,iface']);

function refuseRange(): never {
  throw new IpsetRefusal('bad-range', 'Invalid range, covers the whole address space');
}

/** First and last address (unsigned) of a part in IPv4. */
function boundsOf(part: AddressPart, host: boolean): [number, number] {
  const first = (part.words[0] ?? 0) >>> 0;
  if (part.last !== undefined) {
    const last = (part.last[0] ?? 0) >>> 0;
    return [Math.min(first, last), Math.max(first, last)];
  }
  if (part.prefix === undefined || host) return [first, first];
  const size = 2 ** (32 - part.prefix);
  const start = Math.floor(first / size) * size;
  return [start, start + size - 1];
}

/** The largest network that begins at an address and ends by `last` (ip_set_range_to_cidr). */
function largestNetwork(first: number, last: number): number {
  for (let prefix = 1; prefix < 32; prefix++) {
    const size = 2 ** (32 - prefix);
    if (first % size === 0 && first + size - 1 <= last) return prefix;
  }
  return 32;
}

/** Calls back for each network of a part; sets address and prefix. False when stopped. */
function eachNetwork(
  part: AddressPart,
  header: SetHeader,
  set: (words: readonly number[], prefix: number) => boolean,
): boolean {
  const width = header.family === 4 ? 32 : 128;
  if (part.prefix === 0 && !ZERO_PREFIXES.has(header.type.name)) {
    throw new IpsetRefusal(
      'bad-prefix',
      'The value of the CIDR parameter of the IP address is invalid',
    );
  }
  if (part.last === undefined) {
    const prefix = part.prefix ?? width;
    const mask = (word: number, i: number): number => word & prefixWord(prefix, i);
    return set(part.words.map(mask), prefix);
  }
  const [first, last] = boundsOf(part, false);
  if (first === 0 && last === 0xffffffff) refuseRange();
  for (let at = first; at <= last; ) {
    const prefix = largestNetwork(at, last);
    if (!set([at | 0], prefix)) return false;
    at += 2 ** (32 - prefix);
  }
  return true;
}

/** Calls back for each address of a part. */
function eachAddress(
  part: AddressPart,
  header: SetHeader,
  set: (words: readonly number[]) => boolean,
): boolean {
  const { type, netmask, bitmask } = header;
  const masked = (words: readonly number[]): number[] =>
    words.map((word, i) => word & (bitmask?.[i] ?? prefixWord(netmask ?? 128, i)));
  if (header.family === 6) return set(masked(part.words));
  if (type.method === 'hash' && part.words[0] === 0 && type.name === 'hash:ip') throw nullElement();
  if (part.prefix === 0) {
    throw new IpsetRefusal(
      'bad-prefix',
      'The value of the CIDR parameter of the IP address is invalid',
    );
  }
  const [first, last] = boundsOf(part, false);
  const step = netmask === undefined ? 1 : 2 ** (32 - netmask);
  const start = Math.floor(first / step) * step;
  if (type.method === 'bitmap' && (start < header.range[0] || last > header.range[1])) {
    throw outOfRange();
  }
  for (let at = start; at <= last; at += step) if (!set(masked([at | 0]))) return false;
  return true;
}

/** Refusal of 0.0.0.0 and its like in a hash. */
export function nullElement(): IpsetRefusal {
  return new IpsetRefusal(
    'null-element',
    'Null-valued element, cannot be stored in a hash type of set',
  );
}

/** Refusal of what a bitmap does not reach. */
export function outOfRange(): IpsetRefusal {
  return new IpsetRefusal('out-of-range', 'Element is out of the range of the set');
}

function setWords(target: Int32Array, words: readonly number[]): void {
  for (let i = 0; i < 4; i++) target[i] = words[i] ?? 0;
}

/**
 * All elements that an entry stands for, one after the other in one reused object.
 * @throws IpsetRefusal for a range that no set takes
 */
export function eachElement(entry: Entry, header: SetHeader, take: Take): void {
  const { element, addresses, port } = entry;
  const { components, name } = header.type;
  const parts = components.filter((each) => each === 'ip' || each === 'net');
  element.prefix = header.family === 4 ? 32 : 128;
  element.prefix2 = element.prefix;
  if (name === 'hash:mac' || name === 'hash:ip,mac') {
    if (element.macHigh === 0 && element.macLow === 0) throw nullElement();
  }
  const second = (): boolean => {
    const part = addresses[1];
    if (part === undefined) return take(element);
    if (parts[1] === 'net') {
      return eachNetwork(part, header, (words, prefix) => {
        setWords(element.address2, words);
        element.prefix2 = prefix;
        return take(element);
      });
    }
    setWords(element.address2, part.words);
    return take(element);
  };
  const ports = (): boolean => {
    if (port === undefined) return second();
    element.protocol = port.protocol;
    const last = port.last ?? port.port;
    for (let at = Math.min(port.port, last); at <= Math.max(port.port, last); at++) {
      element.port = at;
      if (!second()) return false;
    }
    return true;
  };
  const first = addresses[0];
  if (first === undefined) ports();
  else if (parts[0] === 'net') {
    eachNetwork(first, header, (words, prefix) => {
      setWords(element.address, words);
      element.prefix = prefix;
      return ports();
    });
  } else {
    eachAddress(first, header, (words) => {
      setWords(element.address, words);
      return ports();
    });
  }
}
