/**
 * -j AUDIT: a record for the audit daemon of what is going to happen to the packet; it goes on to the
 * next rule (net/netfilter/xt_AUDIT.c). Nothing is recorded here, but the rule counts.
 */
import { OptionError } from '../match/definition.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j AUDIT. */
export interface AuditOptions {
  readonly type: string;
}

const TYPES = ['accept', 'drop', 'reject'];

/** -j AUDIT. */
export const AUDIT: TargetDefinition<AuditOptions> = {
  name: 'AUDIT',
  families: [4, 6],
  help: 'write a record to the audit log and go on with the next rule',
  options: [{ name: 'type', argument: 'type', help: 'accept, drop or reject: what is recorded' }],
  parse(uses) {
    let type = '';
    readOptions('AUDIT', AUDIT.options, uses, {
      type: (use) => {
        type = argument(use).toLowerCase();
        if (TYPES.includes(type)) return;
        throw new OptionError('bad-value', `Bad action type value "${argument(use)}"`, {
          option: 'type',
          hint: `types are ${TYPES.join(', ')}`,
        });
      },
    });
    requireOption('AUDIT', uses, 'type');
    return { type };
  },
  print: ({ type }) => `--type ${type}`,
  list: ({ type }) => `AUDIT ${type}`,
  apply: () => TARGET_CONTINUE,
};
