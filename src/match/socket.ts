/**
 * -m socket: an open socket of this host would take the packet (revision 3 of
 * net/netfilter/xt_socket.c). No capture shows the sockets; what can have none does not match: only
 * TCP, UDP and ICMP errors are looked up.
 */
import { HEADER_PRESENT, joined, transportHeader } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO } from './definition.ts';
import { flagText, notCaptured } from './host-facts.ts';
import { readOptions } from './options.ts';

/** Options of -m socket. */
export interface SocketOptions {
  readonly transparent: boolean;
  readonly nowildcard: boolean;
  readonly restoreSkmark: boolean;
}

const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const PROTOCOL_ICMPV6 = 58;

function flags({ transparent, nowildcard, restoreSkmark }: SocketOptions): string {
  return joined(
    flagText('transparent', transparent),
    flagText('nowildcard', nowildcard),
    flagText('restore-skmark', restoreSkmark),
  );
}

/** -m socket. */
export const socket: MatchDefinition<SocketOptions> = {
  name: 'socket',
  families: [4, 6],
  hooks: ['PREROUTING', 'INPUT'],
  help: 'an open socket of this host would take the packet',
  options: [
    { name: 'transparent', help: 'only sockets with IP_TRANSPARENT' },
    { name: 'nowildcard', help: 'also listening sockets bound to any address' },
    { name: 'restore-skmark', help: "sets the packet's mark to that of the socket" },
  ],
  reads: ['host', 'protocol', 'icmp'],
  assumable: true,
  parse(uses) {
    readOptions('socket', socket.options, uses, {});
    const used = (name: string): boolean => uses.some((use) => use.name === name);
    return {
      transparent: used('transparent'),
      nowildcard: used('nowildcard'),
      restoreSkmark: used('restore-skmark'),
    };
  },
  print: flags,
  list: (options) => joined('socket', flags(options)),
  matches(options, context) {
    const { packet } = context;
    const { protocol, family } = packet;
    const icmp = family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP && protocol !== icmp) return NO;
    if (protocol === icmp && transportHeader(packet, 1) === HEADER_PRESENT) {
      const type = packet.icmpType;
      const error = family === 4 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
      if (!error) return NO;
    }
    if (options.restoreSkmark) {
      context.unknown ??= {
        what: ['mark'],
        reason: '-m socket --restore-skmark: no capture shows the mark of a socket',
      };
    }
    return notCaptured(context, 'socket', 'the open sockets of this host');
  },
  explain: () => 'socket: neither TCP, UDP nor an ICMP error',
};
