/**
 * -j TCPMSS: lowers the maximum segment size that a SYN offers, or adds the option, and goes on; a
 * damaged TCP header is dropped (net/netfilter/xt_TCPMSS.c). The path's MTU, which
 * --clamp-mss-to-pmtu asks for, is in no capture: the user may state it (parameter `mtu`), else the
 * option's value is unknown from then on.
 */
import type { PacketContext, ParseContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { kernelRefuses, requireProtocol } from '../match/refusal.ts';
import type { ReplayState } from '../match/replay-state.ts';
import { boundedNumber, unsignedNumber } from '../match/values.ts';
import { addMssOption, mssAt, mssOptionAt, setMssAt, tcpHeaderLength } from '../packet/edit.ts';
import type { HookName } from '../ruleset/types.ts';
import type { TargetDefinition, TargetResult } from './definition.ts';
import { TARGET_CONTINUE, TARGET_DROP, TARGET_UNDECIDED } from './definition.ts';

/** Options of -j TCPMSS. */
export interface TcpmssTargetOptions {
  /** 0 to 65515; undefined: clamp to the path's MTU. */
  readonly mss: number | undefined;
}

/** The stated MTU of all paths; undefined: not known. */
interface TcpmssState {
  readonly mtu: number | undefined;
}

const TCP = 6;
const TCP_HEADER = 20;
/** Bytes of an IP header without options and a TCP header without options. */
const LEAST_HEADERS = { 4: 40, 6: 60 } as const;
/** What the kernel puts at most into an option that it adds (RFC 9293, 3.7.1). */
const MOST_ADDED = { 4: 536, 6: 1220 } as const;
/** No path has a smaller one (RFC 791, RFC 8200). */
const LEAST_MTU = { 4: 68, 6: 1280 } as const;
const CLAMP_HOOKS: readonly HookName[] = ['FORWARD', 'OUTPUT', 'POSTROUTING'];
const NO_MTU =
  'the path MTU that TCPMSS clamps to is not in the capture (state it with --parameter mtu=BYTES)';

function newState({ settings }: ReplayState): TcpmssState {
  return { mtu: unsignedNumber(settings.parameters?.get('mtu') ?? '', 0xffff) };
}

/** Whether a -m tcp of the rule asks for SYN (find_syn_match). */
function asksForSyn({ matches }: ParseContext): boolean {
  return (matches ?? []).some(({ name, text }) => {
    const flags = name === 'tcp' ? / (! )?--tcp-flags (\S+) (\S+)/.exec(text) : null;
    return flags !== null && flags[1] === undefined && /\bSYN\b|ALL/.test(flags[3] ?? '');
  });
}

function undecided(context: PacketContext, reason: string): TargetResult {
  context.undecidedReason = reason;
  return TARGET_UNDECIDED;
}

/** The value that is not exceeded; undefined: not known; -1: the MTU is too small for any. */
function limit(
  { mss }: TcpmssTargetOptions,
  { mtu }: TcpmssState,
  family: 4 | 6,
): number | undefined {
  if (mss !== undefined) return mss;
  if (mtu === undefined) return undefined;
  return mtu <= LEAST_HEADERS[family] ? -1 : mtu - LEAST_HEADERS[family];
}

function lower(context: PacketContext, at: number, most: number | undefined): TargetResult {
  const { packet, family } = context;
  const offered = mssAt(packet, at);
  if (most !== undefined) {
    if (offered > most) setMssAt(packet, at, most);
  } else if (offered > LEAST_MTU[family] - LEAST_HEADERS[family]) {
    context.unknown = { what: ['tcp-options'], reason: NO_MTU };
  }
  return TARGET_CONTINUE;
}

function change(context: PacketContext, most: number | undefined): TargetResult {
  const { packet, family } = context;
  const { transportLength, transportCaptured } = packet;
  if (transportLength < TCP_HEADER) return TARGET_DROP;
  if (transportCaptured < TCP_HEADER) return undecided(context, 'the TCP header is cut');
  const header = tcpHeaderLength(packet);
  if (header < TCP_HEADER || header > transportLength) return TARGET_DROP;
  if (transportCaptured < header) return undecided(context, 'the TCP options are cut');
  if (most === -1) return TARGET_DROP;
  const at = mssOptionAt(packet);
  if (at >= 0) return lower(context, at, most);
  if (transportLength > header || header >= 60) return TARGET_CONTINUE;
  addMssOption(packet, Math.min(most ?? MOST_ADDED[family], MOST_ADDED[family]));
  if (most === undefined && LEAST_MTU[family] - LEAST_HEADERS[family] < MOST_ADDED[family]) {
    context.unknown = { what: ['tcp-options'], reason: NO_MTU };
  }
  return TARGET_CONTINUE;
}

function checkRule(context: ParseContext): void {
  requireProtocol('TCPMSS', context, TCP, 'tcp');
  if (asksForSyn(context)) return;
  throw kernelRefuses('syn-required', 'TCPMSS needs -m tcp --syn in the same rule');
}

/** -j TCPMSS. */
export const TCPMSS: TargetDefinition<TcpmssTargetOptions, TcpmssState> = {
  name: 'TCPMSS',
  families: [4, 6],
  help: 'lower the maximum segment size of a TCP SYN and go on with the next rule',
  writes: ['tcp-options', 'length', 'payload'],
  options: [
    { name: 'set-mss', argument: 'bytes', help: 'never more than this' },
    { name: 'clamp-mss-to-pmtu', help: "never more than the path's MTU allows" },
  ],
  parse(uses, context) {
    const most = 0xffff - (context.family === 4 ? 20 : 40);
    let mss: number | undefined;
    readOptions('TCPMSS', TCPMSS.options, uses, {
      'set-mss': (use) => {
        mss = boundedNumber('TCPMSS', 'set-mss', argument(use), most);
      },
      'clamp-mss-to-pmtu': () => {
        mss = undefined;
      },
    });
    if (uses.length === 0) {
      const message = 'TCPMSS target: At least one parameter is required';
      throw new OptionError('option-missing', message, {
        hint: 'add --set-mss or --clamp-mss-to-pmtu',
      });
    }
    checkRule(context);
    return { mss };
  },
  print: ({ mss }) => (mss === undefined ? '--clamp-mss-to-pmtu' : `--set-mss ${mss}`),
  list: ({ mss }) => `TCPMSS ${mss === undefined ? 'clamp to PMTU' : `set ${mss}`}`,
  hooksFor: ({ mss }) => (mss === undefined ? CLAMP_HOOKS : undefined),
  createState: (_, replay) => newState(replay),
  apply(options, context, state) {
    const { packet, family } = context;
    if (packet.fragmentOffset !== 0) return TARGET_CONTINUE;
    return change(context, limit(options, state, family));
  },
};
