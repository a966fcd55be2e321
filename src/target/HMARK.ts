/**
 * -j HMARK: sets the packet's mark to a hash of addresses, ports and protocol, the same for both
 * directions, and goes on (net/netfilter/xt_HMARK.c).
 */

import type { Connection } from '../conntrack/types.ts';
import { joined } from '../match/conditions.ts';
import {
  BYTES_CUT,
  BYTES_PRESENT,
  byteOf,
  bytesAt,
  longOf,
  wordOf,
} from '../match/datagram-bytes.ts';
import type { OptionUse, PacketContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import {
  AUTHENTICATION,
  DESTINATION,
  FRAGMENT,
  HOP_BY_HOP,
  headerLength,
  ROUTING,
} from '../match/ipv6-headers.ts';
import { hashThreeWords, scaleTo } from '../match/jenkins-hash.ts';
import { prefixLength } from '../match/numeric-address.ts';
import { argument, hasOption, readOptions } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { boundedNumber } from '../match/values.ts';
import type { PacketView } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import type { TargetDefinition, TargetResult } from './definition.ts';
import { TARGET_CONTINUE, TARGET_UNDECIDED } from './definition.ts';

/** Options of -j HMARK. */
export interface HmarkOptions {
  /** What is printed: the options that were given, also by --hmark-tuple. */
  readonly given: ReadonlySet<string>;
  /** By the connection's tuples. */
  readonly connection: boolean;
  /** Prefix lengths. */
  readonly sourceLength: number;
  readonly destinationLength: number;
  /** Source port in the upper half, destination port in the lower one, or SPI. */
  readonly portMask: number;
  readonly portSet: number;
  readonly protocolMask: number;
  readonly seed: number;
  readonly modulus: number;
  readonly offset: number;
}

const ICMP = 1;
const ICMPV6 = 58;
/** Protocols that begin with ports or an SPI (proto_ports_offset): TCP, UDP, DCCP, ESP, SCTP … */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 50, 132, 136]);
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);
const EXTENSIONS: ReadonlySet<number> = new Set([
  HOP_BY_HOP,
  ROUTING,
  FRAGMENT,
  AUTHENTICATION,
  DESTINATION,
]);
const ALL = 0xffffffff;
const TYPES = ['ct', 'src', 'dst', 'sport', 'dport', 'proto', 'spi'];

/** What is hashed. */
interface HashTuple {
  source: number;
  destination: number;
  ports: number;
  protocol: number;
}

function wordMask(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - 32 * index));
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** One word of an address under a prefix length: of IPv6 the four words exclusive-ored. */
function folded(words: ArrayLike<number>, length: number): number {
  let word = 0;
  for (let i = 0; i < words.length; i++) word ^= (words[i] ?? 0) & wordMask(length, i);
  return word;
}

/** Both ports masked and set, the larger one in the upper half. */
function orderedPorts(ports: number, { portMask, portSet }: HmarkOptions): number {
  const both = (ports & portMask) | portSet;
  const source = both >>> 16;
  const destination = both & 0xffff;
  return destination > source ? (destination << 16) | source : (source << 16) | destination;
}

function hashOf(tuple: HashTuple, options: HmarkOptions): number {
  const source = tuple.source >>> 0;
  const destination = tuple.destination >>> 0;
  const low = Math.min(source, destination);
  const high = Math.max(source, destination);
  const hash = hashThreeWords(low, high, tuple.ports, options.seed);
  const mixed = (hash ^ (tuple.protocol & options.protocolMask)) >>> 0;
  return (scaleTo(mixed, options.modulus) + options.offset) >>> 0;
}

function connectionTuple(connection: Connection, options: HmarkOptions): HashTuple {
  const { original, reply } = connection;
  const { protocol } = original;
  const ports = (original.sourcePort << 16) | reply.sourcePort;
  return {
    source: folded(original.source, options.sourceLength),
    destination: folded(reply.source, options.destinationLength),
    ports: protocol === ICMP ? 0 : orderedPorts(ports, options),
    protocol,
  };
}

