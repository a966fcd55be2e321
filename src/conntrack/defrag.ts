/**
 * Reassembly before the hooks, as the kernel does it where connections are tracked: IPv4 by
 * net/ipv4/ip_fragment.c, IPv6 by net/ipv6/netfilter/nf_conntrack_reasm.c. Time is the capture's;
 * memory is bounded by the kernel's own limits. A whole datagram takes the view's place.
 */
import { Frame } from '../capture/types.ts';
import { decode } from '../packet/decode.ts';
import { isFragment, type PacketView } from '../packet/fields.ts';
import {
  type Fragment,
  FragmentQueue,
  type Head,
  INSERT_DUPLICATE,
  INSERT_OVERLAP,
} from './fragment-queue.ts';
import { type ConntrackOptions, withDefaults } from './options.ts';
import { isTruncatedFirstFragment } from './reassembly-ipv6.ts';
import { combineEcn, finishIpv4, finishIpv6, headOf, MAC_LENGTH } from './whole-datagram.ts';

/** The view now is the whole datagram, or was no fragment; it goes on its way. */
export const DEFRAG_COMPLETE = 0;
/** Kept until the rest arrives. */
export const DEFRAG_QUEUED = 1;
/** Dropped: `reason` says why. */
export const DEFRAG_DROPPED = 2;
/** The capture cannot tell what the kernel does with it: `reason` says why. */
export const DEFRAG_UNDECIDED = 3;

/** What became of a fragment; one reused object. */
export interface DefragResult {
  /** One DEFRAG_ value. */
  status: number;
  reason: string;
}

/** Collects fragments. */
export interface Defragmenter {
  /**
   * Takes a packet (any; those without fragment header pass). On completion `packet` becomes the
   * whole datagram: header, link addresses and packet type of the first fragment, number, time and
   * interface of the last to arrive. Call `verifyChecksums` again then, if checksums are checked.
   * @param device interface where it arrives or leaves; without, what the capture says
   */
  add(packet: PacketView, device?: string): DefragResult;
  /** A fragment that may have come or not: nothing is known of its datagram any more. */
  doubt(packet: PacketView, device?: string): void;
  /** A packet that may have been any fragment of the family. */
  doubtAll(family: 4 | 6, packet: PacketView): void;
  /** Incomplete datagrams. */
  readonly size: number;
}

const UNKNOWN_FRAGMENTS = 'other fragments of its datagram may have come, or may not';

const LINKTYPE_RAW = 101;
const MOST_BYTES = 65_535;
/** What a fragment takes in kernel memory beside its bytes: at least, and at most (driver's page). */
const LEAST_OVERHEAD = 256;
const MOST_OVERHEAD = 4096;
/** Fragments seen from an IPv4 source, for `ipfrag_max_dist`. */
interface Source {
  count: number;
  queues: number;
}

class KernelDefragmenter implements Defragmenter {
  private readonly options: ConntrackOptions;
  /** By family, in the order of expiry. */
  private readonly queues = {
    4: new Map<string, FragmentQueue>(),
    6: new Map<string, FragmentQueue>(),
  };
  private readonly sources = new Map<number, Source>();
  private readonly result: DefragResult = { status: DEFRAG_COMPLETE, reason: '' };
  private readonly frame = new Frame();
  /** By family: until then any queue may hold a fragment that is not known. */
  private readonly allDoubtfulUntil = { 4: Number.NEGATIVE_INFINITY, 6: Number.NEGATIVE_INFINITY };
  /** By family: bytes that the kernel has allocated at least, and fragments held. */
  private readonly memory = { 4: 0, 6: 0 };
  private readonly fragments = { 4: 0, 6: 0 };

  constructor(options: Partial<ConntrackOptions> | undefined) {
    this.options = withDefaults(options);
  }

  get size(): number {
    return this.queues[4].size + this.queues[6].size;
  }

