/**
 * The lists of -m recent, as net/netfilter/xt_recent.c keeps them: entries by masked address, in the
 * order of their last use, each with a ring of time stamps in jiffies.
 */
import type { PacketView } from '../packet/fields.ts';
import { parseIpv4, parseIpv6 } from '../packet/text.ts';
import { HZ } from './jiffies.ts';
import type { Doubtable, RecentEntry, ReplayState, SharedKind } from './replay-state.ts';

/** An address in a list. */
interface Entry {
  readonly key: string;
  ttl: number;
  readonly stamps: number[];
  /** Where the next time stamp goes. */
  index: number;
}

const DEFAULT_ADDRESSES = 100;
const DEFAULT_STAMPS = 32;

function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

/** One list. */
export class RecentList implements Doubtable {
  /** Why its content is not known any more; '' while it is. */
  doubtful = '';
  private readonly most: number;
  /** ip_pkt_list_tot; 0: as many as a rule needs. */
  private readonly stampsGiven: number;
  private preloaded: readonly RecentEntry[];
  /** In the order of last use, oldest first; several of one address when TTLs tell them apart. */
  private readonly entries = new Map<string, Entry[]>();
  private readonly order = new Set<Entry>();
  private stamps = 0;
  private mask: readonly number[] | undefined;
  private key = '';

  constructor(preloaded: readonly RecentEntry[], most: number, stampsGiven: number) {
    this.preloaded = preloaded;
    this.most = most;
    this.stampsGiven = stampsGiven;
  }

  doubt(reason: string): void {
    if (this.doubtful === '') this.doubtful = reason;
  }

  /** A rule refers to the list (recent_mt_check): the first one's mask is the list's. */
  use(mask: readonly number[], hitcount: number): void {
    const { stampsGiven } = this;
    let stamps = DEFAULT_STAMPS;
    if (stampsGiven > 0 && hitcount < stampsGiven) stamps = powerOfTwo(stampsGiven);
    else if (hitcount > 0) stamps = powerOfTwo(hitcount);
    this.stamps = Math.max(this.stamps, stamps);
    this.mask ??= mask;
  }

  private preload({ address, seen, ttl = 0 }: RecentEntry): void {
    const word = parseIpv4(address);
    const words = word === undefined ? parseIpv6(address) : Int32Array.of(word);
    if (words === undefined) return;
    this.setKey(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0, words.length === 1);
    for (const [i, second] of seen.entries()) {
      const jiffies = Math.floor(second * HZ);
      const [entry] = this.entries.get(this.key) ?? [];
      if (i === 0 || entry === undefined) this.add(ttl, jiffies);
      else this.touch(entry, ttl, jiffies);
    }
  }

  private setKey(w0: number, w1: number, w2: number, w3: number, isIpv4: boolean): void {
    const mask = this.mask ?? [];
    // A mask given by a rule of the other family: only the words that it has are known to be masked.
    const at = (i: number): number => mask[i] ?? -1;
    this.key = isIpv4
      ? `4 ${w0 & at(0)}`
      : `6 ${w0 & at(0)} ${w1 & at(1)} ${w2 & at(2)} ${w3 & at(3)}`;
  }

  /** The packet's source or destination is the address of the calls that follow. */
  at(packet: PacketView, source: boolean): void {
    // Not before all rules have said how many stamps they need.
    for (const entry of this.preloaded) this.preload(entry);
    this.preloaded = [];
    const isIpv4 = packet.family === 4;
    if (source) {
      const { source0, source1, source2, source3 } = packet;
      this.setKey(source0, source1, source2, source3, isIpv4);
    } else {
      const { destination0, destination1, destination2, destination3 } = packet;
      this.setKey(destination0, destination1, destination2, destination3, isIpv4);
    }
  }

  /** The entry of the address. @param ttl 0 for any (recent_entry_lookup) */
  find(ttl: number): Entry | undefined {
    return this.entries
      .get(this.key)
      ?.find((entry) => ttl === 0 || entry.ttl === 0 || entry.ttl === ttl);
  }

  /** Adds the address; the entry used longest ago goes when the list is full. @returns success */
  add(ttl: number, jiffies: number): boolean {
    if (this.order.size >= this.most) {
      const [oldest] = this.order;
      if (oldest === undefined) return false;
      this.remove(oldest);
    }
    const entry: Entry = { key: this.key, ttl, stamps: [jiffies], index: 1 };
    const same = this.entries.get(this.key);
    if (same === undefined) this.entries.set(this.key, [entry]);
    else same.push(entry);
    this.order.add(entry);
    return true;
  }

  /** Notes that the address was seen (recent_entry_update). */
  touch(entry: Entry, ttl: number, jiffies: number): void {
    entry.index %= this.stamps;
    entry.stamps[entry.index++] = jiffies;
    entry.ttl = ttl;
    this.order.delete(entry);
    this.order.add(entry);
  }

  /** Takes an entry out. */
  remove(entry: Entry): void {
    this.order.delete(entry);
    const left = (this.entries.get(entry.key) ?? []).filter((other) => other !== entry);
    if (left.length === 0) this.entries.delete(entry.key);
    else this.entries.set(entry.key, left);
  }

  /** Whether there are `hits` stamps (1 when 0), not before `since` if that is given. */
  seenSince({ stamps }: Entry, since: number | undefined, hits: number): boolean {
    let found = 0;
    for (const stamp of stamps) {
      if (since !== undefined && stamp < since) continue;
      found += 1;
      if (found >= hits) return true;
    }
    return false;
  }

  /** Removes the entry used longest ago if that was before `since` (recent_entry_reap). */
  reap(since: number, updated: Entry | undefined): void {
    const [oldest] = this.order;
    if (oldest === undefined || oldest === updated) return;
    if ((oldest.stamps[oldest.index - 1] ?? 0) < since) this.remove(oldest);
  }
}

/** A module parameter that is a number. */
function parameter(replay: ReplayState, name: string, otherwise: number): number {
  const text = replay.settings.parameters?.get(`xt_recent.${name}`);
  const value = Number(text);
  return text === undefined || !Number.isInteger(value) || value < 0 ? otherwise : value;
}

/** The lists by name. */
export const recentLists: SharedKind<RecentList> = {
  kind: 'recent',
  make: (name, replay) =>
    new RecentList(
      replay.settings.recent?.get(name) ?? [],
      parameter(replay, 'ip_list_tot', DEFAULT_ADDRESSES),
      parameter(replay, 'ip_pkt_list_tot', 0),
    ),
};
