/** Protocol names as iptables reads and prints them: its own short table before /etc/protocols. */
import { unsignedNumber } from '../../match/values.ts';
import { protocolName, protocolNumber } from '../../packet/text.ts';

/** xtables_chain_protos; for printing the first with a number counts. */
const OWN: readonly (readonly [string, number])[] = [
  ['tcp', 6],
  ['sctp', 132],
  ['udp', 17],
  ['udplite', 136],
  ['icmp', 1],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['esp', 50],
  ['ah', 51],
  ['mobility-header', 135],
  ['ipv6-mh', 135],
  ['mh', 135],
  ['all', 0],
];

/** Number of a protocol given by number (any base, at most 255) or name; undefined: unknown. */
export function parseProtocol(text: string): number | undefined {
  const number = unsignedNumber(text, 255);
  if (number !== undefined) return number;
  return OWN.find(([name]) => name === text)?.[1] ?? protocolNumber(text);
}

/** Name of a protocol number, undefined when it has none. */
export function nameOfProtocol(number: number): string | undefined {
  const own = OWN.find(([, value]) => value === number)?.[0];
  if (own !== undefined) return own;
  const name = protocolName(number);
  return name === `${number}` ? undefined : name;
}

/** All names, for suggestions. */
export function ownProtocolNames(): string[] {
  return OWN.map(([name]) => name);
}
