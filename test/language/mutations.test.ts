/**
 * Thousands of broken rulesets: each loads or is refused, with the place of everything that is wrong
 * in it, and nothing else ever happens.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../src/errors.ts';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printList, printSave } from '../../src/language/iptables/print.ts';
import type { Family } from '../../src/ruleset/types.ts';
import { sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import { mutator, SEEDS } from './mutations.ts';
import { errorsOf } from './support.ts';

/** What is wrong with a finding itself; '' when it tells all that it must. */
function fault({ code, message, where, sourceLine }: Diagnostic, lines: readonly string[]): string {
  if (code === '' || message === '') return 'no code or message';
  if (where === undefined) return 'no place';
  if (where.line < 1 || where.line > lines.length) return `no line ${where.line}`;
  if (where.column < 1) return `no column ${where.column}`;
  return sourceLine === undefined ? 'no source line' : '';
}

/** Loads and prints; the texts of what should not be. */
function faults(text: string, family: Family | undefined): string[] {
  const lines = text.split('\n');
  const faultsOf = (findings: readonly Diagnostic[]): string[] =>
    findings.map((each) => fault(each, lines)).filter((each) => each !== '');
  try {
    const source = { file: 'broken', text, ...(family === undefined ? {} : { family }) };
    const { ruleset, diagnostics } = loadRuleset([source]);
    for (const rules of ruleset.families.values()) {
      printSave(rules, { counters: true });
      for (const table of rules.tables.keys()) printList(rules, { table, verbose: true });
    }
    return faultsOf(diagnostics);
  } catch (error) {
    if (error instanceof RulesetError) return faultsOf(error.diagnostics);
    return [`threw ${(error as Error).stack}`];
  }
}

function allFaults(seed: number, seeds: readonly string[], count: number): string[] {
  const next = mutator(seed, seeds);
  const found: string[] = [];
  for (let i = 0; i < count; i++) {
    const text = next();
    const [first] = faults(text, ([undefined, 4, 6] as const)[i % 3]);
    if (first !== undefined) found.push(`${first} in ${JSON.stringify(text)}`);
  }
  return found;
}

describe('broken rulesets', () => {
  test.each([1, 2, 3, 4])(
    'seed %i',
    (seed) => {
      expect(allFaults(seed, SEEDS, 2500)).toEqual([]);
    },
    60_000,
  );
});

/** A part of a file, on whole lines, so that many can be tried. */
function part(text: string): string {
  const lines = text.split('\n');
  return lines.length <= 60 ? text : [...lines.slice(0, 40), ...lines.slice(-20)].join('\n');
}

describe(`broken real rulesets${WITHOUT_SHARED_DATA}`, () => {
  const files = [...sharedFiles('rulesets/real'), ...sharedFiles('rulesets/ferm')];
  test.skipIf(files.length === 0)(
    'of the corpus',
    () => {
      const seeds = files.map((file) => part(readFileSync(file, 'latin1')));
      expect(allFaults(5, seeds, 2500)).toEqual([]);
    },
    60_000,
  );
});

describe('many errors', () => {
  test('a thousand: the first hundred, and how many more', () => {
    const errors = errorsOf(`*filter\n${'-A INPUT -j NONE\n'.repeat(1000)}COMMIT\n`);
    expect(errors.length).toBe(101);
    expect(errors[99]).toMatchObject({ code: 'unknown-target', where: { line: 101 } });
    expect(errors[100]).toMatchObject({
      code: 'more-findings',
      message: '900 more errors from here on, not shown',
      where: { line: 102 },
    });
  });

  test('all, where that is asked for', () => {
    const text = `*filter\n${'-A INPUT -j NONE\n'.repeat(1000)}COMMIT\n`;
    expect(errorsOf(text, { mostFindings: 2000 }).length).toBe(1000);
  });

  test('of each kind in one file', () => {
    const lines = ['*filter', ':a - [0:0]', ':a - [0:0]', '-A none -j DROP', '-A a -j b'];
    const errors = errorsOf([...lines, '-A INPUT -j a', '-A a -j a', 'COMMIT', ''].join('\n'));
    expect(errors.map(({ code, where }) => [where?.line, code])).toEqual([
      [3, 'chain-exists'],
      [4, 'no-chain'],
      [5, 'unknown-target'],
      [7, 'chain-loop'],
    ]);
  });
});

test('of a very long line the part around the error is shown', () => {
  const text = `*filter\n-A INPUT -m comment --comment "${'y'.repeat(250)}" -m comment --comment "${'z'.repeat(250)}" -j NONE\nCOMMIT\n`;
  try {
    loadRuleset([{ file: 'rules', text }]);
    expect.unreachable();
  } catch (error) {
    const [, line = '', marks = ''] = (error as Error).message.split('\n');
    expect(line.length).toBeLessThan(260);
    expect(line).toMatch(/^ {2}… z+" -j NONE$/);
    expect(marks.indexOf('^')).toBe(line.indexOf('NONE'));
  }
});
