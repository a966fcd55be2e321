/**
 * What the stateful matches and targets of one replay share beyond their own rule: lists, hash
 * tables and sets by name, and the facts that the user states. Made anew for each replay.
 */

import type { SetCollection } from '../sets/collection.ts';

/** A kind of shared thing: `recent` lists, `hashlimit` tables … One constant per kind. */
export interface SharedKind<T> {
  /** Unique among kinds; part of the key. */
  readonly kind: string;
  /** Makes the thing of this name at its first use. */
  make(name: string, replay: ReplayState): T;
}

/** Facts that no capture holds, stated by the user. All optional. */
export interface ReplaySettings {
  /** Seed of everything that is random in the kernel (`statistic --mode random`, HMARK …). */
  readonly seed?: number;
  /** p0f-style fingerprint file's text, for -m osf. */
  readonly osfFingerprints?: string;
  /** Lists of -m recent before the first packet: name → addresses with seconds since 1970. */
  readonly recent?: ReadonlyMap<string, readonly RecentEntry[]>;
  /** The sets that rules refer to; each replay works on a copy. */
  readonly sets?: SetCollection;
  /** Module parameters and sysctls by name, as text: `xt_recent.ip_pkt_list_tot`. */
  readonly parameters?: ReadonlyMap<string, string>;
}

/** An address that a recent list holds already. */
export interface RecentEntry {
  /** As text. */
  readonly address: string;
  /** Seconds since 1970, oldest first. */
  readonly seen: readonly number[];
  readonly ttl?: number;
}

/** One replay's shared state. */
export interface ReplayState {
  readonly settings: ReplaySettings;
  /** Tick (match/jiffies.ts) of the capture's first packet, at which the sets' timeouts begin; -1
   * until it is known. */
  firstTick: number;
  /** The shared thing of this kind and name, made at its first use. */
  shared<T>(kind: SharedKind<T>, name: string): T;
}

/**
 * What a state object (of a rule, or a shared one it refers to) may implement: told when whether it
 * was used by an undecided packet is not known. From then on the match must return UNDECIDED with
 * that reason wherever the state decides.
 */
export interface Doubtable {
  doubt(reason: string): void;
}

/** True for a state that wants to be told of doubts. */
export function isDoubtable(state: unknown): state is Doubtable {
  return (
    typeof state === 'object' &&
    state !== null &&
    'doubt' in state &&
    typeof state.doubt === 'function'
  );
}

/** The shared state of a new replay. */
export function createReplayState(settings: ReplaySettings = {}): ReplayState {
  const things = new Map<string, unknown>();
  const state: ReplayState = {
    settings,
    firstTick: -1,
    shared<T>(kind: SharedKind<T>, name: string): T {
      const key = `${kind.kind} ${name}`;
      if (!things.has(key)) things.set(key, kind.make(name, state));
      // The key begins with the kind, and each kind makes one type.
      return things.get(key) as T;
    },
  };
  return state;
}
