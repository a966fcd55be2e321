/**
 * Writes the packets of a kernel job as a pcapng file with named interfaces and times in nanoseconds.
 * The tests' own writer, so that it shares no fault with the product's reader.
 */
import { writeFileSync } from 'node:fs';
import type { KernelPacket } from './kernel.ts';

const FIRST_TIME = 1_600_000_000n * 1_000_000_000n;

function block(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const padding = Buffer.alloc(-body.length & 3);
  const head = Buffer.alloc(8);
  const length = 12 + body.length + padding.length;
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  return Buffer.concat([head, body, padding, head.subarray(4)]);
}

function option(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

function sectionHeader(): Buffer {
  const body = Buffer.alloc(16, 0xff);
  body.writeUInt32LE(0x1a2b3c4d, 0);
  body.writeUInt16LE(1, 4);
  body.writeUInt16LE(0, 6);
  return block(0x0a0d0d0a, body);
}

function interfaceDescription(linkType: number, name: string): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(linkType, 0);
  const options = [option(9, Uint8Array.of(9))];
  if (name !== '') options.unshift(option(2, Buffer.from(name)));
  return block(1, body, ...options, Buffer.alloc(4));
}

/** Writes the packets; those without a time come 1 ms after the one before. */
export function writePcapng(
  path: string,
  packets: readonly KernelPacket[],
  linkType: number,
): void {
  const blocks = [sectionHeader()];
  const interfaces = new Map<string, number>();
  let time = FIRST_TIME;
  for (const packet of packets) {
    time =
      packet.time === undefined
        ? time + 1_000_000n
        : FIRST_TIME + BigInt(Math.round(packet.time * 1e9));
    const name = packet.interface ?? '';
    if (!interfaces.has(name)) {
      interfaces.set(name, interfaces.size);
      blocks.push(interfaceDescription(linkType, name));
    }
    const head = Buffer.alloc(20);
    head.writeUInt32LE(interfaces.get(name) ?? 0, 0);
    head.writeUInt32LE(Number(time >> 32n), 4);
    head.writeUInt32LE(Number(time & 0xffffffffn), 8);
    head.writeUInt32LE(packet.bytes.length, 12);
    head.writeUInt32LE(packet.bytes.length, 16);
    blocks.push(block(6, head, packet.bytes));
  }
  writeFileSync(path, Buffer.concat(blocks));
}
