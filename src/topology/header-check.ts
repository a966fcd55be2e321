/**
 * What the kernel demands of an arriving packet's IP header beyond its lengths: before netfilter
 * (ip6_rcv_core, net/ipv6/ip6_input.c) and, for IPv4 options, right after PREROUTING
 * (ip_rcv_options, net/ipv4/ip_input.c). Packets that the host itself sends do not pass here, so
 * these are questions to ask, not part of decoding. All answers were seen on Linux 6.18.
 */
import type { PacketView } from '../packet/fields.ts';
import { IPV6_HEADER_LENGTH, LARGEST_PAYLOAD, NEXT_HOP_BY_HOP } from '../packet/ipv6.ts';

/** Nothing to object to. */
export const HEADER_GOOD = 0;
/** The snap length cut off what had to be looked at. */
export const HEADER_UNKNOWN = 1;
const MULTICAST_SOURCE = 2;
const LOOPBACK_ADDRESS = 3;
const RESERVED_SCOPE = 4;
const INTERFACE_LOCAL = 5;
const HOP_BY_HOP = 6;
const IP_OPTIONS = 7;
const SOURCE_ROUTE = 8;

const REASONS: readonly string[] = [
  '',
  'snap length cut the options of the IP header',
  'IPv6 multicast address as source',
  'IPv6 loopback address on another interface than lo',
  'IPv6 multicast destination of scope 0 (reserved)',
  'IPv6 multicast destination of interface-local scope on another interface than lo',
  'IPv6 hop-by-hop options invalid or not known',
  'IPv4 options invalid',
  'IPv4 source route option (accept_source_route is off)',
];

/** What a code other than HEADER_GOOD says, for reports. */
export function headerReason(code: number): string {
  return REASONS[code] ?? '';
}

/**
 * Whether ip6_rcv_core lets an arriving packet through to netfilter.
 * @param packet decoded without a problem
 * @param onLoopback true when it arrives on lo
 * @returns HEADER_GOOD, HEADER_UNKNOWN, or a code for `headerReason`
 */
export function checkArrival(packet: PacketView, onLoopback: boolean): number {
  if (packet.family !== 6) return HEADER_GOOD;
  const source = packet.source0;
  const destination = packet.destination0;
  if (!onLoopback && (isLoopbackSource(packet) || isLoopbackDestination(packet)))
    return LOOPBACK_ADDRESS;
  if (destination >>> 24 === 0xff) {
    const scope = (destination >>> 16) & 0x0f;
    if (scope === 1 && !onLoopback) return INTERFACE_LOCAL;
    if (scope === 0) return RESERVED_SCOPE;
  }
  if (source >>> 24 === 0xff) return MULTICAST_SOURCE;
  const next = packet.view.getUint8(packet.networkOffset + 6);
  return next === NEXT_HOP_BY_HOP ? checkHopByHop(packet) : HEADER_GOOD;
}

function isLoopbackSource(packet: PacketView): boolean {
  return (packet.source0 | packet.source1 | packet.source2) === 0 && packet.source3 === 1;
}

function isLoopbackDestination(packet: PacketView): boolean {
  return (
    (packet.destination0 | packet.destination1 | packet.destination2) === 0 &&
    packet.destination3 === 1
  );
}

const TLV_PAD1 = 0;
const TLV_PADN = 1;
const TLV_ROUTER_ALERT = 0x05;
const TLV_CALIPSO = 0x07;
const TLV_IOAM = 0x31;
const TLV_JUMBO = 0xc2;
/** Padding in one run, and options other than padding (net.ipv6.max_hbh_opts_number). */
const MOST_PADDING = 7;
const MOST_OPTIONS = 8;

/** The hop-by-hop header after the fixed one, as ip6_parse_tlv (net/ipv6/exthdrs.c) reads it. */
function checkHopByHop(packet: PacketView): number {
  const { view, networkOffset, networkEnd, frameEnd } = packet;
  const start = networkOffset + IPV6_HEADER_LENGTH;
  const datagramEnd = networkOffset + packet.totalLength;
  if (start + 8 > datagramEnd) return HOP_BY_HOP;
  if (start + 2 > frameEnd) return HEADER_UNKNOWN;
  const end = start + (view.getUint8(start + 1) + 1) * 8;
  if (end > datagramEnd) return HOP_BY_HOP;
  if (end > networkEnd) return HEADER_UNKNOWN;
  let at = start + 2;
  let padding = 0;
  let options = 0;
  while (at < end) {
    const type = view.getUint8(at);
    if (type === TLV_PAD1) {
      padding += 1;
      if (padding > MOST_PADDING) return HOP_BY_HOP;
      at += 1;
      continue;
    }
    if (at + 2 > end) return HOP_BY_HOP;
    const length = view.getUint8(at + 1) + 2;
    if (at + length > end) return HOP_BY_HOP;
    if (type === TLV_PADN) {
      padding += length;
      if (padding > MOST_PADDING || !allZero(view, at + 2, at + length)) return HOP_BY_HOP;
    } else {
      options += 1;
      padding = 0;
      if (options > MOST_OPTIONS || !hopByHopOption(packet, at)) return HOP_BY_HOP;
    }
    at += length;
  }
  return HEADER_GOOD;
}

