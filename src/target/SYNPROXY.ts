/**
 * -j SYNPROXY: answers a SYN in the server's place and connects to the server only when the client
 * has proved itself (net/netfilter/nf_synproxy_core.c). SYN and ACK segments end here, but what the
 * kernel then sends by itself is not simulated: they are undecided. Other segments go on.
 */
import { joined } from '../match/conditions.ts';
import type { OptionUse } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { requireProtocol } from '../match/refusal.ts';
import { boundedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE, TARGET_UNDECIDED } from './definition.ts';

/** Options of -j SYNPROXY. */
export interface SynproxyOptions {
  readonly sackPermitted: boolean;
  readonly timestamp: boolean;
  readonly windowScale: number | undefined;
  readonly mss: number | undefined;
  readonly ecn: boolean;
}

const TCP = 6;
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

function parts(options: SynproxyOptions): string[] {
  const { sackPermitted, timestamp, windowScale, mss, ecn } = options;
  return [
    sackPermitted ? 'sack-perm' : '',
    timestamp ? 'timestamp' : '',
    windowScale === undefined ? '' : `wscale ${windowScale}`,
    mss === undefined ? '' : `mss ${mss}`,
    ecn ? 'ecn' : '',
  ].filter((part) => part !== '');
}

/** -j SYNPROXY. */
export const SYNPROXY: TargetDefinition<SynproxyOptions> = {
  name: 'SYNPROXY',
  families: [4, 6],
  hooks: ['INPUT', 'FORWARD'],
  help: "answer TCP SYNs in the server's place, by SYN cookies; needs -p tcp",
  options: [
    { name: 'sack-perm', help: 'offer selective acknowledgements' },
    { name: 'timestamp', help: 'offer timestamps' },
    { name: 'wscale', argument: 'bits', help: 'window scale of the server' },
    { name: 'mss', argument: 'bytes', help: 'maximum segment size of the server' },
    { name: 'ecn', help: 'offer explicit congestion notification' },
  ],
  parse(uses, context) {
    let options: SynproxyOptions = {
      sackPermitted: false,
      timestamp: false,
      windowScale: undefined,
      mss: undefined,
      ecn: false,
    };
    const number = (use: OptionUse): number =>
      boundedNumber('SYNPROXY', use.name, argument(use), 0xffffffff);
    readOptions('SYNPROXY', SYNPROXY.options, uses, {
      'sack-perm': () => {
        options = { ...options, sackPermitted: true };
      },
      timestamp: () => {
        options = { ...options, timestamp: true };
      },
      wscale: (use) => {
        options = { ...options, windowScale: number(use) & 0xff };
      },
      mss: (use) => {
        options = { ...options, mss: number(use) & 0xffff };
      },
      ecn: () => {
        options = { ...options, ecn: true };
      },
    });
    requireProtocol('SYNPROXY', context, TCP, 'tcp');
    return options;
  },
  print: (options) => joined(...parts(options).map((part) => `--${part}`)),
  list: (options) =>
    `SYNPROXY ${parts(options)
      .map((part) => `${part} `)
      .join('')}`,
  tracksConnections: () => true,
  apply(_, context) {
    const { packet } = context;
    const flags = packet.tcpFlags < 0 ? -1 : packet.tcpFlags & (FIN | SYN | RST | ACK);
    if (flags >= 0 && flags !== SYN && flags !== ACK) return TARGET_CONTINUE;
    context.undecidedReason = 'what SYNPROXY sends in place of the two ends is not simulated';
    return TARGET_UNDECIDED;
  },
};
