/**
 * Writes Ethernet frames with valid IP and transport checksums into a microsecond pcap file, block
 * by block. Payloads are zeros, which add nothing to a checksum.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

const BLOCK_BYTES = 1 << 20;
const LARGEST_RECORD = 16 + 14 + 65535;
const GLOBAL_HEADER_BYTES = 24;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const LINKTYPE_ETHERNET = 1;
const FULL_LENGTH = 262144;

/** One end of a conversation. */
export interface Endpoint {
  /** The last two bytes of its MAC address; the others are 02:00:00:00. */
  readonly mac: number;
  /** One word of IPv4 or four of IPv6. */
  readonly address: readonly number[];
  readonly port: number;
}

/** Header and length of what is to be written; the payload is `payloadLength` zeros. */
export interface Segment {
  readonly protocol: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** TCP: sequence and acknowledgement numbers, flags, window, options (words). */
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly options: readonly number[];
  readonly payloadLength: number;
  /** ICMP: type << 8 | code, and the second word. */
  readonly typeCode: number;
  readonly rest: number;
}

const TCP = 6;
const UDP = 17;

/** A pcap file being written. */
export class FrameWriter {
  private readonly bytes = new Uint8Array(BLOCK_BYTES + LARGEST_RECORD);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly file: number;
  private readonly snapLength: number;
  private at = GLOBAL_HEADER_BYTES;
  private identification = 0;

  /** @param snapLength frames are cut to so many bytes; 0 keeps them whole */
  constructor(path: string, snapLength: number) {
    this.file = openSync(path, 'w');
    this.snapLength = snapLength === 0 ? FULL_LENGTH : snapLength;
    const { view } = this;
    view.setUint32(0, MAGIC_MICROSECONDS, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(16, this.snapLength, true);
    view.setUint32(20, LINKTYPE_ETHERNET, true);
  }

  /** Appends one frame. */
  write(seconds: number, microseconds: number, segment: Segment): void {
    if (this.at > BLOCK_BYTES) this.flush();
    const record = this.at;
    const frame = record + 16;
    const end = this.ip(this.ethernet(frame, segment), segment);
    const length = end - frame;
    const captured = Math.min(length, this.snapLength);
    const { view } = this;
    view.setUint32(record, seconds, true);
    view.setUint32(record + 4, microseconds, true);
    view.setUint32(record + 8, captured, true);
    view.setUint32(record + 12, length, true);
    this.at = frame + captured;
  }

  /** Writes what is left and closes the file. */
  close(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    let from = 0;
    while (from < this.at) from += writeSync(this.file, this.bytes, from, this.at - from);
    this.at = 0;
  }

  private ethernet(at: number, { from, to }: Segment): number {
    const { view } = this;
    view.setUint32(at, 0x02000000);
    view.setUint16(at + 4, to.mac);
    view.setUint32(at + 6, 0x02000000);
    view.setUint16(at + 10, from.mac);
    view.setUint16(at + 12, from.address.length === 1 ? 0x0800 : 0x86dd);
    return at + 14;
  }

  /** IP header and what it carries at `at`; returns the frame's end. */
  private ip(at: number, segment: Segment): number {
    const { view } = this;
    const { from, to, protocol } = segment;
    const four = from.address.length === 1;
    const transport = at + (four ? 20 : 40);
    const addresses = at + (four ? 12 : 8);
    this.words(addresses, from.address);
    this.words(four ? at + 16 : at + 24, to.address);
    const pseudo = protocol === 1 ? 0 : this.sum(addresses, transport) + protocol;
    const end = this.transport(transport, segment, pseudo);
    const length = end - transport;
    if (four) {
      this.identification = (this.identification + 1) & 0xffff;
      view.setUint16(at, 0x4500);
      view.setUint16(at + 2, 20 + length);
      view.setUint16(at + 4, this.identification);
      view.setUint16(at + 6, 0x4000);
      view.setUint16(at + 8, 0x4000 | protocol);
      view.setUint16(at + 10, 0);
      view.setUint16(at + 10, this.checksum(at, transport, 0));
    } else {
      view.setUint32(at, 0x60000000);
      view.setUint16(at + 4, length);
      view.setUint16(at + 6, (protocol << 8) | 64);
    }
    return end;
  }

  private transport(at: number, segment: Segment, pseudo: number): number {
    const { view } = this;
    const { protocol, from, to, payloadLength } = segment;
    let header = 8;
    let field = 2;
    if (protocol === TCP) {
      header = 20 + segment.options.length * 4;
      field = 16;
      view.setUint16(at, from.port);
      view.setUint16(at + 2, to.port);
      view.setUint32(at + 4, segment.sequence);
      view.setUint32(at + 8, segment.acknowledgement);
      view.setUint16(at + 12, ((header / 4) << 12) | segment.flags);
      view.setUint16(at + 14, 64240);
      view.setUint32(at + 16, 0);
      this.words(at + 20, segment.options);
    } else if (protocol === UDP) {
      field = 6;
      view.setUint16(at, from.port);
      view.setUint16(at + 2, to.port);
      view.setUint16(at + 4, 8 + payloadLength);
      view.setUint16(at + 6, 0);
    } else {
      view.setUint16(at, segment.typeCode);
      view.setUint16(at + 2, 0);
      view.setUint32(at + 4, segment.rest);
    }
    const end = at + header + payloadLength;
    this.bytes.fill(0, at + header, end);
    const lengthSum = protocol === 1 ? 0 : end - at;
    const sum = this.checksum(at, at + header, pseudo + lengthSum);
    view.setUint16(at + field, sum === 0 && protocol === UDP ? 0xffff : sum);
    return end;
  }

  private words(at: number, words: readonly number[]): void {
    for (let i = 0; i < words.length; i++) this.view.setInt32(at + i * 4, words[i] ?? 0);
  }

  private sum(from: number, to: number): number {
    let sum = 0;
    for (let at = from; at < to; at += 2) sum += this.view.getUint16(at);
    return sum;
  }

  private checksum(from: number, to: number, start: number): number {
    let sum = start + this.sum(from, to);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return ~sum & 0xffff;
  }
}