/** The bytes wanted are cut by the snap length. */
const CUT = 'cut';

/** An address of the IP header at an offset from the packet's own IP header. */
function addressAt(context: PacketContext, at: number): number[] {
  const count = context.family === 4 ? 1 : 4;
  return Array.from({ length: count }, (_, i) => longOf(context.packet, at + 4 * i) | 0);
}

/** Ports at an offset; 0 where the datagram ends before. */
function portsAt(
  context: PacketContext,
  protocol: number,
  at: number,
  options: HmarkOptions,
): number | typeof CUT {
  const from = protocol === AUTHENTICATION ? at + 4 : at;
  if (protocol !== AUTHENTICATION && !WITH_PORTS.has(protocol)) return 0;
  const where = bytesAt(context.packet, from, 4);
  if (where === BYTES_CUT) return CUT;
  return where === BYTES_PRESENT ? orderedPorts(longOf(context.packet, from), options) : 0;
}

/** Where the IPv4 header to hash begins: that of the quoted packet in an ICMP error. */
function hashedIpv4(context: PacketContext): number | typeof CUT {
  const { packet } = context;
  if (packet.protocol !== ICMP) return 0;
  const header = packet.networkHeaderLength;
  const where = bytesAt(packet, header, 8);
  if (where === BYTES_CUT) return CUT;
  if (where !== BYTES_PRESENT || !ICMP_ERRORS.has(byteOf(packet, header))) return 0;
  return header + 8;
}

/** The tuple of an IPv4 packet; undefined: the mark stays. */
function ipv4Tuple(
  context: PacketContext,
  options: HmarkOptions,
): HashTuple | undefined | typeof CUT {
  const { packet } = context;
  const at = hashedIpv4(context);
  if (at === CUT) return CUT;
  const where = bytesAt(packet, at, 20);
  if (where !== BYTES_PRESENT) return where === BYTES_CUT ? CUT : undefined;
  const protocol = byteOf(packet, at + 9);
  const fragment = (longOf(packet, at + 4) & 0x3fff) !== 0;
  const header = (byteOf(packet, at) & 15) * 4;
  const skipped = protocol === ICMP || fragment;
  const ports = skipped ? 0 : portsAt(context, protocol, at + header, options);
  if (ports === CUT) return CUT;
  return {
    source: folded(addressAt(context, at + 12), options.sourceLength),
    destination: folded(addressAt(context, at + 16), options.destinationLength),
    ports,
    protocol,
  };
}

/** The last header of an IPv6 packet as ipv6_find_hdr finds it, stopping at AH. */
interface LastHeader {
  /** -1: the chain is malformed. */
  protocol: number;
  at: number;
  fragment: boolean;
}

/** @param base offset of the IPv6 header from the packet's own */
function lastHeader(packet: PacketView, base: number): LastHeader | typeof CUT {
  const found: LastHeader = { protocol: byteOf(packet, base + 6), at: base + 40, fragment: false };
  while (EXTENSIONS.has(found.protocol)) {
    const type = found.protocol;
    const where = bytesAt(packet, found.at, type === FRAGMENT || type === ROUTING ? 4 : 2);
    if (where === BYTES_CUT) return CUT;
    if (where !== BYTES_PRESENT) return { ...found, protocol: -1 };
    if (type === AUTHENTICATION) break;
    found.protocol = byteOf(packet, found.at);
    if (type === FRAGMENT) {
      found.fragment = true;
      if ((wordOf(packet, found.at + 2) & 0xfff8) !== 0) {
        if (EXTENSIONS.has(found.protocol)) found.protocol = -1;
        break;
      }
    }
    found.at += headerLength(packet, type, found.at);
  }
  return found;
}

