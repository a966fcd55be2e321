/** Tables for people: widths, wrapping, no trailing spaces; counts and times as text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paragraph, tableLines, wrapText } from '../../src/report/layout.ts';
import { rangesText } from '../../src/report/text-chains.ts';
import { countText, durationText, momentText, plural, scaledText } from '../../src/report/units.ts';

const columns = [
  { heading: 'num', align: 'left' },
  { heading: 'pkts', align: 'right' },
  { heading: '', align: 'left' },
] as const;

describe('tables', () => {
  it('aligns columns to their widest cell', () => {
    expect(
      tableLines(
        columns,
        [
          ['1', '12345', 'tcp dpt:22'],
          ['10', '7', ''],
        ],
        80,
      ),
    ).toEqual(['num   pkts', '1    12345  tcp dpt:22', '10       7']);
  });

  it('continues a long last column under itself', () => {
    const text = 'one two three four five six seven';
    expect(tableLines(columns, [['1', '2', text]], 40)).toEqual([
      'num  pkts',
      '1       2  one two three four five six',
      '           seven',
    ]);
  });

  it('puts it on lines of its own where there is little room beside', () => {
    const text = 'one two three four five six seven';
    expect(tableLines(columns, [['1', '2', text]], 30)).toEqual([
      'num  pkts',
      '1       2',
      '        one two three four',
      '        five six seven',
    ]);
  });

  it('gives each cell to the painter with its place', () => {
    const seen: string[] = [];
    tableLines(columns, [['a', 'b', 'c']], 80, (text, row, column) => {
      seen.push(`${row},${column}:${text.trim()}`);
      return text;
    });
    expect(seen).toEqual(['-1,0:num', '-1,1:pkts', '-1,2:', '0,0:a', '0,1:b', '0,2:c']);
  });

  it('keeps to the width whatever the text, but for words that are longer', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,15}$/), { maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 40, max: 120 }), (list, width) => {
        for (const line of tableLines(columns, [['1', '2', list.join(' ')]], width))
          expect(line.length).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('loses no word in wrapping', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 60 }), (list, width) => {
        expect(wrapText(list.join(' '), width).join(' ')).toBe(list.join(' '));
      }),
    );
  });

  it('indents a paragraph after its first word', () => {
    expect(paragraph('  - ', 'aaaa bbbb cccc dddd eeee ffff', 24)).toEqual([
      '  - aaaa bbbb cccc dddd',
      '    eeee ffff',
    ]);
  });
});

describe('numbers for people', () => {
  it('separates thousands', () => {
    expect([0, 999, 1000, 1234567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567']);
  });

  it('counts nouns', () => {
    expect([plural(1, 'packet'), plural(2000, 'packet')]).toEqual(['1 packet', '2,000 packets']);
  });

  it('writes runs of numbers as ranges', () => {
    expect([[], [1], [1, 2], [1, 2, 3], [1, 3, 4, 5, 6, 9, 10]].map(rangesText)).toEqual([
      '',
      '1',
      '1, 2',
      '1-3',
      '1, 3-6, 9, 10',
    ]);
  });

  it('scales by thousands', () => {
    expect([0, 999, 999.6, 12_345, 1_500_000, 2.5e9].map(scaledText)).toEqual([
      '0',
      '999',
      '1.00 K',
      '12.3 K',
      '1.50 M',
      '2.50 G',
    ]);
  });

  it('says durations', () => {
    expect([0.0123, 59.96, 125, 7384, 200_000].map(durationText)).toEqual([
      '0.012 s',
      '60.0 s',
      '2 min 5 s',
      '2 h 3 min',
      '2 d 7 h',
    ]);
  });

  it('says moments in UTC', () => {
    expect(momentText(0.9)).toBe('1970-01-01 00:00:00 UTC');
    expect(momentText(1e300)).toBe('1e+300 s since 1970');
  });
});
