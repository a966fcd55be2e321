/**
 * A rule in columns, in the manner of `iptables -L -v -n -x --line-numbers` but with columns as
 * narrow as their contents and without those that say nothing in a chain.
 */
import { listedAddress } from '../language/iptables/addresses.ts';
import { protocolName } from '../packet/text.ts';
import type { AddressMask, Chain, Family, InterfaceMatch, Rule } from '../ruleset/types.ts';
import type { Column } from './layout.ts';

/** The columns of one chain with its rows. */
export interface ChainColumns {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** Index of the column `target`. */
  readonly target: number;
}

/** An address condition as `-L -n` prints it: `!192.0.2.0/24`; a host's prefix length is left out. */
function addressText(condition: AddressMask | undefined, family: Family): string {
  return `${condition?.inverted ? '!' : ''}${listedAddress(condition, true, family)}`;
}

function interfaceText(condition: InterfaceMatch | undefined): string {
  if (condition === undefined) return '*';
  return `${condition.inverted ? '!' : ''}${condition.name}${condition.wildcard ? '+' : ''}`;
}

function protocolText(rule: Rule): string {
  const { protocol } = rule.ip;
  if (protocol === undefined) return 'all';
  return `${protocol.inverted ? '!' : ''}${protocolName(protocol.number)}`;
}

function fragmentText(rule: Rule): string {
  const { fragment } = rule.ip;
  if (fragment === undefined) return '--';
  return fragment.inverted ? '!f' : '-f';
}

/** A rule's target as the listing names it; '' for a rule that only counts. */
export function targetName(rule: Rule): string {
  const { target } = rule;
  if (target.kind === 'none') return '';
  return target.kind === 'target' ? target.target.name : target.chain;
}

/** The conditions and target options after the destination column, as `-L -n` prints them. */
function extraText(rule: Rule): string {
  const parts = rule.matches.map((match) => match.list(true));
  if (rule.target.kind === 'goto') parts.unshift('[goto]');
  if (rule.target.kind === 'target') parts.push(rule.target.target.list(true));
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join(' ');
}

/**
 * A chain's rules in columns.
 * @param shown indexes of the rules to show
 */
export function chainColumns(chain: Chain, family: Family, shown: readonly number[]): ChainColumns {
  const any = addressText(undefined, family);
  const all: { column: Column; cell: (rule: Rule, index: number) => string; empty?: string }[] = [
    {
      column: { heading: 'num', align: 'left' },
      cell: (_, index) => String(index + 1),
    },
    { column: { heading: 'pkts', align: 'right' }, cell: (rule) => String(rule.packets) },
    {
      // Undecided packets that may have been counted here in addition.
      column: { heading: '+?', align: 'right' },
      cell: (rule) => String(rule.uncertainPackets ?? 0),
      empty: '0',
    },
    { column: { heading: 'bytes', align: 'right' }, cell: (rule) => String(rule.bytes) },
    { column: { heading: 'target', align: 'left' }, cell: targetName },
    { column: { heading: 'prot', align: 'left' }, cell: protocolText },
    { column: { heading: 'opt', align: 'left' }, cell: fragmentText, empty: '--' },
    {
      column: { heading: 'in', align: 'left' },
      cell: (rule) => interfaceText(rule.ip.inInterface),
      empty: '*',
    },
    {
      column: { heading: 'out', align: 'left' },
      cell: (rule) => interfaceText(rule.ip.outInterface),
      empty: '*',
    },
    {
      column: { heading: 'source', align: 'left' },
      cell: (rule) => addressText(rule.ip.source, family),
      empty: any,
    },
    {
      column: { heading: 'destination', align: 'left' },
      cell: (rule) => addressText(rule.ip.destination, family),
      empty: any,
    },
    { column: { heading: '', align: 'left' }, cell: extraText },
  ];
  const kept = all.filter(
    ({ cell, empty }) =>
      empty === undefined || chain.rules.some((rule, index) => cell(rule, index) !== empty),
  );
  const rows = shown.flatMap((index) => {
    const rule = chain.rules[index];
    return rule === undefined ? [] : [kept.map(({ cell }) => cell(rule, index))];
  });
  return {
    columns: kept.map(({ column }) => column),
    rows,
    target: kept.findIndex(({ column }) => column.heading === 'target'),
  };
}
