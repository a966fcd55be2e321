/**
 * -m recent: lists of addresses with the times at which they were seen, shared by name between rules
 * of both families. As net/netfilter/xt_recent.c (recent-list.ts holds the lists).
 */
import { joined, undecided } from './conditions.ts';
import type {
  MatchDefinition,
  MatchResult,
  OptionUse,
  PacketContext,
  ParseContext,
} from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import { HZ, packetJiffies } from './jiffies.ts';
import { addressText, hostAddress } from './numeric-address.ts';
import { argument, excludeEachOther, hasOption, readOptions } from './options.ts';
import { type RecentList, recentLists } from './recent-list.ts';
import { kernelRefuses } from './refusal.ts';
import { boundedNumber, cutToBytes } from './values.ts';

/** Options of -m recent. */
export interface RecentOptions {
  readonly operation: 'set' | 'rcheck' | 'update' | 'remove';
  readonly inverted: boolean;
  /** 0 for none; unsigned 32-bit. */
  readonly seconds: number;
  readonly reap: boolean;
  /** 0 for none. */
  readonly hitcount: number;
  readonly ttl: boolean;
  readonly name: string;
  readonly side: 'source' | 'dest';
  /** Words as of an address. */
  readonly mask: readonly number[];
}

/** State of one rule: its list. */
export interface RecentState {
  readonly list: RecentList;
  doubt(reason: string): void;
}

const OPERATIONS = ['set', 'rcheck', 'update', 'remove'] as const;
const LISTED = { set: 'SET', rcheck: 'CHECK', update: 'UPDATE', remove: 'REMOVE' } as const;
const LONGEST_NAME = 199;
/** XT_RECENT_MAX_NSTAMPS. */
const MOST_STAMPS = 65_536;

function operationOf(uses: readonly OptionUse[]): OptionUse {
  const found = uses.find((use) => OPERATIONS.some((name) => name === use.name));
  if (found !== undefined) return found;
  throw new OptionError(
    'option-missing',
    "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'",
  );
}

/** xt_check_proc_name and recent_mt_check. @throws OptionError */
function checkAsKernel({ operation, seconds, hitcount, reap, name }: RecentOptions): void {
  const checks = operation === 'rcheck' || operation === 'update';
  if (!checks && (seconds !== 0 || hitcount !== 0 || reap))
    throw kernelRefuses('option-conflict', '--seconds and --hitcount go with --rcheck or --update');
  if (hitcount >= MOST_STAMPS) throw kernelRefuses('bad-value', '--hitcount is at most 65535');
  if (name === '' || name === '.' || name === '..' || name.includes('/'))
    throw kernelRefuses('bad-name', 'the name must fit as a file below /proc/net/xt_recent');
}

function parse(uses: readonly OptionUse[], { family }: ParseContext): RecentOptions {
  const none: readonly number[] = family === 4 ? [-1] : [-1, -1, -1, -1];
  let options: Omit<RecentOptions, 'operation' | 'inverted'> = {
    seconds: 0,
    reap: false,
    hitcount: 0,
    ttl: false,
    name: 'DEFAULT',
    side: 'source',
    mask: none,
  };
  const set = (more: Partial<typeof options>): void => {
    options = { ...options, ...more };
  };
  const number = (use: OptionUse, least: number): number =>
    boundedNumber('recent', use.name, argument(use), 0xffffffff, least);
  readOptions('recent', recent.options, uses, {
    seconds: (use) => set({ seconds: number(use, 1) }),
    reap: () => set({ reap: true }),
    hitcount: (use) => set({ hitcount: number(use, 0) }),
    rttl: () => set({ ttl: true }),
    name: (use) => set({ name: cutToBytes(argument(use), LONGEST_NAME) }),
    rsource: () => set({ side: 'source' }),
    rdest: () => set({ side: 'dest' }),
    mask: (use) => set({ mask: hostAddress('mask', argument(use), family) }),
  });
  const { name, inverted } = operationOf(uses);
  excludeEachOther('recent', uses, OPERATIONS);
  if (hasOption(uses, 'reap') && !hasOption(uses, 'seconds')) {
    throw new OptionError('option-missing', 'recent: option "--reap" also requires "--seconds".', {
      option: 'reap',
    });
  }
  if (hasOption(uses, 'rttl')) {
    for (const other of ['set', 'remove']) excludeEachOther('recent', uses, ['rttl', other]);
  }
  const operation = OPERATIONS.find((each) => each === name) ?? 'set';
  const whole = { ...options, operation, inverted };
  checkAsKernel(whole);
  return whole;
}

