import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { systemFailure } from '../../src/capture/failure.ts';
import { openCapture } from '../../src/capture/reader.ts';
import { Frame } from '../../src/capture/types.ts';
import { CaptureError, UsageError } from '../../src/errors.ts';
import {
  concat,
  counting,
  interfaceBlock,
  Packer,
  packetBlock,
  pcapHeader,
  pcapRecord,
  readBytes,
  readPaths,
  sectionBlock,
  temporaryFolder,
} from './support.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const data = counting(60);
const small = concat(pcapHeader(), pcapRecord(data), pcapRecord(data));
const latin = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

describe('paths that cannot be read', () => {
  const failure = async (path: string): Promise<CaptureError> => {
    const { error } = await readPaths([path]);
    expect(error).toBeInstanceOf(CaptureError);
    return error as CaptureError;
  };

  it('missing file', async () => {
    const error = await failure(join(folder.path, 'missing.pcap'));
    expect(error.code).toBe('file-not-found');
    expect(error.message).toContain('missing.pcap: no such file');
  });

  it('a path through a file', async () => {
    const file = folder.file('plain.pcap', small);
    expect((await failure(join(file, 'x'))).code).toBe('file-not-found');
  });

  it('directory', async () => {
    const path = join(folder.path, 'directory.pcap');
    mkdirSync(path);
    const error = await failure(path);
    expect(error.code).toBe('is-a-directory');
    expect(error.message).toContain('directory.pcap: is a directory');
  });

  it.skipIf(process.getuid?.() === 0)('file without permission', async () => {
    const path = folder.file('secret.pcap', small);
    chmodSync(path, 0);
    expect((await failure(path)).code).toBe('permission-denied');
  });

  it.each([
    ['EACCES', 'permission-denied', 'permission denied'],
    ['EIO', 'cannot-read', 'cannot read: EIO'],
  ])('system error %s', (system, code, message) => {
    const error = systemFailure('x.pcap', Object.assign(new Error(system), { code: system }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`x.pcap: ${message}`);
  });

  it('one of several files', async () => {
    const good = folder.file('good.pcap', small);
    const { error } = await readPaths([good, join(folder.path, 'missing.pcap')]);
    expect(error?.code).toBe('file-not-found');
  });

  it('no path, and standard input twice, are wrong usage', async () => {
    await expect(openCapture([])).rejects.toThrow(UsageError);
    await expect(openCapture(['-', '-'])).rejects.toMatchObject({ code: 'stdin-twice' });
  });
});

describe('files that are no capture', () => {
  it('empty file', async () => {
    const { error } = await readPaths([folder.file('empty', new Uint8Array(0))]);
    expect([error?.code, error?.byteOffset]).toEqual(['empty-file', 0]);
  });

  it.each([
    ['*filter\n:INPUT DROP [0:0]\nCOMMIT\n', 'text', '--rules'],
    ['sudo iptables -A INPUT -j DROP\n', 'text', '--rules'],
    ['12:00:00.1 IP 192.0.2.1.22 > 192.0.2.2.4000: Flags [S]\n', 'text', 'tcpdump -w'],
    ['hello\n', 'text', 'tcpdump -w'],
    ['snoop\0\0\0\0\0\0\x02\0\0\0\x04', 'a snoop capture', 'editcap'],
    ['\x7fELF\x02\x01\x01', 'an ELF program', 'capture file'],
    ['BZh91AY&SY', 'bzip2 data', 'bzip2 -dc FILE'],
    ['\xfd7zXZ\0\0\x04', 'xz data', 'xz -dc FILE'],
    ['\x04\x22\x4d\x18\x64', 'lz4 data', 'lz4 -dc FILE'],
    ['PK\x03\x04\x14\0', 'a zip archive', 'unpack'],
    ['GMBU\0\x02', 'a Microsoft Network Monitor capture', 'editcap'],
    ['\x0d\x0a\x0d\x0a\x0d\x0a', 'a pcapng file with changed line ends', 'binary'],
    ['\0\0\0\0\0\0\0\0', 'zeros', 'never written'],
    ['\x01\x02\xfe\xff\x80', 'unknown data', 'pcap or pcapng'],
    ['\x01', 'unknown data', 'pcap or pcapng'],
  ])('%j', async (content, what, hint) => {
    const { error, frames } = await readBytes(latin(content));
    expect(frames).toEqual([]);
    expect([error?.code, error?.byteOffset]).toEqual(['not-a-capture', 0]);
    expect(error?.message).toContain(`it looks like ${what}`);
    expect(error?.diagnostics[0]?.hint).toContain(hint);
  });

  it('tar archive and ERF record', async () => {
    const tar = new Uint8Array(512);
    tar.set(latin('capture.pcap'));
    tar.set(latin('ustar'), 257);
    expect((await readBytes(tar)).error?.message).toContain('a tar archive');
    const erf = new Packer()
      .u32(0x80000000)
      .u32(1_700_000_000)
      .u8(2)
      .u8(4)
      .raw(Uint8Array.of(0, 80, 0, 0, 0, 60))
      .raw(new Uint8Array(64))
      .bytes();
    expect((await readBytes(erf)).error?.message).toContain('an Endace ERF capture');
  });

  it('a pcapng section header alone that is cut is a truncated file', async () => {
    const { error, frames, notes } = await readBytes(sectionBlock().subarray(0, 20));
    expect([error, frames]).toEqual([undefined, []]);
    expect(notes.map(({ code }) => code)).toEqual(['truncated-file']);
  });
});

describe('a file', () => {
  it('has its size and what was read of it', async () => {
    const path = folder.file('sizes.pcap', small);
    const reader = await openCapture([path], { blockSize: 64 });
    expect(reader.bytesTotal).toBe(small.length);
    expect(reader.files).toEqual([path]);
    const frame = new Frame();
    while (await reader.fill()) while (reader.next(frame));
    expect(reader.bytesRead).toBe(small.length);
    reader.close();
    reader.close();
  });

  it('is filled without promises', async () => {
    const reader = await openCapture([folder.file('sync.pcap', small)]);
    const frame = new Frame();
    expect(reader.next(frame)).toBe(true);
    expect(reader.fill()).toBe(true);
    expect(reader.next(frame)).toBe(true);
    expect(reader.next(frame)).toBe(false);
    expect(reader.fill()).toBe(false);
    expect(reader.next(frame)).toBe(false);
    expect(reader.fill()).toBe(false);
    reader.close();
  });

  it('may be asked before the first fill, and filled more often than needed', async () => {
    const file = concat(pcapHeader(), ...Array.from({ length: 50 }, () => pcapRecord(data)));
    const reader = await openCapture([folder.file('eager.pcap', file)], { blockSize: 100 });
    const frame = new Frame();
    let frames = 0;
    for (let i = 0; i < 1000 && (reader.next(frame) || (await reader.fill())); i++) {
      await reader.fill();
      frames = frame.number;
    }
    expect(frames).toBe(50);
    reader.close();
  });

  it('keeps file offsets beyond 4 GiB exact', async () => {
    // A window of a source that claims to be far on.
    const { ByteWindow } = await import('../../src/capture/window.ts');
    const { PcapReader } = await import('../../src/capture/pcap.ts');
    const { CaptureLog } = await import('../../src/capture/log.ts');
    const { StreamSource } = await import('../../src/capture/source.ts');
    const window = new ByteWindow(new StreamSource(Readable.from([]), 'x'), 4096, small);
    const reader = new PcapReader(window, new CaptureLog(['x']), 0);
    window.base = 2 ** 40 + 1;
    const frame = new Frame();
    expect(reader.next(frame)).toBe(true);
    expect(frame.fileOffset).toBe(2 ** 40 + 25);
  });
});

describe('named pipes and streams', () => {
  it('a named pipe is read as it comes', async () => {
    const path = join(folder.path, 'pipe');
    execFileSync('mkfifo', [path]);
    const file = folder.file('through.pcap', small);
    const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', file, path]);
    const { frames, error, bytesTotal } = await readPaths([path]);
    expect(error).toBeUndefined();
    expect(frames).toHaveLength(2);
    expect(bytesTotal).toBeUndefined();
    await new Promise((resolve) => {
      if (writer.exitCode !== null) resolve(undefined);
      else writer.on('exit', resolve);
    });
  });

  it('a stream that fails gives a CaptureError after its frames', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield concat(small, new Uint8Array(600));
      throw new Error('the line is dead');
    }
    const reader = await openCapture(['-'], { stdin: Readable.from(broken()) });
    const frame = new Frame();
    let frames = 0;
    const drain = async (): Promise<void> => {
      while (await reader.fill()) while (reader.next(frame)) frames += 1;
    };
    await expect(drain()).rejects.toMatchObject({ code: 'cannot-read' });
    expect(frames).toBeGreaterThanOrEqual(2);
    reader.close();
  });

  it('closing ends a stream that has not ended', async () => {
    const stdin = new Readable({ read() {} });
    stdin.push(concat(small, new Uint8Array(600)));
    const reader = await openCapture(['-'], { stdin });
    reader.close();
    expect(stdin.destroyed).toBe(true);
  });
});

