/**
 * Command lines, good and bad, through the real iptables-legacy 1.8.9 and through fwreplay: both must
 * accept or refuse, say the same, and afterwards list and save the same, byte for byte.
 */
import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../src/errors.ts';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import type { FamilyRuleset, TableName } from '../../src/ruleset/types.ts';
import { COMMAND_CASES } from './command-cases.ts';
import { ownListings } from './own-listings.ts';
import type { RealAnswer, RealCase } from './real-tool.ts';
import { askRealTool, normalMessage, realToolMissing, shellLine } from './real-tool.ts';
import { RESTORE_CASES } from './restore-cases.ts';

interface OwnAnswer {
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  readonly stdout: string;
  readonly ruleset: FamilyRuleset | undefined;
}

function scriptOf({ family, setup = [], command = [] }: RealCase): string {
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  return [...setup, command].map((words) => `${shellLine(tool, words)}\n`).join('');
}

function own(each: RealCase): OwnAnswer {
  const { family } = each;
  const text = each.restore ?? `#!/bin/sh\n${scriptOf(each)}`;
  try {
    const loaded = loadRuleset([{ file: 'case', text, family }]);
    return {
      errors: [],
      warnings: loaded.diagnostics,
      stdout: loaded.outputs
        .filter(({ where }) => where.line === text.split('\n').length - 1)
        .map((output) => output.text)
        .join(''),
      ruleset: loaded.ruleset.families.get(family),
    };
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return { errors: error.diagnostics, warnings: [], stdout: '', ruleset: undefined };
  }
}

function compare(each: RealCase, real: RealAnswer): void {
  const mine = own(each);
  const table = (each.table ?? 'filter') as TableName;
  const said = mine.errors.map((error) => normalMessage(error.message));
  if (real.status !== 0) {
    expect(said, 'the real tool refuses').not.toEqual([]);
    // `-6` in iptables, and lines outside of a table: refused without a word about why.
    if (real.message !== '' && !/^line \d+ failed$/.test(real.message)) {
      expect(said[0]).toBe(real.message);
    }
    return;
  }
  expect(said, 'the real tool accepts').toEqual([]);
  if (each.command !== undefined) expect(mine.stdout).toBe(real.stdout);
  const { ruleset } = mine;
  if (ruleset === undefined || !ruleset.tables.has(table)) return;
  const save = printSave(ruleset, { counters: true, table }).replace(/^#.*\n/gm, '');
  expect(save).toBe(real.save);
  expect(ownListings(ruleset, table)).toEqual(real.listings);
}

function title(each: RealCase): string {
  const tool = each.family === 4 ? 'iptables' : 'ip6tables';
  const what = each.command?.join(' ') ?? JSON.stringify(each.restore);
  const setup = each.setup?.length ? ` (after ${each.setup.length} commands)` : '';
  return `${tool} ${what}${setup}`;
}

const missing = realToolMissing();

describe.skipIf(missing !== undefined)(
  `against the real tool${missing ? `: ${missing}` : ''}`,
  () => {
    for (const [name, cases] of [
      ['command lines', COMMAND_CASES],
      ['files of iptables-restore', RESTORE_CASES],
    ] as const) {
      describe(name, () => {
        let answers: RealAnswer[] | undefined;
        cases.forEach((each, index) => {
          test(title(each), () => {
            answers ??= askRealTool(cases);
            const real = answers[index];
            if (real !== undefined) compare(each, real);
          });
        });
      });
    }
  },
);
