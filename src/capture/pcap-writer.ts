/**
 * Makes pcap files (draft-ietf-opsawg-pcap): micro- or nanoseconds, either byte order, A.
 * Kuznetzov's modified records. The counterpart of pcap.ts.
 */
import { invariant } from '../errors.ts';
import { MAXIMUM_SNAPLEN } from './format.ts';
import { LINKTYPE_ETHERNET } from './linktypes.ts';
import { PCAP_HEADER_LENGTH } from './pcap-header.ts';
import { DIRECTION_OUTBOUND } from './types.ts';
import type { CaptureEncoder, PacketToWrite } from './writer.ts';

/** Options of a pcap file. */
export interface PcapOptions {
  /** LINKTYPE_ value; default Ethernet. */
  readonly linkType?: number;
  /** Default 262,144. */
  readonly snapLength?: number;
  /** Nanoseconds instead of microseconds. */
  readonly nanoseconds?: boolean;
  readonly bigEndian?: boolean;
  /** Records of A. Kuznetzov's modified libpcap, which keep the direction. */
  readonly modified?: boolean;
  /** Bytes of frame check sequence that every packet ends with, even; default: not said. */
  readonly fcsLength?: number;
}

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const MAGIC_MODIFIED = 0xa1b2cd34;
const PACKET_OUTGOING = 4;

/** Encodes one pcap file. */
export class PcapEncoder implements CaptureEncoder {
  private readonly options: PcapOptions;
  private readonly little: boolean;
  private readonly headerLength: number;

  constructor(options: PcapOptions) {
    invariant(!(options.modified && options.nanoseconds), 'modified pcap has microseconds');
    this.options = options;
    this.little = !options.bigEndian;
    this.headerLength = options.modified ? 24 : 16;
  }

  header(): Uint8Array {
    const { linkType = LINKTYPE_ETHERNET, snapLength = MAXIMUM_SNAPLEN, fcsLength } = this.options;
    const { little } = this;
    const bytes = new Uint8Array(PCAP_HEADER_LENGTH);
    const view = new DataView(bytes.buffer);
    const plain = this.options.nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS;
    view.setUint32(0, this.options.modified ? MAGIC_MODIFIED : plain, little);
    view.setUint16(4, 2, little);
    view.setUint16(6, 4, little);
    view.setUint32(16, snapLength, little);
    const fcs = fcsLength === undefined ? 0 : ((fcsLength >> 1) << 28) | 0x04000000;
    view.setUint32(20, linkType | fcs, little);
    return bytes;
  }

  packet(packet: PacketToWrite): Uint8Array {
    const { little, headerLength } = this;
    const { bytes, timeSeconds, timeNanoseconds = 0, originalLength = bytes.length } = packet;
    invariant(timeSeconds >= 0 && timeSeconds <= 0xffffffff, 'pcap has 32 bits for the seconds');
    const record = new Uint8Array(headerLength + bytes.length);
    const view = new DataView(record.buffer);
    const fraction = this.options.nanoseconds
      ? timeNanoseconds
      : Math.floor(timeNanoseconds / 1000);
    view.setUint32(0, timeSeconds, little);
    view.setUint32(4, fraction, little);
    view.setUint32(8, bytes.length, little);
    view.setUint32(12, originalLength, little);
    if (this.options.modified)
      view.setUint8(22, packet.direction === DIRECTION_OUTBOUND ? PACKET_OUTGOING : 0);
    record.set(bytes, headerLength);
    return record;
  }
}
