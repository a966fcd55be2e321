/**
 * Elements of hash sets as keys of 32-bit words, laid out as the kernel's element structures are
 * (net/netfilter/ipset/ip_set_hash_*.c), in network order: equal keys are equal elements, and the
 * hash over them is the kernel's. What the kernel does not hash comes last.
 */
import type { Family } from '../ruleset/types.ts';
import type { SetElement, SetType } from './types.ts';

/** Where a prefix length lies in a key. */
interface PrefixPlace {
  readonly word: number;
  readonly shift: number;
  /** Added to the length: -1 where the kernel stores one less. */
  readonly bias: number;
  /** Offset of the address that it belongs to. */
  readonly address: number;
  readonly second: boolean;
}

/** The key layout of a set type in a family. */
export interface KeyLayout {
  readonly type: SetType;
  /** Words of an address. */
  readonly width: 1 | 4;
  /** Words of a key. */
  readonly words: number;
  /** Words of them that are hashed. */
  readonly hashed: number;
  /** The networks among the components, in order. */
  readonly prefixes: readonly PrefixPlace[];
}

/** Number of words before the last ones, those of addresses. */
function addressWords(type: SetType, width: number): number {
  return width * type.components.filter((each) => each === 'ip' || each === 'net').length;
}

const TAIL_WORDS: Readonly<Record<string, number>> = {
  'hash:ip': 0,
  'hash:mac': 2,
  'hash:ip,mac': 2,
  'hash:net,iface': 2,
  'hash:net,port,net': 2,
};

/** Shift and bias of each prefix in the first word after the addresses. */
const PREFIX_PLACES: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  'hash:net': [[0, 0]],
  'hash:net,port': [[0, -1]],
  'hash:ip,port,net': [[8, -1]],
  'hash:net,iface': [[16, 0]],
  'hash:net,net': [
    [8, 0],
    [0, 0],
  ],
  'hash:net,port,net': [
    [8, 0],
    [0, 0],
  ],
};

/** The layout of a hash type. */
export function keyLayout(type: SetType, family: Family): KeyLayout {
  const width = family === 4 ? 1 : 4;
  const tail = addressWords(type, width);
  const words = tail + (TAIL_WORDS[type.name] ?? 1);
  const only = type.name === 'hash:ip,port,net';
  return {
    type,
    width,
    words,
    hashed: type.name === 'hash:net,iface' ? words - 1 : words,
    prefixes: (PREFIX_PLACES[type.name] ?? []).map(([shift, bias], index) => {
      const second = only || index === 1;
      return { word: tail, shift, bias, address: second ? width : 0, second };
    }),
  };
}

function swapped(word: number): number {
  return (word >>> 24) | ((word >>> 8) & 0xff00) | ((word & 0xff00) << 8) | (word << 24);
}

/** The mask of word `index` of an address for a prefix length. */
export function prefixWord(prefix: number, index: number): number {
  const bits = Math.min(32, Math.max(0, prefix - 32 * index));
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/**
 * Writes an element's key. Addresses of networks are masked.
 * @param interfaceId number of the interface name in the set
 */
export function writeKey(
  layout: KeyLayout,
  element: SetElement,
  key: Int32Array,
  interfaceId: number,
): void {
  const { width, type } = layout;
  const { address, address2 } = element;
  const tail = addressWords(type, width);
  for (let i = 0; i < width; i++) {
    if (tail > 0) key[i] = address[i] ?? 0;
    if (tail > width) key[width + i] = address2[i] ?? 0;
  }
  const portWord = (element.port << 16) | (element.protocol << 8);
  switch (type.name) {
    case 'hash:mac':
    case 'hash:ip,mac':
      key[tail] = element.macHigh;
      key[tail + 1] = element.macLow << 16;
      break;
    case 'hash:ip,mark':
      key[tail] = swapped(element.mark);
      break;
    case 'hash:ip,port':
    case 'hash:ip,port,ip':
    case 'hash:net,port':
      key[tail] = portWord;
      break;
    case 'hash:ip,port,net':
      key[tail] = (element.port << 16) | element.protocol;
      break;
    case 'hash:net,port,net':
      key[tail] = element.port << 16;
      key[tail + 1] = element.protocol;
      break;
    case 'hash:net,iface':
      key[tail] = (element.physicalDevice ? 1 << 24 : 0) | 1;
      key[tail + 1] = (interfaceId << 1) | (element.wildcard ? 1 : 0);
      break;
    default:
      if (layout.words > tail) key[tail] = 0;
  }
  layout.prefixes.forEach((place, index) => {
    setPrefix(layout, index, element, key, place.second ? element.prefix2 : element.prefix);
  });
}

/** Gives one of the networks in a key another length: its address as masked by it. */
export function setPrefix(
  { prefixes, width }: KeyLayout,
  index: number,
  element: SetElement,
  key: Int32Array,
  prefix: number,
): void {
  const place = prefixes[index];
  if (place === undefined) return;
  const from = place.second ? element.address2 : element.address;
  for (let i = 0; i < width; i++) {
    key[place.address + i] = (from[i] ?? 0) & prefixWord(prefix, i);
  }
  const bits = (key[place.word] ?? 0) & ~(0xff << place.shift);
  key[place.word] = bits | ((prefix + place.bias) << place.shift);
}

/** Prefix length of one of the networks in a key that begins at `at` of `keys`. */
export function prefixOf(layout: KeyLayout, index: number, keys: Int32Array, at: number): number {
  const place = layout.prefixes[index];
  if (place === undefined) return 0;
  return (((keys[at + place.word] ?? 0) >>> place.shift) & 0xff) - place.bias;
}

/** Reads the element of the key that begins at `at`; the interface name is left to the caller. */
export function readKey(
  layout: KeyLayout,
  keys: Int32Array,
  at: number,
  element: SetElement,
): void {
  const { width, type } = layout;
  const tail = addressWords(type, width);
  for (let i = 0; i < width; i++) {
    element.address[i] = tail > 0 ? (keys[at + i] ?? 0) : 0;
    element.address2[i] = tail > width ? (keys[at + width + i] ?? 0) : 0;
  }
  const first = keys[at + tail] ?? 0;
  const second = keys[at + tail + 1] ?? 0;
  element.prefix = width * 32;
  element.prefix2 = width * 32;
  layout.prefixes.forEach((place, index) => {
    const prefix = prefixOf(layout, index, keys, at);
    if (place.second) element.prefix2 = prefix;
    else element.prefix = prefix;
  });
  element.port = first >>> 16;
  element.protocol = (first >>> 8) & 0xff;
  if (type.name === 'hash:ip,port,net') element.protocol = first & 0xff;
  if (type.name === 'hash:net,port,net') element.protocol = second;
  element.macHigh = first;
  element.macLow = second >>> 16;
  element.mark = swapped(first) >>> 0;
  element.physicalDevice = first >>> 24 !== 0;
  element.wildcard = type.name === 'hash:net,iface' && (second & 1) !== 0;
}