  add(packet: PacketView, device = ''): DefragResult {
    const fragmented = packet.family === 4 ? isFragment(packet) : packet.fragmentHeaderOffset >= 0;
    if (!fragmented || (packet.family === 6 && this.passesWhole(packet)))
      return this.answer(DEFRAG_COMPLETE, '');
    if (packet.family === 6 && packet.fragmentHeaderOffset + 8 > packet.networkEnd)
      return this.headerProblem(packet);
    const family = packet.family === 6 ? 6 : 4;
    const now = packet.timeSeconds + packet.timeNanoseconds / 1e9;
    const key = keyOf(packet, device);
    this.expire(now);
    const refused = this.memoryProblem(family);
    if (refused === DEFRAG_DROPPED)
      return this.answer(DEFRAG_DROPPED, 'memory for fragments is used up');
    let queue = this.queues[family].get(key);
    if (queue?.isUnknown || now < this.allDoubtfulUntil[family]) {
      this.doubt(packet, device);
      return this.answer(DEFRAG_UNDECIDED, UNKNOWN_FRAGMENTS);
    }
    if (queue === undefined) {
      queue = new FragmentQueue(now + this.timeout(packet));
      this.queues[family].set(key, queue);
      this.countSource(packet, queue);
    }
    if (refused === DEFRAG_UNDECIDED) queue.doubtful = true;
    if (family === 4 && this.isTooFar(packet, queue)) {
      this.forget(4, queue);
      queue.reset(now + this.timeout(packet));
      this.queues[4].delete(key);
      this.queues[4].set(key, queue);
    }
    return this.enqueue(packet, key, queue);
  }

  /** Each such fragment may begin a new queue, so the doubt lasts as long as one. */
  doubt(packet: PacketView, device = ''): void {
    const family = packet.family === 6 ? 6 : 4;
    const key = keyOf(packet, device);
    const old = this.queues[family].get(key);
    if (old !== undefined) this.drop(family, key, old);
    const now = packet.timeSeconds + packet.timeNanoseconds / 1e9;
    const queue = new FragmentQueue(now + this.timeout(packet));
    queue.isUnknown = true;
    this.queues[family].set(key, queue);
    this.countSource(packet, queue);
  }

  doubtAll(family: 4 | 6, packet: PacketView): void {
    const { ipfragTimeSeconds, frag6TimeoutSeconds } = this.options;
    const now = packet.timeSeconds + packet.timeNanoseconds / 1e9;
    const until = now + (family === 4 ? ipfragTimeSeconds : frag6TimeoutSeconds);
    this.allDoubtfulUntil[family] = Math.max(this.allDoubtfulUntil[family], until);
  }

  private headerProblem(packet: PacketView): DefragResult {
    const whole = packet.networkEnd === packet.networkOffset + packet.totalLength;
    if (whole) return this.answer(DEFRAG_DROPPED, 'its fragment header is too short');
    this.doubtAll(6, packet);
    return this.answer(DEFRAG_UNDECIDED, 'fragment header cut by the snap length');
  }

  private answer(status: number, reason: string): DefragResult {
    this.result.status = status;
    this.result.reason = reason;
    return this.result;
  }

  private timeout(packet: PacketView): number {
    const { ipfragTimeSeconds, frag6TimeoutSeconds } = this.options;
    return packet.family === 4 ? ipfragTimeSeconds : frag6TimeoutSeconds;
  }

  /** Cases that nf_ct_frag6_gather leaves alone: they walk the hooks as they are. */
  private passesWhole(packet: PacketView): boolean {
    const fieldAt = packet.networkOffset + 4;
    const isJumbo = packet.view.getUint16(fieldAt) === 0;
    return isJumbo || isTruncatedFirstFragment(packet);
  }

  /** Gives up queues whose time is over. */
  private expire(now: number): void {
    for (const family of [4, 6] as const) {
      for (const [key, queue] of this.queues[family]) {
        if (queue.expiresAt > now) break;
        this.drop(family, key, queue);
      }
    }
  }

  private drop(family: 4 | 6, key: string, queue: FragmentQueue): void {
    this.queues[family].delete(key);
    this.forget(family, queue);
    if (family === 4) this.releaseSource(Number(key.split(' ')[1]));
  }

  private forget(family: 4 | 6, queue: FragmentQueue): void {
    this.memory[family] -= queue.memory;
    this.fragments[family] -= queue.count;
  }

