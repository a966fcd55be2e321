/**
 * The chains section of the text report: every table and chain with the replay's counters, and the
 * list of rules that nothing hit.
 */
import type { ReplayResult } from '../engine/types.ts';
import { referenceCounts } from '../ruleset/references.ts';
import type { Chain, Family, Rule, TableName } from '../ruleset/types.ts';
import { paragraph, tableLines } from './layout.ts';
import { chainColumns, targetName } from './rule-columns.ts';
import type { Style } from './style.ts';
import { eachChain } from './summary.ts';
import { plural } from './units.ts';

/** How to show the rules. */
export interface ChainsOptions {
  readonly style: Style;
  /** Columns of text. */
  readonly width: number;
  /** Show all rules of a large ruleset, also those without hits. */
  readonly allRules: boolean;
}

/** Rulesets with more rules than this show only those with hits, unless all are asked for. */
export const MANY_RULES = 200;

/** A rule that nothing hit, with its place. */
export interface UnhitRule {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  /** From 1. */
  readonly number: number;
  readonly rule: Rule;
}

/** The rules without a packet, in the ruleset's order. */
export function unhitRules(result: ReplayResult): UnhitRule[] {
  const unhit: UnhitRule[] = [];
  eachChain(result, (family, table, chain) => {
    chain.rules.forEach((rule, index) => {
      if (isUnhit(rule)) unhit.push({ family, table, chain: chain.name, number: index + 1, rule });
    });
  });
  return unhit;
}

function ruleCount(result: ReplayResult): number {
  let rules = 0;
  eachChain(result, (_family, _table, chain) => {
    rules += chain.rules.length;
  });
  return rules;
}

/** The style of a verdict or target word; others stay plain. */
export function verdictStyle(word: string, style: Style): (text: string) => string {
  if (word === 'ACCEPT') return style.green;
  if (word === 'DROP' || word === 'REJECT') return style.red;
  if (word === 'UNDECIDED') return style.yellow;
  return (text) => text;
}

function uncertainText({ uncertainPackets = 0 }: Chain): string {
  return uncertainPackets === 0 ? '' : `, +? ${plural(uncertainPackets, 'packet')}`;
}

/** Nothing was counted here, and no undecided packet may have been. */
function isUnhit({ packets, uncertainPackets = 0 }: Rule): boolean {
  return packets === 0 && uncertainPackets === 0;
}

function chainHeading(chain: Chain, references: number): string {
  if (chain.policy !== undefined)
    return `Chain ${chain.name} (policy ${chain.policy} ${chain.packets} packets, ${chain.bytes} bytes${uncertainText(chain)})`;
  return `Chain ${chain.name} (${references} references)`;
}

function chainLines(
  chain: Chain,
  references: number,
  family: Family,
  options: ChainsOptions,
  all: boolean,
): string[] {
  const { style, width } = options;
  const heading = style.bold(chainHeading(chain, references));
  if (chain.rules.length === 0) return [heading];
  const shown = all
    ? chain.rules.map((_, index) => index)
    : chain.rules.flatMap((rule, index) => (isUnhit(rule) ? [] : [index]));
  const { columns, rows, target } = chainColumns(chain, family, shown);
  const hidden = chain.rules.length - shown.length;
  const lines = tableLines(columns, rows, width, (text, row, column) => {
    if (row < 0) return style.dim(text);
    const rule = chain.rules[shown[row] ?? 0];
    if (rule === undefined || isUnhit(rule)) return style.dim(text);
    return column === target ? verdictStyle(targetName(rule), style)(text) : text;
  });
  if (hidden > 0) lines.push(style.dim(`  … ${plural(hidden, 'rule')} without hits`));
  return [heading, ...(rows.length === 0 ? lines.slice(1) : lines)];
}

/** All tables of both families. */
export function chainsSection(result: ReplayResult, options: ChainsOptions): string[] {
  const { style } = options;
  const rules = ruleCount(result);
  const all = options.allRules || rules <= MANY_RULES;
  const lines: string[] = [];
  for (const family of [4, 6] as const) {
    for (const table of result.ruleset.families.get(family)?.tables.values() ?? []) {
      lines.push(style.bold(style.cyan(`IPv${family} table ${table.name}`)));
      const references = referenceCounts(table.chains.values());
      for (const chain of table.chains.values()) {
        const count = references.get(chain.name) ?? 0;
        lines.push(...chainLines(chain, count, family, options, all), '');
      }
    }
  }
  if (!all) {
    const hint = `Only rules with hits are shown, of ${plural(rules, 'rule')}: --all-rules shows the rest.`;
    lines.push(style.dim(hint), '');
  }
  return lines;
}

/** `1, 3, 8-12`: numbers in rising order, runs of three and more as ranges. */
export function rangesText(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < numbers.length; at++) {
    const first = numbers[at] ?? 0;
    let last = first;
    while (numbers[at + 1] === last + 1) {
      last += 1;
      at += 1;
    }
    if (last - first >= 2) parts.push(`${first}-${last}`);
    else for (let each = first; each <= last; each++) parts.push(String(each));
  }
  return parts.join(', ');
}

function addTo<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Where rules are written: `rules.v4:14, 16, 21-25`. */
function linesText(unhit: readonly UnhitRule[]): string {
  const lines = new Map<string, number[]>();
  for (const { where } of unhit.map(({ rule }) => rule)) {
    if (where !== undefined) addTo(lines, where.file, where.line);
  }
  return [...lines]
    .map(([file, each]) => `${file}:${rangesText([...new Set(each)].sort((a, b) => a - b))}`)
    .join(' ');
}

/** The rules that nothing hit, a line per chain, with where they are written. */
export function unhitSection(result: ReplayResult, options: ChainsOptions): string[] {
  const { style, width } = options;
  const unhit = unhitRules(result);
  if (unhit.length === 0) return [];
  const chains = new Map<string, UnhitRule[]>();
  for (const each of unhit) {
    const name = `IPv${each.family} ${each.table} ${each.chain}`;
    addTo(chains, name, each);
  }
  const most = [...chains.keys()].reduce((widest, name) => Math.max(widest, name.length), 0);
  const lines = [...chains].flatMap(([name, rules]) => {
    const numbers = rangesText(rules.map(({ number }) => number));
    return paragraph(`  ${name.padEnd(most)}  `, `${numbers}  (${linesText(rules)})`, width);
  });
  const heading = `Rules never hit by this traffic: ${unhit.length} of ${ruleCount(result)}`;
  return [style.bold(heading), ...lines, ''];
}
