/**
 * The state of a packet's connection as -m conntrack --ctstate and -m state --state see it
 * (conntrack_mt, net/netfilter/xt_conntrack.c).
 */
import {
  CTSTATE_ESTABLISHED,
  CTSTATE_INVALID,
  CTSTATE_NAMES,
  CTSTATE_NEW,
  CTSTATE_RELATED,
  CTSTATE_UNTRACKED,
  IPS_DST_NAT,
  IPS_SRC_NAT,
} from '../conntrack/types.ts';
import type { PacketContext } from './definition.ts';
import type { NamedBits } from './names.ts';

/** Bits beside the CTSTATE_ values: the connection's addresses are translated. */
export const STATE_SNAT = 1 << 6;
export const STATE_DNAT = 1 << 7;

/** States of -m state, in the order in which iptables prints them. */
export const STATES: readonly NamedBits[] = [
  { name: 'INVALID', bits: CTSTATE_INVALID },
  { name: 'NEW', bits: CTSTATE_NEW },
  { name: 'RELATED', bits: CTSTATE_RELATED },
  { name: 'ESTABLISHED', bits: CTSTATE_ESTABLISHED },
  { name: 'UNTRACKED', bits: CTSTATE_UNTRACKED },
];

/** States of --ctstate. */
export const CTSTATES: readonly NamedBits[] = [
  ...STATES,
  { name: 'SNAT', bits: STATE_SNAT },
  { name: 'DNAT', bits: STATE_DNAT },
];

/**
 * State bits of the packet: one CTSTATE_ value, with STATE_SNAT and STATE_DNAT where they hold. A
 * packet that conntrack has not seen (raw table) has no connection: INVALID.
 */
export function stateBits(context: PacketContext): number {
  const { ctstate, connection } = context;
  let bits = ctstate === 0 ? CTSTATE_INVALID : ctstate;
  if (connection !== undefined) {
    if ((connection.status & IPS_SRC_NAT) !== 0) bits |= STATE_SNAT;
    if ((connection.status & IPS_DST_NAT) !== 0) bits |= STATE_DNAT;
  }
  return bits;
}

/** The packet's state for people. */
export function stateText(context: PacketContext): string {
  const bits = stateBits(context);
  const name = CTSTATE_NAMES[bits & ~(STATE_SNAT | STATE_DNAT)] ?? `${bits}`;
  const nat = CTSTATES.filter(
    (entry) => entry.bits > CTSTATE_UNTRACKED && (bits & entry.bits) !== 0,
  );
  return [name, ...nat.map((entry) => entry.name)].join(',');
}
