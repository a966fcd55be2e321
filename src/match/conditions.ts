/**
 * What the matches share when they look at a packet: how much of a header is there, how to say that
 * the capture cannot tell, how to explain a condition that failed.
 */
import type { PacketView } from '../packet/fields.ts';
import type { MatchResult, PacketContext } from './definition.ts';
import { UNDECIDED } from './definition.ts';

/** The bytes wanted are in the capture. */
export const HEADER_PRESENT = 0;
/** A later fragment: it has no transport header. */
export const HEADER_IN_FIRST_FRAGMENT = 1;
/** The datagram itself is too short for the header: the kernel's skb_header_pointer fails. */
export const HEADER_SHORT = 2;
/** The snap length cut the header; the kernel saw it whole. */
export const HEADER_CUT = 3;

/** How the first `length` bytes of the transport header are there: one HEADER_ value. */
export function transportHeader(packet: PacketView, length: number): 0 | 1 | 2 | 3 {
  if (packet.fragmentOffset !== 0) return HEADER_IN_FIRST_FRAGMENT;
  if (packet.transportLength < length) return HEADER_SHORT;
  return packet.transportCaptured < length ? HEADER_CUT : HEADER_PRESENT;
}

/** Notes why the capture cannot tell. */
export function undecided(context: PacketContext, reason: string): MatchResult {
  context.undecidedReason = reason;
  return UNDECIDED;
}

/**
 * A failed condition for people: what the packet has, and what the rule wants.
 * `--dport: 443, not 8443`; inverted: `! --dport: 443 is excluded`.
 */
export function unequal(option: string, inverted: boolean, has: string, wanted: string): string {
  return inverted
    ? `! --${option}: ${has} is excluded (${wanted})`
    : `--${option}: ${has}, not ${wanted}`;
}

/** As `unequal`, for a condition that names a range or a list. */
export function outside(option: string, inverted: boolean, has: string, wanted: string): string {
  return inverted
    ? `! --${option}: ${has} is excluded (${wanted})`
    : `--${option}: ${has}, not in ${wanted}`;
}

/** Joins the parts of a printed form that are not empty. */
export function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
