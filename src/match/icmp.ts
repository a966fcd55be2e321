/**
 * -m icmp: type and code of an ICMP message. As icmp_match (net/netfilter/xt_tcpudp.c): the eight
 * bytes of the header must be there, and type 255 ("any") stands for every type and code.
 */
import type { MatchDefinition } from './definition.ts';
import type { IcmpOptions } from './icmp-common.ts';
import { explainIcmp, matchIcmp, readIcmpOptions } from './icmp-common.ts';
import { ICMP_TYPES, listedIcmpType, savedIcmpType } from './icmp-types.ts';
import { requireProtocol } from './refusal.ts';

const ANY_TYPE = 255;

/** -m icmp. */
export const icmp: MatchDefinition<IcmpOptions> = {
  name: 'icmp',
  families: [4],
  help: 'type and code of an ICMP message; needs -p icmp',
  options: [
    {
      name: 'icmp-type',
      argument: 'type[/code]',
      invertible: true,
      help: 'type by name or number, with a code if wanted; any',
    },
  ],
  reads: ['icmp', 'fragment'],
  parse(uses, context) {
    const options = readIcmpOptions('icmp', icmp.options, uses, ICMP_TYPES);
    requireProtocol('icmp', context, 1, 'icmp');
    return options;
  },
  print: (options) =>
    `${options.inverted ? '! ' : ''}--icmp-type ${options.type === ANY_TYPE ? 'any' : savedIcmpType(options)}`,
  list: (options, numeric) =>
    `icmp${listedIcmpType(ICMP_TYPES, options, options.inverted, numeric)}`,
  matches: (options, context) => matchIcmp(options, context, options.type === ANY_TYPE),
  explain: (options, context) =>
    explainIcmp('icmp-type', ICMP_TYPES, options, context, options.type === ANY_TYPE),
};
