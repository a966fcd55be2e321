/** What fwreplay lists, in the order of LISTINGS of real-tool.ts. */
import { printCommands, printList } from '../../src/language/iptables/print.ts';
import type { FamilyRuleset, TableName } from '../../src/ruleset/types.ts';

/** A table in the forms of LISTINGS. */
export function ownListings(ruleset: FamilyRuleset, table: TableName): string[] {
  return [
    printCommands(ruleset, { table }),
    printCommands(ruleset, { table, verbose: true }),
    printList(ruleset, { table }),
    printList(ruleset, { table, numeric: true }),
    printList(ruleset, { table, verbose: true }),
    printList(ruleset, { table, verbose: true, numeric: true, exact: true, lineNumbers: true }),
  ];
}
