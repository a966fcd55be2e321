/**
 * Rulesets from real machines: they load and print as the real tool prints them, or are refused as it
 * refuses them. None is refused for what fwreplay does not support.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../src/errors.ts';
import { RulesetError } from '../../src/errors.ts';
import { detectFamilies, detectKind } from '../../src/language/iptables/detect.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import { splitLines } from '../../src/language/iptables/source.ts';
import type { Family, Ruleset } from '../../src/ruleset/types.ts';
import { sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import { loadForReal, normalMessage, realToolMissing, tablesOf } from './real-tool.ts';

const ALL = { mostFindings: Number.POSITIVE_INFINITY };

function load(text: string): { ruleset?: Ruleset; errors: readonly Diagnostic[] } {
  try {
    return { ruleset: loadRuleset([{ file: 'ruleset', text }], ALL).ruleset, errors: [] };
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return { errors: error.diagnostics };
  }
}

/** Lines that only a host takes which has what they name: a control group, an accounting object, a
 * target that newer kernels do not have. fwreplay, which has no host, takes them. */
const BY_THE_HOST = /-m cgroup (?:! )?--path|-m nfacct|-j (?:ULOG|CLUSTERIP)/;

function withoutHostFacts(text: string): string {
  return text
    .split('\n')
    .filter((line) => !BY_THE_HOST.test(line))
    .join('\n');
}

function withoutLines(text: string, errors: readonly Diagnostic[]): string {
  const drop = new Set(errors.map((error) => error.where?.line));
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
    // What is left without those lines must be the same again.
    const rest = withoutLines(text, errors);
    if (rest !== text) compare(rest, family, kind);
    return;
  }
  expect(real?.message).toBe('');
  for (const [each, rules] of ruleset.families) {
    const mine = tablesOf(printSave(rules, { counters: true }));
    const theirs = tablesOf(real?.saves.get(each) ?? '');
    for (const [table, chains] of mine) expect(chains, table).toBe(theirs.get(table));
  }
}

const total = { files: 0, loaded: 0 };

function count(errors: readonly Diagnostic[]): void {
  total.files += 1;
  if (errors.length === 0) total.loaded += 1;
}

afterAll(() => {
  const { files, loaded } = total;
  if (files === 0) return;
  process.stdout.write(
    `real rulesets: ${files} files, ${loaded} load, ${files - loaded} refused as by the real tool\n`,
  );
});

describe(`real rulesets${WITHOUT_SHARED_DATA}`, () => {
  for (const path of sharedFiles('rulesets/real')) {
    // Their MAC addresses are made anonymous in a way that the real tool refuses, too.
    const text = readFileSync(path, 'latin1').replace(/XX:XX:XX:XX:XX:XX/g, '00:11:22:33:44:55');
    const kind = detectKind(splitLines(text, path)) === 'save' ? 'save' : 'script';
    const [family = 4] = detectFamilies(text);

    test(basename(path), () => {
      const { errors } = load(text);
      count(errors);
      for (const error of errors) {
        expect(error.code).not.toMatch(/^unsupported-/);
        expect(error.where?.line).toBeGreaterThan(0);
        expect(error.sourceLine).toBe(text.split('\n')[(error.where?.line ?? 0) - 1]);
      }
      if (realToolMissing() === undefined) compare(withoutHostFacts(text), family, kind);
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
      const { errors } = load(text);
      count(errors);
      for (const error of errors) expect(error.code).not.toMatch(/^unsupported-/);
      if (realToolMissing() === undefined) compare(withoutHostFacts(text), 4, kind);
    });
  }
});
