/**
 * Real captures of the optional corpus, as a host would have met them: the address that speaks most is
 * the host's. Rules count each ctstate in every table; all verdicts and counters equal the kernel's.
 */
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCapture } from '../../src/capture/reader.ts';
import { Frame } from '../../src/capture/types.ts';
import { decode } from '../../src/packet/decode.ts';
import { PACKET_OK, PacketView } from '../../src/packet/fields.ts';
import { formatIpv4, formatIpv6 } from '../../src/packet/text.ts';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { stateCounters } from '../support/kernel-rules.ts';
import { sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';

const MOST_PACKETS = 1500;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly destination: string;
}

interface Corpus {
  readonly packets: Datagram[];
  /** How often each unicast address occurs. */
  readonly addresses: Map<string, number>;
}

/** The whole IP datagrams of a capture. */
async function datagrams(path: string): Promise<Corpus> {
  const packets: Datagram[] = [];
  const addresses = new Map<string, number>();
  const reader = await openCapture([path]);
  const frame = new Frame();
  const packet = new PacketView();
  const note = (address: string): void => {
    if (/^(22[4-9]|23\d|24\d|25\d|0|127)\.|^ff|^::1?$|^fe80/.test(address)) return;
    addresses.set(address, (addresses.get(address) ?? 0) + 1);
  };
  try {
    while (packets.length < MOST_PACKETS && (await reader.fill())) {
      while (packets.length < MOST_PACKETS && reader.next(frame)) {
        if (decode(frame, packet) !== PACKET_OK) continue;
        const end = packet.networkOffset + packet.totalLength;
        if (packet.networkEnd < end || packet.totalLength > 60_000) continue;
        const source = sourceOf(packet);
        const destination = destinationOf(packet);
        // Which groups the host had joined cannot be known.
        if (/^(22[4-9]|23\d)\.|^ff/.test(destination)) continue;
        packets.push({ source, destination, bytes: packet.bytes.slice(packet.networkOffset, end) });
        note(source);
        note(destination);
      }
    }
  } finally {
    reader.close();
  }
  return { packets, addresses };
}

function sourceOf(packet: PacketView): string {
  return packet.family === 4
    ? formatIpv4(packet.source0)
    : formatIpv6(packet.source0, packet.source1, packet.source2, packet.source3);
}

function destinationOf(packet: PacketView): string {
  const { destination0, destination1, destination2, destination3 } = packet;
  return packet.family === 4
    ? formatIpv4(destination0)
    : formatIpv6(destination0, destination1, destination2, destination3);
}

function busiest(addresses: ReadonlyMap<string, number>, six: boolean): string[] {
  const mine = [...addresses].filter(([address]) => address.includes(':') === six);
  mine.sort((a, b) => b[1] - a[1]);
  return mine.slice(0, 1).map(([address]) => `${address}/${six ? 128 : 32}`);
}

/** Every fifth file; all of them with FWREPLAY_KERNEL_ALL=1. */
const step = process.env.FWREPLAY_KERNEL_ALL === '1' ? 1 : 5;
const files = ['ndpi', 'tcpdump', 'pcapplusplus']
  .flatMap((name) => sharedFiles(`captures/${name}`))
  .filter((_, index) => index % step === 0);

describe(`real captures${WITHOUT_SHARED_DATA}${WITHOUT_KERNEL}`, () => {
  test.skipIf(files.length === 0 || !kernelAvailable)('there are some', () => {
    expect(files.length).toBeGreaterThan(0);
  });
  for (const file of files) {
    test.skipIf(!kernelAvailable)(basename(file), async (context) => {
      let corpus: Corpus;
      try {
        corpus = await datagrams(file);
      } catch {
        // The reader's own tests say which of these files it must refuse.
        return context.skip();
      }
      if (corpus.packets.length === 0) return context.skip();
      const addresses = [...busiest(corpus.addresses, false), ...busiest(corpus.addresses, true)];
      const own = (address: string): boolean =>
        /^127\.|^::1$/.test(address) ||
        addresses.includes(`${address}/32`) ||
        addresses.includes(`${address}/128`);
      const { differences } = await compareWithKernel({
        packets: corpus.packets.map(({ bytes, source, destination }) => ({
          bytes,
          interface: own(source) && own(destination) ? 'lo' : 'eth0',
        })),
        interfaces: [{ name: 'eth0', addresses }],
        routes: ['default=eth0'],
        rules4: stateCounters(),
        rules6: stateCounters(),
      });
      expect(differences.slice(0, 10)).toEqual([]);
    });
  }
});
