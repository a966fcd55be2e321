/**
 * The vantage as the user gives it (`--local`, `--interface`, `--route`), read into typed values.
 * Everything wrong with the options is found here, all of it at once; what follows trusts it.
 */
import { type Diagnostic, UsageError } from '../errors.ts';
import type { Family } from '../ruleset/types.ts';
import {
  addressText,
  isMulticast4,
  isMulticast6,
  networkOf,
  type Prefix,
  prefixText,
  readPrefix,
} from './address.ts';

// The vantage's two steps, options to vantage and vantage to topology, are asked for together.
export { createTopology } from './topology.ts';

/** Longest interface name, characters (IFNAMSIZ - 1, linux/if.h). */
const LONGEST_NAME = 15;

/** One of the host's interfaces. */
export interface VantageInterface {
  readonly name: string;
  /** 48-bit number, first byte on the wire highest; undefined when not known. */
  readonly mac: number | undefined;
  readonly addresses: readonly Prefix[];
}

/** A route: where packets to `prefix` leave. */
export interface VantageRoute {
  readonly prefix: Prefix;
  readonly interface: string;
}

/** What is known of the firewall host. */
export interface Vantage {
  /** `lo` need not be among them. */
  readonly interfaces: readonly VantageInterface[];
  /** Addresses of the host whose interface is not known (`--local`). */
  readonly local: readonly Prefix[];
  /** Multicast groups that the host has joined, beside those that every host joins. */
  readonly groups: readonly (readonly number[])[];
  readonly routes: readonly VantageRoute[];
  /** Further addresses (with their interface, '' when not known) and groups of the host, learned
   * from the capture. */
  readonly learned?: readonly { readonly address: Prefix; readonly interface: string }[];
  readonly learnedGroups?: readonly (readonly number[])[];
  /** Hosts that forwarded packets were seen to come from or go to, with their interface. */
  readonly learnedRoutes?: readonly {
    readonly address: readonly number[];
    readonly interface: string;
  }[];
  /** How it was found, for the description; absent: given by the user. */
  readonly origin?: string;
}

/** The options' texts, as on the command line. */
export interface VantageOptions {
  /** `ADDR[,ADDR…]`, each with a prefix length if known; a multicast group: one the host joined. */
  readonly local: readonly string[];
  /** `NAME[=ADDR/LEN|MAC[,…]]`. */
  readonly interface: readonly string[];
  /** `NETWORK/LEN=NAME` or `default=NAME`. */
  readonly route: readonly string[];
}

interface Making {
  readonly interfaces: Map<string, { mac: number | undefined; addresses: Prefix[] }>;
  readonly local: Prefix[];
  readonly groups: (readonly number[])[];
  readonly routes: VantageRoute[];
  readonly problems: Diagnostic[];
}

function problem(making: Making, code: string, message: string, hint: string): void {
  making.problems.push({ code, message, hint });
}

/**
 * Reads the vantage options.
 * @throws UsageError with codes bad-local, bad-interface, bad-route, unknown-interface
 */
export function parseVantage(options: VantageOptions): Vantage {
  const making: Making = {
    interfaces: new Map(),
    local: [],
    groups: [],
    routes: [],
    problems: [],
  };
  for (const text of options.local) parseLocal(text, making);
  for (const text of options.interface) parseInterface(text, making);
  for (const text of options.route) parseRoute(text, making);
  if (making.problems.length > 0) throw new UsageError(making.problems);
  const { local, groups, routes } = making;
  const interfaces = [...making.interfaces].map(([name, rest]) => ({ name, ...rest }));
  return { interfaces, local, groups, routes };
}

function isGroup({ family, words }: Prefix): boolean {
  const first = words[0] ?? 0;
  return family === 4 ? isMulticast4(first) : isMulticast6(first);
}

/** Why an address can be none of a host, or ''. */
function unusable(prefix: Prefix): string {
  if (prefix.words.every((word) => word === 0)) return 'the unspecified address';
  return addressText(prefix.words) === '255.255.255.255' ? 'the limited broadcast address' : '';
}

