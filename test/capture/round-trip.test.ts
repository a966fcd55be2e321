/** What the writer writes, the reader reads: every variant, byte order, resolution, option. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  CaptureWriter,
  encodeCapture,
  type PacketToWrite,
  writeCapture,
} from '../../src/capture/writer.ts';
import {
  concat,
  counting,
  interfaceBlock,
  option,
  packetBlock,
  pcapHeader,
  pcapRecord,
  readBytes,
  readPaths,
  sectionBlock,
  temporaryFolder,
  timeText,
} from './support.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const aPacket = fc.record({
  bytes: fc.uint8Array({ maxLength: 200 }),
  timeSeconds: fc.integer({ min: 0, max: 0xffffffff }),
  timeNanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  longer: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0x7fffffff })),
  direction: fc.constantFrom(0, 1, 2),
  comments: fc.array(fc.string({ maxLength: 20 }), { maxLength: 2 }),
});
type Drawn = typeof aPacket extends fc.Arbitrary<infer T> ? T : never;

function toWrite(drawn: Drawn): PacketToWrite {
  const { longer, ...rest } = drawn;
  return { ...rest, originalLength: rest.bytes.length + longer };
}

const chunks = fc.record({
  chunk: fc.integer({ min: 1, max: 700 }),
  blockSize: fc.integer({ min: 1, max: 700 }),
});

describe('pcap', () => {
  it('round trip', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aPacket, { maxLength: 20 }),
        fc.record({
          bigEndian: fc.boolean(),
          variant: fc.constantFrom('plain', 'nanoseconds', 'modified'),
          snapLength: fc.integer({ min: 0, max: 0x7fffffff }),
          linkType: fc.constantFrom(0, 1, 101, 113, 276),
        }),
        chunks,
        async (drawn, { bigEndian, variant, snapLength, linkType }, sizes) => {
          const packets = drawn.map(toWrite);
          const nanoseconds = variant === 'nanoseconds';
          const modified = variant === 'modified';
          const bytes = encodeCapture(packets, {
            bigEndian,
            nanoseconds,
            modified,
            snapLength,
            linkType,
          });
          const { frames, error, notes, interfaces } = await readBytes(bytes, sizes);
          expect(error).toBeUndefined();
          expect(notes).toEqual([]);
          expect(interfaces.map((one) => [one.linkType, one.snapLength])).toEqual([
            [linkType, snapLength],
          ]);
          expect(frames.map((f) => [f.bytes, f.time, f.originalLength, f.direction])).toEqual(
            packets.map((p) => {
              const fraction = p.timeNanoseconds ?? 0;
              const kept = nanoseconds ? fraction : fraction - (fraction % 1000);
              const direction = p.direction === 2 ? 2 : 1;
              return [
                p.bytes,
                timeText(p.timeSeconds, kept),
                p.originalLength,
                modified ? direction : 0,
              ];
            }),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is written as tcpdump writes it, byte for byte', () => {
    for (const little of [true, false])
      expect(
        encodeCapture(
          [{ bytes: counting(60), timeSeconds: 7, timeNanoseconds: 5_999, originalLength: 99 }],
          { bigEndian: !little, snapLength: 65_535 },
        ),
      ).toEqual(
        concat(
          pcapHeader({ little }),
          pcapRecord(counting(60), { little, seconds: 7, fraction: 5, original: 99 }),
        ),
      );
  });
});

const anInterface = fc.record(
  {
    linkType: fc.constantFrom(1, 101, 113, 276),
    snapLength: fc.integer({ min: 0, max: 0xffffffff }),
    name: fc.stringMatching(/^[a-z0-9.@]{1,15}$/),
    description: fc.stringMatching(/^[A-Za-zäöü0-9][A-Za-zäöü0-9 ]{0,19}[A-Za-z]$/),
    addresses: fc.array(
      fc.oneof(
        fc
          .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
          .map(([address, prefix]) => `${address}/${prefix}`),
        fc.constantFrom(
          '2001:db8::1/64',
          '::102:304/96',
          '::/0',
          'fe80::1:0:0:1/10',
          '2001:db8:0:1:1:1:1:1/128',
        ),
      ),
      { maxLength: 4 },
    ),
    offsetSeconds: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  },
  { requiredKeys: ['linkType', 'addresses'] },
);

describe('pcapng', () => {
  it('round trip', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(aPacket, fc.nat(9)), { maxLength: 20 }),
        fc.array(fc.tuple(anInterface, fc.integer({ min: 9, max: 10 })), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.boolean(),
        chunks,
        async (drawn, interfacesDrawn, bigEndian, sizes) => {
          const interfaces = interfacesDrawn.map(([one, resolution]) => ({
            ...one,
            resolution,
            // No time before the offset: pcapng's times are unsigned.
            offsetSeconds: Math.min(0, one.offsetSeconds ?? 0),
          }));
          // 10 ** -10 seconds in 64 bits reach until 2028.
          const packets = drawn.map(([packet, on]) => ({
            ...toWrite(packet),
            timeSeconds: packet.timeSeconds % 1_800_000_000,
            interfaceId: on % interfaces.length,
          }));
          const bytes = encodeCapture(packets, { format: 'pcapng', interfaces, bigEndian });
          const capture = await readBytes(bytes, sizes);
          expect(capture.error).toBeUndefined();
          expect(
            capture.frames.map((f) => [
              f.bytes,
              f.time,
              f.originalLength,
              f.direction,
              f.interfaceId,
            ]),
          ).toEqual(
            packets.map((p) => [
              p.bytes,
              timeText(p.timeSeconds, p.timeNanoseconds ?? 0),
              p.originalLength,
              p.direction,
              p.interfaceId,
            ]),
          );
          expect(capture.notes.filter(({ code }) => code !== 'comment')).toEqual([]);
          expect(capture.notes).toHaveLength(packets.flatMap((p) => p.comments ?? []).length);
          const used = capture.interfaces;
          expect(used.map(({ name, description }) => [name, description])).toEqual(
            interfaces.map(({ name, description }) => [name, description]),
          );
          expect(used.map(({ addresses }) => [...addresses].sort())).toEqual(
            interfaces.map(({ addresses }) => [...addresses].sort()),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('round trip of every resolution, to the unit', async () => {
    for (let resolution = 0; resolution <= 10; resolution++)
      for (const binary of [false, true]) {
        const bytes = encodeCapture(
          [{ bytes: counting(4), timeSeconds: 1_700_000_000, timeNanoseconds: 987_654_321 }],
          { format: 'pcapng', interfaces: [{ resolution, binary }] },
        );
        const perSecond = (binary ? 2n : 10n) ** BigInt(resolution);
        const units = (987_654_321n * perSecond) / 1_000_000_000n;
        const nanoseconds = (units * 1_000_000_000n) / perSecond;
        const { frames } = await readBytes(bytes);
        expect(frames[0]?.time).toBe(timeText(1_700_000_000, Number(nanoseconds)));
      }
  });

  it('takes addresses in any notation', async () => {
    const addresses = ['::1.2.3.4/96', '::ffff:192.0.2.1/128', '2001:DB8:0::1/64', '192.0.2.1/0'];
    const bytes = encodeCapture([], { format: 'pcapng', interfaces: [{ addresses }] });
    expect((await readBytes(bytes)).interfaces[0]?.addresses).toEqual([
      '::102:304/96',
      '::ffff:c000:201/128',
      '2001:db8::1/64',
      '192.0.2.1/0',
    ]);
  });

  it('is written block for block', () => {
    for (const little of [true, false])
      expect(
        encodeCapture(
          [{ bytes: counting(61), timeSeconds: 1, timeNanoseconds: 5, originalLength: 99 }],
          { format: 'pcapng', bigEndian: !little },
        ),
      ).toEqual(
        concat(
          sectionBlock({ little }),
          interfaceBlock({
            little,
            options: concat(option(9, Uint8Array.of(9), little), new Uint8Array(4)),
          }),
          packetBlock(counting(61), { little, time: 1_000_000_005n, original: 99 }),
        ),
      );
  });
});

describe('the file writer', () => {
  it('writes what the encoder makes, also packets larger than its buffer', async () => {
    const packets = [60, 1_500_000, 0, 700_000, 700_000, 3].map((length, i) => ({
      bytes: new Uint8Array(length).fill(i),
      timeSeconds: i,
    }));
    const path = `${folder.path}/written.pcap`;
    writeCapture(path, packets, { snapLength: 2_000_000 });
    const { frames, error } = await readPaths([path]);
    expect(error).toBeUndefined();
    expect(frames.map(({ bytes }) => [bytes.length, bytes[0]])).toEqual([
      [60, 0],
      [1_500_000, 1],
      [0, undefined],
      [700_000, 3],
      [700_000, 4],
      [3, 5],
    ]);
  });

  it('may be closed twice, and refuses packets after that', () => {
    const writer = new CaptureWriter(`${folder.path}/closed.pcap`);
    writer.close();
    writer.close();
    expect(() => writer.write({ bytes: counting(3), timeSeconds: 0 })).toThrow(/closed/);
  });

  it('names the file that it cannot make', () => {
    expect(() => writeCapture(`${folder.path}/no/such/folder.pcap`, [])).toThrow(
      /no such file.*file-not-found|folder\.pcap: no such file/,
    );
  });
});
