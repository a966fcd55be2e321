/** docs/language-support.md says what the definitions say. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allMatches, findMatch, matchNames } from '../../src/match/registry.ts';
import { allTargets, findTarget, targetNames } from '../../src/target/registry.ts';
import { repositoryRoot } from '../support/shared-data.ts';
import { languageSupport } from './support-table.ts';

it('the page is up to date (FWREPLAY_UPDATE_DOCS=1 rewrites it)', () => {
  const path = join(repositoryRoot, 'docs/language-support.md');
  if (process.env.FWREPLAY_UPDATE_DOCS === '1') writeFileSync(path, languageSupport());
  expect(readFileSync(path, 'utf8')).toBe(languageSupport());
});

it('every definition has help, and every option too', () => {
  for (const { name, help, options } of [...allMatches, ...allTargets]) {
    expect(help, name).toMatch(/^\S.*[^.]$/);
    for (const option of options)
      expect(option.help, `${name} ${option.name}`).toMatch(/^\S.*[^.]$/);
  }
});

it('no two options of an extension share a name', () => {
  for (const { name, options } of [...allMatches, ...allTargets]) {
    const names = options.flatMap((option) => [option.name, ...(option.aliases ?? [])]);
    expect(new Set(names).size, name).toBe(names.length);
  }
});

it('the registries find by family and alias', () => {
  expect(findMatch('icmpv6', 6)?.name).toBe('icmp6');
  expect(findMatch('ipv6-icmp', 6)?.name).toBe('icmp6');
  expect(findMatch('icmp6', 4)).toBeUndefined();
  expect(findMatch('icmp', 6)).toBeUndefined();
  expect(findMatch('hl', 4)).toBeUndefined();
  expect(findMatch('ttl', 4)?.name).toBe('ttl');
  expect(findMatch('toString', 4)).toBeUndefined();
  expect(findTarget('REJECT', 6)?.tables).toEqual(['filter']);
  expect(findTarget('reject', 4)).toBeUndefined();
  expect(matchNames(4)).not.toContain('icmp6');
  expect(matchNames(6)).toEqual([...matchNames(6)].sort());
  expect(targetNames(4)).toEqual([...targetNames(4)].sort());
  expect(targetNames(4)).toContain('MASQUERADE');
  expect(targetNames(4)).not.toContain('HL');
});