/** Offset of the IPv6 header that an ICMPv6 error quotes; 0 when it is none. */
function quotedIpv6(
  packet: PacketView,
  { protocol, at, fragment }: LastHeader,
): number | typeof CUT {
  if (protocol !== ICMPV6 || fragment) return 0;
  const where = bytesAt(packet, at, 8);
  if (where === BYTES_CUT) return CUT;
  const type = where === BYTES_PRESENT ? byteOf(packet, at) : 0;
  return type > 0 && type < 128 ? at + 8 : 0;
}

/** The tuple of an IPv6 packet; undefined: the mark stays. */
function ipv6Tuple(
  context: PacketContext,
  options: HmarkOptions,
): HashTuple | undefined | typeof CUT {
  const { packet } = context;
  const outer = lastHeader(packet, 0);
  if (outer === CUT) return CUT;
  if (outer.protocol < 0) return { source: 0, destination: 0, ports: 0, protocol: 0 };
  const base = quotedIpv6(packet, outer);
  if (base === CUT) return CUT;
  const where = bytesAt(packet, base, 40);
  if (where !== BYTES_PRESENT) return where === BYTES_CUT ? CUT : undefined;
  if (byteOf(packet, base) >>> 4 !== 6) return undefined;
  const last = base === 0 ? outer : lastHeader(packet, base);
  if (last === CUT) return CUT;
  if (last.protocol < 0) return undefined;
  const skipped = last.protocol === ICMPV6 || last.fragment;
  const ports = skipped ? 0 : portsAt(context, last.protocol, last.at, options);
  if (ports === CUT) return CUT;
  return {
    source: folded(addressAt(context, base + 8), options.sourceLength),
    destination: folded(addressAt(context, base + 24), options.destinationLength),
    ports,
    protocol: last.protocol,
  };
}

function apply(options: HmarkOptions, context: PacketContext): TargetResult {
  if (options.connection) {
    const { connection } = context;
    if (connection !== undefined) {
      context.mark = hashOf(connectionTuple(connection, options), options);
    }
    return TARGET_CONTINUE;
  }
  const tuple = context.family === 4 ? ipv4Tuple(context, options) : ipv6Tuple(context, options);
  if (tuple === CUT) {
    context.undecidedReason = 'what HMARK hashes of this packet is not in the capture';
    return TARGET_UNDECIDED;
  }
  if (tuple !== undefined) context.mark = hashOf(tuple, options);
  return TARGET_CONTINUE;
}

/** Collects the options while they are read. */
interface HmarkDraft {
  readonly given: Set<string>;
  connection: boolean;
  sourceLength: number;
  destinationLength: number;
  portMask: number;
  portSet: number;
  protocolMask: number;
  seed: number;
  modulus: number;
  offset: number;
}

function upper(both: number, port: number): number {
  return ((port << 16) | (both & 0xffff)) >>> 0;
}

function lower(both: number, port: number): number {
  return ((both & 0xffff0000) | port) >>> 0;
}

/** One type of --hmark-tuple; any abbreviation of it, the first that fits. */
function takeType(draft: HmarkDraft, type: string, family: Family): boolean {
  const found = TYPES.find((name) => name.startsWith(type.toLowerCase()));
  if (found === undefined) return false;
  if (found === 'ct') draft.connection = true;
  else if (found === 'src') draft.sourceLength = family === 4 ? 32 : 128;
  else if (found === 'dst') draft.destinationLength = family === 4 ? 32 : 128;
  else if (found === 'sport') draft.portMask = upper(draft.portMask, 0xffff);
  else if (found === 'dport') draft.portMask = lower(draft.portMask, 0xffff);
  else if (found === 'proto') draft.protocolMask = 0xffff;
  else draft.portMask = ALL;
  draft.given.add(GIVEN[found] ?? found);
  return true;
}

const GIVEN: Readonly<Record<string, string>> = {
  src: 'src-prefix',
  dst: 'dst-prefix',
  sport: 'sport-mask',
  dport: 'dport-mask',
  proto: 'proto-mask',
  spi: 'spi-mask',
};

