/**
 * What elements of a set have beside their keys, one column per kind, indexed by entry. Columns are
 * made only for what the set was created with.
 */
import type { CounterCondition, CounterUse, Extensions, SetHeader } from './types.ts';

/** The clock is in seconds; an element is gone once this tick is past (time_is_before_jiffies). */
const HZ = 250;

function holds(counter: number, condition: CounterCondition | undefined): boolean {
  if (condition === undefined) return true;
  switch (condition.kind) {
    case 'eq':
      return counter === condition.value;
    case 'ne':
      return counter !== condition.value;
    case 'lt':
      return counter < condition.value;
    case 'gt':
      return counter > condition.value;
  }
}

/** The columns. Times are ticks of 1/250 s since the set's clock began. */
export class ExtensionColumns {
  /** Tick after which the element is gone; 0: never. */
  readonly #expiry: Float64Array | undefined;
  readonly #packets: Float64Array | undefined;
  readonly #bytes: Float64Array | undefined;
  readonly #comments: Map<number, string> | undefined;
  /** Mark, its mask, priority, queue. */
  readonly #info: Float64Array | undefined;
  readonly #header: SetHeader;

  constructor(header: SetHeader, size: number, from?: ExtensionColumns) {
    this.#header = header;
    const column = (has: boolean, width = 1): Float64Array | undefined =>
      has ? new Float64Array(size * width) : undefined;
    this.#expiry = column(header.timeout !== undefined);
    this.#packets = column(header.counters);
    this.#bytes = column(header.counters);
    this.#info = column(header.packetInfo, 4);
    this.#comments = header.comments ? new Map() : undefined;
    if (from === undefined) return;
    this.#expiry?.set(from.#expiry ?? []);
    this.#packets?.set(from.#packets ?? []);
    this.#bytes?.set(from.#bytes ?? []);
    this.#info?.set(from.#info ?? []);
    for (const [entry, comment] of from.#comments ?? []) this.#comments?.set(entry, comment);
  }

  /** A copy with room for `size` entries; also to be changed apart from this one. */
  copy(size: number): ExtensionColumns {
    return new ExtensionColumns(this.#header, size, this);
  }

  /** Sets what an element has, as it is added (ip_set_init_counter and its like). */
  init(entry: number, given: Extensions, now: number): void {
    if (this.#packets !== undefined && given.packets !== undefined)
      this.#packets[entry] = given.packets;
    if (this.#bytes !== undefined && given.bytes !== undefined) this.#bytes[entry] = given.bytes;
    if (this.#comments !== undefined) {
      if (given.comment === undefined || given.comment === '') this.#comments.delete(entry);
      else this.#comments.set(entry, given.comment);
    }
    if (this.#info !== undefined) {
      this.#info[4 * entry] = given.mark ?? 0;
      this.#info[4 * entry + 1] = given.markMask ?? 0;
      this.#info[4 * entry + 2] = given.priority ?? 0;
      this.#info[4 * entry + 3] = given.queue ?? 0;
    }
    if (this.#expiry !== undefined) {
      const seconds = given.timeout ?? this.#header.timeout ?? 0;
      this.#expiry[entry] = seconds === 0 ? 0 : now + seconds * HZ;
    }
  }

  /** Forgets the counters of an entry whose place is taken anew. */
  clear(entry: number): void {
    if (this.#packets !== undefined) this.#packets[entry] = 0;
    if (this.#bytes !== undefined) this.#bytes[entry] = 0;
    this.#comments?.delete(entry);
  }

  /** Drops the comment of a removed element; its counters stay until the place is taken. */
  forgetComment(entry: number): void {
    this.#comments?.delete(entry);
  }

  expired(entry: number, now: number): boolean {
    const expiry = this.#expiry?.[entry] ?? 0;
    return expiry !== 0 && expiry < now;
  }

  /**
   * Whether the element counts for a packet of `length` bytes (ip_set_match_extensions). Its counters
   * go up first, whatever the conditions on them say: seen on Linux 6.18. These hold where the set
   * has no counters.
   */
  matches(entry: number, now: number, use: CounterUse | undefined, length: number): boolean {
    if (this.expired(entry, now)) return false;
    const packets = this.#packets;
    const bytes = this.#bytes;
    if (packets === undefined || bytes === undefined || use === undefined) return true;
    if (use.update) {
      packets[entry] = (packets[entry] ?? 0) + 1;
      bytes[entry] = (bytes[entry] ?? 0) + length;
    }
    return holds(packets[entry] ?? 0, use.packets) && holds(bytes[entry] ?? 0, use.bytes);
  }

  /** What an element has; times as seconds left at `now`. */
  of(entry: number, now: number): Extensions {
    const expiry = this.#expiry?.[entry] ?? 0;
    const left = Math.floor((expiry - now) / HZ);
    const info = this.#info;
    return {
      timeout: this.#expiry === undefined ? undefined : expiry === 0 ? 0 : Math.max(1, left),
      packets: this.#packets?.[entry],
      bytes: this.#bytes?.[entry],
      comment: this.#comments?.get(entry),
      mark: info?.[4 * entry],
      markMask: info?.[4 * entry + 1],
      priority: info?.[4 * entry + 2],
      queue: info?.[4 * entry + 3],
    };
  }

  /** Bytes of memory that the kernel has for comments: a header and the text with its end. */
  get commentMemory(): number {
    let sum = 0;
    for (const comment of this.#comments?.values() ?? [])
      sum += 16 + new TextEncoder().encode(comment).length + 1;
    return sum;
  }
}
