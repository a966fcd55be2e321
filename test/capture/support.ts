/**
 * Helpers of the capture tests: hand-built pcap and pcapng bytes, written independently of the
 * product's writer, and a reader that gathers everything a capture gives.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openCapture } from '../../src/capture/reader.ts';
import {
  type CaptureInterface,
  type CaptureNote,
  type CaptureReader,
  Frame,
} from '../../src/capture/types.ts';
import { CaptureError } from '../../src/errors.ts';

/** A frame, copied. */
export interface ReadFrame {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly time: string;
  readonly linkType: number;
  readonly interfaceId: number;
  readonly direction: number;
  readonly fileOffset: number;
  readonly fileIndex: number;
}

/** All that reading gave, with the CaptureError that ended it, if one did. */
export interface ReadCapture {
  readonly frames: ReadFrame[];
  readonly notes: readonly CaptureNote[];
  readonly interfaces: readonly CaptureInterface[];
  readonly error: CaptureError | undefined;
  readonly bytesRead: number;
  readonly bytesTotal: number | undefined;
}

/** Seconds and nanoseconds as one exact text. */
export function timeText(seconds: number, nanoseconds: number): string {
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

function copy(frame: Frame): ReadFrame {
  const { offset, capturedLength, view } = frame;
  return {
    number: frame.number,
    // Through the view, so that a view that does not match `bytes` shows.
    bytes: new Uint8Array(view.buffer, view.byteOffset + offset, capturedLength).slice(),
    originalLength: frame.originalLength,
    time: timeText(frame.timeSeconds, frame.timeNanoseconds),
    linkType: frame.linkType,
    interfaceId: frame.interfaceId,
    direction: frame.direction,
    fileOffset: frame.fileOffset,
    fileIndex: frame.fileIndex,
  };
}

async function drain(reader: CaptureReader, frames: ReadFrame[]): Promise<void> {
  const frame = new Frame();
  while (await reader.fill()) while (reader.next(frame)) frames.push(copy(frame));
}

async function gather(open: () => Promise<CaptureReader>): Promise<ReadCapture> {
  const frames: ReadFrame[] = [];
  let reader: CaptureReader | undefined;
  let error: CaptureError | undefined;
  try {
    reader = await open();
    await drain(reader, frames);
  } catch (thrown) {
    if (!(thrown instanceof CaptureError)) throw thrown;
    error = thrown;
  } finally {
    reader?.close();
  }
  return {
    frames,
    error,
    notes: reader?.notes ?? [],
    interfaces: reader?.interfaces ?? [],
    bytesRead: reader?.bytesRead ?? 0,
    bytesTotal: reader?.bytesTotal,
  };
}

/** Reads files. */
export function readPaths(paths: readonly string[], blockSize?: number): Promise<ReadCapture> {
  return gather(() => openCapture(paths, blockSize === undefined ? {} : { blockSize }));
}

/** Reads bytes as standard input, cut into chunks. */
export function readBytes(
  bytes: Uint8Array,
  { chunk = 65_536, blockSize = 4096 } = {},
): Promise<ReadCapture> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunk) chunks.push(bytes.slice(at, at + chunk));
  const stdin = Readable.from(chunks, { objectMode: false });
  return gather(() => openCapture(['-'], { stdin, blockSize }));
}

