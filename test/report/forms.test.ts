/** CSV fields, times and the smaller forms of reports. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvField } from '../../src/report/csv.ts';
import { timeText } from '../../src/report/record.ts';
import { COLOUR_STYLE, chooseStyle, PLAIN_STYLE } from '../../src/report/style.ts';

describe('CSV fields', () => {
  it('are quoted where RFC 4180 asks for it', () => {
    expect([null, 0, 'a b', 'a,b', 'a"b', 'a\nb'].map(csvField)).toEqual([
      '',
      '0',
      'a b',
      '"a,b"',
      '"a""b"',
      '"a\nb"',
    ]);
  });

  it('are read back as written', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const field = csvField(text);
        const back = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
        expect(back).toBe(text);
      }),
    );
  });
});

describe('times', () => {
  it('keep nanoseconds', () => {
    expect(timeText(1_764_000_000, 7)).toBe('1764000000.000000007');
    expect(timeText(1, 999_999_999, 6)).toBe('1.999999');
  });
});

describe('colour', () => {
  const wish = (
    option: boolean | undefined,
    terminal: boolean,
    environment: Record<string, string> = {},
  ) => chooseStyle({ option, terminal, environment });

  it('is for terminals, unless NO_COLOR is set and not empty', () => {
    expect(wish(undefined, true)).toBe(COLOUR_STYLE);
    expect(wish(undefined, false)).toBe(PLAIN_STYLE);
    expect(wish(undefined, true, { NO_COLOR: '1' })).toBe(PLAIN_STYLE);
    expect(wish(undefined, true, { NO_COLOR: '' })).toBe(COLOUR_STYLE);
    expect(wish(undefined, true, { TERM: 'dumb' })).toBe(PLAIN_STYLE);
  });

  it('follows the option before all', () => {
    expect(wish(true, false, { NO_COLOR: '1' })).toBe(COLOUR_STYLE);
    expect(wish(false, true)).toBe(PLAIN_STYLE);
  });

  it('leaves empty text empty', () => {
    expect(COLOUR_STYLE.red('')).toBe('');
    expect(COLOUR_STYLE.red('x')).toBe('\u001b[31mx\u001b[39m');
  });
});
