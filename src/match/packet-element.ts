/**
 * A packet as an element of a set, as the kadt functions of net/netfilter/ipset/ make it, with the
 * src and dst of the rule for each part.
 */
import type { PacketView } from '../packet/fields.ts';
import { HOOK_OUTPUT, HOOK_POSTROUTING } from '../ruleset/types.ts';
import type { AnySet } from '../sets/collection.ts';
import { HashSet } from '../sets/hash-set.ts';
import { prefixWord } from '../sets/key.ts';
import type { SetElement, SetHeader } from '../sets/types.ts';
import { HEADER_CUT, HEADER_PRESENT, transportHeader } from './conditions.ts';
import type { PacketContext } from './definition.ts';

/** The element is made. */
export const ELEMENT_MADE = 0;
/** The packet has no such element: no ports, no interface … */
export const ELEMENT_NONE = 1;
/** The capture does not tell; the reason is in `context.undecidedReason`. */
export const ELEMENT_UNKNOWN = 2;
export type ElementResult = 0 | 1 | 2;

/** IP protocols with ports, and the bytes of header that the kernel wants to see. */
const HEADER_BYTES: Readonly<Record<number, number>> = {
  6: 20,
  17: 8,
  136: 8,
  132: 12,
  1: 8,
  58: 8,
};
const NEXT_HEADER_NONE = 59;

function unknown(context: PacketContext, reason: string): ElementResult {
  context.undecidedReason = reason;
  return ELEMENT_UNKNOWN;
}

function writeAddress(words: Int32Array, packet: PacketView, source: boolean): void {
  words[0] = source ? packet.source0 : packet.destination0;
  words[1] = source ? packet.source1 : packet.destination1;
  words[2] = source ? packet.source2 : packet.destination2;
  words[3] = source ? packet.source3 : packet.destination3;
}

/** Clears the bits that the set does not keep. */
export function maskAddress(words: Int32Array, { netmask, bitmask }: SetHeader): void {
  if (netmask === undefined && bitmask === undefined) return;
  for (let i = 0; i < 4; i++) {
    const mask = bitmask === undefined ? prefixWord(netmask ?? 128, i) : (bitmask[i] ?? 0);
    words[i] = (words[i] ?? 0) & mask;
  }
}

/** ip_set_get_ip4_port, ip_set_get_ip6_port. */
function writePort(element: SetElement, context: PacketContext, source: boolean): ElementResult {
  const { packet } = context;
  const { protocol } = packet;
  if (protocol <= 0) return ELEMENT_NONE;
  if (packet.family === 6 && (packet.fragmentOffset !== 0 || protocol === NEXT_HEADER_NONE))
    return ELEMENT_NONE;
  element.protocol = protocol;
  element.port = 0;
  const bytes = HEADER_BYTES[protocol];
  if (bytes === undefined) return ELEMENT_MADE;
  if (packet.fragmentOffset !== 0) return protocol === 58 ? ELEMENT_MADE : ELEMENT_NONE;
  const header = transportHeader(packet, bytes);
  if (header === HEADER_CUT)
    return unknown(context, 'the capture lacks the ports that a set needs');
  if (header !== HEADER_PRESENT) return ELEMENT_NONE;
  const at = packet.transportOffset + (protocol === 1 || protocol === 58 || source ? 0 : 2);
  element.port = packet.view.getUint16(at);
  return ELEMENT_MADE;
}

const HARDWARE_ETHERNET = 1;

function writeMac(element: SetElement, context: PacketContext, source: boolean): ElementResult {
  const { packet, hook } = context;
  element.hasMac = true;
  if (hook === HOOK_OUTPUT) return ELEMENT_NONE;
  if (hook === HOOK_POSTROUTING && !context.forwarded) return ELEMENT_NONE;
  const offset = source ? packet.sourceMacOffset : packet.destinationMacOffset;
  if (packet.hardwareType > 0 && packet.hardwareType !== HARDWARE_ETHERNET && offset < 0)
    return ELEMENT_NONE;
  if (context.inInterface === 'lo' || offset < 0)
    return unknown(context, 'the capture lacks the MAC address that a set needs');
  element.macHigh = packet.view.getInt32(offset);
  element.macLow = packet.view.getUint16(offset + 4);
  const null_ = element.macHigh === 0 && element.macLow === 0;
  return null_ ? ELEMENT_NONE : ELEMENT_MADE;
}

function writeInterface(
  element: SetElement,
  context: PacketContext,
  source: boolean,
): ElementResult {
  element.interfaceName = source ? context.inInterface : context.outInterface;
  element.physicalDevice = false;
  element.wildcard = false;
  return element.interfaceName === '' ? ELEMENT_NONE : ELEMENT_MADE;
}

function isNull(words: Int32Array, width: number): boolean {
  for (let i = 0; i < width; i++) if (words[i] !== 0) return false;
  return true;
}

/** Prefix lengths of a test are those of hosts; what is added or removed has the longest in use. */
function writePrefixes(element: SetElement, set: AnySet, test: boolean): void {
  const host = set.header.family === 4 ? 32 : 128;
  element.prefix = host;
  element.prefix2 = host;
  if (test || !(set instanceof HashSet)) return;
  const [first, second] = set.layout.prefixes;
  if (first?.second === true) element.prefix2 = set.longestPrefix(0) ?? host;
  else if (first !== undefined) element.prefix = set.longestPrefix(0) ?? host;
  if (second !== undefined) element.prefix2 = set.longestPrefix(1) ?? host;
}

function writePart(
  part: string,
  first: boolean,
  element: SetElement,
  header: SetHeader,
  context: PacketContext,
  source: boolean,
): ElementResult {
  switch (part) {
    case 'ip':
    case 'net': {
      const words = first ? element.address : element.address2;
      writeAddress(words, context.packet, source);
      maskAddress(words, header);
      return ELEMENT_MADE;
    }
    case 'port':
      return writePort(element, context, source);
    case 'mac':
      return writeMac(element, context, source);
    case 'mark':
      element.mark = (context.mark & header.markMask) >>> 0;
      return ELEMENT_MADE;
    case 'iface':
      return writeInterface(element, context, source);
    default:
      return ELEMENT_NONE;
  }
}

/**
 * Makes the element of a packet for a set that is no list.
 * @param sources for each part: true for src
 * @param test false when the element is to be added or removed
 */
export function packetElement(
  element: SetElement,
  set: AnySet,
  sources: readonly boolean[],
  context: PacketContext,
  test: boolean,
): ElementResult {
  const { header } = set;
  const { components, name } = header.type;
  let unknown = false;
  for (let i = 0; i < components.length; i++) {
    const part = components[i] ?? '';
    const made = writePart(part, i === 0, element, header, context, sources[i] === true);
    if (made === ELEMENT_NONE) return ELEMENT_NONE;
    if (made === ELEMENT_UNKNOWN) unknown = true;
  }
  if (name === 'hash:ip' && isNull(element.address, header.family === 4 ? 1 : 4))
    return ELEMENT_NONE;
  if (name === 'bitmap:port' && element.protocol !== 6 && element.protocol !== 17)
    return ELEMENT_NONE;
  if (unknown) return ELEMENT_UNKNOWN;
  writePrefixes(element, set, test);
  return ELEMENT_MADE;
}
