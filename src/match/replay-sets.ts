/**
 * The sets of a replay: a copy of the ruleset's, tested and changed by packets as ip_set_test,
 * ip_set_add and ip_set_del do (net/netfilter/ipset/ip_set_core.c), by the capture's clock.
 */
import type { Family } from '../ruleset/types.ts';
import { BitmapSet } from '../sets/bitmap-set.ts';
import { type AnySet, SetCollection } from '../sets/collection.ts';
import type { HashSet } from '../sets/hash-set.ts';
import { ListSet } from '../sets/list-set.ts';
import type { CounterUse, Extensions, SetOutcome } from '../sets/types.ts';
import {
  newElement,
  SET_DONE,
  SET_EXISTS,
  SET_NO_ROOM,
  TEST_NO,
  TEST_NOMATCH,
} from '../sets/types.ts';
import { type MatchResult, NO, type PacketContext, UNDECIDED, YES } from './definition.ts';
import { packetJiffies } from './jiffies.ts';
import { ELEMENT_NONE, ELEMENT_UNKNOWN, packetElement } from './packet-element.ts';
import type { ReplayState, SharedKind } from './replay-state.ts';

/** How a rule uses a set. */
export interface SetReference {
  readonly name: string;
  /** For each part of an element: true for src, false for dst. */
  readonly sources: readonly boolean[];
}

/** A reference as written: `blocklist src,dst`. */
export function referenceText({ name, sources }: SetReference): string {
  return `${name} ${sources.map((source) => (source ? 'src' : 'dst')).join(',')}`;
}

/** Whether the set is tested at all: enough directions, and of the packet's family. */
function applies({ header }: AnySet, sources: readonly boolean[], family: Family): boolean {
  const { type } = header;
  if (sources.length < type.components.length) return false;
  return type.families === 'none' || header.family === family;
}

/** The sets of one replay. */
export class ReplaySets {
  readonly collection: SetCollection;
  readonly #replay: ReplayState;
  readonly #doubts = new Map<string, string>();
  readonly #element = newElement();
  #start = -1;
  #now = 0;
  /** What the last element that matched has beside its key. */
  #matched: Extensions = {};

  constructor(replay: ReplayState) {
    this.#replay = replay;
    this.collection = replay.settings.sets?.copy() ?? new SetCollection();
  }

  /** From now on what this set holds is not known. */
  doubt(name: string, reason: string): void {
    if (!this.#doubts.has(name)) this.#doubts.set(name, reason);
    const set = this.collection.get(name);
    if (set instanceof ListSet) for (const member of set.names) this.doubt(member, reason);
  }

  /** The sets' clock at a packet: ticks since the first packet; it never goes back. */
  #tick(context: PacketContext): number {
    const tick = packetJiffies(context.packet);
    if (this.#start < 0) {
      const first = this.#replay.firstTick;
      this.#start = first < 0 ? tick : first;
    }
    this.#now = Math.max(this.#now, tick - this.#start);
    return this.#now;
  }

  /** Mark, priority … of the element that the last test found. */
  get matched(): Extensions {
    return this.#matched;
  }

