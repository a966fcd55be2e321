/**
 * -m nfacct: counts the packet in a named counter and holds; with a counter that has a quota, only
 * above it (net/netfilter/xt_nfacct.c). The counter is no part of the ruleset, so whether it has a
 * quota is not known.
 */
import type { MatchDefinition } from './definition.ts';
import { OptionError } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { cutToBytes, savedString } from './values.ts';

/** Options of -m nfacct. */
export interface NfacctOptions {
  readonly name: string;
}

const LONGEST_NAME = 31;

/** -m nfacct. */
export const nfacct: MatchDefinition<NfacctOptions> = {
  name: 'nfacct',
  families: [4, 6],
  help: 'counts in a named counter of nfacct(8); holds unless the counter has a quota not yet reached',
  options: [{ name: 'nfacct-name', argument: 'name', help: 'name of the counter' }],
  reads: ['host'],
  assumable: true,
  parse(uses) {
    let name = '';
    readOptions('nfacct', nfacct.options, uses, {
      'nfacct-name': (use) => {
        const text = argument(use);
        if (text === '') {
          throw new OptionError(
            'bad-value',
            'Argument must have a minimum length of 1 characters',
            {
              option: 'nfacct-name',
            },
          );
        }
        if (text.includes('\n')) {
          throw new OptionError('bad-value', 'Newlines not allowed in --nfacct-name', {
            option: 'nfacct-name',
          });
        }
        name = cutToBytes(text, LONGEST_NAME);
      },
    });
    requireOption('nfacct', uses, 'nfacct-name');
    return { name };
  },
  // Two spaces, as the real tool prints them.
  print: ({ name }) => `--nfacct-name  ${savedString(name)}`,
  list: ({ name }) => `nfacct-name  ${savedString(name)}`,
  matches: ({ name }, context) =>
    notCaptured(context, 'nfacct', `whether the counter ${name} has a quota`),
  explain: () => '--nfacct-name: the counter is not known',
};
