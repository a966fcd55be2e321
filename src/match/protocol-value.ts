/** Protocols as option values of matches (XTTYPE_PROTOCOL). */
import { protocolNumber } from '../packet/text.ts';
import { OptionError } from './definition.ts';
import { unsignedNumber } from './values.ts';

/** Names that iptables knows beside /etc/protocols (xtables_chain_protos). */
const OWN_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['all', 0],
  ['icmpv6', 58],
  ['mobility-header', 135],
  ['ipv6-mh', 135],
  ['mh', 135],
]);

/**
 * A protocol by number or name.
 * @throws OptionError unknown-protocol
 */
export function parseProtocolValue(text: string, option: string): number {
  const number = unsignedNumber(text, 255) ?? protocolNumber(text) ?? OWN_PROTOCOLS.get(text);
  if (number === undefined) {
    throw new OptionError('unknown-protocol', `unknown protocol "${text}" specified`, {
      option,
      hint: 'a protocol is a number from 0 to 255 or a name such as tcp',
    });
  }
  return number;
}
