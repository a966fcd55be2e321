/**
 * Rulesets with every extension, listed by the real iptables-legacy 1.8.9 and by fwreplay in all forms
 * of -L and -S, with counters: the same, byte for byte. The rules are those of iptables' own tests,
 * and random ones.
 */
import { basename } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import type { FamilyRuleset, TableName } from '../../src/ruleset/types.ts';
import { arbitraryRule } from '../match/arbitraries.ts';
import { sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import type { Line } from './conformance-lines.ts';
import { linesOf, OTHERWISE_IN_1_8_9 } from './conformance-lines.ts';
import { ownListings } from './own-listings.ts';
import type { RealCase } from './real-tool.ts';
import { askRealTool, LISTINGS, realToolMissing } from './real-tool.ts';

/** Kernels are built without some extensions; then the real tool cannot be asked. */
const NOT_IN_THIS_KERNEL = /missing kernel module|No chain\/target\/match by that name/;

/** Extensions that a kernel has, but takes rules of only with SELinux. */
const NEEDS_MORE = ['libxt_SECMARK.t'];

/** Counters of many sizes, to see how they are shortened. */
const COUNTERS = ['[0:0]', '[99999:100000]', '[1234567:123456789012]', '[10000000:9999499]'];

function load(each: RealCase): FamilyRuleset | string {
  const { family } = each;
  try {
    const { ruleset } = loadRuleset([{ file: 'case', text: each.restore ?? '', family }]);
    return ruleset.families.get(family) ?? 'nothing';
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return `refused: ${error.diagnostics[0]?.message}`;
  }
}

/** Both answers in all forms; only what differs is kept. */
function differences(cases: readonly RealCase[]): { compared: number; different: string[] } {
  const answers = askRealTool(cases);
  const different: string[] = [];
  let compared = 0;
  cases.forEach((each, index) => {
    const real = answers[index];
    const mine = load(each);
    if (real === undefined || NOT_IN_THIS_KERNEL.test(real.message)) return;
    const table = each.table as TableName;
    compared += 1;
    if (typeof mine === 'string' || real.status !== 0) {
      const said = typeof mine === 'string' ? mine : 'taken';
      const wanted = real.status === 0 ? 'taken' : `refused: ${real.message}`;
      if ((said === 'taken') !== (wanted === 'taken')) {
        different.push(`${each.restore}\n${said} ⇐⇒ ${wanted}`);
      }
      return;
    }
    const forms = [printSave(mine, { counters: true, table }), ...ownListings(mine, table)];
    const names = ['save', ...LISTINGS.map((words) => words.join(' '))];
    [real.save, ...real.listings].forEach((wanted, form) => {
      const lines = (forms[form] ?? '').replace(/^#.*\n/gm, '').split('\n');
      wanted.split('\n').forEach((line, at) => {
        if (line === lines[at]) return;
        different.push(`IPv${each.family} ${names[form]}: ${line} ⇐⇒ ${lines[at]}`);
      });
    });
  });
  return { compared, different };
}

/** A file for iptables-restore with these rules of one chain. */
function restoreFile(
  table: TableName,
  chain: string,
  rules: readonly string[],
  before: readonly string[] = [],
): string {
  const lines = [
    ...before.map((rule) => `-A ${rule}`),
    ...rules.map((rule, i) => `${COUNTERS[i % COUNTERS.length]} -A ${chain} ${rule}`),
  ];
  return `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

/** One file for each family and chain, of the rules that are taken. */
function casesOf(lines: readonly Line[]): RealCase[] {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    if (!line.accepted || OTHERWISE_IN_1_8_9.includes(line.rule)) continue;
    const key = [line.family, line.table, line.chain].join(' ');
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { family, table, chain } = first;
    const rules = group.map(({ rule }) => rule);
    return { family, table, restore: restoreFile(table, chain, rules, first.before) };
  });
}

const missing = realToolMissing();

describe.skipIf(missing !== undefined)(`rules of the extension tests${WITHOUT_SHARED_DATA}`, () => {
  for (const path of sharedFiles('rulesets/conformance')) {
    const cases = casesOf(linesOf(path) ?? []);
    if (cases.length === 0 || NEEDS_MORE.includes(basename(path))) continue;
    test(basename(path), () => {
      expect(differences(cases).different).toEqual([]);
    });
  }
});

/** A word as iptables-restore reads it back. */
function quoted(word: string): string {
  return /^[^\s"\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}

describe.skipIf(missing !== undefined)('random rulesets', () => {
  test.each([
    [4, 'filter', 'INPUT', 20263],
    [4, 'mangle', 'FORWARD', 20264],
    [6, 'filter', 'OUTPUT', 20265],
    [6, 'mangle', 'PREROUTING', 20266],
  ] as const)('IPv%i %s %s', (family, table, chain, seed) => {
    const rules = fc
      .sample(arbitraryRule(family, table), { numRuns: 300, seed })
      .map((words) => words.map(quoted).join(' '));
    // One rule a file: what the kernel refuses for one would hide all others.
    const cases = rules.map((rule): RealCase => {
      return { family, table, restore: restoreFile(table, chain, [rule]) };
    });
    const { compared, different } = differences(cases);
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(200);
  });
});