function text(options: RecentOptions): string {
  const { seconds, hitcount } = options;
  return joined(
    options.inverted ? '!' : '',
    `--${options.operation}`,
    // printed as a signed number
    seconds === 0 ? '' : `--seconds ${seconds | 0}`,
    options.reap ? '--reap' : '',
    hitcount === 0 ? '' : `--hitcount ${hitcount}`,
    options.ttl ? '--rttl' : '',
    `--name ${options.name} --mask ${addressText(options.mask)}`,
    options.side === 'source' ? '--rsource' : '--rdest',
  );
}

function list(options: RecentOptions): string {
  const { seconds, hitcount } = options;
  return joined(
    options.inverted ? '!' : '',
    `recent: ${LISTED[options.operation]}`,
    seconds === 0 ? '' : `seconds: ${seconds | 0}`,
    options.reap ? 'reap' : '',
    hitcount === 0 ? '' : `hit_count: ${hitcount}`,
    options.ttl ? 'TTL-Match' : '',
    `name: ${options.name} side: ${options.side} mask: ${addressText(options.mask)}`,
  );
}

/** TTL as it was before this host counted it down. */
function arrivedTtl({ packet, forwarded }: PacketContext): number {
  return forwarded ? (packet.ttl + 1) & 0xff : packet.ttl;
}

function matches(
  options: RecentOptions,
  context: PacketContext,
  { list: entries }: RecentState,
): MatchResult {
  const { packet } = context;
  const { operation, inverted } = options;
  const now = packetJiffies(packet);
  const ttl = arrivedTtl(context);
  entries.at(packet, options.side === 'source');
  const entry = entries.find(options.ttl ? ttl : 0);
  if (operation === 'set') {
    // It holds whether the address is new or not.
    if (entry === undefined) {
      if (!entries.add(ttl, now)) return HOTDROP;
    } else {
      entries.touch(entry, ttl, now);
    }
    return inverted ? NO : YES;
  }
  if (entries.doubtful !== '') return undecided(context, entries.doubtful);
  if (entry === undefined) return inverted ? YES : NO;
  if (operation === 'remove') {
    entries.remove(entry);
    return inverted ? NO : YES;
  }
  const since = now - options.seconds * HZ;
  const seen = entries.seenSince(
    entry,
    options.seconds === 0 ? undefined : since,
    options.hitcount,
  );
  const holds = seen !== inverted;
  const updates = operation === 'update' && holds;
  if (options.reap) entries.reap(since, updates ? entry : undefined);
  if (updates) entries.touch(entry, ttl, now);
  return holds ? YES : NO;
}

/** -m recent. */
export const recent: MatchDefinition<RecentOptions, RecentState> = {
  name: 'recent',
  families: [4, 6],
  mayHotdrop: true,
  help: 'lists of addresses with the times at which they were seen, shared by name',
  options: [
    { name: 'set', invertible: true, help: 'adds the address, or the time to it; always holds' },
    { name: 'rcheck', invertible: true, help: 'the address is in the list' },
    { name: 'update', invertible: true, help: 'as --rcheck, and the time is noted when it holds' },
    { name: 'remove', invertible: true, help: 'as --rcheck, and the address is removed' },
    { name: 'seconds', argument: 'seconds', help: 'only what was seen within this time' },
    { name: 'reap', help: 'removes the oldest address when it is older than --seconds' },
    { name: 'hitcount', argument: 'hits', help: 'it was seen so many times' },
    { name: 'rttl', help: 'the TTL must be that of the address in the list' },
    { name: 'name', argument: 'name', help: 'name of the list, by default DEFAULT' },
    { name: 'rsource', help: 'the source address (default)' },
    { name: 'rdest', help: 'the destination address' },
    { name: 'mask', argument: 'mask', help: 'applied to addresses; that of the first rule counts' },
  ],
  reads: ['addresses', 'ttl', 'time', 'own-state'],
  parse,
  print: text,
  list,
  matches,
  explain: ({ operation, inverted, name, seconds, hitcount }) => {
    const what = joined(
      seconds === 0 ? '' : `within ${seconds} s`,
      hitcount === 0 ? '' : `${hitcount} times`,
    );
    return `${inverted ? '! ' : ''}--${operation}: the address is ${inverted ? '' : 'not '}in ${joined(name, what)}`;
  },
  createState(options, replay) {
    const shared = replay.shared(recentLists, options.name);
    shared.use(options.mask, options.hitcount);
    return { list: shared, doubt: (reason) => shared.doubt(reason) };
  },
};
