/**
 * A set of sets, in order (net/netfilter/ipset/ip_set_list_set.c). Members are known by name: the
 * kernel lets no set be renamed that is in a list, and a swap exchanges what two names stand for.
 */
import { ExtensionColumns } from './extensions.ts';
import type { CounterUse, Extensions, SetHeader, SetOutcome } from './types.ts';
import { SET_DONE, SET_EXISTS, SET_NO_REFERENCE } from './types.ts';

/** Where a new member goes, or where a member must stand: before or after another one. */
export interface ListPlace {
  readonly before: boolean;
  readonly reference: string;
}

interface Member {
  readonly name: string;
  readonly entry: number;
}

/** Members for which columns are made at a time. */
const STEP = 16;

/** A list of sets. */
export class ListSet {
  readonly header: SetHeader;
  #members: Member[] = [];
  #made = 0;
  #columns: ExtensionColumns;

  constructor(header: SetHeader) {
    this.header = header;
    this.#columns = new ExtensionColumns(header, STEP);
  }

  copy(): ListSet {
    const copy = new ListSet(this.header);
    copy.#members = [...this.#members];
    copy.#made = this.#made;
    copy.#columns = this.#columns.copy(Math.max(STEP, this.#made));
    return copy;
  }

  #sweep(now: number): void {
    if (this.header.timeout === undefined) return;
    this.#members = this.#members.filter(({ entry }) => !this.#columns.expired(entry, now));
  }

  #index(name: string): number {
    return this.#members.findIndex((member) => member.name === name);
  }

  add(
    name: string,
    place: ListPlace | undefined,
    given: Extensions,
    exist: boolean,
    now: number,
  ): SetOutcome {
    this.#sweep(now);
    const reference = place === undefined ? -1 : this.#index(place.reference);
    if (place !== undefined && reference < 0) return SET_NO_REFERENCE;
    const there = this.#index(name);
    if (there >= 0) {
      if (!exist) return SET_EXISTS;
      this.#columns.init(this.#members[there]?.entry ?? 0, given, now);
      return SET_DONE;
    }
    const entry = this.#made++;
    if (entry % STEP === 0) this.#columns = this.#columns.copy(entry + STEP);
    this.#columns.init(entry, given, now);
    const at =
      place === undefined ? this.#members.length : place.before ? reference : reference + 1;
    this.#members.splice(at, 0, { name, entry });
    return SET_DONE;
  }

  remove(name: string, place: ListPlace | undefined, now: number): SetOutcome {
    this.#sweep(now);
    const index = this.#index(name);
    if (index < 0) return place === undefined ? SET_EXISTS : SET_NO_REFERENCE;
    if (!this.#stands(index, place)) return SET_NO_REFERENCE;
    this.#members.splice(index, 1);
    return SET_DONE;
  }

  #stands(index: number, place: ListPlace | undefined): boolean {
    if (place === undefined) return true;
    return this.#members[index + (place.before ? 1 : -1)]?.name === place.reference;
  }

  /** Whether a set is in the list, and there where it is said to be. */
  has(name: string, place: ListPlace | undefined, now: number): boolean {
    this.#sweep(now);
    const index = this.#index(name);
    return index >= 0 && this.#stands(index, place);
  }

  /** Whether a member counts for a packet; its counters then go up. */
  matches(index: number, now: number, use: CounterUse | undefined, length: number): boolean {
    const member = this.#members[index];
    return member !== undefined && this.#columns.matches(member.entry, now, use, length);
  }

  expired(index: number, now: number): boolean {
    return this.#columns.expired(this.#members[index]?.entry ?? 0, now);
  }

  extensionsOf(index: number, now: number): Extensions {
    return this.#columns.of(this.#members[index]?.entry ?? 0, now);
  }

  /** Names of all members, expired ones included, in order. */
  get names(): readonly string[] {
    return this.#members.map((member) => member.name);
  }

  /** Number of members, expired ones included. */
  get length(): number {
    return this.#members.length;
  }

  nameAt(index: number): string {
    return this.#members[index]?.name ?? '';
  }

  flush(): void {
    this.#members = [];
  }

  each(now: number, visit: (name: string, extensions: Extensions) => void): void {
    this.#members.forEach(({ name, entry }) => {
      if (!this.#columns.expired(entry, now)) visit(name, this.#columns.of(entry, now));
    });
  }

  get commentMemory(): number {
    return this.#columns.commentMemory;
  }
}
