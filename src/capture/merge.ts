/**
 * Merges several files by time: a heap over the files' next frames. Stable: of equal times, the
 * file given first comes first; within a file its own order holds, even where its clock steps back.
 * Frames are not copied: a file moves on only when the frame given from it is no longer needed.
 */
import { counted } from './failure.ts';
import { LoggedReader } from './format.ts';
import type { CaptureLog } from './log.ts';
import type { ByteSource } from './source.ts';
import { type CaptureReader, copyFrame, Frame } from './types.ts';

/** One file with its next frame. */
class Head {
  readonly frame = new Frame();
  readonly reader: CaptureReader;
  readonly fileIndex: number;
  previousSeconds = Number.NEGATIVE_INFINITY;
  previousNanoseconds = 0;
  stepsBack = 0;

  constructor(reader: CaptureReader, fileIndex: number) {
    this.reader = reader;
    this.fileIndex = fileIndex;
  }

  /** True when this one's frame comes before another's. */
  before(other: Head): boolean {
    const a = this.frame;
    const b = other.frame;
    if (a.timeSeconds !== b.timeSeconds) return a.timeSeconds < b.timeSeconds;
    if (a.timeNanoseconds !== b.timeNanoseconds) return a.timeNanoseconds < b.timeNanoseconds;
    return this.fileIndex < other.fileIndex;
  }
}

/** Reads several files as one. */
export class MergedReader extends LoggedReader {
  /** A binary heap: each comes before those at 2i+1 and 2i+2. */
  private readonly heap: Head[] = [];
  /** Files whose next frame is not there yet; they are filled one after the other. */
  private readonly waiting: Head[];
  /** The file whose frame was given last: it stands at the top of the heap. */
  private given = false;
  private number = 0;

  constructor(readers: readonly CaptureReader[], log: CaptureLog, sources: readonly ByteSource[]) {
    super(log, sources);
    this.waiting = readers.map((reader, i) => new Head(reader, i)).reverse();
  }

  next(frame: Frame): boolean {
    const { heap } = this;
    if (this.given) {
      // Stays `given` when this throws: the next call throws again.
      this.advanceTop();
      this.given = false;
    }
    const top = heap[0];
    if (this.waiting.length > 0 || top === undefined) return false;
    copyFrame(top.frame, frame);
    this.number += 1;
    frame.number = this.number;
    this.given = true;
    return true;
  }

  fill(): boolean | Promise<boolean> {
    for (;;) {
      const head = this.waiting.at(-1);
      if (head === undefined) return this.given || this.heap.length > 0;
      if (head.reader.next(head.frame)) {
        this.waiting.pop();
        this.push(head);
        continue;
      }
      const filled = head.reader.fill();
      if (typeof filled !== 'boolean') return filled.then((more) => this.filled(more));
      if (!filled) this.drop();
    }
  }

  private filled(more: boolean): boolean | Promise<boolean> {
    if (!more) this.drop();
    return this.fill();
  }

  /** The file that was waited for is at its end. */
  private drop(): void {
    const head = this.waiting.pop();
    if (head === undefined || head.stepsBack === 0) return;
    this.log.note(
      'out-of-order',
      head.fileIndex,
      head.frame.fileOffset,
      `its clock steps back ${counted(head.stepsBack, 'time')}: merged in its own order there`,
    );
  }

  private advanceTop(): void {
    const top = this.heap[0];
    if (top === undefined) return;
    const { frame } = top;
    top.previousSeconds = frame.timeSeconds;
    top.previousNanoseconds = frame.timeNanoseconds;
    if (top.reader.next(frame)) {
      this.countStep(top);
      this.sink();
      return;
    }
    const last = this.heap.pop();
    if (last !== undefined && this.heap.length > 0) {
      this.heap[0] = last;
      this.sink();
    }
    this.waiting.push(top);
  }

  private countStep(head: Head): void {
    const { frame, previousSeconds, previousNanoseconds } = head;
    if (
      frame.timeSeconds < previousSeconds ||
      (frame.timeSeconds === previousSeconds && frame.timeNanoseconds < previousNanoseconds)
    )
      head.stepsBack += 1;
  }

  private push(head: Head): void {
    const { heap } = this;
    this.countStep(head);
    let at = heap.length;
    heap.push(head);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !head.before(above)) break;
      heap[at] = above;
      heap[parent] = head;
      at = parent;
    }
  }

  /** Restores the heap after its top changed. */
  private sink(): void {
    const { heap } = this;
    const head = heap[0];
    if (head === undefined) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) return;
      const leftFirst = right === undefined || left.before(right);
      const child = leftFirst ? left : right;
      if (!child.before(head)) return;
      const below = leftFirst ? 2 * at + 1 : 2 * at + 2;
      heap[at] = child;
      heap[below] = head;
      at = below;
    }
  }
}
