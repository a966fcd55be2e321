/**
 * The conditions every rule can have: addresses, interfaces, protocol, fragment. As
 * ip_packet_match (net/ipv4/netfilter/ip_tables.c) and ip6_packet_match (ip6_tables.c).
 */
import type { MatchResult, PacketContext } from '../match/definition.ts';
import { HOTDROP, NO, UNDECIDED, YES } from '../match/definition.ts';
import type { PacketView } from '../packet/fields.ts';
import { protocolName } from '../packet/text.ts';
import type { AddressMask, InterfaceMatch, IpMatch } from '../ruleset/types.ts';
import { addressText } from '../topology/address.ts';

function sourceWord(packet: PacketView, index: number): number {
  if (index === 0) return packet.source0;
  if (index === 1) return packet.source1;
  return index === 2 ? packet.source2 : packet.source3;
}

function destinationWord(packet: PacketView, index: number): number {
  if (index === 0) return packet.destination0;
  if (index === 1) return packet.destination1;
  return index === 2 ? packet.destination2 : packet.destination3;
}

function addressHolds(
  wanted: AddressMask,
  packet: PacketView,
  word: (packet: PacketView, index: number) => number,
): boolean {
  let same = true;
  for (let i = 0; i < wanted.address.length; i++) {
    const mask = wanted.mask[i] ?? 0;
    if ((word(packet, i) & mask) !== ((wanted.address[i] ?? 0) & mask)) same = false;
  }
  return same !== wanted.inverted;
}

/** Whether an interface name is the one a rule wants; '' is the name at a hook that has none. */
export function interfaceHolds(wanted: InterfaceMatch, name: string): boolean {
  const same = wanted.wildcard ? name.startsWith(wanted.name) : name === wanted.name;
  return same !== wanted.inverted;
}

/** Evaluates the conditions; the first that fails ends it, in the kernel's order. */
export function ipMatches(ip: IpMatch, context: PacketContext): MatchResult {
  const { packet } = context;
  if (ip.source && !addressHolds(ip.source, packet, sourceWord)) return NO;
  if (ip.destination && !addressHolds(ip.destination, packet, destinationWord)) return NO;
  if (ip.inInterface && !interfaceHolds(ip.inInterface, context.inInterface)) return NO;
  if (ip.outInterface && !interfaceHolds(ip.outInterface, context.outInterface)) return NO;
  if (ip.protocol) {
    if (packet.protocol < 0) {
      if (packet.networkEnd < packet.networkOffset + packet.totalLength) {
        context.undecidedReason = 'snap length cut the IPv6 extension headers';
        context.mayHotdrop = true;
        return UNDECIDED;
      }
      // ipv6_find_hdr fails: ip6_packet_match drops the packet, whatever fragment it is.
      return HOTDROP;
    }
    if ((packet.protocol === ip.protocol.number) === ip.protocol.inverted) return NO;
  }
  if (ip.fragment && (packet.fragmentOffset !== 0) === ip.fragment.inverted) return NO;
  return YES;
}

/** Length of a mask's prefix, -1 when its ones are not all at the beginning. */
function prefixLength(mask: readonly number[]): number {
  let length = 0;
  for (const word of mask) {
    const ones = Math.clz32(~word);
    if (word !== (ones === 0 ? 0 : -1 << (32 - ones))) return -1;
    if (ones > 0 && length % 32 !== 0) return -1;
    length += ones;
  }
  return length;
}

/** `192.0.2.0/24`, a host without length, an odd mask as `192.0.2.1/255.0.255.0`. */
function wantedText({ address, mask }: AddressMask): string {
  const text = addressText(address);
  const length = prefixLength(mask);
  if (length < 0) return `${text}/${addressText(mask)}`;
  return length === 32 * mask.length ? text : `${text}/${length}`;
}

function addressFailure(
  option: string,
  wanted: AddressMask,
  packet: PacketView,
  word: (packet: PacketView, index: number) => number,
): string {
  const has = packetAddress(packet, word);
  return wanted.inverted
    ? `! ${option}: ${has} is in ${wantedText(wanted)}`
    : `${option}: ${has}, not in ${wantedText(wanted)}`;
}

function packetAddress(
  packet: PacketView,
  word: (packet: PacketView, index: number) => number,
): string {
  return addressText((packet.family === 4 ? [0] : [0, 1, 2, 3]).map((i) => word(packet, i)));
}

/** Why `ipMatches` did not hold: the first failing condition, with what was there and wanted. */
export function explainIpMatch(ip: IpMatch, context: PacketContext): string {
  const { packet } = context;
  if (ip.source && !addressHolds(ip.source, packet, sourceWord))
    return addressFailure('-s', ip.source, packet, sourceWord);
  if (ip.destination && !addressHolds(ip.destination, packet, destinationWord))
    return addressFailure('-d', ip.destination, packet, destinationWord);
  if (ip.inInterface && !interfaceHolds(ip.inInterface, context.inInterface))
    return interfaceText('-i', ip.inInterface, context.inInterface);
  if (ip.outInterface && !interfaceHolds(ip.outInterface, context.outInterface))
    return interfaceText('-o', ip.outInterface, context.outInterface);
  if (ip.protocol && packet.protocol < 0) return '-p: malformed IPv6 extension headers';
  if (ip.protocol && (packet.protocol === ip.protocol.number) === ip.protocol.inverted)
    return ip.protocol.inverted
      ? `! -p: ${protocolName(packet.protocol)} is excluded`
      : `-p: ${protocolName(packet.protocol)}, not ${protocolName(ip.protocol.number)}`;
  if (ip.fragment && (packet.fragmentOffset !== 0) === ip.fragment.inverted)
    return `${ip.fragment.inverted ? '! ' : ''}-f: fragment offset ${packet.fragmentOffset}`;
  return '';
}

function interfaceText(option: string, wanted: InterfaceMatch, name: string): string {
  const pattern = `${wanted.name}${wanted.wildcard ? '+' : ''}`;
  const has = name === '' ? 'no interface at this hook' : name;
  return wanted.inverted
    ? `! ${option}: ${has} is excluded (${pattern})`
    : `${option}: ${has}, not ${pattern}`;
}
