/** Whole replays of shipped captures and of hostile bytes, and the look ahead at a capture. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureReader, Frame } from '../../src/capture/types.ts';
import { peek } from '../../src/engine/peek.ts';
import { replay } from '../../src/engine/replay.ts';
import type { PacketOutcome, ReplayResult } from '../../src/engine/types.ts';
import { CaptureError, UsageError } from '../../src/errors.ts';
import { buildDatagram } from '../support/packets.ts';
import {
  repositoryRoot,
  sharedData,
  sharedFiles,
  WITHOUT_SHARED_DATA,
} from '../support/shared-data.ts';
import { emptyTables } from './hosts.ts';

const RULES = [
  '*filter',
  ':INPUT DROP',
  ':FORWARD ACCEPT',
  ':OUTPUT ACCEPT',
  '-A INPUT -i lo -j ACCEPT',
  '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
  '-A INPUT -m conntrack --ctstate INVALID -j DROP',
  '-A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT',
  '-A INPUT -m limit --limit 1/sec -j LOG',
  'COMMIT',
  '',
].join('\n');
const rulesOf = (text: string) =>
  ([4, 6] as const).map((family) => ({ text, file: `rules${family}`, family }));
const SERVER = { interface: ['eth0=192.0.2.10/24,2001:db8:5::10/64'] };
const ROUTER = {
  interface: ['eth0=192.0.2.1/24,2001:db8:5::1/64', 'eth1=203.0.113.1/24,2001:db8:9::1/64'],
  route: ['198.51.100.0/24=eth1', '2001:db8:c::/64=eth1'],
};
const shipped = (name: string): string => join(repositoryRoot, 'captures', name);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fwreplay-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A pcap file of datagrams with link type RAW; bytes as given. */
function pcapOf(name: string, packets: readonly Uint8Array[], linkType = 101): string {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(linkType, 20);
  const records = packets.flatMap((bytes, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000 + i, 0);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return [record, bytes];
  });
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat([header, ...records]));
  return file;
}

const total = (result: ReplayResult): number =>
  Object.values(result.verdicts).reduce((sum, count) => sum + count, 0);

describe('shipped captures', () => {
  test('http.pcap: verdicts, paths, counters', async () => {
    const outcomes: string[] = [];
    const result = await replay({
      captures: [shipped('http.pcap')],
      rules: rulesOf(RULES),
      vantage: SERVER,
      onPacket: (outcome: PacketOutcome) => outcomes.push(`${outcome.verdict} ${outcome.path}`),
    });
    expect(result.packets).toBe(72);
    expect(outcomes).toHaveLength(72);
    expect(result.verdicts).toMatchObject({ ACCEPT: 69, DROP: 3, UNDECIDED: 0, NOT_SEEN: 0 });
    expect(result.vantageCertain).toBe(true);
    expect(result.byPath.get('INPUT')).toMatchObject({ DROP: 3 });
    const filter = result.ruleset.families.get(4)?.tables.get('filter');
    const input = filter?.chains.get('INPUT');
    // Every packet ends at a rule that ends, or at a policy.
    const hits = [1, 2, 3].map((i) => input?.rules[i]?.packets ?? 0);
    const sum = hits.reduce((a, b) => a + b, 0) + (input?.packets ?? 0);
    expect(sum + (filter?.chains.get('OUTPUT')?.packets ?? 0)).toBe(72);
  });

  test('router.pcapng: what is forwarded is in it twice and counted once', async () => {
    const result = await replay({
      captures: [shipped('router.pcapng')],
      rules: rulesOf(emptyTables(true)),
      vantage: ROUTER,
    });
    expect(result.verdicts.NOT_SEEN).toBe(10);
    expect(result.byPath.get('FORWARD')).toMatchObject({ ACCEPT: 10 });
    expect(Object.fromEntries(result.reasons.get('NOT_SEEN') ?? [])).toEqual({
      'leaves by eth0: seen as it came in': { packets: 6, firstPacket: 12 },
      'leaves by eth1: seen as it came in': { packets: 4, firstPacket: 14 },
    });
  });

  test('forwarded.pcap: recorded at one interface, both directions are forwarded', async () => {
    const result = await replay({
      captures: [shipped('forwarded.pcap')],
      rules: rulesOf(emptyTables(true)),
      vantage: ROUTER,
    });
    expect(result.verdicts).toMatchObject({ ACCEPT: 89, UNROUTED: 1, UNDECIDED: 0, NOT_SEEN: 0 });
    expect(result.byPath.get('FORWARD')).toMatchObject({ ACCEPT: 84 });
  });

  test('the doctor names connections that began before', async () => {
    const { doctor } = await replay({
      captures: [shipped('midstream.pcap')],
      rules: rulesOf(RULES),
      vantage: SERVER,
    });
    expect(doctor.map(({ code, packets, verdicts }) => [code, packets, verdicts])).toEqual([
      ['mid-stream', 29, 29],
    ]);
  });

  test('the same replay gives the same result', async () => {
    const options = { captures: [shipped('mixed.pcap.gz')], rules: rulesOf(RULES) };
    const strip = ({ ruleset, ...rest }: ReplayResult) => ({
      ...rest,
      counters: [...ruleset.families.values()].flatMap((family) =>
        [...family.tables.values()].flatMap((table) =>
          [...table.chains.values()].flatMap((chain) => [
            chain.packets,
            chain.bytes,
            ...chain.rules.flatMap((rule) => [rule.packets, rule.bytes]),
          ]),
        ),
      ),
    });
    expect(strip(await replay(options))).toEqual(strip(await replay(options)));
  });

  test('limit ends it early', async () => {
    const result = await replay({
      captures: [shipped('http.pcap')],
      rules: rulesOf(RULES),
      limit: 10,
    });
    expect(result.packets).toBe(10);
  });
});

