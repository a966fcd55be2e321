/**
 * The conditions of -m conntrack against a packet's connection. As conntrack_mt
 * (net/netfilter/xt_conntrack.c): a packet without a connection can only match by --ctstate, and
 * when that holds, the other conditions are not looked at.
 */
import type { Connection, Tuple } from '../conntrack/types.ts';
import {
  DIRECTION_ORIGINAL,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_EXPECTED,
  IPS_SEEN_REPLY,
} from '../conntrack/types.ts';
import type { PacketView } from '../packet/fields.ts';
import { protocolName } from '../packet/text.ts';
import { outside, undecided, unequal } from './conditions.ts';
import { CTSTATES, stateBits, stateText } from './connection-state.ts';
import type { MatchResult, PacketContext } from './definition.ts';
import { NO, YES } from './definition.ts';
import { HZ, packetJiffies } from './jiffies.ts';
import type { NamedBits } from './names.ts';
import { bitNames } from './names.ts';
import type { MaskedHost } from './numeric-address.ts';
import { addressText, maskedHostHolds, maskedHostText } from './numeric-address.ts';
import type { Range } from './values.ts';
import { inRange, rangeText } from './values.ts';

/** A condition that may be inverted. */
export interface Wanted<T> {
  readonly value: T;
  readonly inverted: boolean;
}

/** A condition on one field of one of the connection's two tuples. */
export interface TupleCondition<T> extends Wanted<T> {
  /** Name of the option: `ctorigsrc` … */
  readonly option: string;
  /** The original direction's tuple, else the reply direction's. */
  readonly original: boolean;
  /** Its source, else its destination. */
  readonly source: boolean;
}

/** Options of -m conntrack. */
export interface ConntrackOptions {
  /** CTSTATE_, STATE_SNAT and STATE_DNAT bits. */
  readonly state?: Wanted<number>;
  readonly protocol?: Wanted<number>;
  /** In the order in which iptables prints them. */
  readonly addresses: readonly TupleCondition<MaskedHost>[];
  readonly ports: readonly TupleCondition<Range>[];
  /** IPS_ bits; 0 for NONE, which no connection has. */
  readonly status?: Wanted<number>;
  /** Seconds. */
  readonly expire?: Wanted<Range>;
  readonly direction?: 'ORIGINAL' | 'REPLY';
}

/** Names of --ctstatus. */
export const STATUSES: readonly NamedBits[] = [
  { name: 'NONE', bits: 0 },
  { name: 'EXPECTED', bits: IPS_EXPECTED },
  { name: 'SEEN_REPLY', bits: IPS_SEEN_REPLY },
  { name: 'ASSURED', bits: IPS_ASSURED },
  { name: 'CONFIRMED', bits: IPS_CONFIRMED },
];

/** Status bits as --ctstatus names them. */
export function statusText(bits: number): string {
  return bitNames(STATUSES, bits) || 'NONE';
}

function tupleOf({ original }: TupleCondition<unknown>, connection: Connection): Tuple {
  return original ? connection.original : connection.reply;
}

function addressHolds(wanted: TupleCondition<MaskedHost>, connection: Connection): boolean {
  const tuple = tupleOf(wanted, connection);
  const words = wanted.source ? tuple.source : tuple.destination;
  return maskedHostHolds(wanted.value, words) !== wanted.inverted;
}

function portOf(wanted: TupleCondition<Range>, connection: Connection): number {
  const tuple = tupleOf(wanted, connection);
  return wanted.source ? tuple.sourcePort : tuple.destinationPort;
}

function portHolds(wanted: TupleCondition<Range>, connection: Connection): boolean {
  return inRange(wanted.value, portOf(wanted, connection)) !== wanted.inverted;
}

/** Whole seconds until the connection expires, as nf_ct_expires has them; at least 0. */
function secondsLeft(connection: Connection, packet: PacketView): number {
  // 0.4 µs make up for what a double loses of a time since 1970.
  const end = Math.floor(connection.expiresAt * HZ + 0.0001);
  return Math.max(0, Math.floor((end - packetJiffies(packet)) / HZ));
}

/** Largest time left that the kernel can hold, in ticks of a signed 32-bit number. */
const LONGEST_SECONDS = Math.floor(0x7fffffff / HZ);

