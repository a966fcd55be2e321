/** The sets of a ruleset that is being read: changed by ipset commands, looked up by rules. */

import { SetCollection } from '../../sets/collection.ts';
import type { OpenFamily, OpenRule } from '../iptables/tables.ts';
import type { OpenSets } from './run.ts';

function refersTo({ matches, target }: OpenRule, name: string): number {
  const inMatches = matches.filter((match) => match.setNames.includes(name)).length;
  return inMatches + (target.kind === 'target' && target.target.setNames.includes(name) ? 1 : 0);
}

/**
 * An empty collection.
 * @param families the tables whose rules may refer to sets
 */
export function openSets(families: ReadonlyMap<unknown, OpenFamily>): OpenSets {
  return {
    collection: new SetCollection(),
    references(name) {
      let sum = 0;
      for (const family of families.values())
        for (const table of family.tables.values())
          for (const chain of table.chains())
            for (const rule of chain.rules) sum += refersTo(rule, name);
      return sum;
    },
  };
}
