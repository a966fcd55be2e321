/** CRC-32C (Castagnoli), which SCTP uses (RFC 9260, appendix A), by a table of 256 entries. */

const POLYNOMIAL = 0x82f63b78;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
  return crc;
});

/**
 * CRC-32C (signed word) of bytes [from, to), the four bytes from `zeroAt` on being taken as zeros.
 */
export function crc32c(bytes: Uint8Array, from: number, to: number, zeroAt: number): number {
  let crc = -1;
  for (let i = from; i < to; i++) {
    const byte = i >= zeroAt && i < zeroAt + 4 ? 0 : (bytes[i] ?? 0);
    crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  }
  return ~crc;
}
