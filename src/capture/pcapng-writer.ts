/**
 * Makes pcapng files of one section (draft-ietf-opsawg-pcapng): interfaces with names, addresses
 * and time resolution, enhanced packets with direction and comments. The counterpart of pcapng.ts.
 */
import ipaddr from 'ipaddr.js';
import { invariant } from '../errors.ts';
import { LINKTYPE_ETHERNET } from './linktypes.ts';
import { BLOCK_ENHANCED_PACKET, BLOCK_INTERFACE, BLOCK_SECTION_HEADER } from './pcapng-blocks.ts';
import { DIRECTION_UNKNOWN } from './types.ts';
import type { CaptureEncoder, PacketToWrite } from './writer.ts';

/** An interface of a pcapng file. */
export interface InterfaceToWrite {
  /** LINKTYPE_ value; default Ethernet. */
  readonly linkType?: number;
  /** Default 0: no limit. */
  readonly snapLength?: number;
  readonly name?: string;
  readonly description?: string;
  /** With prefix length: `192.0.2.1/24`, `2001:db8::1/64`. */
  readonly addresses?: readonly string[];
  /** Resolution of times: `10 ** -n` seconds, or `2 ** -n` with `binary`. Default 9. */
  readonly resolution?: number;
  readonly binary?: boolean;
  /** Whole seconds that readers add to the times in the file. Default 0. */
  readonly offsetSeconds?: number;
}

/** Options of a pcapng file. */
export interface PcapngOptions {
  /** Default: one Ethernet interface without a name. */
  readonly interfaces?: readonly InterfaceToWrite[];
  readonly bigEndian?: boolean;
}

interface Option {
  readonly code: number;
  readonly bytes: Uint8Array;
}

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const utf8 = new TextEncoder();

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** IPv6 without dotted decimals, which ipaddr.js takes for IPv4-mapped whatever precedes them. */
function hexadecimal(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function addressOption(text: string): Option {
  const [address, prefix] = ipaddr.parseCIDR(text.replace(/^[^/]*:[^/]*/, hexadecimal));
  const bytes = address.toByteArray();
  if (address.kind() === 'ipv6') return { code: 5, bytes: Uint8Array.from([...bytes, prefix]) };
  const mask = ipaddr.IPv4.subnetMaskFromPrefixLength(prefix).toByteArray();
  return { code: 4, bytes: Uint8Array.from([...bytes, ...mask]) };
}

/** Encodes one pcapng file. */
export class PcapngEncoder implements CaptureEncoder {
  private readonly interfaces: readonly InterfaceToWrite[];
  private readonly little: boolean;

  constructor(options: PcapngOptions) {
    this.interfaces = options.interfaces ?? [{}];
    this.little = !options.bigEndian;
  }

  header(): Uint8Array {
    const section = this.block(BLOCK_SECTION_HEADER, 16, new Uint8Array(0), [], (view) => {
      view.setUint32(8, BYTE_ORDER_MAGIC, this.little);
      view.setUint16(12, 1, this.little);
      // Length of the section: not known.
      view.setBigInt64(16, -1n, this.little);
    });
    const all = [section, ...this.interfaces.map((one) => this.interfaceBlock(one))];
    return Uint8Array.from(all.flatMap((block) => [...block]));
  }

  packet(packet: PacketToWrite): Uint8Array {
    const { bytes, interfaceId = 0, originalLength = bytes.length } = packet;
    const on = this.interfaces[interfaceId];
    invariant(on !== undefined, `pcapng writer has no interface ${interfaceId}`);
    const { direction = DIRECTION_UNKNOWN, comments = [] } = packet;
    const options = comments.map((text): Option => ({ code: 1, bytes: utf8.encode(text) }));
    if (direction !== DIRECTION_UNKNOWN) options.push(this.number(2, 4, direction));
    const units = timeUnits(packet, on);
    return this.block(BLOCK_ENHANCED_PACKET, 20, bytes, options, (view) => {
      view.setUint32(8, interfaceId, this.little);
      view.setUint32(12, Number((units >> 32n) & 0xffffffffn), this.little);
      view.setUint32(16, Number(units & 0xffffffffn), this.little);
      view.setUint32(20, bytes.length, this.little);
      view.setUint32(24, originalLength, this.little);
    });
  }

  private interfaceBlock(one: InterfaceToWrite): Uint8Array {
    const { linkType = LINKTYPE_ETHERNET, snapLength = 0, name, description } = one;
    const options: Option[] = [];
    if (name !== undefined) options.push({ code: 2, bytes: utf8.encode(name) });
    if (description !== undefined) options.push({ code: 3, bytes: utf8.encode(description) });
    options.push(...(one.addresses ?? []).map(addressOption));
    const { resolution = 9, binary = false, offsetSeconds = 0 } = one;
    options.push({ code: 9, bytes: Uint8Array.of(resolution | (binary ? 0x80 : 0)) });
    if (offsetSeconds !== 0) options.push(this.number(14, 8, offsetSeconds));
    return this.block(BLOCK_INTERFACE, 8, new Uint8Array(0), options, (view) => {
      view.setUint16(8, linkType, this.little);
      view.setUint32(12, snapLength, this.little);
    });
  }

  private number(code: number, length: 4 | 8, value: number): Option {
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    if (length === 4) view.setUint32(0, value, this.little);
    else view.setBigInt64(0, BigInt(value), this.little);
    return { code, bytes };
  }

  /** A block: fixed fields (set by `fields`), data, options. */
  private block(
    type: number,
    fixedLength: number,
    data: Uint8Array,
    options: readonly Option[],
    fields: (view: DataView) => void,
  ): Uint8Array {
    const optionsLength = options.reduce((sum, { bytes }) => sum + 4 + padded(bytes.length), 0);
    const end = optionsLength === 0 ? 0 : 4;
    const length = 12 + fixedLength + padded(data.length) + optionsLength + end;
    const block = new Uint8Array(length);
    const view = new DataView(block.buffer);
    view.setUint32(0, type, this.little);
    view.setUint32(4, length, this.little);
    fields(view);
    block.set(data, 8 + fixedLength);
    let at = 8 + fixedLength + padded(data.length);
    for (const { code, bytes } of options) {
      invariant(bytes.length <= 0xffff, 'a pcapng option has at most 65,535 bytes');
      view.setUint16(at, code, this.little);
      view.setUint16(at + 2, bytes.length, this.little);
      block.set(bytes, at + 4);
      at += 4 + padded(bytes.length);
    }
    view.setUint32(length - 4, length, this.little);
    return block;
  }
}

/** A packet's time in units of its interface, as an unsigned 64-bit number. */
function timeUnits(packet: PacketToWrite, on: InterfaceToWrite): bigint {
  const { resolution = 9, binary = false, offsetSeconds = 0 } = on;
  const perSecond = (binary ? 2n : 10n) ** BigInt(resolution);
  const seconds = BigInt(packet.timeSeconds - offsetSeconds);
  const fraction = (BigInt(packet.timeNanoseconds ?? 0) * perSecond) / 1_000_000_000n;
  const units = seconds * perSecond + fraction;
  invariant(units >= 0n && units < 1n << 64n, 'the time does not fit the interface');
  return units;
}
