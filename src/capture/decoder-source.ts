/**
 * A source over a stream decoder (gzip, zstd): feeds it one piece of input at a time and hands out
 * what comes of it before the next. Lockstep keeps memory bounded for any ratio, and what was
 * decoded before an error is given before the error, the same way every time.
 */
import { captureError } from './failure.ts';
import type { ByteSource } from './source.ts';

/** Decodes a compressed stream piece by piece. */
export interface PieceDecoder {
  /** True when the end of the compressed data was reached, and more input does not belong to it. */
  readonly done: boolean;
  /**
   * Decodes input; gives how many bytes of it were used up, which may be few where they make much.
   * @throws Error for corrupt data
   */
  push(input: Uint8Array, give: (bytes: Uint8Array) => void): Promise<number> | number;
  /** The input is at its end: false when compressed data were cut. */
  end(give: (bytes: Uint8Array) => void): Promise<boolean> | boolean;
  close(): void;
}

/** Small: at a ratio of 1000 to 1 this much input makes 32 MiB. */
const PIECE = 32 * 1024;

/** Gives the decompressed bytes of a source. */
export class DecoderSource implements ByteSource {
  cut: string | undefined;
  ignored: string | undefined;
  private readonly source: ByteSource;
  private readonly decoder: PieceDecoder;
  private readonly format: string;
  private readonly name: string;
  private readonly piece = new Uint8Array(PIECE);
  /** What of the piece is not decoded yet. */
  private input: Uint8Array = new Uint8Array(0);
  private readonly decoded: Uint8Array[] = [];
  private produced = 0;
  private ended = false;
  private failure: Error | undefined;

  /**
   * @param format name of the compression, for messages
   * @param name name of the file, for messages
   */
  constructor(source: ByteSource, decoder: PieceDecoder, format: string, name: string) {
    this.source = source;
    this.decoder = decoder;
    this.format = format;
    this.name = name;
  }

  get bytesRead(): number {
    return this.source.bytesRead;
  }
  get bytesTotal(): number | undefined {
    return this.source.bytesTotal;
  }

  read(into: Uint8Array, offset: number, length: number): number | Promise<number> {
    return this.decoded.length > 0
      ? this.take(into, offset, length)
      : this.decodeMore(into, offset, length);
  }

  private take(into: Uint8Array, offset: number, length: number): number {
    const first = this.decoded[0];
    if (first === undefined) return 0;
    const count = Math.min(length, first.length);
    into.set(first.subarray(0, count), offset);
    if (count === first.length) this.decoded.shift();
    else this.decoded[0] = first.subarray(count);
    return count;
  }

  private async decodeMore(into: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.decoded.length === 0 && !this.ended) {
      if (this.failure !== undefined) throw this.failure;
      try {
        await this.step();
      } catch (error) {
        this.failure = this.describe(error);
      }
    }
    return this.take(into, offset, length);
  }

  private async step(): Promise<void> {
    const give = (bytes: Uint8Array): void => {
      if (bytes.length === 0) return;
      this.decoded.push(bytes);
      this.produced += bytes.length;
    };
    if (this.input.length === 0) {
      const read = this.source.read(this.piece, 0, PIECE);
      this.input = this.piece.subarray(0, typeof read === 'number' ? read : await read);
      if (this.input.length === 0) {
        if (!(await this.decoder.end(give)))
          this.cut = `the ${this.format} data are cut: the end of the file is missing`;
        this.ended = true;
        return;
      }
    }
    const used = await this.decoder.push(this.input, give);
    this.input = this.input.subarray(used);
    if (!this.decoder.done) return;
    this.ignored = `bytes behind the end of the ${this.format} data are ignored`;
    this.ended = true;
  }

  private describe(error: unknown): Error {
    if (error instanceof Error && error.name === 'CaptureError') return error;
    const reason = error instanceof Error ? error.message : String(error);
    return captureError(
      'corrupt-compression',
      this.name,
      `the ${this.format} data are corrupt after ${this.produced} decompressed bytes: ${reason}`,
      { byteOffset: this.produced, hint: `test the file with ${this.format} -t` },
    );
  }

  close(): void {
    this.decoder.close();
    this.source.close();
  }
}
