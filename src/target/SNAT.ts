/** -j SNAT: translates the source of a connection to given addresses (net/netfilter/xt_nat.c). */
import { readOptions, requireOption } from '../match/options.ts';
import type { TargetDefinition } from './definition.ts';
import type { NatRange } from './nat-range.ts';
import { NO_RANGE, natText, parseTo, translate } from './nat-range.ts';

/** -j SNAT. */
export const SNAT: TargetDefinition<NatRange> = {
  name: 'SNAT',
  families: [4, 6],
  tables: ['nat'],
  hooks: ['INPUT', 'POSTROUTING'],
  help: 'accept the packet and translate the source of its connection',
  options: [
    { name: 'to-source', argument: 'address[-address][:port[-port]]', help: 'what to' },
    { name: 'random', help: 'choose ports at random' },
    { name: 'random-fully', help: 'choose ports wholly at random' },
    { name: 'persistent', help: 'the same address for all connections of a client' },
  ],
  parse(uses, context) {
    let range: NatRange = NO_RANGE;
    readOptions('SNAT', SNAT.options, uses, {
      'to-source': (use) => {
        range = { ...range, ...parseTo(use, context) };
        // The structure of this target has no room for the base port: it is lost, seen on 1.8.9.
        if (range.base !== undefined) range = { ...range, base: 0 };
      },
      random: () => {
        range = { ...range, random: true };
      },
      'random-fully': () => {
        range = { ...range, randomFully: true };
      },
      persistent: () => {
        range = { ...range, persistent: true };
      },
    });
    requireOption('SNAT', uses, 'to-source');
    return range;
  },
  print: (range) => natText(range, '--to-source ', '--', false),
  list: (range) => natText(range, 'to:', '', false),
  tracksConnections: () => true,
  apply: (range, context) =>
    translate(context, 'source', `SNAT ${natText(range, '--to-source ', '--', false)}`),
};
