/**
 * Where a capture's bytes come from: a file (read synchronously, which is what makes reading fast)
 * or a stream such as standard input. A source only moves forward, and gives 0 at its end.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { captureError, displayName, systemFailure } from './failure.ts';

const STDIN_FD = 0;

/** A forward-only supply of bytes. */
export interface ByteSource {
  /**
   * Reads up to `length` bytes to `into` at `offset`; gives how many, 0 only at the end. A promise
   * only where nothing is there yet.
   * @throws CaptureError when reading fails
   */
  read(into: Uint8Array, offset: number, length: number): number | Promise<number>;
  /** Bytes taken from the file so far (compressed bytes where it is compressed). */
  readonly bytesRead: number;
  /** Size of the file in bytes; undefined where it has none (pipe, terminal). */
  readonly bytesTotal: number | undefined;
  /** Set at the end when the source was cut short, such as a gzip file without its end. */
  readonly cut: string | undefined;
  /** Set at the end when something behind the data was ignored. */
  readonly ignored: string | undefined;
  /** May be called more than once. */
  close(): void;
}

/** Reads an open file descriptor: a regular file, a named pipe or a device. */
export class FileSource implements ByteSource {
  bytesRead = 0;
  readonly bytesTotal: number | undefined;
  readonly cut = undefined;
  readonly ignored = undefined;
  private fd: number;
  private readonly name: string;

  constructor(fd: number, name: string) {
    this.fd = fd;
    this.name = name;
    const stat = fstatSync(fd);
    this.bytesTotal = stat.isFile() ? stat.size : undefined;
  }

  read(into: Uint8Array, offset: number, length: number): number {
    try {
      const count = readSync(this.fd, into, offset, length, null);
      this.bytesRead += count;
      return count;
    } catch (error) {
      throw systemFailure(this.name, error);
    }
  }

  close(): void {
    // Standard input stays open: it is the process's, not ours.
    if (this.fd > STDIN_FD) closeSync(this.fd);
    this.fd = -1;
  }
}

/** Reads a stream of byte chunks. */
export class StreamSource implements ByteSource {
  bytesRead = 0;
  readonly bytesTotal = undefined;
  readonly cut = undefined;
  readonly ignored = undefined;
  private readonly stream: Readable;
  private readonly name: string;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);

  constructor(stream: Readable, name: string) {
    this.stream = stream;
    this.name = name;
    this.chunks = stream[Symbol.asyncIterator]();
  }

  read(into: Uint8Array, offset: number, length: number): number | Promise<number> {
    return this.chunk.length > 0
      ? this.take(into, offset, length)
      : this.wait(into, offset, length);
  }

  private take(into: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.chunk.length);
    into.set(this.chunk.subarray(0, count), offset);
    this.chunk = this.chunk.subarray(count);
    this.bytesRead += count;
    return count;
  }

  private async wait(into: Uint8Array, offset: number, length: number): Promise<number> {
    try {
      while (this.chunk.length === 0) {
        const { done, value } = await this.chunks.next();
        if (done) return 0;
        this.chunk = value;
      }
    } catch (error) {
      throw systemFailure(this.name, error);
    }
    return this.take(into, offset, length);
  }

  close(): void {
    this.stream.destroy();
  }
}

/** Gives bytes that were already read from a source (to look at them), then the rest of it. */
export class PrefixedSource implements ByteSource {
  private prefix: Uint8Array;
  private readonly rest: ByteSource;

  constructor(prefix: Uint8Array, rest: ByteSource) {
    this.prefix = prefix;
    this.rest = rest;
  }

  get bytesRead(): number {
    return this.rest.bytesRead - this.prefix.length;
  }
  get bytesTotal(): number | undefined {
    return this.rest.bytesTotal;
  }
  get cut(): string | undefined {
    return this.rest.cut;
  }
  get ignored(): string | undefined {
    return this.rest.ignored;
  }

  read(into: Uint8Array, offset: number, length: number): number | Promise<number> {
    if (this.prefix.length === 0) return this.rest.read(into, offset, length);
    const count = Math.min(length, this.prefix.length);
    into.set(this.prefix.subarray(0, count), offset);
    this.prefix = this.prefix.subarray(count);
    return count;
  }

  close(): void {
    this.rest.close();
  }
}

/** True when standard input is a file given by redirection, which can be read synchronously. */
function stdinIsFile(): boolean {
  try {
    return fstatSync(STDIN_FD).isFile();
  } catch {
    return false;
  }
}

/**
 * Opens a path, or standard input for `-`.
 * @param stdin read instead of the process's standard input
 * @throws CaptureError: file-not-found, permission-denied, is-a-directory, cannot-read
 */
export function openSource(path: string, stdin: Readable | undefined): ByteSource {
  const name = displayName(path);
  if (path === '-') {
    if (stdin === undefined && stdinIsFile()) return new FileSource(STDIN_FD, name);
    return new StreamSource(stdin ?? process.stdin, name);
  }
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    if (fstatSync(fd).isDirectory()) {
      closeSync(fd);
      throw captureError('is-a-directory', name, 'is a directory, not a file');
    }
    return new FileSource(fd, name);
  } catch (error) {
    throw systemFailure(name, error);
  }
}
