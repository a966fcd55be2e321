/**
 * -m rpfilter: an answer to the packet would leave by the interface by which it came, by the host's
 * routes as they are given. As net/ipv4/netfilter/ipt_rpfilter.c and
 * net/ipv6/netfilter/ip6t_rpfilter.c.
 */
import {
  ADDRTYPE_ANYCAST,
  ADDRTYPE_BROADCAST,
  ADDRTYPE_LOCAL,
  ADDRTYPE_UNSPEC,
} from '../topology/types.ts';
import { joined, undecided } from './conditions.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, YES } from './definition.ts';
import { readOptions } from './options.ts';

/** Options of -m rpfilter. */
export interface RpfilterOptions {
  readonly loose: boolean;
  readonly validmark: boolean;
  readonly acceptLocal: boolean;
  readonly invert: boolean;
}

const LIMITED_BROADCAST = -1;

function flags(options: RpfilterOptions, dash: string): string {
  return joined(
    options.loose ? `${dash}loose` : '',
    options.validmark ? `${dash}validmark` : '',
    options.acceptLocal ? `${dash}accept-local` : '',
    options.invert ? `${dash}invert` : '',
  );
}

/** Whether a packet without a source address passes unlooked at. */
function needsNoSource({ packet }: PacketContext): boolean {
  const { family, source0, source1, source2, source3, destination0 } = packet;
  if (family === 6) return (source0 | source1 | source2 | source3) === 0;
  if (source0 >>> 24 !== 0) return false;
  return destination0 === LIMITED_BROADCAST || destination0 >>> 8 === 0xe00000;
}

/** Whether the test is passed; undefined when the routes do not tell. */
function passes(options: RpfilterOptions, context: PacketContext): boolean | undefined {
  const { packet, topology, inInterface } = context;
  const family = packet.family === 6 ? 6 : 4;
  const { source0, source1, source2, source3 } = packet;
  if (inInterface === 'lo' || needsNoSource(context)) return true;
  const type = topology.addressType(family, source0, source1, source2, source3, '');
  if ((type & ADDRTYPE_LOCAL) !== 0) {
    if (!options.acceptLocal) return false;
    if (options.loose || family === 6) return true;
    const here = topology.addressType(4, source0, 0, 0, 0, inInterface);
    return (here & ADDRTYPE_LOCAL) !== 0;
  }
  // 0.0.0.0 and 255.255.255.255 are in no table: the default route takes them.
  const isBroadcast = (type & ADDRTYPE_BROADCAST) !== 0 && source0 !== 0 && source0 !== -1;
  if (isBroadcast || (type & ADDRTYPE_ANYCAST) !== 0) return false;
  if ((type & ADDRTYPE_UNSPEC) !== 0) return true;
  if (options.validmark && context.mark !== 0) return undefined;
  const device = topology.routeTo(family, source0, source1, source2, source3, inInterface);
  if (device === '') return undefined;
  return options.loose || device === inInterface;
}

function matches(options: RpfilterOptions, context: PacketContext): MatchResult {
  const passed = passes(options, context);
  if (passed === undefined) {
    return undecided(
      context,
      options.validmark && context.mark !== 0
        ? '-m rpfilter --validmark: routing rules for marks are not known'
        : '-m rpfilter: the route back is not known; --route gives it',
    );
  }
  return passed !== options.invert ? YES : NO;
}

/** -m rpfilter. */
export const rpfilter: MatchDefinition<RpfilterOptions> = {
  name: 'rpfilter',
  families: [4, 6],
  tables: ['raw', 'mangle'],
  hooks: ['PREROUTING'],
  help: 'an answer would leave by the interface by which the packet came; only in PREROUTING of raw and mangle',
  options: [
    { name: 'loose', help: 'any interface will do, as long as there is a route' },
    { name: 'validmark', help: "the packet's mark counts for the route" },
    { name: 'accept-local', help: "also packets from this host's own addresses" },
    { name: 'invert', help: 'holds for packets that fail the test' },
  ],
  reads: ['addresses', 'interfaces', 'topology', 'mark'],
  assumable: true,
  parse(uses) {
    readOptions('rpfilter', rpfilter.options, uses, {});
    const used = (name: string): boolean => uses.some((use) => use.name === name);
    return {
      loose: used('loose'),
      validmark: used('validmark'),
      acceptLocal: used('accept-local'),
      invert: used('invert'),
    };
  },
  print: (options) => flags(options, '--'),
  list: (options) => joined('rpfilter', flags(options, '')),
  matches,
  explain: ({ invert }, { inInterface }) =>
    invert
      ? `rpfilter: the route back is by ${inInterface}`
      : `rpfilter: the route back is not by ${inInterface}`,
  readsFor: ({ validmark }) =>
    validmark
      ? ['addresses', 'interfaces', 'topology', 'mark']
      : ['addresses', 'interfaces', 'topology'],
};
