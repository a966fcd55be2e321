/**
 * The flow store: records in typed arrays by slot, and an open-addressing index (linear probing) from
 * each direction's tuple to `slot * 2 + direction`. Expiry is by the caller's clock, on encounter as
 * in the kernel, and swept before the store grows, so memory follows the number of live flows.
 */
import { invariant } from '../errors.ts';
import { KEY_WORDS, STATE_WORDS, STATUS } from './record.ts';
import { hashKey } from './tuple.ts';
import { IPS_CONFIRMED, IPS_DYING } from './types.ts';

const FIRST_CAPACITY = 1024;

/** Flows by slot; a slot is free, allocated (unconfirmed) or inserted (confirmed). */
export class FlowTable {
  /** Two keys a slot: original, then reply direction. */
  keys = new Int32Array(FIRST_CAPACITY * 2 * KEY_WORDS);
  /** One state record a slot (record.ts). */
  state = new Int32Array(FIRST_CAPACITY * STATE_WORDS);
  /** Capture time at which the flow expires, seconds. */
  expires = new Float64Array(FIRST_CAPACITY);
  /** A second time of the protocol's own, seconds (UDP: when it becomes a stream). */
  times = new Float64Array(FIRST_CAPACITY);
  /** Four a slot: packets and bytes of the original, then of the reply direction. */
  traffic = new Float64Array(FIRST_CAPACITY * 4);
  /** Inserted flows, expired ones not yet swept among them. */
  count = 0;

  private hashes = new Int32Array(FIRST_CAPACITY * 2);
  private capacity = FIRST_CAPACITY;
  /** By place two words: entry + 1 (0 for a free place), and its hash. At most half full. */
  private index = new Int32Array(FIRST_CAPACITY * 8);
  private free: number[] = [];
  private used = 0;
  /** No flow expires before this time, as of the last sweep. */
  private quietUntil = Number.NEGATIVE_INFINITY;

  /** First word of a slot's state record. */
  base(slot: number): number {
    return slot * STATE_WORDS;
  }

  /** First word of an entry's key (entry = slot * 2 + direction). */
  keyAt(entry: number): number {
    return entry * KEY_WORDS;
  }

  /** The entry with this key that has not expired at `now`, or -1. Removes expired ones it meets. */
  find(key: Int32Array, now: number): number {
    const hash = hashKey(key, 0);
    for (;;) {
      const entry = this.probe(key, hash);
      if (entry < 0) return -1;
      // nf_ct_is_expired: an entry whose time has just come is expired.
      if ((this.expires[entry >>> 1] as number) > now) return entry;
      this.remove(entry >>> 1);
      this.release(entry >>> 1);
    }
  }

  private probe(key: Int32Array, hash: number): number {
    const { index, keys } = this;
    const mask = index.length - 1;
    for (let place = (hash << 1) & mask; ; place = (place + 2) & mask) {
      const entry = (index[place] as number) - 1;
      if (entry < 0) return -1;
      if (index[place + 1] === hash && sameKey(keys, entry * KEY_WORDS, key)) return entry;
    }
  }

  /** A slot with a cleared record; grows the store when there is none. */
  allocate(now: number): number {
    if (this.free.length === 0 && this.used === this.capacity) {
      this.sweep(now);
      if (this.free.length < this.capacity >>> 2) this.grow();
    }
    const slot = this.free.pop() ?? this.used++;
    const base = slot * STATE_WORDS;
    this.state.fill(0, base, base + STATE_WORDS);
    this.expires[slot] = 0;
    this.times[slot] = 0;
    this.traffic.fill(0, slot * 4, slot * 4 + 4);
    return slot;
  }

  /** Counts a packet of a flow (nf_ct_acct_update). */
  account(slot: number, direction: number, bytes: number): void {
    const at = slot * 4 + direction * 2;
    this.traffic[at] = (this.traffic[at] as number) + 1;
    this.traffic[at + 1] = (this.traffic[at + 1] as number) + bytes;
  }

  /** Makes an allocated slot findable by both its keys. */
  insert(slot: number): void {
    const base = slot * STATE_WORDS;
    invariant(((this.state[base + STATUS] as number) & IPS_CONFIRMED) === 0, 'flow inserted twice');
    this.state[base + STATUS] = (this.state[base + STATUS] as number) | IPS_CONFIRMED;
    // The reply direction first: a flow whose two tuples are the same is found as its reply, since
    // the kernel puts that one at the head of the bucket last.
    for (let direction = 1; direction >= 0; direction--) {
      const entry = slot * 2 + direction;
      this.hashes[entry] = hashKey(this.keys, entry * KEY_WORDS);
      this.place(entry);
    }
    this.count += 1;
    this.quietUntil = Math.min(this.quietUntil, this.expires[slot] as number);
  }

