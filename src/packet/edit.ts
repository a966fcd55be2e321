/**
 * What targets change in a packet: the fields of the view and the bytes in the block, together, so
 * that matches which read bytes (u32, string, bpf) see the change. The IPv4 header checksum follows
 * as in the kernel (csum_replace2), and so does TCP's where it is a whole one.
 */
import { CHECKSUM_PARTIAL, type PacketView } from './fields.ts';

/** Offset of the IPv4 header checksum. */
const IPV4_CHECKSUM = 10;
/** Offset of the TCP checksum. */
const TCP_CHECKSUM = 16;
const TCP_FLAGS = 13;
const TCP_DATA_OFFSET = 12;
const TCP_MINIMUM = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const MSS_LENGTH = 4;

/** Sets the 16 bits at an offset, and the checksum at another one accordingly (RFC 1624, eqn. 3). */
function replaceWord(packet: PacketView, at: number, value: number, checksumAt: number): void {
  const { view } = packet;
  const before = view.getUint16(at);
  view.setUint16(at, value);
  if (checksumAt + 2 > packet.frameEnd) return;
  let sum = (~view.getUint16(checksumAt) & 0xffff) + (~before & 0xffff) + (value & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(checksumAt, ~sum & 0xffff);
}

/** Where a change within TCP is summed; Infinity where the checksum stays as it is. */
function tcpChecksumAt(packet: PacketView): number {
  return packet.transportChecksum === CHECKSUM_PARTIAL
    ? Number.POSITIVE_INFINITY
    : packet.transportOffset + TCP_CHECKSUM;
}

/** Sets one byte of the TCP header, and the checksum accordingly. */
function replaceTcpByte(packet: PacketView, at: number, value: number): void {
  const start = at - ((at - packet.transportOffset) & 1);
  // The last byte captured may have no neighbour.
  if (start + 2 > packet.frameEnd) {
    packet.view.setUint8(at, value);
    return;
  }
  const { view } = packet;
  const word =
    at === start ? (value << 8) | view.getUint8(start + 1) : (view.getUint8(start) << 8) | value;
  replaceWord(packet, start, word, tcpChecksumAt(packet));
}

/** Sets the TTL or hop limit. @param value 0 to 255 */
export function setHopLimit(packet: PacketView, value: number): void {
  packet.ttl = value;
  const { view, networkOffset } = packet;
  if (packet.family === 6) {
    view.setUint8(networkOffset + 7, value);
    return;
  }
  const word = (value << 8) | view.getUint8(networkOffset + 9);
  replaceWord(packet, networkOffset + 8, word, networkOffset + IPV4_CHECKSUM);
}

/** Takes one from a TTL or hop limit above 0, as a router does (ip_decrease_ttl). */
export function decrementHopLimit(packet: PacketView): void {
  packet.ttl -= 1;
  const { view, networkOffset } = packet;
  if (packet.family === 6) {
    view.setUint8(networkOffset + 7, packet.ttl);
    return;
  }
  view.setUint8(networkOffset + 8, packet.ttl);
  const sum = view.getUint16(networkOffset + IPV4_CHECKSUM) + 0x100;
  view.setUint16(networkOffset + IPV4_CHECKSUM, sum >= 0xffff ? sum + 1 : sum);
}

/** Sets the IPv4 TOS byte or the IPv6 traffic class. @param value 0 to 255 */
export function setTrafficClass(packet: PacketView, value: number): void {
  const { view, networkOffset, tos } = packet;
  packet.tos = value;
  if (packet.family === 6) {
    const first = view.getUint16(networkOffset);
    view.setUint16(networkOffset, (first & 0xf00f) | (value << 4));
    return;
  }
  view.setUint8(networkOffset + 1, value);
  // ipv4_change_dsfield: it differs from others in which of the two zeros it leaves.
  let sum = view.getUint16(networkOffset + IPV4_CHECKSUM) + tos;
  if (sum + 1 > 0xffff) sum = (sum + 1) & 0xffff;
  sum -= value;
  view.setUint16(networkOffset + IPV4_CHECKSUM, sum + (sum >>> 16));
}

/** Sets the lower two bits of the IPv4 TOS byte (set_ect_ip of ipt_ECN.c). @param value 0 to 3 */
export function setEcnField(packet: PacketView, value: number): void {
  packet.tos = (packet.tos & 0xfc) | value;
  const { view, networkOffset } = packet;
  const first = view.getUint16(networkOffset);
  replaceWord(packet, networkOffset, (first & 0xff00) | packet.tos, networkOffset + IPV4_CHECKSUM);
}

/** Sets the byte of TCP flags (CWR ECE URG ACK PSH RST SYN FIN), which must be captured. */
export function setTcpFlags(packet: PacketView, flags: number): void {
  packet.tcpFlags = flags;
  replaceTcpByte(packet, packet.transportOffset + TCP_FLAGS, flags);
}

/** Length of the TCP header by its data offset, which must be captured. */
export function tcpHeaderLength(packet: PacketView): number {
  return ((packet.bytes[packet.transportOffset + TCP_DATA_OFFSET] ?? 0) >>> 4) * 4;
}

/** Length of the option at an offset from the TCP header, never 0 (optlen of xt_TCPMSS.c). */
function optionLength(packet: PacketView, at: number): number {
  const { bytes, transportOffset } = packet;
  const kind = bytes[transportOffset + at] ?? 0;
  const length = bytes[transportOffset + at + 1] ?? 0;
  return kind <= OPTION_NOP || length === 0 ? 1 : length;
}

/**
 * Offset of the MSS option from the TCP header, -1 when there is none, as xt_TCPMSS.c looks for it.
 * The header must be captured.
 */
export function mssOptionAt(packet: PacketView): number {
  const { bytes, transportOffset } = packet;
  const end = tcpHeaderLength(packet) - MSS_LENGTH;
  for (let at = TCP_MINIMUM; at <= end; at += optionLength(packet, at)) {
    const kind = bytes[transportOffset + at];
    if (kind === OPTION_MSS && bytes[transportOffset + at + 1] === MSS_LENGTH) return at;
  }
  return -1;
}

/** The value of the MSS option at an offset from the TCP header. */
export function mssAt(packet: PacketView, at: number): number {
  return packet.view.getUint16(packet.transportOffset + at + 2);
}

/** Sets the value of the MSS option at an offset from the TCP header. */
export function setMssAt(packet: PacketView, at: number, value: number): void {
  const from = packet.transportOffset + at + 2;
  replaceTcpByte(packet, from, value >>> 8);
  replaceTcpByte(packet, from + 1, value & 0xff);
}

/**
 * Adds an MSS option before all others to a TCP segment without data: the datagram grows by four
 * bytes. The view gets bytes of its own, as the block has no room. The whole segment must be
 * captured, with a TCP header of at most 56 bytes.
 */
export function addMssOption(packet: PacketView, value: number): void {
  const { bytes, frameOffset, networkEnd, networkOffset, transportOffset } = packet;
  const cut = transportOffset + TCP_MINIMUM - frameOffset;
  const old = bytes.subarray(frameOffset, networkEnd);
  const grown = new Uint8Array(old.length + MSS_LENGTH);
  grown.set(old.subarray(0, cut));
  grown.set([OPTION_MSS, MSS_LENGTH, value >>> 8, value & 0xff], cut);
  grown.set(old.subarray(cut), cut + MSS_LENGTH);
  moveView(packet, grown);
  const { view } = packet;
  const dataOffset = packet.transportOffset + TCP_DATA_OFFSET;
  view.setUint8(dataOffset, view.getUint8(dataOffset) + 0x10);
  if (packet.family === 6) {
    const length = networkOffset - frameOffset + 4;
    view.setUint16(length, view.getUint16(length) + MSS_LENGTH);
  } else {
    const at = packet.networkOffset;
    replaceWord(packet, at + 2, packet.totalLength & 0xffff, at + IPV4_CHECKSUM);
  }
}

/** Points the view to a copy of its frame that is `MSS_LENGTH` bytes longer after its TCP header. */
function moveView(packet: PacketView, bytes: Uint8Array): void {
  const by = -packet.frameOffset;
  packet.bytes = bytes;
  packet.view = new DataView(bytes.buffer);
  packet.frameOffset = 0;
  packet.networkOffset += by;
  packet.transportOffset += by;
  packet.networkEnd += by + MSS_LENGTH;
  packet.frameEnd = bytes.length;
  packet.wireEnd += by + MSS_LENGTH;
  packet.totalLength += MSS_LENGTH;
  packet.transportLength += MSS_LENGTH;
  packet.transportCaptured += MSS_LENGTH;
  if (packet.sourceMacOffset >= 0) packet.sourceMacOffset += by;
  if (packet.destinationMacOffset >= 0) packet.destinationMacOffset += by;
  if (packet.fragmentHeaderOffset >= 0) packet.fragmentHeaderOffset += by;
}

/**
 * Overwrites TCP options of some kinds with NOPs, as tcpoptstrip_mangle_packet of xt_TCPOPTSTRIP.c.
 * The header must be captured.
 */
export function stripTcpOptions(packet: PacketView, isStripped: (kind: number) => boolean): void {
  const { bytes, transportOffset } = packet;
  const end = tcpHeaderLength(packet);
  for (let at = TCP_MINIMUM; at < end - 1; ) {
    const kind = bytes[transportOffset + at] ?? OPTION_END;
    const length = optionLength(packet, at);
    if (at + length > end) break;
    if (isStripped(kind)) {
      for (let i = 0; i < length; i++) {
        replaceTcpByte(packet, transportOffset + at + i, OPTION_NOP);
      }
    }
    at += length;
  }
}
