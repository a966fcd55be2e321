/**
 * The kernel's array hash (net/netfilter/ipset/ip_set_hash_gen.h): buckets of at most 12 places
 * that grow by two, a table that doubles when a bucket is full. Kept place for place, because the
 * order of a listing, the printed size and whether a packet's element finds room follow from it.
 * Keys lie one after another in one array; an entry's number is its place there.
 */
import { jhash2 } from './jhash.ts';

/** Places by which a bucket grows. */
const STEP = 2;
/** The most places a bucket can be given (hash:net,iface only). */
export const MOST_PLACES = 64;
/** Places for which a bucket has memory at first. */
const FIRST_STRIDE = 4;
/** Buckets that share one part of the element limit (2^10). */
const REGION_BITS = 10;

/** Told which entries may be dropped when a table is rebuilt. */
type Filter = (entry: number) => boolean;

/** A table of keys. */
export class BucketTable {
  readonly keyWords: number;
  readonly hashedWords: number;
  readonly initialValue: number;
  /** log2 of the number of buckets. */
  bits: number;
  /** Largest number of places of a bucket. */
  bucketSize: number;
  /** Places of each bucket, `#stride` apart: entry + 1, 0 for none yet. */
  #places: Int32Array;
  #stride: number;
  /** Places made, and places used or left behind, per bucket. */
  #sizes: Uint8Array;
  #positions: Uint8Array;
  keys: Int32Array;
  /** 1: the entry is in use. An entry not in use still holds its place. */
  used: Uint8Array;
  /** Entries ever made that are not free. */
  #made = 0;
  readonly #free: number[] = [];
  /** Elements per region. */
  regionCounts: Int32Array;

  constructor(
    keyWords: number,
    hashedWords: number,
    bits: number,
    bucketSize: number,
    initial: number,
  ) {
    this.keyWords = keyWords;
    this.hashedWords = hashedWords;
    this.bits = bits;
    this.bucketSize = bucketSize;
    this.initialValue = initial;
    this.#stride = Math.min(bucketSize, FIRST_STRIDE);
    this.#places = new Int32Array(this.#stride << bits);
    this.#sizes = new Uint8Array(1 << bits);
    this.#positions = new Uint8Array(1 << bits);
    this.keys = new Int32Array(64 * keyWords);
    this.used = new Uint8Array(64);
    this.regionCounts = new Int32Array(this.regions);
  }

  get regions(): number {
    return this.bits < REGION_BITS ? 1 : 1 << (this.bits - REGION_BITS);
  }

  /** Number of entries that have ever been made: columns beside the keys need so much room. */
  get capacity(): number {
    return this.used.length;
  }

  copy(): BucketTable {
    const copy = new BucketTable(this.keyWords, this.hashedWords, 1, 2, this.initialValue);
    copy.bits = this.bits;
    copy.bucketSize = this.bucketSize;
    copy.#stride = this.#stride;
    copy.#places = this.#places.slice();
    copy.#sizes = this.#sizes.slice();
    copy.#positions = this.#positions.slice();
    copy.keys = this.keys.slice();
    copy.used = this.used.slice();
    copy.#made = this.#made;
    copy.#free.push(...this.#free);
    copy.regionCounts = this.regionCounts.slice();
    return copy;
  }

  bucketOf(key: Int32Array): number {
    return jhash2(key, this.hashedWords, this.initialValue) & ((1 << this.bits) - 1);
  }

  regionOf(bucket: number): number {
    return bucket % this.regions;
  }

  /** Places of a bucket that are used or were. */
  positions(bucket: number): number {
    return this.#positions[bucket] ?? 0;
  }