/** @throws OptionError bad-value */
function parseTuple(draft: HmarkDraft, use: OptionUse, family: Family): void {
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', message, {
      option: use.name,
      hint: `types are ${TYPES.join(', ')}, joined by commas`,
    });
  let rest = argument(use);
  for (let comma = rest.indexOf(','); comma >= 0; comma = rest.indexOf(',')) {
    const type = rest.slice(0, comma);
    if (type === '' || !takeType(draft, type, family)) throw refuse(`Bad type "${rest}"`);
    rest = rest.slice(comma + 1);
  }
  if (rest === '') {
    const example = 'src,dst,sport,dport,proto';
    throw refuse(`"--hmark-tuple" requires a list of types with no spaces, e.g. ${example}`);
  }
  if (!takeType(draft, rest, family)) throw refuse(`Bad type "${rest}"`);
}

function takeOption(draft: HmarkDraft, use: OptionUse, family: Family): void {
  const number = (max: number, min = 0): number =>
    boundedNumber('HMARK', use.name, argument(use), max, min);
  const name = use.name.replace('hmark-', '');
  switch (name) {
    case 'tuple':
      parseTuple(draft, use, family);
      return;
    case 'src-prefix':
      draft.sourceLength = prefixLength('HMARK', use.name, argument(use), family);
      break;
    case 'dst-prefix':
      draft.destinationLength = prefixLength('HMARK', use.name, argument(use), family);
      break;
    case 'sport-mask':
      draft.portMask = upper(draft.portMask, number(0xffff));
      break;
    case 'dport-mask':
      draft.portMask = lower(draft.portMask, number(0xffff));
      break;
    case 'spi-mask':
      draft.portMask = number(ALL);
      break;
    case 'sport':
      draft.portSet = upper(draft.portSet, number(0xffff));
      break;
    case 'dport':
      draft.portSet = lower(draft.portSet, number(0xffff));
      break;
    case 'spi':
      draft.portSet = number(ALL);
      break;
    case 'proto-mask':
      draft.protocolMask = number(0xffff);
      break;
    case 'rnd':
      draft.seed = number(ALL);
      break;
    case 'mod':
      draft.modulus = number(ALL, 1);
      break;
    default:
      draft.offset = number(ALL);
  }
  draft.given.add(name);
}

/** @throws OptionError option-missing, option-conflict */
function checkWhole({ given, connection }: HmarkDraft, uses: readonly OptionUse[]): void {
  for (const name of ['hmark-mod', 'hmark-rnd']) {
    if (hasOption(uses, name)) continue;
    throw new OptionError('option-missing', `--${name} is mandatory`, { hint: `add --${name}` });
  }
  if (given.has('spi-mask') && (given.has('sport-mask') || given.has('dport-mask'))) {
    throw new OptionError(
      'option-conflict',
      'you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time',
    );
  }
  const hashed = [...given].some((name) => !['rnd', 'mod', 'offset', 'ct'].includes(name));
  if (!hashed && !connection) {
    throw new OptionError('option-missing', 'you have to specify --hmark-tuple at least', {
      hint: 'add --hmark-tuple src,dst,sport,dport,proto',
    });
  }
  if (given.has('spi') && (given.has('sport') || given.has('dport'))) {
    throw kernelRefuses('option-conflict', 'the kernel takes --hmark-spi or ports, not both');
  }
}

/** `0x` and at least so many digits. */
function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

function print(options: HmarkOptions): string {
  const part = (name: string, text: string): string =>
    options.given.has(name) ? `--hmark-${name} ${text}` : '';
  const { portMask, portSet } = options;
  return joined(
    part('src-prefix', `${options.sourceLength}`),
    part('dst-prefix', `${options.destinationLength}`),
    part('sport-mask', hex(portMask >>> 16, 4)),
    part('dport-mask', hex(portMask & 0xffff, 4)),
    part('spi-mask', hex(portMask, 8)),
    part('sport', hex(portSet >>> 16, 4)),
    part('dport', hex(portSet & 0xffff, 4)),
    part('spi', hex(portSet, 8)),
    part('proto-mask', hex(options.protocolMask, 2)),
    part('rnd', hex(options.seed, 8)),
    part('mod', `${options.modulus}`),
    part('offset', `${options.offset}`),
    options.connection ? '--hmark-tuple ct' : '',
  );
}

