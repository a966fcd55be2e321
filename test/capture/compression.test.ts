import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { decompress, hasNativeZstd } from '../../src/capture/compression.ts';
import { StreamSource } from '../../src/capture/source.ts';
import { ZstdFraming } from '../../src/capture/zstd-framing.ts';
import { CaptureError } from '../../src/errors.ts';
import {
  concat,
  counting,
  pcapHeader,
  pcapRecord,
  type ReadFrame,
  readBytes,
  readPaths,
  temporaryFolder,
} from './support.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const capture = concat(
  pcapHeader(),
  ...Array.from({ length: 3000 }, (_, i) =>
    pcapRecord(counting(60 + (i % 900), i), { seconds: i, fraction: i * 13 }),
  ),
);
/** Comparing megabytes by toEqual takes seconds. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

function digest(frames: readonly ReadFrame[]): string {
  const hash = createHash('sha1');
  for (const { bytes, ...rest } of frames) hash.update(JSON.stringify(rest)).update(bytes);
  return hash.digest('hex');
}

const zstdProgram = spawnSync('zstd', ['--version']).status === 0;

function zstd(input: Uint8Array, ...options: string[]): Uint8Array {
  const { stdout, status, stderr } = spawnSync('zstd', ['-q', '-c', ...options], {
    input,
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(stderr.toString());
  return new Uint8Array(stdout);
}

/** A zstd frame of raw blocks, made by hand: header, then blocks of (type, data). */
function zstdFrame(blocks: readonly (readonly [number, Uint8Array, number?])[]): Uint8Array {
  const parts = blocks.map(([type, data, size = data.length], i) => {
    const value = (size << 3) | (type << 1) | (i === blocks.length - 1 ? 1 : 0);
    return concat(Uint8Array.of(value & 0xff, (value >> 8) & 0xff, value >> 16), data);
  });
  // No single segment, window of 128 KiB.
  return concat(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3), ...parts);
}

async function decoded(
  compressed: Uint8Array,
  kind: 'gzip' | 'zstd',
  native?: boolean,
): Promise<{ bytes: Uint8Array; cut?: string; ignored?: string }> {
  const chunks = [];
  for (let at = 0; at < compressed.length; at += 5000) chunks.push(compressed.slice(at, at + 5000));
  const input = new StreamSource(Readable.from(chunks), 'x');
  const source = await decompress(input, kind, 'x', native);
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = new Uint8Array(10_000);
    const count = await source.read(part, 0, part.length);
    if (count === 0) break;
    parts.push(part.subarray(0, count));
  }
  source.close();
  const { cut, ignored } = source;
  return {
    bytes: concat(...parts),
    ...(cut === undefined ? {} : { cut }),
    ...(ignored === undefined ? {} : { ignored }),
  };
}

