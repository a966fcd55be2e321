/**
 * All targets that rules may use. One line each; a test compares the list with the folder.
 */
import type { Family } from '../ruleset/types.ts';
import type { RegisteredTarget } from './definition.ts';
import { registerTarget } from './definition.ts';
import { LOG } from './LOG.ts';
import { MARK } from './MARK.ts';
import { REJECT } from './REJECT.ts';
import { ACCEPT, DROP, RETURN } from './verdicts.ts';

/** Every target, by name. */
export const allTargets: readonly RegisteredTarget[] = [
  registerTarget(ACCEPT),
  registerTarget(DROP),
  registerTarget(LOG),
  registerTarget(MARK),
  registerTarget(REJECT),
  registerTarget(RETURN),
];

/** The target of a name in a family. */
export function findTarget(name: string, family: Family): RegisteredTarget | undefined {
  return allTargets.find((target) => target.name === name && target.families.includes(family));
}

/** Names of the family's targets, sorted. */
export function targetNames(family: Family): string[] {
  return allTargets
    .filter((target) => target.families.includes(family))
    .map((target) => target.name);
}
