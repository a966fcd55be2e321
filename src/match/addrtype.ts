/**
 * -m addrtype: the type of source and destination in this host's routing (RTN_ types). As
 * net/netfilter/xt_addrtype.c, where IPv4 and IPv6 differ: an IPv4 address has one type and one of
 * those named must be it; of an IPv6 address several may hold, and UNSPEC, UNICAST and MULTICAST,
 * when named, must each.
 */
import type { PacketView } from '../packet/fields.ts';
import type { HookName } from '../ruleset/types.ts';
import {
  ADDRTYPE_ANYCAST,
  ADDRTYPE_BLACKHOLE,
  ADDRTYPE_BROADCAST,
  ADDRTYPE_LOCAL,
  ADDRTYPE_MULTICAST,
  ADDRTYPE_PROHIBIT,
  ADDRTYPE_UNICAST,
  ADDRTYPE_UNREACHABLE,
  ADDRTYPE_UNSPEC,
} from '../topology/types.ts';
import { ipv6Kind } from './address-kind.ts';
import { unequal } from './conditions.ts';
import type { MatchDefinition, MatchResult, PacketContext, ParseContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import type { NamedBits } from './names.ts';
import { bitNames, parseNames } from './names.ts';
import { addressText } from './numeric-address.ts';
import { argument, excludeEachOther, hasOption, readOptions } from './options.ts';
import { kernelRefuses } from './refusal.ts';

/** Types wanted of one address. */
interface WantedTypes {
  /** ADDRTYPE_ bits, at least one. */
  readonly types: number;
  readonly inverted: boolean;
}

/** Options of -m addrtype; source or destination, or both. */
export interface AddrtypeOptions {
  readonly source?: WantedTypes;
  readonly destination?: WantedTypes;
  /** Look only at the interface the packet comes from, or leaves by. */
  readonly limit?: 'in' | 'out';
}

/** RTN_ types; the last three have no meaning here but are accepted for IPv4. */
const TYPES: readonly NamedBits[] = [
  { name: 'UNSPEC', bits: ADDRTYPE_UNSPEC },
  { name: 'UNICAST', bits: ADDRTYPE_UNICAST },
  { name: 'LOCAL', bits: ADDRTYPE_LOCAL },
  { name: 'BROADCAST', bits: ADDRTYPE_BROADCAST },
  { name: 'ANYCAST', bits: ADDRTYPE_ANYCAST },
  { name: 'MULTICAST', bits: ADDRTYPE_MULTICAST },
  { name: 'BLACKHOLE', bits: ADDRTYPE_BLACKHOLE },
  { name: 'UNREACHABLE', bits: ADDRTYPE_UNREACHABLE },
  { name: 'PROHIBIT', bits: ADDRTYPE_PROHIBIT },
  { name: 'THROW', bits: 1 << 9 },
  { name: 'NAT', bits: 1 << 10 },
  { name: 'XRESOLVE', bits: 1 << 11 },
];

const ROUTED_TYPES = ADDRTYPE_LOCAL | ADDRTYPE_ANYCAST | ADDRTYPE_UNREACHABLE;

/** Words of one of the packet's addresses, for explain. */
function wordsOf(packet: PacketView, source: boolean): [number, number, number, number] {
  return source
    ? [packet.source0, packet.source1, packet.source2, packet.source3]
    : [packet.destination0, packet.destination1, packet.destination2, packet.destination3];
}

function ipv6TypesHold(
  types: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  context: PacketContext,
  device: string,
): boolean {
  const exclusive = types & (ADDRTYPE_MULTICAST | ADDRTYPE_UNICAST | ADDRTYPE_UNSPEC);
  if (exclusive !== 0 && exclusive !== ipv6Kind(a0, a1, a2, a3)) return false;
  if ((types & ROUTED_TYPES) === 0) return true;
  return (types & ROUTED_TYPES & context.topology.addressType(6, a0, a1, a2, a3, device)) !== 0;
}

function sourceHolds(wanted: WantedTypes, context: PacketContext, device: string): boolean {
  const { types, inverted } = wanted;
  const { family, source0, source1, source2, source3 } = context.packet;
  if (family === 6) {
    return ipv6TypesHold(types, source0, source1, source2, source3, context, device) !== inverted;
  }
  return ((context.topology.addressType(4, source0, 0, 0, 0, device) & types) !== 0) !== inverted;
}

function destinationHolds(wanted: WantedTypes, context: PacketContext, device: string): boolean {
  const { types, inverted } = wanted;
  const { family, destination0: a0, destination1: a1, destination2: a2 } = context.packet;
  if (family === 6) {
    const a3 = context.packet.destination3;
    return ipv6TypesHold(types, a0, a1, a2, a3, context, device) !== inverted;
  }
  return ((context.topology.addressType(4, a0, 0, 0, 0, device) & types) !== 0) !== inverted;
}

function deviceOf({ limit }: AddrtypeOptions, context: PacketContext): string {
  if (limit === undefined) return '';
  return limit === 'in' ? context.inInterface : context.outInterface;
}

function matches(options: AddrtypeOptions, context: PacketContext): MatchResult {
  const { source, destination } = options;
  const device = deviceOf(options, context);
  if (source !== undefined && !sourceHolds(source, context, device)) return NO;
  if (destination !== undefined && !destinationHolds(destination, context, device)) return NO;
  return YES;
}

function explain(options: AddrtypeOptions, context: PacketContext): string {
  const { packet, topology } = context;
  const device = deviceOf(options, context);
  const fail = (option: string, wanted: WantedTypes, source: boolean): string => {
    const words = wordsOf(packet, source);
    const [a0, a1, a2, a3] = words;
    const family = packet.family === 6 ? 6 : 4;
    let types = topology.addressType(family, a0, a1, a2, a3, device);
    if (family === 6) types |= ipv6Kind(a0, a1, a2, a3);
    const address = addressText(family === 4 ? [a0] : words);
    const has = `${address} is ${bitNames(TYPES, types) || 'of no type'}`;
    return unequal(option, wanted.inverted, has, bitNames(TYPES, wanted.types));
  };
  const { source, destination } = options;
  const failed: string[] = [];
  if (source !== undefined && !sourceHolds(source, context, device)) {
    failed.push(fail('src-type', source, true));
  }
  if (destination !== undefined && !destinationHolds(destination, context, device)) {
    failed.push(fail('dst-type', destination, false));
  }
  return failed.join('; ');
}

function refuse(option: string): (rest: string, last: boolean) => OptionError {
  return (rest, last) =>
    new OptionError('bad-value', `addrtype: bad type ${last ? `"${rest}"` : `\`${rest}'`}`, {
      option,
      hint: `types are ${TYPES.map(({ name }) => name).join(', ')}`,
    });
}

/** What the kernel has no IPv6 form of. @throws OptionError */
function checkFamily(options: AddrtypeOptions, { family }: ParseContext): void {
  if (family !== 6) return;
  const types = (options.source?.types ?? 0) | (options.destination?.types ?? 0);
  const lacking = types & (ADDRTYPE_BROADCAST | ADDRTYPE_BLACKHOLE);
  if (lacking === 0 && types < ADDRTYPE_PROHIBIT) return;
  const all = lacking | (types & ~(ADDRTYPE_PROHIBIT - 1));
  throw kernelRefuses('bad-address-type', `IPv6 has no ${bitNames(TYPES, all)} addresses to match`);
}

const LIMIT_HOOKS: Readonly<Record<'in' | 'out', readonly HookName[]>> = {
  in: ['PREROUTING', 'INPUT', 'FORWARD'],
  out: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
};

function side(option: string, wanted: WantedTypes | undefined): string[] {
  if (wanted === undefined) return [];
  return [`${wanted.inverted ? '! ' : ''}--${option} ${bitNames(TYPES, wanted.types)}`];
}

function listedSide(option: string, wanted: WantedTypes | undefined): string[] {
  if (wanted === undefined) return [];
  return [`${option} ${wanted.inverted ? '!' : ''}${bitNames(TYPES, wanted.types)}`];
}

/** -m addrtype. */
export const addrtype: MatchDefinition<AddrtypeOptions> = {
  name: 'addrtype',
  families: [4, 6],
  help: "type of the addresses in this host's routing: local, broadcast, multicast and so on",
  options: [
    {
      name: 'src-type',
      argument: 'type[,type…]',
      invertible: true,
      help: 'type of the source address',
    },
    {
      name: 'dst-type',
      argument: 'type[,type…]',
      invertible: true,
      help: 'type of the destination address',
    },
    {
      name: 'limit-iface-in',
      help: 'only the addresses of the interface it came by; from PREROUTING, INPUT, FORWARD',
    },
    {
      name: 'limit-iface-out',
      help: 'only the addresses of the interface it leaves by; from FORWARD, OUTPUT, POSTROUTING',
    },
  ],
  reads: ['addresses', 'topology', 'interfaces'],
  parse(uses, context) {
    let options: AddrtypeOptions = {};
    const types = (option: string, text: string): number => parseNames(TYPES, text, refuse(option));
    readOptions('addrtype', addrtype.options, uses, {
      'src-type': (use) => {
        const source = { types: types('src-type', argument(use)), inverted: use.inverted };
        options = { ...options, source };
      },
      'dst-type': (use) => {
        const destination = { types: types('dst-type', argument(use)), inverted: use.inverted };
        options = { ...options, destination };
      },
      'limit-iface-in': () => {
        options = { ...options, limit: 'in' };
      },
      'limit-iface-out': () => {
        options = { ...options, limit: 'out' };
      },
    });
    if (!hasOption(uses, 'src-type') && !hasOption(uses, 'dst-type')) {
      throw new OptionError(
        'option-missing',
        'addrtype: you must specify --src-type or --dst-type',
      );
    }
    excludeEachOther('addrtype', uses, ['limit-iface-in', 'limit-iface-out']);
    checkFamily(options, context);
    return options;
  },
  print: ({ source, destination, limit }) =>
    [
      ...side('src-type', source),
      ...side('dst-type', destination),
      ...(limit === undefined ? [] : [`--limit-iface-${limit}`]),
    ].join(' '),
  list: ({ source, destination, limit }) =>
    [
      'ADDRTYPE match',
      ...listedSide('src-type', source),
      ...listedSide('dst-type', destination),
      ...(limit === undefined ? [] : [`limit-${limit}`]),
    ].join(' '),
  matches,
  explain,
  hooksFor: ({ limit }) => (limit === undefined ? undefined : LIMIT_HOOKS[limit]),
};