  /** Entry at a place of a bucket. */
  entryAt(bucket: number, position: number): number {
    return (this.#places[bucket * this.#stride + position] ?? 0) - 1;
  }

  /** Whether an entry's first `words` words are those of a key. */
  sameKey(entry: number, key: Int32Array, words: number): boolean {
    const at = entry * this.keyWords;
    for (let i = 0; i < words; i++) if (this.keys[at + i] !== key[i]) return false;
    return true;
  }

  /** The used entry with exactly this key, or -1. */
  find(key: Int32Array): number {
    const bucket = this.bucketOf(key);
    const end = this.#positions[bucket] ?? 0;
    const start = bucket * this.#stride;
    for (let i = 0; i < end; i++) {
      const entry = (this.#places[start + i] ?? 0) - 1;
      if (this.used[entry] === 1 && this.sameKey(entry, key, this.keyWords)) return entry;
    }
    return -1;
  }

  /** True when the bucket needs one more place and may have it, or has one free. */
  hasRoom(bucket: number): boolean {
    return (
      (this.#positions[bucket] ?? 0) < (this.#sizes[bucket] ?? 0) ||
      (this.#sizes[bucket] ?? 0) < this.bucketSize
    );
  }

  /** True when all the places made in a bucket are taken. */
  isTight(bucket: number): boolean {
    return (this.#positions[bucket] ?? 0) >= (this.#sizes[bucket] ?? 0);
  }

  /** Puts a key at the end of a bucket, which must have room. Its entry, not yet in use. */
  append(bucket: number, key: Int32Array): { entry: number; fresh: boolean } {
    // A place given up at the end of a bucket keeps what it had: the kernel does not clear it.
    const position = this.#positions[bucket] ?? 0;
    const tight = this.isTight(bucket);
    const left = tight ? 0 : (this.#places[bucket * this.#stride + position] ?? 0);
    const entry = left === 0 ? this.#newEntry() : left - 1;
    this.keys.set(key.subarray(0, this.keyWords), entry * this.keyWords);
    this.#put(bucket, entry);
    return { entry, fresh: left === 0 };
  }

  #put(bucket: number, entry: number): void {
    const position = this.#positions[bucket] ?? 0;
    if (position >= (this.#sizes[bucket] ?? 0)) {
      this.#sizes[bucket] = (this.#sizes[bucket] ?? 0) + STEP;
      if ((this.#sizes[bucket] ?? 0) > this.#stride) this.#widen();
    }
    this.#places[bucket * this.#stride + position] = entry + 1;
    this.#positions[bucket] = position + 1;
  }

  /** Puts a key in the place of an entry. */
  replace(entry: number, key: Int32Array): void {
    this.keys.set(key.subarray(0, this.keyWords), entry * this.keyWords);
  }

  /** Counts an element of a bucket in or out. */
  count(bucket: number, change: 1 | -1): void {
    const region = this.regionOf(bucket);
    this.regionCounts[region] = (this.regionCounts[region] ?? 0) + change;
  }

  /** All elements, expired ones that nothing has cleared away included. */
  get elements(): number {
    let sum = 0;
    for (const count of this.regionCounts) sum += count;
    return sum;
  }

  /** Takes an entry at a place out of use, and closes gaps where the kernel does (mtype_del). */
  remove(bucket: number, position: number): void {
    const entry = this.entryAt(bucket, position);
    this.used[entry] = 0;
    this.count(bucket, -1);
    const end = this.#positions[bucket] ?? 0;
    if (position + 1 === end) this.#positions[bucket] = end - 1;
    let gaps = 0;
    const left = this.#positions[bucket] ?? 0;
    for (let i = 0; i < left; i++) if (this.used[this.entryAt(bucket, i)] !== 1) gaps += 1;
    if (left === 0) {
      this.#close(bucket);
      this.#sizes[bucket] = 0;
    } else if (gaps >= STEP) this.#close(bucket);
  }

  /** Clears away entries (mtype_gc_do). */
  sweep(region: number, gone: Filter, dropped: (entry: number) => void): void {
    const span = this.bits < REGION_BITS ? 1 << this.bits : 1 << REGION_BITS;
    const first = this.bits < REGION_BITS ? 0 : region * span;
    for (let bucket = first; bucket < first + span; bucket++) {
      const end = this.#positions[bucket] ?? 0;
      let gaps = 0;
      for (let i = 0; i < end; i++) {
        const entry = this.entryAt(bucket, i);
        if (this.used[entry] === 1 && gone(entry)) {
          this.used[entry] = 0;
          // The kernel takes it off the region that is swept.
          this.regionCounts[region] = (this.regionCounts[region] ?? 0) - 1;
          dropped(entry);
        }
        if (this.used[entry] !== 1) gaps += 1;
      }
      if (gaps < STEP) continue;
      const empty = gaps >= (this.#sizes[bucket] ?? 0);
      this.#close(bucket);
      if (empty) this.#sizes[bucket] = 0;
    }
  }

  #close(bucket: number): void {
    const start = bucket * this.#stride;
    const size = this.#sizes[bucket] ?? 0;
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const place = this.#places[start + i] ?? 0;
      if (place === 0) continue;
      this.#places[start + i] = 0;
      if (this.used[place - 1] === 1) this.#places[start + kept++] = place;
      else this.#free.push(place - 1);
    }
    this.#positions[bucket] = kept;
    this.#sizes[bucket] = Math.max(kept, size - STEP);
  }

  /** Doubles the table until all fits (mtype_resize). False when it cannot grow. */
  grow(gone: Filter): boolean {
    const entries: number[] = [];
    this.each((entry) => {
      if (!gone(entry)) entries.push(entry);
    });
    const key = new Int32Array(this.keyWords);
    for (let bits = this.bits + 1; bits <= 26; bits++) {
      this.bits = bits;
      this.#places = new Int32Array(this.#stride << bits);
      this.#sizes = new Uint8Array(1 << bits);
      this.#positions = new Uint8Array(1 << bits);
      this.regionCounts = new Int32Array(this.regions);
      const all = entries.every((entry) => {
        const at = entry * this.keyWords;
        for (let i = 0; i < this.keyWords; i++) key[i] = this.keys[at + i] ?? 0;
        const bucket = this.bucketOf(key);
        if (!this.hasRoom(bucket)) return false;
        this.#put(bucket, entry);
        this.count(bucket, 1);
        return true;
      });
      if (all) return true;
    }
    return false;
  }

  /** All entries in use, in the order of a listing. */
  each(visit: (entry: number) => void): void {
    const buckets = 1 << this.bits;
    for (let bucket = 0; bucket < buckets; bucket++) {
      const end = this.#positions[bucket] ?? 0;
      for (let i = 0; i < end; i++) {
        const entry = this.entryAt(bucket, i);
        if (this.used[entry] === 1) visit(entry);
      }
    }
  }

  /** Removes everything; the table keeps its size. */
  clear(): void {
    this.#places.fill(0);
    this.#sizes.fill(0);
    this.#positions.fill(0);
    this.used.fill(0);
    this.#made = 0;
    this.#free.length = 0;
    this.regionCounts.fill(0);
  }

  /** Bytes that the kernel has for buckets with elements of a size. */
  bucketMemory(elementSize: number): number {
    let sum = 0;
    for (const size of this.#sizes) if (size > 0) sum += 32 + size * elementSize;
    return sum;
  }

  #newEntry(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made === this.used.length) {
      const used = new Uint8Array(2 * this.used.length);
      used.set(this.used);
      this.used = used;
      const keys = new Int32Array(2 * this.keys.length);
      keys.set(this.keys);
      this.keys = keys;
    }
    return this.#made++;
  }

  /** Gives every bucket room for more places. */
  #widen(): void {
    const stride = Math.min(MOST_PLACES, this.#stride * 2);
    const places = new Int32Array(stride << this.bits);
    for (let bucket = 0; bucket < 1 << this.bits; bucket++) {
      const from = bucket * this.#stride;
      places.set(this.#places.subarray(from, from + this.#stride), bucket * stride);
    }
    this.#places = places;
    this.#stride = stride;
  }
}
