/**
 * The host's side of the network, ready for lookups: interfaces by index (0 is lo), own addresses,
 * broadcast addresses, joined groups, routes. Made once per replay; lookups allocate nothing.
 */
import type { Family } from '../ruleset/types.ts';
import {
  AddressTable,
  inPrefix,
  isLinkLocal6,
  isLoopback4,
  isLoopback6,
  maskWord,
  networkOf,
  type Owner,
  type Prefix,
} from './address.ts';
import type { Vantage } from './vantage.ts';

/** Index of lo. */
export const LO = 0;
/** No interface, or none known. */
export const NO_DEVICE = -1;
/** An interface that is none of the host's IP interfaces. */
export const FOREIGN_DEVICE = -2;

/** Answers to whether the host takes a group's packets. */
export const JOINED = 1;
export const NOT_JOINED = 2;
export const MAYBE_JOINED = 3;

const ALL_NODES_4 = 0xe0000001 | 0;
/** 224.0.0.22 and ff02::16: reports for multicast routers, which no other host listens to. */
const IGMP_REPORTS = 0xe0000016 | 0;
const LINK_SCOPE = 0xff020000 | 0;
const INTERFACE_SCOPE = 0xff010000 | 0;
const MLD_REPORTS = 0x16;
/** ff02::1:ff00:0/104, the solicited-node groups (RFC 4291, 2.7.1). */
const SOLICITED = 0xff000000 | 0;

function isLoopback(words: readonly number[]): boolean {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return words.length === 1 ? isLoopback4(w0) : isLoopback6(w0, w1, w2, w3);
}

interface DeviceRoute {
  readonly prefix: Prefix;
  readonly device: number;
}

/** A prefix that an interface is connected to. */
interface Connected extends DeviceRoute {
  /** IPv4 broadcast address, undefined for /31, /32 and IPv6. */
  readonly broadcast: number | undefined;
}

/** The host's interfaces, addresses and routes. */
export class HostNetwork {
  readonly names: readonly string[];
  readonly connected: readonly Connected[];
  readonly routesGiven: boolean;
  /** The only interface beside lo, or NO_DEVICE. */
  readonly onlyDevice: number;
  /** Two interfaces, or a route, are the sign of a router: it joins ff02::2 and takes anycast. */
  readonly isRouter: boolean;
  private readonly addresses = new AddressTable();
  private readonly groups = new AddressTable();
  /** Hosts whose way was seen. */
  private readonly hosts = new AddressTable();
  private readonly routes4: readonly DeviceRoute[];
  private readonly routes6: readonly DeviceRoute[];
  private readonly default4: number;
  private readonly default6: number;
  private readonly solicited = new Set<number>();
  /** With its link-local address known too, the list of a host's addresses is taken as whole. */
  private hasLinkLocal = false;
  private readonly broadcasts = new Map<number, Owner>();
  private readonly vlans = new Map<number, number>();
  private readonly known: Readonly<Record<Family, boolean>>;

