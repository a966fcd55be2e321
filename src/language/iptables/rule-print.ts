/**
 * One rule as iptables-save and `iptables -S` print it. Byte for byte what 1.8.9 prints, because
 * people compare it with `diff`.
 */
import type { Family, InterfaceMatch, IpMatch, Rule } from '../../ruleset/types.ts';
import { savedAddress } from './addresses.ts';
import { nameOfProtocol } from './protocols.ts';

/** An interface as save_iface prints it; one that matches any name (`+`) is not printed at all. */
function savedInterface(letter: 'i' | 'o', wanted: InterfaceMatch | undefined): string {
  if (wanted === undefined || (wanted.wildcard && wanted.name === '')) return '';
  const plus = wanted.wildcard ? '+' : '';
  return `${wanted.inverted ? ' !' : ''} -${letter} ${wanted.name}${plus}`;
}

/** The conditions without matches, each with a leading space: ` -s 192.0.2.0/24 -p tcp`. */
export function savedConditions(ip: IpMatch): string {
  let text = savedAddress('s', ip.source) + savedAddress('d', ip.destination);
  text += savedInterface('i', ip.inInterface) + savedInterface('o', ip.outInterface);
  const { protocol, fragment } = ip;
  if (protocol !== undefined) {
    const name = nameOfProtocol(protocol.number) ?? `${protocol.number}`;
    text += `${protocol.inverted ? ' !' : ''} -p ${name}`;
  }
  if (fragment !== undefined) text += fragment.inverted ? ' ! -f' : ' -f';
  return text;
}

function savedTarget(rule: Rule): string {
  const { target } = rule;
  if (target.kind === 'none') return '';
  if (target.kind === 'target') return ` -j ${target.target.text}`;
  return ` -${target.kind === 'goto' ? 'g' : 'j'} ${target.chain}`;
}

/** Where counters go: nowhere, in front as iptables-save -c, or behind as `iptables -S -v`. */
export type CounterPlace = 'none' | 'front' | 'behind';

/** A rule's line, without the newline. */
export function savedRule(rule: Rule, chain: string, counters: CounterPlace): string {
  const front = counters === 'front' ? `[${rule.packets}:${rule.bytes}] ` : '';
  const behind = counters === 'behind' ? ` -c ${rule.packets} ${rule.bytes}` : '';
  let matches = '';
  for (const match of rule.matches) matches += ` ${match.text}`;
  return `${front}-A ${chain}${savedConditions(rule.ip)}${matches}${behind}${savedTarget(rule)}`;
}

/**
 * A rule as `iptables -S` prints it: `-A INPUT -s 192.0.2.0/24 -j DROP`. Both families print alike;
 * the family is there for callers that have it at hand and for printers to come.
 */
export function ruleText(rule: Rule, chain: string, _family: Family): string {
  return savedRule(rule, chain, 'none');
}
