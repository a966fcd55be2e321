/**
 * Looks at a ruleset's text before anything reads it: a file that is no plain text (UTF-16, a byte
 * order mark, a binary file) is refused as such, not by the first odd word in it.
 */

import type { Diagnostic } from '../../errors.ts';
import { diagnosticAt, lineWord, type SourceLine } from './source.ts';

/** What a decoder of UTF-8 makes of bytes that are none, such as the byte order mark of UTF-16. */
const REPLACEMENT = '\ufffd';
const BYTE_ORDER_MARK = '\ufeff';
/** Of a file of UTF-16 every other byte or so is NUL. */
const UTF16_SHARE = 0.3;

function nulShare(text: string): number {
  const sample = text.slice(0, 1000);
  return sample.length === 0 ? 0 : (sample.split('\0').length - 1) / sample.length;
}

/** Why a text cannot be a ruleset; undefined when nothing speaks against it. */
export function notPlainText(lines: readonly SourceLine[], text: string): Diagnostic | undefined {
  const [first] = lines;
  if (first === undefined) return undefined;
  if (text.startsWith(BYTE_ORDER_MARK))
    return diagnosticAt(
      'byte-order-mark',
      'the file begins with a byte order mark',
      { text: '', line: first, column: 1, length: 1 },
      'iptables-restore and shells take it for a part of the first word: save the file as UTF-8 without it',
    );
  if (!text.includes('\0')) return undefined;
  if (text.startsWith(REPLACEMENT + REPLACEMENT) || nulShare(text) > UTF16_SHARE)
    return diagnosticAt('utf-16', 'the file is UTF-16', lineWord(first), 'save it as UTF-8');
  const line = lines.find((each) => each.text.includes('\0')) ?? first;
  const column = line.text.indexOf('\0') + 1;
  return diagnosticAt(
    'not-text',
    'a NUL byte: this is no text file',
    { text: '', line, column, length: 1 },
    'a ruleset is the text that iptables-save prints, or a script; a capture is given as an argument',
  );
}
