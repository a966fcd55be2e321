/**
 * -j CHECKSUM: has the kernel fill in a checksum that was left to the network card, and goes on
 * (net/netfilter/xt_CHECKSUM.c). What a capture shows of it is not what any rule reads: nothing
 * changes here.
 */
import { readOptions, requireOption } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** -j CHECKSUM. */
export const CHECKSUM: TargetDefinition<Record<string, never>> = {
  name: 'CHECKSUM',
  families: [4, 6],
  tables: ['mangle'],
  help: 'fill in the checksum left to the network card and go on with the next rule',
  options: [{ name: 'checksum-fill', help: 'compute the checksum' }],
  parse(uses) {
    readOptions('CHECKSUM', CHECKSUM.options, uses, {});
    requireOption('CHECKSUM', uses, 'checksum-fill');
    return {};
  },
  print: () => '--checksum-fill',
  list: () => 'CHECKSUM fill',
  apply: () => TARGET_CONTINUE,
};
