/**
 * A set of one of the hash types: elements in the kernel's array hash, and for networks the prefix
 * lengths in use, which a test tries from the longest to the shortest (mtype_test_cidrs).
 */
import { BucketTable, MOST_PLACES } from './bucket-table.ts';
import { ExtensionColumns } from './extensions.ts';
import { type KeyLayout, keyLayout, prefixOf, readKey, setPrefix, writeKey } from './key.ts';
import type {
  CounterUse,
  Extensions,
  SetElement,
  SetHeader,
  SetOutcome,
  TestResult,
} from './types.ts';
import {
  newElement,
  SET_DONE,
  SET_EXISTS,
  SET_FULL,
  SET_NO_ROOM,
  TEST_NO,
  TEST_NOMATCH,
  TEST_YES,
} from './types.ts';

/** log2 of the number of buckets for a hash size: rounded up, at least 64. */
function bitsFor(hashSize: number): number {
  return 32 - Math.clz32(Math.max(64, hashSize) - 1);
}

/** Prefix lengths in use, longest first, with the number of elements of each. */
class Prefixes {
  readonly lengths: number[] = [];
  readonly #counts: number[] = [];

  add(length: number): void {
    let i = 0;
    while (i < this.lengths.length && (this.lengths[i] ?? 0) > length) i += 1;
    if (this.lengths[i] === length) this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    else {
      this.lengths.splice(i, 0, length);
      this.#counts.splice(i, 0, 1);
    }
  }

