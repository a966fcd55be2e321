/** The same packets by other ways: file formats, resolutions, compression, several files, a pipe. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeCapture, type PacketToWrite, type WriteOptions } from '../../src/capture/writer.ts';
import { replay } from '../../src/engine/replay.ts';
import type { Ruleset } from '../../src/ruleset/types.ts';
import { spawnCli } from '../support/cli.ts';
import { seededRandom } from '../support/random.ts';
import { type Counted, countersOf, outcomeText, rulesetOf } from './play.ts';
import { ROUTER_OPTIONS, randomScenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 8);
const LIMIT = 60;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fwreplay-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

interface Replayed {
  readonly outcomes: readonly string[];
  readonly counters: ReadonlyMap<string, Counted>;
}

async function replayed(ruleset: Ruleset, captures: readonly string[]): Promise<Replayed> {
  const outcomes: string[] = [];
  const result = await replay({
    captures,
    ruleset,
    vantage: ROUTER_OPTIONS,
    onPacket: (outcome) => outcomes.push(`${outcomeText(outcome)} ${outcome.path}`),
  });
  return { outcomes, counters: countersOf(result.ruleset) };
}

/** Whole microseconds, so that no format loses any. Without loopback, which only a name can tell. */
function scenario(seed: number): {
  ruleset: Ruleset;
  packets: (PacketToWrite & TimedFrame)[];
  rules: ReturnType<typeof randomScenario>['rules'];
} {
  const { rules, frames } = randomScenario(seededRandom(seed), LIMIT);
  const packets = frames.filter(({ interfaceId }) => interfaceId < 2);
  return { ruleset: rulesetOf(rules), rules, packets };
}

const plain = (packets: readonly PacketToWrite[]): PacketToWrite[] =>
  packets.map((packet) => ({ ...packet, interfaceId: 0 }));

test('file formats, byte orders, resolutions, compression', async () => {
  const formats: [string, WriteOptions][] = [
    ['big.pcap', { bigEndian: true }],
    ['nano.pcap', { nanoseconds: true }],
    ['ng.pcapng', { format: 'pcapng' }],
    ['ng-nano.pcapng', { format: 'pcapng', interfaces: [{ resolution: 9 }], bigEndian: true }],
  ];
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const { ruleset, packets } = scenario(seed);
      const micro = encodeCapture(plain(packets));
      const expected = await replayed(ruleset, [file('micro.pcap', micro)]);
      expect(expected.outcomes).toHaveLength(packets.length);
      for (const [name, options] of formats) {
        const path = file(name, encodeCapture(plain(packets), options));
        expect(await replayed(ruleset, [path]), name).toEqual(expected);
      }
      const zipped = file('micro.pcap.gz', gzipSync(micro));
      expect(await replayed(ruleset, [zipped])).toEqual(expected);
    }),
    { seed: 61, numRuns: RUNS },
  );
});

test('two files merged are one, wherever it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat({ max: 100 }), async (seed, percent) => {
      const { ruleset, packets } = scenario(seed);
      const at = Math.floor((packets.length * percent) / 100);
      for (const options of [{}, { format: 'pcapng' }] as const) {
        const one = file('one', encodeCapture(plain(packets), options));
        const first = file('first', encodeCapture(plain(packets.slice(0, at)), options));
        const second = file('second', encodeCapture(plain(packets.slice(at)), options));
        const expected = await replayed(ruleset, [one]);
        expect(await replayed(ruleset, [first, second])).toEqual(expected);
      }
    }),
    { seed: 62, numRuns: RUNS },
  );
});

test('named interfaces: one file with both is the same as a file of each', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const { ruleset, packets } = scenario(seed);
      // Times of their own, so that merging gives the order of the one file.
      const timed = packets.map((packet, i) => ({
        ...packet,
        timeSeconds: packet.timeSeconds + i,
      }));
      const names = ['eth0', 'eth1'] as const;
      const both = encodeCapture(timed, {
        format: 'pcapng',
        interfaces: names.map((name) => ({ name })),
      });
      const each = names.map((name, id) =>
        file(
          `${name}.pcapng`,
          encodeCapture(plain(timed.filter(({ interfaceId }) => interfaceId === id)), {
            format: 'pcapng',
            interfaces: [{ name }],
          }),
        ),
      );
      const expected = await replayed(ruleset, [file('both.pcapng', both)]);
      expect(await replayed(ruleset, each)).toEqual(expected);
    }),
    { seed: 63, numRuns: RUNS },
  );
});

test('standard input gives what the file gives', () => {
  const { rules, packets } = scenario(7);
  const bytes = encodeCapture(plain(packets));
  const captures = file('piped.pcap', bytes);
  const options = [
    ...([4, 6] as const).flatMap((family) => [
      family === 4 ? '--rules' : '--rules6',
      file(`rules${family}`, new TextEncoder().encode(rules[family])),
    ]),
    ...ROUTER_OPTIONS.interface.flatMap((text) => ['--interface', text]),
    ...ROUTER_OPTIONS.route.flatMap((text) => ['--route', text]),
    '--format',
    'csv',
  ];
  const fromFile = spawnCli(['replay', captures, ...options]);
  const fromPipe = spawnCli(['replay', '-', ...options], { input: bytes });
  expect(fromFile.stdout.split('\n').length).toBeGreaterThan(packets.length);
  expect(fromPipe.stdout).toBe(fromFile.stdout);
});
