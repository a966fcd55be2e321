/** The capture doctor: what each finding counts, and how many verdicts rest on it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Doctor } from '../../src/engine/doctor.ts';
import { newOutcome } from '../../src/engine/engine.ts';
import {
  BEGAN_BEFORE,
  type FlowCount,
  FlowCounts,
  HEARD_HIGHER,
  HEARD_LOWER,
} from '../../src/engine/flow-counts.ts';
import type { PacketOutcome, Verdict } from '../../src/engine/types.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import { CHECKSUM_UNKNOWN } from '../../src/packet/fields.ts';
import { type DatagramSpec, type FrameSpec, packetOf, type TcpSpec } from '../support/packets.ts';

type Seen = Partial<Pick<PacketOutcome, 'verdict' | 'reason' | 'path' | 'tracked' | 'mayLoopBack'>>;

/** A doctor that has seen these packets: `code packets verdicts first`. */
function findings(seen: readonly (readonly [PacketView, Seen?])[], checksums = false): string[] {
  const doctor = new Doctor(checksums);
  seen.forEach(([packet, more], i) => {
    doctor.before(packet);
    const outcome = newOutcome(packet);
    Object.assign(
      outcome,
      { verdict: 'ACCEPT', path: 'INPUT', tracked: true, number: i + 1 },
      more,
    );
    doctor.after(outcome);
  });
  return doctor
    .notes(0, 0)
    .map((note) => `${note.code} ${note.packets} ${note.verdicts} ${note.firstPacket}`);
}

let sequence = 0;
/** A TCP segment from A or B; no two are alike. */
function segment(
  from: 'A' | 'B',
  flags: string,
  more: Partial<TcpSpec> & FrameSpec = {},
): PacketView {
  sequence += 1;
  const [source, destination] = from === 'A' ? ['10.0.0.1', '10.0.0.2'] : ['10.0.0.2', '10.0.0.1'];
  const ports = from === 'A' ? [1000, 80] : [80, 1000];
  const [sourcePort = 0, destinationPort = 0] = ports;
  const tcp = { flags, sequence, sourcePort, destinationPort, ...more };
  return packetOf({ source, destination, tcp }, more);
}

describe('connections', () => {
  test('heard from both ends, from the start: nothing to say', () => {
    const seen = [segment('A', 'S'), segment('B', 'SA'), segment('A', 'A')] as const;
    expect(findings(seen.map((packet) => [packet] as const))).toEqual([]);
  });

  test('one direction only', () => {
    expect(findings([[segment('A', 'S')], [segment('A', 'A')], [segment('A', 'PA')]])).toEqual([
      'one-direction 3 3 1',
    ]);
  });

  test('an unanswered SYN, or one refused, is no sign of it', () => {
    expect(findings([[segment('A', 'S')], [segment('A', 'S')]])).toEqual([]);
    expect(findings([[segment('A', 'S')], [segment('B', 'RA')]])).toEqual([]);
  });

  test('begun before the capture', () => {
    expect(findings([[segment('A', 'A')], [segment('B', 'PA')], [segment('A', 'FA')]])).toEqual([
      'mid-stream 3 3 1',
    ]);
  });

  test('no verdict rests on it where nothing is tracked, or where there is none', () => {
    expect(
      findings([
        [segment('A', 'A'), { tracked: false }],
        [segment('B', 'A'), { verdict: 'UNDECIDED' }],
      ]),
    ).toEqual(['mid-stream 2 0 1']);
    expect(findings([[segment('A', 'A'), { verdict: 'NOT_SEEN' }]])).toEqual([]);
  });
});

