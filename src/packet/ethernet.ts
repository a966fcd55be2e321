/**
 * Ethernet II and IEEE 802.3, with any number of VLAN tags (802.1Q, 802.1ad, and the older 0x9100
 * and 0x9200 of QinQ switches, which the kernel does not know). A length field instead of an
 * EtherType means LLC or raw 802.3, from which Linux takes no IP packet, SNAP or not
 * (eth_type_trans, net/ethernet/eth.c; seen on Linux 6.18), so neither do we.
 */
import { missing } from './bounds.ts';
import {
  ETHERTYPE_802_2,
  ETHERTYPE_802_3,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_PROVIDER_VLAN,
  ETHERTYPE_QINQ_9100,
  ETHERTYPE_QINQ_9200,
  ETHERTYPE_VLAN,
  LEAST_ETHERTYPE,
} from './ethertypes.ts';
import { PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OUTGOING, type PacketView } from './fields.ts';
import { decodeNetwork, endInLink } from './network.ts';
import { decodePppoe } from './ppp.ts';

// Of this module's own: see bounds.ts.
const network = decodeNetwork;
const IPV4 = ETHERTYPE_IPV4;
const IPV6 = ETHERTYPE_IPV6;
const HEADER_LENGTH = 14;
const ARPHRD_ETHER = 1;

/** An Ethernet frame from `at` on. Returns a PACKET_ code. */
export function decodeEthernet(
  packet: PacketView,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const payload = at + HEADER_LENGTH;
  packet.linkInterfaceIndex = 0;
  packet.vlanId = -1;
  if (payload > frameEnd) return shortFrame(packet, at, wireEnd);
  const { view } = packet;
  const type = view.getUint16(at + 12);
  const group = (view.getUint8(at) & 1) !== 0;
  packet.destinationMacOffset = at;
  packet.sourceMacOffset = at + 6;
  packet.hardwareType = ARPHRD_ETHER;
  if (group) groupAddress(packet, at);
  if (type === IPV4 || type === IPV6) return network(packet, type, payload, frameEnd, wireEnd);
  return decodeEtherType(packet, type, payload, frameEnd, wireEnd);
}

/** No whole Ethernet header. */
function shortFrame(packet: PacketView, at: number, wireEnd: number): number {
  packet.destinationMacOffset = -1;
  packet.sourceMacOffset = -1;
  packet.hardwareType = -1;
  return endInLink(packet, 0, at, missing(at + HEADER_LENGTH, wireEnd));
}

/** A destination with the group bit: broadcast or multicast, if it is not known to be outgoing. */
function groupAddress(packet: PacketView, at: number): void {
  if (packet.packetType === PACKET_OUTGOING) return;
  const broadcast = packet.view.getInt32(at) === -1 && packet.view.getUint16(at + 4) === 0xffff;
  packet.packetType = broadcast ? PACKET_BROADCAST : PACKET_MULTICAST;
}

/**
 * What follows an EtherType: VLAN tags, PPPoE, or the payload. Also used for Linux cooked frames,
 * whose protocol field is an EtherType. Returns a PACKET_ code.
 * @param at first offset after the EtherType
 */
export function decodeEtherType(
  packet: PacketView,
  etherType: number,
  at: number,
  frameEnd: number,
  wireEnd: number,
): number {
  const { view } = packet;
  let type = etherType;
  let next = at;
  while (isVlan(type)) {
    if (next + 4 > frameEnd) return endInLink(packet, type, next, missing(next + 4, wireEnd));
    if (packet.vlanId < 0) packet.vlanId = view.getUint16(next) & 0x0fff;
    type = view.getUint16(next + 2);
    next += 4;
  }
  if (type === ETHERTYPE_PPPOE_SESSION) return decodePppoe(packet, next, frameEnd, wireEnd);
  if (type < LEAST_ETHERTYPE) type = lengthFieldType(view, next, frameEnd);
  return decodeNetwork(packet, type, next, frameEnd, wireEnd);
}

function isVlan(type: number): boolean {
  return (
    type === ETHERTYPE_VLAN ||
    type === ETHERTYPE_PROVIDER_VLAN ||
    type === ETHERTYPE_QINQ_9100 ||
    type === ETHERTYPE_QINQ_9200
  );
}

/** Netware's raw 802.3 begins with 0xffff where LLC has its two service access points. */
function lengthFieldType(view: DataView, at: number, frameEnd: number): number {
  return at + 2 <= frameEnd && view.getUint16(at) === 0xffff ? ETHERTYPE_802_3 : ETHERTYPE_802_2;
}
