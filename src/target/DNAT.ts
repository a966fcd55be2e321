/** -j DNAT: translates the destination of a connection (net/netfilter/xt_nat.c). */
import { readOptions, requireOption } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import type { NatRange } from './nat-range.ts';
import { NO_RANGE, natText, parseTo, translate } from './nat-range.ts';

/** -j DNAT. */
export const DNAT: TargetDefinition<NatRange> = {
  name: 'DNAT',
  families: [4, 6],
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  help: 'accept the packet and translate the destination of its connection',
  options: [
    { name: 'to-destination', argument: 'address[-address][:port[-port[/port]]]', help: 'what to' },
    { name: 'random', help: 'choose ports at random' },
    { name: 'persistent', help: 'the same address for all connections of a client' },
  ],
  parse(uses, context) {
    let range: NatRange = NO_RANGE;
    readOptions('DNAT', DNAT.options, uses, {
      'to-destination': (use) => {
        range = { ...range, ...parseTo(use, context) };
      },
      random: () => {
        range = { ...range, random: true };
      },
      persistent: () => {
        range = { ...range, persistent: true };
      },
    });
    requireOption('DNAT', uses, 'to-destination');
    return range;
  },
  print: (range) => natText(range, '--to-destination ', '--', false),
  list: (range) => natText(range, 'to:', '', false),
  tracksConnections: () => true,
  apply: (range, context) =>
    translate(context, 'destination', `DNAT ${natText(range, '--to-destination ', '--', false)}`),
};
