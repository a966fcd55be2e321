/** The benchmark's captures: the same for the same seed, whole conversations, right checksums. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateOptions, generateCapture } from '../../bench/generate.ts';
import { openCapture } from '../../src/capture/reader.ts';
import { Frame } from '../../src/capture/types.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { decode } from '../../src/packet/decode.ts';
import { CHECKSUM_GOOD, PACKET_OK, PacketView } from '../../src/packet/fields.ts';

const OPTIONS: GenerateOptions = { packets: 3000, flows: 90, ipv6Share: 0.3, seed: 7 };
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fwreplay-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function generated(name: string, options: Partial<GenerateOptions>): Promise<string> {
  const path = join(folder, name);
  await generateCapture(path, { ...OPTIONS, ...options });
  return path;
}

/** Decodes a capture; gives how many packets there were. */
async function each(path: string, look: (packet: PacketView) => void): Promise<number> {
  const reader = await openCapture([path]);
  const frame = new Frame();
  const packet = new PacketView();
  let packets = 0;
  while (await reader.fill())
    while (reader.next(frame)) {
      decode(frame, packet);
      packets += 1;
      look(packet);
    }
  reader.close();
  return packets;
}

describe('generateCapture', () => {
  it('repeats itself with the same seed only', async () => {
    const first = readFileSync(await generated('a.pcap', {}));
    expect(readFileSync(await generated('b.pcap', {})).equals(first)).toBe(true);
    expect(readFileSync(await generated('c.pcap', { seed: 8 })).equals(first)).toBe(false);
  });

  it('writes whole packets with right checksums, times that never go back, all protocols', async () => {
    const protocols = new Map<string, number>();
    let last = 0;
    const count = await each(await generated('whole.pcap', { snapLength: 0 }), (packet) => {
      verifyChecksums(packet);
      expect([packet.problem, packet.transportChecksum]).toEqual([PACKET_OK, CHECKSUM_GOOD]);
      expect(packet.transportCaptured).toBe(packet.transportLength);
      const time = packet.timeSeconds + packet.timeNanoseconds / 1e9;
      expect(time).toBeGreaterThanOrEqual(last);
      last = time;
      const key = `${packet.family}/${packet.protocol}`;
      protocols.set(key, (protocols.get(key) ?? 0) + 1);
    });
    expect(count).toBe(3000);
    expect([...protocols.keys()].sort()).toEqual(['4/1', '4/17', '4/6', '6/17', '6/58', '6/6']);
  });

  it('begins every TCP connection with a SYN', async () => {
    const seen = new Set<string>();
    await each(await generated('tcp.pcap', {}), (packet) => {
      if (packet.protocol !== 6) return;
      const ends = [
        `${packet.source0}.${packet.source3}.${packet.sourcePort}`,
        `${packet.destination0}.${packet.destination3}.${packet.destinationPort}`,
      ];
      const key = ends.sort().join(' ');
      if (!seen.has(key)) expect(packet.tcpFlags).toBe(0x02);
      seen.add(key);
    });
    expect(seen.size).toBeGreaterThan(10);
  });

  it('cuts frames at the snap length', async () => {
    await each(await generated('cut.pcap', { snapLength: 96 }), (packet) => {
      expect(packet.frameEnd - packet.frameOffset).toBe(Math.min(96, packet.originalLength));
      expect(packet.problem).toBe(PACKET_OK);
    });
  });
});
