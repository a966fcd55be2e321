/** How findings are shown: nothing of a hostile file reaches a terminal as it is, nothing is endless. */
import { describe, expect, it, test } from 'vitest';
import { formatDiagnostic, RulesetError } from '../src/errors.ts';

const at = (column: number, length = 1) => ({ file: 'f', line: 1, column, length });

describe('formatDiagnostic', () => {
  it('marks the place, tabs kept', () => {
    const text = formatDiagnostic({
      code: 'c',
      message: 'm',
      where: at(4, 2),
      sourceLine: 'a\tbcd',
      hint: 'h',
    });
    expect(text).toBe('f:1:4: error: m [c]\n  a\tbcd\n   \t ^^\n  hint: h');
  });

  it('shows control characters as one that does nothing', () => {
    const text = formatDiagnostic({
      code: 'c',
      message: 'bad `\u001b[31m`',
      where: at(1),
      sourceLine: '\u001b]0;title\u0007x\u009b1m',
    });
    expect(text).toBe('f:1:1: error: bad `\ufffd[31m` [c]\n  \ufffd]0;title\ufffdx\ufffd1m\n  ^');
  });

  it('shows of a long line what is around the marks', () => {
    const sourceLine = `${'a'.repeat(500)}HERE${'b'.repeat(500)}`;
    const [, shown, marks] = formatDiagnostic({
      code: 'c',
      message: 'm',
      where: at(501, 4),
      sourceLine,
    }).split('\n');
    expect(shown).toBe(`  … ${'a'.repeat(60)}HERE${'b'.repeat(96)} …`);
    expect(marks).toBe(`${' '.repeat(64)}^^^^`);
  });

  it('cuts long messages and long marks', () => {
    const text = formatDiagnostic({
      code: 'c',
      message: 'x'.repeat(1_000_000),
      where: at(1, 1_000_000),
      sourceLine: 'y'.repeat(1_000_000),
    });
    const [message, shown, marks] = text.split('\n');
    expect(message).toBe(`f:1:1: error: ${'x'.repeat(200)} … ${'x'.repeat(200)} [c]`);
    expect(shown).toBe(`  ${'y'.repeat(160)} …`);
    expect(marks).toBe(`  ${'^'.repeat(160)}`);
  });
});

test('a hundred findings are told, the rest is counted; all are kept', () => {
  const findings = Array.from({ length: 150 }, (_, i) => ({
    code: 'no-chain',
    message: `finding ${i + 1}`,
  }));
  const error = new RulesetError(findings);
  const lines = error.message.split('\n');
  expect(lines).toHaveLength(101);
  expect(lines.slice(-2)).toEqual(['error: finding 100 [no-chain]', '… and 50 more']);
  expect(error.diagnostics).toHaveLength(150);
  expect(new RulesetError(findings.slice(0, 100)).message).not.toContain('more');
});