describe('errors', () => {
  test('a vantage that is none', async () => {
    const options = { captures: [shipped('http.pcap')], vantage: { local: ['nobody'] } };
    await expect(replay(options)).rejects.toThrow(UsageError);
  });

  test('a capture that is none', async () => {
    const file = join(folder, 'text.pcap');
    writeFileSync(file, 'this is no capture at all');
    await expect(replay({ captures: [file], rules: [] })).rejects.toThrow(CaptureError);
  });

  test('an empty capture is fine', async () => {
    const result = await replay({ captures: [pcapOf('empty.pcap', [])], rules: rulesOf(RULES) });
    expect(result.packets).toBe(0);
    expect(total(result)).toBe(0);
  });
});

describe('hostile bytes', () => {
  const datagram = buildDatagram({
    source: '192.0.2.9',
    destination: '192.0.2.10',
    tcp: { sourcePort: 1000, destinationPort: 22, flags: 'S' },
  });
  const datagram6 = buildDatagram({
    source: '2001:db8:5::9',
    destination: '2001:db8:5::10',
    extensionHeaders: [{ type: 0, body: [1, 4, 0, 0, 0, 0] }],
    udp: { sourcePort: 1000, destinationPort: 53, payload: 20 },
  });
  const mutated = fc
    .tuple(
      fc.constantFrom(datagram, datagram6),
      fc.array(fc.tuple(fc.nat(79), fc.nat(255)), { maxLength: 6 }),
      fc.nat(90),
    )
    .map(([bytes, changes, length]) => {
      const copy = bytes.slice();
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, Math.max(1, length));
    });
  const anything = fc.oneof(mutated, fc.uint8Array({ minLength: 1, maxLength: 100 }));

  test('every packet has a verdict, and nothing throws', async () => {
    const linkTypes = fc.constantFrom(101, 1, 113, 276, 0);
    let file = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(anything, { minLength: 1, maxLength: 30 }),
        linkTypes,
        fc.boolean(),
        fc.boolean(),
        async (packets, linkType, checksums, given) => {
          file += 1;
          const capture = pcapOf(`hostile${file}.pcap`, packets, linkType);
          const vantage = given ? SERVER : {};
          const result = await replay({
            captures: [capture],
            rules: rulesOf(RULES),
            vantage,
            checksums,
          });
          expect(total(result)).toBe(packets.length);
          rmSync(capture);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('peek', () => {
  /** A reader of numbered frames in blocks of three. */
  function readerOf(count: number): CaptureReader {
    let given = 0;
    let filled = 0;
    return {
      interfaces: [],
      files: ['x'],
      notes: [],
      bytesRead: 0,
      bytesTotal: undefined,
      fill() {
        // As a reader may: frames of the block before must have been taken.
        expect(given).toBe(filled);
        filled = Math.min(count, filled + 3);
        return given < filled;
      },
      next(frame) {
        if (given >= filled) return false;
        given += 1;
        frame.number = given;
        frame.bytes = Uint8Array.of(given);
        frame.view = new DataView(frame.bytes.buffer);
        frame.offset = 0;
        frame.capturedLength = 1;
        return true;
      },
      close() {},
    };
  }

  test.each([0, 1, 3, 4, 7, 20_000, 20_001, 20_003, 40_000])(
    'of %d frames all come once, in order',
    async (count) => {
      let looked = 0;
      const reader = await peek(readerOf(count), () => {
        looked += 1;
      });
      expect(looked).toBe(Math.min(count, 20_000));
      const frame = new Frame();
      let expected = 0;
      let right = true;
      while (await reader.fill())
        while (reader.next(frame)) {
          expected += 1;
          right &&= frame.number === expected && frame.bytes[frame.offset] === (expected & 255);
        }
      expect(right).toBe(true);
      expect(expected).toBe(count);
    },
  );
});

describe(`the corpus of real captures${WITHOUT_SHARED_DATA}`, () => {
  const folders = ['tcpdump', 'ndpi', 'pcapplusplus', 'gopacket', 'pcapng-conformance', 'hostile'];
  test.skipIf(sharedData === undefined).each(folders)(
    '%s: every packet has a verdict',
    async (name) => {
      for (const file of sharedFiles(`captures/${name}`)) {
        try {
          const result = await replay({
            captures: [file],
            rules: rulesOf(RULES),
            limit: 20_000,
          });
          expect(total(result)).toBe(result.packets);
        } catch (error) {
          // Some are damaged on purpose, or of link types that are not supported.
          expect(error).toBeInstanceOf(CaptureError);
        }
      }
    },
  );
});