describe('link types', () => {
  it.each([
    [105, 'LINKTYPE_IEEE802_11 (105)'],
    [127, 'LINKTYPE_IEEE802_11_RADIOTAP (127)'],
    [228 + 1000, 'unknown (1228)'],
    [0x10001, 'unknown (65537)'],
  ])('%i is refused by name, with those that are supported', async (network, name) => {
    const { error, frames } = await readBytes(concat(pcapHeader({ network }), pcapRecord(data)));
    expect(frames).toEqual([]);
    expect([error?.code, error?.byteOffset]).toEqual(['unsupported-link-type', 24]);
    expect(error?.message).toContain(name);
    expect(error?.message).toContain('standard input');
    expect(error?.diagnostics[0]?.hint).toContain('LINKTYPE_ETHERNET');
    expect(error?.diagnostics[0]?.hint).toContain('LINKTYPE_LINUX_SLL2');
  });

  it('one that is not supported does no harm without packets', async () => {
    const { error } = await readBytes(pcapHeader({ network: 105 }));
    expect(error).toBeUndefined();
  });

  it.each([0, 1, 9, 12, 14, 50, 51, 101, 108, 113, 228, 229, 276])(
    '%i is read',
    async (network) => {
      const pcap = await readBytes(concat(pcapHeader({ network }), pcapRecord(data)));
      expect(pcap.frames.map(({ linkType }) => linkType)).toEqual([network]);
      const pcapng = await readBytes(
        concat(sectionBlock(), interfaceBlock({ linkType: network }), packetBlock(data)),
      );
      expect(pcapng.frames.map(({ linkType }) => linkType)).toEqual([network]);
    },
  );
});
