/**
 * -j SECMARK: sets the packet's security mark (SELinux) and goes on (net/netfilter/xt_SECMARK.c). No
 * match reads it, so nothing happens here.
 */
import { readOptions, requireOption } from '../match/options.ts';
import { textValue } from '../match/text-value.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j SECMARK. */
export interface SecmarkOptions {
  /** At most 255 bytes. */
  readonly context: string;
}

/** -j SECMARK. */
export const SECMARK: TargetDefinition<SecmarkOptions> = {
  name: 'SECMARK',
  families: [4, 6],
  tables: ['mangle', 'security'],
  help: "set the packet's security mark and go on with the next rule",
  options: [{ name: 'selctx', argument: 'context', help: 'SELinux security context' }],
  parse(uses) {
    let context = '';
    readOptions('SECMARK', SECMARK.options, uses, {
      selctx: (use) => {
        context = textValue(use, { kept: 255 });
      },
    });
    requireOption('SECMARK', uses, 'selctx');
    return { context };
  },
  print: ({ context }) => `--selctx ${context}`,
  list: ({ context }) => `SECMARK selctx ${context}`,
  apply: () => TARGET_CONTINUE,
};