  /** @param vantage names at least one interface beside lo */
  constructor(vantage: Vantage) {
    const names = ['lo'];
    for (const { name } of vantage.interfaces) if (!names.includes(name)) names.push(name);
    for (const route of vantage.routes)
      if (!names.includes(route.interface)) names.push(route.interface);
    this.names = names;
    this.routesGiven = vantage.routes.length > 0;
    this.onlyDevice = names.length === 2 ? 1 : NO_DEVICE;
    const seen = vantage.learnedRoutes ?? [];
    for (const { address, interface: name } of seen) this.hosts.add(address, names.indexOf(name));
    this.isRouter = names.length > 2 || this.routesGiven;
    const connected: Connected[] = [];
    for (const { name, addresses } of vantage.interfaces) {
      const device = names.indexOf(name);
      for (const address of addresses) connected.push(this.own(address, device));
    }
    // Addresses without an interface are counted to the first: it only matters for --limit-iface.
    const first = names.length > 1 ? 1 : LO;
    for (const address of vantage.local) connected.push(this.own(address, first));
    for (const { address, interface: name } of vantage.learned ?? []) {
      // A link-local address of an unknown interface could be any one's.
      const devices = name === '' ? names.map((_, i) => i).slice(1) : [names.indexOf(name)];
      for (const device of devices) this.own(address, device);
    }
    this.connected = connected;
    for (const group of [...vantage.groups, ...(vantage.learnedGroups ?? [])])
      this.groups.add(group, first);
    const routes = [
      ...connected.filter(({ device }) => device !== LO),
      ...vantage.routes.map((route) => ({
        prefix: route.prefix,
        device: names.indexOf(route.interface),
      })),
    ].sort((a, b) => b.prefix.length - a.prefix.length);
    this.routes4 = routes.filter(({ prefix }) => prefix.family === 4);
    this.routes6 = routes.filter(({ prefix }) => prefix.family === 6);
    const byDefault = (all: readonly DeviceRoute[]): number =>
      all.find(({ prefix }) => prefix.length === 0)?.device ?? this.onlyDevice;
    this.default4 = byDefault(this.routes4);
    this.default6 = byDefault(this.routes6);
    this.known = this.knownFamilies(vantage);
  }

  private own(address: Prefix, device: number): Connected {
    // 127.0.0.0/8 and ::1 are known without being given.
    if (!isLoopback(address.words)) this.addresses.add(address.words, device);
    const last = address.words[3];
    if (address.family === 6 && last !== undefined) this.solicited.add(last & 0xffffff);
    const [word = 0] = address.words;
    if (address.family === 6 && isLinkLocal6(word)) this.hasLinkLocal = true;
    const hasBroadcast = address.family === 4 && address.length < 31 && device !== LO;
    const broadcast = hasBroadcast ? word | ~maskWord(address.length, 0) : undefined;
    if (broadcast !== undefined) {
      const owner = this.broadcasts.get(broadcast);
      if (owner === undefined) this.broadcasts.set(broadcast, { devices: [device] });
      else owner.devices.push(device);
    }
    return { prefix: networkOf(address), device, broadcast };
  }

  /** A family of which no address is known is known all the same when the user gave a route of it,
   * or no address at all (a router described by its interfaces only). */
  private knownFamilies(vantage: Vantage): Record<Family, boolean> {
    const given = [...vantage.local, ...vantage.interfaces.flatMap(({ addresses }) => addresses)];
    const all = given.filter(({ words }) => !isLoopback(words));
    const global = all.filter(({ words }) => words.length === 1 || !isLinkLocal6(words[0] ?? 0));
    const families = [...global, ...vantage.routes.map(({ prefix }) => prefix)];
    const has = (family: Family): boolean =>
      all.length === 0 || families.some((prefix) => prefix.family === family);
    return { 4: has(4), 6: has(6) };
  }

  /** False when this host's addresses of the family are not known, so that no way can be told. */
  knows(family: Family): boolean {
    return this.known[family];
  }

  /** Index of an interface by name, or NO_DEVICE. */
  device(name: string): number {
    return this.names.indexOf(name);
  }

  /** Interface that takes the frames of a VLAN, by its name (eth0.5, vlan5), or NO_DEVICE. */
  vlanDevice(vlanId: number): number {
    let device = this.vlans.get(vlanId);
    if (device === undefined) {
      const pattern = new RegExp(`(\\.|^vlan\\.?)0*${vlanId}(\\.|$)`, 'i');
      device = this.names.findIndex((name) => pattern.test(name));
      this.vlans.set(vlanId, device);
    }
    return device;
  }

  /** Name of an interface, '' for NO_DEVICE. */
  name(device: number): string {
    return this.names[device] ?? '';
  }

  /** Owner of an own IPv4 address; loopback addresses are not looked at. */
  owner4(word: number): Owner | undefined {
    return this.addresses.get4(word);
  }

