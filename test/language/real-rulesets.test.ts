/**
 * Rulesets from real machines: those that use only what is supported load and print as the real tool
 * prints them; each other one is refused for each thing that is not supported, and without those
 * lines it is again as with the real tool.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../src/errors.ts';
import { RulesetError } from '../../src/errors.ts';
import { detectFamilies, detectKind } from '../../src/language/iptables/detect.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import { splitLines } from '../../src/language/iptables/source.ts';
import type { Family, Ruleset } from '../../src/ruleset/types.ts';
import { sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import { loadForReal, normalMessage, realToolMissing, tablesOf } from './real-tool.ts';

function load(text: string): { ruleset?: Ruleset; errors: readonly Diagnostic[] } {
  try {
    return { ruleset: loadRuleset([{ file: 'ruleset', text }]).ruleset, errors: [] };
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return { errors: error.diagnostics };
  }
}

function isUnsupported(error: Diagnostic): boolean {
  return error.code === 'unsupported-match' || error.code === 'unsupported-target';
}

/** The text without the lines that use what is not supported. */
function supportedPart(text: string): string {
  const { errors } = load(text);
  const drop = new Set(errors.filter(isUnsupported).map((error) => error.where?.line));
  return text
    .split('\n')
    .filter((_, index) => !drop.has(index + 1))
    .join('\n');
}

function compare(text: string, family: Family, kind: 'save' | 'script'): void {
  const { ruleset, errors } = load(text);
  // With -c the real tool wants counters of every policy; fwreplay takes what there is.
  const counted = text.replace(/^(:\S+ (?:ACCEPT|DROP)) *$/gm, '$1 [0:0]');
  const [real] = loadForReal([{ family, kind, text: counted }]);
  if (ruleset === undefined) {
    const said = errors.map((error) => normalMessage(error.message));
    // iptables-restore stops at the first error, a shell goes on.
    expect(kind === 'save' ? said[0] : said.join(' ')).toBe(real?.message);
    return;
  }
  expect(real?.message).toBe('');
  for (const [each, rules] of ruleset.families) {
    const mine = tablesOf(printSave(rules, { counters: true }));
    const theirs = tablesOf(real?.saves.get(each) ?? '');
    for (const [table, chains] of mine) expect(chains, table).toBe(theirs.get(table));
  }
}

describe(`real rulesets${WITHOUT_SHARED_DATA}`, () => {
  for (const path of sharedFiles('rulesets/real')) {
    // Their MAC addresses are made anonymous in a way that the real tool refuses, too.
    const text = readFileSync(path, 'latin1').replace(/XX:XX:XX:XX:XX:XX/g, '00:11:22:33:44:55');
    const kind = detectKind(splitLines(text, path)) === 'save' ? 'save' : 'script';
    const [family = 4] = detectFamilies(text);

    test(basename(path), () => {
      const supported = supportedPart(text);
      expect(load(supported).errors.filter(isUnsupported)).toEqual([]);
      for (const error of load(text).errors) {
        expect(error.where?.line).toBeGreaterThan(0);
        expect(error.sourceLine).toBe(text.split('\n')[(error.where?.line ?? 0) - 1]);
      }
      if (realToolMissing() === undefined) compare(supported, family, kind);
    });
  }
});

describe(`expected outputs of ferm${WITHOUT_SHARED_DATA}`, () => {
  for (const path of sharedFiles('rulesets/ferm')) {
    const text = readFileSync(path, 'utf8');
    // Of other tools, and one with a variable that the script does not set.
    if (/^(arp|eb)tables/m.test(text) || /\$A/.test(text)) continue;
    const kind = detectKind(splitLines(text, path)) === 'save' ? 'save' : 'script';
    test(basename(path), () => {
      const supported = supportedPart(text);
      const lines = supported.split('\n').length;
      expect(load(supported).errors.filter(isUnsupported)).toEqual([]);
      if (realToolMissing() === undefined && lines > 1) compare(supported, 4, kind);
    });
  }
});