  remove(length: number): void {
    const i = this.lengths.indexOf(length);
    if (i < 0) return;
    this.#counts[i] = (this.#counts[i] ?? 0) - 1;
    if ((this.#counts[i] ?? 0) > 0) return;
    this.lengths.splice(i, 1);
    this.#counts.splice(i, 1);
  }

  clear(): void {
    this.lengths.length = 0;
    this.#counts.length = 0;
  }

  copy(): Prefixes {
    const copy = new Prefixes();
    copy.lengths.push(...this.lengths);
    copy.#counts.push(...this.#counts);
    return copy;
  }
}

/** A hash set. */
export class HashSet {
  readonly header: SetHeader;
  readonly layout: KeyLayout;
  #table: BucketTable;
  #columns: ExtensionColumns;
  /** Entries marked nomatch. */
  #nomatch: Uint8Array;
  #prefixes: readonly Prefixes[];
  /** hash:net,iface: names by number. */
  readonly #interfaces: string[] = [];
  readonly #interfaceIds = new Map<string, number>();
  readonly #key: Int32Array;
  /** The last `add` put the element in the place of another one (forceadd). */
  evicted = false;
  /** Elements of one key but other interfaces, counted while one is looked for. */
  #alike = 0;

  constructor(header: SetHeader) {
    this.header = header;
    this.layout = keyLayout(header.type, header.family);
    this.#table = new BucketTable(
      this.layout.words,
      this.layout.hashed,
      bitsFor(header.hashSize),
      header.bucketSize,
      header.initialValue ?? 0,
    );
    this.#columns = new ExtensionColumns(header, this.#table.capacity);
    this.#nomatch = new Uint8Array(this.#table.capacity);
    this.#prefixes = this.layout.prefixes.map(() => new Prefixes());
    this.#key = new Int32Array(this.layout.words);
  }

  copy(): HashSet {
    const copy = new HashSet({ ...this.header, hashSize: 64 });
    Object.assign(copy, { header: this.header });
    copy.#table = this.#table.copy();
    copy.#columns = this.#columns.copy(this.#table.capacity);
    copy.#nomatch = this.#nomatch.slice();
    copy.#prefixes = this.#prefixes.map((each) => each.copy());
    copy.#interfaces.push(...this.#interfaces);
    for (const [name, id] of this.#interfaceIds) copy.#interfaceIds.set(name, id);
    return copy;
  }

  /** Number of buckets now. */
  get hashSize(): number {
    return 2 ** this.#table.bits;
  }

  /** Largest number of places of a bucket now. */
  get bucketSize(): number {
    return this.#table.bucketSize;
  }

  /** The longest prefix of the first, second network in use; undefined without elements. */
  longestPrefix(index: number): number | undefined {
    return this.#prefixes[index]?.lengths[0];
  }

  #interfaceId(name: string, make: boolean): number {
    if (name === '') return 0;
    const known = this.#interfaceIds.get(name);
    if (known !== undefined || !make) return known ?? 0;
    this.#interfaces.push(name);
    this.#interfaceIds.set(name, this.#interfaces.length);
    return this.#interfaces.length;
  }

  #writeKey(element: SetElement, make: boolean): void {
    writeKey(this.layout, element, this.#key, this.#interfaceId(element.interfaceName, make));
  }

  /** Whether a stored entry is the element of `#key` (mtype_data_equal). */
  #equal(entry: number, element: SetElement): boolean {
    const table = this.#table;
    if (this.layout.type.name !== 'hash:net,iface')
      return table.sameKey(entry, this.#key, this.layout.words);
    const { hashed, words } = this.layout;
    // The address and prefix first: what is alike so far counts against the bucket's limit.
    const at = entry * words;
    for (let i = 0; i < hashed - 1; i++) if (table.keys[at + i] !== this.#key[i]) return false;
    const [stored, wanted] = [table.keys[at + hashed - 1] ?? 0, this.#key[hashed - 1] ?? 0];
    if (((stored ^ wanted) & 0xff0000) !== 0) return false;
    this.#alike += 1;
    if (stored !== wanted) return false;
    const word = table.keys[at + words - 1] ?? 0;
    const name = this.#interfaces[(word >>> 1) - 1] ?? '';
    return (word & 1) !== 0
      ? element.interfaceName.startsWith(name)
      : element.interfaceName === name;
  }

  /** Position of the element of `#key` in a bucket, or -1. */
  #position(bucket: number, element: SetElement): number {
    const table = this.#table;
    this.#alike = 0;
    const end = table.positions(bucket);
    for (let i = 0; i < end; i++) {
      const entry = table.entryAt(bucket, i);
      if (table.used[entry] === 1 && this.#equal(entry, element)) return i;
    }
    return -1;
  }

  /**
   * Adds an element (mtype_add).
   * @param exist an element that is there already gets the new extensions
   * @param mayGrow false for elements of packets: a full bucket refuses them
   * @param now tick of the set's clock
   */
  add(
    element: SetElement,
    given: Extensions,
    exist: boolean,
    mayGrow: boolean,
    now: number,
  ): SetOutcome {
    this.#writeKey(element, true);
    for (;;) {
      const outcome = this.#tryAdd(element, given, exist, now);
      if (outcome !== SET_NO_ROOM || !mayGrow) return outcome;
      if (!this.#table.grow((entry) => this.#columns.expired(entry, now))) return SET_FULL;
    }
  }

  #tryAdd(element: SetElement, given: Extensions, exist: boolean, now: number): SetOutcome {
    const table = this.#table;
    const bucket = table.bucketOf(this.#key);
    const { full, force } = this.#fullness(table.regionOf(bucket), now);
    const found = this.#position(bucket, element);
    if (found >= 0) {
      const entry = table.entryAt(bucket, found);
      if (!exist && !this.#columns.expired(entry, now)) return SET_EXISTS;
      this.#set(entry, given, now);
      return SET_DONE;
    }
    const reusable = this.#reusable(bucket, now);
    this.evicted = force && reusable < 0;
    if (reusable >= 0 || (force && table.positions(bucket) > 0)) {
      const entry = table.entryAt(bucket, Math.max(0, reusable));
      if (table.used[entry] === 1) this.#forget(entry, bucket);
      table.replace(entry, this.#key);
      this.#enter(entry, bucket, given, now);
      return SET_DONE;
    }
    if (full) return SET_FULL;
    if (table.isTight(bucket)) {
      if (this.layout.type.name === 'hash:net,iface') {
        if (table.bucketSize >= MOST_PLACES) return SET_FULL;
        if (table.bucketSize <= this.#alike) table.bucketSize += 2;
      }
      if (!table.hasRoom(bucket)) return SET_NO_ROOM;
    }
    const { entry, fresh } = table.append(bucket, this.#key);
    this.#grown();
    if (fresh) this.#columns.clear(entry);
    this.#enter(entry, bucket, given, now);
    return SET_DONE;
  }

  /** Whether the limit of elements is reached, and whether another element may give way. */
  #fullness(region: number, now: number): { full: boolean; force: boolean } {
    const table = this.#table;
    const { maxElements, timeout, forceAdd } = this.header;
    const share = Math.floor(maxElements / table.regions);
    if ((table.regionCounts[region] ?? 0) < share) return { full: false, force: false };
    if (timeout !== undefined) {
      table.sweep(
        region,
        (entry) => this.#columns.expired(entry, now),
        (entry) => this.#dropPrefixes(entry),
      );
    }
    const full = table.elements >= maxElements;
    return { full, force: full && forceAdd };
  }

  /** First place of a bucket whose element is removed or expired, or -1. */
  #reusable(bucket: number, now: number): number {
    const end = this.#table.positions(bucket);
    for (let i = 0; i < end; i++) {
      const entry = this.#table.entryAt(bucket, i);
      if (this.#table.used[entry] !== 1 || this.#columns.expired(entry, now)) return i;
    }
    return -1;
  }

  #enter(entry: number, bucket: number, given: Extensions, now: number): void {
    this.#table.count(bucket, 1);
    this.#prefixes.forEach((prefixes, index) => {
      prefixes.add(prefixOf(this.layout, index, this.#table.keys, entry * this.layout.words));
    });
    this.#set(entry, given, now);
    this.#table.used[entry] = 1;
  }

  #set(entry: number, given: Extensions, now: number): void {
    this.#nomatch[entry] = given.nomatch === true ? 1 : 0;
    this.#columns.init(entry, given, now);
  }

  #forget(entry: number, bucket: number): void {
    this.#dropPrefixes(entry);
    this.#table.count(bucket, -1);
  }

  #dropPrefixes(entry: number): void {
    this.#prefixes.forEach((prefixes, index) => {
      prefixes.remove(prefixOf(this.layout, index, this.#table.keys, entry * this.layout.words));
    });
  }

  /** Makes the columns as long as the keys. */
  #grown(): void {
    const { capacity } = this.#table;
    if (this.#nomatch.length === capacity) return;
    const nomatch = new Uint8Array(capacity);
    nomatch.set(this.#nomatch);
    this.#nomatch = nomatch;
    this.#columns = this.#columns.copy(capacity);
  }

  /** Removes an element (mtype_del). */
  remove(element: SetElement, now: number): SetOutcome {
    this.#writeKey(element, false);
    const bucket = this.#table.bucketOf(this.#key);
    const position = this.#position(bucket, element);
    if (position < 0) return SET_EXISTS;
    const entry = this.#table.entryAt(bucket, position);
    if (this.#columns.expired(entry, now)) return SET_EXISTS;
    this.#dropPrefixes(entry);
    this.#columns.forgetComment(entry);
    this.#table.remove(bucket, position);
    return SET_DONE;
  }

  /** The entry that the last test found, or -1: what it has is asked for with `extensionsOf`. */
  found = -1;

  /**
   * Tests an element (mtype_test). Networks that are hosts are looked for in all networks.
   * @param use how counters are treated; undefined for a test by command
   * @param length of the packet, for the counters
   */
  test(element: SetElement, now: number, use: CounterUse | undefined, length: number): TestResult {
    this.found = -1;
    this.#writeKey(element, false);
    const host = this.layout.width * 32;
    const { prefixes } = this.layout;
    const hosts = prefixes.every(({ second }) =>
      second ? element.prefix2 === host : element.prefix === host,
    );
    if (prefixes.length === 0 || !hosts) return this.#testKey(element, now, use, length);
    const [first, other] = this.#prefixes;
    for (const prefix of first?.lengths ?? []) {
      setPrefix(this.layout, 0, element, this.#key, prefix);
      if (other === undefined) {
        const result = this.#testKey(element, now, use, length);
        if (result !== TEST_NO) return result;
        // The kernel looks no further once it met the address with another interface.
        if (this.#alike > 0) return TEST_NO;
        continue;
      }
      for (const second of other.lengths) {
        setPrefix(this.layout, 1, element, this.#key, second);
        const result = this.#testKey(element, now, use, length);
        if (result !== TEST_NO) return result;
      }
    }
    return TEST_NO;
  }

  #testKey(
    element: SetElement,
    now: number,
    use: CounterUse | undefined,
    length: number,
  ): TestResult {
    const table = this.#table;
    const bucket = table.bucketOf(this.#key);
    this.#alike = 0;
    const end = table.positions(bucket);
    for (let i = 0; i < end; i++) {
      const entry = table.entryAt(bucket, i);
      if (table.used[entry] !== 1 || !this.#equal(entry, element)) continue;
      if (!this.#columns.matches(entry, now, use, length)) {
        this.#alike = 0;
        continue;
      }
      this.found = entry;
      return this.#nomatch[entry] === 1 ? TEST_NOMATCH : TEST_YES;
    }
    return TEST_NO;
  }

  /** What an entry has beside its key. */
  extensionsOf(entry: number, now: number): Extensions {
    return { ...this.#columns.of(entry, now), nomatch: this.#nomatch[entry] === 1 };
  }

  flush(): void {
    this.#table.clear();
    for (const prefixes of this.#prefixes) prefixes.clear();
  }

  /** Elements that have not expired, in the kernel's order. `element` is reused. */
  each(now: number, visit: (element: SetElement, extensions: Extensions) => void): void {
    const element = newElement();
    this.#table.each((entry) => {
      if (this.#columns.expired(entry, now)) return;
      const at = entry * this.layout.words;
      readKey(this.layout, this.#table.keys, at, element);
      const word = this.#table.keys[at + this.layout.words - 1] ?? 0;
      if (this.layout.type.name === 'hash:net,iface')
        element.interfaceName = this.#interfaces[(word >>> 1) - 1] ?? '';
      visit(element, this.extensionsOf(entry, now));
    });
  }

  /** Number of elements that have not expired. */
  count(now: number): number {
    if (this.header.timeout === undefined) return this.#table.elements;
    let sum = 0;
    this.#table.each((entry) => {
      if (!this.#columns.expired(entry, now)) sum += 1;
    });
    return sum;
  }

  /** Bytes of the buckets and comments in the kernel, for an element's size there. */
  memory(elementSize: number): number {
    return this.#table.bucketMemory(elementSize) + this.#columns.commentMemory;
  }
}