  private place(entry: number): void {
    const { index, hashes } = this;
    const mask = index.length - 1;
    const hash = hashes[entry] as number;
    let place = (hash << 1) & mask;
    while (index[place] !== 0) place = (place + 2) & mask;
    index[place] = entry + 1;
    index[place + 1] = hash;
  }

  /** Takes an inserted flow out of the index and marks it dying; its record stays readable. */
  remove(slot: number): void {
    const base = slot * STATE_WORDS;
    const status = this.state[base + STATUS] as number;
    invariant((status & (IPS_CONFIRMED | IPS_DYING)) === IPS_CONFIRMED, 'flow removed twice');
    this.state[base + STATUS] = status | IPS_DYING;
    this.unplace(slot * 2);
    this.unplace(slot * 2 + 1);
    this.count -= 1;
  }

  /** Removes an entry and closes the gap, so that no probe ends too early. */
  private unplace(entry: number): void {
    const { index, hashes } = this;
    const mask = index.length - 1;
    let gap = ((hashes[entry] as number) << 1) & mask;
    while (index[gap] !== entry + 1) gap = (gap + 2) & mask;
    for (let place = (gap + 2) & mask; index[place] !== 0; place = (place + 2) & mask) {
      const home = ((index[place + 1] as number) << 1) & mask;
      // Move it back unless its home lies in (gap, place].
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      index[gap] = index[place] as number;
      index[gap + 1] = index[place + 1] as number;
      gap = place;
    }
    index[gap] = 0;
  }

  /** Gives a slot back. It must not be in the index. */
  release(slot: number): void {
    this.free.push(slot);
    this.state[slot * STATE_WORDS + STATUS] = IPS_DYING;
  }

  /** Removes what has expired at `now`. */
  sweep(now: number): void {
    if (now < this.quietUntil) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.used; slot++) {
      if (!this.isLive(slot)) continue;
      const expires = this.expires[slot] as number;
      if (expires <= now) {
        this.remove(slot);
        this.release(slot);
      } else if (expires < earliest) {
        earliest = expires;
      }
    }
    this.quietUntil = earliest;
  }

  /** True for an inserted flow. */
  isLive(slot: number): boolean {
    const status = this.state[slot * STATE_WORDS + STATUS] as number;
    return (status & (IPS_CONFIRMED | IPS_DYING)) === IPS_CONFIRMED;
  }

  /** Sets when a flow expires. */
  refresh(slot: number, expires: number): void {
    this.expires[slot] = expires;
    if (expires < this.quietUntil) this.quietUntil = expires;
  }

  /** Slots of the inserted flows that have not expired at `now`, in slot order. */
  *live(now: number): Generator<number> {
    for (let slot = 0; slot < this.used; slot++)
      if (this.isLive(slot) && (this.expires[slot] as number) > now) yield slot;
  }

  private grow(): void {
    const capacity = this.capacity * 2;
    this.keys = grown(this.keys, new Int32Array(capacity * 2 * KEY_WORDS));
    this.state = grown(this.state, new Int32Array(capacity * STATE_WORDS));
    this.hashes = grown(this.hashes, new Int32Array(capacity * 2));
    this.expires = grown(this.expires, new Float64Array(capacity));
    this.times = grown(this.times, new Float64Array(capacity));
    this.traffic = grown(this.traffic, new Float64Array(capacity * 4));
    this.capacity = capacity;
    this.index = new Int32Array(capacity * 8);
    for (let slot = 0; slot < this.used; slot++) {
      if (!this.isLive(slot)) continue;
      this.place(slot * 2 + 1);
      this.place(slot * 2);
    }
  }
}

/** Compares the likeliest difference first: ports, then addresses. */
function sameKey(keys: Int32Array, at: number, key: Int32Array): boolean {
  return (
    keys[at + 8] === key[8] &&
    keys[at] === key[0] &&
    keys[at + 4] === key[4] &&
    keys[at + 9] === key[9] &&
    keys[at + 3] === key[3] &&
    keys[at + 7] === key[7] &&
    keys[at + 1] === key[1] &&
    keys[at + 2] === key[2] &&
    keys[at + 5] === key[5] &&
    keys[at + 6] === key[6]
  );
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