  /** The kernel refuses fragments above the threshold; how much it has allocated is known roughly. */
  private memoryProblem(family: 4 | 6): number {
    const { ipfragHighThreshBytes, frag6HighThreshBytes } = this.options;
    const threshold = family === 4 ? ipfragHighThreshBytes : frag6HighThreshBytes;
    const least = this.memory[family];
    if (least > threshold) return DEFRAG_DROPPED;
    const most = least + this.fragments[family] * (MOST_OVERHEAD - LEAST_OVERHEAD);
    return most > threshold ? DEFRAG_UNDECIDED : DEFRAG_COMPLETE;
  }

  private countSource(packet: PacketView, queue: FragmentQueue): void {
    if (packet.family !== 4) return;
    const known = this.sources.get(packet.source0);
    const source = known ?? { count: 0, queues: 0 };
    source.queues += 1;
    if (known === undefined) this.sources.set(packet.source0, source);
    queue.sourceCount = source.count;
  }

  private releaseSource(address: number): void {
    const source = this.sources.get(address);
    if (source === undefined) return;
    source.queues -= 1;
    if (source.queues === 0) this.sources.delete(address);
  }

  /** Did more than ipfrag_max_dist other fragments of the source come since the last of this one? */
  private isTooFar(packet: PacketView, queue: FragmentQueue): boolean {
    const source = this.sources.get(packet.source0);
    const { ipfragMaxDist } = this.options;
    if (source === undefined || ipfragMaxDist === 0) return false;
    source.count += 1;
    const distance = source.count - queue.sourceCount;
    queue.sourceCount = source.count;
    return queue.count > 0 && distance > ipfragMaxDist;
  }

  private enqueue(packet: PacketView, key: string, queue: FragmentQueue): DefragResult {
    const four = packet.family === 4;
    const dataAt = four
      ? packet.networkOffset + packet.networkHeaderLength
      : packet.fragmentHeaderOffset + 8;
    const offset = packet.fragmentOffset;
    let end = offset + packet.networkOffset + packet.totalLength - dataAt;
    if (!four && end > MOST_BYTES) return this.answer(DEFRAG_DROPPED, 'it ends beyond 65535 bytes');
    if (packet.moreFragments !== 0 && (end & 7) !== 0) {
      // IPv6 passes such a fragment on as it is and gives up the rest; IPv4 cuts it.
      if (!four) {
        this.drop(four ? 4 : 6, key, queue);
        return this.answer(DEFRAG_COMPLETE, '');
      }
      end &= ~7;
    }
    const problem = this.lengthProblem(packet, queue, offset, end);
    // IPv4 gives up the whole datagram for what IPv6 drops alone.
    if (problem !== '' && !four) return this.answer(DEFRAG_DROPPED, problem);
    if (problem !== '') return this.refuse(4, key, queue, problem);
    const place = queue.check(offset, end);
    if (place === INSERT_DUPLICATE) return this.answer(DEFRAG_DROPPED, 'it is there already');
    if (place === INSERT_OVERLAP)
      return this.refuse(four ? 4 : 6, key, queue, 'it overlaps with another');
    this.take(packet, queue, offset, end, dataAt);
    if (!queue.isComplete) return this.answer(DEFRAG_QUEUED, '');
    this.drop(four ? 4 : 6, key, queue);
    return this.complete(packet, queue);
  }

  private refuse(family: 4 | 6, key: string, queue: FragmentQueue, reason: string): DefragResult {
    this.drop(family, key, queue);
    return this.answer(DEFRAG_DROPPED, `${reason}: the whole datagram is dropped`);
  }

  private lengthProblem(
    packet: PacketView,
    queue: FragmentQueue,
    offset: number,
    end: number,
  ): string {
    if (packet.moreFragments === 0) {
      if (end < queue.length) return 'the last fragment ends before others';
      if (queue.hasLast && end !== queue.length) return 'a second last fragment';
      queue.hasLast = true;
      queue.length = end;
    } else if (end > queue.length) {
      if (queue.hasLast) return 'it ends after the last fragment';
      queue.length = end;
    }
    return end === offset ? 'it is empty' : '';
  }

