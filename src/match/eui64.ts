/**
 * -m eui64: the lower half of the IPv6 source address is made from the frame's source MAC address
 * (RFC 4291, appendix A). As net/ipv6/netfilter/ip6t_eui64.c.
 */
import { undecided } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { byteOf } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';

/** ARPHRD_ETHER and ARPHRD_LOOPBACK: devices with Ethernet headers. */
const ETHERNET = 1;
const LOOPBACK = 772;
/** Where the lower half of the source address begins. */
const INTERFACE_IDENTIFIER = 16;

/** The byte of the identifier that the MAC address gives; on the loopback device it is all zeros. */
function identifierByte(context: PacketContext, onLoopback: boolean, i: number): number {
  const { bytes, sourceMacOffset } = context.packet;
  if (i === 3) return 0xff;
  if (i === 4) return 0xfe;
  const byte = onLoopback ? 0 : (bytes[sourceMacOffset + (i < 3 ? i : i - 2)] ?? 0);
  return i === 0 ? byte ^ 2 : byte;
}

function judge(_: undefined, context: PacketContext, failures?: Failures): MatchResult {
  const { hardwareType, sourceMacOffset } = context.packet;
  const onLoopback = context.inInterface === 'lo' || hardwareType === LOOPBACK;
  if (!onLoopback && hardwareType >= 0 && hardwareType !== ETHERNET) {
    failures?.push('eui64: not an Ethernet interface: dropped');
    return HOTDROP;
  }
  if (!onLoopback && (hardwareType < 0 || sourceMacOffset < 0)) {
    return undecided(context, 'the capture lacks the MAC address that -m eui64 looks at');
  }
  for (let i = 0; i < 8; i++) {
    const has = byteOf(context.packet, INTERFACE_IDENTIFIER + i);
    if (has === identifierByte(context, onLoopback, i)) continue;
    failures?.push('eui64: the source address is not made from the source MAC address');
    return NO;
  }
  return YES;
}

/** -m eui64. */
export const eui64: MatchDefinition<undefined> = {
  name: 'eui64',
  families: [6],
  mayHotdrop: true,
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  help: 'the source address is made from the source MAC address; only on the way in',
  options: [],
  reads: ['mac', 'addresses', 'interfaces'],
  parse(uses) {
    const [use] = uses;
    if (use === undefined) return undefined;
    throw new OptionError('unknown-option', `unknown option "--${use.name}"`);
  },
  print: () => '',
  list: () => 'eui64 ',
  listedWithoutBlank: true,
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
