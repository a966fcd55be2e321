/**
 * ICMP and ICMPv6: requests make flows, their answers belong to them; errors belong to the flow that
 * they quote; neighbour discovery and MLD are not tracked. As nf_conntrack_proto_icmp.c and
 * nf_conntrack_proto_icmpv6.c.
 */
import { CHECKSUM_BAD, type PacketView } from '../packet/fields.ts';
import { invalid, type Judgement, type ProtocolTracker, TRACK_ACCEPT } from './protocol.ts';
import { KEY_PORTS } from './record.ts';
import type { FlowTable } from './table.ts';

const HEADER_LENGTH = 8;

/** Go on with the lookup of the packet's own tuple. */
export const ICMP_TRACK = 0;
/** INVALID, with a reason. */
export const ICMP_INVALID = 1;
/** Not tracked at all. */
export const ICMP_UNTRACKED = 2;
/** An error: look up the datagram quoted at `quotedOffset`. */
export const ICMP_QUOTES = 3;
/** Too much is cut by the snap length to tell. */
export const ICMP_CUT = 4;

/** What an ICMP message is to conntrack; one reused object. */
export interface IcmpClass {
  kind: number;
  reason: string;
  /** Where the quoted datagram begins. */
  quotedOffset: number;
}

function answer(found: IcmpClass, kind: number, reason: string): void {
  found.kind = kind;
  found.reason = reason;
}

function headerProblem(judgement: Judgement, name: string, found: IcmpClass): boolean {
  const { packet, local, options } = judgement;
  if (packet.transportLength < HEADER_LENGTH) {
    answer(found, ICMP_INVALID, `${name} header is too short`);
    return true;
  }
  if (packet.transportCaptured < HEADER_LENGTH) {
    answer(found, ICMP_CUT, `${name} header cut by the snap length`);
    return true;
  }
  if (!local && options.checksum && packet.transportChecksum === CHECKSUM_BAD) {
    answer(found, ICMP_INVALID, `bad ${name} checksum`);
    return true;
  }
  return false;
}

const HIGHEST_ICMP_TYPE = 18;

/** icmp_is_err: unreachable, source quench, redirect, time exceeded, parameter problem. */
function isIcmpError(type: number): boolean {
  return type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
}

/** Sorts an ICMP message (nf_conntrack_icmpv4_error). */
export function classifyIcmp(judgement: Judgement, found: IcmpClass): void {
  if (headerProblem(judgement, 'ICMP', found)) return;
  const { view, transportOffset } = judgement.packet;
  const type = view.getUint8(transportOffset);
  if (type > HIGHEST_ICMP_TYPE) {
    answer(found, ICMP_INVALID, 'unknown ICMP type');
  } else if (isIcmpError(type)) {
    answer(found, ICMP_QUOTES, '');
    found.quotedOffset = transportOffset + HEADER_LENGTH;
  } else {
    answer(found, ICMP_TRACK, '');
  }
}

const REDIRECT = 137;
const REDIRECT_LENGTH = 40;
const OPTION_REDIRECTED_HEADER = 4;

/**
 * MLD (130 to 132, 143), router and neighbour discovery (133 to 136), multicast router discovery
 * (151, 152, but not 153; seen on Linux 6.18): never tracked.
 */
function isUntracked(type: number): boolean {
  return (type >= 130 && type <= 136) || type === 143 || type === 151 || type === 152;
}

/** Sorts an ICMPv6 message (nf_conntrack_icmpv6_error). */
export function classifyIcmpv6(judgement: Judgement, found: IcmpClass): void {
  if (headerProblem(judgement, 'ICMPv6', found)) return;
  const { packet } = judgement;
  const type = packet.view.getUint8(packet.transportOffset);
  if (isUntracked(type)) {
    answer(found, ICMP_UNTRACKED, '');
  } else if (type === REDIRECT) {
    classifyRedirect(packet, found);
  } else if (type < 128) {
    answer(found, ICMP_QUOTES, '');
    found.quotedOffset = packet.transportOffset + HEADER_LENGTH;
  } else {
    answer(found, ICMP_TRACK, '');
  }
}

/** A redirect quotes the packet in its first option, if it is the redirected header (RFC 4861). */
function classifyRedirect(packet: PacketView, found: IcmpClass): void {
  const { view, transportOffset, transportLength, transportCaptured } = packet;
  const linkLocal = (packet.source0 & 0xffc00000) === (0xfe800000 | 0);
  const option = transportOffset + REDIRECT_LENGTH;
  if (transportLength < REDIRECT_LENGTH) {
    answer(found, ICMP_INVALID, 'redirect is too short');
  } else if (view.getUint8(transportOffset + 1) !== 0) {
    answer(found, ICMP_TRACK, '');
  } else if (packet.ttl !== 255 || !linkLocal) {
    answer(found, ICMP_INVALID, 'redirect not from a link-local neighbour');
  } else if (transportLength < REDIRECT_LENGTH + 2) {
    answer(found, ICMP_INVALID, 'redirect without options');
  } else if (transportCaptured < REDIRECT_LENGTH + 2) {
    answer(found, ICMP_CUT, 'redirect cut by the snap length');
  } else if (view.getUint8(option + 1) === 0) {
    answer(found, ICMP_INVALID, 'redirect without options');
  } else if (view.getUint8(option) !== OPTION_REDIRECTED_HEADER) {
    answer(found, ICMP_TRACK, '');
  } else {
    answer(found, ICMP_QUOTES, '');
    found.quotedOffset = option + HEADER_LENGTH;
  }
}

/** The type of the message that made the flow. */
function originalType(table: FlowTable, slot: number): number {
  return ((table.keys[table.keyAt(slot * 2) + KEY_PORTS] as number) >>> 8) & 0xff;
}

/** Tracks ICMP: echo, timestamp, information and address mask requests make flows. */
export const icmpTracker: ProtocolTracker = {
  stateNames: [],
  packet(table, slot, _direction, judgement) {
    const { packet, now, options } = judgement;
    const type = originalType(table, slot);
    if (packet.family !== 4) return invalid(judgement, 'ICMP in IPv6');
    if (type !== 8 && type !== 13 && type !== 15 && type !== 17)
      return invalid(judgement, 'ICMP answer without request');
    table.refresh(slot, now + options.icmpTimeoutSeconds);
    return TRACK_ACCEPT;
  },
};

/** Tracks ICMPv6: echo requests and node information queries make flows. */
export const icmpv6Tracker: ProtocolTracker = {
  stateNames: [],
  packet(table, slot, _direction, judgement) {
    const { packet, now, options } = judgement;
    const type = originalType(table, slot);
    if (packet.family !== 6) return invalid(judgement, 'ICMPv6 in IPv4');
    if (type !== 128 && type !== 139) return invalid(judgement, 'ICMPv6 answer without request');
    table.refresh(slot, now + options.icmpv6TimeoutSeconds);
    return TRACK_ACCEPT;
  },
};
