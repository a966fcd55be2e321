/**
 * The extension tests of iptables (a line: rule; canonical form or "="; OK or FAIL), in every chain
 * and family that a file names. They were written for later versions: where 1.8.9 does otherwise,
 * the rule stands in conformance-1.8.9.txt, and the real tool proves it.
 */
import { basename } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { savedRule } from '../../src/language/iptables/rule-print.ts';
import { sharedData, sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import type { Line } from './conformance-lines.ts';
import { BY_THE_HOST, linesOf, OTHERWISE_IN_1_8_9, wordsOf } from './conformance-lines.ts';
import { askRealTool, realToolMissing } from './real-tool.ts';

/** The rule as printed, or the codes of the errors. */
function outcome({ family, table, chain, rule }: Line): string {
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  const text = `#!/bin/sh\n${tool} -t ${table} -A ${chain} ${rule}\n`;
  try {
    const { ruleset } = loadRuleset([{ file: 'line', text }]);
    const found = ruleset.families.get(family)?.tables.get(table)?.chains.get(chain);
    const first = found?.rules[0];
    return first === undefined ? 'no rule' : savedRule(first, chain, 'none');
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return `refused: ${error.diagnostics.map((each) => each.message).join('; ')}`;
  }
}

function asWritten(line: Line, got: string): boolean {
  if (!line.accepted) return got.startsWith('refused: ');
  return got === `-A ${line.chain} ${line.canonical}`;
}

describe(`extension tests of iptables${WITHOUT_SHARED_DATA}`, () => {
  const otherwise = new Map<string, Line>();
  const total = { files: 0, lines: 0, agree: 0, explained: 0 };
  const unsupported: string[] = [];
  const asked = new Set<string>();
  for (const path of sharedFiles('rulesets/conformance')) {
    const lines = linesOf(path);
    if (lines === undefined) {
      unsupported.push(basename(path));
      continue;
    }
    for (const { rule } of lines) asked.add(rule);
    test(basename(path), () => {
      expect(lines.length).toBeGreaterThan(0);
      total.files += 1;
      total.lines += lines.length;
      const wrong: string[] = [];
      for (const line of lines) {
        const got = outcome(line);
        if (asWritten(line, got)) {
          total.agree += 1;
        } else if (BY_THE_HOST.includes(line.rule)) {
          total.explained += 1;
        } else if (OTHERWISE_IN_1_8_9.includes(line.rule)) {
          total.explained += 1;
          otherwise.set(`${line.family} ${line.rule}`, line);
        } else {
          const want = line.accepted ? `-A ${line.chain} ${line.canonical}` : 'refused';
          wrong.push(`IPv${line.family} -t ${line.table} ${line.rule} ⇒ ${got}, not ${want}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }

  afterAll(() => {
    if (total.files === 0) return;
    const { files, lines, agree, explained } = total;
    const without = unsupported.length === 0 ? '' : `, no extension for ${unsupported.join(' ')}`;
    process.stdout.write(
      `conformance: ${files} files, ${lines} lines, ${agree} agree, ${explained} explained${without}\n`,
    );
  });

  test.skipIf(sharedData === undefined || realToolMissing() !== undefined)(
    'where 1.8.9 differs from the files, fwreplay is with 1.8.9',
    () => {
      const lines = [...otherwise.values()];
      expect(new Set(lines.map((line) => line.rule))).toEqual(
        new Set(OTHERWISE_IN_1_8_9.filter((rule) => asked.has(rule))),
      );
      const answers = askRealTool(
        lines.map(({ family, table, chain, rule }) => ({
          family,
          table,
          command: ['-t', table, '-A', chain, ...wordsOf(rule)],
        })),
      );
      lines.forEach((line, index) => {
        const answer = answers[index];
        const got = outcome(line);
        expect(asWritten(line, got), line.rule).toBe(false);
        if (answer?.status !== 0) expect(got, line.rule).toMatch(/^refused: /);
        else expect(answer.save, line.rule).toContain(`[0:0] ${got}\n`);
      });
    },
  );
});
