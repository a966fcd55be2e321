/**
 * Finds a pattern of bytes, as the kernel's textsearch does for a packet whose bytes are in one piece
 * (lib/ts_bm.c, lib/ts_kmp.c): its letters are those of Latin-1 where case is ignored.
 */

/** toupper of lib/ctype.c. */
function upper(byte: number): number {
  const lower = (byte >= 0x61 && byte <= 0x7a) || byte === 0xdf || (byte >= 0xe0 && byte !== 0xf7);
  return lower ? byte - 0x20 : byte;
}

const UPPER = Uint8Array.from({ length: 256 }, (_, byte) => upper(byte));

/** What is looked for. */
export interface SearchPattern {
  readonly bytes: Uint8Array;
  readonly ignoreCase: boolean;
}

/** The pattern as it is compared. */
export function searchPattern(bytes: Uint8Array, ignoreCase: boolean): SearchPattern {
  return { bytes: ignoreCase ? bytes.map((byte) => UPPER[byte] ?? 0) : bytes, ignoreCase };
}

function isAt(text: Uint8Array, at: number, { bytes, ignoreCase }: SearchPattern): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = text[at + i] ?? 0;
    if ((ignoreCase ? UPPER[byte] : byte) !== bytes[i]) return false;
  }
  return true;
}

/** Offset of the first occurrence that begins at `from` or later and ends before `end`; -1: none. */
export function findPattern(
  text: Uint8Array,
  pattern: SearchPattern,
  from: number,
  end: number,
): number {
  const last = end - pattern.bytes.length;
  const first = pattern.bytes[0] ?? 0;
  for (let at = from; at <= last; at++) {
    // Not indexOf: the text is a whole block of packets.
    if (text[at] !== first && !pattern.ignoreCase) continue;
    if (isAt(text, at, pattern)) return at;
  }
  return -1;
}
