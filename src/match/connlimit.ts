/**
 * -m connlimit: how many connections a host or network has that this rule has seen. As
 * net/netfilter/xt_connlimit.c over nf_conncount.c: a packet adds its connection to the list of its
 * own source (or destination) address, be it a request or a reply; connections that are gone or
 * closed do not count. An assured connection is not added to a list that is there, and a list found
 * empty drops the packet: seen on Linux 6.18, older kernels differ there.
 */
import type { Connection } from '../conntrack/types.ts';
import { DIRECTION_REPLY, IPS_ASSURED, IPS_CONFIRMED, IPS_DYING } from '../conntrack/types.ts';
import { HEADER_CUT, HEADER_PRESENT, transportHeader, undecided } from './conditions.ts';
import type {
  MatchDefinition,
  MatchResult,
  OptionUse,
  PacketContext,
  ParseContext,
} from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import { HZ } from './jiffies.ts';
import { maskedHost, maskLength } from './numeric-address.ts';
import { argument, excludeEachOther, hasOption, readOptions } from './options.ts';
import { boundedNumber } from './values.ts';

/** Options of -m connlimit. */
export interface ConnlimitOptions {
  readonly limit: number;
  /** Holds above the limit, not up to it. */
  readonly above: boolean;
  /** Words of the mask. */
  readonly mask: readonly number[];
  readonly side: 'saddr' | 'daddr';
  /** Before conntrack has seen the packet. */
  readonly raw: boolean;
}

/** A tuple in a list: a connection's original one, or that of an INVALID packet in its reply direction. */
interface Counted {
  readonly connection: Connection;
  readonly firstPacket: number;
  readonly reply: boolean;
  /** When a packet of the list first found it gone or closed, seconds; undefined before. */
  goneSince: number | undefined;
}

/** The connections of one address or network. */
interface List {
  entries: Counted[];
  /** Time of its last packet, seconds. */
  last: number;
  /** Time when it was last looked through to its end, or made. */
  scanned: number;
}

/** State of one rule: the lists by masked address. */
export type ConnlimitState = Map<string, List>;

/** How many connections there may be. */
interface Count {
  readonly least: number;
  readonly most: number;
}

const PROTOCOL_TCP = 6;
/** The kernel cleans a list up once a tick at most. */
const TICK = 1 / HZ;

/** Bytes of the transport header that a tuple needs (nf_ct_get_tuple). */
const TUPLE_BYTES: Readonly<Record<number, number>> = { 1: 8, 6: 4, 17: 4, 58: 8, 132: 4, 136: 4 };

/** find_or_evict: whether the entry's connection is there. */
function isThere({ connection, firstPacket }: Counted, now: number): boolean {
  const confirmed = (connection.status & (IPS_CONFIRMED | IPS_DYING)) === IPS_CONFIRMED;
  return confirmed && connection.firstPacket === firstPacket && connection.expiresAt > now;
}

/** already_closed. */
function isClosed({ connection }: Counted): boolean {
  if (connection.original.protocol !== PROTOCOL_TCP) return false;
  return connection.protocolState === 'TIME_WAIT' || connection.protocolState === 'CLOSE';
}

function keyOf({ mask, side }: ConnlimitOptions, { packet }: PacketContext): string {
  const at = (i: number): number => mask[i] ?? 0;
  if (packet.family === 4)
    return `${(side === 'saddr' ? packet.source0 : packet.destination0) & at(0)}`;
  return side === 'saddr'
    ? `${packet.source0 & at(0)} ${packet.source1 & at(1)} ${packet.source2 & at(2)} ${packet.source3 & at(3)}`
    : `${packet.destination0 & at(0)} ${packet.destination1 & at(1)} ${packet.destination2 & at(2)} ${packet.destination3 & at(3)}`;
}

function matches(
  options: ConnlimitOptions,
  context: PacketContext,
  state: ConnlimitState,
): MatchResult {
  const { connection, packet } = context;
  if (options.raw)
    return undecided(context, '-m connlimit in the raw table: the connection is not known yet');
  if (connection === undefined) {
    // The packet itself counts, if it has a tuple; no entry stays behind.
    const header = transportHeader(packet, TUPLE_BYTES[packet.protocol] ?? 0);
    if (header === HEADER_CUT)
      return undecided(context, '-m connlimit: the transport header is cut by the snap length');
    if (header !== HEADER_PRESENT) return HOTDROP;
  }
  const now = packet.timeSeconds + packet.timeNanoseconds / 1e9;
  const key = keyOf(options, context);
  const known = state.get(key);
  const list = known ?? {
    entries: [],
    last: Number.NEGATIVE_INFINITY,
    scanned: Number.NEGATIVE_INFINITY,
  };
  state.set(key, list);
  const wasEmpty = known?.entries.length === 0;
  // An assured connection is taken to be in the list: seen on Linux 6.18.
  const assured = ((connection?.status ?? 0) & IPS_ASSURED) !== 0;
  const adds = known === undefined || !assured;
  const { least, most } = adds ? add(list, context, now) : collect(list, now);
  list.last = now;
  // nf_conncount_count says 0 where it failed, and for an empty list too: the packet is dropped.
  if (most === 0 && !wasEmpty) return HOTDROP;
  const above = least > options.limit;
  if (least === 0 || above !== most > options.limit) {
    return undecided(
      context,
      '-m connlimit: whether the kernel had already cleaned up its list of connections is not known',
    );
  }
  return above === options.above ? YES : NO;
}

