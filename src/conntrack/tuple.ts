/**
 * Tuples: what identifies a direction of a flow, read from a packet or from the packet that an ICMP
 * error quotes, and its inverse. As nf_ct_get_tuple and nf_ct_invert_tuple of nf_conntrack_core.c.
 */
import type { PacketView } from '../packet/fields.ts';
import {
  PROTOCOL_GRE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDPLITE,
} from '../packet/transport.ts';
import { KEY_DESTINATION, KEY_PORTS, KEY_PROTOCOL, KEY_SOURCE, KEY_WORDS } from './record.ts';
import type { Tuple } from './types.ts';

const NO_NEXT_HEADER = 59;
/** Of the protocol word: the bit in which family 6 differs from 4. */
const IPV6_BIT = 2 << 8;

/** What came of reading a tuple. */
export const TUPLE_OK = 0;
/** The packet has none: too short, or of a kind that is not tracked. */
export const TUPLE_NONE = 1;
/** The snap length cut what it would be made of. */
export const TUPLE_CUT = 2;

/** Protocols whose tuple has ports. DCCP is not among them any more (seen on Linux 6.18). */
function hasPorts(protocol: number): boolean {
  return (
    protocol === PROTOCOL_TCP ||
    protocol === PROTOCOL_UDP ||
    protocol === PROTOCOL_SCTP ||
    protocol === PROTOCOL_UDPLITE
  );
}

/** Answers of ICMP requests, by type; a type that is not here has no tuple of its own. */
const ICMP_INVERSE = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);
const ICMPV6_INVERSE = new Map([
  [128, 129],
  [129, 128],
  [139, 140],
  [140, 139],
]);

/**
 * Sets the ports word of `key` from the transport header.
 * @param captured bytes present from `offset`
 * @param length bytes by the headers from `offset`
 */
function readPorts(
  view: DataView,
  protocol: number,
  offset: number,
  captured: number,
  length: number,
  key: Int32Array,
): number {
  key[KEY_PORTS] = 0;
  if (protocol === PROTOCOL_GRE) return readGre(view, offset, captured, length, key);
  const icmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
  if (!icmp && !hasPorts(protocol)) return TUPLE_OK;
  const needed = icmp ? 8 : 4;
  if (length < needed) return TUPLE_NONE;
  if (captured < needed) return TUPLE_CUT;
  // ICMP: type and code are the first two bytes, the identifier is in the fifth and sixth.
  key[KEY_PORTS] = icmp
    ? (view.getUint16(offset + 4) << 16) | view.getUint16(offset)
    : view.getInt32(offset);
  return TUPLE_OK;
}

const GRE_VERSION_1 = 1;
const GRE_PROTOCOL_PPP = 0x880b;

/**
 * Plain GRE has addresses only; enhanced GRE (version 1, PPTP) the call identifier as destination
 * key. Without the PPTP helper nothing maps the other side's call, so the source key is 0.
 */
function readGre(
  view: DataView,
  offset: number,
  captured: number,
  length: number,
  key: Int32Array,
): number {
  if (length < 4) return TUPLE_OK;
  if (captured < 4) return TUPLE_CUT;
  if ((view.getUint16(offset) & 7) !== GRE_VERSION_1) return TUPLE_OK;
  if (length < 8) return TUPLE_OK;
  if (view.getUint16(offset + 2) !== GRE_PROTOCOL_PPP) return TUPLE_NONE;
  if (captured < 8) return TUPLE_CUT;
  key[KEY_PORTS] = view.getUint16(offset + 6);
  return TUPLE_OK;
}

/** Reads the packet's tuple into `key`. @returns TUPLE_OK, TUPLE_NONE or TUPLE_CUT */
export function packetTuple(packet: PacketView, zone: number, key: Int32Array): number {
  const { family, protocol, fragmentOffset, transportOffset } = packet;
  // ipv6_skip_exthdr fails on "no next header" and on a malformed chain; a later fragment has none.
  const cut = packet.networkEnd < packet.networkOffset + packet.totalLength;
  if (protocol < 0 && fragmentOffset === 0 && cut) return TUPLE_CUT;
  if (fragmentOffset !== 0 || protocol < 0 || transportOffset < 0) return TUPLE_NONE;
  if (family === 6 && protocol === NO_NEXT_HEADER) return TUPLE_NONE;
  const wide = family === 6;
  key[0] = packet.source0;
  key[1] = wide ? packet.source1 : 0;
  key[2] = wide ? packet.source2 : 0;
  key[3] = wide ? packet.source3 : 0;
  key[4] = packet.destination0;
  key[5] = wide ? packet.destination1 : 0;
  key[6] = wide ? packet.destination2 : 0;
  key[7] = wide ? packet.destination3 : 0;
  key[KEY_PROTOCOL] = protocol | (family << 8) | (zone << 16);
  const { transportCaptured, transportLength } = packet;
  return readPorts(packet.view, protocol, transportOffset, transportCaptured, transportLength, key);
}

/** A packet inside another: where it begins, and where the bytes end. */
interface Quoted {
  readonly view: DataView;
  readonly offset: number;
  /** End of the captured bytes. */
  readonly capturedEnd: number;
  /** End of the outer datagram by its headers. */
  readonly end: number;
}

/**
 * Reads the tuple of the datagram that an ICMP error quotes. Nothing of its IP header is checked but
 * that it is no later fragment (nf_ct_get_tuplepr).
 * @returns TUPLE_OK, TUPLE_NONE or TUPLE_CUT
 */
