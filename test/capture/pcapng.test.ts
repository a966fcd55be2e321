import { describe, expect, it } from 'vitest';
import {
  block,
  concat,
  counting,
  END_OF_OPTIONS,
  interfaceBlock,
  option,
  Packer,
  packetBlock,
  type ReadCapture,
  readBytes,
  sectionBlock,
  simpleBlock,
} from './support.ts';

const data = counting(61);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const start = concat(sectionBlock(), interfaceBlock());
const notes = (capture: ReadCapture): [string, number][] =>
  capture.notes.map(({ code, byteOffset }) => [code, byteOffset]);

describe.each([
  ['little-endian', true],
  ['big-endian', false],
])('pcapng blocks, %s', (_, little) => {
  const head = concat(sectionBlock({ little }), interfaceBlock({ little, snapLength: 96 }));
  const time = 1_700_000_000_123_456n;

  it('reads enhanced packets', async () => {
    const { frames, error, interfaces } = await readBytes(
      concat(
        head,
        packetBlock(data, { little, time, original: 1500 }),
        packetBlock(data, { little }),
      ),
    );
    expect(error).toBeUndefined();
    expect(frames).toEqual([
      {
        number: 1,
        bytes: data,
        originalLength: 1500,
        time: '1700000000.123456000',
        linkType: 1,
        interfaceId: 0,
        direction: 0,
        fileOffset: 48,
        fileIndex: 0,
      },
      {
        number: 2,
        bytes: data,
        originalLength: 61,
        time: '0.000000000',
        linkType: 1,
        interfaceId: 0,
        direction: 0,
        fileOffset: 48 + 96,
        fileIndex: 0,
      },
    ]);
    expect(interfaces).toEqual([
      { id: 0, file: 'standard input', linkType: 1, snapLength: 96, addresses: [] },
    ]);
  });

  it('reads direction, comments, drop count and FCS length of a packet', async () => {
    const options = concat(
      option(2, new Packer(little).u32(2 | (4 << 5)).bytes(), little),
      option(1, text('first'), little),
      option(1, text('second\nline \u001b[31m'), little),
      option(4, new Packer(little).u64(12n).bytes(), little),
      END_OF_OPTIONS,
      new Uint8Array(8).fill(0xff),
    );
    const capture = await readBytes(
      concat(
        head,
        packetBlock(data, { little, options }),
        packetBlock(data, { little }),
        packetBlock(data, {
          little,
          options: option(2, new Packer(little).u32(1).bytes(), little),
        }),
        packetBlock(data, {
          little,
          options: option(2, new Packer(little).u32(3).bytes(), little),
        }),
      ),
    );
    expect(capture.frames.map(({ direction, bytes }) => [direction, bytes.length])).toEqual([
      [2, 57],
      [0, 61],
      [1, 61],
      [0, 61],
    ]);
    expect(capture.notes.map(({ code, message }) => [code, message])).toEqual([
      ['comment', 'packet 1: first'],
      ['comment', 'packet 1: second line  [31m'],
      [
        'interface-statistics',
        'interface 0: 12 lost before packets that say so: they are missing here',
      ],
    ]);
  });

  it('reads obsolete packet blocks', async () => {
    const body = new Packer(little)
      .u16(0)
      .u16(7)
      .u32(Number(time >> 32n))
      .u32(Number(time & 0xffffffffn))
      .u32(61)
      .u32(99)
      .raw(data)
      .pad(61)
      .raw(option(2, new Packer(little).u32(2).bytes(), little));
    const capture = await readBytes(concat(head, block(2, body.bytes(), { little })));
    expect(capture.error).toBeUndefined();
    expect(
      capture.frames.map((f) => [f.bytes.length, f.originalLength, f.time, f.direction]),
    ).toEqual([[61, 99, '1700000000.123456000', 2]]);
    expect(capture.notes.map(({ message }) => message)).toEqual([
      'interface 0: 7 lost before packets that say so: they are missing here',
    ]);
  });

  it('takes a drop count of 0xffff in obsolete packet blocks as not known', async () => {
    const body = new Packer(little).u16(0).u16(0xffff).u64(0).u32(61).u32(61).raw(data).pad(61);
    const capture = await readBytes(concat(head, block(2, body.bytes(), { little })));
    expect(capture.frames).toHaveLength(1);
    expect(capture.notes).toEqual([]);
  });

  it('gives simple packets the time of the one before, and says so', async () => {
    const capture = await readBytes(
      concat(
        head,
        simpleBlock(data, 61, little),
        packetBlock(data, { little, time }),
        simpleBlock(counting(96), 1500, little),
      ),
    );
    expect(capture.frames.map((f) => [f.bytes.length, f.originalLength, f.time])).toEqual([
      [61, 61, '0.000000000'],
      [61, 61, '1700000000.123456000'],
      [96, 1500, '1700000000.123456000'],
    ]);
    expect(notes(capture)).toEqual([['no-timestamp', 48]]);
    expect(capture.notes[0]?.message).toContain('no time for 2 packets');
  });

  it('reads what an interface says of itself', async () => {
    const options = concat(
      option(2, text('eth0\0'), little),
      option(3, text('uplink'), little),
      option(4, Uint8Array.of(192, 0, 2, 1, 255, 255, 255, 0), little),
      option(4, Uint8Array.of(10, 0, 0, 1, 255, 255, 255, 255), little),
      option(4, Uint8Array.of(10, 0, 0, 2, 0, 0, 0, 0), little),
      option(4, Uint8Array.of(10, 0, 0, 3, 255, 0, 255, 0), little),
      option(5, Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 64), little),
      option(6, counting(6), little),
      option(8, new Packer(little).u64(1_000_000_000n).bytes(), little),
      option(11, Uint8Array.of(0, ...text('tcp')), little),
      option(12, text('Linux'), little),
      END_OF_OPTIONS,
    );
    const { interfaces, error } = await readBytes(
      concat(sectionBlock({ little }), interfaceBlock({ little, linkType: 276, options })),
    );
    expect(error).toBeUndefined();
    expect(interfaces).toEqual([
      {
        id: 0,
        file: 'standard input',
        linkType: 276,
        snapLength: 0,
        name: 'eth0',
        description: 'uplink',
        addresses: ['192.0.2.1/24', '10.0.0.1/32', '10.0.0.2/0', '10.0.0.3/32', '2001:db8::1/64'],
      },
    ]);
  });

  it('reads drops from interface statistics', async () => {
    const statistics = (received: bigint, dropped: bigint, system: bigint): Uint8Array =>
      block(
        5,
        new Packer(little)
          .u32(0)
          .u64(0n)
          .raw(option(4, new Packer(little).u64(received).bytes(), little))
          .raw(option(5, new Packer(little).u64(dropped).bytes(), little))
          .raw(option(7, new Packer(little).u64(system).bytes(), little))
          .bytes(),
        { little },
      );
    const quiet = await readBytes(concat(head, statistics(5n, 0n, 0n)));
    expect(quiet.notes).toEqual([]);
    const capture = await readBytes(concat(head, statistics(5n, 1n, 0n), statistics(9n, 2n, 3n)));
    expect(capture.notes.map(({ code, message }) => [code, message])).toEqual([
      [
        'interface-statistics',
        'interface 0: 9 packets received, 2 dropped by the interface, ' +
          '3 dropped by the operating system: they are missing here',
      ],
    ]);
  });

  it('converts times by if_tsresol and if_tsoffset', async () => {
    const at = async (resolution: number, units: bigint, offset = 0n): Promise<string> => {
      const options = concat(
        option(9, Uint8Array.of(resolution), little),
        option(14, new Packer(little).u64(offset).bytes(), little),
      );
      const { frames, error } = await readBytes(
        concat(
          sectionBlock({ little }),
          interfaceBlock({ little, options }),
          packetBlock(data, { little, time: units }),
        ),
      );
      expect(error).toBeUndefined();
      return frames[0]?.time ?? '';
    };
    expect(await at(9, 1_700_000_000_123_456_789n)).toBe('1700000000.123456789');
    expect(await at(0, 1_700_000_000n)).toBe('1700000000.000000000');
    expect(await at(3, 1_700_000_000_999n)).toBe('1700000000.999000000');
    expect(await at(12, 1_700_000_123_456_789_999n)).toBe('1700000.123456789');
    expect(await at(0x80 | 10, 1_700_000_000n * 1024n + 1023n)).toBe('1700000000.999023437');
    expect(await at(0x80 | 32, (1_700_000_000n << 32n) | 0x80000001n)).toBe('1700000000.500000000');
    expect(await at(6, 5_000_000n, 100n)).toBe('105.000000000');
    expect(await at(6, 500_000_000n, -100n)).toBe('400.000000000');
    expect(await at(6, 0xffffffffffffffffn)).toBe('18446744073709.551615000');
  });
});

