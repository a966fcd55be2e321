/**
 * Reads the ruleset files named on the command line and loads them, turning what the system says
 * into usage errors.
 */
import { readFileSync } from 'node:fs';
import type { RulesetSource } from '../engine/types.ts';
import { type LoadedRuleset, loadRuleset } from '../language/iptables/load.ts';
import type { Family } from '../ruleset/types.ts';
import type { CliHost } from './host.ts';
import { usageError } from './values.ts';

/** Why the system refused, for people. */
export function systemReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    case 'ENOTDIR':
      return 'a part of its path is no directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function readSource(host: CliHost, file: string, family: Family | undefined): RulesetSource {
  let text: string;
  try {
    text = host.readText(file);
  } catch (error) {
    throw usageError('rules-unreadable', `cannot read the ruleset ${file}: ${systemReason(error)}`);
  }
  const name = file === '-' ? 'standard input' : file;
  return family === undefined ? { text, file: name } : { text, file: name, family };
}

/** The ruleset files of a command line. */
export interface RulesFiles {
  readonly rules: readonly string[];
  readonly rules6: readonly string[];
}

/**
 * Reads the files.
 * @throws UsageError when there are none, or one cannot be read
 */
export function readSources(host: CliHost, files: RulesFiles): RulesetSource[] {
  const { rules, rules6 } = files;
  if (rules.length + rules6.length === 0)
    throw usageError(
      'missing-rules',
      'no ruleset was given',
      '--rules FILE (iptables-save output or a script of iptables commands), --rules6 FILE (ip6tables-save output)',
    );
  return [
    ...rules.map((file) => readSource(host, file, undefined)),
    ...rules6.map((file) => readSource(host, file, 6)),
  ];
}

/** Reads files of `ipset save`. @throws UsageError */
export function readIpsets(host: CliHost, files: readonly string[]): RulesetSource[] {
  return files.map((file) => readSource(host, file, undefined));
}

/** A file's text for a script that reads it; undefined when it cannot be read. */
function readScriptFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Loads the sources; files that scripts read (`iptables-restore < FILE`) are read from disk.
 * @throws RulesetError
 */
export function loadSources(
  sources: readonly RulesetSource[],
  ipsets: readonly RulesetSource[] = [],
): LoadedRuleset {
  return loadRuleset(sources, { readFile: readScriptFile, ipsets });
}

/**
 * Standard input can be read once only.
 * @throws UsageError
 */
export function checkStdinOnce(names: readonly string[]): void {
  if (names.filter((name) => name === '-').length > 1)
    throw usageError('stdin-twice', 'standard input (-) can be read only once');
}
