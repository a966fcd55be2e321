/**
 * The error classes of fwreplay. Bad input is described by diagnostics (a stable code, where it is,
 * what was expected, what to do); an error thrown by the library always is one of these classes.
 */

/** A place in an input file. Lines and columns count from 1; column is in UTF-16 code units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Length of the marked text, at least 1. */
  readonly length?: number;
}

/** One finding about the input. `code` is stable and is what tests and scripts look at. */
export interface Diagnostic {
  readonly code: string;
  /** What is wrong, in the words of the real tool where it has some; no trailing full stop. */
  readonly message: string;
  readonly where?: Position | undefined;
  /** The text of the source line that `where` points into. */
  readonly sourceLine?: string | undefined;
  /** What was expected, or what to do. */
  readonly hint?: string | undefined;
  /** Default: error. */
  readonly severity?: 'error' | 'warning';
}

/** Longest part of a source line that is shown, and of a message, in characters. */
const SHOWN = 160;
const LONGEST_MESSAGE = 400;
/** How much of a long line is shown before what is marked. */
const SHOWN_BEFORE = 60;

/** Control characters would do something to a terminal: each becomes one that does nothing. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '\ufffd');
}

function printableMessage(message: string): string {
  const lines = message.split('\n').map(printable).join('\n');
  if (lines.length <= LONGEST_MESSAGE) return lines;
  return `${lines.slice(0, LONGEST_MESSAGE / 2)} … ${lines.slice(-LONGEST_MESSAGE / 2)}`;
}

/** The source line with marks below; of a long line the part around the marks. */
function excerpt(line: string, column: number, length: number): string {
  const start = line.length <= SHOWN ? 0 : Math.max(0, column - 1 - SHOWN_BEFORE);
  const end = line.length <= SHOWN ? line.length : Math.min(line.length, start + SHOWN);
  const head = start > 0 ? '… ' : '';
  const tail = end < line.length ? ' …' : '';
  const shown = line.slice(start, end);
  const before = head + shown.slice(0, column - 1 - start);
  const room = Math.max(1, end - column + 1);
  const marks = '^'.repeat(Math.min(length, room));
  return `  ${head}${printable(shown)}${tail}\n  ${before.replace(/[^\t]/g, ' ')}${marks}`;
}

/** Prints a diagnostic as `file:line:column: message [code]`, the source line with a caret, the hint. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { where, sourceLine, hint } = diagnostic;
  const place = where ? `${where.file}:${where.line}:${where.column}: ` : '';
  const word = diagnostic.severity === 'warning' ? 'warning' : 'error';
  let text = `${place}${word}: ${printableMessage(diagnostic.message)} [${diagnostic.code}]`;
  if (where && sourceLine !== undefined)
    text += `\n${excerpt(sourceLine, where.column, where.length ?? 1)}`;
  if (hint) text += `\n  hint: ${hint}`;
  return text;
}

/** So many findings are told in an error's message; all of them are in `diagnostics`. */
const MOST_TOLD = 100;

function messageOf(diagnostics: readonly Diagnostic[]): string {
  const told = diagnostics.slice(0, MOST_TOLD).map(formatDiagnostic);
  const more = diagnostics.length - told.length;
  if (more > 0) told.push(`… and ${more} more`);
  return told.join('\n');
}

/** Base of all errors that fwreplay throws on purpose. */
export class FwreplayError extends Error {
  /** All findings; at least one. */
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(messageOf(diagnostics));
    this.name = new.target.name;
    this.diagnostics = diagnostics;
  }
  /** The code of the first finding. */
  get code(): string {
    return this.diagnostics[0]?.code ?? 'unknown';
  }
}

/** Wrong options or arguments (exit code 2). */
export class UsageError extends FwreplayError {}

/** A ruleset that iptables would refuse, or that uses something not supported (exit code 2). */
export class RulesetError extends FwreplayError {}

/** A capture that cannot be read (exit code 3). */
export class CaptureError extends FwreplayError {
  /** Offset in the (uncompressed) file of what is wrong, in bytes, if known. */
  readonly byteOffset: number | undefined;
  constructor(diagnostics: readonly Diagnostic[], byteOffset?: number) {
    super(diagnostics);
    this.byteOffset = byteOffset;
  }
}

/** Throws when a condition that only a bug can break does not hold. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`fwreplay bug: ${message}`);
}
