/**
 * Whether REJECT trusts a packet enough to answer it: the kernel sends nothing to what may be forged
 * or damaged (nf_reject_verify_csum with nf_ip_checksum and nf_ip6_checksum). Protocols without a
 * checksum of their own are held to the Internet checksum all the same, and so rarely answered. Seen
 * on Linux 6.18.
 */
import type { PacketView } from '../packet/fields.ts';
import { CHECKSUM_BAD, isFragment } from '../packet/fields.ts';

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const NO_NEXT_HEADER = 59;
/** GRE, ESP, AH, SCTP, UDP-Lite: checked by other means or in part, so not here. */
const NOT_CHECKED: ReadonlySet<number> = new Set([47, 50, 51, 132, 136]);

/** Sum of 16-bit words of bytes [from, to), big-endian, an odd last byte padded. */
function sumWords(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) {
    sum += ((bytes[at] ?? 0) << 8) + (at + 1 < to ? (bytes[at + 1] ?? 0) : 0);
  }
  return sum;
}

/** Whether the captured bytes after the IP headers sum up; IPv6, TCP and UDP with pseudo header. */
function sumsUp(packet: PacketView): boolean {
  const { bytes, networkOffset, transportOffset, transportLength, protocol, family } = packet;
  let sum = sumWords(bytes, transportOffset, transportOffset + transportLength);
  if (family === 6 || protocol === TCP || protocol === UDP) {
    const [from, to] = family === 4 ? [12, 20] : [8, 40];
    sum += sumWords(bytes, networkOffset + from, networkOffset + to) + protocol;
    sum += (transportLength >>> 16) + (transportLength & 0xffff);
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum === 0xffff || sum === 0;
}

/** Whether the kernel leaves this packet's checksum alone. */
function exempt({ protocol, bytes, transportOffset, transportCaptured }: PacketView): boolean {
  if (NOT_CHECKED.has(protocol)) return true;
  if (protocol !== UDP || transportCaptured < 8) return false;
  return bytes[transportOffset + 6] === 0 && bytes[transportOffset + 7] === 0;
}

/** Length of the header with the checksum of a protocol that has one; 0 for others. */
function checkedHeader({ protocol, family }: PacketView): number {
  if (protocol === TCP) return 20;
  if (protocol === UDP) return 8;
  return protocol === (family === 4 ? ICMP : ICMPV6) ? 8 : 0;
}

/**
 * Whether an arriving first fragment or whole packet is answered as far as its checksum goes. Where
 * the decoder can judge it, that counts: good unless checksums were asked for and it was bad.
 */
export function checksumLetsAnswer(packet: PacketView): boolean {
  const { family, protocol, transportLength, transportCaptured } = packet;
  const nothingThere = protocol < 0 || protocol === NO_NEXT_HEADER || transportLength === 0;
  if (family === 6 && nothingThere) return false;
  if (exempt(packet)) return true;
  const header = checkedHeader(packet);
  if (header > 0 && transportLength >= header && !isFragment(packet)) {
    return packet.transportChecksum !== CHECKSUM_BAD;
  }
  return transportCaptured >= transportLength && sumsUp(packet);
}
