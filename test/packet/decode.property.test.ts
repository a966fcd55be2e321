/**
 * Properties of decoding: never throws, reads nothing outside of the frame, keeps its invariants,
 * and remembers nothing of the packet before.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/capture/types.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { decode } from '../../src/packet/decode.ts';
import { PACKET_CUT, PACKET_OK, PacketView } from '../../src/packet/fields.ts';
import { problemText } from '../../src/packet/problem.ts';
import {
  buildDatagram,
  type DatagramSpec,
  ethernetFrame,
  frameOf,
  viewOf,
} from '../support/packets.ts';

const LINK_TYPES = [0, 1, 9, 12, 14, 50, 51, 101, 108, 113, 228, 229, 276, 147];

const port = fc.integer({ min: 0, max: 65535 });
const payload = fc.uint8Array({ maxLength: 60 });
const flags = fc.constantFrom('S', 'SA', 'A', 'PA', 'FA', 'R', '', 'FSRPAUEC');
const upper: fc.Arbitrary<Partial<DatagramSpec>> = fc.oneof(
  fc.record({
    tcp: fc.record({ sourcePort: port, destinationPort: port, flags, payload }),
  }),
  fc.record({ udp: fc.record({ sourcePort: port, destinationPort: port, payload }) }),
  fc.record({ icmp: fc.record({ type: fc.integer({ min: 0, max: 255 }), payload }) }),
  fc.record({ sctp: fc.constant({ chunks: [{ type: 1, payload: 16 }] }) }),
  fc.record({ protocol: fc.integer({ min: 0, max: 255 }), payload }),
);
const extensionHeaders = fc.array(
  fc.record({
    type: fc.constantFrom(0, 43, 44, 51, 60),
    body: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 30 }),
  }),
  { maxLength: 4 },
);
const common = {
  ttl: fc.integer({ min: 0, max: 255 }),
  tos: fc.integer({ min: 0, max: 255 }),
  moreFragments: fc.boolean(),
  fragmentOffset: fc.constantFrom(0, 0, 0, 8, 1480),
};
const four = fc.record({
  ...common,
  source: fc.constantFrom('192.0.2.1', '0.0.0.0', '255.255.255.255'),
  destination: fc.constant('198.51.100.2'),
  ipOptions: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }),
});
const six = fc.record({
  ...common,
  source: fc.constantFrom('2001:db8::1', '::', 'ff02::1'),
  destination: fc.constant('fe80::1'),
  extensionHeaders,
});
const datagram = fc
  .tuple(fc.oneof(four, six), upper)
  .map(([header, body]) => buildDatagram({ ...header, ...body }));

/** A whole frame of some link type. */
const wellFormed = fc
  .tuple(datagram, fc.array(fc.constantFrom(1, 2, 3), { maxLength: 3 }))
  .chain(([bytes, vlans]) =>
    fc.constantFrom(
      { linkType: 101, bytes },
      { linkType: 1, bytes: ethernetFrame(bytes, { vlans, padTo: 60 }) },
    ),
  );
/** Some bytes of it changed. */
const mutated = fc
  .tuple(
    wellFormed,
    fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
  )
  .map(([{ linkType, bytes }, changes]) => {
    const spoiled = bytes.slice();
    for (const [at, value] of changes) spoiled[at % spoiled.length] = value;
    return { linkType, bytes: spoiled };
  });
const arbitraryBytes = fc.record({
  linkType: fc.constantFrom(...LINK_TYPES),
  bytes: fc.uint8Array({ maxLength: 200 }),
});
/** A frame, perhaps cut by the snap length, perhaps longer on the wire than there is. */
const frame = fc
  .tuple(
    fc.oneof(wellFormed, mutated, arbitraryBytes),
    fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    fc.constantFrom(0, 0, 0, 1, 100_000),
    fc.constantFrom(0, 1, 2),
  )
  .map(([{ linkType, bytes }, cut, more, direction]) =>
    frameOf(bytes, {
      linkType,
      direction,
      capturedLength: cut === undefined ? bytes.length : Math.floor(bytes.length * cut),
      originalLength: bytes.length + more,
    }),
  );

function decoded(from: Frame, into = new PacketView()): PacketView {
  decode(from, into);
  return into;
}

/** Every field but the bytes themselves. */
function fields(packet: PacketView): Record<string, unknown> {
  const { bytes: _bytes, view: _view, pieces: _pieces, piecesOf: _piecesOf, ...rest } = packet;
  return rest;
}

