/**
 * One incomplete datagram: its fragments in order, what arrived so far, and the rules by which one
 * more is taken, ignored as a duplicate, or ruins the whole (overlap). As inet_frag_queue_insert of
 * net/ipv4/inet_fragment.c, which both families use.
 */

/** A fragment's payload, kept until its datagram is whole. */
export interface Fragment {
  /** In the datagram's payload, bytes. */
  readonly offset: number;
  /** Bytes by its headers, as far as the datagram takes them. */
  readonly length: number;
  /** Captured bytes, at most `length`: fewer when the snap length cut it. */
  readonly payload: Uint8Array;
}

/** What the first fragment (offset 0) gives to the whole datagram. */
export interface Head {
  /** IP header, options or extension headers before the fragment header included, as captured. */
  readonly header: Uint8Array;
  /** Its length by itself, bytes. */
  readonly headerLength: number;
  /** Ethernet destination and source address, when the link layer has them. */
  readonly macs: Uint8Array | undefined;
  readonly packetType: number;
  readonly linkType: number;
  readonly etherType: number;
  readonly vlanId: number;
  readonly hardwareType: number;
  /** IPv6: protocol of the fragmentable part (the fragment header's next header). */
  readonly nextHeader: number;
}

/** Results of `insert`. */
export const INSERT_TAKEN = 0;
/** All of it is there already: this fragment is dropped, the rest stays. */
export const INSERT_DUPLICATE = 1;
/** It overlaps with others: the whole datagram is dropped (RFC 5722, for both families). */
export const INSERT_OVERLAP = 2;

/** Fragments next to each other that arrived in order count as one run. */
interface Run {
  readonly start: number;
  end: number;
}

/** An incomplete datagram. */
export class FragmentQueue {
  /** When it is given up, capture time in seconds. */
  expiresAt: number;
  head: Head | undefined;
  /** End of the payload as known so far; with `hasLast` the final length. */
  length = 0;
  hasLast = false;
  /** One bit for each ECN codepoint seen, 1 << codepoint. */
  ecn = 0;
  /** IPv4: largest fragment with and without regard to "don't fragment", bytes with header. */
  largest = 0;
  largestUnfragmentable = 0;
  /** IPv4: number of the source's fragments when the last one of this queue came. */
  sourceCount = 0;
  /** Whether all before this was taken is not known. */
  doubtful = false;
  /** Which fragments came is not known, and none is kept. */
  isUnknown = false;
  /** Memory that the fragments take, bytes. */
  memory = 0;

  private runs: Run[] = [];
  private fragments: Fragment[] = [];
  private taken = 0;
  /** Start and end of the fragment that reaches furthest. */
  private tailEnd = -1;

  constructor(expiresAt: number) {
    this.expiresAt = expiresAt;
  }

  /** Number of fragments. */
  get count(): number {
    return this.fragments.length;
  }

  /** Where the fragments but the first begin in the payload, in order. */
  starts(): number[] {
    const offsets = this.fragments.map(({ offset }) => offset).filter((offset) => offset !== 0);
    return offsets.sort((a, b) => a - b);
  }

  /** True when first and last are there and nothing is missing between. */
  get isComplete(): boolean {
    return this.head !== undefined && this.hasLast && this.taken === this.length;
  }

  /** Forgets the fragments (too many others of the source came between); time begins anew. */
  reset(expiresAt: number): void {
    this.expiresAt = expiresAt;
    this.head = undefined;
    this.length = 0;
    this.hasLast = false;
    this.ecn = 0;
    this.memory = 0;
    this.runs = [];
    this.fragments = [];
    this.taken = 0;
    this.tailEnd = -1;
  }

  /** Where a fragment belongs; `INSERT_TAKEN` only says that it fits, `add` takes it. */
  check(offset: number, end: number): number {
    if (this.tailEnd < 0) return INSERT_TAKEN;
    if (end > this.tailEnd) return offset < this.tailEnd ? INSERT_OVERLAP : INSERT_TAKEN;
    for (const run of this.runs) {
      if (end <= run.start || offset >= run.end) continue;
      return offset >= run.start && end <= run.end ? INSERT_DUPLICATE : INSERT_OVERLAP;
    }
    return INSERT_TAKEN;
  }

  /** Takes a fragment that fits. */
  add(fragment: Fragment): void {
    const { offset, length } = fragment;
    const end = offset + length;
    const last = this.runs.at(-1);
    if (last !== undefined && offset === this.tailEnd && last.end === offset) last.end = end;
    else this.insertRun({ start: offset, end });
    if (end > this.tailEnd) this.tailEnd = end;
    this.fragments.push(fragment);
    this.taken += length;
  }

  private insertRun(run: Run): void {
    let at = this.runs.length;
    while (at > 0 && (this.runs[at - 1] as Run).start > run.start) at -= 1;
    this.runs.splice(at, 0, run);
  }

  /** The payload, up to the first byte that was not captured. */
  payload(): Uint8Array {
    const sorted = [...this.fragments].sort((a, b) => a.offset - b.offset);
    let captured = 0;
    for (const { payload, length } of sorted) {
      captured += payload.length;
      if (payload.length < length) break;
    }
    const whole = new Uint8Array(captured);
    for (const { offset, payload } of sorted) if (offset < captured) whole.set(payload, offset);
    return whole;
  }
}
