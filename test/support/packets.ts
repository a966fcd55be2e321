/**
 * Builds packets for tests from a typed description: datagrams with right lengths and checksums
 * (unless told otherwise), Ethernet frames around them, frames as the reader gives them, and decoded
 * views. Its checksums are its own, so that they check those of src/packet.
 */
import { DIRECTION_UNKNOWN, Frame } from '../../src/capture/types.ts';
import { decode } from '../../src/packet/decode.ts';
import { PacketView } from '../../src/packet/fields.ts';
import { parseIpv4, parseIpv6 } from '../../src/packet/text.ts';

/** Bytes, text (UTF-8), or a number: so many filler bytes. */
export type Payload = Uint8Array | readonly number[] | string | number;

/** A checksum as it should be, wrong, as offloading senders leave it, or this very value. */
export type Checksum = 'good' | 'bad' | 'partial' | number;

export interface TcpOptions {
  readonly mss?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  /** Left and right edges. */
  readonly sack?: readonly (readonly [number, number])[];
  /** Value and echo. */
  readonly timestamp?: readonly [number, number];
}

export interface TcpSpec {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Letters of FSRPAUEC in any order: 'S', 'SA', 'A', 'PA', 'FA', 'R'; '' for none. Default 'A'. */
  readonly flags?: string;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** As on the wire, unscaled. */
  readonly window?: number;
  /** Raw bytes are padded with zeros to a multiple of 4. */
  readonly options?: TcpOptions | readonly number[];
  /** In words of 4 bytes; default: what the options need. */
  readonly dataOffset?: number;
  readonly urgent?: number;
  /** The three reserved bits and AE. */
  readonly reserved?: number;
  readonly payload?: Payload;
  readonly checksum?: Checksum;
}

export interface UdpSpec {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly payload?: Payload;
  /** Default: header and payload. */
  readonly length?: number;
  readonly checksum?: Checksum;
}

export interface IcmpSpec {
  readonly type: number;
  readonly code?: number;
  /** Identifier and sequence number: the second word of the header. */
  readonly id?: number;
  readonly sequence?: number;
  /** The second word as a whole instead (MTU, pointer, gateway). */
  readonly rest?: number;
  /** For errors: the datagram quoted. */
  readonly payload?: Payload;
  readonly checksum?: Checksum;
}

export interface SctpSpec {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly verificationTag?: number;
  readonly chunks?: readonly {
    readonly type: number;
    readonly flags?: number;
    readonly payload?: Payload;
  }[];
  readonly checksum?: Checksum;
}

export interface DatagramSpec {
  /** Default: by the form of `source`. */
  readonly family?: 4 | 6;
  readonly source: string;
  readonly destination: string;
  /** Default: that of the transport header given, else 253 (experiments). */
  readonly protocol?: number;
  readonly ttl?: number;
  readonly tos?: number;
  /** Identification; in IPv6 that of the fragment header. */
  readonly id?: number;
  readonly dontFragment?: boolean;
  /** In IPv6 this or `fragmentOffset` adds a fragment header, as does an `id`. */
  readonly moreFragments?: boolean;
  /** In bytes, a multiple of 8. With one above 0 only `payload` follows the headers. */
  readonly fragmentOffset?: number;
  /** Padded with zeros to a multiple of 4. */
  readonly ipOptions?: readonly number[];
  /** IPv6: `body` is what follows the next header and length bytes; zeros pad it to 8 bytes. */
  readonly extensionHeaders?: readonly {
    readonly type: number;
    readonly body?: readonly number[];
  }[];
  readonly flowLabel?: number;
  readonly tcp?: TcpSpec;
  readonly udp?: UdpSpec;
  readonly udpLite?: UdpSpec;
  readonly icmp?: IcmpSpec;
  readonly sctp?: SctpSpec;
  /** What follows the IP headers when no transport header is given. */
  readonly payload?: Payload;
  /** IPv4 total length or IPv6 payload length field, when it shall not be right. */
  readonly lengthField?: number;
  /** IPv4 header checksum. */
  readonly headerChecksum?: Checksum;
}