  /** Owner of an own IPv6 address. */
  owner6(w0: number, w1: number, w2: number, w3: number): Owner | undefined {
    return this.addresses.get6(w0, w1, w2, w3);
  }

  /** Own address, or one of 127.0.0.0/8. */
  isLocal4(word: number): boolean {
    return isLoopback4(word) || this.addresses.get4(word) !== undefined;
  }

  /** Own address or ::1; a link-local one only on its interface (if that is known). */
  isLocal6(w0: number, w1: number, w2: number, w3: number, device: number): boolean {
    if (isLoopback6(w0, w1, w2, w3)) return true;
    const owner = this.addresses.get6(w0, w1, w2, w3);
    if (owner === undefined) return false;
    return device < 0 || !isLinkLocal6(w0) || owner.devices.includes(device);
  }

  /** Interfaces whose broadcast address it is (255.255.255.255 is not looked at). */
  broadcast4(word: number): Owner | undefined {
    return this.broadcasts.get(word);
  }

  /** True when a prefix with a broadcast address is known of some interface. */
  get hasBroadcast(): boolean {
    return this.broadcasts.size > 0;
  }

  /** Interface by which packets to an address leave: by the longest prefix, else as the capture showed
   * it for this host, else by default; NO_DEVICE: not known. */
  routeTo4(word: number): number {
    for (const { prefix, device } of this.routes4)
      if (prefix.length > 0 && inPrefix(prefix, word, 0, 0, 0)) return device;
    const seen = this.hosts.get4(word);
    if (seen !== undefined) return seen.devices[0] ?? NO_DEVICE;
    return this.default4;
  }

  /** As routeTo4. @param device interface of a link-local address, if known */
  routeTo6(w0: number, w1: number, w2: number, w3: number, device: number): number {
    if (isLinkLocal6(w0)) return device >= 0 ? device : this.onlyDevice;
    for (const { prefix, device: by } of this.routes6)
      if (prefix.length > 0 && inPrefix(prefix, w0, w1, w2, w3)) return by;
    const seen = this.hosts.get6(w0, w1, w2, w3);
    if (seen !== undefined) return seen.devices[0] ?? NO_DEVICE;
    return this.default6;
  }

  /** Whether the address is a connected network's subnet-router anycast (RFC 4291, 2.6.1). */
  anycast6(w0: number, w1: number, w2: number, w3: number): Owner | undefined {
    for (const { prefix, device } of this.connected) {
      const { words } = prefix;
      if (prefix.family !== 6 || prefix.length >= 127) continue;
      if (words[0] === w0 && words[1] === w1 && words[2] === w2 && words[3] === w3)
        return { devices: [device] };
    }
    return undefined;
  }

  /** Whether the host takes packets to an IPv4 group: JOINED, NOT_JOINED or MAYBE_JOINED. */
  joined4(word: number): number {
    if (word === ALL_NODES_4 || this.groups.get4(word) !== undefined) return JOINED;
    return word === IGMP_REPORTS ? NOT_JOINED : MAYBE_JOINED;
  }

  /** As joined4 for an IPv6 group. */
  joined6(w0: number, w1: number, w2: number, w3: number): number {
    if (this.groups.get6(w0, w1, w2, w3) !== undefined) return JOINED;
    const scoped = (w0 === LINK_SCOPE || w0 === INTERFACE_SCOPE) && w1 === 0;
    if (!scoped) return MAYBE_JOINED;
    if (w2 === 0) {
      if (w3 === 1) return JOINED;
      if (w3 === 2 && w0 === LINK_SCOPE && this.isRouter) return JOINED;
      return w3 === MLD_REPORTS ? NOT_JOINED : MAYBE_JOINED;
    }
    if (w0 !== LINK_SCOPE || w2 !== 1 || (w3 & SOLICITED) !== SOLICITED) return MAYBE_JOINED;
    if (this.solicited.has(w3 & 0xffffff)) return JOINED;
    return this.hasLinkLocal ? NOT_JOINED : MAYBE_JOINED;
  }
}
