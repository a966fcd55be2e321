/**
 * -j TPROXY: hands the packet to a transparent proxy on this host (net/netfilter/xt_TPROXY.c): with a
 * socket there the packet gets a mark and passes, without one it is dropped. No capture shows the
 * socket, so the packet is undecided.
 */
import { addressText, hostAddress } from '../match/numeric-address.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import { lookedUpPort } from '../match/ports.ts';
import { kernelRefuses } from '../match/refusal.ts';
import type { MaskedMark } from '../match/values.ts';
import { hexText, maskedMark } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_UNDECIDED } from './definition.ts';

/** Options of -j TPROXY. */
export interface TproxyOptions {
  readonly port: number;
  /** One word, or four. */
  readonly address: readonly number[];
  readonly mark: MaskedMark;
}

const TCP = 6;
const UDP = 17;

/** -j TPROXY. */
export const TPROXY: TargetDefinition<TproxyOptions> = {
  name: 'TPROXY',
  families: [4, 6],
  tables: ['mangle'],
  hooks: ['PREROUTING'],
  help: 'hand the packet to a transparent proxy on this host; needs -p tcp or -p udp',
  options: [
    { name: 'on-port', argument: 'port', help: 'port of the proxy; 0: that of the packet' },
    { name: 'on-ip', argument: 'address', help: 'address of the proxy' },
    { name: 'tproxy-mark', argument: 'value[/mask]', help: 'mark that the packet gets' },
  ],
  parse(uses, { family, ip: { protocol } }) {
    let options: TproxyOptions = {
      port: 0,
      address: family === 4 ? [0] : [0, 0, 0, 0],
      mark: { value: 0, mask: 0 },
    };
    readOptions('TPROXY', TPROXY.options, uses, {
      'on-port': (use) => {
        options = { ...options, port: lookedUpPort(argument(use), 'on-port') };
      },
      'on-ip': (use) => {
        options = { ...options, address: hostAddress('on-ip', argument(use), family) };
      },
      'tproxy-mark': (use) => {
        options = { ...options, mark: maskedMark('TPROXY', 'tproxy-mark', argument(use)) };
      },
    });
    requireOption('TPROXY', uses, 'on-port');
    const number = protocol?.inverted === false ? protocol.number : undefined;
    if (number !== TCP && number !== UDP) {
      throw kernelRefuses('protocol-required', 'TPROXY needs -p tcp or -p udp in the same rule');
    }
    return options;
  },
  print: ({ port, address, mark }) =>
    `--on-port ${port} --on-ip ${addressText(address)} --tproxy-mark ${hexText(mark.value)}/${hexText(mark.mask)}`,
  list: ({ port, address, mark }) =>
    `TPROXY redirect ${addressText(address)}:${port} mark ${hexText(mark.value)}/${hexText(mark.mask)}`,
  apply(_, context) {
    context.undecidedReason = 'whether a proxy listens for TPROXY is not in the capture';
    return TARGET_UNDECIDED;
  },
};