export function quotedTuple(quoted: Quoted, family: 4 | 6, zone: number, key: Int32Array): number {
  const { view, offset, capturedEnd, end } = quoted;
  const fixed = family === 4 ? 20 : 40;
  if (end < offset + fixed) return TUPLE_NONE;
  if (capturedEnd < offset + fixed) return TUPLE_CUT;
  let protocol = 0;
  let transport = 0;
  if (family === 4) {
    if ((view.getUint16(offset + 6) & 0x1fff) !== 0) return TUPLE_NONE;
    protocol = view.getUint8(offset + 9);
    transport = offset + (view.getUint8(offset) & 15) * 4;
    if (transport > end) return TUPLE_NONE;
    key.fill(0, 0, KEY_PORTS);
    key[KEY_SOURCE] = view.getInt32(offset + 12);
    key[KEY_DESTINATION] = view.getInt32(offset + 16);
  } else {
    const found = skipExtensionHeaders(quoted);
    if (found.status !== TUPLE_OK) return found.status;
    protocol = found.protocol;
    transport = found.offset;
    for (let i = 0; i < 8; i++) key[i] = view.getInt32(offset + 8 + i * 4);
  }
  key[KEY_PROTOCOL] = protocol | (family << 8) | (zone << 16);
  return readPorts(view, protocol, transport, capturedEnd - transport, end - transport, key);
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

function isExtensionHeader(protocol: number): boolean {
  return (
    protocol === HOP_BY_HOP ||
    protocol === ROUTING ||
    protocol === FRAGMENT ||
    protocol === AUTHENTICATION ||
    protocol === DESTINATION_OPTIONS
  );
}

interface Transport {
  status: number;
  protocol: number;
  offset: number;
}

/** Finds the transport header of a quoted IPv6 packet, as ipv6_skip_exthdr does. */
function skipExtensionHeaders({ view, offset, capturedEnd, end }: Quoted): Transport {
  const found: Transport = { status: TUPLE_NONE, protocol: 0, offset: offset + 40 };
  let protocol = view.getUint8(offset + 6);
  while (isExtensionHeader(protocol)) {
    const at = found.offset;
    const needed = protocol === FRAGMENT ? 4 : 2;
    if (end < at + needed) return found;
    if (capturedEnd < at + needed) return { ...found, status: TUPLE_CUT };
    let length = (view.getUint8(at + 1) + 1) * 8;
    if (protocol === FRAGMENT) {
      if ((view.getUint16(at + 2) & ~7) !== 0) return found;
      length = 8;
    } else if (protocol === AUTHENTICATION) {
      length = (view.getUint8(at + 1) + 2) * 4;
    }
    protocol = view.getUint8(at);
    found.offset = at + length;
  }
  if (protocol === NO_NEXT_HEADER) return found;
  return { status: TUPLE_OK, protocol, offset: found.offset };
}

/** Makes `inverse` the tuple of the opposite direction; false when the kind has none. */
export function invertTuple(key: Int32Array, inverse: Int32Array): boolean {
  for (let i = 0; i < 4; i++) {
    inverse[KEY_SOURCE + i] = key[KEY_DESTINATION + i] as number;
    inverse[KEY_DESTINATION + i] = key[KEY_SOURCE + i] as number;
  }
  const ports = key[KEY_PORTS] as number;
  const word = key[KEY_PROTOCOL] as number;
  inverse[KEY_PROTOCOL] = word;
  const protocol = word & 0xff;
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) {
    const types = protocol === PROTOCOL_ICMP ? ICMP_INVERSE : ICMPV6_INVERSE;
    const type = types.get((ports >>> 8) & 0xff);
    if (type === undefined) return false;
    inverse[KEY_PORTS] = (ports & 0xffff00ff) | (type << 8);
    return true;
  }
  inverse[KEY_PORTS] = (ports << 16) | (ports >>> 16);
  return true;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** A hash of the key at word `at`, spread over all 32 bits. */
export function hashKey(key: Int32Array, at: number): number {
  let hash = mix(key[at + KEY_PROTOCOL] as number, key[at + KEY_PORTS] as number);
  hash = mix(mix(hash, key[at] as number), key[at + KEY_DESTINATION] as number);
  if (((key[at + KEY_PROTOCOL] as number) & IPV6_BIT) !== 0)
    for (let i = 1; i < 4; i++)
      hash = mix(mix(hash, key[at + i] as number), key[at + KEY_DESTINATION + i] as number);
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** The tuple at word `at` of `keys`, for people and matches. */
export function tupleAt(keys: Int32Array, at: number): Tuple {
  const word = keys[at + KEY_PROTOCOL] as number;
  const ports = keys[at + KEY_PORTS] as number;
  const family = ((word >>> 8) & 0xff) === 6 ? 6 : 4;
  const words = family === 6 ? 4 : 1;
  return {
    family,
    protocol: word & 0xff,
    source: keys.slice(at + KEY_SOURCE, at + KEY_SOURCE + words),
    destination: keys.slice(at + KEY_DESTINATION, at + KEY_DESTINATION + words),
    sourcePort: ports >>> 16,
    destinationPort: ports & 0xffff,
    zone: word >>> 16,
  };
}

/** A key to read tuples into. */
export function newKey(): Int32Array {
  return new Int32Array(KEY_WORDS);
}
