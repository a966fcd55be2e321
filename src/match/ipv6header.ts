/**
 * -m ipv6header: which extension headers there are. As net/ipv6/netfilter/ip6t_ipv6header.c; names as
 * libip6t_ipv6header.c of iptables 1.8.9.
 */
import { protocolNumber } from '../packet/text.ts';
import { outside, undecided } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { BYTES_CUT, byteOf, bytesAt } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import {
  AUTHENTICATION,
  DESTINATION,
  ESP,
  FRAGMENT,
  HOP_BY_HOP,
  headerLength,
  NO_NEXT,
  ROUTING,
} from './ipv6-headers.ts';
import { argument, readOptions, requireOption } from './options.ts';

/** Options of -m ipv6header. */
export interface Ipv6HeaderOptions {
  /** Bits of HEADERS. */
  readonly wanted: number;
  readonly inverted: boolean;
  /** At least these; otherwise these and no others. */
  readonly soft: boolean;
}

/** Any protocol that is no extension header. */
const RAW = 255;
const PROTOCOL_BIT = 1;

/** Protocol, its bit, and its name when saved; in the order in which they are printed. */
const HEADERS: readonly (readonly [number, number, string])[] = [
  [HOP_BY_HOP, 128, 'hop-by-hop'],
  [DESTINATION, 64, 'ipv6-opts'],
  [ROUTING, 32, 'ipv6-route'],
  [FRAGMENT, 16, 'ipv6-frag'],
  [AUTHENTICATION, 8, 'ah'],
  [ESP, 4, 'esp'],
  [NO_NEXT, 2, 'ipv6-nonxt'],
  [RAW, PROTOCOL_BIT, 'protocol'],
];

/** Names beside those of /etc/protocols. */
const NAMES = new Map<string, number>([
  ['hop-by-hop', HOP_BY_HOP],
  ['protocol', RAW],
  ['hop', HOP_BY_HOP],
  ['dst', DESTINATION],
  ['route', ROUTING],
  ['frag', FRAGMENT],
  ['auth', AUTHENTICATION],
  ['esp', ESP],
  ['none', NO_NEXT],
  ['prot', RAW],
  ['0', HOP_BY_HOP],
  ['60', DESTINATION],
  ['43', ROUTING],
  ['44', FRAGMENT],
  ['51', AUTHENTICATION],
  ['50', ESP],
  ['59', NO_NEXT],
  ['255', RAW],
]);

function bitOf(type: number): number | undefined {
  return HEADERS.find(([protocol]) => protocol === type)?.[1];
}

/** `hop,dst`; empty names are skipped (strtok). @throws OptionError bad-header */
function parseHeaders(text: string): number {
  const refuse = (what: string): OptionError =>
    new OptionError('bad-header', what, {
      option: 'header',
      hint: 'headers are hop, dst, route, frag, auth, esp, none and prot, joined by commas',
    });
  let bits = 0;
  for (const name of text.split(',')) {
    if (name === '') continue;
    const number = protocolNumber(name) ?? NAMES.get(name);
    if (number === undefined) throw refuse(`unknown header \`${name}' specified`);
    const bit = bitOf(number);
    if (bit === undefined) throw refuse(`unknown header \`${number}' specified`);
    bits |= bit;
  }
  if (bits === 0) throw refuse('ip6t_ipv6header: cannot parse header names');
  return bits;
}

function headerNames(bits: number): string {
  const names = HEADERS.filter(([, bit]) => (bits & bit) !== 0).map(([, , name]) => name);
  return names.length === 0 ? 'NONE' : names.join(',');
}

/** The chain leaves the datagram within a header; the snap length cut it. */
const CHAIN_SHORT = -1;
const CUT = -2;

/** The bits of a packet's headers, or a code below 0. */
function headersOf({ packet }: PacketContext): number {
  let next = byteOf(packet, 6);
  let at = 40;
  let bits = 0;
  for (;;) {
    if (next === NO_NEXT) return bits | 2;
    const bit = next === RAW ? undefined : bitOf(next);
    if (bit === undefined) return bits | PROTOCOL_BIT;
    if (packet.totalLength - at < 2) return CHAIN_SHORT;
    if (next === ESP) return bits | bit;
    if (bytesAt(packet, at, 2) === BYTES_CUT) return CUT;
    bits |= bit;
    const length = headerLength(packet, next, at);
    next = byteOf(packet, at);
    at += length;
    if (at > packet.totalLength) {
      return next === NO_NEXT || next === ESP ? bits : bits | PROTOCOL_BIT;
    }
  }
}

function judge(
  options: Ipv6HeaderOptions,
  context: PacketContext,
  failures?: Failures,
): MatchResult {
  const has = headersOf(context);
  if (has === CUT) return undecided(context, 'the snap length cut the chain of extension headers');
  if (has === CHAIN_SHORT) {
    failures?.push('--header: the chain of extension headers is cut short');
    return NO;
  }
  const { wanted, inverted, soft } = options;
  const holds = soft
    ? ((has ^ wanted ^ (inverted ? 0xff : 0)) & wanted) === 0
    : (has === wanted) !== inverted;
  if (holds) return YES;
  failures?.push(outside('header', inverted, headerNames(has), headerNames(wanted)));
  return NO;
}

/** -m ipv6header. */
export const ipv6header: MatchDefinition<Ipv6HeaderOptions> = {
  name: 'ipv6header',
  families: [6],
  mayHotdrop: true,
  help: 'which extension headers and protocol the packet has',
  options: [
    {
      name: 'header',
      argument: 'header[,header…]',
      invertible: true,
      help: 'exactly these: hop, dst, route, frag, auth, esp, none, prot (any other protocol)',
    },
    { name: 'soft', help: 'at least these' },
  ],
  reads: ['extension-headers', 'protocol', 'fragment'],
  parse(uses) {
    let options: Ipv6HeaderOptions = { wanted: 0, inverted: false, soft: false };
    readOptions('ipv6header', ipv6header.options, uses, {
      header: (use) => {
        options = { ...options, wanted: parseHeaders(argument(use)), inverted: use.inverted };
      },
      soft: () => {
        options = { ...options, soft: true };
      },
    });
    requireOption('ipv6header', uses, 'header');
    return options;
  },
  print: ({ wanted, inverted, soft }) =>
    `${inverted ? '! ' : ''}--header ${headerNames(wanted)}${soft ? ' --soft' : ''}`,
  list: ({ wanted, inverted, soft }, numeric) => {
    const digits = `0x${wanted.toString(16).toUpperCase().padStart(2, '0')}`;
    const shown = numeric ? digits : headerNames(wanted);
    return `ipv6header flags:${inverted ? '!' : ''}${shown}${soft ? ' soft' : ''}`;
  },
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