describe('pcapng sections', () => {
  it('may change the byte order back and forth', async () => {
    const section = (little: boolean): Uint8Array =>
      concat(sectionBlock({ little }), interfaceBlock({ little }), packetBlock(data, { little }));
    const { frames, error } = await readBytes(
      concat(section(false), section(true), section(true), section(false)),
    );
    expect(error).toBeUndefined();
    expect(frames.map(({ bytes }) => bytes)).toEqual([data, data, data, data]);
  });

  it('begins anew with each section: byte order, interfaces', async () => {
    const { frames, interfaces, error } = await readBytes(
      concat(
        sectionBlock({ little: true }),
        interfaceBlock({ linkType: 1 }),
        packetBlock(data),
        sectionBlock({ little: false }),
        interfaceBlock({ little: false, linkType: 101 }),
        interfaceBlock({ little: false, linkType: 113 }),
        packetBlock(data, { little: false, interfaceId: 1 }),
        packetBlock(data, { little: false, interfaceId: 0 }),
      ),
    );
    expect(error).toBeUndefined();
    expect(interfaces.map(({ id, linkType }) => [id, linkType])).toEqual([
      [0, 1],
      [1, 101],
      [2, 113],
    ]);
    expect(frames.map(({ interfaceId, linkType }) => [interfaceId, linkType])).toEqual([
      [0, 1],
      [2, 113],
      [1, 101],
    ]);
  });

  it('does not know the interfaces of the section before', async () => {
    const capture = await readBytes(
      concat(start, packetBlock(data), sectionBlock(), packetBlock(data)),
    );
    expect(capture.frames).toHaveLength(1);
    expect([capture.error?.code, capture.error?.byteOffset]).toEqual([
      'unknown-interface',
      48 + 96 + 28,
    ]);
  });

  it('takes version 1.2 for 1.0, as libpcap does, and refuses others', async () => {
    const good = await readBytes(
      concat(sectionBlock({ minor: 2 }), interfaceBlock(), packetBlock(data)),
    );
    expect(good.frames).toHaveLength(1);
    for (const [major, minor] of [
      [1, 1],
      [2, 0],
      [0, 0],
    ]) {
      const { error } = await readBytes(concat(sectionBlock({ major, minor }), interfaceBlock()));
      expect([error?.code, error?.byteOffset]).toEqual(['unsupported-capture', 12]);
      expect(error?.message).toContain(`pcapng version ${major}.${minor}`);
    }
  });

  it('notes the comment of a section', async () => {
    const { notes: all } = await readBytes(
      sectionBlock({ options: concat(option(1, text('from the lab')), option(2, text('x86'))) }),
    );
    expect(all.map(({ message }) => message)).toEqual(['section: from the lab']);
  });

  it('is happy with a section without anything', async () => {
    const { frames, error, notes: all } = await readBytes(sectionBlock());
    expect([frames, error, all]).toEqual([[], undefined, []]);
  });
});

