/** Checksums, judged as conntrack judges them. The builder computes its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { crc32c } from '../../src/packet/crc32c.ts';
import {
  CHECKSUM_BAD,
  CHECKSUM_GOOD,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNKNOWN,
  PACKET_BAD_IP_CHECKSUM,
  PACKET_BAD_IP_HEADER,
  PACKET_OK,
} from '../../src/packet/fields.ts';
import {
  buildDatagram,
  type DatagramSpec,
  type FrameSpec,
  fragmentDatagram,
  packetOf,
  viewOf,
} from '../support/packets.ts';

const FOUR = { source: '192.0.2.1', destination: '198.51.100.2' };
const SIX = { source: '2001:db8::1', destination: '2001:db8::2' };

function transport(spec: DatagramSpec, frame: FrameSpec = {}): number {
  const packet = packetOf(spec, frame);
  verifyChecksums(packet);
  return packet.transportChecksum;
}

const BOTH = [
  ['IPv4', FOUR],
  ['IPv6', SIX],
] as const;

describe.each(BOTH)('%s', (_name, addresses) => {
  it.each([
    ['tcp', {}],
    ['tcp', { flags: 'S', options: { mss: 1460, windowScale: 7 } }],
    ['tcp', { payload: 1461 }],
    ['udp', { payload: 'odd' }],
    ['udp', { payload: 1400 }],
    ['icmp', { type: 8, payload: 57 }],
    ['sctp', { chunks: [{ type: 1, payload: 16 }] }],
  ])('%s %j', (protocol, spec) => {
    expect(transport({ ...addresses, [protocol]: spec })).toBe(CHECKSUM_GOOD);
    expect(transport({ ...addresses, [protocol]: { ...spec, checksum: 'bad' } })).toBe(
      CHECKSUM_BAD,
    );
  });

  it('pseudo header sums are those of offloading senders', () => {
    expect(transport({ ...addresses, tcp: { payload: 3000, checksum: 'partial' } })).toBe(
      CHECKSUM_PARTIAL,
    );
    expect(transport({ ...addresses, udp: { payload: 30, checksum: 'partial' } })).toBe(
      CHECKSUM_PARTIAL,
    );
  });

  it('of packets above 64 KiB is right too', () => {
    const payload = new Uint8Array(400_000).fill(0xff);
    const spec = { ...addresses, lengthField: 0, tcp: { payload } };
    expect(transport(spec)).toBe(CHECKSUM_GOOD);
    payload[399_999] = 0xfe;
    expect(transport({ ...spec, tcp: { payload, checksum: 0x1234 } })).toBe(CHECKSUM_BAD);
  });

  it('UDP may have none', () => {
    // Seen on Linux 6.18: NEW in both families, although RFC 8200 wants one.
    expect(transport({ ...addresses, udp: { checksum: 0 } })).toBe(CHECKSUM_GOOD);
    expect(transport({ ...addresses, tcp: { checksum: 0 } })).toBe(CHECKSUM_BAD);
  });

  it('UDP with a wrong length field is summed over the whole payload', () => {
    // Seen on Linux 6.18: NEW when that sum is right.
    expect(transport({ ...addresses, udp: { payload: 'hello!!!', length: 12 } })).toBe(
      CHECKSUM_GOOD,
    );
  });

  it('UDP-Lite is summed with the number of UDP in the pseudo header', () => {
    // Seen on Linux 6.18: a right UDP-Lite packet is INVALID, one with UDP's sum is NEW.
    expect(transport({ ...addresses, udpLite: { payload: 'hello' } })).toBe(CHECKSUM_BAD);
    const udp = buildDatagram({ ...addresses, udp: { payload: 'hello', length: 0 } });
    const body = udp.subarray(addresses === FOUR ? 20 : 40);
    expect(transport({ ...addresses, protocol: 136, payload: body })).toBe(CHECKSUM_GOOD);
    body[12] = (body[12] ?? 0) ^ 1;
    expect(transport({ ...addresses, protocol: 136, payload: body })).toBe(CHECKSUM_BAD);
  });

  it.each([1, 7, 14])('UDP-Lite of coverage %i is bad', (length) => {
    expect(transport({ ...addresses, udpLite: { payload: 'hello', length } })).toBe(CHECKSUM_BAD);
  });

  it('is not known of fragments, cut packets and short headers', () => {
    const udp = { payload: 64 };
    expect(transport({ ...addresses, udp, moreFragments: true })).toBe(CHECKSUM_UNKNOWN);
    expect(transport({ ...addresses, protocol: 17, fragmentOffset: 8, payload: 64 })).toBe(
      CHECKSUM_UNKNOWN,
    );
    expect(transport({ ...addresses, udp }, { capturedLength: 80 })).toBe(CHECKSUM_UNKNOWN);
    for (const [protocol, least] of [
      [6, 20],
      [17, 8],
      [136, 8],
      [132, 12],
      [33, 12],
    ] as const)
      expect(transport({ ...addresses, protocol, payload: least - 1 })).toBe(CHECKSUM_UNKNOWN);
    expect(transport({ ...addresses, protocol: 47, payload: 40 })).toBe(CHECKSUM_UNKNOWN);
  });

  it('finds any single wrong byte of TCP', () => {
    const good = buildDatagram({ ...addresses, tcp: { payload: 5 } });
    const header = addresses === FOUR ? 20 : 40;
    fc.assert(
      fc.property(
        fc.integer({ min: header, max: good.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const spoiled = good.slice();
          spoiled[at] = (spoiled[at] ?? 0) ^ flip;
          const packet = viewOf(spoiled);
          verifyChecksums(packet);
          expect(packet.transportChecksum).not.toBe(CHECKSUM_GOOD);
        },
      ),
    );
  });
});

describe('IPv4 header', () => {
  it('is checked with its options', () => {
    for (const ipOptions of [[], [1, 1, 1, 0], [0x94, 4, 0, 0]]) {
      const good = packetOf({ ...FOUR, ipOptions, udp: {} });
      verifyChecksums(good);
      expect(good.problem).toBe(PACKET_OK);
      const bad = packetOf({ ...FOUR, ipOptions, udp: {}, headerChecksum: 'bad' });
      verifyChecksums(bad);
      expect([bad.problem, bad.transportChecksum]).toEqual([PACKET_BAD_IP_CHECKSUM, CHECKSUM_GOOD]);
    }
  });

  it('by literal bytes', () => {
    const header = [0x45, 0, 0, 0x14, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0xc0];
    const packet = viewOf(Uint8Array.of(...header, 192, 168, 0, 1, 192, 168, 0, 199));
    verifyChecksums(packet);
    expect(packet.problem).toBe(PACKET_OK);
  });

  it('of fragments is checked, that of a cut header is not', () => {
    const datagram = buildDatagram({ ...FOUR, udp: { payload: 100 } });
    for (const fragment of fragmentDatagram(datagram, 40)) {
      const packet = viewOf(fragment);
      verifyChecksums(packet);
      expect(packet.problem).toBe(PACKET_OK);
      fragment[8] = 1;
      const wrong = viewOf(fragment);
      verifyChecksums(wrong);
      expect(wrong.problem).toBe(PACKET_BAD_IP_CHECKSUM);
    }
    const cut = packetOf(
      { ...FOUR, ipOptions: [1, 1, 1, 0], udp: {}, headerChecksum: 'bad' },
      { capturedLength: 22 },
    );
    verifyChecksums(cut);
    expect(cut.problem).toBe(PACKET_OK);
  });

  it('other problems stay as they are', () => {
    const packet = packetOf({ ...FOUR, udp: {}, lengthField: 100, headerChecksum: 'bad' });
    verifyChecksums(packet);
    expect(packet.problem).toBe(PACKET_BAD_IP_HEADER);
  });
});

describe('DCCP', () => {
  /** A DCCP-Request without data: 20 bytes; then `data`. */
  function request(coverage: number, data: readonly number[], spoil: number): number {
    const header = [0x9c, 0x40, 0x13, 0x88, 5, coverage, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    const covered = coverage === 0 ? data : data.slice(0, (coverage - 1) * 4);
    // The UDP builder does the sum: same place of the checksum, other protocol in the pseudo header.
    const bytes = [...header, ...covered];
    const pseudo = [192, 0, 2, 1, 198, 51, 100, 2, 0, 33, 0, header.length + data.length];
    let sum = 0;
    const all = [...pseudo, ...bytes];
    for (let i = 0; i < all.length; i += 2) sum += ((all[i] ?? 0) << 8) | (all[i + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    const checksum = ~sum & 0xffff;
    header[6] = checksum >> 8;
    header[7] = checksum & 255;
    const payload = [...header, ...data];
    if (spoil >= 0) payload[spoil] = (payload[spoil] ?? 0) ^ 0x10;
    return transport({ ...FOUR, protocol: 33, payload });
  }

  it('covers the header, and of the data what CsCov says', () => {
    const data = [1, 2, 3, 4, 5, 6, 7, 8];
    expect(request(0, data, -1)).toBe(CHECKSUM_GOOD);
    expect(request(0, data, 27)).toBe(CHECKSUM_BAD);
    expect(request(1, data, -1)).toBe(CHECKSUM_GOOD);
    expect(request(1, data, 20)).toBe(CHECKSUM_GOOD);
    expect(request(1, data, 16)).toBe(CHECKSUM_BAD);
    expect(request(2, data, 24)).toBe(CHECKSUM_GOOD);
    expect(request(2, data, 23)).toBe(CHECKSUM_BAD);
    expect(request(4, data, -1)).toBe(CHECKSUM_BAD);
  });
});

describe('CRC-32C', () => {
  it.each([
    // RFC 3720, B.4, as words of the usual order.
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 times 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ])('of %s', (_name, bytes, crc) => {
    expect(crc32c(bytes, 0, bytes.length, bytes.length) >>> 0).toBe(crc);
  });

  it('takes four bytes as zeros', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    const zeroed = bytes.slice().fill(0, 8, 12);
    expect(crc32c(bytes, 0, 16, 8)).toBe(crc32c(zeroed, 0, 16, 16));
  });
});
