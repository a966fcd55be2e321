/**
 * Makes the topology from the vantage: what the engine asks for each packet's way, and `-m addrtype`
 * for the type of an address. The interfaces' names come from the user, else from the capture.
 */
import type { CaptureInterface } from '../capture/types.ts';
import type { PacketView } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import {
  addressText,
  isAny6,
  isLoopback4,
  isLoopback6,
  isMulticast4,
  isMulticast6,
  prefixText,
} from './address.ts';
import { Classifier } from './classify.ts';
import { FOREIGN_DEVICE, HostNetwork, LO, NO_DEVICE } from './network.ts';
import { isCooked, NOTHING_SEEN, type SightingFacts, Sightings } from './sightings.ts';
import {
  ADDRTYPE_ANYCAST,
  ADDRTYPE_BROADCAST,
  ADDRTYPE_LOCAL,
  ADDRTYPE_MULTICAST,
  ADDRTYPE_UNICAST,
  ADDRTYPE_UNSPEC,
  type Topology,
} from './types.ts';
import type { Vantage, VantageInterface } from './vantage.ts';

/** Name of the interface when neither the user nor the capture tells one. */
export const DEFAULT_INTERFACE = 'eth0';

/** What else `createTopology` may know. */
export interface TopologyContext {
  /** Interfaces of the capture; may grow later. */
  readonly captured?: readonly CaptureInterface[];
  readonly sightings?: SightingFacts;
}

/** Names of real devices that the capture gives; `any` and lo are none. */
function capturedNames(captured: readonly CaptureInterface[]): string[] {
  const names = captured.map(({ name }) => name);
  const real = names.filter(
    (name): name is string => name !== undefined && /^[^\s/:\\]{1,15}$/.test(name),
  );
  return [...new Set(real)].filter((name) => name !== 'any' && name !== 'lo');
}

/** The vantage with at least one interface beside lo. */
function withInterfaces(vantage: Vantage, captured: readonly CaptureInterface[]): Vantage {
  const given = vantage.interfaces.filter(({ name }) => name !== 'lo');
  if (given.length > 0 || vantage.routes.length > 0) return vantage;
  const names = capturedNames(captured);
  const made: VantageInterface[] = (names.length > 0 ? names : [DEFAULT_INTERFACE]).map((name) => ({
    name,
    mac: undefined,
    addresses: [],
  }));
  return { ...vantage, interfaces: [...vantage.interfaces, ...made] };
}

function describe(vantage: Vantage, network: HostNetwork, origin: string): string[] {
  const lines: string[] = [];
  for (const { name, addresses } of vantage.interfaces) {
    const list = addresses.map((address) => `${addressText(address.words)}/${address.length}`);
    lines.push(`${list.length > 0 ? `${name}=${list.join(',')}` : name} (${origin})`);
  }
  if (vantage.local.length > 0)
    lines.push(`local ${vantage.local.map(prefixText).join(', ')} (${origin})`);
  for (const group of vantage.groups) lines.push(`joined ${addressText(group)} (${origin})`);
  for (const { prefix, interface: name } of vantage.routes) {
    const to = prefix.length === 0 ? `default (IPv${prefix.family})` : prefixText(prefix);
    lines.push(`route ${to} by ${name} (${origin})`);
  }
  if (vantage.local.length === 0 && vantage.interfaces.every((one) => one.addresses.length === 0))
    lines.push(
      'no address of this host was given: packets to and from it are taken for forwarded ones; to say which: --interface NAME=ADDR/LEN',
    );
  if (!network.routesGiven && network.onlyDevice > LO)
    lines.push(`all other networks by ${network.name(network.onlyDevice)} (assumed)`);
  lines.push(
    'packets neither from nor to this host are forwarded; rp_filter and accept_local 0 (assumed)',
  );
  return lines;
}

/**
 * Capture interface → index of the vantage's interface of that name; NO_DEVICE when it has none, or
 * one that says nothing; FOREIGN_DEVICE for a port of a bridge and its like: named, not among the
 * given interfaces, while others are.
 */
function nameLookup(
  network: HostNetwork,
  captured: readonly CaptureInterface[],
  namesGiven: boolean,
): (packet: PacketView) => number {
  const known: number[] = [];
  const find = (interfaceId: number): number => {
    const name = captured[interfaceId]?.name;
    const index = name === undefined ? NO_DEVICE : network.device(name);
    if (index >= 0) known[interfaceId] = index;
    if (index >= 0 || !namesGiven || name === undefined || name === 'any') return index;
    const others = captured.some((one) => network.device(one.name ?? '') > LO);
    return others ? FOREIGN_DEVICE : NO_DEVICE;
  };
  return ({ interfaceId }) => known[interfaceId] ?? find(interfaceId);
}

