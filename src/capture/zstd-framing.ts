/**
 * Walks over the frames and blocks of zstd data without decoding them (RFC 8878, section 3): to
 * know where the data end, to bound what a piece of input decodes to, and to refuse in plain words
 * what the decoders cannot do.
 */
import { captureError } from './failure.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What the zstd program takes without being told otherwise. */
const LARGEST_WINDOW = 128 * 1024 * 1024;
const LARGEST_BLOCK = 128 * 1024;
/** Blocks in a piece: each decodes to at most 128 KiB. */
const BLOCKS_PER_PIECE = 8;

type State = 'frame-header' | 'block-header' | 'body';

/** True when bytes begin like a zstd frame, or like a skippable frame. */
export function isZstdMagic(magic: number): boolean {
  return magic === MAGIC || (magic & 0xfffffff0) === SKIPPABLE_MAGIC;
}

/** Walks over one stream of zstd data, in pieces of any size. */
export class ZstdFraming {
  /** Not within a frame. */
  complete = true;
  /** What follows a frame is no frame. */
  foreign = false;
  private state: State = 'frame-header';
  private readonly header = new Uint8Array(18);
  private readonly view = new DataView(this.header.buffer);
  private have = 0;
  /** Bytes of the current body still to come, and where to go after it. */
  private bodyLeft = 0;
  private last = false;
  private inFrame = false;
  private checksum = 0;
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /**
   * Walks on from `at`, over a few blocks at most and not beyond the end of a frame; gives the
   * offset reached.
   * @throws Error for what is no zstd, CaptureError for what is not supported
   */
  advance(input: Uint8Array, at: number): number {
    let blocks = 0;
    let next = at;
    while (next < input.length) {
      if (this.state === 'body') {
        const step = Math.min(this.bodyLeft, input.length - next);
        next += step;
        this.bodyLeft -= step;
        if (this.bodyLeft > 0) break;
        this.endBody();
        blocks += 1;
        if (this.complete || blocks === BLOCKS_PER_PIECE) break;
      } else {
        this.header[this.have] = input[next] ?? 0;
        this.have += 1;
        next += 1;
        this.complete = false;
        if (this.state === 'block-header') this.blockHeader();
        else this.frameHeader();
        if (this.foreign || this.complete) break;
      }
    }
    return next;
  }

  private frameHeader(): void {
    const { have, view } = this;
    if (have < 4) return;
    const magic = view.getUint32(0, true);
    if (!isZstdMagic(magic >>> 0)) {
      this.foreign = true;
      this.complete = true;
      return;
    }
    if (magic !== MAGIC) {
      if (have < 8) return;
      this.inFrame = false;
      this.body(view.getUint32(4, true));
      return;
    }
    if (have < 5) return;
    const descriptor = view.getUint8(4);
    const single = (descriptor >> 5) & 1;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? single : 1 << sizeFlag;
    if (have < 6 - single + dictionaryBytes + sizeBytes) return;
    this.checkFrame(single === 1, dictionaryBytes, sizeBytes);
    this.checksum = (descriptor & 4) !== 0 ? 4 : 0;
    this.inFrame = true;
    this.state = 'block-header';
    this.have = 0;
  }

  /** Refuses frames that need a dictionary or more memory than is sane. */
  private checkFrame(single: boolean, dictionaryBytes: number, sizeBytes: number): void {
    const { view, header, name } = this;
    const dictionaryAt = single ? 5 : 6;
    const dictionary = header.subarray(dictionaryAt, dictionaryAt + dictionaryBytes);
    if (dictionary.some((byte) => byte !== 0))
      throw captureError('unsupported-capture', name, 'the zstd data need a dictionary', {
        hint: 'decompress it first: zstd -d -D DICTIONARY FILE',
      });
    const sizeAt = dictionaryAt + dictionaryBytes;
    let window = 0;
    if (!single) {
      const base = 2 ** (10 + (view.getUint8(5) >> 3));
      window = base + (base / 8) * (view.getUint8(5) & 7);
    } else if (sizeBytes === 1) window = view.getUint8(sizeAt);
    else if (sizeBytes === 2) window = view.getUint16(sizeAt, true) + 256;
    else if (sizeBytes === 4) window = view.getUint32(sizeAt, true);
    else window = Number(view.getBigUint64(sizeAt, true));
    if (window > LARGEST_WINDOW)
      throw captureError(
        'unsupported-capture',
        name,
        `the zstd data need a window of ${window} bytes, more than ${LARGEST_WINDOW}`,
        { hint: 'decompress it first: zstd -d --long=31 FILE' },
      );
  }

  private blockHeader(): void {
    if (this.have < 3) return;
    const value = this.view.getUint16(0, true) | (this.view.getUint8(2) << 16);
    const type = (value >> 1) & 3;
    const size = value >> 3;
    if (type === 3 || size > LARGEST_BLOCK) throw new Error('invalid zstd block');
    this.last = (value & 1) === 1;
    this.body((type === 1 ? 1 : size) + (this.last ? this.checksum : 0));
  }

  private body(length: number): void {
    this.have = 0;
    this.bodyLeft = length;
    this.state = 'body';
    if (length === 0) this.endBody();
  }

  private endBody(): void {
    if (this.inFrame && !this.last) {
      this.state = 'block-header';
      return;
    }
    this.state = 'frame-header';
    this.complete = true;
  }
}