describe('single packets', () => {
  const udp = (more: Partial<DatagramSpec> = {}, frame: FrameSpec = {}): PacketView =>
    packetOf({ source: '10.0.0.1', destination: '10.0.0.2', udp: { payload: 30 }, ...more }, frame);

  test('cut by the snap length', () => {
    const cut = (id: number) => udp({ id }, { capturedLength: 40 });
    expect(
      findings([
        [cut(1)],
        [cut(2), { verdict: 'UNDECIDED', reason: 'snap length cut the UDP header' }],
      ]),
    ).toEqual(['snap-length 2 1 1']);
  });

  test('offloaded checksums', () => {
    const offloaded = udp({ udp: { payload: 3, checksum: 'partial' } });
    expect(findings([[udp({ id: 1 })], [offloaded]])).toEqual(['offloaded-checksums 1 0 2']);
    // Looking must not change what the replay goes on with.
    expect(offloaded.transportChecksum).toBe(CHECKSUM_UNKNOWN);
  });

  test('bad checksums: what arrives rests on taking them as right', () => {
    const bad = (id: number) => udp({ id, udp: { payload: 3, checksum: 'bad' } });
    expect(
      findings([[bad(1)], [bad(2), { path: 'OUTPUT' }], [bad(3), { tracked: false }]]),
    ).toEqual(['bad-checksums 3 1 1']);
  });

  test('duplicates: the same datagram within a millisecond', () => {
    const at = (timeNanoseconds: number, id = 1) => udp({ id }, { timeNanoseconds });
    expect(findings([[at(0)], [at(900_000)], [at(5_000_000)], [at(5_100_000, 2)]])).toEqual([
      'duplicates 1 1 2',
    ]);
    expect(findings([[at(0)], [at(0), { verdict: 'NOT_SEEN' }]])).toEqual([]);
  });

  test('a clock that steps back', () => {
    const at = (timeSeconds: number, id = timeSeconds) => udp({ id }, { timeSeconds });
    const DROP: Seen = { verdict: 'DROP' };
    const UNDECIDED: Seen = { verdict: 'UNDECIDED' as Verdict };
    expect(findings([[at(10)], [at(8), DROP], [at(9), UNDECIDED], [at(10, 1)]])).toEqual([
      'clock-backwards 2 1 2',
    ]);
  });

  test('copies that may have come back, files cut short', () => {
    expect(findings([[udp(), { mayLoopBack: true }]])).toEqual(['multicast-copies 1 0 1']);
    expect(new Doctor(false).notes(1, 7)).toEqual([
      {
        code: 'truncated-file',
        message: 'the capture is cut in mid-packet: replayed up to there',
        packets: 1,
        verdicts: 0,
        firstPacket: 7,
      },
    ]);
  });
});

test('the flow table counts as a map of text would', () => {
  const word = fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2');
  const packet = fc.record({
    ends: fc.tuple(word, word).filter(([a, b]) => a.includes(':') === b.includes(':')),
    ports: fc.tuple(fc.nat(3), fc.nat(3)),
    flags: fc.constantFrom('S', 'SA', 'A', 'R', 'RA'),
    verdict: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
      const counts = new FlowCounts();
      const expected = new Map<string, { packets: number; verdicts: number; first: number }>();
      packets.forEach(({ ends, ports, flags, verdict }, i) => {
        const [sourcePort, destinationPort] = ports;
        const [source, destination] = ends;
        const tcp = { sourcePort, destinationPort, flags };
        counts.add(packetOf({ source, destination, tcp }), i + 1, verdict);
        const key = [`${source} ${sourcePort}`, `${destination} ${destinationPort}`].sort().join();
        const before = expected.get(key) ?? { packets: 0, verdicts: 0, first: i + 1 };
        expected.set(key, {
          packets: before.packets + 1,
          verdicts: before.verdicts + (verdict ? 1 : 0),
          first: before.first,
        });
      });
      const found: FlowCount[] = [];
      counts.each((flow) => found.push(flow));
      const plain = (list: { packets: number; verdicts: number; first: number }[]): string[] =>
        list.map((one) => `${one.first}: ${one.packets} ${one.verdicts}`).sort();
      expect(plain(found.map((flow) => ({ ...flow, first: flow.firstPacket })))).toEqual(
        plain([...expected.values()]),
      );
      for (const { flags } of found)
        expect(flags & ~(HEARD_LOWER | HEARD_HIGHER | BEGAN_BEFORE)).toBe(0);
    }),
    { numRuns: 60 },
  );
});
