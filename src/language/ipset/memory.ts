/**
 * `Size in memory` of a set as a 64-bit kernel counts it (Linux 6.18): the type's own structures,
 * its buckets, and an element's size with its extensions.
 */

import { BitmapSet } from '../../sets/bitmap-set.ts';
import type { AnySet } from '../../sets/collection.ts';
import { HashSet } from '../../sets/hash-set.ts';
import type { SetHeader } from '../../sets/types.ts';

/** An element's own bytes, by type: IPv4, IPv6. */
const ELEMENT_BYTES: Readonly<Record<string, readonly [number, number]>> = {
  'hash:ip': [4, 16],
  'hash:mac': [8, 8],
  'hash:ip,mac': [12, 24],
  'hash:ip,mark': [8, 20],
  'hash:ip,port': [8, 20],
  'hash:ip,port,ip': [12, 36],
  'hash:ip,port,net': [12, 36],
  'hash:net': [8, 20],
  'hash:net,iface': [28, 40],
  'hash:net,net': [16, 40],
  'hash:net,port': [8, 20],
  'hash:net,port,net': [16, 40],
  'bitmap:ip': [0, 0],
  'bitmap:ip,mac': [8, 8],
  'bitmap:port': [0, 0],
  'list:set': [40, 40],
};

/** Of an empty hash with one region, by type: IPv4, IPv6. */
const EMPTY_HASH: Readonly<Record<string, readonly [number, number]>> = {
  'hash:ip': [216, 224],
  'hash:ip,port': [216, 224],
  'hash:ip,port,ip': [208, 232],
  'hash:ip,port,net': [464, 1256],
  'hash:net': [456, 1240],
  'hash:net,iface': [488, 1264],
  'hash:net,port': [456, 1240],
};

/** Bytes that each further region of a hash takes. */
const REGION_BYTES = 24;
const FIRST_REGION_BITS = 10;

function align(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}

/** An element's bytes with its extensions (ip_set_elem_len). */
function elementBytes(header: SetHeader): number {
  let size = ELEMENT_BYTES[header.type.name]?.[header.family === 4 ? 0 : 1] ?? 0;
  const add = (has: boolean, bytes: number): void => {
    if (has) size = align(size, 8) + bytes;
  };
  // In the order of enum ip_set_ext_id: counter, timeout, skbinfo, comment.
  add(header.counters, 16);
  add(header.timeout !== undefined, 8);
  if (header.packetInfo) size = align(size, 8) + 16;
  add(header.comments, 8);
  const alignment = header.counters || header.timeout !== undefined || header.packetInfo;
  return alignment || header.comments || header.type.method === 'list' ? align(size, 8) : size;
}

/** Bytes of a set's memory in the kernel. */
export function kernelMemory(set: AnySet): number {
  const { header } = set;
  const size = elementBytes(header);
  if (set instanceof HashSet) {
    const empty = EMPTY_HASH[header.type.name]?.[header.family === 4 ? 0 : 1] ?? 216;
    const regions = Math.max(1, set.hashSize / 2 ** FIRST_REGION_BITS);
    return empty + (regions - 1) * REGION_BYTES + set.memory(size);
  }
  if (set instanceof BitmapSet) {
    return 80 + align(Math.ceil(set.size / 8), 8) + set.size * size + set.commentMemory;
  }
  return 80 + set.length * size + set.commentMemory;
}
