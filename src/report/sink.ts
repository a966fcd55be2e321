/**
 * Where reports go: a file descriptor, written synchronously in blocks. The replay calls reports
 * from a synchronous callback, so a stream would queue without bound when the reader is slow;
 * blocking writes keep memory bounded and let a closed pipe end the replay at once.
 */
import { writeSync } from 'node:fs';

/** Takes report text. */
export interface Sink {
  write(text: string): void;
}

/** A sink that must be flushed at the end. */
export interface FlushedSink extends Sink {
  /** @throws the system's error (EPIPE when the reader has gone). */
  flush(): void;
}

const BLOCK_LENGTH = 1 << 16;
const RETRY_MILLISECONDS = 5;

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** True for the error of a write to a pipe whose reader has gone. */
export function isClosedPipe(error: unknown): boolean {
  return hasCode(error, 'EPIPE');
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      // A non-blocking pipe that is full: wait for its reader.
      if (!hasCode(error, 'EAGAIN')) throw error;
      Atomics.wait(pause, 0, 0, RETRY_MILLISECONDS);
    }
  }
}

/** A sink on a file descriptor; text is UTF-8. `write` and `flush` throw the system's errors. */
export function descriptorSink(descriptor: number): FlushedSink {
  let parts: string[] = [];
  let length = 0;
  const flush = (): void => {
    if (length === 0) return;
    const bytes = Buffer.from(parts.join(''), 'utf8');
    // Emptied first, so that a failed write is not repeated by a later flush.
    parts = [];
    length = 0;
    writeAll(descriptor, bytes);
  };
  return {
    write(text) {
      parts.push(text);
      length += text.length;
      if (length >= BLOCK_LENGTH) flush();
    },
    flush,
  };
}

/** A sink that keeps the text, for tests and small outputs. */
export function stringSink(): Sink & { text(): string } {
  const parts: string[] = [];
  return { write: (text) => parts.push(text), text: () => parts.join('') };
}
