/**
 * What the readers of all files of a replay share and add to: the list of files, the interfaces
 * described, and the notes for the report. Bounded, whatever the files hold.
 */
import { captureError } from './failure.ts';
import type { CaptureInterface, CaptureNote } from './types.ts';

/** More notes than a person reads; a hostile file must not fill the memory with them. */
const MOST_NOTES = 500;
/** Far above real captures (a host with thousands of virtual interfaces), far below the memory. */
const MOST_INTERFACES = 1 << 18;

/** Interfaces and notes of a replay's files. */
export class CaptureLog {
  readonly files: readonly string[];
  readonly interfaces: CaptureInterface[] = [];
  readonly notes: CaptureNote[] = [];

  constructor(files: readonly string[]) {
    this.files = files;
  }

  /** The file's name in messages. */
  file(index: number): string {
    return this.files[index] ?? '';
  }

  /**
   * Adds an interface and gives its id.
   * @throws CaptureError too-many-interfaces
   */
  addInterface(found: Omit<CaptureInterface, 'id'>, byteOffset: number): number {
    const id = this.interfaces.length;
    if (id >= MOST_INTERFACES)
      throw captureError(
        'too-many-interfaces',
        found.file,
        `more than ${MOST_INTERFACES} interfaces`,
        {
          byteOffset,
          hint: 'the file is corrupt, or must be split',
        },
      );
    this.interfaces.push({ id, ...found });
    return id;
  }

  /** Adds a note for the report. */
  note(code: CaptureNote['code'], fileIndex: number, byteOffset: number, message: string): void {
    if (this.notes.length >= MOST_NOTES && code !== 'truncated-file') return;
    this.notes.push({ code, message, file: this.file(fileIndex), byteOffset });
  }
}
