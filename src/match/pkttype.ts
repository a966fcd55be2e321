/**
 * -m pkttype: for whom the frame was, by its link layer (net/netfilter/xt_pkttype.c).
 */
import {
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  PACKET_TYPE_UNKNOWN,
} from '../packet/fields.ts';
import { undecided, unequal } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { packetTypeOf } from './packet-type.ts';

/** Options of -m pkttype. */
export interface PkttypeOptions {
  /** PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST or PACKET_OTHERHOST. */
  readonly type: number;
  readonly inverted: boolean;
}

/** Names that iptables 1.8.9 takes; the first for a type is printed. */
const TYPES: readonly (readonly [string, number])[] = [
  ['unicast', PACKET_HOST],
  ['broadcast', PACKET_BROADCAST],
  ['multicast', PACKET_MULTICAST],
  ['otherhost', PACKET_OTHERHOST],
  ['bcast', PACKET_BROADCAST],
  ['mcast', PACKET_MULTICAST],
  ['host', PACKET_HOST],
];

function typeName(type: number): string {
  return TYPES.find(([, known]) => known === type)?.[0] ?? `${type}`;
}

/** -m pkttype. */
export const pkttype: MatchDefinition<PkttypeOptions> = {
  name: 'pkttype',
  families: [4, 6],
  help: 'for whom the frame was, by its link layer',
  options: [
    {
      name: 'pkt-type',
      argument: 'type',
      invertible: true,
      help: 'unicast (host), broadcast (bcast), multicast (mcast) or otherhost',
    },
  ],
  reads: ['packet-type', 'addresses', 'interfaces', 'topology'],
  parse(uses) {
    let options: PkttypeOptions = { type: PACKET_HOST, inverted: false };
    readOptions('pkttype', pkttype.options, uses, {
      'pkt-type': (use) => {
        const text = argument(use);
        const found = TYPES.find(([name]) => name === text.toLowerCase());
        if (found === undefined) {
          throw new OptionError('bad-value', `Bad packet type '${text}'`, {
            option: 'pkt-type',
            hint: 'unicast, broadcast, multicast or otherhost',
          });
        }
        options = { type: found[1], inverted: use.inverted };
      },
    });
    requireOption('pkttype', uses, 'pkt-type');
    return options;
  },
  print: ({ type, inverted }) => `${inverted ? '! ' : ''}--pkt-type ${typeName(type)}`,
  list: ({ type, inverted }) => `PKTTYPE ${inverted ? '!=' : '='} ${typeName(type)}`,
  matches({ type, inverted }, context) {
    const has = packetTypeOf(context);
    // Frames for another host never come to the IP hooks.
    if (type !== PACKET_OTHERHOST && has === PACKET_TYPE_UNKNOWN) {
      return undecided(context, 'the capture lacks the link layer, which --pkt-type looks at');
    }
    return (has === type) !== inverted ? YES : NO;
  },
  explain: ({ type, inverted }, context) => {
    const has = packetTypeOf(context);
    const text = has === PACKET_TYPE_UNKNOWN ? 'unknown' : typeName(has);
    return unequal('pkt-type', inverted, text, typeName(type));
  },
};
