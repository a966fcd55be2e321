/**
 * Finds the host's own addresses from samples alone: by what the capture states (direction flags,
 * packet types, loopback), else by MAC addresses, else by traffic. Only the first is certain.
 */
import { forwardedPackets, placeKey } from './forwarding.ts';
import type { Sample } from './samples.ts';
import { WAY_RECEIVED, WAY_SENT } from './sightings.ts';

/** The host's MAC address is in so many of the frames. */
const IN_NEARLY_ALL = 0.95;
const CLEARLY = 0.3;

/** Addresses with how they were found. */
export interface Found {
  /** As text. */
  readonly addresses: readonly string[];
  readonly certain: boolean;
  /** "by …", for the note. */
  readonly how: string;
}

/** By the capture's own word: what is sent and not received is the host's, and the reverse. */
export function byStatedWay(samples: readonly Sample[]): Found | undefined {
  const sentFrom = new Set<string>();
  const sentTo = new Set<string>();
  const receivedFrom = new Set<string>();
  const receivedTo = new Set<string>();
  for (const { way, source, destination, loopback } of samples) {
    if (loopback) continue;
    if (way === WAY_SENT) {
      sentFrom.add(source);
      sentTo.add(destination);
    } else if (way === WAY_RECEIVED) {
      receivedFrom.add(source);
      receivedTo.add(destination);
    }
  }
  const own = [
    ...[...sentFrom].filter((address) => !receivedFrom.has(address)),
    ...[...receivedTo].filter((address) => !sentTo.has(address)),
  ].filter((address) => address !== '');
  // A router that only forwards: what it receives it also sends.
  if (own.length === 0) return undefined;
  return {
    addresses: [...new Set(own)],
    certain: sentFrom.size > 0,
    how: 'by the capture’s direction flags',
  };
}

/** A capture of lo only: every address in it is the host's. */
export function byLoopback(samples: readonly Sample[]): Found | undefined {
  if (samples.length === 0 || !samples.every(({ loopback }) => loopback)) return undefined;
  const all = samples.flatMap(({ source, destination }) => [source, destination]);
  const own = new Set(
    all.filter((text) => text !== '' && text !== '::1' && !text.startsWith('127.')),
  );
  return { addresses: [...own], certain: true, how: 'as it was captured at lo' };
}

/**
 * By the packets that the host forwards, each captured twice: the MAC addresses that take and send
 * them are the host's, and so are the addresses that those send from by themselves.
 */
export function byForwarding(samples: readonly Sample[]): Found | undefined {
  const packets = forwardedPackets(samples);
  const macs = new Set<string>();
  const ends = new Set<string>();
  for (const { arriving, leaving } of packets) {
    if (arriving.destinationMac !== 0) macs.add(`${placeKey(arriving)} ${arriving.destinationMac}`);
    if (leaving.sourceMac !== 0) macs.add(`${placeKey(leaving)} ${leaving.sourceMac}`);
    ends.add(arriving.source).add(arriving.destination);
  }
  const own = samples.filter(
    (sample) =>
      macs.has(`${placeKey(sample)} ${sample.sourceMac}`) &&
      sample.initialTtl &&
      sample.source !== '' &&
      !ends.has(sample.source),
  );
  if (own.length === 0) return undefined;
  const addresses = [...new Set(own.map(({ source }) => source))];
  return { addresses, certain: false, how: 'by the MAC addresses that forward packets' };
}

/** What is known of a MAC or IP address from the frames that it is in. */
interface End {
  frames: number;
  sent: number;
  initialTtl: number;
  readonly sources: Set<string>;
  server: number;
}

class Ends<K> {
  readonly ends = new Map<K, End>();

  private end(key: K): End {
    let end = this.ends.get(key);
    if (end === undefined) {
      end = { frames: 0, sent: 0, initialTtl: 0, sources: new Set(), server: 0 };
      this.ends.set(key, end);
    }
    return end;
  }

  add(from: K, to: K, sample: Sample): void {
    const source = this.end(from);
    source.frames += 1;
    source.sent += 1;
    if (sample.initialTtl) source.initialTtl += 1;
    source.sources.add(sample.source);
    source.server -= sample.server;
    const destination = this.end(to);
    destination.frames += 1;
    destination.server += sample.server;
  }

