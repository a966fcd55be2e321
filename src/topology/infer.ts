/**
 * Infers the vantage from the capture's beginning where the user does not give it, and completes it
 * where the user does. Says plainly what was guessed, and which option would fix it.
 */
import type { CaptureInterface } from '../capture/types.ts';
import type { PacketView } from '../packet/fields.ts';
import { addressText, type Prefix, readPrefix } from './address.ts';
import { placeKey } from './forwarding.ts';
import {
  byForwarding,
  byLoopback,
  byMac,
  byStatedWay,
  byTraffic,
  type Found,
  prefixLengthOf,
} from './guess.ts';
import { type Learned, learn } from './learn.ts';
import { type Sample, sampleOf } from './samples.ts';
import { DEFAULT_INTERFACE } from './topology.ts';
import type { Vantage, VantageInterface } from './vantage.ts';

/** What `conclude` gives. */
export interface Inferred extends Learned {
  /** False when the addresses were guessed. */
  readonly certain: boolean;
}

const NOTHING: Vantage = { interfaces: [], local: [], groups: [], routes: [] };

/** Looks at packets, then tells whose they are. */
export class VantageObserver {
  private readonly samples: Sample[] = [];

  /** Looks at a decoded IP packet. */
  observe(packet: PacketView): void {
    this.samples.push(sampleOf(packet));
  }

  /** Completes a vantage that the user gave. */
  complete(vantage: Vantage, captured: readonly CaptureInterface[]): Learned {
    return learn(this.samples, vantage, captured);
  }

  /**
   * The vantage as far as the capture shows it.
   * @param given routes and groups that the user gave all the same
   */
  conclude(captured: readonly CaptureInterface[], given: Vantage = NOTHING): Inferred {
    const described = describedInterfaces(captured);
    if (described.length > 0) {
      const vantage = { ...given, interfaces: described, origin: 'from the capture' };
      const learned = learn(this.samples, vantage, captured);
      return { ...learned, certain: true };
    }
    const found =
      byLoopback(this.samples) ??
      byStatedWay(this.samples) ??
      byForwarding(this.samples) ??
      byMac(this.samples) ??
      byTraffic(this.samples);
    if (found === undefined) {
      const notes = ['no packet tells which host this is: --local ADDR or --interface says so'];
      return {
        ...learn(this.samples, { ...given, origin: 'not known' }, captured),
        notes,
        certain: false,
      };
    }
    const notes = [noteOf(found)];
    const addresses = found.addresses.flatMap((text) => readPrefix(text) ?? []);
    const vantage = this.placed(addresses, captured, notes);
    const origin = found.certain ? 'from the capture' : 'guessed';
    const interfaces = [...given.interfaces, ...vantage.interfaces];
    const learned = learn(this.samples, { ...given, interfaces, origin }, captured);
    return { ...learned, notes: [...notes, ...learned.notes], certain: found.certain };
  }

  /** Puts addresses on the interfaces where they were seen. */
  private placed(
    addresses: readonly Prefix[],
    captured: readonly CaptureInterface[],
    notes: string[],
  ): Vantage {
    const places = new Map<string, { name: string; addresses: Prefix[] }>();
    const named = new Namer(captured);
    for (const sample of this.samples) {
      if (sample.loopback) continue;
      const key = placeKey(sample);
      if (!places.has(key)) places.set(key, { name: named.next(sample, notes), addresses: [] });
    }
    const list = [...places.values()];
    if (list.length === 0) list.push({ name: DEFAULT_INTERFACE, addresses: [] });
    for (const address of addresses) {
      const text = addressText(address.words);
      const seen = this.samples.find(
        ({ source, destination, loopback }) =>
          !loopback && (source === text || destination === text),
      );
      const key = seen ? placeKey(seen) : '';
      const place = places.get(key) ?? list[0];
      place?.addresses.push(this.withPrefix(address, notes));
    }
    const interfaces: VantageInterface[] = [];
    for (const { name, addresses: own } of list) {
      const same = interfaces.findIndex((one) => one.name === name);
      const before = interfaces[same];
      if (before === undefined) interfaces.push({ name, mac: undefined, addresses: own });
      else interfaces[same] = { ...before, addresses: [...before.addresses, ...own] };
    }
    return { ...NOTHING, interfaces };
  }

  /** Broadcasts that the capture holds give away the length of an IPv4 prefix. */
  private withPrefix(address: Prefix, notes: string[]): Prefix {
    if (address.family !== 4) return address;
    for (const { broadcast } of this.samples) {
      if (broadcast === undefined) continue;
      const length = prefixLengthOf(address.words[0] ?? 0, broadcast);
      if (length === undefined) continue;
      notes.push(`prefix length ${length} taken from the broadcasts in the capture`);
      return { ...address, length };
    }
    return address;
  }
}

function noteOf(found: Found): string {
  const list = found.addresses.join(', ') || 'the host of lo';
  if (found.certain) return `this host is ${list}, ${found.how}`;
  return `guessed that this host is ${list}, ${found.how}; if not: --local ADDR[,ADDR…]`;
}

/** Interfaces whose addresses the capture gives (pcapng if_IPv4addr and if_IPv6addr). */
function describedInterfaces(captured: readonly CaptureInterface[]): VantageInterface[] {
  const found = new Map<string, Prefix[]>();
  for (const { name, addresses } of captured) {
    const prefixes = addresses.flatMap((text) => readPrefix(text) ?? []);
    if (prefixes.length === 0) continue;
    const key = name ?? DEFAULT_INTERFACE;
    found.set(key, [...(found.get(key) ?? []), ...prefixes]);
  }
  return [...found].map(([name, addresses]) => ({ name, mac: undefined, addresses }));
}

/** Names interfaces: as the capture does, else eth0, eth1 … with a note. */
class Namer {
  private readonly captured: readonly CaptureInterface[];
  private readonly taken = new Set<string>();
  private invented = 0;

  constructor(captured: readonly CaptureInterface[]) {
    this.captured = captured;
    for (const { name } of captured) if (name !== undefined) this.taken.add(name);
  }

  next(sample: Sample, notes: string[]): string {
    const { interfaceId, linkInterfaceIndex } = sample;
    const name = this.captured[interfaceId]?.name;
    if (name !== undefined && name !== 'any' && !/[\s/:\\]/.test(name)) return name;
    let invented: string;
    do {
      invented = `eth${this.invented}`;
      this.invented += 1;
    } while (this.taken.has(invented));
    const which =
      linkInterfaceIndex > 0 ? `interface ${linkInterfaceIndex} of the capture` : 'the interface';
    notes.push(`${which} has no name: taken as ${invented}; if not: --interface NAME=ADDR/LEN`);
    return invented;
  }
}
