/**
 * The arithmetic of -m hashlimit: rates, costs and credit in the 64-bit numbers of
 * net/netfilter/xt_hashlimit.c (revision 3), one bucket per group of packets.
 */
import { HZ } from './jiffies.ts';

/** XT_HASHLIMIT_SCALE_v2: units of `average` in a second, for packets. */
export const SCALE = 1_000_000;
const BYTE_SHIFT = 4n;
const U32 = 0xffffffffn;

function powerOfTwoBelow(value: bigint): bigint {
  return 1n << BigInt(value.toString(2).length - 1);
}

const DAY = BigInt(HZ * 86_400);
/** CREDITS_PER_JIFFY: a day's credit fits into 64 bits. */
const CREDITS_PER_JIFFY = powerOfTwoBelow(0xffffffffffffffffn / DAY);
/** CREDITS_PER_JIFFY_BYTES: a second's credit fits into 32 bits. */
const CREDITS_PER_JIFFY_BYTES = powerOfTwoBelow(U32 / BigInt(HZ));
const FULL_BYTES = CREDITS_PER_JIFFY_BYTES * BigInt(HZ);
const PER_UNIT = (BigInt(HZ) * CREDITS_PER_JIFFY) / BigInt(SCALE);

/** What of a rule's configuration decides rates. */
export interface RateConfig {
  /** Packets: time per packet in 1/1,000,000 s. Bytes: the cost of 16 bytes. */
  readonly average: bigint;
  /** Packets; or for bytes how often the bucket may be filled anew. */
  readonly burst: bigint;
  readonly bytes: boolean;
  /** --hashlimit-rate-match. */
  readonly rateMatch: boolean;
  /** Seconds, for rateMatch. */
  readonly interval: number;
}

/** user2credits. */
export function credits(user: bigint): bigint {
  return BigInt.asUintN(64, user * PER_UNIT);
}

/** user2credits_byte. */
export function byteCredits(average: bigint): bigint {
  return (average * FULL_BYTES) >> 32n;
}

/** Bytes a second of a cost (cost_to_bytes). */
export function costToBytes(cost: bigint): bigint {
  const rate = cost === 0n ? U32 : U32 / cost;
  return BigInt.asUintN(64, (rate - 1n) << BYTE_SHIFT);
}

/** Cost of 16 bytes at a rate of bytes a second; undefined where the real tool divides by zero. */
export function bytesToCost(bytes: bigint): bigint | undefined {
  const divisor = BigInt.asUintN(32, BigInt.asUintN(32, bytes >> BYTE_SHIFT) + 1n);
  return divisor === 0n ? undefined : U32 / divisor;
}

/** One bucket. All but `previous` by what the configuration needs. */
export interface Bucket {
  /** Jiffy of the last look. */
  previous: number;
  credit: bigint;
  /** Cap of the credit; for bytes how often it may still be filled anew. */
  cap: bigint;
  /** rateMatch: the interval before was above the rate. */
  above: boolean;
  /** rateMatch: packets or bytes of this interval. */
  current: bigint;
}

/** rateinfo_init. */
export function newBucket(config: RateConfig, now: number): Bucket {
  const bucket: Bucket = { previous: now, credit: 0n, cap: 0n, above: false, current: 0n };
  if (config.rateMatch) return bucket;
  if (config.bytes) {
    bucket.credit = FULL_BYTES;
    bucket.cap = config.burst;
  } else {
    bucket.credit = credits(BigInt.asUintN(64, config.average * config.burst));
    bucket.cap = bucket.credit;
  }
  return bucket;
}

function rateOf({ bytes, average }: RateConfig): bigint {
  return bytes ? costToBytes(average) : BigInt(SCALE) / average;
}

/** What the bucket of a rateMatch rule holds in its first interval. */
function burstOf(config: RateConfig, rate: bigint): bigint {
  if (!config.bytes) return config.burst + rate;
  return config.burst === 0n ? rate : config.burst * rate;
}

/** rateinfo_recalc: time has passed. */
export function refill(bucket: Bucket, config: RateConfig, now: number): void {
  const elapsed = now - bucket.previous;
  if (elapsed <= 0) return;
  if (config.rateMatch) {
    const interval = config.interval * HZ;
    if (elapsed < interval) return;
    bucket.previous = now;
    bucket.above = bucket.current * BigInt(interval) > BigInt(elapsed) * rateOf(config);
    bucket.current = 0n;
    return;
  }
  bucket.previous = now;
  const perJiffy = config.bytes ? CREDITS_PER_JIFFY_BYTES : CREDITS_PER_JIFFY;
  const cap = config.bytes ? FULL_BYTES : bucket.cap;
  const credit = bucket.credit + BigInt(elapsed) * perJiffy;
  bucket.credit = credit > cap ? cap : credit;
}

/** Takes a packet's cost from the bucket. @returns whether it is below the limit */
export function spend(bucket: Bucket, config: RateConfig, length: number): boolean {
  if (config.rateMatch) {
    bucket.current += config.bytes ? BigInt(length) : 1n;
    return !bucket.above && bucket.current <= burstOf(config, rateOf(config));
  }
  const cost = config.bytes ? byteCost(bucket, config, length) : credits(config.average);
  if (bucket.credit < cost) return false;
  bucket.credit -= cost;
  return true;
}

/** hashlimit_byte_cost; fills the bucket anew while its burst lasts. */
function byteCost(bucket: Bucket, config: RateConfig, length: number): bigint {
  const chunks = BigInt((length >>> 4) + 1);
  const whole = chunks * byteCredits(config.average);
  const cost = whole > FULL_BYTES ? FULL_BYTES : whole;
  if (bucket.credit < cost && bucket.cap > 0n) {
    bucket.cap -= 1n;
    bucket.credit = FULL_BYTES;
  }
  return cost;
}

/** The bucket as a text, to tell equal ones. */
export function bucketKey({ previous, credit, cap, above, current }: Bucket): string {
  return `${previous} ${credit} ${cap} ${above} ${current}`;
}