describe('blocks that are skipped', () => {
  it('counts them once per type', async () => {
    const capture = await readBytes(
      concat(
        start,
        block(4, new Uint8Array(8)),
        packetBlock(data),
        block(4, new Uint8Array(400)),
        block(9, new Uint8Array(4)),
        block(10, new Uint8Array(4)),
        block(0xbad, new Uint8Array(4)),
        block(0x40000bad, new Uint8Array(4)),
        block(0x12345678, new Uint8Array(0)),
        packetBlock(data),
      ),
    );
    expect(capture.error).toBeUndefined();
    expect(capture.frames).toHaveLength(2);
    expect(capture.notes.map(({ code, message }) => [code, message])).toEqual([
      ['skipped-block', '2 Name Resolution blocks skipped'],
      ['skipped-block', '1 systemd Journal Export block skipped'],
      ['skipped-block', '1 Decryption Secrets block skipped'],
      ['skipped-block', '1 Custom block skipped'],
      ['skipped-block', '1 Custom (not to be copied) block skipped'],
      ['skipped-block', '1 unknown (0x12345678) block skipped'],
    ]);
    expect(capture.notes[0]?.byteOffset).toBe(48);
  });

  it('skips blocks larger than the window without holding them', async () => {
    const big = block(99, new Uint8Array(3_000_000));
    const file = concat(start, big, packetBlock(data), big, packetBlock(data));
    const { frames, error } = await readBytes(file, { blockSize: 256 });
    expect(error).toBeUndefined();
    expect(frames.map(({ fileOffset }) => fileOffset)).toEqual([3_000_060, 6_000_168]);
  });

  it('notes a cut within a skipped block', async () => {
    const big = block(99, new Uint8Array(100_000));
    const capture = await readBytes(concat(start, packetBlock(data), big.subarray(0, 50_000)), {
      blockSize: 256,
    });
    expect(capture.frames).toHaveLength(1);
    expect(capture.notes.map(({ code }) => code)).toEqual(['truncated-file', 'skipped-block']);
  });

  it('keeps a bounded number of types and comments', async () => {
    const unknown = Array.from({ length: 400 }, (_, i) => block(0x1000 + i, new Uint8Array(0)));
    const talk = packetBlock(data, { options: option(1, text('hello')) });
    const capture = await readBytes(
      concat(
        start,
        ...unknown,
        ...Array.from({ length: 900 }, () => talk),
        packetBlock(data).subarray(0, 50),
      ),
    );
    expect(capture.frames).toHaveLength(900);
    expect(capture.notes.length).toBeLessThanOrEqual(501);
    expect(capture.notes.some(({ code }) => code === 'truncated-file')).toBe(true);
  });
});

