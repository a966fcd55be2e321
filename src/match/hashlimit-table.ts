/**
 * The tables of -m hashlimit, shared by name within a family: a bucket for each group of packets. An
 * entry that was idle for its expiry time is collected when the kernel's collector comes by, which no
 * capture shows; until then both a kept and a new bucket are possible, and all possible buckets of an
 * entry are carried along as long as they differ.
 */
import type { HashlimitOptions } from './hashlimit.ts';
import { type Bucket, bucketKey, newBucket, refill, spend } from './hashlimit-rate.ts';
import { HZ } from './jiffies.ts';
import type { Doubtable, SharedKind } from './replay-state.ts';

interface Entry {
  /** What the bucket may be; more than 16 are given up (empty). */
  buckets: Bucket[];
  /** Jiffy of the last look. */
  touched: number;
}

/** Below the limit, above it, or either. */
export type Level = 'below' | 'above' | 'unknown' | 'full';

const MOST_BUCKETS = 16;
/** Hash buckets of a table on a host of 1 GiB and more. */
const DEFAULT_SIZE = 8192;
/** How much later than its interval the collector may come. */
const COLLECTOR_SLACK = HZ;

function jiffies(milliseconds: number): number {
  return Math.ceil((milliseconds * HZ) / 1000);
}

/** One table. */
export class HashlimitTable implements Doubtable {
  /** Why its content is not known any more; '' while it is. */
  doubtful = '';
  private config: HashlimitOptions | undefined;
  private readonly entries = new Map<string, Entry>();
  private now = 0;
  private swept = 0;

  doubt(reason: string): void {
    if (this.doubtful === '') this.doubtful = reason;
  }

  /** A rule refers to the table; the first one's options are the table's (htable_find_get). */
  use(options: HashlimitOptions): HashlimitOptions {
    this.config ??= options;
    return this.config;
  }

  private get most(): number {
    const { size = 0, max = 0 } = this.config ?? {};
    const buckets = size === 0 ? DEFAULT_SIZE : size;
    return max === 0 ? 8 * buckets : Math.max(max, buckets);
  }

  /** A packet of a group came. @param jiffy when */
  take(options: HashlimitOptions, key: string, jiffy: number, length: number): Level {
    this.now = Math.max(this.now, jiffy);
    const config = this.config ?? options;
    const { now } = this;
    const expire = jiffies(config.expire);
    const gone = expire + 2 * jiffies(config.gcInterval) + COLLECTOR_SLACK;
    if (now - this.swept > gone) this.sweep(gone);
    let entry = this.entries.get(key);
    if (entry !== undefined && now - entry.touched >= gone) {
      this.entries.delete(key);
      entry = undefined;
    }
    const fresh = entry === undefined || now - entry.touched >= expire;
    if (entry === undefined) {
      if (this.entries.size >= this.most) this.sweep(gone);
      if (this.entries.size >= this.most) return this.whenFull(expire);
      entry = { buckets: [], touched: now };
      this.entries.set(key, entry);
    } else if (entry.buckets.length === 0) {
      // Given up before.
      entry.touched = now;
      return 'unknown';
    }
    return this.spendAll(entry, fresh, config, length);
  }

  private spendAll(entry: Entry, fresh: boolean, config: HashlimitOptions, length: number): Level {
    const { now } = this;
    for (const bucket of entry.buckets) refill(bucket, config, now);
    if (fresh) entry.buckets.push(newBucket(config, now));
    entry.touched = now;
    let below = 0;
    const distinct = new Map<string, Bucket>();
    const { buckets } = entry;
    for (const bucket of buckets) {
      if (spend(bucket, config, length)) below += 1;
      if (buckets.length > 1) distinct.set(bucketKey(bucket), bucket);
    }
    const level = below === 0 ? 'above' : below === buckets.length ? 'below' : 'unknown';
    if (buckets.length > 1)
      entry.buckets = distinct.size > MOST_BUCKETS ? [] : [...distinct.values()];
    return level;
  }

  /** The kernel drops the packet, unless the collector has made room. */
  private whenFull(expire: number): Level {
    for (const { touched } of this.entries.values())
      if (this.now - touched >= expire) return 'unknown';
    return 'full';
  }

  private sweep(gone: number): void {
    this.swept = this.now;
    for (const [key, { touched }] of this.entries)
      if (this.now - touched >= gone) this.entries.delete(key);
  }
}

/** Tables by family and name. */
export const hashlimitTables: SharedKind<HashlimitTable> = {
  kind: 'hashlimit',
  make: () => new HashlimitTable(),
};