  private take(
    packet: PacketView,
    queue: FragmentQueue,
    offset: number,
    end: number,
    dataAt: number,
  ): void {
    const length = end - offset;
    const captured = Math.max(0, Math.min(dataAt + length, packet.networkEnd) - dataAt);
    const payload = packet.bytes.slice(dataAt, dataAt + captured);
    const fragment: Fragment = { offset, length, payload };
    queue.add(fragment);
    queue.ecn |= 1 << (packet.tos & 3);
    if (offset === 0) queue.head = headOf(packet);
    const memory = length + LEAST_OVERHEAD;
    const family = packet.family === 6 ? 6 : 4;
    queue.memory += memory;
    this.memory[family] += memory;
    this.fragments[family] += 1;
    const whole = length + packet.networkHeaderLength;
    queue.largest = Math.max(queue.largest, whole);
    if (packet.dontFragment !== 0)
      queue.largestUnfragmentable = Math.max(queue.largestUnfragmentable, whole);
  }

  /** Builds the datagram and decodes it into the view. */
  private complete(packet: PacketView, queue: FragmentQueue): DefragResult {
    const head = queue.head as Head;
    const ecn = combineEcn(queue.ecn);
    if (ecn < 0) return this.answer(DEFRAG_DROPPED, 'ECN bits of its fragments contradict');
    const four = packet.family === 4;
    const totalLength = head.headerLength + queue.length;
    if (totalLength - (four ? 0 : 40) > MOST_BYTES)
      return this.answer(DEFRAG_DROPPED, 'the datagram is longer than 65535 bytes');
    const headerIsWhole = head.header.length === head.headerLength;
    const payload = headerIsWhole ? queue.payload() : new Uint8Array(0);
    const bytes = new Uint8Array(MAC_LENGTH + head.header.length + payload.length);
    if (head.macs !== undefined) bytes.set(head.macs, 0);
    bytes.set(head.header, MAC_LENGTH);
    bytes.set(payload, MAC_LENGTH + head.header.length);
    const view = new DataView(bytes.buffer);
    if (four) finishIpv4(view, queue, totalLength, ecn);
    else finishIpv6(view, head, totalLength, ecn);
    this.decodeWhole(packet, bytes, view, totalLength, head);
    packet.pieces = queue.starts().map((start) => head.headerLength + start);
    packet.piecesOf = bytes;
    if (queue.doubtful)
      return this.answer(DEFRAG_UNDECIDED, 'memory for fragments may have been used up');
    return this.answer(DEFRAG_COMPLETE, '');
  }

  private decodeWhole(
    packet: PacketView,
    bytes: Uint8Array,
    view: DataView,
    totalLength: number,
    head: Head,
  ): void {
    const { frame } = this;
    const { linkInterfaceIndex } = packet;
    frame.number = packet.number;
    frame.bytes = bytes;
    frame.view = view;
    frame.offset = MAC_LENGTH;
    frame.capturedLength = bytes.length - MAC_LENGTH;
    frame.originalLength = totalLength;
    frame.timeSeconds = packet.timeSeconds;
    frame.timeNanoseconds = packet.timeNanoseconds;
    frame.linkType = LINKTYPE_RAW;
    frame.interfaceId = packet.interfaceId;
    frame.direction = packet.direction;
    decode(frame, packet);
    packet.linkType = head.linkType;
    packet.packetType = head.packetType;
    packet.linkInterfaceIndex = linkInterfaceIndex;
    packet.hardwareType = head.hardwareType;
    packet.etherType = head.etherType;
    packet.vlanId = head.vlanId;
    if (head.macs === undefined) return;
    packet.destinationMacOffset = 0;
    packet.sourceMacOffset = 6;
  }
}

/**
 * What fragments of one datagram have in common. IPv6 ones must arrive on one interface too
 * (fq_find of nf_conntrack_reasm.c).
 */
function keyOf(packet: PacketView, device: string): string {
  if (packet.family === 4)
    return `4 ${packet.source0} ${packet.destination0} ${packet.identification} ${packet.protocol}`;
  const { source0, source1, source2, source3 } = packet;
  const { destination0, destination1, destination2, destination3 } = packet;
  const source = `${source0} ${source1} ${source2} ${source3}`;
  const destination = `${destination0} ${destination1} ${destination2} ${destination3}`;
  const at = device === '' ? `${packet.interfaceId} ${packet.linkInterfaceIndex}` : device;
  return `6 ${source} ${destination} ${packet.identification} ${at}`;
}

/**
 * Makes an empty defragmenter.
 * @param options what differs from the kernel's defaults
 */
export function createDefragmenter(options?: Partial<ConntrackOptions>): Defragmenter {
  return new KernelDefragmenter(options);
}
