/**
 * Random and spoiled packets, asked of the kernel one by one: does netfilter see the packet, how many
 * bytes does it count, and which protocol does it find behind the extension headers? Without
 * conntrack, so that fragments come as they are.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { PACKET_OK } from '../../src/packet/fields.ts';
import { checkArrival, HEADER_GOOD } from '../../src/topology/header-check.ts';
import { kernelAvailable, playInKernel, WITHOUT_KERNEL } from '../support/kernel.ts';
import { ROUTER } from '../support/kernel-rules.ts';
import { buildDatagram, ethernetFrame, viewOf } from '../support/packets.ts';

const PACKETS = 1500;
const SEED = 20_251_124;
const PROTOCOLS = Array.from({ length: 255 }, (_, i) => i + 1);

const byte = fc.integer({ min: 0, max: 255 });
const protocol = fc.constantFrom(1, 6, 17, 33, 50, 51, 58, 59, 60, 0, 43, 44, 132, 135, 136, 253);
const common = {
  ttl: fc.constant(64),
  tos: byte,
  protocol,
  payload: fc.uint8Array({ maxLength: 40 }),
  moreFragments: fc.constantFrom(false, false, true),
  fragmentOffset: fc.constantFrom(0, 0, 0, 8, 1480),
};
const four = fc.record({
  ...common,
  source: fc.constant('192.0.2.20'),
  destination: fc.constant('192.0.2.1'),
  ipOptions: fc.oneof(fc.constant([]), fc.array(byte, { maxLength: 40 })),
});
/** Mostly bodies that the hop-by-hop parser takes. */
const body = fc.oneof(
  fc.constantFrom([1, 4, 0, 0, 0, 0], [0x05, 2, 0, 0, 1, 0], [0x1e, 4, 9, 9, 9, 9]),
  fc.array(byte, { minLength: 6, maxLength: 22 }),
);
const six = fc.record({
  ...common,
  source: fc.constant('2001:db8:1::20'),
  destination: fc.constant('2001:db8:1::1'),
  extensionHeaders: fc.array(fc.record({ type: fc.constantFrom(0, 43, 44, 51, 60), body }), {
    maxLength: 4,
  }),
});

/** Bytes that the IP header or an extension header may have wrong, or none. */
const spoils = fc.oneof(
  fc.constant([]),
  fc.constant([]),
  fc.array(fc.tuple(fc.constantFrom(0, 2, 3, 4, 5, 6, 7, 40, 41, 42, 43, 48, 49), byte), {
    maxLength: 2,
  }),
);
const datagram = fc
  .tuple(fc.oneof(four, six), spoils, fc.constantFrom(0, 0, 0, 1, 9))
  .map(([spec, changes, cut]) => {
    const bytes = buildDatagram(spec);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return {
      bytes: bytes.subarray(0, bytes.length - cut),
      family: spec.source.includes(':') ? 6 : 4,
    };
  });

function countingRules(family: 4 | 6): string {
  const rules = PROTOCOLS.map((number) => `-A PREROUTING -p ${number}\n`);
  const fragment = family === 4 ? '-A PREROUTING -f\n' : '-A PREROUTING\n';
  return `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING\n${fragment}${rules.join('')}COMMIT\n`;
}

/** What the rules would count: 'not seen', or bytes, protocols, and whether all rules were reached. */
function expected(frame: Uint8Array): string {
  const packet = viewOf(frame, { linkType: 1 });
  verifyChecksums(packet);
  if (packet.problem !== PACKET_OK || checkArrival(packet, false) !== HEADER_GOOD)
    return 'not seen';
  const { family, protocol: found, totalLength, fragmentOffset } = packet;
  if (found < 0) return `${totalLength} bytes, dropped by -p`;
  const later = family === 4 && fragmentOffset !== 0 ? ', later fragment' : '';
  return `${totalLength} bytes, protocol ${found}${later}`;
}

describe.skipIf(!kernelAvailable)(`the kernel reads packets as we do${WITHOUT_KERNEL}`, () => {
  it('random headers, chains of extension headers, wrong lengths', async () => {
    const samples = fc.sample(datagram, { numRuns: PACKETS, seed: SEED });
    const frames = samples.map(({ bytes, family }) =>
      ethernetFrame(bytes, {
        sourceMac: '02:00:00:00:00:01',
        destinationMac: '02:00:00:00:00:a0',
        etherType: family === 4 ? 0x0800 : 0x86dd,
      }),
    );
    const { packets } = await playInKernel({
      ...ROUTER,
      linkType: 1,
      packets: frames.map((bytes) => ({ bytes, interface: 'eth0' })),
      rules4: countingRules(4),
      rules6: countingRules(6),
    });
    const seen = new Map(packets.map((packet) => [packet.n, packet]));
    // Frames too short for an IP header cannot be played.
    expect(seen.size).toBeGreaterThan(PACKETS * 0.9);
    const differences: string[] = [];
    const kinds = new Map<string, number>();
    for (const [i, frame] of frames.entries()) {
      const packet = seen.get(i + 1);
      if (packet === undefined) continue;
      const raw = packet.moved.filter(
        ([, table, chain]) => table === 'raw' && chain === 'PREROUTING',
      );
      const ours = expected(frame);
      const theirs = told(raw);
      if (ours !== theirs)
        differences.push(`${Buffer.from(frame).toString('hex')}: ${ours}; kernel: ${theirs}`);
      const kind = ours.replace(/^\d+ bytes, /, '');
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    expect(differences).toEqual([]);
    // The samples reach all outcomes.
    expect(kinds.get('not seen')).toBeGreaterThan(50);
    expect(kinds.get('dropped by -p')).toBeGreaterThan(20);
    expect(kinds.size).toBeGreaterThan(15);
  });
});

/** The counters that moved, in the words of `expected`. */
function told(
  raw: readonly (readonly [4 | 6, string, string, number | 'policy', number, number])[],
): string {
  const [all] = raw.filter(([, , , rule]) => rule === 1);
  if (all === undefined) return 'not seen';
  const [family, , , , , bytes] = all;
  const protocols = raw.flatMap(([, , , rule]) =>
    typeof rule === 'number' && rule > 2 ? [PROTOCOLS[rule - 3]] : [],
  );
  const policy = raw.some(([, , , rule]) => rule === 'policy');
  if (!policy && protocols.length === 0) return `${bytes} bytes, dropped by -p`;
  const later = family === 4 && raw.some(([, , , rule]) => rule === 2) ? ', later fragment' : '';
  return `${bytes} bytes, protocol ${protocols.length === 0 ? 0 : protocols.join('+')}${later}`;
}