const FLAG_LETTERS = 'FSRPAUEC';

/** The TCP flags byte of letters. */
export function tcpFlags(letters: string): number {
  let flags = 0;
  for (const letter of letters) {
    const bit = FLAG_LETTERS.indexOf(letter);
    if (bit < 0) throw new Error(`no TCP flag ${letter}`);
    flags |= 1 << bit;
  }
  return flags;
}

/** Bytes of a payload. */
export function payloadBytes(payload: Payload | undefined): Uint8Array {
  if (payload === undefined) return new Uint8Array(0);
  if (typeof payload === 'string') return new TextEncoder().encode(payload);
  if (typeof payload === 'number') return Uint8Array.from({ length: payload }, (_, i) => i & 255);
  return Uint8Array.from(payload);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function padded(bytes: readonly number[], unit: number): number[] {
  const out = [...bytes];
  while (out.length % unit !== 0) out.push(0);
  return out;
}

const u16 = (n: number): number[] => [(n >>> 8) & 255, n & 255];
const u32 = (n: number): number[] => [...u16(n >>> 16), ...u16(n)];

function setU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 255;
  bytes[at + 1] = value & 255;
}

/** One's complement sum of 16-bit words, folded (RFC 1071), not complemented. */
function onesSum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i++) sum += (part[i] ?? 0) << (i % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** Bytes of an address of either family. */
export function addressBytes(text: string): Uint8Array {
  const word = parseIpv4(text);
  if (word !== undefined) return Uint8Array.from(u32(word));
  const words = parseIpv6(text);
  if (words === undefined) throw new Error(`no address: ${text}`);
  return Uint8Array.from([...words].flatMap(u32));
}

function choose(wanted: Checksum | undefined, good: number, partial: number): number {
  if (wanted === undefined || wanted === 'good') return good;
  if (wanted === 'partial') return partial;
  return wanted === 'bad' ? good ^ 0x5555 : wanted;
}

function tcpOptionBytes(options: TcpSpec['options']): number[] {
  if (options === undefined) return [];
  if (Array.isArray(options)) return padded(options as readonly number[], 4);
  const { mss, windowScale, sackPermitted, sack, timestamp } = options as TcpOptions;
  const out: number[] = [];
  if (mss !== undefined) out.push(2, 4, ...u16(mss));
  if (sackPermitted) out.push(4, 2);
  if (timestamp) out.push(8, 10, ...u32(timestamp[0]), ...u32(timestamp[1]));
  if (windowScale !== undefined) out.push(3, 3, windowScale);
  if (sack) out.push(5, 2 + 8 * sack.length, ...sack.flatMap(([l, r]) => [...u32(l), ...u32(r)]));
  return padded(out, 4);
}

function tcpBytes(spec: TcpSpec): Uint8Array {
  const options = tcpOptionBytes(spec.options);
  const dataOffset = spec.dataOffset ?? 5 + options.length / 4;
  const header = [
    ...u16(spec.sourcePort ?? 40000),
    ...u16(spec.destinationPort ?? 80),
    ...u32(spec.sequence ?? 1000),
    ...u32(spec.acknowledgement ?? 0),
    (dataOffset << 4) | (spec.reserved ?? 0),
    tcpFlags(spec.flags ?? 'A'),
    ...u16(spec.window ?? 64240),
    ...u16(0),
    ...u16(spec.urgent ?? 0),
    ...options,
  ];
  return concat(Uint8Array.from(header), payloadBytes(spec.payload));
}

function udpBytes(spec: UdpSpec): Uint8Array {
  const payload = payloadBytes(spec.payload);
  const header = [
    ...u16(spec.sourcePort ?? 40000),
    ...u16(spec.destinationPort ?? 53),
    ...u16(spec.length ?? 8 + payload.length),
    ...u16(0),
  ];
  return concat(Uint8Array.from(header), payload);
}

function icmpBytes(spec: IcmpSpec): Uint8Array {
  const rest = spec.rest === undefined ? [...u16(spec.id ?? 1), ...u16(spec.sequence ?? 1)] : [];
  if (spec.rest !== undefined) rest.push(...u32(spec.rest));
  const header = [spec.type, spec.code ?? 0, ...u16(0), ...rest];
  return concat(Uint8Array.from(header), payloadBytes(spec.payload));
}

/** CRC-32C bit by bit (RFC 9260, appendix A). */
function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function sctpBytes(spec: SctpSpec): Uint8Array {
  const chunks = (spec.chunks ?? []).map(({ type, flags, payload }) => {
    const body = payloadBytes(payload);
    const head = [type, flags ?? 0, ...u16(4 + body.length), ...body];
    return Uint8Array.from(padded(head, 4));
  });
  const header = [
    ...u16(spec.sourcePort ?? 40000),
    ...u16(spec.destinationPort ?? 5000),
    ...u32(spec.verificationTag ?? 0),
    ...u32(0),
  ];
  const bytes = concat(Uint8Array.from(header), ...chunks);
  const crc = crc32c(bytes);
  const value = typeof spec.checksum === 'number' ? spec.checksum : crc;
  // The CRC goes on the wire with its lowest byte first.
  new DataView(bytes.buffer).setUint32(8, spec.checksum === 'bad' ? crc ^ 1 : value, true);
  return bytes;
}

/** Bytes that a UDP-Lite checksum covers: all for coverage 0. */
function liteCoverage(bytes: Uint8Array, spec: UdpSpec): Uint8Array {
  return spec.length ? bytes.subarray(0, spec.length) : bytes;
}

interface Transport {
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

/** Builds the transport header with payload; `pseudo` gives the pseudo header for a protocol. */
function transportOf(
  spec: DatagramSpec,
  family: 4 | 6,
  pseudo: (protocol: number, length: number) => Uint8Array,
): Transport {
  const fill = (
    protocol: number,
    bytes: Uint8Array,
    at: number,
    wanted: Checksum | undefined,
    covered = bytes,
    zeroIsAll = false,
  ): Transport => {
    const head = protocol === 1 ? new Uint8Array(0) : pseudo(protocol, bytes.length);
    let good = ~onesSum(head, covered) & 0xffff;
    if (zeroIsAll && good === 0) good = 0xffff;
    setU16(bytes, at, choose(wanted, good, onesSum(head)));
    return { protocol, bytes };
  };
  if (spec.tcp) return fill(6, tcpBytes(spec.tcp), 16, spec.tcp.checksum);
  if (spec.udp) {
    const bytes = udpBytes(spec.udp);
    return fill(17, bytes, 6, spec.udp.checksum, bytes, true);
  }
  if (spec.udpLite) {
    const bytes = udpBytes(spec.udpLite);
    return fill(136, bytes, 6, spec.udpLite.checksum, liteCoverage(bytes, spec.udpLite), true);
  }
  if (spec.icmp) return fill(family === 4 ? 1 : 58, icmpBytes(spec.icmp), 2, spec.icmp.checksum);
  if (spec.sctp) return { protocol: 132, bytes: sctpBytes(spec.sctp) };
  return { protocol: 253, bytes: payloadBytes(spec.payload) };
}

function ipv4Bytes(spec: DatagramSpec, protocol: number, body: Uint8Array): Uint8Array {
  const options = padded(spec.ipOptions ?? [], 4);
  const headerLength = 20 + options.length;
  const flags = (spec.dontFragment ? 0x4000 : 0) | (spec.moreFragments ? 0x2000 : 0);
  const header = Uint8Array.from([
    0x40 | (headerLength / 4),
    spec.tos ?? 0,
    ...u16(spec.lengthField ?? headerLength + body.length),
    ...u16(spec.id ?? 1),
    ...u16(flags | ((spec.fragmentOffset ?? 0) / 8)),
    spec.ttl ?? 64,
    protocol,
    ...u16(0),
    ...addressBytes(spec.source),
    ...addressBytes(spec.destination),
    ...options,
  ]);
  setU16(header, 10, choose(spec.headerChecksum, ~onesSum(header) & 0xffff, 0));
  return concat(header, body);
}

function ipv6Bytes(spec: DatagramSpec, protocol: number, body: Uint8Array): Uint8Array {
  const headers = (spec.extensionHeaders ?? []).map(({ type, body: content = [] }) => {
    const unit = type === 51 ? 4 : 8;
    const bytes = padded([0, 0, ...content], unit);
    if (type !== 44) bytes[1] = type === 51 ? bytes.length / 4 - 2 : bytes.length / 8 - 1;
    return { type, bytes };
  });
  const fragmented = spec.moreFragments || spec.fragmentOffset || spec.id !== undefined;
  if (fragmented) {
    const word = (spec.fragmentOffset ?? 0) | (spec.moreFragments ? 1 : 0);
    headers.push({ type: 44, bytes: [0, 0, ...u16(word), ...u32(spec.id ?? 1)] });
  }
  const types = [...headers.map(({ type }) => type), protocol];
  for (const [i, { bytes }] of headers.entries()) bytes[0] = types[i + 1] ?? 59;
  const chain = Uint8Array.from(headers.flatMap(({ bytes }) => bytes));
  const header = Uint8Array.from([
    0x60 | ((spec.tos ?? 0) >> 4),
    (((spec.tos ?? 0) & 15) << 4) | (((spec.flowLabel ?? 0) >>> 16) & 15),
    ...u16(spec.flowLabel ?? 0),
    ...u16(spec.lengthField ?? chain.length + body.length),
    types[0] ?? 59,
    spec.ttl ?? 64,
    ...addressBytes(spec.source),
    ...addressBytes(spec.destination),
  ]);
  return concat(header, chain, body);
}

/** An IP datagram (or fragment) of a description. */
export function buildDatagram(spec: DatagramSpec): Uint8Array {
  const family = spec.family ?? (spec.source.includes(':') ? 6 : 4);
  const addresses = concat(addressBytes(spec.source), addressBytes(spec.destination));
  const pseudo = (protocol: number, length: number): Uint8Array =>
    concat(addresses, Uint8Array.from([...u32(length), ...u16(0), 0, protocol]));
  const later = (spec.fragmentOffset ?? 0) > 0;
  const built = transportOf(spec, family, pseudo);
  const protocol = spec.protocol ?? built.protocol;
  const body = later ? payloadBytes(spec.payload) : built.bytes;
  return family === 4 ? ipv4Bytes(spec, protocol, body) : ipv6Bytes(spec, protocol, body);
}

/**
 * Cuts a datagram without fragment header into fragments whose payloads hold `size` bytes (a
 * multiple of 8), the last one the rest. IPv6 extension headers all go into the fragmentable part.
 */
export function fragmentDatagram(datagram: Uint8Array, size: number, id = 1): Uint8Array[] {
  const four = (datagram[0] ?? 0) >> 4 === 4;
  const headerLength = four ? ((datagram[0] ?? 0) & 15) * 4 : 40;
  const body = datagram.subarray(headerLength);
  const fragments: Uint8Array[] = [];
  for (let offset = 0; offset < body.length; offset += size) {
    const part = body.subarray(offset, offset + size);
    const more = offset + size < body.length;
    const header = datagram.slice(0, headerLength);
    if (four) {
      setU16(header, 2, headerLength + part.length);
      setU16(header, 4, id);
      setU16(header, 6, (more ? 0x2000 : 0) | (offset / 8));
      setU16(header, 10, 0);
      setU16(header, 10, ~onesSum(header) & 0xffff);
      fragments.push(concat(header, part));
    } else {
      const fragment = [header[6] ?? 59, 0, ...u16(offset | (more ? 1 : 0)), ...u32(id)];
      header[6] = 44;
      setU16(header, 4, 8 + part.length);
      fragments.push(concat(header, Uint8Array.from(fragment), part));
    }
  }
  return fragments;
}

export interface EthernetSpec {
  /** `02:00:00:00:00:01` */
  readonly sourceMac?: string;
  readonly destinationMac?: string;
  /** VLAN identifiers, outermost first; a pair gives the tag's EtherType too. */
  readonly vlans?: readonly (number | readonly [number, number])[];
  /** Default: by the datagram's version. */
  readonly etherType?: number;
  /** Pads with zeros to so many bytes; 60 is what Ethernet wants. */
  readonly padTo?: number;
}

function macBytes(text: string): number[] {
  return text.split(':').map((part) => Number.parseInt(part, 16));
}

/** An Ethernet frame around a payload. */
export function ethernetFrame(payload: Uint8Array, spec: EthernetSpec = {}): Uint8Array {
  const tags = (spec.vlans ?? []).flatMap((vlan) => {
    const [id, type] = typeof vlan === 'number' ? [vlan, 0x8100] : vlan;
    return [...u16(type), ...u16(id)];
  });
  const version = (payload[0] ?? 0) >> 4;
  const header = [
    ...macBytes(spec.destinationMac ?? '02:00:00:00:00:02'),
    ...macBytes(spec.sourceMac ?? '02:00:00:00:00:01'),
    ...tags,
    ...u16(spec.etherType ?? (version === 6 ? 0x86dd : 0x0800)),
  ];
  const frame = concat(Uint8Array.from(header), payload);
  const padding = Math.max(0, (spec.padTo ?? 0) - frame.length);
  return concat(frame, new Uint8Array(padding));
}

export interface FrameSpec {
  /** LINKTYPE_ value; default 101, RAW. */
  readonly linkType?: number;
  readonly number?: number;
  readonly timeSeconds?: number;
  readonly timeNanoseconds?: number;
  /** Default: all bytes. Smaller cuts the frame as a snap length does. */
  readonly capturedLength?: number;
  /** Default: all bytes. */
  readonly originalLength?: number;
  readonly interfaceId?: number;
  /** DIRECTION_UNKNOWN, DIRECTION_INBOUND or DIRECTION_OUTBOUND. */
  readonly direction?: number;
}

/** A frame as a reader gives it. The bytes do not begin at offset 0, as they rarely do in a block. */
export function frameOf(bytes: Uint8Array, spec: FrameSpec = {}): Frame {
  const offset = 16;
  const capturedLength = spec.capturedLength ?? bytes.length;
  // Other bytes all around, so that reading outside of the frame shows.
  const block = new Uint8Array(offset + capturedLength + 64).fill(0xa5);
  block.set(bytes.subarray(0, capturedLength), offset);
  const frame = new Frame();
  frame.number = spec.number ?? 1;
  frame.bytes = block;
  frame.view = new DataView(block.buffer);
  frame.offset = offset;
  frame.capturedLength = capturedLength;
  frame.originalLength = spec.originalLength ?? bytes.length;
  frame.timeSeconds = spec.timeSeconds ?? 1_700_000_000;
  frame.timeNanoseconds = spec.timeNanoseconds ?? 0;
  frame.linkType = spec.linkType ?? 101;
  frame.interfaceId = spec.interfaceId ?? 0;
  frame.direction = spec.direction ?? DIRECTION_UNKNOWN;
  return frame;
}

/** The decoded view of a datagram (link type RAW unless told otherwise); a new one each time. */
export function viewOf(datagram: Uint8Array, spec: FrameSpec = {}): PacketView {
  const packet = new PacketView();
  decode(frameOf(datagram, spec), packet);
  return packet;
}

/** Shorthand: builds and decodes. */
export function packetOf(spec: DatagramSpec, frame: FrameSpec = {}): PacketView {
  return viewOf(buildDatagram(spec), frame);
}