function expireHolds(
  { value, inverted }: Wanted<Range>,
  connection: Connection,
  context: PacketContext,
): MatchResult {
  if (value.low === 0 && value.high >= LONGEST_SECONDS) return inverted ? NO : YES;
  if (value.low > value.high) return inverted ? YES : NO;
  if ((connection.status & IPS_CONFIRMED) === 0) {
    // Before confirmation the kernel compares a period with the ticks since its own start.
    return undecided(context, "--ctexpire of a new connection depends on the host's uptime");
  }
  return inRange(value, secondsLeft(connection, context.packet)) !== inverted ? YES : NO;
}

function stateHolds({ value, inverted }: Wanted<number>, context: PacketContext): boolean {
  return ((stateBits(context) & value) !== 0) !== inverted;
}

function directionHolds({ direction }: ConntrackOptions, context: PacketContext): boolean {
  if (direction === undefined) return true;
  return (context.ctdirection === DIRECTION_ORIGINAL) === (direction === 'ORIGINAL');
}

function protocolHolds({ value, inverted }: Wanted<number>, connection: Connection): boolean {
  return (connection.original.protocol === value) !== inverted;
}

function statusHolds({ value, inverted }: Wanted<number>, connection: Connection): boolean {
  return ((connection.status & value) !== 0) !== inverted;
}

/** Evaluates in the kernel's order. */
export function matchConnection(options: ConntrackOptions, context: PacketContext): MatchResult {
  const { state, protocol, status, expire } = options;
  if (state !== undefined && !stateHolds(state, context)) return NO;
  const { connection } = context;
  if (connection === undefined) return state === undefined ? NO : YES;
  if (!directionHolds(options, context)) return NO;
  for (const wanted of options.addresses) if (!addressHolds(wanted, connection)) return NO;
  if (protocol !== undefined && !protocolHolds(protocol, connection)) return NO;
  for (const wanted of options.ports) if (!portHolds(wanted, connection)) return NO;
  if (status !== undefined && !statusHolds(status, connection)) return NO;
  return expire === undefined ? YES : expireHolds(expire, connection, context);
}

/** Why it did not match: all conditions that fail, in the kernel's order. */
export function explainConnection(options: ConntrackOptions, context: PacketContext): string {
  const { state } = options;
  const failed: string[] = [];
  if (state !== undefined && !stateHolds(state, context)) {
    const wanted = bitNames(CTSTATES, state.value);
    failed.push(unequal('ctstate', state.inverted, stateText(context), wanted));
  }
  const { connection } = context;
  if (connection !== undefined) failed.push(...failures(options, connection, context));
  else if (state === undefined) failed.push(`conntrack: no connection (${stateText(context)})`);
  return failed.join('; ');
}

function failures(
  options: ConntrackOptions,
  connection: Connection,
  context: PacketContext,
): string[] {
  const { protocol, status, expire } = options;
  const failed: string[] = [];
  if (!directionHolds(options, context)) {
    const has = context.ctdirection === DIRECTION_ORIGINAL ? 'ORIGINAL' : 'REPLY';
    failed.push(unequal('ctdir', false, has, options.direction ?? ''));
  }
  for (const wanted of options.addresses.filter((each) => !addressHolds(each, connection))) {
    const tuple = tupleOf(wanted, connection);
    const words = [...(wanted.source ? tuple.source : tuple.destination)];
    const has = addressText(words.slice(0, wanted.value.address.length));
    failed.push(unequal(wanted.option, wanted.inverted, has, maskedHostText(wanted.value)));
  }
  if (protocol !== undefined && !protocolHolds(protocol, connection)) {
    const has = protocolName(connection.original.protocol);
    failed.push(unequal('ctproto', protocol.inverted, has, protocolName(protocol.value)));
  }
  for (const wanted of options.ports.filter((each) => !portHolds(each, connection))) {
    const say = wanted.value.low === wanted.value.high ? unequal : outside;
    const has = `${portOf(wanted, connection)}`;
    failed.push(say(wanted.option, wanted.inverted, has, rangeText(wanted.value)));
  }
  if (status !== undefined && !statusHolds(status, connection)) {
    const has = statusText(connection.status);
    failed.push(unequal('ctstatus', status.inverted, has, statusText(status.value)));
  }
  if (expire !== undefined && expireHolds(expire, connection, context) !== YES) {
    const left = `${secondsLeft(connection, context.packet)} s`;
    failed.push(outside('ctexpire', expire.inverted, left, rangeText(expire.value)));
  }
  return failed;
}
