/** The sets that the examples of -m set and -j SET refer to. */
import { openSets } from '../../src/language/ipset/open-sets.ts';
import { restoreText } from '../../src/language/ipset/restore.ts';
import type { OpenSets } from '../../src/language/ipset/run.ts';
import { Findings } from '../../src/language/iptables/source.ts';

/** As a file of ipset restore. */
export const EXAMPLE_SETS = [
  'create ip4 hash:ip family inet',
  'create ip6 hash:ip family inet6',
  'create net4 hash:net family inet',
  'create ports bitmap:port range 0-65535',
  'create both list:set size 8',
  'create counted hash:ip,port family inet counters',
  '',
].join('\n');

/** Sets made by lines of ipset restore; what they refuse is thrown as one error. */
export function setsOf(text: string): OpenSets {
  const sets = openSets(new Map());
  const findings = new Findings();
  restoreText(text, 'sets', sets, findings, { exist: false, output: () => undefined });
  if (findings.errors.length > 0) {
    throw new Error(findings.errors.map(({ message }) => message).join('; '));
  }
  return sets;
}

/** The sets above. */
export const exampleSets = setsOf(EXAMPLE_SETS).collection;
