/** -j NOTRACK: the packet is not tracked, as with -j CT --notrack (net/netfilter/xt_CT.c). */
import { leaveUntracked } from './CT.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** -j NOTRACK. */
export const NOTRACK: TargetDefinition<Record<string, never>> = {
  name: 'NOTRACK',
  listedAs: 'CT',
  families: [4, 6],
  tables: ['raw'],
  help: 'do not track the packet and go on with the next rule',
  writes: ['ctstate', 'connection'],
  options: [],
  parse: () => ({}),
  print: () => '',
  list: () => 'NOTRACK',
  apply(_, context) {
    leaveUntracked(context);
    return TARGET_CONTINUE;
  },
};
