/** What `iptables -V` and `iptables -h` print. */
import { matchNames } from '../../match/registry.ts';
import type { Family } from '../../ruleset/types.ts';
import { targetNames } from '../../target/registry.ts';

/** The version whose behaviour is reproduced. */
const VERSION = '1.8.9 (legacy)';

function toolName(family: Family): string {
  return family === 4 ? 'iptables' : 'ip6tables';
}

/** Output of -V; of `! -V` when `inverted`. */
export function versionText(family: Family, inverted: boolean): string {
  return inverted ? `Not ${VERSION} ;-)\n` : `${toolName(family)} v${VERSION}\n`;
}

/** Output of -h: the commands in short, and what is supported here. */
export function helpText(family: Family): string {
  const tool = toolName(family);
  return `${tool} v${VERSION}, as fwreplay reads it
  ${tool} [-t TABLE] -A|-C|-D CHAIN RULE    append, check, delete a rule
  ${tool} [-t TABLE] -I CHAIN [N] RULE      insert a rule, first by default
  ${tool} [-t TABLE] -R CHAIN N RULE        replace a rule
  ${tool} [-t TABLE] -D CHAIN N             delete by number
  ${tool} [-t TABLE] -L|-S|-Z [CHAIN [N]]   list, print as commands, zero counters
  ${tool} [-t TABLE] -F|-X [CHAIN]          flush, delete a chain
  ${tool} [-t TABLE] -N CHAIN               new chain
  ${tool} [-t TABLE] -E CHAIN NEW-NAME      rename a chain
  ${tool} [-t TABLE] -P CHAIN ACCEPT|DROP   policy of a built-in chain
matches: ${matchNames(family).join(' ')}
targets: ${targetNames(family).join(' ')}
`;
}
