/**
 * -j ECN: takes part in or removes explicit congestion notification, in the IPv4 header or in TCP's
 * flags, and goes on (net/ipv4/netfilter/ipt_ECN.c). A packet without a whole TCP header is dropped.
 */
import { joined } from '../match/conditions.ts';
import type { OptionUse, PacketContext, ParseContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { boundedNumber } from '../match/values.ts';
import { setEcnField, setTcpFlags } from '../packet/edit.ts';
import type { TargetDefinition, TargetResult } from './definition.ts';
import { TARGET_CONTINUE, TARGET_DROP, TARGET_UNDECIDED } from './definition.ts';

/** Options of -j ECN; undefined: left as it is. */
export interface EcnTargetOptions {
  readonly ece: number | undefined;
  readonly cwr: number | undefined;
  /** 0 to 3. */
  readonly ect: number | undefined;
}

const TCP = 6;
const TCP_HEADER = 20;
const ECE = 0x40;
const CWR = 0x80;

function removes({ ece, cwr, ect }: EcnTargetOptions): boolean {
  return ece === 0 && cwr === 0 && ect === undefined;
}

/** The flags with one of them set as wanted. */
function withFlag(flags: number, bit: number, wanted: number | undefined): number {
  if (wanted === undefined) return flags;
  return wanted === 0 ? flags & ~bit : flags | bit;
}

function changeFlags({ ece, cwr }: EcnTargetOptions, context: PacketContext): TargetResult {
  const { packet } = context;
  // The kernel looks behind the IP header also in a later fragment, where there is no TCP.
  const header = packet.networkHeaderLength;
  if (packet.totalLength - header < TCP_HEADER) return TARGET_DROP;
  const at = packet.networkOffset + header + 13;
  if (at >= packet.networkEnd) {
    context.undecidedReason = 'the snap length cut the TCP flags that ECN changes';
    return TARGET_UNDECIDED;
  }
  const flags = packet.bytes[at] ?? 0;
  const changed = withFlag(withFlag(flags, ECE, ece), CWR, cwr);
  if (changed === flags) return TARGET_CONTINUE;
  if (packet.fragmentOffset === 0) setTcpFlags(packet, changed);
  else packet.view.setUint8(at, changed);
  return TARGET_CONTINUE;
}

function checkRule(options: EcnTargetOptions, { ip: { protocol } }: ParseContext): void {
  if (options.ece === undefined && options.cwr === undefined) return;
  if (protocol?.number === TCP && !protocol.inverted) return;
  throw kernelRefuses('protocol-required', 'TCP flags can only be changed in a rule with -p tcp');
}

/** -j ECN. */
export const ECN: TargetDefinition<EcnTargetOptions> = {
  name: 'ECN',
  families: [4],
  tables: ['mangle'],
  help: 'change the bits of explicit congestion notification and go on with the next rule',
  writes: ['tos', 'tcp-flags', 'payload'],
  options: [
    { name: 'ecn-tcp-remove', help: 'clear ECE and CWR in the TCP header' },
    { name: 'ecn-tcp-cwr', argument: 'bit', help: 'set CWR to 0 or 1' },
    { name: 'ecn-tcp-ece', argument: 'bit', help: 'set ECE to 0 or 1' },
    { name: 'ecn-ip-ect', argument: 'value', help: 'set the IPv4 ECN field, 0 to 3' },
  ],
  parse(uses, context) {
    let options: EcnTargetOptions = { ece: undefined, cwr: undefined, ect: undefined };
    const number = (use: OptionUse, max: number): number =>
      boundedNumber('ECN', use.name, argument(use), max);
    readOptions('ECN', ECN.options, uses, {
      'ecn-tcp-remove': () => {
        // An --ecn-ip-ect before it is forgotten.
        options = { ece: 0, cwr: 0, ect: undefined };
      },
      'ecn-tcp-cwr': (use) => {
        options = { ...options, cwr: number(use, 1) };
      },
      'ecn-tcp-ece': (use) => {
        options = { ...options, ece: number(use, 1) };
      },
      'ecn-ip-ect': (use) => {
        options = { ...options, ect: number(use, 3) };
      },
    });
    if (uses.length === 0) {
      throw new OptionError('option-missing', 'ECN target: An operation is required', {
        hint: 'add --ecn-tcp-remove',
      });
    }
    excludeEachOther('ECN', uses, ['ecn-tcp-remove', 'ecn-tcp-cwr']);
    excludeEachOther('ECN', uses, ['ecn-tcp-remove', 'ecn-tcp-ece']);
    checkRule(options, context);
    return options;
  },
  print(options) {
    if (removes(options)) return '--ecn-tcp-remove';
    const { ece, cwr, ect } = options;
    return joined(
      ece === undefined ? '' : `--ecn-tcp-ece ${ece}`,
      cwr === undefined ? '' : `--ecn-tcp-cwr ${cwr}`,
      ect === undefined ? '' : `--ecn-ip-ect ${ect}`,
    );
  },
  list(options) {
    if (removes(options)) return 'ECN TCP remove';
    const { ece, cwr, ect } = options;
    return joined(
      'ECN',
      ece === undefined ? '' : `ECE=${ece}`,
      cwr === undefined ? '' : `CWR=${cwr}`,
      ect === undefined ? '' : `ECT codepoint=${ect}`,
    );
  },
  apply(options, context) {
    const { packet } = context;
    if (options.ect !== undefined && (packet.tos & 3) !== options.ect) {
      setEcnField(packet, options.ect);
    }
    const tcp = options.ece !== undefined || options.cwr !== undefined;
    return tcp && packet.protocol === TCP ? changeFlags(options, context) : TARGET_CONTINUE;
  },
};