  /** The end that most likely is the host. @param first wins when nothing else tells */
  best(candidates: readonly K[], first: K): K | undefined {
    const ranked = [...candidates].sort((a, b) => {
      const [x, y] = [this.end(a), this.end(b)];
      const ttl = share(y) - share(x);
      if (Math.abs(ttl) > CLEARLY) return ttl;
      if (x.sources.size !== y.sources.size && Math.min(x.sources.size, y.sources.size) > 0)
        return x.sources.size - y.sources.size;
      if (x.server !== y.server) return y.server - x.server;
      return a === first ? -1 : b === first ? 1 : 0;
    });
    return ranked[0];
  }
}

/** Share of its packets that have not yet passed a router. */
function share({ sent, initialTtl }: End): number {
  return sent === 0 ? 0.5 : initialTtl / sent;
}

/** By Ethernet: the host's MAC address is in (nearly) every frame, and no router is before it. */
export function byMac(samples: readonly Sample[]): Found | undefined {
  const ends = new Ends<number>();
  const frames = samples.filter(
    (sample) => !sample.loopback && sample.sourceMac !== 0 && sample.destinationMac !== 0,
  );
  const [first] = frames;
  if (first === undefined) return undefined;
  for (const sample of frames) ends.add(sample.sourceMac, sample.destinationMac, sample);
  const candidates = [...ends.ends]
    .filter(([, end]) => end.frames >= frames.length * IN_NEARLY_ALL)
    .map(([mac]) => mac);
  const host = ends.best(candidates, first.destinationMac);
  if (host === undefined) return undefined;
  const own = addressesOf(host, frames);
  if (own.length === 0) return undefined;
  return { addresses: own, certain: false, how: 'by the MAC address that is in nearly all frames' };
}

/** Addresses that a MAC sends from without a router between, else those that it is sent to. */
function addressesOf(mac: number, frames: readonly Sample[]): string[] {
  const sources = new Ends<string>();
  for (const sample of frames)
    if (sample.sourceMac === mac) sources.add(sample.source, sample.destination, sample);
  const own = [...sources.ends]
    .filter(([text, end]) => text !== '' && end.sent > 0 && share(end) > 0.5)
    .map(([text]) => text);
  if (own.length > 0) return own;
  const to = frames.filter(({ destinationMac }) => destinationMac === mac);
  return mostFrequent(to.map(({ destination, family }) => [destination, family]));
}

/** The most frequent text of each family. */
function mostFrequent(texts: readonly (readonly [string, number])[]): string[] {
  return [4, 6].flatMap((family) => {
    const counts = new Map<string, number>();
    for (const [text, of] of texts)
      if (of === family && text !== '') counts.set(text, (counts.get(text) ?? 0) + 1);
    const [best] = [...counts].sort((a, b) => b[1] - a[1]);
    return best === undefined ? [] : [best[0]];
  });
}

/** By traffic alone: the address of each family that most packets have at one end. */
export function byTraffic(samples: readonly Sample[]): Found | undefined {
  const own: string[] = [];
  for (const family of [4, 6]) {
    const ends = new Ends<string>();
    const packets = samples.filter((sample) => sample.family === family && !sample.loopback);
    for (const sample of packets) ends.add(sample.source, sample.destination, sample);
    const known = [...ends.ends].filter(([text]) => text !== '');
    const most = Math.max(0, ...known.map(([, end]) => end.frames));
    const candidates = known.filter(([, end]) => end.frames === most).map(([text]) => text);
    const host = ends.best(candidates, packets[0]?.destination ?? '');
    if (host !== undefined) own.push(host);
  }
  if (own.length === 0) return undefined;
  return { addresses: own, certain: false, how: 'by traffic: they are in the most packets' };
}

const USUAL_LENGTH = 24;

/**
 * Length of a prefix that has the broadcast address and holds the own one: 24 if that fits, as most
 * networks have it, else the longest. Undefined when none does. All that matters of it here is the
 * broadcast address, which they share.
 */
export function prefixLengthOf(own: number, broadcast: number): number | undefined {
  const fits = (length: number): boolean => {
    const hostBits = 0xffffffff >>> length;
    const isBroadcast = (broadcast & hostBits) >>> 0 === hostBits;
    return isBroadcast && (own ^ broadcast) >>> (32 - length) === 0;
  };
  if (fits(USUAL_LENGTH)) return USUAL_LENGTH;
  for (let length = 30; length >= 8; length--) if (fits(length)) return length;
  return undefined;
}