/** Whether the clean-up takes an entry: surely, perhaps, or not. Notes when it first could. */
function eviction(entry: Counted, list: List, now: number): 'surely' | 'perhaps' | 'no' {
  if (isThere(entry, now) && !isClosed(entry)) return 'no';
  // With a tick between two packets, the clean-up ran at the second, or since the first.
  const since = entry.goneSince ?? list.last;
  if (now - since >= TICK) return 'surely';
  entry.goneSince ??= now;
  return 'perhaps';
}

/** nf_conncount_gc_list. */
function collect(list: List, now: number): Count {
  list.scanned = now;
  let perhaps = 0;
  list.entries = list.entries.filter((entry) => {
    const taken = eviction(entry, list, now);
    if (taken === 'perhaps') perhaps += 1;
    return taken !== 'surely';
  });
  return { least: list.entries.length - perhaps, most: list.entries.length };
}

/** Every entry counts. */
function whole({ entries }: List): Count {
  return { least: entries.length, most: entries.length };
}

/** __nf_conncount_add: the packet's tuple, once. */
function add(list: List, context: PacketContext, now: number): Count {
  const { connection, refusedBy } = context;
  const owner = connection ?? refusedBy;
  const reply = connection === undefined && context.refusedDirection === DIRECTION_REPLY;
  const confirmed = ((connection?.status ?? 0) & IPS_CONFIRMED) !== 0;
  const again = !confirmed && now === list.scanned;
  // The same packet again, in the same tick: the list is not looked through.
  const place = again
    ? -1
    : list.entries.findIndex(
        (each) =>
          each.connection === owner &&
          each.firstPacket === owner.firstPacket &&
          each.reply === reply,
      );
  // What stands from the packet's own tuple on is not looked at.
  const kept = place < 0 ? [] : list.entries.splice(place);
  const { scanned } = list;
  const { least, most } = again ? whole(list) : collect(list, now);
  list.entries.push(...kept);
  // Found before its end.
  if (place >= 0) list.scanned = scanned;
  if (place >= 0) return { least: least + kept.length, most: most + kept.length };
  if (owner !== undefined)
    list.entries.push({
      connection: owner,
      firstPacket: owner.firstPacket,
      reply,
      goneSince: undefined,
    });
  // The tuple of no connection counts for its own packet, and is evicted by the next.
  return { least: least + 1, most: most + 1 };
}

function parse(uses: readonly OptionUse[], { family, table }: ParseContext): ConnlimitOptions {
  const any = family === 4 ? '0.0.0.0' : '::';
  let options: ConnlimitOptions = {
    limit: 0,
    above: false,
    mask: family === 4 ? [-1] : [-1, -1, -1, -1],
    side: 'saddr',
    raw: table === 'raw',
  };
  const limit = (use: OptionUse): void => {
    const number = boundedNumber('connlimit', use.name, argument(use), 0xffffffff);
    const above = (use.name === 'connlimit-above') !== use.inverted;
    options = { ...options, limit: number, above };
  };
  readOptions('connlimit', connlimit.options, uses, {
    'connlimit-upto': limit,
    'connlimit-above': limit,
    'connlimit-mask': (use) => {
      const { mask } = maskedHost('connlimit', use.name, `${any}/${argument(use)}`, family);
      options = { ...options, mask };
    },
    'connlimit-saddr': () => {
      options = { ...options, side: 'saddr' };
    },
    'connlimit-daddr': () => {
      options = { ...options, side: 'daddr' };
    },
  });
  if (!hasOption(uses, 'connlimit-upto') && !hasOption(uses, 'connlimit-above')) {
    throw new OptionError(
      'option-missing',
      'You must specify "--connlimit-above" or "--connlimit-upto".',
    );
  }
  excludeEachOther('connlimit', uses, ['connlimit-upto', 'connlimit-above']);
  excludeEachOther('connlimit', uses, ['connlimit-saddr', 'connlimit-daddr']);
  return options;
}

/** -m connlimit. */
export const connlimit: MatchDefinition<ConnlimitOptions, ConnlimitState> = {
  name: 'connlimit',
  families: [4, 6],
  mayHotdrop: true,
  help: 'connections of a host or network that this rule has seen and that are still there',
  options: [
    { name: 'connlimit-upto', argument: 'n', invertible: true, help: 'at most so many' },
    { name: 'connlimit-above', argument: 'n', invertible: true, help: 'more' },
    { name: 'connlimit-mask', argument: 'length', help: 'counts networks of this prefix length' },
    { name: 'connlimit-saddr', help: 'by source address (default)' },
    { name: 'connlimit-daddr', help: 'by destination address' },
  ],
  reads: ['addresses', 'connection', 'time', 'own-state'],
  parse,
  print: ({ limit, above, mask, side }) =>
    `--connlimit-${above ? 'above' : 'upto'} ${limit} --connlimit-mask ${maskLength(mask)} --connlimit-${side}`,
  list: ({ limit, above, mask, side }) =>
    `#conn ${side === 'saddr' ? 'src' : 'dst'}/${maskLength(mask)} ${above ? '>' : '<='} ${limit}`,
  matches,
  explain: ({ limit, above }) =>
    above
      ? `--connlimit-above: not more than ${limit} connections`
      : `--connlimit-upto: more than ${limit} connections`,
  createState: () => new Map(),
};
