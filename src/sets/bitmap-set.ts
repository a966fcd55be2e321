/**
 * A set of one of the bitmap types: a bit (and its extensions) for each address or port of a range
 * of at most 65536 (net/netfilter/ipset/ip_set_bitmap_*.c).
 */
import { ExtensionColumns } from './extensions.ts';
import { prefixWord } from './key.ts';
import type {
  CounterUse,
  Extensions,
  SetElement,
  SetHeader,
  SetOutcome,
  TestResult,
} from './types.ts';
import { newElement, SET_DONE, SET_EXISTS, SET_OUT_OF_RANGE, TEST_NO, TEST_YES } from './types.ts';

/** A bitmap set. */
export class BitmapSet {
  readonly header: SetHeader;
  /** Addresses or ports that share a bit. */
  readonly #span: number;
  readonly #size: number;
  #present: Uint8Array;
  /** bitmap:ip,mac: the address of each element; undefined where it is not known yet. */
  #macs: Map<number, { high: number; low: number }>;
  #columns: ExtensionColumns;
  /** The entry that the last test found, or -1. */
  found = -1;

  constructor(header: SetHeader) {
    this.header = header;
    this.#span = header.netmask === undefined ? 1 : 2 ** (32 - header.netmask);
    const [first, last] = header.range;
    this.#size = Math.floor((last - first) / this.#span) + 1;
    this.#present = new Uint8Array(this.#size);
    this.#macs = new Map();
    this.#columns = new ExtensionColumns(header, this.#size);
  }

  copy(): BitmapSet {
    const copy = new BitmapSet(this.header);
    copy.#present = this.#present.slice();
    copy.#macs = new Map(this.#macs);
    copy.#columns = this.#columns.copy(this.#size);
    return copy;
  }

  /** Place of an element, or -1 when it is out of range. */
  #place(element: SetElement): number {
    const { range, type, netmask } = this.header;
    const [first, last] = range;
    if (type.name === 'bitmap:port') {
      return element.port < first || element.port > last ? -1 : element.port - first;
    }
    const value = (element.address[0] ?? 0) >>> 0;
    if (value < first || value > last) return -1;
    const masked = netmask === undefined ? value : (value & prefixWord(netmask, 0)) >>> 0;
    return Math.floor((masked - first) / this.#span);
  }

  #live(place: number, now: number): boolean {
    return this.#present[place] === 1 && !this.#columns.expired(place, now);
  }

  /** Adds an element; one whose MAC address was not known is there, but may be completed. */
  add(element: SetElement, given: Extensions, exist: boolean, now: number): SetOutcome {
    const place = this.#place(element);
    if (place < 0) return SET_OUT_OF_RANGE;
    if (this.#live(place, now) && !exist) {
      const completes = element.hasMac && this.lacksMac(element);
      if (!completes) return SET_EXISTS;
    }
    if (this.#present[place] !== 1) this.#columns.clear(place);
    this.#present[place] = 1;
    this.#columns.init(place, given, now);
    if (element.hasMac) this.#macs.set(place, { high: element.macHigh, low: element.macLow });
    else this.#macs.delete(place);
    return SET_DONE;
  }

  /** bitmap:ip,mac: whether the element of this IP address waits for its MAC address. */
  lacksMac(element: SetElement): boolean {
    const place = this.#place(element);
    return (
      this.header.type.name === 'bitmap:ip,mac' &&
      this.#present[place] === 1 &&
      !this.#macs.has(place)
    );
  }

  remove(element: SetElement, now: number): SetOutcome {
    const place = this.#place(element);
    if (place < 0) return SET_OUT_OF_RANGE;
    const there = this.#live(place, now);
    this.#present[place] = 0;
    this.#macs.delete(place);
    return there ? SET_DONE : SET_EXISTS;
  }

  /** Tests an element; a MAC address is compared where both sides have one. */
  test(element: SetElement, now: number, use: CounterUse | undefined, length: number): TestResult {
    this.found = -1;
    const place = this.#place(element);
    if (place < 0 || this.#present[place] !== 1) return TEST_NO;
    const mac = this.#macs.get(place);
    if (element.hasMac && mac !== undefined) {
      if (mac.high !== element.macHigh || mac.low !== element.macLow) return TEST_NO;
    }
    if (!this.#columns.matches(place, now, use, length)) return TEST_NO;
    this.found = place;
    return TEST_YES;
  }

  /** What an entry has beside its key. */
  extensionsOf(entry: number, now: number): Extensions {
    return this.#columns.of(entry, now);
  }

  flush(): void {
    this.#present.fill(0);
    this.#macs.clear();
  }

  /** Elements in order. `element` is reused. */
  each(now: number, visit: (element: SetElement, extensions: Extensions) => void): void {
    const element = newElement();
    const [first] = this.header.range;
    for (let place = 0; place < this.#size; place++) {
      if (!this.#live(place, now)) continue;
      const mac = this.#macs.get(place);
      element.address[0] = first + place * this.#span;
      element.port = first + place;
      element.hasMac = mac !== undefined;
      element.macHigh = mac?.high ?? 0;
      element.macLow = mac?.low ?? 0;
      visit(element, this.extensionsOf(place, now));
    }
  }

  count(now: number): number {
    let sum = 0;
    for (let place = 0; place < this.#size; place++) if (this.#live(place, now)) sum += 1;
    return sum;
  }

  /** Number of bits. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the comments in the kernel. */
  get commentMemory(): number {
    return this.#columns.commentMemory;
  }
}
