/**
 * Exit codes of the command line, and how an error becomes one. They are documented in README.md
 * and do not change within a major version.
 */
import { CaptureError, FwreplayError } from '../errors.ts';

/** All went well. */
export const EXIT_OK = 0;
/** A check that was asked for failed (--fail-on). */
export const EXIT_CHECK_FAILED = 1;
/** Wrong options or arguments, or a bad ruleset. */
export const EXIT_USAGE = 2;
/** A capture that cannot be read. */
export const EXIT_CAPTURE = 3;
/** A bug in fwreplay (EX_SOFTWARE of sysexits.h). */
export const EXIT_BUG = 70;
/** The output cannot be written: disk full, closed device (EX_IOERR of sysexits.h). */
export const EXIT_OUTPUT = 74;

const SYSTEM_ERRORS = new Set(['ENOSPC', 'EIO', 'EFBIG', 'EDQUOT', 'EBADF', 'EROFS']);

/** What to print and return for an error. */
export interface Failure {
  readonly code: number;
  readonly text: string;
}

/** Turns anything thrown into text for people and an exit code; never a stack trace for bad input. */
export function failureOf(error: unknown): Failure {
  if (error instanceof FwreplayError)
    return { code: error instanceof CaptureError ? EXIT_CAPTURE : EXIT_USAGE, text: error.message };
  const systemCode = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof Error && systemCode !== undefined && SYSTEM_ERRORS.has(systemCode))
    return { code: EXIT_OUTPUT, text: `error: cannot write: ${error.message} [output]` };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: EXIT_BUG,
    text: `error: this is a bug in fwreplay [bug]\n  hint: please report it with the command and, if you can share them, the capture and ruleset\n${detail}`,
  };
}
