/**
 * With the host's addresses known, learns from the samples which MAC addresses are the host's, by
 * which device each recording was made, which link-local addresses and groups are the host's too.
 */

import { LINKTYPE_LINUX_SLL } from '../capture/linktypes.ts';
import type { CaptureInterface } from '../capture/types.ts';
import { addressText, inPrefix, isLinkLocal6, type Prefix, readPrefix } from './address.ts';
import { forwardedPackets } from './forwarding.ts';
import type { Sample } from './samples.ts';
import { type DeviceSighting, type SightingFacts, WAY_RECEIVED, WAY_SENT } from './sightings.ts';
import type { Vantage, VantageInterface } from './vantage.ts';

/** Of the votes for a device, so many must agree. */
const AGREEMENT = 0.9;

/** The host's addresses as texts, with the interface that has each ('' for --local). */
function ownAddresses(vantage: Vantage): Map<string, string> {
  const own = new Map<string, string>();
  const add = (words: readonly number[], name: string): void => {
    const text = addressText(words);
    if (!own.has(text)) own.set(text, name);
  };
  for (const { name, addresses } of vantage.interfaces)
    for (const { words } of addresses) add(words, name);
  for (const { words } of vantage.local) add(words, '');
  return own;
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The host's MAC addresses: of frames to and from its own IP addresses, those not a peer's. */
function ownMacs(samples: readonly Sample[], own: ReadonlyMap<string, string>): number[] {
  const mine = new Map<number, number>();
  const peers = new Map<number, number>();
  for (const sample of samples) {
    if (sample.loopback || sample.sourceMac === 0) continue;
    const from = own.has(sample.source);
    const to = own.has(sample.destination);
    if (from === to) continue;
    increment(from ? mine : peers, sample.sourceMac);
    if (sample.destinationMac !== 0) increment(from ? peers : mine, sample.destinationMac);
  }
  return [...mine].filter(([mac]) => mac !== 0 && !peers.has(mac)).map(([mac]) => mac);
}

/** Interface of the vantage that is connected to an address. */
function connectedTo(vantage: Vantage, text: string): string | undefined {
  const address = readPrefix(text);
  if (address === undefined) return undefined;
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = address.words;
  if (address.family === 6 && isLinkLocal6(w0)) return undefined;
  return vantage.interfaces.find(({ addresses }) =>
    addresses.some(
      (prefix) =>
        prefix.family === address.family &&
        prefix.length < (prefix.family === 4 ? 32 : 128) &&
        inPrefix(prefix, w0, w1, w2, w3),
    ),
  )?.name;
}

interface Votes {
  readonly interfaceId: number;
  readonly linkInterfaceIndex: number;
  /** By networks: packets between this host and one connected to an interface. */
  readonly byNetwork: Map<string, number>;
  /** By the interface of this host's own address, which a packet to it need not have come in by. */
  readonly byAddress: Map<string, number>;
}

function vote(
  votes: Votes,
  sample: Sample,
  vantage: Vantage,
  own: ReadonlyMap<string, string>,
  macs: ReadonlySet<number>,
): void {
  const sent =
    sample.way === WAY_SENT || (sample.way !== WAY_RECEIVED && macs.has(sample.sourceMac));
  const received =
    sample.way === WAY_RECEIVED || (sample.way !== WAY_SENT && macs.has(sample.destinationMac));
  const from = own.get(sample.source);
  const to = own.get(sample.destination);
  if (from !== undefined && to !== undefined) return;
  let network: string | undefined;
  if (from !== undefined || sent) network = connectedTo(vantage, sample.destination);
  else if (to !== undefined || received) network = connectedTo(vantage, sample.source);
  if (network !== undefined) increment(votes.byNetwork, network);
  const owner = from ?? to ?? '';
  if (owner !== '') increment(votes.byAddress, owner);
}

/** The name that all votes are for by network, else nearly all by address. */
function elected({ byNetwork, byAddress }: Votes): string | undefined {
  const [first, second] = byNetwork.keys();
  if (first !== undefined) return second === undefined ? first : undefined;
  const total = [...byAddress.values()].reduce((sum, count) => sum + count, 0);
  return [...byAddress].find(([, count]) => count >= total * AGREEMENT)?.[0];
}

function devices(
  samples: readonly Sample[],
  vantage: Vantage,
  own: ReadonlyMap<string, string>,
  macs: ReadonlySet<number>,
): DeviceSighting[] {
  const all = new Map<string, Votes>();
  for (const sample of samples) {
    // SLL has one kind of record for all interfaces and does not tell them apart.
    if (sample.loopback || sample.linkType === LINKTYPE_LINUX_SLL) continue;
    const { interfaceId, linkInterfaceIndex } = sample;
    const key = `${interfaceId} ${linkInterfaceIndex}`;
    let votes = all.get(key);
    if (votes === undefined) {
      votes = { interfaceId, linkInterfaceIndex, byNetwork: new Map(), byAddress: new Map() };
      all.set(key, votes);
    }
    vote(votes, sample, vantage, own, macs);
  }
  return [...all.values()].flatMap((votes) => {
    const { interfaceId, linkInterfaceIndex } = votes;
    const name = elected(votes);
    return name === undefined ? [] : [{ interfaceId, linkInterfaceIndex, name }];
  });
}

/** Link-local addresses that the host sends from, and groups that it reports: added to the vantage. */
function completed(
  samples: readonly Sample[],
  vantage: Vantage,
  own: ReadonlyMap<string, string>,
  macs: ReadonlySet<number>,
  place: (sample: Sample) => string,
  notes: string[],
): Vantage {
  const learned: { address: Prefix; interface: string }[] = [];
  const learnedGroups: (readonly number[])[] = [];
  const known = new Set(own.keys());
  const knownGroups = new Set(vantage.groups.map(String));
  for (const sample of samples) {
    if (sample.loopback) continue;
    const sent = sample.way === WAY_SENT || macs.has(sample.sourceMac);
    if (sent && sample.family === 6 && !known.has(sample.source)) {
      const address = readPrefix(sample.source);
      if (address !== undefined && isLinkLocal6(address.words[0] ?? 0)) {
        known.add(sample.source);
        learned.push({ address, interface: place(sample) });
        notes.push(`${sample.source} is this host's too: it sends from it`);
      }
    }
    if (!sent && !known.has(sample.source)) continue;
    for (const group of sample.groups) {
      if (knownGroups.has(String(group))) continue;
      knownGroups.add(String(group));
      learnedGroups.push(group);
      notes.push(`joined ${addressText(group)}: its membership report is in the capture`);
    }
  }
  return { ...vantage, learned, learnedGroups };
}

/** What was learned. */
export interface Learned {
  /** With the link-local addresses and groups that were found. */
  readonly vantage: Vantage;
  readonly sightings: SightingFacts;
  readonly notes: readonly string[];
}

/** Interface of the vantage that a frame was captured at, '' when not known. */
function placeOf(
  vantage: Vantage,
  sightings: readonly DeviceSighting[],
  captured: readonly CaptureInterface[],
): (sample: Sample) => string {
  const names = vantage.interfaces.map(({ name }) => name).filter((name) => name !== 'lo');
  return ({ interfaceId, linkInterfaceIndex }) => {
    const name = captured[interfaceId]?.name;
    if (name !== undefined && names.includes(name)) return name;
    const seen = sightings.find(
      (one) => one.interfaceId === interfaceId && one.linkInterfaceIndex === linkInterfaceIndex,
    );
    if (seen !== undefined) return seen.name;
    return names.length === 1 ? (names[0] ?? '') : '';
  };
}

/** Where the ends of forwarded packets are, as far as the capture shows it without contradiction. */
function routesOf(
  samples: readonly Sample[],
  place: (sample: Sample) => string,
  notes: string[],
): { address: readonly number[]; interface: string }[] {
  const packets = forwardedPackets(samples);
  const found = new Map<string, string>();
  const note = (text: string, name: string): void => {
    const before = found.get(text);
    found.set(text, before === undefined || before === name ? name : '');
  };
  for (const { arriving, leaving } of packets) {
    note(leaving.destination, place(leaving));
    note(arriving.source, place(arriving));
  }
  const routes = [...found].flatMap(([text, name]) => {
    const address = readPrefix(text);
    return address === undefined || name === ''
      ? []
      : [{ address: address.words, interface: name }];
  });
  if (routes.length > 0)
    notes.push(
      `where ${routes.length} hosts are was learned from ${packets.length} forwarded packets; --route says it for all`,
    );
  return routes;
}

/** Whether MAC addresses that were not found cannot be the host's: it has one interface, or gave all. */
function allMacsKnown(
  vantage: Vantage,
  real: readonly VantageInterface[],
  captured: readonly CaptureInterface[],
): boolean {
  const [first] = real;
  if (first === undefined) return captured.length <= 1;
  if (real.every(({ mac }) => mac !== undefined)) return true;
  return real.length === 1 && vantage.routes.every((route) => route.interface === first.name);
}

/** Learns from samples what else there is to know of a host whose addresses are known. */
export function learn(
  samples: readonly Sample[],
  vantage: Vantage,
  captured: readonly CaptureInterface[],
): Learned {
  const own = ownAddresses(vantage);
  const given = vantage.interfaces.flatMap(({ mac }) => (mac === undefined ? [] : [mac]));
  const macs = new Set([...given, ...ownMacs(samples, own)]);
  const real = vantage.interfaces.filter(({ name }) => name !== 'lo');
  const macsComplete = macs.size > 0 && allMacsKnown(vantage, real, captured);
  const seen = real.length > 1 ? devices(samples, vantage, own, macs) : [];
  const notes: string[] = [];
  const place = placeOf(vantage, seen, captured);
  const learnedRoutes = real.length > 1 ? routesOf(samples, place, notes) : [];
  const whole = { ...completed(samples, vantage, own, macs, place, notes), learnedRoutes };
  const ofMac = (mac: number): string =>
    vantage.interfaces.find((one) => one.mac === mac)?.name ??
    (real.length === 1 ? (real[0]?.name ?? '') : '');
  const sightings = {
    devices: seen,
    macs: [...macs],
    macInterfaces: [...macs].map(ofMac),
    macsComplete,
  };
  return { vantage: whole, sightings, notes };
}
