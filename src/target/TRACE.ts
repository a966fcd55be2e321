/**
 * -j TRACE: from here on each rule that the packet meets is reported to the kernel's log or trace
 * listeners (net/netfilter/xt_TRACE.c). It changes nothing of what happens to the packet.
 */
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** -j TRACE. */
export const TRACE: TargetDefinition<Record<string, never>> = {
  name: 'TRACE',
  families: [4, 6],
  tables: ['raw'],
  help: 'trace the packet through all later rules and go on with the next rule',
  options: [],
  parse: () => ({}),
  print: () => '',
  list: () => '',
  apply(_, context) {
    context.traced = true;
    return TARGET_CONTINUE;
  },
};