/** Whether packets coming in by an interface are in the capture, given one of its packets. */
function coverage(
  network: HostNetwork,
  captured: readonly CaptureInterface[],
  facts: SightingFacts,
): (device: number, packet: PacketView) => boolean {
  return (device, packet) => {
    if (isCooked(packet)) return true;
    const name = network.name(device);
    if (captured.some((one) => one.name === name || one.name === 'any')) return true;
    return facts.devices.some((one) => one.name === name);
  };
}

/**
 * The host's topology.
 * @param vantage with interfaces or local addresses; without interfaces the capture names them
 */
export function createTopology(vantage: Vantage, context: TopologyContext = {}): Topology {
  const captured = context.captured ?? [];
  const facts = context.sightings ?? NOTHING_SEEN;
  const whole = withInterfaces(vantage, captured);
  const network = new HostNetwork(whole);
  const sightings = new Sightings(facts, (name) => network.device(name));
  const namesGiven = vantage.origin === undefined && vantage.interfaces.length > 0;
  const classifier = new Classifier(
    network,
    sightings,
    nameLookup(network, captured, namesGiven),
    coverage(network, captured, facts),
    namesGiven,
  );
  return {
    interfaces: network.names,
    description: describe(whole, network, vantage.origin ?? 'given'),
    classify: (packet, path) => classifier.classify(packet, path),
    routeTo: (family: Family, a0, a1, a2, a3, device) =>
      network.name(
        family === 4
          ? network.routeTo4(a0)
          : network.routeTo6(a0, a1, a2, a3, network.device(device)),
      ),
    addressType: (family: Family, a0, a1, a2, a3, device) => {
      const limit = device === '' ? -1 : network.device(device);
      return family === 4
        ? addressType4(network, a0, limit)
        : addressType6(network, a0, a1, a2, a3, limit);
    },
  };
}

/** inet_dev_addr_type (net/ipv4/fib_frontend.c). @param limit interface or -1 */
function addressType4(network: HostNetwork, word: number, limit: number): number {
  if (word === 0 || word === -1) return ADDRTYPE_BROADCAST;
  if (isMulticast4(word)) return ADDRTYPE_MULTICAST;
  const mine = (devices: readonly number[]): boolean => limit < 0 || devices.includes(limit);
  if (isLoopback4(word)) {
    if (!mine([LO])) return ADDRTYPE_UNICAST;
    // lo's broadcast address.
    return word === 0x7fffffff ? ADDRTYPE_BROADCAST : ADDRTYPE_LOCAL;
  }
  const owner = network.owner4(word);
  if (owner !== undefined) return mine(owner.devices) ? ADDRTYPE_LOCAL : ADDRTYPE_UNICAST;
  const broadcast = network.broadcast4(word);
  return broadcast !== undefined && mine(broadcast.devices) ? ADDRTYPE_BROADCAST : ADDRTYPE_UNICAST;
}

/**
 * ipv6_addr_type for what an address is, match_lookup_rt6 (xt_addrtype.c) for what a route says. A
 * default route is assumed, so nothing is UNREACHABLE.
 */
function addressType6(
  network: HostNetwork,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  limit: number,
): number {
  if (isMulticast6(a0)) return ADDRTYPE_MULTICAST;
  const mine = (devices: readonly number[]): boolean => limit < 0 || devices.includes(limit);
  const isMapped = a0 === 0 && a1 === 0 && a2 === 0xffff;
  let type = isMapped ? 0 : ADDRTYPE_UNICAST;
  if (isAny6(a0, a1, a2, a3)) type = ADDRTYPE_UNSPEC;
  if (isLoopback6(a0, a1, a2, a3)) return mine([LO]) ? type | ADDRTYPE_LOCAL : type;
  const owner = network.owner6(a0, a1, a2, a3);
  if (owner !== undefined) return mine(owner.devices) ? type | ADDRTYPE_LOCAL : type;
  const anycast = network.anycast6(a0, a1, a2, a3);
  return anycast !== undefined && mine(anycast.devices) ? type | ADDRTYPE_ANYCAST : type;
}
