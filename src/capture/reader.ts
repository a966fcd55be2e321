/**
 * Opens captures: finds out what each file is by its content, decompresses, and gives one reader
 * over all of them. Reading is streaming; memory does not depend on the size of the files.
 */
import type { Readable } from 'node:stream';
import { type CaptureError, UsageError } from '../errors.ts';
import { captureError, displayName } from './failure.ts';
import { CaptureLog } from './log.ts';
import { MergedReader } from './merge.ts';
import { PcapReader } from './pcap.ts';
import { PcapngReader } from './pcapng.ts';
import { SNIFF_LENGTH, type Sniffed, sniff } from './sniff.ts';
import { type ByteSource, openSource, PrefixedSource } from './source.ts';
import type { CaptureReader } from './types.ts';
import { ByteWindow } from './window.ts';

/** How to open captures. */
export interface OpenOptions {
  /** Read for the path `-` instead of the process's standard input. */
  readonly stdin?: Readable;
  /** Bytes read at a time from each file. Default: 128 KiB (it stays in the processor's cache), less for many files. */
  readonly blockSize?: number;
}

const BLOCK_SIZE = 128 * 1024;
/** All blocks together, for many files. */
const ALL_BLOCKS = 32 * 1024 * 1024;
const LEAST_BLOCK_SIZE = 16 * 1024;
/** Layers of compression undone: one on purpose, a second by accident. */
const MOST_LAYERS = 2;

/** Reads up to `length` first bytes. */
async function readHead(source: ByteSource, length: number): Promise<Uint8Array> {
  const head = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const read = source.read(head, have, length - have);
    const count = typeof read === 'number' ? read : await read;
    if (count === 0) break;
    have += count;
  }
  return head.subarray(0, have);
}

function notACapture(found: Sniffed, name: string): CaptureError {
  if (found.kind === 'empty')
    return captureError('empty-file', name, 'the file is empty', {
      byteOffset: 0,
      hint: 'nothing was captured, or the program that writes it has not begun yet',
    });
  const [what, hint] =
    found.kind === 'other' ? [found.what, found.hint] : ['compressed data', 'unpack it first'];
  return captureError('not-a-capture', name, `not a pcap or pcapng file, it looks like ${what}`, {
    byteOffset: 0,
    hint,
  });
}

/** Finds out what an opened source holds, undoing compression on the way. */
async function openFormat(
  opened: ByteSource,
  index: number,
  log: CaptureLog,
  blockSize: number,
): Promise<{ source: ByteSource; reader: CaptureReader }> {
  const name = log.file(index);
  let source = opened;
  let head = await readHead(source, SNIFF_LENGTH);
  let found = sniff(head);
  for (let layer = 0; found.kind === 'compressed' && layer < MOST_LAYERS; layer++) {
    // Only loaded when needed: most captures are not compressed.
    const { decompress } = await import('./compression.ts');
    source = await decompress(new PrefixedSource(head, source), found.compression, name);
    head = await readHead(source, SNIFF_LENGTH);
    found = sniff(head);
  }
  if (found.kind !== 'pcap' && found.kind !== 'pcapng') {
    source.close();
    throw notACapture(found, name);
  }
  const window = new ByteWindow(source, blockSize, head);
  const reader =
    found.kind === 'pcap'
      ? new PcapReader(window, log, index)
      : new PcapngReader(window, log, index);
  return { source, reader };
}

/**
 * Opens captures for reading: pcap or pcapng, plain, gzip or zstd compressed, recognised by their
 * content. Several are merged by time.
 * @param paths files; '-' is standard input, once at most
 * @throws CaptureError: file-not-found, permission-denied, is-a-directory, cannot-read, empty-file,
 * not-a-capture, truncated-header, unsupported-capture, corrupt-compression; UsageError:
 * no-capture, stdin-twice. While reading: corrupt-length, corrupt-block, unknown-interface,
 * too-many-interfaces, unsupported-link-type, corrupt-compression, cannot-read.
 */
export async function openCapture(
  paths: readonly string[],
  options: OpenOptions = {},
): Promise<CaptureReader> {
  if (paths.length === 0)
    throw new UsageError([
      { code: 'no-capture', message: 'no capture file given', hint: 'give a file, or - for stdin' },
    ]);
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError([
      { code: 'stdin-twice', message: 'standard input (-) can be read only once' },
    ]);
  const log = new CaptureLog(paths.map(displayName));
  const share = Math.max(LEAST_BLOCK_SIZE, Math.floor(ALL_BLOCKS / paths.length));
  const blockSize = options.blockSize ?? Math.min(BLOCK_SIZE, share);
  const sources: ByteSource[] = [];
  const readers: CaptureReader[] = [];
  try {
    for (const [index, path] of paths.entries()) {
      const opened = openSource(path, options.stdin);
      sources.push(opened);
      const { source, reader } = await openFormat(opened, index, log, blockSize);
      sources[index] = source;
      readers.push(reader);
    }
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
  const [only] = readers;
  return only !== undefined && readers.length === 1
    ? only
    : new MergedReader(readers, log, sources);
}
