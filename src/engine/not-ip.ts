/** Names the frames that are not IP, so that the report can say what was skipped. */
import type { PacketView } from '../packet/fields.ts';

/** Names by EtherType (IEEE and linux/if_ether.h). */
const NAMES: Readonly<Record<number, string>> = {
  1: 'raw 802.3',
  4: '802.2 LLC',
  2054: 'ARP',
  32821: 'RARP',
  34827: 'PPP control',
  34887: 'MPLS',
  34888: 'MPLS multicast',
  34915: 'PPPoE discovery',
  34916: 'PPPoE session',
  34958: 'EAPOL',
  35020: 'LLDP',
  35045: 'MACsec',
  35063: 'PTP',
  35074: 'CFM',
  36864: 'loopback test',
};

/** What a frame without IP is: `not IP: ARP (0x0806)`. */
export function notIpReason({ etherType }: PacketView): string {
  const name = NAMES[etherType];
  const number = `0x${etherType.toString(16).padStart(4, '0')}`;
  return name === undefined ? `not IP: type ${number}` : `not IP: ${name} (${number})`;
}