function list(options: HmarkOptions, family: Family): string {
  const { given, portMask, portSet, sourceLength, destinationLength } = options;
  const part = (name: string, text: string): string => (given.has(name) ? `${text} ` : '');
  const prefix = (length: number): string => (family === 6 && length === 128 ? '' : `${length}`);
  return [
    'HMARK ',
    part('mod', `mod ${options.modulus}`),
    part('offset', `+ ${hex(options.offset, 1)}`),
    options.connection ? 'ct, ' : '',
    part('src-prefix', `src-prefix ${prefix(sourceLength)}`),
    part('dst-prefix', `dst-prefix ${prefix(destinationLength)}`),
    part('sport-mask', `sport-mask ${hex(portMask >>> 16, 1)}`),
    part('dport-mask', `dport-mask ${hex(portMask & 0xffff, 1)}`),
    part('spi-mask', `spi-mask ${hex(portMask, 1)}`),
    part('sport', `sport ${hex(portSet >>> 16, 1)}`),
    part('dport', `dport ${hex(portSet & 0xffff, 1)}`),
    part('spi', `spi ${hex(portSet, 1)}`),
    part('proto-mask', `proto-mask ${hex(options.protocolMask, 1)}`),
    part('rnd', `rnd ${hex(options.seed, 1)}`),
  ].join('');
}

/** -j HMARK. */
export const HMARK: TargetDefinition<HmarkOptions> = {
  name: 'HMARK',
  families: [4, 6],
  help: "set the packet's mark to a hash of its flow and go on with the next rule",
  writes: ['mark'],
  reads: ({ connection }) => (connection ? ['connection'] : []),
  options: [
    { name: 'hmark-tuple', argument: 'types', help: 'ct, src, dst, sport, dport, proto, spi' },
    { name: 'hmark-src-prefix', argument: 'length', help: 'bits of the source address' },
    { name: 'hmark-dst-prefix', argument: 'length', help: 'bits of the destination address' },
    { name: 'hmark-sport-mask', argument: 'mask', help: 'bits of the source port' },
    { name: 'hmark-dport-mask', argument: 'mask', help: 'bits of the destination port' },
    { name: 'hmark-spi-mask', argument: 'mask', help: 'bits of the security parameters index' },
    { name: 'hmark-sport', argument: 'port', help: 'bits to set in the source port' },
    { name: 'hmark-dport', argument: 'port', help: 'bits to set in the destination port' },
    { name: 'hmark-spi', argument: 'number', help: 'bits to set in the security index' },
    { name: 'hmark-proto-mask', argument: 'mask', help: 'bits of the protocol number' },
    { name: 'hmark-rnd', argument: 'number', help: 'start value of the hash' },
    { name: 'hmark-mod', argument: 'number', help: 'number of marks' },
    { name: 'hmark-offset', argument: 'number', help: 'the lowest mark' },
  ],
  parse(uses, { family }) {
    const draft: HmarkDraft = {
      given: new Set(),
      connection: false,
      sourceLength: 0,
      destinationLength: 0,
      portMask: 0,
      portSet: 0,
      protocolMask: 0,
      seed: 0,
      modulus: 0,
      offset: 0,
    };
    const read = (use: OptionUse): void => takeOption(draft, use, family);
    const names = HMARK.options.map(({ name }) => [name, read]);
    readOptions('HMARK', HMARK.options, uses, Object.fromEntries(names));
    checkWhole(draft, uses);
    return draft;
  },
  print,
  list: (options, _, family) => list(options, family),
  apply,
};
