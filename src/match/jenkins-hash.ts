/**
 * The kernel's Jenkins hash (lookup3, include/linux/jhash.h) of 32-bit words, and its mapping to a
 * range. Words are what a little-endian machine reads from the packet's bytes.
 */
const INITIAL = 0xdeadbeef;

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** A word of the packet, in network byte order, as a little-endian machine holds it. */
export function littleEndian(word: number): number {
  return (
    (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | ((word << 24) & -16777216)
  );
}

/** __jhash_final. */
function finish(a0: number, b0: number, c0: number): number {
  let [a, b, c] = [a0, b0, c0];
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

/** jhash_1word. @returns unsigned 32-bit */
export function hashWord(word: number, seed: number): number {
  const start = (INITIAL + (1 << 2) + seed) | 0;
  return finish((word + start) | 0, start, start);
}

/** jhash_3words. @returns unsigned 32-bit */
export function hashThreeWords(w0: number, w1: number, w2: number, seed: number): number {
  const start = (INITIAL + (3 << 2) + seed) | 0;
  return finish((w0 + start) | 0, (w1 + start) | 0, (w2 + start) | 0);
}

/** reciprocal_scale: an unsigned 32-bit value mapped to 0 … range - 1. */
export function scaleTo(value: number, range: number): number {
  // In halves, as the product may be above 2^53.
  const high = (value >>> 16) * range;
  const low = (value & 0xffff) * range;
  return Math.floor((high + Math.floor(low / 65536)) / 65536);
}
