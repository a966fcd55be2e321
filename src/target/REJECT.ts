/**
 * -j REJECT: a drop with an answer to the sender. As ipt_REJECT.c and ip6t_REJECT.c with
 * nf_reject_ipv4.c and nf_reject_ipv6.c. Whether an answer goes out depends on the packet; that the
 * host's ICMP rate limit may swallow it (icmp_ratelimit) is not looked at.
 */
import { ipv6Kind, toMulticast } from '../match/address-kind.ts';
import type { OptionUse, PacketContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { packetTypeOf, toBroadcast } from '../match/packet-type.ts';
import { kernelRefuses } from '../match/refusal.ts';
import type { PacketView } from '../packet/fields.ts';
import { PACKET_BROADCAST, PACKET_MULTICAST } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import { HOOK_OUTPUT } from '../ruleset/types.ts';
import { ADDRTYPE_MULTICAST, ADDRTYPE_UNICAST, ADDRTYPE_UNSPEC } from '../topology/types.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_REJECT } from './definition.ts';
import { checksumLetsAnswer } from './reject-checksum.ts';

/** Options of -j REJECT. */
export interface RejectOptions {
  /** Name of the answer as iptables prints it. */
  readonly with: string;
}

/** Kinds of answer with their other names, in the order in which abbreviations are looked up. */
const ANSWERS: Readonly<Record<Family, readonly (readonly [string, string])[]>> = {
  4: [
    ['icmp-net-unreachable', 'net-unreach'],
    ['icmp-host-unreachable', 'host-unreach'],
    ['icmp-proto-unreachable', 'proto-unreach'],
    ['icmp-port-unreachable', 'port-unreach'],
    ['icmp-net-prohibited', 'net-prohib'],
    ['icmp-host-prohibited', 'host-prohib'],
    ['tcp-reset', 'tcp-rst'],
    ['icmp-admin-prohibited', 'admin-prohib'],
  ],
  6: [
    ['icmp6-no-route', 'no-route'],
    ['icmp6-adm-prohibited', 'adm-prohibited'],
    ['icmp6-addr-unreachable', 'addr-unreach'],
    ['icmp6-port-unreachable', 'port-unreach'],
    ['tcp-reset', 'tcp-reset'],
    ['icmp6-policy-fail', 'policy-fail'],
    ['icmp6-reject-route', 'reject-route'],
  ],
};
const DEFAULT: Readonly<Record<Family, string>> = {
  4: 'icmp-port-unreachable',
  6: 'icmp6-port-unreachable',
};

const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;
const TCP_HEADER_LENGTH = 20;
const TCP_RST = 0x04;
/** ICMP types that icmp_send does not take for errors (icmp_pointers, net/ipv4/icmp.c): echo,
 * timestamp, information and address mask. */
const ICMP_ANSWERED: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);

/** @throws OptionError bad-reject-type */
function parseAnswer(use: OptionUse, family: Family): string {
  const text = argument(use);
  const lower = text.toLowerCase();
  const found = ANSWERS[family].find((names) => names.some((name) => name.startsWith(lower)));
  if (found !== undefined) return found[0];
  throw new OptionError('bad-reject-type', `unknown reject type "${text}"`, {
    option: 'reject-with',
    hint: `types are ${ANSWERS[family].map(([name]) => name).join(', ')}`,
  });
}

/** The route to the packet's destination is a broadcast or multicast one. */
function toGroup(context: PacketContext): boolean {
  return toMulticast(context.packet) || toBroadcast(context);
}

function isIpv6Unicast(a0: number, a1: number, a2: number, a3: number): boolean {
  return ipv6Kind(a0, a1, a2, a3) === ADDRTYPE_UNICAST;
}

/** Whether nf_send_reset or nf_send_reset6 sends: for a whole TCP header that is no RST. */
function resets(context: PacketContext): boolean {
  const { packet } = context;
  if (packet.fragmentOffset !== 0 || packet.protocol !== TCP) return false;
  if (packet.transportLength < TCP_HEADER_LENGTH) return false;
  if (packet.tcpFlags >= 0 && (packet.tcpFlags & TCP_RST) !== 0) return false;
  if (context.hook !== HOOK_OUTPUT && !checksumLetsAnswer(packet)) return false;
  if (packet.family === 4) return !toGroup(context);
  return (
    isIpv6Unicast(packet.source0, packet.source1, packet.source2, packet.source3) &&
    isIpv6Unicast(
      packet.destination0,
      packet.destination1,
      packet.destination2,
      packet.destination3,
    )
  );
}

/** Whether icmp_send or icmp6_send answers: not to errors, groups, later fragments, no-one. */
function unreachables(context: PacketContext): boolean {
  const { packet } = context;
  if (packet.fragmentOffset !== 0) return false;
  if (context.hook !== HOOK_OUTPUT && !checksumLetsAnswer(packet)) return false;
  const type = packetTypeOf(context);
  if (type === PACKET_BROADCAST || type === PACKET_MULTICAST || toGroup(context)) return false;
  return packet.family === 4 ? !isIcmpError(packet) : hasSender(packet) && !isIcmpv6Error(packet);
}

function isIcmpError(packet: PacketView): boolean {
  if (packet.protocol !== ICMP) return false;
  if (packet.transportLength < 1) return true;
  return packet.icmpType >= 0 && !ICMP_ANSWERED.has(packet.icmpType);
}

function isIcmpv6Error(packet: PacketView): boolean {
  if (packet.protocol !== ICMPV6) return false;
  if (packet.transportLength < 1) return true;
  return packet.icmpType >= 0 && packet.icmpType < 128;
}

/** The IPv6 source names one host (RFC 4443, 2.4 e). */
function hasSender({ source0, source1, source2, source3 }: PacketView): boolean {
  const kind = ipv6Kind(source0, source1, source2, source3);
  return kind !== ADDRTYPE_UNSPEC && kind !== ADDRTYPE_MULTICAST;
}

/** -j REJECT. */
export const REJECT: TargetDefinition<RejectOptions> = {
  name: 'REJECT',
  families: [4, 6],
  tables: ['filter'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT'],
  help: 'drop the packet and send an error back',
  options: [
    {
      name: 'reject-with',
      argument: 'type',
      help: 'kind of answer, port unreachable by default; tcp-reset needs -p tcp',
    },
  ],
  parse(uses, context) {
    let answer = DEFAULT[context.family];
    readOptions('REJECT', REJECT.options, uses, {
      'reject-with': (use) => {
        answer = parseAnswer(use, context.family);
      },
    });
    const { protocol } = context.ip;
    if (answer === 'tcp-reset' && (protocol?.number !== TCP || protocol.inverted)) {
      throw kernelRefuses('protocol-required', 'tcp-reset needs -p tcp in the same rule');
    }
    return { with: answer };
  },
  print: (options) => `--reject-with ${options.with}`,
  list: (options) => `reject-with ${options.with}`,
  apply: () => TARGET_REJECT,
  answer(options, context) {
    const sent = options.with === 'tcp-reset' ? resets(context) : unreachables(context);
    return sent ? options.with : '';
  },
};
