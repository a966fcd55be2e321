/** Whatever the bytes, reading ends: with frames that hold together, or with a CaptureError. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCapture } from '../../src/capture/writer.ts';
import {
  block,
  concat,
  counting,
  interfaceBlock,
  option,
  packetBlock,
  pcapHeader,
  pcapRecord,
  type ReadCapture,
  readBytes,
  sectionBlock,
  simpleBlock,
} from './support.ts';

function expectSound(capture: ReadCapture, size: number): void {
  const { frames, interfaces, notes, error } = capture;
  let last = -1;
  for (const [i, frame] of frames.entries()) {
    expect(frame.number).toBe(i + 1);
    expect(frame.originalLength).toBeGreaterThanOrEqual(frame.bytes.length);
    expect(frame.fileOffset).toBeGreaterThan(last);
    expect(frame.fileOffset + frame.bytes.length).toBeLessThanOrEqual(size);
    expect(frame.time).toMatch(/^-?\d+\.\d{9}$/);
    expect(frame.interfaceId).toBeLessThan(interfaces.length);
    expect(interfaces[frame.interfaceId]?.linkType).toBe(frame.linkType);
    last = frame.fileOffset;
  }
  for (const note of notes) expect(note.byteOffset).toBeLessThanOrEqual(size);
  if (error?.byteOffset !== undefined) expect(error.byteOffset).toBeLessThanOrEqual(size);
}

const packets = Array.from({ length: 6 }, (_, i) => ({
  bytes: counting(20 + i * 9),
  timeSeconds: 1_700_000_000 + i,
  timeNanoseconds: i * 111,
  direction: i % 3,
  comments: i % 2 === 0 ? [] : ['a comment'],
}));
const pcapng = concat(
  encodeCapture(packets, { format: 'pcapng', interfaces: [{ name: 'eth0' }] }),
  block(4, new Uint8Array(12)),
  block(5, concat(new Uint8Array(12), option(5, new Uint8Array(8).fill(1)))),
  sectionBlock({ little: false }),
  interfaceBlock({ little: false, options: option(14, new Uint8Array(8), false) }),
  packetBlock(counting(33), { little: false, options: option(2, counting(4), false) }),
  simpleBlock(counting(7), 7, false),
  block(2, concat(new Uint8Array(20), counting(40)), { little: false }),
);
const seeds: readonly (readonly [string, Uint8Array])[] = [
  ['pcap', encodeCapture(packets)],
  ['pcap, big-endian nanoseconds', encodeCapture(packets, { bigEndian: true, nanoseconds: true })],
  ['modified pcap', encodeCapture(packets, { modified: true })],
  ['pcap version 2.3', concat(pcapHeader({ minor: 3 }), pcapRecord(counting(40)))],
  ['IXIA lcap', concat(pcapHeader({ magic: 0x1c0001ac }), counting(4), pcapRecord(counting(40)))],
  ['pcapng', pcapng],
];

const interesting = fc.oneof(
  fc.nat(255),
  fc.constantFrom(0, 1, 3, 4, 6, 0x7f, 0x80, 0xff, 0x0a, 0x0d),
);

describe('mutated captures', () => {
  it.each(seeds)('%s', async (_, seed) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(seed.length - 1), interesting), { minLength: 1, maxLength: 8 }),
        fc.oneof(fc.constant(seed.length), fc.nat(seed.length)),
        fc.integer({ min: 1, max: 300 }),
        async (changes, length, blockSize) => {
          const bytes = seed.slice(0, length);
          for (const [at, value] of changes) if (at < length) bytes[at] = value;
          expectSound(await readBytes(bytes, { blockSize, chunk: 150 }), bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('words of 32 bits set to extremes anywhere', async () => {
    for (const [, seed] of seeds)
      for (let at = 0; at + 4 <= seed.length; at += 2)
        for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, seed.length]) {
          const bytes = seed.slice();
          new DataView(bytes.buffer).setUint32(at, value, true);
          expectSound(await readBytes(bytes), bytes.length);
        }
  });
});

describe('arbitrary bytes', () => {
  it('of any kind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        expectSound(await readBytes(bytes), bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['a pcap header', pcapHeader()],
    ['a modified pcap header', pcapHeader({ magic: 0xa1b2cd34 })],
    ['a pcapng start', concat(sectionBlock(), interfaceBlock())],
    ['a big-endian pcapng start', concat(sectionBlock({ little: false }))],
  ])('behind %s', async (_, start) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), async (tail) => {
        const bytes = concat(start, tail);
        expectSound(await readBytes(bytes), bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  it('as the body of every block type', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 9, 10, 0xbad, 0x0a0d0d0a, 0xffffffff),
            fc.uint8Array({ maxLength: 60 }).map((b) => b.subarray(0, b.length & ~3)),
          ),
          { maxLength: 10 },
        ),
        async (blocks) => {
          const bytes = concat(
            sectionBlock(),
            interfaceBlock(),
            ...blocks.map(([type, body]) => block(type, body)),
          );
          expectSound(await readBytes(bytes), bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('bounds', () => {
  it('interfaces without end are refused', async () => {
    const one = interfaceBlock();
    const many = new Uint8Array(one.length * 300_000);
    for (let at = 0; at < many.length; at += one.length) many.set(one, at);
    const { error, interfaces } = await readBytes(concat(sectionBlock(), many));
    expect(error?.code).toBe('too-many-interfaces');
    expect(interfaces.length).toBe(262_144);
  });
});
