/**
 * Makes the capture reader's errors: one diagnostic that names the file, the byte offset where one
 * is known, and what to do. Codes are stable.
 */
import { CaptureError } from '../errors.ts';

/** What may be said beyond the message. */
export interface FailureDetails {
  /** Offset in the (uncompressed) file, bytes. */
  readonly byteOffset?: number;
  readonly hint?: string;
}

/** A CaptureError with one finding: `FILE: at byte N: MESSAGE`. */
export function captureError(
  code: string,
  file: string,
  message: string,
  details: FailureDetails = {},
): CaptureError {
  const { byteOffset, hint } = details;
  const place = byteOffset === undefined ? '' : `at byte ${byteOffset}: `;
  const diagnostic = { code, message: `${file}: ${place}${message}` };
  return new CaptureError([hint === undefined ? diagnostic : { ...diagnostic, hint }], byteOffset);
}

/** `1 packet`, `2 packets`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** How a file is named in messages: standard input has no better name. */
export function displayName(path: string): string {
  return path === '-' ? 'standard input' : path;
}

const SYSTEM_ERRORS: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: ['file-not-found', 'no such file'],
  ENOTDIR: ['file-not-found', 'a part of the path is not a directory'],
  EACCES: ['permission-denied', 'permission denied'],
  EPERM: ['permission-denied', 'operation not permitted'],
  EISDIR: ['is-a-directory', 'is a directory, not a file'],
};

/** Turns an error of the operating system, or of a stream, into a CaptureError. */
export function systemFailure(
  file: string,
  error: unknown,
  action: 'read' | 'write' = 'read',
): CaptureError {
  if (error instanceof CaptureError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : SYSTEM_ERRORS[code];
  if (known !== undefined) return captureError(known[0], file, known[1]);
  return captureError(`cannot-${action}`, file, `cannot ${action}: ${message}`);
}
