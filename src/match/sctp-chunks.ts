/**
 * The chunk condition of -m sctp: a set of chunk types with flags (libxt_sctp.c of iptables 1.8.9),
 * and how the kernel looks for it in a packet (match_packet of net/netfilter/xt_sctp.c).
 */
import type { PacketView } from '../packet/fields.ts';
import type { MatchResult } from './definition.ts';
import { HOTDROP, NO, OptionError, UNDECIDED, YES } from './definition.ts';

/** How the set is meant: any of the types is there, all are, or no other. */
export type ChunkMatch = 'any' | 'all' | 'only';

/** Flags of one chunk type. */
interface ChunkFlags {
  readonly mask: number;
  readonly value: number;
}

/** The condition. */
export interface ChunkCondition {
  readonly match: ChunkMatch;
  readonly types: ReadonlySet<number>;
  /** By the name's place in the list, which is what the real tool writes for the type. */
  readonly flags: ReadonlyMap<number, ChunkFlags>;
  readonly inverted: boolean;
}

const NO_FLAGS = '--------';
const DATA_FLAGS = '----IUBE';
const ABORT_FLAGS = '-------T';
/** Name, type and letters of the flags, highest bit first. */
const CHUNKS: readonly (readonly [string, number, string])[] = [
  ['DATA', 0, DATA_FLAGS],
  ['INIT', 1, NO_FLAGS],
  ['INIT_ACK', 2, NO_FLAGS],
  ['SACK', 3, NO_FLAGS],
  ['HEARTBEAT', 4, NO_FLAGS],
  ['HEARTBEAT_ACK', 5, NO_FLAGS],
  ['ABORT', 6, ABORT_FLAGS],
  ['SHUTDOWN', 7, NO_FLAGS],
  ['SHUTDOWN_ACK', 8, NO_FLAGS],
  ['ERROR', 9, NO_FLAGS],
  ['COOKIE_ECHO', 10, NO_FLAGS],
  ['COOKIE_ACK', 11, NO_FLAGS],
  ['ECN_ECNE', 12, NO_FLAGS],
  ['ECN_CWR', 13, NO_FLAGS],
  ['SHUTDOWN_COMPLETE', 14, ABORT_FLAGS],
  ['I_DATA', 64, DATA_FLAGS],
  ['RE_CONFIG', 130, NO_FLAGS],
  ['PAD', 132, NO_FLAGS],
  ['ASCONF', 193, NO_FLAGS],
  ['ASCONF_ACK', 128, NO_FLAGS],
  ['FORWARD_TSN', 192, NO_FLAGS],
  ['I_FORWARD_TSN', 194, NO_FLAGS],
];
/** XT_NUM_SCTP_FLAGS. */
const MOST_FLAGS = 4;
const ALL_TYPES: ReadonlySet<number> = new Set(Array.from({ length: 256 }, (_, type) => type));

function refuse(message: string, hint?: string): OptionError {
  const option = 'chunk-types';
  return new OptionError('bad-chunk', message, hint === undefined ? { option } : { option, hint });
}

/** @throws OptionError bad-chunk */
function parseFlags(flags: Map<number, ChunkFlags>, index: number, letters: string): void {
  const valid = CHUNKS[index]?.[2] ?? NO_FLAGS;
  for (const letter of letters) {
    const place = valid.indexOf(letter.toUpperCase());
    if (place < 0) throw refuse(`Invalid flags for chunk type ${index}`);
    const before = flags.get(index) ?? { mask: 0, value: 0 };
    if (flags.size === MOST_FLAGS && !flags.has(index)) {
      throw refuse(
        'Number of chunk types with flags exceeds currently allowed limit. Increasing this limit involves changing IPT_NUM_SCTP_FLAGS and recompiling both the kernel space and user space modules',
      );
    }
    const bit = 1 << (7 - place);
    const isSet = letter >= 'A' && letter <= 'Z';
    flags.set(index, { mask: before.mask | bit, value: before.value | (isSet ? bit : 0) });
  }
}