const runs = { numRuns: 2000 };

describe('decode', () => {
  it('never throws, and neither do checksums and words', () => {
    fc.assert(
      fc.property(frame, (input) => {
        const packet = decoded(input);
        expect(packet.problem).toBeGreaterThanOrEqual(PACKET_OK);
        expect(packet.problem).toBeLessThanOrEqual(PACKET_CUT);
        verifyChecksums(packet);
        expect(problemText(packet) === '').toBe(packet.problem === PACKET_OK);
      }),
      runs,
    );
  });

  it('depends on no byte outside of the frame', () => {
    fc.assert(
      fc.property(frame, (input) => {
        const before = fields(decoded(input));
        const { offset, capturedLength, bytes } = input;
        bytes.fill(0x5a, 0, offset);
        bytes.fill(0x5a, offset + capturedLength);
        const packet = decoded(input);
        expect(fields(packet)).toEqual(before);
        verifyChecksums(packet);
        const again = decoded(input);
        bytes.fill(0xff, 0, offset);
        bytes.fill(0xff, offset + capturedLength);
        verifyChecksums(again);
        expect(again.transportChecksum).toBe(packet.transportChecksum);
      }),
      runs,
    );
  });

  it('reads nothing outside of a frame that fills its block', () => {
    fc.assert(
      fc.property(frame, (input) => {
        const { offset, capturedLength } = input;
        input.bytes = input.bytes.slice(offset, offset + capturedLength);
        input.view = new DataView(input.bytes.buffer);
        input.offset = 0;
        verifyChecksums(decoded(input));
      }),
      runs,
    );
  });

  it('gives the same for a packet after any other', () => {
    const reused = new PacketView();
    fc.assert(
      fc.property(frame, frame, (first, second) => {
        verifyChecksums(decoded(first, reused));
        expect(fields(decoded(second, reused))).toEqual(fields(decoded(second)));
        expect(reused.bytes).toBe(second.bytes);
        expect(reused.view).toBe(second.view);
      }),
      runs,
    );
  });

  it('keeps its invariants', () => {
    fc.assert(
      fc.property(frame, (input) => {
        const packet = decoded(input);
        const { frameOffset, frameEnd, wireEnd, networkOffset, networkEnd, totalLength } = packet;
        expect(wireEnd).toBeGreaterThanOrEqual(frameOffset);
        expect(networkOffset).toBeGreaterThanOrEqual(frameOffset);
        expect(Object.values(fields(packet)).every(Number.isInteger)).toBe(true);
        if (packet.problem !== PACKET_OK) {
          expect(packet.transportOffset).toBe(-1);
          return;
        }
        expect([4, 6]).toContain(packet.family);
        expect(networkEnd).toBe(Math.min(frameEnd, networkOffset + totalLength));
        expect(networkOffset + totalLength).toBeLessThanOrEqual(wireEnd);
        if (packet.fragmentOffset !== 0) expect(packet.transportOffset).toBe(-1);
        if (packet.transportOffset < 0) {
          expect(packet.transportLength + packet.transportCaptured).toBe(0);
          return;
        }
        const { transportOffset, transportLength, transportCaptured } = packet;
        expect(transportCaptured).toBeLessThanOrEqual(transportLength);
        expect(transportLength).toBe(Math.max(0, networkOffset + totalLength - transportOffset));
        expect(transportCaptured).toBe(Math.max(0, networkEnd - transportOffset));
      }),
      runs,
    );
  });

  it('finds what was built', () => {
    fc.assert(
      fc.property(
        fc.oneof(four, six),
        fc.record({ sourcePort: port, destinationPort: port, flags, payload }),
        (header, tcp) => {
          const spec = { ...header, moreFragments: false, fragmentOffset: 0, tcp };
          // A fragment header of random content may say that this is a later fragment.
          if ('extensionHeaders' in spec)
            spec.extensionHeaders = spec.extensionHeaders.filter(({ type }) => type !== 44);
          const bytes = buildDatagram(spec);
          const packet = viewOf(bytes);
          verifyChecksums(packet);
          expect(packet).toMatchObject({
            problem: PACKET_OK,
            protocol: 6,
            ttl: header.ttl,
            tos: header.tos,
            totalLength: bytes.length,
            sourcePort: tcp.sourcePort,
            destinationPort: tcp.destinationPort,
            transportLength: 20 + tcp.payload.length,
            transportChecksum: 1,
          });
        },
      ),
      runs,
    );
  });
});
