/**
 * Lays out tables for people: columns as wide as their contents, the last one wrapped at the
 * terminal's width with its continuation lines under it. Knows nothing of what the cells mean.
 */

/** A column of a table. */
export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

/** Puts a padded cell into a style; `column` is an index, `row` -1 for the headings. */
export type Paint = (text: string, row: number, column: number) => string;

/** Width when the output is no terminal, in columns of text. */
export const DEFAULT_WIDTH = 100;
const GAP = '  ';
/** With less room than this, a last column that does not fit goes to lines of its own. */
const LEAST_ROOM = 24;
const CONTINUATION_INDENT = 8;

/** Breaks text into lines of at most `width` characters, at spaces; a longer word stays whole. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

/** Wraps a paragraph: the first line after `first`, the others after as many spaces. */
export function paragraph(first: string, text: string, width: number): string[] {
  const indent = ' '.repeat(first.length);
  return wrapText(text, Math.max(20, width - first.length)).map(
    (line, index) => `${index === 0 ? first : indent}${line}`,
  );
}

function pad(text: string, width: number, align: Column['align']): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}

/**
 * The lines of a table, headings first, without line feeds.
 * @param rows one text per column; a missing one is empty
 * @param width columns of text to keep to
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
  paint: Paint = (text) => text,
): string[] {
  const last = columns.length - 1;
  const widths = columns.map(({ heading }, i) =>
    rows.reduce((most, row) => Math.max(most, (row[i] ?? '').length), heading.length),
  );
  const start = widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
  const room = width - start;
  const below = room < LEAST_ROOM ? CONTINUATION_INDENT : start;
  const wrapLast = columns[last]?.align === 'left';
  const wrapped = (text: string): string[] => {
    if (!wrapLast || text.length <= room) return [text];
    return below === start ? wrapText(text, room) : ['', ...wrapText(text, width - below)];
  };
  const lineOf = (cells: readonly string[], row: number): string[] => {
    const [beside, ...under] = wrapped(cells[last] ?? '');
    const head = columns.map((column, i) => {
      const text = i === last ? (beside ?? '') : (cells[i] ?? '');
      // The last column is not padded: no spaces at the end of lines.
      return paint(
        i === last && column.align === 'left' ? text : pad(text, widths[i] ?? 0, column.align),
        row,
        i,
      );
    });
    return [
      head.join(GAP).trimEnd(),
      ...under.map((text) => ' '.repeat(below) + paint(text, row, last)),
    ];
  };
  return [
    ...lineOf(
      columns.map(({ heading }) => heading),
      -1,
    ),
    ...rows.flatMap((row, index) => lineOf(row, index)),
  ];
}