describe('corrupt pcapng', () => {
  const expectError = async (
    bytes: Uint8Array,
    code: string,
    byteOffset: number,
    frames = 0,
  ): Promise<string> => {
    const capture = await readBytes(bytes);
    expect([capture.error?.code, capture.error?.byteOffset, capture.frames.length]).toEqual([
      code,
      byteOffset,
      frames,
    ]);
    return capture.error?.message ?? '';
  };
  const good = packetBlock(data);

  it.each([0, 8, 11, 13, 97, 98])('refuses a block length of %i', async (length) => {
    const bad = block(6, new Uint8Array(100), { length });
    await expectError(concat(start, good, bad), 'corrupt-length', 48 + 96, 1);
  });

  it('refuses a length that is no multiple of 4, though both ends of the block agree', async () => {
    const body = new Packer().u32(0).u64(0).u32(57).u32(57).raw(counting(57)).bytes();
    await expectError(concat(start, good, block(6, body)), 'corrupt-length', 48 + 96, 1);
  });

  it('refuses packet blocks that are shorter than their header', async () => {
    await expectError(concat(start, block(6, new Uint8Array(16))), 'corrupt-length', 48);
    await expectError(concat(start, block(2, new Uint8Array(16))), 'corrupt-length', 48);
    await expectError(concat(start, block(3, new Uint8Array(0))), 'corrupt-length', 48);
  });

  it('refuses descriptive blocks that are shorter than their header', async () => {
    await expectError(concat(start, block(1, new Uint8Array(4))), 'corrupt-length', 48);
    await expectError(concat(start, block(5, new Uint8Array(8))), 'corrupt-length', 48);
    const section = block(0x0a0d0d0a, new Packer().u32(0x1a2b3c4d).u32(1).bytes());
    await expectError(concat(start, good, section), 'corrupt-length', 48 + 96, 1);
  });

  it('refuses a different length at the end of a block', async () => {
    await expectError(
      concat(start, good, block(6, good.subarray(8, -4), { trailer: 100 })),
      'corrupt-length',
      48 + 96,
      1,
    );
    await expectError(
      concat(start, block(77, new Uint8Array(8), { trailer: 0 })),
      'corrupt-length',
      48,
    );
  });

  it.each([66, 0x7fffffff, 0xffffffff])(
    'refuses a captured length of %i in 61',
    async (captured) => {
      const message = await expectError(
        concat(start, good, packetBlock(data, { captured })),
        'corrupt-length',
        48 + 96,
        1,
      );
      expect(message).toContain(`packet 2 claims ${captured} captured bytes in a block of 96`);
    },
  );

  it('refuses a simple packet that its block cannot hold', async () => {
    await expectError(concat(start, simpleBlock(data, 100)), 'corrupt-length', 48);
  });

  it('refuses a packet of more than 128 MiB instead of holding it', async () => {
    const bad = new Packer().u32(6).u32(0x10000000).raw(new Uint8Array(100)).bytes();
    await expectError(concat(start, good, bad), 'corrupt-length', 48 + 96, 1);
  });

  it('refuses packets on interfaces that are not described', async () => {
    const message = await expectError(
      concat(start, good, packetBlock(data, { interfaceId: 1 })),
      'unknown-interface',
      48 + 96,
      1,
    );
    expect(message).toContain('interface 1');
    await expectError(concat(sectionBlock(), packetBlock(data)), 'unknown-interface', 28);
    await expectError(concat(sectionBlock(), simpleBlock(data)), 'unknown-interface', 28);
  });

  it('refuses a later section without byte-order magic', async () => {
    const bad = sectionBlock();
    bad[8] = 0;
    await expectError(concat(start, good, bad), 'corrupt-block', 48 + 96, 1);
  });

  it('refuses interface options that times depend on when they are wrong', async () => {
    for (const options of [
      option(9, Uint8Array.of(6, 6)),
      option(14, Uint8Array.of(1, 2, 3, 4)),
      concat(option(9, Uint8Array.of(6)), option(9, Uint8Array.of(9))),
      new Packer().u16(2).u16(400).bytes(),
    ])
      await expectError(concat(sectionBlock(), interfaceBlock({ options })), 'corrupt-block', 28);
  });

  it('throws the same error again when it is asked again', async () => {
    const { Readable } = await import('node:stream');
    const { openCapture } = await import('../../src/capture/reader.ts');
    const { Frame } = await import('../../src/capture/types.ts');
    const stdin = Readable.from([concat(start, packetBlock(data, { captured: 500 }), good)]);
    const reader = await openCapture(['-'], { stdin });
    const frame = new Frame();
    await reader.fill();
    expect(() => reader.next(frame)).toThrow(/at byte 48/);
    expect(() => reader.next(frame)).toThrow(/at byte 48/);
    reader.close();
  });
});

