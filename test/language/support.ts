/** Short ways to load rulesets in tests. */
import type { Diagnostic } from '../../src/errors.ts';
import { RulesetError } from '../../src/errors.ts';
import type { LoadedRuleset, LoadOptions } from '../../src/language/iptables/load.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printCommands } from '../../src/language/iptables/print.ts';
import type { Family, TableName } from '../../src/ruleset/types.ts';

/** Loads a shell script. */
export function loadScript(text: string, options: LoadOptions = {}): LoadedRuleset {
  return loadRuleset([{ file: 'fw.sh', text: `#!/bin/sh\n${text}\n` }], options);
}

/** `iptables -S` of what a script made, without the lines of the built-in chains. */
export function rulesOf(
  loaded: LoadedRuleset,
  family: Family = 4,
  table: TableName = 'filter',
): string[] {
  const rules = loaded.ruleset.families.get(family);
  if (rules === undefined) return [];
  return printCommands(rules, { table })
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-P '));
}

/** Rules of a script's filter table. */
export function scriptRules(text: string, options: LoadOptions = {}): string[] {
  return rulesOf(loadScript(text, options));
}

/** The errors of a text; none when it loads. */
export function errorsOf(text: string, options: LoadOptions = {}): readonly Diagnostic[] {
  try {
    loadRuleset([{ file: 'rules', text }], options);
    return [];
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return error.diagnostics;
  }
}

/** The errors of a shell script; its first line is line 2. */
export function scriptErrors(text: string, options: LoadOptions = {}): readonly Diagnostic[] {
  return errorsOf(`#!/bin/sh\n${text}\n`, options);
}
