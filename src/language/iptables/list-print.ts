/**
 * `iptables -L` in all its forms: columns, widths and names as print_firewall and print_header of
 * 1.8.9. Addresses are never looked up in the DNS: they stay numbers where the real tool would ask.
 */
import type { Chain, Family, InterfaceMatch, Rule, RuleTarget } from '../../ruleset/types.ts';
import { listedAddress } from './addresses.ts';
import { nameOfProtocol } from './protocols.ts';

/** The options of -L. */
export interface ListStyle {
  /** -n: no names. */
  readonly numeric: boolean;
  /** -v: counters and interfaces. */
  readonly verbose: boolean;
  /** -x: exact counters instead of K, M, G. */
  readonly exact: boolean;
  /** --line-numbers. */
  readonly lineNumbers: boolean;
}

/** A count as xtables_print_num shows it: from 100,000 on in units of 1000, rounded. */
function shortNumber(count: number): string {
  if (count <= 99999) return `${count}`;
  let number = count;
  for (const unit of ['K', 'M', 'G']) {
    number = Math.floor((number + 500) / 1000);
    if (number <= 9999) return `${number}${unit}`;
  }
  return `${Math.floor((number + 500) / 1000)}T`;
}

function counter(count: number, exact: boolean): string {
  return exact ? `${`${count}`.padStart(8)} ` : `${shortNumber(count).padStart(5)} `;
}

/** The two heading lines of a chain. `references`: number of rules that jump to a user's chain. */
export function listHeader(chain: Chain, references: number, style: ListStyle): string {
  const { verbose, exact, lineNumbers } = style;
  let text = `Chain ${chain.name}`;
  if (chain.policy === undefined) text += ` (${references} references)\n`;
  else {
    const show = (count: number): string => (exact ? `${count}` : shortNumber(count));
    const counters = verbose ? ` ${show(chain.packets)} packets, ${show(chain.bytes)} bytes` : '';
    text += ` (policy ${chain.policy}${counters})\n`;
  }
  if (lineNumbers) text += 'num  ';
  if (verbose) text += exact ? '    pkts      bytes ' : ' pkts bytes ';
  text += 'target     prot opt';
  if (verbose) text += ` ${'in'.padEnd(6)} ${'out'.padEnd(6)} `;
  return `${text} ${'source'.padEnd(19)}  ${'destination'.padEnd(19)} \n`;
}

function targetName(target: RuleTarget): string {
  if (target.kind === 'none') return '';
  return target.kind === 'target' ? target.target.listedAs : target.chain;
}

function protocolColumn(rule: Rule, numeric: boolean): string {
  // The tool keeps 8 bits of it here: mptcp (262) is listed as tcp.
  const number = (rule.ip.protocol?.number ?? 0) & 0xff;
  const name = numeric ? undefined : nameOfProtocol(number);
  return `${rule.ip.protocol?.inverted === true ? '!' : ' '}${(name ?? `${number}`).padEnd(4)} `;
}

function fragmentColumn(rule: Rule): string {
  const { fragment } = rule.ip;
  if (fragment === undefined) return '-- ';
  return fragment.inverted ? '!f ' : '-f ';
}

function interfaceColumn(wanted: InterfaceMatch | undefined, numeric: boolean): string {
  if (wanted === undefined) return numeric ? '*' : 'any';
  return `${wanted.inverted ? '!' : ''}${wanted.name}${wanted.wildcard ? '+' : ''}`;
}

/** What matches and target say behind the columns, each part with its leading space. */
function extras(rule: Rule, numeric: boolean): string {
  let text = rule.target.kind === 'goto' ? '[goto] ' : '';
  const add = (part: string, blank: boolean): void => {
    if (part !== '') text += blank ? ` ${part}` : part;
  };
  for (const match of rule.matches) add(match.list(numeric), !match.listedWithoutBlank);
  if (rule.target.kind === 'target') add(rule.target.target.list(numeric), true);
  return text;
}

/** One rule's line with its newline. `number`: from 1. */
export function listRule(rule: Rule, number: number, style: ListStyle, family: Family): string {
  const { numeric, verbose, exact, lineNumbers } = style;
  let text = lineNumbers ? `${`${number}`.padEnd(4)} ` : '';
  if (verbose) text += counter(rule.packets, exact) + counter(rule.bytes, exact);
  text += `${targetName(rule.target).padEnd(9)} `;
  text += protocolColumn(rule, numeric) + fragmentColumn(rule);
  if (verbose) {
    const { inInterface, outInterface } = rule.ip;
    text += ` ${interfaceColumn(inInterface, numeric).padEnd(6)} `;
    text += `${interfaceColumn(outInterface, numeric).padEnd(6)} `;
  }
  const { source, destination } = rule.ip;
  const column = (inverted: boolean, address: string): string =>
    `${inverted ? '!' : ' '}${address.padEnd(19)} `;
  text += column(source?.inverted === true, listedAddress(source, numeric, family));
  text += column(destination?.inverted === true, listedAddress(destination, numeric, family));
  return `${text}${extras(rule, numeric)}\n`;
}

/** The line that `iptables -v -A …` prints for the rule it adds. */
export function announcedRule(rule: Rule, family: Family): string {
  const { source, destination, inInterface, outInterface, protocol } = rule.ip;
  const name = nameOfProtocol(protocol?.number ?? 0) ?? `${protocol?.number ?? 0}`;
  const inverted = (is: boolean | undefined): string => (is === true ? '!' : ' ');
  let text = `${targetName(rule.target)} ${inverted(protocol?.inverted)}${name} `;
  text += `opt ${fragmentColumn(rule)}`;
  text += `in ${interfaceColumn(inInterface, true)} out ${interfaceColumn(outInterface, true)} `;
  text += `${inverted(source?.inverted)}${listedAddress(source, true, family)} `;
  text += `${inverted(destination?.inverted)}-> ${listedAddress(destination, true, family)}`;
  return `${text}  ${extras(rule, true)}\n`;
}