function allZero(view: DataView, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (view.getUint8(at) !== 0) return false;
  return true;
}

/** True when the kernel goes on after the option at `at`, whose bytes are all there. */
function hopByHopOption(packet: PacketView, at: number): boolean {
  const { view, networkOffset } = packet;
  const length = view.getUint8(at + 1);
  const type = view.getUint8(at);
  switch (type) {
    case TLV_ROUTER_ALERT:
      return length === 2;
    case TLV_IOAM:
      return (at - networkOffset) % 4 === 0;
    case TLV_CALIPSO:
      // Only with a domain of interpretation set up by netlabelctl.
      return false;
    case TLV_JUMBO:
      return (
        length === 4 &&
        (at - networkOffset) % 4 === 2 &&
        view.getUint32(at + 2) > LARGEST_PAYLOAD &&
        view.getUint16(networkOffset + 4) === 0
      );
  }
  // Not known: the two highest bits say whether to go on (RFC 8200, 4.2).
  return type >> 6 === 0;
}

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_RECORD_ROUTE = 7;
const OPTION_TIMESTAMP = 68;
const OPTION_LOOSE_ROUTE = 131;
const OPTION_CIPSO = 134;
const OPTION_STRICT_ROUTE = 137;
const OPTION_ROUTER_ALERT = 148;
const TIMESTAMP_ONLY = 0;
const TIMESTAMP_ADDRESS = 1;
const TIMESTAMP_PRESPECIFIED = 3;

/**
 * Whether the kernel's ip_options_compile takes the IPv4 options of an arriving packet; if not, it
 * is dropped after PREROUTING, before INPUT and FORWARD. Source routes are refused, which is the
 * default (net.ipv4.conf.all.accept_source_route=0).
 * @returns HEADER_GOOD, HEADER_UNKNOWN, or a code for `headerReason`
 */
export function checkIpOptions(packet: PacketView): number {
  if (packet.family !== 4 || packet.networkHeaderLength <= 20) return HEADER_GOOD;
  const { view, networkOffset, networkHeaderLength } = packet;
  const end = networkOffset + networkHeaderLength;
  if (end > packet.frameEnd) return HEADER_UNKNOWN;
  let at = networkOffset + 20;
  let seen = 0;
  let sourceRoute = false;
  while (at < end) {
    const type = view.getUint8(at);
    if (type === OPTION_END) break;
    if (type === OPTION_NOP) {
      at += 1;
      continue;
    }
    if (at + 2 > end) return IP_OPTIONS;
    const length = view.getUint8(at + 1);
    if (length < 2 || at + length > end) return IP_OPTIONS;
    const once = onceBit(type);
    if ((seen & once) !== 0 || !ipOption(view, at, type, length)) return IP_OPTIONS;
    seen |= once;
    sourceRoute ||= once === 1;
    at += length;
  }
  return sourceRoute ? SOURCE_ROUTE : HEADER_GOOD;
}

/** A bit per kind of option that may come only once; both source routes are one kind. */
function onceBit(type: number): number {
  switch (type) {
    case OPTION_LOOSE_ROUTE:
    case OPTION_STRICT_ROUTE:
      return 1;
    case OPTION_RECORD_ROUTE:
      return 2;
    case OPTION_TIMESTAMP:
      return 4;
  }
  return 0;
}

function ipOption(view: DataView, at: number, type: number, length: number): boolean {
  switch (type) {
    case OPTION_LOOSE_ROUTE:
    case OPTION_STRICT_ROUTE:
      return length >= 3 && view.getUint8(at + 2) >= 4;
    case OPTION_RECORD_ROUTE:
      return length >= 3 && pointerFits(view.getUint8(at + 2), 4, 4, length);
    case OPTION_TIMESTAMP:
      return length >= 4 && timestampOption(view, at, length);
    case OPTION_ROUTER_ALERT:
      return length >= 4;
    case OPTION_CIPSO:
      // Only with a domain of interpretation set up by netlabelctl.
      return false;
  }
  return true;
}

/** A pointer (from 1) past the option means full; else `size` bytes must fit from there on. */
function pointerFits(pointer: number, least: number, size: number, length: number): boolean {
  return pointer >= least && (pointer > length || pointer + size - 1 <= length);
}

function timestampOption(view: DataView, at: number, length: number): boolean {
  const pointer = view.getUint8(at + 2);
  const flags = view.getUint8(at + 3);
  const kind = flags & 0x0f;
  if (pointer < 5) return false;
  // Full: the overflow counter must not be at its end.
  if (pointer > length) return kind === TIMESTAMP_PRESPECIFIED || flags >> 4 !== 15;
  if (kind === TIMESTAMP_ADDRESS || kind === TIMESTAMP_PRESPECIFIED)
    return pointerFits(pointer, 5, 8, length);
  return kind === TIMESTAMP_ONLY ? pointerFits(pointer, 5, 4, length) : pointer + 3 <= length;
}
