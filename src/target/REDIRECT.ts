/** -j REDIRECT: translates the destination to this host (net/netfilter/xt_REDIRECT.c). */
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import type { NatRange } from './nat-range.ts';
import { NO_RANGE, natText, parsePorts, translate } from './nat-range.ts';

/** -j REDIRECT. */
export const REDIRECT: TargetDefinition<NatRange> = {
  name: 'REDIRECT',
  families: [4, 6],
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  help: 'accept the packet and translate its destination to this host',
  options: [
    { name: 'to-ports', argument: 'port[-port]', help: 'port of this host' },
    { name: 'random', help: 'choose the port at random' },
  ],
  parse(uses, context) {
    let range: NatRange = NO_RANGE;
    readOptions('REDIRECT', REDIRECT.options, uses, {
      'to-ports': (use) => {
        range = { ...range, ...parsePorts(use, argument(use), context) };
      },
      random: () => {
        range = { ...range, random: true };
      },
    });
    if (range.base !== undefined) {
      const message = 'Shifted portmap ranges not supported with this kernel';
      throw new OptionError('bad-port', message, { option: 'to-ports' });
    }
    return range;
  },
  print: (range) => natText(range, '--to-ports ', '--', true),
  list: (range) => natText(range, 'redir ports ', '', true),
  tracksConnections: () => true,
  apply: (range, context) =>
    translate(context, 'destination', `REDIRECT ${natText(range, '--to-ports ', '--', true)}`),
};
