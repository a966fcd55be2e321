import { describe, expect, it } from 'vitest';
import { concat, counting, Packer, pcapHeader, pcapRecord, readBytes } from './support.ts';

const data = counting(60);

describe('pcap records', () => {
  it.each([
    ['microseconds, little-endian', true, 0xa1b2c3d4, 999_999, '1700000000.999999000'],
    ['microseconds, big-endian', false, 0xa1b2c3d4, 999_999, '1700000000.999999000'],
    ['nanoseconds, little-endian', true, 0xa1b23c4d, 999_999_999, '1700000000.999999999'],
    ['nanoseconds, big-endian', false, 0xa1b23c4d, 999_999_999, '1700000000.999999999'],
  ])('reads %s', async (_, little, magic, fraction, time) => {
    const { frames, error, notes, interfaces } = await readBytes(
      concat(
        pcapHeader({ little, magic, snapLength: 1000 }),
        pcapRecord(data, { little, seconds: 1_700_000_000, fraction, original: 1500 }),
        pcapRecord(counting(3, 7), { little, seconds: 1_700_000_001, fraction: 0 }),
      ),
    );
    expect(error).toBeUndefined();
    expect(notes).toEqual([]);
    expect(frames).toEqual([
      {
        number: 1,
        bytes: data,
        originalLength: 1500,
        time,
        linkType: 1,
        interfaceId: 0,
        direction: 0,
        fileOffset: 24,
        fileIndex: 0,
      },
      {
        number: 2,
        bytes: Uint8Array.of(7, 8, 9),
        originalLength: 3,
        time: '1700000001.000000000',
        linkType: 1,
        interfaceId: 0,
        direction: 0,
        fileOffset: 100,
        fileIndex: 0,
      },
    ]);
    expect(interfaces).toEqual([
      { id: 0, file: 'standard input', linkType: 1, snapLength: 1000, addresses: [] },
    ]);
  });

  it('takes the seconds as unsigned: times from 2038 to 2106', async () => {
    const { frames } = await readBytes(
      concat(pcapHeader(), pcapRecord(data, { seconds: 0xfffffff0 })),
    );
    expect(frames.map(({ time }) => time)).toEqual(['4294967280.000002000']);
  });

  it('gives frames without bytes', async () => {
    const { frames, error } = await readBytes(
      concat(pcapHeader(), pcapRecord(new Uint8Array(0), { original: 90 }), pcapRecord(data)),
    );
    expect(error).toBeUndefined();
    expect(frames.map((frame) => [frame.bytes.length, frame.originalLength])).toEqual([
      [0, 90],
      [60, 60],
    ]);
  });

  it('never gives an original length below the captured one', async () => {
    const { frames } = await readBytes(concat(pcapHeader(), pcapRecord(data, { original: 10 })));
    expect(frames.map(({ originalLength }) => originalLength)).toEqual([60]);
  });

  it('keeps an original length of 2^31 and more', async () => {
    const { frames } = await readBytes(
      concat(pcapHeader(), pcapRecord(data, { original: 0xffffffff })),
    );
    expect(frames.map(({ originalLength }) => originalLength)).toEqual([4_294_967_295]);
  });

  it('reads an empty capture: a header and no packets', async () => {
    const { frames, error, notes } = await readBytes(pcapHeader());
    expect([frames, error, notes]).toEqual([[], undefined, []]);
  });

  it('reads the same whatever the size of chunks and blocks', async () => {
    const file = concat(
      pcapHeader(),
      ...Array.from({ length: 40 }, (_, i) => pcapRecord(counting(i * 7), { fraction: i })),
    );
    const whole = await readBytes(file);
    expect(whole.frames).toHaveLength(40);
    for (const [chunk, blockSize] of [
      [1, 64],
      [13, 64],
      [1000, 65],
      [7, 1_000_000],
    ] as const) {
      const parts = await readBytes(file, { chunk, blockSize });
      expect(parts.frames).toEqual(whole.frames);
    }
  });

  it('carries a fraction of a second or more over to the seconds, and notes it once', async () => {
    const { frames, notes } = await readBytes(
      concat(
        pcapHeader(),
        pcapRecord(data, { seconds: 5, fraction: 1_000_000 }),
        pcapRecord(data, { seconds: 5, fraction: 4_294_967_295 }),
      ),
    );
    expect(frames.map(({ time }) => time)).toEqual(['6.000000000', '4299.967295000']);
    expect(notes.map(({ code, byteOffset }) => [code, byteOffset])).toEqual([
      ['bad-timestamp', 24],
    ]);
  });
});

