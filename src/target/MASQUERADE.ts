/** -j MASQUERADE: translates the source to the outgoing interface's address (xt_MASQUERADE.c). */
import { argument, readOptions } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import type { NatRange } from './nat-range.ts';
import { NO_RANGE, natText, parsePorts, translate } from './nat-range.ts';

/** -j MASQUERADE. */
export const MASQUERADE: TargetDefinition<NatRange> = {
  name: 'MASQUERADE',
  families: [4, 6],
  tables: ['nat'],
  hooks: ['POSTROUTING'],
  help: "accept the packet and translate its source to the outgoing interface's address",
  options: [
    { name: 'to-ports', argument: 'port[-port]', help: 'source ports to use' },
    { name: 'random', help: 'choose ports at random' },
    { name: 'random-fully', help: 'choose ports wholly at random' },
  ],
  parse(uses, context) {
    let range: NatRange = NO_RANGE;
    readOptions('MASQUERADE', MASQUERADE.options, uses, {
      'to-ports': (use) => {
        range = { ...range, ...parsePorts(use, argument(use), context) };
        // The structure of this target has no room for the base port: it is lost, seen on 1.8.9.
        if (range.base !== undefined) range = { ...range, base: 0 };
      },
      random: () => {
        range = { ...range, random: true };
      },
      'random-fully': () => {
        range = { ...range, randomFully: true };
      },
    });
    return range;
  },
  print: (range) => natText(range, '--to-ports ', '--', true),
  list: (range) => natText(range, 'masq ports: ', '', true),
  tracksConnections: () => true,
  apply: (range, context) =>
    translate(context, 'source', `MASQUERADE ${natText(range, '--to-ports ', '--', true)}`),
};
