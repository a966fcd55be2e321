/**
 * All sets of a host, by name. A collection that belongs to a ruleset is not changed any more: each
 * replay works on a copy, which has a clock of its own.
 */
import type { Family } from '../ruleset/types.ts';
import { BitmapSet } from './bitmap-set.ts';
import { HashSet } from './hash-set.ts';
import { ListSet } from './list-set.ts';
import type { SetHeader } from './types.ts';

/** A set of any type. */
export type AnySet = HashSet | BitmapSet | ListSet;

/** An empty set. */
export function makeSet(header: SetHeader): AnySet {
  if (header.type.method === 'hash') return new HashSet(header);
  return header.type.method === 'bitmap' ? new BitmapSet(header) : new ListSet(header);
}

/** What the reader of a rule needs to know of a set. */
export interface SetFacts {
  /** 'any' for ports, MAC addresses and lists. */
  readonly family: Family | 'any';
  /** Elements have counters that packets move. */
  readonly counters: boolean;
  /** A part of an element is an interface. */
  readonly looksAtInterfaces: boolean;
  /** The set, and those in it when it is a list. */
  readonly names: readonly string[];
}

/** Sets by name. */
export class SetCollection {
  /** By the kernel's index: a free one is used again. */
  readonly #slots: ({ name: string; set: AnySet } | undefined)[] = [];
  readonly #byName = new Map<string, AnySet>();

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): AnySet | undefined {
    return this.#byName.get(name);
  }

  /** What a rule needs to know of a set; undefined when there is none of this name. */
  facts(name: string): SetFacts | undefined {
    const set = this.get(name);
    if (set === undefined) return undefined;
    const { type, family } = set.header;
    const members = set instanceof ListSet ? set.names : [];
    const headers = [name, ...members].flatMap((each) => this.get(each)?.header ?? []);
    return {
      family: type.families === 'none' ? 'any' : type.families === 'ipv4' ? 4 : family,
      counters: headers.some((header) => header.counters),
      looksAtInterfaces: headers.some((header) => header.type.components.includes('iface')),
      names: [name, ...members],
    };
  }

  /** Puts in a new set; there must be none of that name. */
  add(name: string, set: AnySet): void {
    const free = this.#slots.indexOf(undefined);
    this.#slots[free < 0 ? this.#slots.length : free] = { name, set };
    this.#byName.set(name, set);
  }

  remove(name: string): void {
    const index = this.#slots.findIndex((slot) => slot?.name === name);
    if (index >= 0) this.#slots[index] = undefined;
    this.#byName.delete(name);
  }

  rename(from: string, to: string): void {
    const slot = this.#slots.find((each) => each?.name === from);
    if (slot === undefined) return;
    slot.name = to;
    this.#byName.delete(from);
    this.#byName.set(to, slot.set);
  }

  /** Exchanges what two names stand for; places in the order go with the content. */
  swap(a: string, b: string): void {
    const [first, second] = [a, b].map((name) => this.#slots.find((each) => each?.name === name));
    if (first === undefined || second === undefined) return;
    // The kernel exchanges the indexes and the names: each name keeps its index.
    [first.set, second.set] = [second.set, first.set];
    this.#byName.set(a, first.set);
    this.#byName.set(b, second.set);
  }

  /** Names in the order in which sets are listed: lists last. */
  names(): string[] {
    const slots = this.#slots.filter((slot) => slot !== undefined);
    const isList = ({ set }: { set: AnySet }): boolean => set instanceof ListSet;
    return [...slots.filter((slot) => !isList(slot)), ...slots.filter(isList)].map(
      (slot) => slot.name,
    );
  }

  /** How many lists hold a set. */
  timesListed(name: string): number {
    let sum = 0;
    for (const set of this.#byName.values())
      if (set instanceof ListSet && set.names.includes(name)) sum += 1;
    return sum;
  }

  /** A copy that can be changed apart from this one. */
  copy(): SetCollection {
    const copy = new SetCollection();
    for (const slot of this.#slots) {
      const twin = slot === undefined ? undefined : { name: slot.name, set: slot.set.copy() };
      copy.#slots.push(twin);
      if (twin !== undefined) copy.#byName.set(twin.name, twin.set);
    }
    return copy;
  }
}