describe('lengths in pcap', () => {
  it('takes captured lengths above the snap length up to what libpcap takes', async () => {
    // tcpdump 4.99.3 with libpcap 1.10.3 reads 262,144 and refuses 262,145, for snap lengths
    // of 65,535, 0 and 0xffffffff alike.
    for (const snapLength of [20, 65_535, 0, 0xffffffff]) {
      const header = pcapHeader({ snapLength });
      const good = await readBytes(concat(header, pcapRecord(new Uint8Array(262_144))));
      expect(good.frames.map(({ bytes }) => bytes.length)).toEqual([262_144]);
      const bad = await readBytes(concat(header, pcapRecord(new Uint8Array(262_145))));
      expect(bad.frames).toEqual([]);
      expect(bad.error?.code).toBe('corrupt-length');
      expect(bad.error?.byteOffset).toBe(24);
    }
  });

  it('takes larger ones where the snap length is larger', async () => {
    const { frames, error } = await readBytes(
      concat(pcapHeader({ snapLength: 600_000 }), pcapRecord(new Uint8Array(600_000))),
    );
    expect(error).toBeUndefined();
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([600_000]);
  });

  it.each([0x7fffffff, 0x80000000, 0xffffffff])(
    'gives the frames before a corrupt length of %i, then an error with the offset',
    async (captured) => {
      const { frames, error } = await readBytes(
        concat(pcapHeader(), pcapRecord(data), pcapRecord(data), pcapRecord(data, { captured })),
      );
      expect(frames).toHaveLength(2);
      expect(error?.code).toBe('corrupt-length');
      expect(error?.byteOffset).toBe(24 + 2 * 76);
      expect(error?.message).toContain('standard input: at byte 176: packet 3 claims');
      expect(error?.message).toContain(String(captured));
    },
  );

  it('points to other pcap formats when the first records make no sense', async () => {
    const { error } = await readBytes(
      concat(pcapHeader(), pcapRecord(data), pcapRecord(data, { extra: counting(8) }), data),
    );
    expect(error?.code).toBe('corrupt-length');
    expect(error?.diagnostics[0]?.hint).toContain('editcap -F pcap');
  });

  it('does not hold memory for a length that the file only claims', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { notes } = await readBytes(
      concat(
        pcapHeader({ snapLength: 0x7fffffff }),
        pcapRecord(new Uint8Array(20_000), { captured: 128 * 1024 * 1024 }),
      ),
    );
    expect(notes.map(({ code }) => code)).toEqual(['truncated-file']);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});

describe('a cut pcap file', () => {
  const file = concat(pcapHeader(), pcapRecord(data), pcapRecord(data));

  it('gives the frames up to the cut and a note, wherever it is cut', async () => {
    for (let cut = 25; cut < file.length; cut++) {
      const { frames, notes, error } = await readBytes(file.subarray(0, cut));
      expect(error).toBeUndefined();
      expect(frames).toHaveLength(cut < 100 ? 0 : 1);
      const start = cut < 100 ? 24 : 100;
      expect(notes.map(({ code, byteOffset }) => [code, byteOffset])).toEqual(
        cut === 100 ? [] : [['truncated-file', start]],
      );
    }
  });

  it('says how much is there', async () => {
    const { notes } = await readBytes(file.subarray(0, file.length - 1));
    expect(notes[0]?.message).toBe(
      'the file ends within packet 2: 75 of 76 bytes of its record are there',
    );
  });

  it('is an error when it is cut within the file header', async () => {
    for (let cut = 4; cut < 24; cut++) {
      const { error } = await readBytes(file.subarray(0, cut));
      expect([error?.code, error?.byteOffset]).toEqual(['truncated-header', cut]);
    }
  });
});

describe('pcap variants', () => {
  it.each([
    [4, 2],
    [2, 1],
    [0, 1],
    [3, 0],
  ])('reads the direction of modified records: packet type %i', async (packetType, direction) => {
    for (const little of [true, false]) {
      const extra = new Packer(little).u32(3).u16(0x0800).u8(packetType).u8(0).bytes();
      const { frames, error } = await readBytes(
        concat(
          pcapHeader({ little, magic: 0xa1b2cd34 }),
          pcapRecord(data, { little, extra }),
          pcapRecord(data, { little, extra }),
        ),
      );
      expect(error).toBeUndefined();
      expect(frames.map((frame) => [frame.bytes, frame.direction])).toEqual([
        [data, direction],
        [data, direction],
      ]);
    }
  });

  it.each([
    ['Nokia', 0xa1b2c3d4, 4],
    ['Red Hat 6.1', 0xa1b2c3d4, 8],
    ['SuSE 6.3', 0xa1b2cd34, 12],
  ])('finds the %s variant, which has no magic number of its own', async (name, magic, extra) => {
    for (const little of [true, false]) {
      const seconds = 1_000_000_000;
      const record = pcapRecord(data, { little, seconds, extra: counting(extra, 0) });
      const { frames, error, notes } = await readBytes(
        concat(pcapHeader({ little, magic }), record, record, record),
      );
      expect(error).toBeUndefined();
      expect(frames.map(({ bytes }) => bytes)).toEqual([data, data, data]);
      expect(notes.map(({ code, message }) => [code, message.includes(name)])).toEqual([
        ['pcap-variant', true],
      ]);
    }
  });

  it.each([0x1c0001ac, 0x1c0001ab])('reads IXIA lcap files: %i', async (magic) => {
    const { frames, error } = await readBytes(
      concat(
        pcapHeader({ magic }),
        new Packer().u32(76).bytes(),
        pcapRecord(data, { seconds: 3, fraction: 123_456_789 }),
      ),
    );
    expect(error).toBeUndefined();
    expect(frames.map(({ time, fileOffset }) => [time, fileOffset])).toEqual([['3.123456789', 28]]);
  });

  it('swaps the lengths of versions before 2.3, and of 543.0', async () => {
    for (const [major, minor] of [
      [2, 0],
      [2, 2],
      [543, 0],
    ]) {
      const { frames } = await readBytes(
        concat(
          pcapHeader({ major, minor }),
          pcapRecord(data, { captured: 1500, original: 60 }),
          pcapRecord(data, { captured: 60, original: 60 }),
        ),
      );
      expect(frames.map((frame) => [frame.bytes.length, frame.originalLength])).toEqual([
        [60, 1500],
        [60, 60],
      ]);
    }
  });

  it('swaps the lengths of version 2.3 where the captured one is the larger', async () => {
    const { frames } = await readBytes(
      concat(
        pcapHeader({ minor: 3 }),
        pcapRecord(data, { captured: 1500, original: 60 }),
        pcapRecord(data, { captured: 60, original: 1500 }),
      ),
    );
    expect(frames.map((frame) => [frame.bytes.length, frame.originalLength])).toEqual([
      [60, 1500],
      [60, 1500],
    ]);
  });

  it.each([
    [1, 0],
    [2, 5],
    [3, 0],
    [543, 1],
  ])('refuses version %i.%i', async (major, minor) => {
    const { error } = await readBytes(concat(pcapHeader({ major, minor }), pcapRecord(data)));
    expect(error?.code).toBe('unsupported-capture');
    expect(error?.message).toContain(`pcap version ${major}.${minor}`);
  });

  it('takes the frame check sequence off, where the header says there is one', async () => {
    // FCS length 2 in units of 16 bits, with the bit that says it is given.
    const { frames, interfaces } = await readBytes(
      concat(
        pcapHeader({ network: 0x24000001 }),
        pcapRecord(data),
        pcapRecord(data, { original: 62 }),
        pcapRecord(data, { original: 1500 }),
        pcapRecord(counting(3), { original: 3 }),
      ),
    );
    expect(interfaces[0]?.linkType).toBe(1);
    expect(frames.map((frame) => [frame.bytes.length, frame.originalLength])).toEqual([
      [56, 56],
      [58, 58],
      [60, 1496],
      [0, 0],
    ]);
  });

  it('ignores an FCS length without the bit that says it is given', async () => {
    const { frames } = await readBytes(
      concat(pcapHeader({ network: 0x20000001 }), pcapRecord(data)),
    );
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([60]);
  });
});
