/**
 * -j TCPOPTSTRIP: overwrites TCP options with no-operations and goes on; a damaged TCP header is
 * dropped (net/netfilter/xt_TCPOPTSTRIP.c).
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { requireProtocol } from '../match/refusal.ts';
import { unsignedNumber } from '../match/values.ts';
import { stripTcpOptions, tcpHeaderLength } from '../packet/edit.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE, TARGET_DROP, TARGET_UNDECIDED } from './definition.ts';

/** Options of -j TCPOPTSTRIP. */
export interface TcpoptstripOptions {
  /** Numbers of the options to strip, ascending. */
  readonly kinds: readonly number[];
}

const TCP = 6;
const TCP_HEADER = 20;
const NAMES: Readonly<Record<string, number>> = {
  wscale: 3,
  mss: 2,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

/** @throws OptionError bad-value */
function parseKinds(use: OptionUse): number[] {
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', message, {
      option: use.name,
      hint: `write numbers from 2 to 255 or ${Object.keys(NAMES).join(', ')}`,
    });
  const kinds: number[] = [];
  for (const part of argument(use).split(',')) {
    const named = Object.hasOwn(NAMES, part) ? NAMES[part] : undefined;
    const kind = named ?? unsignedNumber(part, 255);
    if (kind === undefined) throw refuse(`Bad TCP option value "${part}"`);
    if (kind < 2) throw refuse('Option value may not be 0 or 1');
    if (kinds.includes(kind)) throw refuse(`Option "${part}" already specified`);
    kinds.push(kind);
  }
  return kinds.sort((a, b) => a - b);
}

function nameOf(kind: number): string {
  return Object.keys(NAMES).find((name) => NAMES[name] === kind) ?? `${kind}`;
}

/** -j TCPOPTSTRIP. */
export const TCPOPTSTRIP: TargetDefinition<TcpoptstripOptions> = {
  name: 'TCPOPTSTRIP',
  families: [4, 6],
  tables: ['mangle'],
  help: 'overwrite TCP options with no-operations and go on with the next rule',
  writes: ['tcp-options', 'payload'],
  options: [
    { name: 'strip-options', argument: 'option[,option…]', help: 'options by number or name' },
  ],
  parse(uses, context) {
    let kinds: readonly number[] = [];
    readOptions('TCPOPTSTRIP', TCPOPTSTRIP.options, uses, {
      'strip-options': (use) => {
        kinds = parseKinds(use);
      },
    });
    requireProtocol('TCPOPTSTRIP', context, TCP, 'tcp');
    return { kinds };
  },
  print: ({ kinds }) => (kinds.length === 0 ? '' : `--strip-options ${kinds.join(',')}`),
  list({ kinds }, numeric) {
    if (kinds.length === 0) return '';
    return `TCPOPTSTRIP options ${(numeric ? kinds : kinds.map(nameOf)).join(',')}`;
  },
  apply({ kinds }, context) {
    const { packet } = context;
    if (packet.fragmentOffset !== 0) return TARGET_CONTINUE;
    if (packet.transportLength < TCP_HEADER) return TARGET_DROP;
    if (packet.transportCaptured < TCP_HEADER) {
      context.undecidedReason = 'the snap length cut the TCP header that TCPOPTSTRIP changes';
      return TARGET_UNDECIDED;
    }
    const header = tcpHeaderLength(packet);
    if (header < TCP_HEADER || header > packet.transportLength) return TARGET_DROP;
    stripTcpOptions(packet, (kind) => kinds.includes(kind));
    return TARGET_CONTINUE;
  },
};
