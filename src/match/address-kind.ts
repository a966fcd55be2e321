/** What an address says of itself, without looking at routes. Words are signed 32-bit. */
import type { PacketView } from '../packet/fields.ts';
import { ADDRTYPE_MULTICAST, ADDRTYPE_UNICAST, ADDRTYPE_UNSPEC } from '../topology/types.ts';

/** Whether the destination is a multicast address: 224.0.0.0/4 or ff00::/8. */
export function toMulticast(packet: PacketView): boolean {
  const first = packet.destination0 >>> 24;
  return packet.family === 4 ? first >>> 4 === 0xe : first === 0xff;
}

/**
 * ADDRTYPE_MULTICAST, ADDRTYPE_UNSPEC (`::` alone), ADDRTYPE_UNICAST, or 0 for an IPv4-mapped
 * address, which is none of them (ipv6_addr_type, net/ipv6/addrconf_core.c).
 */
export function ipv6Kind(a0: number, a1: number, a2: number, a3: number): number {
  if (a0 >>> 24 === 0xff) return ADDRTYPE_MULTICAST;
  if (a0 !== 0 || a1 !== 0) return ADDRTYPE_UNICAST;
  if (a2 === 0xffff) return 0;
  return a2 === 0 && a3 === 0 ? ADDRTYPE_UNSPEC : ADDRTYPE_UNICAST;
}
