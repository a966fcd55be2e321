/**
 * What the readers (pcap.ts, pcapng.ts, merge.ts) have in common, and the limits for lengths.
 */
import type { CaptureLog } from './log.ts';
import type { ByteSource } from './source.ts';
import type { CaptureInterface, CaptureNote, CaptureReader, Frame } from './types.ts';

/** What every reader has: the log it shares with others, and its sources. */
export abstract class LoggedReader implements CaptureReader {
  protected readonly log: CaptureLog;
  private readonly sources: readonly ByteSource[];

  constructor(log: CaptureLog, sources: readonly ByteSource[]) {
    this.log = log;
    this.sources = sources;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.log.interfaces;
  }
  get files(): readonly string[] {
    return this.log.files;
  }
  get notes(): readonly CaptureNote[] {
    return this.log.notes;
  }
  get bytesRead(): number {
    return this.sources.reduce((sum, source) => sum + source.bytesRead, 0);
  }
  get bytesTotal(): number | undefined {
    let total = 0;
    for (const { bytesTotal } of this.sources) {
      if (bytesTotal === undefined) return undefined;
      total += bytesTotal;
    }
    return total;
  }

  abstract fill(): boolean | Promise<boolean>;
  abstract next(frame: Frame): boolean;

  close(): void {
    for (const source of this.sources) source.close();
  }
}

/** Largest packet that any tool writes with an ordinary snap length (libpcap's MAXIMUM_SNAPLEN). */
export const MAXIMUM_SNAPLEN = 262_144;

/**
 * Largest packet read at all, whatever snap length the file claims: libpcap's largest maximum of
 * any link type (128 MiB for D-Bus and USB). Keeps memory bounded.
 */
export const MAXIMUM_PACKET = 128 * 1024 * 1024;

/**
 * The largest captured length taken for real in a file with this snap length: the snap length
 * itself may be too small (some writers lie), and 0 or a huge one says nothing, as in libpcap.
 */
export function maximumPacketLength(snapLength: number): number {
  if (snapLength > 0x7fffffff) return MAXIMUM_SNAPLEN;
  return Math.min(Math.max(snapLength, MAXIMUM_SNAPLEN), MAXIMUM_PACKET);
}