  /**
   * Whether a packet is in a set: YES, NO or UNDECIDED.
   * @param returnNomatch elements marked nomatch count, others do not
   */
  test(
    { name, sources }: SetReference,
    context: PacketContext,
    use: CounterUse,
    returnNomatch: boolean,
  ): MatchResult {
    const set = this.collection.get(name);
    this.#matched = {};
    if (set === undefined || !applies(set, sources, context.family)) return NO;
    const doubt = this.#doubts.get(name);
    if (doubt !== undefined) return this.#undecided(context, doubt);
    const now = this.#tick(context);
    if (set instanceof ListSet) return this.#testList(set, sources, context, use, returnNomatch);
    const made = packetElement(this.#element, set, sources, context, true);
    if (made === ELEMENT_NONE) return NO;
    if (made === ELEMENT_UNKNOWN) return set.count(now) === 0 ? NO : UNDECIDED;
    if (set instanceof BitmapSet && set.lacksMac(this.#element)) {
      // The first packet of an address gives the element its MAC address.
      if (set.header.timeout !== undefined)
        return this.#undecided(context, 'whether an element without MAC address has expired');
      set.add(this.#element, { packets: 1, bytes: context.packet.totalLength }, false, now);
      return YES;
    }
    const result = set.test(this.#element, now, use, context.packet.totalLength);
    if (result === TEST_NO) return NO;
    if (set.header.packetInfo) this.#matched = set.extensionsOf(set.found, now);
    const { nomatch } = set.header.type;
    return (result === TEST_NOMATCH) === (returnNomatch && nomatch) ? YES : NO;
  }

  #undecided(context: PacketContext, reason: string): MatchResult {
    context.undecidedReason = reason;
    return UNDECIDED;
  }

  #testList(
    list: ListSet,
    sources: readonly boolean[],
    context: PacketContext,
    use: CounterUse,
    returnNomatch: boolean,
  ): MatchResult {
    const update = use.update && use.updateWithin;
    const within: CounterUse = { ...use, packets: undefined, bytes: undefined, update };
    for (let i = 0; i < list.length; i++) {
      const name = list.nameAt(i);
      const result = this.test({ name, sources }, context, within, returnNomatch);
      if (result === UNDECIDED) return UNDECIDED;
      if (result === NO) continue;
      const { matched } = this;
      if (!list.matches(i, this.#now, use, context.packet.totalLength)) continue;
      this.#matched = list.header.packetInfo ? list.extensionsOf(i, this.#now) : matched;
      return YES;
    }
    return NO;
  }

  /**
   * Adds the packet's element (-j SET --add-set).
   * @param timeout seconds; undefined: the set's own
   */
  add(
    { name, sources }: SetReference,
    context: PacketContext,
    exist: boolean,
    timeout: number | undefined,
  ): SetOutcome {
    const packet = { packets: 1, bytes: context.packet.totalLength };
    const given = timeout === undefined ? packet : { ...packet, timeout };
    return this.#change(name, sources, context, (set, now) => {
      if (set instanceof BitmapSet) return set.add(this.#element, given, exist, now);
      const outcome = set.add(this.#element, given, exist, false, now);
      const random = set.header.initialValue === undefined;
      if (random && (outcome === SET_NO_ROOM || set.evicted)) {
        const what = set.evicted ? 'which element gives way' : 'whether an element finds room';
        this.doubt(name, `${what} in the set ${name} depends on its hash, whose seed is not known`);
      }
      return outcome;
    });
  }

  /** Removes the packet's element (-j SET --del-set). */
  remove({ name, sources }: SetReference, context: PacketContext): SetOutcome {
    return this.#change(name, sources, context, (set, now) => set.remove(this.#element, now));
  }

  #change(
    name: string,
    sources: readonly boolean[],
    context: PacketContext,
    change: (set: HashSet | BitmapSet, now: number) => SetOutcome,
  ): SetOutcome {
    const set = this.collection.get(name);
    if (set === undefined || !applies(set, sources, context.family)) return SET_EXISTS;
    const now = this.#tick(context);
    if (set instanceof ListSet) {
      for (let i = 0; i < set.length; i++) {
        if (set.expired(i, now)) continue;
        const outcome = this.#change(set.nameAt(i), sources, context, change);
        if (outcome === SET_DONE) return outcome;
      }
      return SET_EXISTS;
    }
    const made = packetElement(this.#element, set, sources, context, false);
    if (made === ELEMENT_NONE) return SET_EXISTS;
    if (made === ELEMENT_UNKNOWN) {
      this.doubt(name, `what was put into the set ${name}: ${context.undecidedReason}`);
      return SET_EXISTS;
    }
    return change(set, now);
  }
}

/** The sets that all rules of a replay share. */
export const REPLAY_SETS: SharedKind<ReplaySets> = {
  kind: 'ipset',
  make: (_name, replay) => new ReplaySets(replay),
};
