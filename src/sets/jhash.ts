/**
 * Jenkins' hash (lookup3) as the kernel's jhash2 has it (include/linux/jhash.h), over words in
 * network order as they lie in a little-endian machine's memory. The order in which a hash lists
 * its elements follows from it.
 */

const GOLDEN = 0xdeadbeef;

function swapped(word: number): number {
  return (word >>> 24) | ((word >>> 8) & 0xff00) | ((word & 0xff00) << 8) | (word << 24);
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * Hash of the first `length` words of `key`, each read in big-endian order.
 * @param initial start value
 * @returns signed 32-bit
 */
export function jhash2(key: Int32Array, length: number, initial: number): number {
  let a = (GOLDEN + (length << 2) + initial) | 0;
  let b = a;
  let c = a;
  let at = 0;
  let left = length;
  while (left > 3) {
    a = (a + swapped(key[at] as number)) | 0;
    b = (b + swapped(key[at + 1] as number)) | 0;
    c = (c + swapped(key[at + 2] as number)) | 0;
    a = ((a - c) ^ rotated(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotated(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotated(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ rotated(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotated(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotated(b, 4)) | 0;
    b = (b + a) | 0;
    left -= 3;
    at += 3;
  }
  if (left === 0) return c;
  if (left === 3) c = (c + swapped(key[at + 2] as number)) | 0;
  if (left >= 2) b = (b + swapped(key[at + 1] as number)) | 0;
  a = (a + swapped(key[at] as number)) | 0;
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  return ((c ^ b) - rotated(b, 24)) | 0;
}
