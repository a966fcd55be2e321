/**
 * -m helper: the packet belongs to a connection that the helper of another one (ftp, sip …)
 * expected. As net/netfilter/xt_helper.c: it looks at the helper of the master connection, so a
 * packet of the master itself does not match, and a packet without one only matches inverted.
 */
import { IPS_EXPECTED } from '../conntrack/types.ts';
import { undecided } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { cutToBytes, savedString } from './values.ts';

/** Options of -m helper. */
export interface HelperOptions {
  /** At most 29 bytes; '' for any helper. */
  readonly helper: string;
  readonly inverted: boolean;
}

const LONGEST_NAME = 29;

/** -m helper. */
export const helper: MatchDefinition<HelperOptions> = {
  name: 'helper',
  families: [4, 6],
  help: 'the connection was expected by a connection tracking helper',
  options: [
    {
      name: 'helper',
      argument: 'name',
      invertible: true,
      help: 'name of the helper (ftp, sip …), empty for any',
    },
  ],
  reads: ['connection', 'ctstate'],
  parse(uses) {
    let options: HelperOptions = { helper: '', inverted: false };
    readOptions('helper', helper.options, uses, {
      helper: (use) => {
        options = { helper: cutToBytes(argument(use), LONGEST_NAME), inverted: use.inverted };
      },
    });
    requireOption('helper', uses, 'helper');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--helper ${savedString(options.helper)}`,
  list: (options) => `helper match ${options.inverted ? '! ' : ''}"${options.helper}"`,
  matches({ inverted }, context) {
    const { connection } = context;
    if (connection !== undefined && (connection.status & IPS_EXPECTED) !== 0)
      return undecided(context, '-m helper: which helper expected the connection is not known');
    return inverted ? YES : NO;
  },
  explain: (options) => `--helper: no helper expected the connection (${options.helper || 'any'})`,
};
