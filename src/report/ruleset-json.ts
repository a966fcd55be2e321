/** A ruleset as plain data, for programs: what `fwreplay show --as json` writes. */
import { ruleText } from '../language/iptables/rule-print.ts';
import type { Chain, Family, Rule, Ruleset, Table, TableName } from '../ruleset/types.ts';

/** The parts to show; all when absent. */
export interface RulesetSelection {
  readonly table?: TableName | undefined;
  readonly chain?: string | undefined;
}

function targetData({ target }: Rule): Record<string, unknown> | null {
  switch (target.kind) {
    case 'none':
      return null;
    case 'target':
      return { kind: 'target', name: target.target.name, text: target.target.text };
    default:
      return { kind: target.kind, chain: target.chain };
  }
}

function ruleData(rule: Rule, index: number, chain: string, family: Family): unknown {
  return {
    number: index + 1,
    packets: rule.packets,
    bytes: rule.bytes,
    text: ruleText(rule, chain, family),
    matches: rule.matches.map(({ name, text }) => ({ name, text })),
    target: targetData(rule),
    file: rule.where?.file ?? null,
    line: rule.where?.line ?? null,
  };
}

function chainData({ name, policy, packets, bytes, rules }: Chain, family: Family): unknown {
  return {
    name,
    policy: policy ?? null,
    packets,
    bytes,
    rules: rules.map((rule, index) => ruleData(rule, index, name, family)),
  };
}

function tableData(table: Table, family: Family, chain: string | undefined): unknown {
  const chains = [...table.chains.values()].filter(
    ({ name }) => chain === undefined || chain === name,
  );
  return { family, table: table.name, chains: chains.map((each) => chainData(each, family)) };
}

/** The tables of both families with their chains and rules. */
export function rulesetData(ruleset: Ruleset, selection: RulesetSelection = {}): unknown {
  const { table, chain } = selection;
  return {
    tables: [...ruleset.families.values()].flatMap(({ family, tables }) =>
      [...tables.values()]
        .filter(({ name, chains }) => {
          if (chain !== undefined && !chains.has(chain)) return false;
          return table === undefined || table === name;
        })
        .map((each) => tableData(each, family, chain)),
    ),
  };
}