/** A temporary folder for a test file; call `remove` after all tests. */
export function temporaryFolder(): {
  readonly path: string;
  file(name: string, bytes: Uint8Array): string;
  remove(): void;
} {
  const path = mkdtempSync(join(tmpdir(), 'fwreplay-capture-'));
  return {
    path,
    file(name, bytes) {
      const full = join(path, name);
      writeFileSync(full, bytes);
      return full;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Joins bytes. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** `length` bytes that count up from `first`. */
export function counting(length: number, first = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + i);
}

/** Writes numbers of 1, 2, 4 or 8 bytes in one byte order; signed or unsigned alike. */
export class Packer {
  private readonly parts: Buffer[] = [];
  private readonly little: boolean;
  constructor(little = true) {
    this.little = little;
  }
  private add(size: number, value: bigint): this {
    const part = Buffer.alloc(8);
    if (this.little) part.writeBigUInt64LE(BigInt.asUintN(size * 8, value));
    else part.writeBigUInt64BE(BigInt.asUintN(size * 8, value) << BigInt(64 - size * 8));
    this.parts.push(part.subarray(0, size));
    return this;
  }
  u8(value: number): this {
    return this.add(1, BigInt(value));
  }
  u16(value: number): this {
    return this.add(2, BigInt(value));
  }
  u32(value: number): this {
    return this.add(4, BigInt(value));
  }
  u64(value: bigint | number): this {
    return this.add(8, BigInt(value));
  }
  raw(bytes: Uint8Array): this {
    this.parts.push(Buffer.from(bytes));
    return this;
  }
  /** Zero bytes up to a multiple of four of `length`. */
  pad(length: number): this {
    return this.raw(new Uint8Array(-length & 3));
  }
  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}

/** A pcap file header. */
export function pcapHeader({
  little = true,
  magic = 0xa1b2c3d4,
  major = 2,
  minor = 4,
  snapLength = 65_535,
  network = 1,
} = {}): Uint8Array {
  return new Packer(little)
    .u32(magic)
    .u16(major)
    .u16(minor)
    .u32(0)
    .u32(0)
    .u32(snapLength)
    .u32(network)
    .bytes();
}

/** A pcap record. */
export function pcapRecord(
  data: Uint8Array,
  {
    little = true,
    seconds = 1,
    fraction = 2,
    captured = data.length,
    original = data.length,
    extra = NO_BYTES,
  } = {},
): Uint8Array {
  return new Packer(little)
    .u32(seconds)
    .u32(fraction)
    .u32(captured)
    .u32(original)
    .raw(extra)
    .raw(data)
    .bytes();
}

/** A pcapng option with padding. */
export function option(code: number, value: Uint8Array, little = true): Uint8Array {
  return new Packer(little).u16(code).u16(value.length).raw(value).pad(value.length).bytes();
}

/** opt_endofopt. */
export const END_OF_OPTIONS = new Uint8Array(4);

/** A pcapng block around its body, which must be padded; lengths may be forced. */
export function block(
  type: number,
  body: Uint8Array,
  { little = true, length, trailer }: { little?: boolean; length?: number; trailer?: number } = {},
): Uint8Array {
  const said = length ?? body.length + 12;
  return new Packer(little)
    .u32(type)
    .u32(said)
    .raw(body)
    .u32(trailer ?? said)
    .bytes();
}

/** A section header block. */
export function sectionBlock({
  little = true,
  major = 1,
  minor = 0,
  options = NO_BYTES,
} = {}): Uint8Array {
  const body = new Packer(little).u32(0x1a2b3c4d).u16(major).u16(minor).u64(-1).raw(options);
  return block(0x0a0d0d0a, body.bytes(), { little });
}

/** An interface description block. */
export function interfaceBlock({
  little = true,
  linkType = 1,
  snapLength = 0,
  options = NO_BYTES,
} = {}): Uint8Array {
  const body = new Packer(little).u16(linkType).u16(0).u32(snapLength).raw(options);
  return block(1, body.bytes(), { little });
}

/** An enhanced packet block. */
export function packetBlock(
  data: Uint8Array,
  {
    little = true,
    interfaceId = 0,
    time = 0n,
    captured = data.length,
    original = data.length,
    options = NO_BYTES,
  } = {},
): Uint8Array {
  const body = new Packer(little)
    .u32(interfaceId)
    .u32(Number(time >> 32n))
    .u32(Number(time & 0xffffffffn))
    .u32(captured)
    .u32(original)
    .raw(data)
    .pad(data.length)
    .raw(options);
  return block(6, body.bytes(), { little });
}

/** A simple packet block. */
export function simpleBlock(data: Uint8Array, original = data.length, little = true): Uint8Array {
  const body = new Packer(little).u32(original).raw(data).pad(data.length);
  return block(3, body.bytes(), { little });
}
