/**
 * How many rules jump or go to each chain of a table: what `iptables -L` calls references, and what
 * must be 0 before a chain can be deleted.
 */
import type { Chain } from './types.ts';

/** References by chain name; chains without any are absent. */
export function referenceCounts(chains: Iterable<Chain>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { rules } of chains) {
    for (const { target } of rules) {
      if ('chain' in target) counts.set(target.chain, (counts.get(target.chain) ?? 0) + 1);
    }
  }
  return counts;
}
