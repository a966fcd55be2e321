/**
 * Writes captures: pcap and pcapng in either byte order, to a file or to memory.
 * Encoders make bytes of one packet at a time; the file writer gathers them into large writes.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { captureError, systemFailure } from './failure.ts';
import { PcapEncoder, type PcapOptions } from './pcap-writer.ts';
import { PcapngEncoder, type PcapngOptions } from './pcapng-writer.ts';

/** A packet to be written. */
export interface PacketToWrite {
  /** The frame from its link-layer header on. */
  readonly bytes: Uint8Array;
  /** Whole seconds since 1970-01-01 UTC, 0 to 2^32-1 in pcap. */
  readonly timeSeconds: number;
  /** 0 to 999,999,999; rounded down to the file's resolution. Default 0. */
  readonly timeNanoseconds?: number;
  /** Length on the wire; default: that of `bytes`. */
  readonly originalLength?: number;
  /** pcapng: index into the file's interfaces. Default 0. */
  readonly interfaceId?: number;
  /** A DIRECTION_ value; kept by pcapng and by modified pcap. Default: unknown. */
  readonly direction?: number;
  /** pcapng only. */
  readonly comments?: readonly string[];
}

/** Makes a file's bytes, piece by piece. */
export interface CaptureEncoder {
  /** What the file begins with. */
  header(): Uint8Array;
  /** A packet's record. */
  packet(packet: PacketToWrite): Uint8Array;
}

/** How to write: the format and its options. */
export type WriteOptions =
  | ({ readonly format?: 'pcap' } & PcapOptions)
  | ({ readonly format: 'pcapng' } & PcapngOptions);

/** Makes an encoder for the format asked for (pcap with microseconds by default). */
export function createEncoder(options: WriteOptions = {}): CaptureEncoder {
  return options.format === 'pcapng' ? new PcapngEncoder(options) : new PcapEncoder(options);
}

/** A whole capture in memory. */
export function encodeCapture(
  packets: Iterable<PacketToWrite>,
  options: WriteOptions = {},
): Uint8Array {
  const encoder = createEncoder(options);
  const parts = [encoder.header()];
  for (const packet of packets) parts.push(encoder.packet(packet));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const BUFFER_SIZE = 1024 * 1024;

/** Writes a capture file. `close` must be called. */
export class CaptureWriter {
  private readonly path: string;
  private readonly encoder: CaptureEncoder;
  private readonly buffer = new Uint8Array(BUFFER_SIZE);
  private fd: number;
  private used = 0;

  /** @throws CaptureError when the file cannot be made */
  constructor(path: string, options: WriteOptions = {}) {
    this.path = path;
    this.encoder = createEncoder(options);
    try {
      this.fd = openSync(path, 'w');
    } catch (error) {
      throw systemFailure(path, error, 'write');
    }
    this.append(this.encoder.header());
  }

  /** @throws CaptureError when writing fails */
  write(packet: PacketToWrite): void {
    this.append(this.encoder.packet(packet));
  }

  /** Writes what is left and closes the file; may be called more than once. */
  close(): void {
    if (this.fd < 0) return;
    try {
      this.flush();
    } finally {
      closeSync(this.fd);
      this.fd = -1;
    }
  }

  private append(bytes: Uint8Array): void {
    if (this.fd < 0) throw captureError('cannot-write', this.path, 'the file is closed already');
    if (this.used + bytes.length > BUFFER_SIZE) this.flush();
    if (bytes.length > BUFFER_SIZE) {
      this.writeAll(bytes, bytes.length);
      return;
    }
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
  }

  private flush(): void {
    this.writeAll(this.buffer, this.used);
    this.used = 0;
  }

  private writeAll(bytes: Uint8Array, length: number): void {
    try {
      for (let at = 0; at < length; ) at += writeSync(this.fd, bytes, at, length - at);
    } catch (error) {
      throw systemFailure(this.path, error, 'write');
    }
  }
}

/** Writes a whole capture file. */
export function writeCapture(
  path: string,
  packets: Iterable<PacketToWrite>,
  options: WriteOptions = {},
): void {
  const writer = new CaptureWriter(path, options);
  try {
    for (const packet of packets) writer.write(packet);
  } finally {
    writer.close();
  }
}
