/**
 * Decompression by content, not by name: gzip (with several members) by node:zlib, zstd (with
 * several frames) by node:zlib where it has it (Node 22.15) and by fzstd otherwise.
 */
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Decompress } from 'fzstd';
import { DecoderSource, type PieceDecoder } from './decoder-source.ts';
import type { ByteSource } from './source.ts';
import { ZstdFraming } from './zstd-framing.ts';

/** Compressions that are read. */
export type Compression = 'gzip' | 'zstd';

const OUTPUT_CHUNK = 256 * 1024;

/** Drives one of node:zlib's streams, which decode on another thread. */
class StreamDecoder implements PieceDecoder {
  done = false;
  private readonly stream: Transform;
  private give: (bytes: Uint8Array) => void = () => {};
  private failure: Error | undefined;
  private finished = false;
  private wake: () => void = () => {};

  constructor(stream: Transform) {
    this.stream = stream;
    stream.on('data', (chunk: Uint8Array) => this.give(chunk));
    stream.on('end', () => {
      this.finished = true;
      this.wake();
    });
    stream.on('error', (error) => {
      this.failure = error;
      this.wake();
    });
  }

  async push(input: Uint8Array, give: (bytes: Uint8Array) => void): Promise<number> {
    this.give = give;
    let written = false;
    if (!this.finished)
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        this.stream.write(input, () => {
          written = true;
          // Output of this write may still be on its way to the 'data' listener.
          setImmediate(resolve);
        });
      });
    if (this.failure !== undefined) throw this.failure;
    this.done = !written && this.finished;
    return input.length;
  }

  async end(give: (bytes: Uint8Array) => void): Promise<boolean> {
    this.give = give;
    if (this.finished) return true;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.stream.end();
    });
    const { failure } = this;
    if (failure === undefined) return true;
    if ((failure as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') return false;
    throw failure;
  }

  close(): void {
    this.stream.destroy();
  }
}

/** zstd by fzstd, in pieces of few blocks so that a hostile file cannot fill the memory. */
class FzstdDecoder implements PieceDecoder {
  private give: (bytes: Uint8Array) => void = () => {};
  private readonly decompress: Decompress;
  private readonly framing: ZstdFraming;

  constructor(name: string, Fzstd: typeof Decompress) {
    this.framing = new ZstdFraming(name);
    this.decompress = new Fzstd((bytes) => this.give(bytes));
  }

  get done(): boolean {
    return this.framing.foreign;
  }

  push(input: Uint8Array, give: (bytes: Uint8Array) => void): number {
    this.give = give;
    const used = this.framing.advance(input, 0);
    // fzstd keeps parts of its input: it gets its own copy.
    if (!this.done) this.decompress.push(input.slice(0, used));
    return used;
  }

  end(give: (bytes: Uint8Array) => void): boolean {
    this.give = give;
    if (!this.framing.complete) return false;
    this.decompress.push(new Uint8Array(0), true);
    return true;
  }

  close(): void {}
}

/** Node's own zstd, one stream a frame: not every Node goes on to the next frame by itself. */
class NativeZstdDecoder implements PieceDecoder {
  private readonly framing: ZstdFraming;
  private readonly make: () => Transform;
  private decoder: StreamDecoder | undefined;

  constructor(name: string, make: () => Transform) {
    this.framing = new ZstdFraming(name);
    this.make = make;
  }

  get done(): boolean {
    return this.framing.foreign;
  }

  async push(input: Uint8Array, give: (bytes: Uint8Array) => void): Promise<number> {
    const used = this.framing.advance(input, 0);
    if (this.done) return used;
    this.decoder ??= new StreamDecoder(this.make());
    await this.decoder.push(input.slice(0, used), give);
    if (this.framing.complete) {
      await this.decoder.end(give);
      this.close();
    }
    return used;
  }

  end(): boolean {
    return this.framing.complete;
  }

  close(): void {
    this.decoder?.close();
    this.decoder = undefined;
  }
}

type MaybeZstd = { readonly createZstdDecompress?: (options: object) => Transform };

/** True when this Node decodes zstd itself. */
export const hasNativeZstd = (zlib as MaybeZstd).createZstdDecompress !== undefined;

async function zstdDecoder(name: string, native: boolean): Promise<PieceDecoder> {
  const { createZstdDecompress } = zlib as MaybeZstd;
  if (!native || createZstdDecompress === undefined)
    return new FzstdDecoder(name, (await import('fzstd')).Decompress);
  return new NativeZstdDecoder(name, () => createZstdDecompress({ chunkSize: OUTPUT_CHUNK }));
}

/**
 * A source of the decompressed bytes.
 * @param name the file's name for messages
 * @param native use Node's own zstd where it has it
 */
export async function decompress(
  source: ByteSource,
  compression: Compression,
  name: string,
  native = hasNativeZstd,
): Promise<ByteSource> {
  const decoder =
    compression === 'gzip'
      ? new StreamDecoder(zlib.createGunzip({ chunkSize: OUTPUT_CHUNK }))
      : await zstdDecoder(name, native);
  return new DecoderSource(source, decoder, compression, name);
}
