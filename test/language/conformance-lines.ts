/**
 * The lines of the extension tests of iptables (a line: rule; canonical form or "="; OK or FAIL),
 * for every chain and family that a file names, where the extension is supported.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findMatch } from '../../src/match/registry.ts';
import type { Family, TableName } from '../../src/ruleset/types.ts';
import { findTarget } from '../../src/target/registry.ts';
import { repositoryRoot } from '../support/shared-data.ts';

/** A line for one family and chain. */
export interface Line {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  readonly rule: string;
  readonly canonical: string;
  readonly accepted: boolean;
  /** Rules, with their chain, that must be there before. */
  readonly before: readonly string[];
}

/** Rules that 1.8.9 takes otherwise than the files say. */
export const OTHERWISE_IN_1_8_9: readonly string[] = readFileSync(
  join(repositoryRoot, 'test/language/conformance-1.8.9.txt'),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '');

/** Rules that only a host takes which has what they name; fwreplay, which has no host, takes them. */
export const BY_THE_HOST: readonly string[] = ['-m nfacct --nfacct-name wrong'];

function familiesOf(file: string): Family[] {
  if (file.startsWith('libipt_')) return [4];
  return file.startsWith('libip6t_') ? [6] : [4, 6];
}

/** Lines of a file; undefined when its extension is not supported. */
export function linesOf(path: string): Line[] | undefined {
  const file = basename(path);
  const name = /^lib(?:xt|ipt|ip6t)_(.+)\.t$/.exec(file)?.[1] ?? '';
  const families = familiesOf(file).filter(
    (family) =>
      name === 'standard' ||
      findMatch(name, family) !== undefined ||
      findTarget(name, family) !== undefined,
  );
  if (families.length === 0) return undefined;
  const lines: Line[] = [];
  const before: string[] = [];
  let chains: string[] = [];
  let table: TableName = 'filter';
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    const needed = /^%iptables -I (.*)$/.exec(text)?.[1];
    if (needed !== undefined) before.push(needed);
    if (text === '' || /^[#@%]/.test(text)) continue;
    if (text.startsWith(':')) chains = text.slice(1).trim().split(',');
    else if (text.startsWith('*')) table = text.slice(1).trim() as TableName;
    else {
      // What comes behind says how iptables-nft differs.
      const [rule = '', canonical = '', result = ''] = text.split(';');
      const accepted = result.trim() === 'OK';
      for (const family of families) {
        for (const chain of chains) {
          const want = canonical === '=' ? rule : canonical;
          lines.push({ family, table, chain, rule, canonical: want, accepted, before });
        }
      }
    }
  }
  return lines;
}

/** The words of a rule as a shell would split it; the files quote with double quotes only. */
export function wordsOf(rule: string): string[] {
  const found = rule.matchAll(/(?:"((?:\\.|[^"\\])*)"|\\.|[^\s"\\])+/g);
  return [...found].map(([word]) => word.replace(/\\(.)|"/g, '$1'));
}