describe('gzip', () => {
  it('is read by content, whatever the name', async () => {
    const plain = await readBytes(capture);
    const path = folder.file('capture.dat', gzipSync(capture));
    const { frames, error, notes, bytesRead, bytesTotal } = await readPaths([path]);
    expect(error).toBeUndefined();
    expect(notes).toEqual([]);
    expect(digest(frames)).toBe(digest(plain.frames));
    expect(frames).toHaveLength(3000);
    expect(bytesRead).toBe(bytesTotal);
    expect(bytesTotal).toBe(gzipSync(capture).length);
  });

  it('may have several members, cut anywhere, and zero bytes at its end', async () => {
    const plain = await readBytes(capture);
    const file = concat(
      gzipSync(capture.subarray(0, 31)),
      gzipSync(new Uint8Array(0)),
      gzipSync(capture.subarray(31, 100_000)),
      gzipSync(capture.subarray(100_000)),
      new Uint8Array(512),
    );
    const { frames, error } = await readBytes(file, { chunk: 1000 });
    expect(error).toBeUndefined();
    expect(digest(frames)).toBe(digest(plain.frames));
  });

  it('that is cut gives the frames up to the cut, and a note', async () => {
    const whole = gzipSync(capture);
    const { frames, error, notes } = await readBytes(whole.subarray(0, whole.length >> 1));
    expect(error).toBeUndefined();
    expect(frames.length).toBeGreaterThan(100);
    expect(notes.map(({ code }) => code)).toEqual(['truncated-file']);
  });

  it('that lacks only its trailer is noted as cut, with all frames', async () => {
    const whole = gzipSync(capture);
    const { frames, error, notes } = await readBytes(whole.subarray(0, whole.length - 8));
    expect(error).toBeUndefined();
    expect(frames).toHaveLength(3000);
    expect(notes.map(({ code, message }) => [code, message])).toEqual([
      ['truncated-file', 'the gzip data are cut: the end of the file is missing'],
    ]);
  });

  it('that is corrupt gives an error with the offset reached', async () => {
    const damaged = Uint8Array.from(gzipSync(capture));
    damaged.fill(0xff, damaged.length >> 1, (damaged.length >> 1) + 50);
    const { error } = await readBytes(damaged);
    // What comes of damaged data may make no sense before zlib finds that out.
    expect(['corrupt-compression', 'corrupt-length']).toContain(error?.code);
    const badSum = Uint8Array.from(gzipSync(capture));
    badSum[badSum.length - 6] = (badSum.at(-6) ?? 0) ^ 1;
    const summed = await readBytes(badSum);
    expect(summed.error?.code).toBe('corrupt-compression');
    expect(summed.error?.message).toContain('the gzip data are corrupt after');
  });

  it('is undone twice, not more', async () => {
    const twice = await readBytes(gzipSync(gzipSync(capture)));
    expect(twice.frames).toHaveLength(3000);
    const thrice = await readBytes(gzipSync(gzipSync(gzipSync(capture))));
    expect(thrice.error?.code).toBe('not-a-capture');
    expect(thrice.error?.message).toContain('compressed data');
  });

  it('of something else names what it is', async () => {
    const { error } = await readBytes(gzipSync('*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n'));
    expect(error?.code).toBe('not-a-capture');
    expect(error?.message).toContain('--rules');
  });

  it('with a ratio of 1000 to 1 stays small in memory', async () => {
    // 200 MB of zero records: frames without bytes.
    const zeros = gzipSync(concat(pcapHeader(), new Uint8Array(200_000_000)));
    const source = await decompress(new StreamSource(Readable.from([zeros]), 'x'), 'gzip', 'x');
    const part = new Uint8Array(65_536);
    let total = 0;
    let most = 0;
    const before = process.memoryUsage().arrayBuffers;
    for (;;) {
      const count = await source.read(part, 0, part.length);
      if (count === 0) break;
      total += count;
      if (total % (1 << 24) < 65_536)
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    source.close();
    expect(total).toBe(200_000_024);
    expect(most).toBeLessThan(120_000_000);
  });
});

describe.skipIf(!zstdProgram)('zstd, made by the zstd program', () => {
  it('is read by content', async () => {
    const plain = await readBytes(capture);
    const path = folder.file('capture.gz', zstd(capture));
    const { frames, error, notes, bytesRead, bytesTotal } = await readPaths([path]);
    expect(error).toBeUndefined();
    expect(notes).toEqual([]);
    expect(digest(frames)).toBe(digest(plain.frames));
    expect(bytesRead).toBe(bytesTotal);
  });

  it.each([['-1'], ['-19'], ['--no-check'], ['--fast=5'], ['--long=27']])(
    'is read with option %s',
    async (option) => {
      expect(same((await decoded(zstd(capture, option), 'zstd')).bytes, capture)).toBe(true);
    },
  );

  it('may have several frames, empty ones and skippable ones', async () => {
    const skippable = concat(
      Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0),
      new Uint8Array(5).fill(0xaa),
    );
    const file = concat(
      skippable,
      zstd(capture.subarray(0, 5)),
      zstd(new Uint8Array(0)),
      zstd(capture.subarray(5, 70_000)),
      skippable,
      zstd(capture.subarray(70_000)),
      zstd(new Uint8Array(0)),
    );
    expect(same((await decoded(file, 'zstd')).bytes, capture)).toBe(true);
    const { frames } = await readBytes(file, { chunk: 777 });
    expect(frames).toHaveLength(3000);
  });

  it('that is cut gives the frames up to the cut, and a note', async () => {
    const whole = zstd(capture);
    for (const cut of [whole.length >> 1, whole.length - 1]) {
      const { frames, error, notes } = await readBytes(whole.subarray(0, cut));
      expect(error).toBeUndefined();
      expect(frames.length).toBeGreaterThan(100);
      expect(notes.map(({ code }) => code)).toEqual(['truncated-file']);
    }
  });

  it('followed by something else is read, and the rest is noted', async () => {
    const { frames, error, notes } = await readBytes(concat(zstd(capture), counting(100)));
    expect(error).toBeUndefined();
    expect(frames).toHaveLength(3000);
    expect(notes.map(({ code }) => code)).toEqual(['trailing-data']);
  });

  it('that needs more than 128 MiB of window is refused with what to do', async () => {
    // Frame header: window descriptor 18 << 3, 2^28 bytes.
    const head = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 1, 0, 0);
    const { error } = await readBytes(head);
    expect(error?.code).toBe('unsupported-capture');
    expect(error?.message).toContain('--long');
  });

  it('that needs a dictionary is refused', async () => {
    const head = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x01, 10 << 3, 7, 1, 0, 0);
    const { error } = await readBytes(head);
    expect(error?.code).toBe('unsupported-capture');
    expect(error?.message).toContain('dictionary');
  });
});

