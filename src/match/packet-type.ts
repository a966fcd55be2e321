/**
 * The kernel's skb->pkt_type: for whom a frame was, by its link layer. netfilter's IP hooks see
 * PACKET_HOST, PACKET_BROADCAST and PACKET_MULTICAST only: frames for others are dropped before.
 */

import {
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_RAW,
  LINKTYPE_RAW_DLT,
  LINKTYPE_RAW_OPENBSD,
} from '../capture/linktypes.ts';
import {
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_TYPE_UNKNOWN,
} from '../packet/fields.ts';
import { HOOK_INPUT, HOOK_PREROUTING } from '../ruleset/types.ts';
import { ADDRTYPE_BROADCAST } from '../topology/types.ts';
import { toMulticast } from './address-kind.ts';
import type { PacketContext } from './definition.ts';

/** Whether a capture's frames begin with the IP header: the link layer is lost. */
export function lacksLinkLayer(linkType: number): boolean {
  return (
    linkType === LINKTYPE_RAW ||
    linkType === LINKTYPE_RAW_DLT ||
    linkType === LINKTYPE_RAW_OPENBSD ||
    linkType === LINKTYPE_IPV4 ||
    linkType === LINKTYPE_IPV6
  );
}

/** Whether the destination is an IPv4 broadcast address: of this host's networks, or of all. */
export function toBroadcast({ packet, topology }: PacketContext): boolean {
  if (packet.family !== 4) return false;
  const type = topology.addressType(4, packet.destination0, 0, 0, 0, '');
  return (type & ADDRTYPE_BROADCAST) !== 0;
}

/**
 * PACKET_HOST, PACKET_BROADCAST or PACKET_MULTICAST; PACKET_TYPE_UNKNOWN when the capture cannot
 * tell: a frame without link layer to a group address. Seen on Linux 6.18: sent and forwarded
 * packets are PACKET_HOST; group packets that come back by loopback are what their address says.
 */
export function packetTypeOf(context: PacketContext): number {
  if (context.hook !== HOOK_PREROUTING && context.hook !== HOOK_INPUT) return PACKET_HOST;
  const { packet } = context;
  if (context.inInterface === 'lo') return toMulticast(packet) ? PACKET_MULTICAST : PACKET_HOST;
  const type = packet.packetType;
  if (type === PACKET_HOST || type === PACKET_BROADCAST || type === PACKET_MULTICAST) return type;
  if (!lacksLinkLayer(packet.linkType)) return PACKET_HOST;
  return toMulticast(packet) || toBroadcast(context) ? PACKET_TYPE_UNKNOWN : PACKET_HOST;
}
