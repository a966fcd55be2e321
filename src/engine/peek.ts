/**
 * Reads the first frames of a capture ahead (to infer the vantage), then gives them again followed
 * by the rest. Works for standard input too, which cannot be read twice. Memory is bounded.
 */
import { type CaptureReader, copyFrame, Frame } from '../capture/types.ts';

const MOST_FRAMES = 20_000;
const MOST_BYTES = 16 * 1024 * 1024;

function keepFrame(frame: Frame): Frame {
  const kept = new Frame();
  copyFrame(frame, kept);
  kept.bytes = frame.bytes.slice(frame.offset, frame.offset + frame.capturedLength);
  kept.view = new DataView(kept.bytes.buffer);
  kept.offset = 0;
  return kept;
}

/**
 * Shows the first frames (at most 20,000 or 16 MiB) to `look`, and gives a reader that begins with
 * them.
 * @throws CaptureError when the capture cannot be read
 */
export async function peek(
  reader: CaptureReader,
  look: (frame: Frame) => void,
): Promise<CaptureReader> {
  const kept: Frame[] = [];
  const frame = new Frame();
  let bytes = 0;
  let ended = false;
  while (kept.length < MOST_FRAMES && bytes < MOST_BYTES) {
    if (!reader.next(frame)) {
      if (await reader.fill()) continue;
      ended = true;
      break;
    }
    look(frame);
    kept.push(keepFrame(frame));
    bytes += frame.capturedLength;
  }
  let at = 0;
  return {
    get interfaces() {
      return reader.interfaces;
    },
    get files() {
      return reader.files;
    },
    get notes() {
      return reader.notes;
    },
    get bytesRead() {
      return reader.bytesRead;
    },
    get bytesTotal() {
      return reader.bytesTotal;
    },
    fill: () => at < kept.length || (!ended && reader.fill()),
    next(into) {
      const next = kept[at];
      if (next === undefined) return !ended && reader.next(into);
      at += 1;
      copyFrame(next, into);
      if (at === kept.length) {
        at = 0;
        kept.length = 0;
      }
      return true;
    },
    close: () => reader.close(),
  };
}