function parseLocal(text: string, making: Making): void {
  const hint = '--local ADDR[,ADDR…], for example --local 192.0.2.10,2001:db8::10';
  for (const item of text.split(',')) {
    const prefix = readPrefix(item.trim());
    if (prefix === undefined) {
      problem(making, 'bad-local', `--local: '${item.trim()}' is no IP address`, hint);
      continue;
    }
    const why = unusable(prefix);
    if (why !== '') problem(making, 'bad-local', `--local: ${item.trim()} is ${why}`, hint);
    else if (isGroup(prefix)) making.groups.push(prefix.words);
    else making.local.push(prefix);
  }
}

/** Whether the kernel takes a name for an interface (dev_valid_name, net/core/dev.c). */
function nameProblem(name: string): string {
  if (name === '' || name === '.' || name === '..') return 'the interface has no name';
  if (name.length > LONGEST_NAME) return `'${name}' is longer than ${LONGEST_NAME} characters`;
  return /[\s/:]/.test(name) ? `'${name}' holds a character that no interface name can` : '';
}

function parseInterface(text: string, making: Making): void {
  const hint =
    '--interface NAME[=ADDR/LEN[,ADDR/LEN…]], for example --interface eth0=192.0.2.10/24,2001:db8::10/64';
  const at = text.indexOf('=');
  const name = (at < 0 ? text : text.slice(0, at)).trim();
  const bad = nameProblem(name);
  if (bad !== '') {
    problem(making, 'bad-interface', `--interface ${text}: ${bad}`, hint);
    return;
  }
  let entry = making.interfaces.get(name);
  if (entry === undefined) {
    entry = { mac: undefined, addresses: [] };
    making.interfaces.set(name, entry);
  }
  if (at < 0 || text.slice(at + 1).trim() === '') return;
  for (const part of text.slice(at + 1).split(',')) {
    const item = part.trim();
    const mac = readMac(item);
    if (mac !== undefined) {
      entry.mac = mac;
      continue;
    }
    const prefix = readPrefix(item);
    const why = prefix === undefined ? 'no IP or MAC address' : unusable(prefix);
    if (prefix === undefined || why !== '')
      problem(making, 'bad-interface', `--interface ${name}: '${item}' is ${why}`, hint);
    else if (isGroup(prefix)) making.groups.push(prefix.words);
    else entry.addresses.push(prefix);
  }
}

/** A MAC address `02:00:00:00:00:10` as a 48-bit number; undefined when it is none. */
export function readMac(text: string): number | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Number.parseInt(text.replace(/[:-]/g, ''), 16);
}

function parseRoute(text: string, making: Making): void {
  const hint =
    '--route NETWORK/LEN=NAME, for example --route 10.0.0.0/8=eth1 or --route default=eth0';
  const at = text.lastIndexOf('=');
  const network = text.slice(0, Math.max(0, at)).trim();
  const name = text.slice(at + 1).trim();
  if (at < 0 || network === '') {
    problem(making, 'bad-route', `--route '${text}': no NETWORK=INTERFACE`, hint);
    return;
  }
  const bad = nameProblem(name);
  if (bad !== '') {
    problem(making, 'bad-route', `--route ${text}: ${bad}`, hint);
    return;
  }
  const named = making.interfaces;
  if (named.size > 0 && !named.has(name) && name !== 'lo') {
    const known = [...named.keys()].join(', ');
    const message = `--route ${text}: there is no interface ${name} (there is ${known})`;
    problem(making, 'unknown-interface', message, `add --interface ${name}[=ADDR/LEN]`);
    return;
  }
  for (const prefix of routePrefixes(text, network, making, hint))
    making.routes.push({ prefix, interface: name });
}

function anyPrefix(family: Family): Prefix {
  return { family, words: family === 4 ? [0] : [0, 0, 0, 0], length: 0 };
}

function routePrefixes(text: string, network: string, making: Making, hint: string): Prefix[] {
  if (network === 'default') return [anyPrefix(4), anyPrefix(6)];
  const prefix = readPrefix(network);
  if (prefix === undefined) {
    problem(making, 'bad-route', `--route ${text}: '${network}' is no network`, hint);
    return [];
  }
  const base = networkOf(prefix);
  if (base.words.some((word, i) => word !== prefix.words[i])) {
    // As `ip route add` refuses it: Invalid prefix for given prefix length.
    const message = `--route ${text}: ${network} has bits set behind its prefix`;
    problem(making, 'bad-route', message, `perhaps ${prefixText(base)}=…`);
    return [];
  }
  return [prefix];
}
