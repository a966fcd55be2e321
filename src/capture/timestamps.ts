/**
 * pcapng timestamps: 64-bit counts of units whose length each interface chooses (if_tsresol),
 * turned into exact whole seconds and nanoseconds (rounded down) without BigInt for all usual
 * resolutions. Packets of one second need one subtraction only.
 */

const TWO_POW_32 = 4_294_967_296;
const NANOSECONDS_PER_SECOND = 1_000_000_000;
/** Above this many units in a second the long division in doubles would no longer be exact. */
const MOST_UNITS_IN_DOUBLES = 2 ** 37;

/** if_tsresol when an interface has none: microseconds. */
export const DEFAULT_RESOLUTION = 6;

/** Converts the timestamps of one interface. */
export class Timestamps {
  /** Result of the last `convert`: whole seconds since 1970-01-01 UTC. */
  seconds = 0;
  /** Result of the last `convert`: 0 to 999,999,999. */
  nanoseconds = 0;

  private readonly offsetSeconds: number;
  private readonly unitsPerSecond: number;
  private readonly unitsBig: bigint;
  /** nanoseconds = floor(units * multiplier / divisor), exact in doubles. */
  private readonly multiplier: number;
  private readonly divisor: number;
  /** Units in a second when the arithmetic is exact in doubles, 0 when BigInt is needed. */
  private readonly cachedUnits: number;
  // The timestamp at which the current second began; low may be negative.
  private baseHigh = 0;
  private baseLow = Number.POSITIVE_INFINITY;

  /**
   * @param resolution if_tsresol: a negative power of ten, or of two with the top bit set
   * @param offsetSeconds if_tsoffset, whole seconds to add
   */
  constructor(resolution = DEFAULT_RESOLUTION, offsetSeconds = 0) {
    const exponent = resolution & 0x7f;
    const binary = (resolution & 0x80) !== 0;
    this.offsetSeconds = offsetSeconds;
    this.unitsBig = (binary ? 2n : 10n) ** BigInt(exponent);
    this.unitsPerSecond = Number(this.unitsBig);
    this.multiplier = 1;
    this.divisor = 1;
    if (binary) {
      this.multiplier = NANOSECONDS_PER_SECOND;
      this.divisor = this.unitsPerSecond;
      this.cachedUnits = exponent <= 22 ? this.unitsPerSecond : 0;
    } else {
      if (exponent <= 9) this.multiplier = 10 ** (9 - exponent);
      else this.divisor = 10 ** (exponent - 9);
      this.cachedUnits = this.unitsPerSecond <= MOST_UNITS_IN_DOUBLES ? this.unitsPerSecond : 0;
    }
  }

  /** Sets `seconds` and `nanoseconds` from the two halves of a timestamp, each 0 to 2^32-1. */
  convert(high: number, low: number): void {
    const units = (high - this.baseHigh) * TWO_POW_32 + (low - this.baseLow);
    if (units >= 0 && units < this.cachedUnits) this.setFraction(units);
    else if (this.cachedUnits > 0) this.divide(high, low);
    else this.divideBig(high, low);
  }

  /** Keeps to 32-bit integers where it can: this runs for every packet. */
  private setFraction(units: number): void {
    const scaled = units * this.multiplier;
    this.nanoseconds = this.divisor === 1 ? scaled | 0 : Math.floor(scaled / this.divisor) | 0;
  }

  /** Long division with 16-bit digits: every step stays below 2^53. */
  private divide(high: number, low: number): void {
    const unit = this.unitsPerSecond;
    const first = Math.floor(high / unit);
    let rest = (high - first * unit) * 65_536 + (low >>> 16);
    const second = Math.floor(rest / unit);
    rest = (rest - second * unit) * 65_536 + (low & 0xffff);
    const third = Math.floor(rest / unit);
    rest -= third * unit;
    this.seconds = first * TWO_POW_32 + second * 65_536 + third + this.offsetSeconds;
    this.baseHigh = high;
    this.baseLow = low - rest;
    this.setFraction(rest);
  }

  private divideBig(high: number, low: number): void {
    const total = (BigInt(high) << 32n) | BigInt(low);
    const rest = total % this.unitsBig;
    this.seconds = Number(total / this.unitsBig) + this.offsetSeconds;
    this.nanoseconds = Number((rest * 1_000_000_000n) / this.unitsBig);
  }
}
