/**
 * Looks for one extension header of an IPv6 datagram, as ipv6_find_hdr of net/ipv6/exthdrs_core.c
 * does for the matches that are about one.
 */
import type { PacketView } from '../packet/fields.ts';
import { undecided } from './conditions.ts';
import {
  BYTES_CUT,
  BYTES_OUTSIDE,
  byteOf,
  bytesAt,
  type Failures,
  wordOf,
} from './datagram-bytes.ts';
import type { MatchResult, PacketContext } from './definition.ts';
import { HOTDROP, NO } from './definition.ts';

/** Hop-by-hop options (RFC 8200, 4.3). */
export const HOP_BY_HOP = 0;
/** Routing header (RFC 8200, 4.4). */
export const ROUTING = 43;
/** Fragment header (RFC 8200, 4.5). */
export const FRAGMENT = 44;
/** Encapsulating security payload (RFC 4303). */
export const ESP = 50;
/** Authentication header (RFC 4302). */
export const AUTHENTICATION = 51;
/** Nothing follows. */
export const NO_NEXT = 59;
/** Destination options (RFC 8200, 4.6). */
export const DESTINATION = 60;

/** There is no such header (ENOENT). */
export const HEADER_ABSENT = -1;
/** The chain leaves the datagram before (EBADMSG). */
export const CHAIN_BROKEN = -2;
/** The snap length cut the chain before. */
export const CHAIN_CUT = -3;

function isWalkedOver(next: number): boolean {
  return (
    next === HOP_BY_HOP ||
    next === ROUTING ||
    next === FRAGMENT ||
    next === AUTHENTICATION ||
    next === DESTINATION
  );
}

/** Length in bytes of the header of a type at an offset; its first two bytes must be present. */
export function headerLength(packet: PacketView, type: number, at: number): number {
  if (type === FRAGMENT) return 8;
  const units = byteOf(packet, at + 1);
  return type === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
}

/** Offset of the first header of a type from the IP header, or one of the codes below 0. */
export function findHeader(packet: PacketView, type: number): number {
  let next = byteOf(packet, 6);
  let at = 40;
  for (;;) {
    if (!isWalkedOver(next)) return next === type ? at : HEADER_ABSENT;
    const where = bytesAt(packet, at, next === ROUTING || next === FRAGMENT ? 4 : 2);
    if (where === BYTES_OUTSIDE) return CHAIN_BROKEN;
    if (where === BYTES_CUT) return CHAIN_CUT;
    if (next === type) return at;
    if (next === FRAGMENT && (wordOf(packet, at + 2) & 0xfff8) !== 0) return HEADER_ABSENT;
    const length = headerLength(packet, next, at);
    next = byteOf(packet, at);
    at += length;
  }
}

/** What a match about one header says where `findHeader` gave a code, or its bytes are not there. */
export function withoutHeader(
  context: PacketContext,
  name: string,
  code: number,
  failures: Failures,
): MatchResult {
  if (code === CHAIN_CUT) return undecided(context, `the snap length cut the ${name} header`);
  if (code === HEADER_ABSENT) {
    failures?.push(`no ${name} header`);
    return NO;
  }
  failures?.push('the chain of extension headers is malformed: dropped');
  return HOTDROP;
}

/** As `withoutHeader`, for a header that begins in the datagram but is not present as a whole. */
export function partialHeader(
  context: PacketContext,
  name: string,
  where: 0 | 1 | 2,
  failures: Failures,
): MatchResult {
  return withoutHeader(context, name, where === BYTES_CUT ? CHAIN_CUT : CHAIN_BROKEN, failures);
}
