/**
 * -j NETMAP: translates a whole network to another one, host by host: the destination in PREROUTING
 * and OUTPUT, the source in INPUT and POSTROUTING (net/netfilter/xt_NETMAP.c).
 */
import type { MaskedHost } from '../match/numeric-address.ts';
import { addressText, maskedHost, maskLength } from '../match/numeric-address.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import { HOOK_OUTPUT, HOOK_PREROUTING } from '../ruleset/types.ts';
import type { TargetDefinition } from './definition.ts';
import { translate } from './nat-range.ts';

/** `192.0.2.0/24`, always with its length. */
function networkText({ address, mask }: MaskedHost): string {
  return `${addressText(address)}/${maskLength(mask)}`;
}

/** -j NETMAP. */
export const NETMAP: TargetDefinition<MaskedHost> = {
  name: 'NETMAP',
  families: [4, 6],
  tables: ['nat'],
  hooks: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  help: 'accept the packet and translate its network to another one',
  options: [{ name: 'to', argument: 'address[/mask]', help: 'network to translate to' }],
  parse(uses, { family }) {
    let network: MaskedHost = { address: [], mask: [] };
    readOptions('NETMAP', NETMAP.options, uses, {
      to: (use) => {
        const { address, mask } = maskedHost('NETMAP', 'to', argument(use), family);
        network = { address: address.map((word, i) => word & (mask[i] ?? 0)), mask };
      },
    });
    requireOption('NETMAP', uses, 'to');
    return network;
  },
  print: (network) => `--to ${networkText(network)}`,
  list: (network) => `to:${networkText(network)}`,
  tracksConnections: () => true,
  apply(network, context) {
    const destination = context.hook === HOOK_PREROUTING || context.hook === HOOK_OUTPUT;
    const which = destination ? 'destination' : 'source';
    return translate(context, which, `NETMAP --to ${networkText(network)}`);
  },
};
