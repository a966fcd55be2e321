/**
 * The extension tests of iptables (a line: rule; canonical form or "="; OK or FAIL), for the matches
 * and targets that are supported, in every chain and family that a file names.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { savedRule } from '../../src/language/iptables/rule-print.ts';
import { findMatch } from '../../src/match/registry.ts';
import type { Family, TableName } from '../../src/ruleset/types.ts';
import { findTarget } from '../../src/target/registry.ts';
import { sharedData, sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import { askRealTool, realToolMissing } from './real-tool.ts';

interface Line {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  readonly rule: string;
  readonly canonical: string;
  readonly accepted: boolean;
}

/** Rules that later versions, for which the files were written, take otherwise than 1.8.9. */
const OTHERWISE_IN_1_8_9: readonly string[] = [
  '--protocol=tcp --source=1.2.3.4 --destination=5.6.7.8/32 --in-interface=eth0 --out-interface=eth1 --jump=ACCEPT',
  '-ptcp -s1.2.3.4 -d5.6.7.8/32 -ieth0 -oeth1 -jACCEPT',
  '-m conntrack --ctproto 0',
  '-m conntrack ! --ctproto 0',
  '-m conntrack --ctexpire 4:3',
  '-m conntrack --ctorigsrcport 4:3',
  '-m conntrack --ctorigdstport 4:3',
  '-m conntrack --ctreplsrcport 4:3',
  '-m conntrack --ctrepldstport 4:3',
  '-m length --length 4:3',
  '-p icmp -m icmp --icmp-type 255/255',
  '-p ipv6-icmp -m icmp6 --icmpv6-type mld-listener-query',
  '-p ipv6-icmp -m icmp6 --icmpv6-type mld-listener-report',
  '-p ipv6-icmp -m icmp6 --icmpv6-type mld-listener-done',
  '-p ipv6-icmp -m icmp6 --icmpv6-type mld-listener-reduction',
  '-p tcp -m tcp ! --sport :',
  '-p tcp -m tcp ! --dport :',
  '-p udp -m udp ! --sport :',
  '-p udp -m udp ! --dport :',
  '-p udp -m udp --sport 4:3',
  '-p udp -m udp --dport 4:3',
];

function familiesOf(file: string): Family[] {
  if (file.startsWith('libipt_')) return [4];
  return file.startsWith('libip6t_') ? [6] : [4, 6];
}

/** Lines of a file; undefined when its extension is not supported. */
function linesOf(path: string): Line[] | undefined {
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
  let chains: string[] = [];
  let table: TableName = 'filter';
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    if (text === '' || text.startsWith('#')) continue;
    if (text.startsWith(':')) chains = text.slice(1).trim().split(',');
    else if (text.startsWith('*')) table = text.slice(1).trim() as TableName;
    else {
      const [rule = '', canonical = '', result = '', variant] = text.split(';');
      if (variant !== undefined) continue;
      const accepted = result.trim() === 'OK';
      for (const family of families) {
        for (const chain of chains) {
          const want = canonical === '=' ? rule : canonical;
          lines.push({ family, table, chain, rule, canonical: want, accepted });
        }
      }
    }
  }
  return lines;
}

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
  for (const path of sharedFiles('rulesets/conformance')) {
    const lines = linesOf(path);
    if (lines === undefined) continue;
    test(basename(path), () => {
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        const got = outcome(line);
        if (asWritten(line, got)) continue;
        if (!OTHERWISE_IN_1_8_9.includes(line.rule)) {
          expect(`IPv${line.family} ${line.rule} ⇒ ${got}`).toBe(
            line.accepted ? `-A ${line.chain} ${line.canonical}` : 'refused',
          );
        }
        otherwise.set(`${line.family} ${line.rule}`, line);
      }
    });
  }

  test.skipIf(sharedData === undefined || realToolMissing() !== undefined)(
    'where 1.8.9 differs from the files, fwreplay is with 1.8.9',
    () => {
      const lines = [...otherwise.values()];
      expect(new Set(lines.map((line) => line.rule))).toEqual(new Set(OTHERWISE_IN_1_8_9));
      const answers = askRealTool(
        lines.map(({ family, table, chain, rule }) => ({
          family,
          table,
          command: ['-t', table, '-A', chain, ...rule.split(' ')],
        })),
      );
      lines.forEach((line, index) => {
        const answer = answers[index];
        const got = outcome(line);
        if (answer?.status !== 0) expect(got, line.rule).toMatch(/^refused: /);
        else expect(answer.save, line.rule).toContain(`[0:0] ${got}\n`);
      });
    },
  );
});
