/**
 * -j CONNSECMARK: copies the security mark between packet and connection and goes on
 * (net/netfilter/xt_CONNSECMARK.c). No match reads it, so nothing happens here.
 */
import { OptionError } from '../match/definition.ts';
import { excludeEachOther, readOptions } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j CONNSECMARK. */
export interface ConnsecmarkOptions {
  readonly mode: 'save' | 'restore';
}

/** -j CONNSECMARK. */
export const CONNSECMARK: TargetDefinition<ConnsecmarkOptions> = {
  name: 'CONNSECMARK',
  families: [4, 6],
  tables: ['mangle', 'security'],
  help: 'copy the security mark between packet and connection and go on with the next rule',
  options: [
    { name: 'save', help: "copy the packet's mark to the connection, if that has none" },
    { name: 'restore', help: "copy the connection's mark to the packet, if that has none" },
  ],
  parse(uses) {
    let mode: ConnsecmarkOptions['mode'] | undefined;
    readOptions('CONNSECMARK', CONNSECMARK.options, uses, {
      save: () => {
        mode = 'save';
      },
      restore: () => {
        mode = 'restore';
      },
    });
    if (mode === undefined) {
      throw new OptionError('option-missing', 'CONNSECMARK target: parameter required', {
        hint: 'add --save or --restore',
      });
    }
    excludeEachOther('CONNSECMARK', uses, ['save', 'restore']);
    return { mode };
  },
  print: ({ mode }) => `--${mode}`,
  list: ({ mode }) => `CONNSECMARK ${mode}`,
  tracksConnections: () => true,
  apply: () => TARGET_CONTINUE,
};
