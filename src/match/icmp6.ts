/**
 * -m icmp6: type and code of an ICMPv6 message. As icmp6_match (net/netfilter/xt_tcpudp.c): the
 * eight bytes of the header must be there; type 255 is a type like any other.
 */
import type { MatchDefinition } from './definition.ts';
import type { IcmpOptions } from './icmp-common.ts';
import { explainIcmp, matchIcmp, readIcmpOptions } from './icmp-common.ts';
import { ICMPV6_TYPES, listedIcmpType, savedIcmpType } from './icmp-types.ts';
import { requireProtocol } from './refusal.ts';

/** -m icmp6. */
export const icmp6: MatchDefinition<IcmpOptions> = {
  name: 'icmp6',
  aliases: ['icmpv6', 'ipv6-icmp'],
  families: [6],
  help: 'type and code of an ICMPv6 message; needs -p icmpv6',
  options: [
    {
      name: 'icmpv6-type',
      argument: 'type[/code]',
      invertible: true,
      help: 'type by name or number, with a code if wanted',
    },
  ],
  reads: ['icmp', 'fragment'],
  parse(uses, context) {
    const options = readIcmpOptions('icmp6', icmp6.options, uses, ICMPV6_TYPES);
    requireProtocol('icmp6', context, 58, 'icmpv6');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--icmpv6-type ${savedIcmpType(options)}`,
  list: (options, numeric) =>
    `ipv6-icmp${listedIcmpType(ICMPV6_TYPES, options, options.inverted, numeric)}`,
  matches: (options, context) => matchIcmp(options, context, false),
  explain: (options, context) => explainIcmp('icmpv6-type', ICMPV6_TYPES, options, context, false),
};
