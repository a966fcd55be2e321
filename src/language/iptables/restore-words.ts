/**
 * How iptables-restore splits a line into arguments (add_param_to_argv of 1.8.9): blanks part them,
 * only the double quote quotes, backslash counts only within quotes, and a closing quote ends the
 * argument at once.
 */
import type { SourceLine, Word } from './source.ts';
import { Refusal } from './source.ts';

const MAX_WORD_BYTES = 1023;
const MAX_WORDS = 250;

const TAB = 9;
const NEWLINE = 10;
const BLANK = 32;
const QUOTE = 34;

/** Splits a line from the offset `start` on. @throws Refusal too-long, too-many */
export function restoreWords(line: SourceLine, start: number): Word[] {
  const words: Word[] = [];
  const { text } = line;
  let begin = -1;
  const end = (word: string, at: number): void => {
    if (word.length * 3 > MAX_WORD_BYTES && Buffer.byteLength(word) > MAX_WORD_BYTES) {
      const place = { text: word, line, column: begin + 1, length: at - begin };
      throw new Refusal('too-long', 'Parameter too long!', place);
    }
    words.push({ text: word, line, column: begin + 1, length: Math.max(1, at - begin) });
    begin = -1;
  };
  for (let at = start; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : NEWLINE;
    if (code === QUOTE) {
      const before = begin < 0 ? '' : text.slice(begin, at);
      if (begin < 0) begin = at;
      const closed = quotedPart(text, at + 1);
      end(before + closed.text, Math.min(closed.next, text.length));
      at = closed.next - 1;
    } else if (code === BLANK || code === TAB || code === NEWLINE) {
      if (begin >= 0) end(text.slice(begin, at), at);
    } else if (begin < 0) {
      begin = at;
    }
  }
  const surplus = words[MAX_WORDS];
  if (surplus !== undefined) {
    throw new Refusal('too-many', 'Parser cannot handle more arguments', surplus);
  }
  return words;
}

/**
 * What stands after an opening quote, up to the closing one; without one all that is left, with the
 * newline.
 */
function quotedPart(line: string, start: number): { text: string; next: number } {
  const close = line.indexOf('"', start);
  if (close >= 0) {
    const text = line.slice(start, close);
    if (!text.includes('\\')) return { text, next: close + 1 };
  }
  const whole = `${line}\n`;
  let text = '';
  for (let at = start; at < whole.length; at++) {
    const letter = whole[at];
    if (letter === '"') return { text, next: at + 1 };
    if (letter === '\\' && at + 1 < whole.length) {
      at += 1;
      text += whole[at] ?? '';
    } else {
      text += letter;
    }
  }
  return { text, next: whole.length };
}

/** Counters in front of a rule, and where the rule begins (offset). */
export interface RuleStart {
  readonly counters: { readonly packets: Word; readonly bytes: Word } | undefined;
  readonly start: number;
}

/** `[packets:bytes]` at the beginning of a line. @throws Refusal bad-counter */
export function splitCounters(line: SourceLine): RuleStart {
  if (!line.text.startsWith('[')) return { counters: undefined, start: 0 };
  const word = (text: string, offset: number): Word => ({
    text,
    line,
    column: offset + 1,
    length: Math.max(1, text.length),
  });
  const needs = (what: string): Refusal =>
    new Refusal('bad-counter', `Bad line ${line.number}: need ${what}`, word(line.text, 0), {
      hint: 'counters in front of a rule: [packets:bytes]',
    });
  const close = line.text.indexOf(']');
  if (close < 0) throw needs(']');
  const inside = line.text.slice(1);
  const packets = /^:*([^:]+)/.exec(inside);
  if (packets === null) throw needs(':');
  const after = packets[0].length + 1;
  const bytes = /^\]*([^\]]+)/.exec(inside.slice(after));
  if (bytes === null) throw needs(']');
  return {
    counters: {
      packets: word(packets[1] ?? '', 1 + packets[0].length - (packets[1]?.length ?? 0)),
      bytes: word(bytes[1] ?? '', 1 + after + bytes[0].length - (bytes[1]?.length ?? 0)),
    },
    start: close + 1,
  };
}
