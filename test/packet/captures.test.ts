/**
 * Real captures: tshark reads the same fields from the shipped ones, and whatever the corpus holds
 * decodes without an error.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCapture } from '../../src/capture/reader.ts';
import { Frame } from '../../src/capture/types.ts';
import { FwreplayError } from '../../src/errors.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { decode } from '../../src/packet/decode.ts';
import { isFragment, PACKET_CUT, PACKET_OK, PacketView } from '../../src/packet/fields.ts';
import { formatIpv4, formatIpv6 } from '../../src/packet/text.ts';
import { repositoryRoot, sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';

/** Decodes a whole capture. */
async function read(path: string, look: (packet: PacketView) => void): Promise<void> {
  const reader = await openCapture([path]);
  const frame = new Frame();
  const packet = new PacketView();
  try {
    while (await reader.fill())
      while (reader.next(frame)) {
        decode(frame, packet);
        look(packet);
      }
  } finally {
    reader.close();
  }
}

const shipped = readdirSync(join(repositoryRoot, 'captures'))
  .filter((name) => /\.pcap(ng)?(\.gz)?$/.test(name))
  .map((name) => join(repositoryRoot, 'captures', name));

const FIELDS = [
  'ip.src',
  'ip.dst',
  'ip.len',
  'ip.ttl',
  'ip.proto',
  'ip.id',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.plen',
  'ipv6.hlim',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.flags',
  'udp.srcport',
  'udp.dstport',
  'icmp.type',
  'icmp.code',
  'icmpv6.type',
] as const;
type Row = Record<(typeof FIELDS)[number], string>;

/** The outermost value of each field, one row per frame, without reassembly. */
function tshark(path: string): Row[] {
  const args = ['-r', path, '-T', 'fields', '-E', 'occurrence=f', '-o', 'ip.defragment:FALSE'];
  const run = spawnSync(
    'tshark',
    [...args, '-o', 'ipv6.defragment:FALSE', ...FIELDS.flatMap((field) => ['-e', field])],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(FIELDS.map((field, i) => [field, values[i] ?? ''])) as Row;
    });
}

/** Our row for a packet, in tshark's form. */
function row(packet: PacketView): Row {
  const out = Object.fromEntries(FIELDS.map((field) => [field, ''])) as Row;
  const { family, protocol } = packet;
  if (family === 4) {
    out['ip.src'] = formatIpv4(packet.source0);
    out['ip.dst'] = formatIpv4(packet.destination0);
    out['ip.len'] = String(packet.totalLength);
    out['ip.ttl'] = String(packet.ttl);
    out['ip.proto'] = String(protocol);
    out['ip.id'] = `0x${packet.identification.toString(16).padStart(4, '0')}`;
  }
  if (family === 6) {
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    out['ipv6.src'] = formatIpv6(source0, source1, source2, source3);
    out['ipv6.dst'] = formatIpv6(destination0, destination1, destination2, destination3);
    out['ipv6.plen'] = String(packet.totalLength - 40);
    out['ipv6.hlim'] = String(packet.ttl);
  }
  const text = (value: number): string => (value < 0 ? '' : String(value));
  if (protocol === 6) {
    out['tcp.srcport'] = text(packet.sourcePort);
    out['tcp.dstport'] = text(packet.destinationPort);
    out['tcp.flags'] = `0x${packet.tcpFlags.toString(16).padStart(4, '0')}`;
  }
  if (protocol === 17) {
    out['udp.srcport'] = text(packet.sourcePort);
    out['udp.dstport'] = text(packet.destinationPort);
  }
  if (family === 4) {
    out['icmp.type'] = text(packet.icmpType);
    out['icmp.code'] = text(packet.icmpCode);
  } else {
    out['icmpv6.type'] = text(packet.icmpType);
  }
  return out;
}

/** Leaves out what tshark takes from packets that ICMP errors quote. */
function outerOnly(theirs: Row, ours: Row): Row {
  const quoted = ours['icmp.type'] !== '' || ours['icmpv6.type'] !== '';
  if (!quoted) return theirs;
  const outer = { ...theirs };
  for (const field of FIELDS)
    if (field.startsWith('tcp.') || field.startsWith('udp.')) outer[field] = '';
  return outer;
}

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const without = hasTshark ? '' : ' (skipped: tshark is not installed)';

describe.skipIf(!hasTshark)(`tshark reads the same${without}`, () => {
  it.each(shipped.map((path) => [path.slice(path.lastIndexOf('/') + 1), path]))(
    '%s',
    async (_name, path) => {
      const theirs = tshark(path);
      const ours: Row[] = [];
      await read(path, (packet) => ours.push(row(packet)));
      expect(ours.length).toBe(theirs.length);
      for (const [i, mine] of ours.entries())
        expect({ frame: i + 1, ...outerOnly(theirs[i] as Row, mine) }).toEqual({
          frame: i + 1,
          ...mine,
        });
    },
  );
});

describe('the corpus decodes', () => {
  const folders = [
    'captures/tcpdump',
    'captures/ndpi',
    'captures/pcapplusplus',
    'captures/gopacket',
    'captures/pcapng-conformance',
    'captures/hostile',
  ];
  it.skipIf(sharedFiles('captures/hostile').length === 0).each(folders)(
    `%s${WITHOUT_SHARED_DATA}`,
    async (folder) => {
      let packets = 0;
      for (const path of sharedFiles(folder)) {
        try {
          await read(path, (packet) => {
            packets += 1;
            expect(packet.problem).toBeLessThanOrEqual(PACKET_CUT);
            verifyChecksums(packet);
            if (packet.problem !== PACKET_OK || isFragment(packet)) return;
            expect(packet.networkEnd).toBeLessThanOrEqual(packet.frameEnd);
          });
        } catch (error) {
          // Broken files are the reader's to refuse, in its own words.
          if (!(error instanceof FwreplayError)) throw error;
        }
      }
      expect(packets).toBeGreaterThan(0);
    },
  );
});
