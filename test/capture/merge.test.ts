import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeCapture } from '../../src/capture/writer.ts';
import { concat, counting, readPaths, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** A file with one packet a time; the packets' bytes say file and position. */
function timed(
  name: string,
  id: number,
  times: readonly number[],
  format: 'pcap' | 'pcapng',
): string {
  const packets = times.map((time, i) => ({
    bytes: Uint8Array.of(id, i),
    timeSeconds: Math.floor(time / 10),
    timeNanoseconds: (time % 10) * 100_000_000,
  }));
  return folder.file(name, encodeCapture(packets, { format }));
}

describe('several files', () => {
  it('are merged by time, the first file first at equal times', async () => {
    const a = timed('a.pcap', 1, [10, 30, 30, 50], 'pcap');
    const b = timed('b.pcapng', 2, [5, 30, 49, 51, 52], 'pcapng');
    const c = timed('c.pcap', 3, [], 'pcap');
    const { frames, error, notes, interfaces } = await readPaths([a, b, c]);
    expect(error).toBeUndefined();
    expect(notes).toEqual([]);
    expect(frames.map(({ bytes }) => [...bytes])).toEqual([
      [2, 0],
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [1, 3],
      [2, 3],
      [2, 4],
    ]);
    expect(frames.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(frames.map(({ fileIndex }) => fileIndex)).toEqual([1, 0, 0, 0, 1, 1, 0, 1, 1]);
    for (const { interfaceId, fileIndex } of frames)
      expect(interfaces[interfaceId]?.file).toBe([a, b, c][fileIndex]);
  });

  it('that are the same twice give each packet twice', async () => {
    const a = timed('twice.pcap', 1, [1, 2, 3], 'pcap');
    const { frames } = await readPaths([a, a]);
    expect(frames.map(({ bytes, fileIndex }) => [bytes[1], fileIndex])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
  });

  it('keep the order of a file whose clock steps back, and say so', async () => {
    const a = timed('back.pcap', 1, [10, 40, 20, 30], 'pcap');
    const b = timed('forth.pcap', 2, [15, 25, 35], 'pcap');
    const { frames, notes } = await readPaths([a, b]);
    expect(frames.map(({ bytes }) => [...bytes])).toEqual([
      [1, 0],
      [2, 0],
      [2, 1],
      [2, 2],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    expect(notes.map(({ code, file, message }) => [code, file, message])).toEqual([
      ['out-of-order', a, 'its clock steps back 1 time: merged in its own order there'],
    ]);
  });

  it('give what comes before a cut or an error of one', async () => {
    const a = timed('whole.pcap', 1, [10, 20, 30], 'pcap');
    const packets = [10, 20].map((timeSeconds) => ({ bytes: counting(20), timeSeconds }));
    const good = encodeCapture(packets);
    const cut = folder.file('cut.pcap', good.subarray(0, good.length - 1));
    const first = await readPaths([a, cut]);
    expect(first.error).toBeUndefined();
    expect(first.frames).toHaveLength(4);
    expect(first.notes.map(({ code, file }) => [code, file])).toEqual([['truncated-file', cut]]);
    const bad = folder.file('bad.pcap', concat(good, new Uint8Array(16).fill(0xff)));
    const second = await readPaths([bad, a]);
    expect(second.error?.code).toBe('corrupt-length');
    expect(second.error?.message).toContain('bad.pcap');
    expect(second.error?.byteOffset).toBe(good.length);
  });

  it('are all read to their end in stable order, whatever formats and block sizes', async () => {
    const file = fc.record({
      times: fc.array(fc.nat(30), { maxLength: 20 }),
      format: fc.constantFrom('pcap' as const, 'pcapng' as const),
      gzip: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 64, max: 400 }),
        async (files, blockSize) => {
          const paths = files.map(({ times, format, gzip }, id) => {
            const sorted = [...times].sort((x, y) => x - y);
            const packets = sorted.map((timeSeconds, i) => ({
              bytes: Uint8Array.of(id, i),
              timeSeconds,
            }));
            const bytes = encodeCapture(packets, { format });
            return folder.file(`random-${id}`, gzip ? new Uint8Array(gzipSync(bytes)) : bytes);
          });
          const expected = files
            .flatMap(({ times }, id) => {
              const sorted = [...times].sort((x, y) => x - y);
              return sorted.map((time, i) => ({ time, id, i }));
            })
            .sort((x, y) => x.time - y.time || x.id - y.id || x.i - y.i);
          const { frames, error } = await readPaths(paths, blockSize);
          expect(error).toBeUndefined();
          expect(frames.map(({ bytes }) => [...bytes])).toEqual(
            expected.map(({ id, i }) => [id, i]),
          );
          expect(frames.map(({ number }) => number)).toEqual(expected.map((_, i) => i + 1));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('may be hundreds', async () => {
    const paths = Array.from({ length: 300 }, (_, i) =>
      timed(`many-${i}.pcap`, i & 255, [i, 1000 - i], 'pcap'),
    );
    const { frames, error, notes } = await readPaths(paths);
    expect([error, notes]).toEqual([undefined, []]);
    expect(frames).toHaveLength(600);
    const times = frames.map(({ time }) => Number(time));
    expect(times).toEqual([...times].sort((x, y) => x - y));
  });
});
