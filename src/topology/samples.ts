/**
 * The frames of the capture's beginning, reduced to what inferring the vantage needs. Kept for at
 * most some ten thousand frames; not the hot path.
 */
import { LINKTYPE_NULL } from '../capture/linktypes.ts';
import { PACKET_BROADCAST, PACKET_MULTICAST, type PacketView } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import { addressText, isLoopback4, isLoopback6, isMulticast4, isMulticast6 } from './address.ts';
import { isLoopbackFrame, macAt, statedWay } from './sightings.ts';

const TCP = 6;
const SYN = 0x02;
const ACK = 0x10;
const WELL_KNOWN = 1024;

/** One frame. */
export interface Sample {
  readonly interfaceId: number;
  readonly linkInterfaceIndex: number;
  /** LINKTYPE_ value. */
  readonly linkType: number;
  /** One WAY_ value, as the capture says it. */
  readonly way: number;
  readonly loopback: boolean;
  readonly family: Family;
  /** Address as text; '' for the unspecified one. */
  readonly source: string;
  /** Address as text; '' for multicast and broadcast. */
  readonly destination: string;
  /** IPv4 destination word of a broadcast frame to something that is no group, else undefined. */
  readonly broadcast: number | undefined;
  /** 48-bit numbers, 0 when the link layer has none; the destination 0 for a group address. */
  readonly sourceMac: number;
  readonly destinationMac: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** Hash of the headers without what a router changes, 32 bits. */
  readonly datagram: number;
  /** TTL or hop limit as most systems begin with: 64, 128 or 255. */
  readonly initialTtl: boolean;
  /** Which end serves: 1 the destination, -1 the source, 0 not known. */
  readonly server: number;
  /** Groups that the sender reports to have joined. */
  readonly groups: readonly (readonly number[])[];
}

function sourceWords(packet: PacketView): number[] {
  return packet.family === 4
    ? [packet.source0]
    : [packet.source0, packet.source1, packet.source2, packet.source3];
}

function destinationWords(packet: PacketView): number[] {
  return packet.family === 4
    ? [packet.destination0]
    : [packet.destination0, packet.destination1, packet.destination2, packet.destination3];
}

function serverEnd(packet: PacketView): number {
  const { sourcePort, destinationPort, tcpFlags } = packet;
  if (packet.protocol === TCP && (tcpFlags & SYN) !== 0) return (tcpFlags & ACK) === 0 ? 1 : -1;
  if (sourcePort < 0 || destinationPort < 0) return 0;
  const source = sourcePort < WELL_KNOWN;
  const destination = destinationPort < WELL_KNOWN;
  if (source === destination) return 0;
  return destination ? 1 : -1;
}

/** Addresses that only ever are on lo: of the loopback, or twice the same. */
function isLoopbackPair(packet: PacketView): boolean {
  const { source0, source1, source2, source3 } = packet;
  if (packet.family === 4) {
    if (isLoopback4(source0) && isLoopback4(packet.destination0)) return true;
  } else if (isLoopback6(source0, source1, source2, source3)) {
    return true;
  }
  return (
    packet.linkType === LINKTYPE_NULL &&
    source0 === packet.destination0 &&
    source1 === packet.destination1 &&
    source2 === packet.destination2 &&
    source3 === packet.destination3
  );
}

/** Reduces a decoded packet. */
export function sampleOf(packet: PacketView): Sample {
  const { view, sourceMacOffset, destinationMacOffset, packetType } = packet;
  const four = packet.family === 4;
  const first = packet.destination0;
  const group = four ? isMulticast4(first) || first === -1 || first === 0 : isMulticast6(first);
  const groupFrame = packetType === PACKET_BROADCAST || packetType === PACKET_MULTICAST;
  const source = sourceWords(packet);
  const { ttl } = packet;
  return {
    interfaceId: packet.interfaceId,
    linkInterfaceIndex: packet.linkInterfaceIndex,
    linkType: packet.linkType,
    way: statedWay(packet),
    loopback: isLoopbackFrame(packet) || isLoopbackPair(packet),
    family: four ? 4 : 6,
    source: source.every((word) => word === 0) ? '' : addressText(source),
    destination: group || groupFrame ? '' : addressText(destinationWords(packet)),
    broadcast: four && packetType === PACKET_BROADCAST && !group ? first : undefined,
    sourceMac: sourceMacOffset < 0 ? 0 : macAt(view, sourceMacOffset),
    destinationMac: destinationMacOffset < 0 || groupFrame ? 0 : macAt(view, destinationMacOffset),
    ttl,
    datagram: datagramHash(packet),
    initialTtl: ttl === 64 || ttl === 128 || ttl === 255,
    server: serverEnd(packet),
    groups: joinedGroups(packet),
  };
}

/** Bytes of the transport header that tell two datagrams apart: TCP's sequence number and checksum. */
const TRANSPORT_BYTES = 20;

function mix(hash: number, value: number): number {
  const h = Math.imul(hash ^ value, 0x9e3779b1 | 0);
  return h ^ (h >>> 15);
}

function datagramHash(packet: PacketView): number {
  const { view, transportOffset, networkEnd } = packet;
  let hash = mix(packet.totalLength, packet.identification);
  hash = mix(mix(hash, packet.protocol), packet.fragmentOffset);
  for (const word of sourceWords(packet)) hash = mix(hash, word);
  for (const word of destinationWords(packet)) hash = mix(hash, word);
  if (transportOffset < 0) return hash;
  const end = Math.min(networkEnd, transportOffset + TRANSPORT_BYTES);
  for (let at = transportOffset; at + 4 <= end; at += 4) hash = mix(hash, view.getInt32(at));
  return hash;
}

const IGMP = 2;
const ICMPV6 = 58;
const IGMP_V1_REPORT = 0x12;
const IGMP_V2_REPORT = 0x16;
const IGMP_V3_REPORT = 0x22;
const MLD_V1_REPORT = 131;
const MLD_V2_REPORT = 143;

/** Groups that a membership report names as joined (RFC 2236, 3376, 2710, 3810). */
function joinedGroups(packet: PacketView): number[][] {
  const { view, transportOffset: at, networkEnd: end } = packet;
  if (at < 0 || at + 8 > end) return [];
  const type = view.getUint8(at);
  if (packet.family === 4) {
    if (packet.protocol !== IGMP) return [];
    if (type === IGMP_V1_REPORT || type === IGMP_V2_REPORT) return [[view.getInt32(at + 4)]];
    return type === IGMP_V3_REPORT ? records(view, at, end, 1) : [];
  }
  if (packet.protocol !== ICMPV6) return [];
  if (type === MLD_V1_REPORT && at + 24 <= end) return [wordsAt(view, at + 8, 4)];
  return type === MLD_V2_REPORT ? records(view, at, end, 4) : [];
}

function wordsAt(view: DataView, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => view.getInt32(at + i * 4));
}

/** Group records of IGMPv3 and MLDv2 reports. @param words per address */
function records(view: DataView, at: number, end: number, words: number): number[][] {
  const groups: number[][] = [];
  const count = view.getUint16(at + 6);
  const size = words * 4;
  let next = at + 8;
  for (let i = 0; i < count && next + 4 + size <= end; i++) {
    const type = view.getUint8(next);
    const sources = view.getUint16(next + 2);
    // Excluding few sources is joining; including none is leaving; blocking more says nothing.
    const joins =
      type === 2 || type === 4 || ((type === 1 || type === 3 || type === 5) && sources > 0);
    if (joins) groups.push(wordsAt(view, next + 4, words));
    next += 4 + size * (1 + sources) + view.getUint8(next + 1) * 4;
  }
  return groups;
}