describe('zstd, made by hand', () => {
  it('reads raw and repeated blocks', async () => {
    const frame = zstdFrame([
      [0, capture.subarray(0, 100)],
      [1, Uint8Array.of(7), 1000],
      [0, Uint8Array.of(1, 2, 3)],
    ]);
    const { bytes } = await decoded(concat(frame, frame), 'zstd');
    const once = concat(
      capture.subarray(0, 100),
      new Uint8Array(1000).fill(7),
      Uint8Array.of(1, 2, 3),
    );
    expect(bytes).toEqual(concat(once, once));
  });

  it('stays small in memory for a file that expands without end', async () => {
    const zeros: [number, Uint8Array, number][] = Array.from({ length: 4000 }, () => [
      1,
      Uint8Array.of(0),
      128 * 1024,
    ]);
    const bomb = zstdFrame([[0, pcapHeader()], ...zeros]);
    const source = await decompress(
      new StreamSource(Readable.from([bomb]), 'x'),
      'zstd',
      'x',
      false,
    );
    const part = new Uint8Array(65_536);
    const before = process.memoryUsage().arrayBuffers;
    let total = 0;
    let most = 0;
    for (let count = -1; count !== 0; total += count) {
      count = await source.read(part, 0, part.length);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(total).toBe(24 + 4000 * 128 * 1024);
    expect(most).toBeLessThan(150_000_000);
    source.close();
  });

  it('of nonsense ends in an error', async () => {
    const { error } = await readBytes(zstdFrame([[3, counting(30)]]));
    expect(error?.code).toBe('corrupt-compression');
  });

  it('is walked the same in any pieces', () => {
    const frame = zstdFrame([
      [0, counting(300)],
      [1, Uint8Array.of(7), 1000],
      [0, new Uint8Array(0)],
    ]);
    const file = concat(frame, frame);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const framing = new ZstdFraming('x');
        const ends: number[] = [];
        let at = 0;
        for (let i = 0; at < file.length; i++) {
          const piece = file.subarray(at, at + (sizes[i % sizes.length] ?? 1));
          for (let inside = 0; inside < piece.length; ) {
            inside = framing.advance(piece, inside);
            if (framing.complete) ends.push(at + inside);
          }
          at += piece.length;
        }
        expect(ends).toEqual([frame.length, 2 * frame.length]);
      }),
    );
  });
});

describe('damaged compressed captures', () => {
  it.each(['gzip', 'zstd'] as const)('%s: only CaptureErrors, no hang', async (kind) => {
    const small = capture.subarray(0, 30_000);
    const good =
      kind === 'gzip'
        ? new Uint8Array(gzipSync(small))
        : zstdFrame([
            [0, small.subarray(0, 15_000)],
            [0, small.subarray(15_000)],
          ]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.nat(good.length),
        async (changes, length) => {
          const bad = good.slice(0, length);
          for (const [at, value] of changes) if (at < length) bad[at] = value;
          const { error } = await readBytes(bad, { blockSize: 64 });
          if (error !== undefined) expect(error).toBeInstanceOf(CaptureError);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe.skipIf(!hasNativeZstd || !zstdProgram)('zstd by Node itself', () => {
  it('gives what fzstd gives', async () => {
    const file = concat(zstd(capture), zstd(new Uint8Array(0)), zstd(capture));
    const native = await decoded(file, 'zstd', true);
    const pure = await decoded(file, 'zstd', false);
    expect(same(native.bytes, pure.bytes)).toBe(true);
    expect(same(native.bytes, concat(capture, capture))).toBe(true);
  });
});