/** `all INIT,DATA:Be`. @throws OptionError bad-chunk */
export function parseChunks(text: string, inverted: boolean): ChunkCondition {
  const blank = text.indexOf(' ');
  const list = blank < 0 ? '' : text.slice(blank + 1);
  if (blank < 0 || /^[-!]/.test(list)) {
    throw refuse('--chunk-types requires two args', 'first all, any or only, then the types');
  }
  const match = (['any', 'all', 'only'] as const).find(
    (name) => name === text.slice(0, blank).toLowerCase(),
  );
  if (match === undefined) {
    throw refuse('Match type has to be one of "ALL", "ANY" or "ONLY"');
  }
  const flags = new Map<number, ChunkFlags>();
  if (list.toUpperCase() === 'ALL') return { match, types: ALL_TYPES, flags, inverted };
  const types = new Set<number>();
  if (list.toUpperCase() === 'NONE') return { match, types, flags, inverted };
  for (const part of list.split(',')) {
    if (part === '') continue;
    const colon = part.indexOf(':');
    const name = colon < 0 ? part : part.slice(0, colon);
    const index = CHUNKS.findIndex(([known]) => known === name.toUpperCase());
    const chunk = CHUNKS[index];
    if (chunk === undefined) {
      throw refuse(
        `Unknown sctp chunk \`${name}'`,
        `chunks are ${CHUNKS.map(([n]) => n).join(', ')}`,
      );
    }
    types.add(chunk[1]);
    if (colon >= 0) parseFlags(flags, index, part.slice(colon + 1));
  }
  return { match, types, flags, inverted };
}

function flagLetters(index: number, { mask, value }: ChunkFlags): string {
  const letters = CHUNKS[index]?.[2] ?? NO_FLAGS;
  let text = ':';
  for (let bit = 7; bit >= 0; bit--) {
    if ((mask & (1 << bit)) === 0) continue;
    const letter = letters.charAt(7 - bit);
    text += (value & (1 << bit)) === 0 ? letter.toLowerCase() : letter;
  }
  return text;
}

/** `all INIT,DATA:Be`, without the `!`. */
export function chunksText({ match, types, flags }: ChunkCondition, numeric: boolean): string {
  if (types.size === 0) return `${match} NONE`;
  if (types.size === 256) return `${match} ALL`;
  const parts = [...types]
    .sort((a, b) => a - b)
    .map((type) => {
      const found = flags.get(type);
      const name = CHUNKS.find(([, known]) => known === type)?.[0] ?? '';
      const digits = `0x${type.toString(16).toUpperCase().padStart(4, '0')}`;
      return `${numeric ? digits : name}${found === undefined ? '' : flagLetters(type, found)}`;
    });
  return `${match} ${parts.join(',')}`;
}

const HEADER_LENGTH = 12;
const CHUNK_HEADER_LENGTH = 4;

/**
 * Whether a packet's chunks meet the condition, the `!` left out; HOTDROP when a chunk is cut short
 * by the datagram or says that it has no length, UNDECIDED when the snap length cut it.
 */
export function chunksHold(condition: ChunkCondition, packet: PacketView): MatchResult {
  const { match, types, flags } = condition;
  const { bytes, transportOffset, transportLength, transportCaptured } = packet;
  const missing = match === 'all' ? new Set(types) : undefined;
  let at = HEADER_LENGTH;
  do {
    if (at + CHUNK_HEADER_LENGTH > transportLength) return HOTDROP;
    if (at + CHUNK_HEADER_LENGTH > transportCaptured) return UNDECIDED;
    const start = transportOffset + at;
    const type = bytes[start] ?? 0;
    const length = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
    if (length === 0) return HOTDROP;
    at += (length + 3) & ~3;
    const wanted = flags.get(type);
    const flagsHold =
      wanted === undefined || ((bytes[start + 1] ?? 0) & wanted.mask) === wanted.value;
    if (!types.has(type)) {
      if (match === 'only') return NO;
    } else if (flagsHold) {
      if (match === 'any') return YES;
      missing?.delete(type);
    } else if (match === 'only') return NO;
  } while (at < transportLength);
  if (missing !== undefined) return missing.size === 0 ? YES : NO;
  return match === 'only' ? YES : NO;
}