describe('tolerated in pcapng', () => {
  it('reads a packet whose options do not fit, and says so', async () => {
    // tcpdump 4.99.3 reads these packets too.
    const options = new Packer().u16(1).u16(400).bytes();
    const capture = await readBytes(
      concat(start, packetBlock(data, { options }), packetBlock(data, { options })),
    );
    expect(capture.frames).toHaveLength(2);
    expect(notes(capture)).toEqual([['malformed-options', 48]]);
    expect(capture.notes[0]?.message).toContain('in 2 packets');
  });

  it('reads options without an end mark', async () => {
    const capture = await readBytes(
      concat(start, packetBlock(data, { options: option(2, new Packer().u32(1).bytes()) })),
    );
    expect(capture.frames.map(({ direction }) => direction)).toEqual([1]);
    expect(capture.notes).toEqual([]);
  });

  it('takes captured lengths above the snap length', async () => {
    const { frames } = await readBytes(
      concat(sectionBlock(), interfaceBlock({ snapLength: 20 }), packetBlock(data)),
    );
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([61]);
  });

  it('takes if_fcslen in bits or bytes', async () => {
    for (const value of [4, 32]) {
      const { frames } = await readBytes(
        concat(
          sectionBlock(),
          interfaceBlock({ options: option(13, Uint8Array.of(value)) }),
          packetBlock(data),
          packetBlock(data, { original: 1500 }),
          simpleBlock(data),
        ),
      );
      expect(frames.map((f) => [f.bytes.length, f.originalLength])).toEqual([
        [57, 57],
        [61, 1496],
        [57, 57],
      ]);
    }
  });

  it('notes the frames up to a cut anywhere', async () => {
    const file = concat(start, packetBlock(data), packetBlock(data));
    for (let cut = 49; cut < file.length; cut++) {
      const capture = await readBytes(file.subarray(0, cut));
      expect(capture.error).toBeUndefined();
      expect(capture.frames).toHaveLength(cut < 144 ? 0 : 1);
      expect(notes(capture)).toEqual(cut === 144 ? [] : [['truncated-file', cut < 144 ? 48 : 144]]);
    }
  });
});

describe('link types', () => {
  it('refuses a link type only when a packet of it comes', async () => {
    const two = concat(
      sectionBlock(),
      interfaceBlock({ linkType: 105 }),
      interfaceBlock({ linkType: 1 }),
      packetBlock(data, { interfaceId: 1 }),
    );
    const good = await readBytes(two);
    expect(good.error).toBeUndefined();
    expect(good.frames).toHaveLength(1);
    const bad = await readBytes(concat(two, packetBlock(data)));
    expect(bad.frames).toHaveLength(1);
    expect([bad.error?.code, bad.error?.byteOffset]).toEqual(['unsupported-link-type', 68 + 96]);
    expect(bad.error?.message).toContain('LINKTYPE_IEEE802_11 (105)');
  });
});
