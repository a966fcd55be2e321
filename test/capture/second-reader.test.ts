/**
 * Readers of others as referees: pcap-parser for microsecond pcap, tcpdump (libpcap) for all else.
 * tcpdump writes what it read to a pcap file with nanoseconds, which is compared frame by frame.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import pcapParser, { type ParsedPacket } from 'pcap-parser';
import { afterAll, describe, expect, it } from 'vitest';
import { repositoryRoot, sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import { type ReadCapture, type ReadFrame, readPaths, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const tcpdump = spawnSync('tcpdump', ['--version']).status === 0;
const shipped = readdirSync(join(repositoryRoot, 'captures'))
  .filter((name) => /\.pcap(ng)?(\.gz)?$/.test(name))
  .map((name) => join(repositoryRoot, 'captures', name));
const corpus = ['tcpdump', 'ndpi', 'pcapplusplus', 'gopacket', 'hostile'].flatMap((name) =>
  sharedFiles(`captures/${name}`),
);

function parseByPcapParser(path: string): Promise<ParsedPacket[]> {
  return new Promise((resolve, reject) => {
    const packets: ParsedPacket[] = [];
    const parser = pcapParser.parse(path);
    parser.on('packet', (packet: ParsedPacket) => {
      packets.push({ ...packet, data: Buffer.from(packet.data) });
    });
    parser.on('end', () => resolve(packets));
    parser.on('error', reject);
  });
}

function isMicrosecondPcap(path: string): boolean {
  const magic = readFileSync(path).readUInt32BE(0);
  return magic === 0xa1b2c3d4 || magic === 0xd4c3b2a1;
}

describe('pcap-parser', () => {
  it('reads the shipped microsecond captures the same', async () => {
    const files = shipped.filter((path) => !path.endsWith('.gz') && isMicrosecondPcap(path));
    expect(files.length).toBeGreaterThan(10);
    for (const path of files) {
      const theirs = await parseByPcapParser(path);
      const { frames, error, notes } = await readPaths([path]);
      expect([error, notes]).toEqual([undefined, []]);
      expect(frames.length).toBeGreaterThan(0);
      expect(
        frames.map(({ bytes, time, originalLength }) => [
          Buffer.from(bytes).toString('hex'),
          time,
          originalLength,
        ]),
      ).toEqual(
        theirs.map(({ header, data }) => [
          data.toString('hex'),
          `${header.timestampSeconds}.${String(header.timestampMicroseconds).padStart(6, '0')}000`,
          header.originalLength,
        ]),
      );
    }
  });
});

/** What tcpdump makes of a file: its frames, and what it says besides. */
async function readByTcpdump(path: string): Promise<{ read: ReadCapture; message: string }> {
  const input = join(folder.path, 'input');
  const bytes = readFileSync(path);
  writeFileSync(input, path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
  const output = folder.file('output', new Uint8Array(0));
  const { stderr } = spawnSync(
    'tcpdump',
    ['-r', input, '-w', output, '--time-stamp-precision=nano'],
    { encoding: 'utf8' },
  );
  return { read: await readPaths([output]), message: stderr };
}

/**
 * The difference of a frame, or ''. libpcap cuts captured bytes to the snap length of the file, and
 * takes times modulo 2^32 seconds; fractions above a second and times of simple packets are left
 * out where our notes say so.
 */
function difference(ours: ReadFrame, theirs: ReadFrame, ours_: ReadCapture): string {
  const snapLength = ours_.interfaces[ours.interfaceId]?.snapLength ?? 0;
  const kept = theirs.bytes.length;
  if (kept !== ours.bytes.length && kept !== snapLength) return 'captured length';
  if (!Buffer.from(ours.bytes.subarray(0, kept)).equals(theirs.bytes)) return 'bytes';
  if (Math.max(theirs.originalLength, ours.bytes.length) !== ours.originalLength)
    return 'original length';
  const inexact = ours_.notes.some(
    ({ code }) => code === 'bad-timestamp' || code === 'no-timestamp',
  );
  const [seconds = '', nanoseconds = ''] = ours.time.split('.');
  const wrapped = `${Number(seconds) % 2 ** 32}.${nanoseconds}`;
  return inexact || wrapped === theirs.time ? '' : `time ${ours.time}, theirs ${theirs.time}`;
}

async function compare(path: string): Promise<string> {
  const ours = await readPaths([path]);
  const { read: theirs, message } = await readByTcpdump(path);
  const name = basename(path);
  // libpcap does not read pcapng files whose interfaces differ.
  if (/different from the (type|snapshot length) of the first/.test(message))
    return ours.error === undefined ? '' : `${name}: ${ours.error.message}`;
  if (ours.error?.code === 'unsupported-link-type')
    return theirs.error?.code === 'unsupported-link-type' ? '' : `${name}: ${ours.error.message}`;
  if (ours.frames.length !== theirs.frames.length)
    return `${name}: ${ours.frames.length} frames, tcpdump ${theirs.frames.length}`;
  for (const [i, frame] of ours.frames.entries()) {
    const other = theirs.frames[i];
    const found = other === undefined ? 'missing' : difference(frame, other, ours);
    if (found !== '') return `${name}: packet ${i + 1}: ${found}`;
  }
  const refused = /tcpdump: /.test(message.replace(/.*Warning.*/g, ''));
  const unhappy =
    ours.error !== undefined || ours.notes.some(({ code }) => code === 'truncated-file');
  return refused === unhappy ? '' : `${name}: tcpdump says ${message}, we ${ours.error?.message}`;
}

describe.skipIf(!tcpdump)('tcpdump', () => {
  it('reads the shipped captures the same', async () => {
    const differences = [];
    for (const path of shipped) differences.push(await compare(path));
    expect(differences.filter((text) => text !== '')).toEqual([]);
  });

  it.skipIf(corpus.length === 0)(
    `reads the corpus the same${WITHOUT_SHARED_DATA}`,
    async () => {
      expect(corpus.length).toBeGreaterThan(500);
      const differences = [];
      for (const path of corpus) differences.push(await compare(path));
      expect(differences.filter((text) => text !== '')).toEqual([]);
    },
    300_000,
  );
});
