/**
 * The reused block of bytes that a reader looks at: a window that slides over the source. Records
 * are read in place; what is left of a cut one moves to the front before more is read.
 * Invariant: 0 <= start <= end <= bytes.length, and bytes[0] is at offset `base` of the file.
 */
import type { ByteSource } from './source.ts';

/** A block of bytes that slides over a source. */
export class ByteWindow {
  bytes: Uint8Array;
  /** Over the same memory and with the same offsets as `bytes`. */
  view: DataView;
  /** First byte not consumed; moved on by the reader. */
  start = 0;
  /** First offset after what was read. */
  end = 0;
  /** Offset in the (uncompressed) file of `bytes[0]`. */
  base = 0;
  /** The source gave its last byte. */
  ended = false;
  readonly source: ByteSource;

  /**
   * @param size bytes read at a time; grows only for a record that is larger
   * @param head what was already read from the source
   */
  constructor(source: ByteSource, size: number, head: Uint8Array = new Uint8Array(0)) {
    this.source = source;
    this.bytes = new Uint8Array(new ArrayBuffer(Math.max(size, head.length, 64)));
    this.view = new DataView(this.bytes.buffer);
    this.bytes.set(head);
    this.end = head.length;
  }

  /** Offset in the file of the first byte not consumed. */
  get offset(): number {
    return this.base + this.start;
  }

  /**
   * Reads more, unless `needed` bytes are there already. True when there is something new to look
   * at (perhaps less than `needed`), false at the end of the source.
   */
  fill(needed: number): boolean | Promise<boolean> {
    if (this.end - this.start >= needed) return true;
    if (this.ended) return false;
    this.makeRoom(needed);
    const count = this.source.read(this.bytes, this.end, this.bytes.length - this.end);
    return typeof count === 'number' ? this.took(count) : count.then((n) => this.took(n));
  }

  private took(count: number): boolean {
    this.end += count;
    this.ended = count === 0;
    return count > 0;
  }

  /** Grows step by step, as bytes really arrive: a wrong length alone allocates nothing. */
  private makeRoom(needed: number): void {
    if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.base += this.start;
      this.end -= this.start;
      this.start = 0;
    }
    if (this.end < this.bytes.length) return;
    const size = Math.min(this.bytes.length * 2, Math.max(needed, this.bytes.length + 4096));
    const larger = new Uint8Array(new ArrayBuffer(size));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}
