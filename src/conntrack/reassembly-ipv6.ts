/**
 * IPv6 matters of reassembly: first fragments that lack part of their headers, and where the chain
 * of headers names the fragment header. As ipv6frag_thdr_truncated and find_prev_fhdr of the kernel.
 */
import type { PacketView } from '../packet/fields.ts';

const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const AUTHENTICATION = 51;
const NONE = 59;
const DESTINATION_OPTIONS = 60;

/** Bytes of the transport header that a first fragment must hold (RFC 8200 section 4.5). */
function leastTransport(protocol: number): number {
  switch (protocol) {
    case TCP:
      return 20;
    case UDP:
    case ICMPV6:
      return 8;
    default:
      return 1;
  }
}

/** Is this a first fragment that does not hold all headers? It is not queued, but passes. */
export function isTruncatedFirstFragment(packet: PacketView): boolean {
  if (packet.fragmentOffset !== 0) return false;
  // A chain that leaves the packet is no reason here (ipv6_skip_exthdr fails).
  if (packet.protocol < 0 || packet.protocol === NONE || packet.transportOffset < 0) return false;
  return packet.transportLength < leastTransport(packet.protocol);
}

/** Offset of the next header field that names what follows `header` (which ends there). */
export function nextHeaderField(header: Uint8Array): number {
  let field = 6;
  let at = 40;
  while (at + 2 <= header.length) {
    const type = header[field];
    const length = header[at + 1] ?? 0;
    if (type === AUTHENTICATION) {
      field = at;
      at += (length + 2) * 4;
    } else if (type === HOP_BY_HOP || type === ROUTING || type === DESTINATION_OPTIONS) {
      field = at;
      at += (length + 1) * 8;
    } else {
      return field;
    }
  }
  return field;
}
