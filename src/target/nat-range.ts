/**
 * Addresses and ports that the nat targets translate to, as libxt_NAT.c of iptables 1.8.9 reads and
 * prints them, and what such a target does with a packet: it accepts it, and the connection is
 * translated (net/netfilter/xt_nat.c). The translation itself is not simulated: the context says that
 * it would be.
 */
import type { OptionUse, PacketContext, ParseContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { addressText } from '../match/numeric-address.ts';
import { argument } from '../match/options.ts';
import { anyServicePort } from '../match/services.ts';
import { unsignedPrefix } from '../match/values.ts';
import { parseIpv4, parseIpv6 } from '../packet/text.ts';
import type { Family } from '../ruleset/types.ts';
import type { TargetResult } from './definition.ts';
import { TARGET_ACCEPT } from './definition.ts';

/** What is translated to; addresses of one word or four. */
export interface NatRange {
  readonly addresses:
    | { readonly low: readonly number[]; readonly high: readonly number[] }
    | undefined;
  readonly ports: { readonly low: number; readonly high: number } | undefined;
  /** Port that the lowest one stands for (`1000-2000/3000`). */
  readonly base: number | undefined;
  readonly random: boolean;
  readonly randomFully: boolean;
  readonly persistent: boolean;
}

/** No translation. */
export const NO_RANGE: NatRange = {
  addresses: undefined,
  ports: undefined,
  base: undefined,
  random: false,
  randomFully: false,
  persistent: false,
};

/** ICMP, TCP, UDP, DCCP, SCTP: others have no ports to translate. */
const WITH_PORTS: ReadonlySet<number> = new Set([1, 6, 17, 33, 132]);

function refuse(use: OptionUse, code: string, message: string, hint?: string): OptionError {
  return new OptionError(code, message, {
    option: use.name,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A port number at the beginning of a text, and what follows; undefined: none. */
function portPrefix(text: string): { value: number; rest: string } | undefined {
  const found = unsignedPrefix(text);
  return found === undefined || found.value > 0xffff ? undefined : found;
}

/** @throws OptionError bad-port */
function parseBase(use: OptionUse, text: string): number {
  // What follows the number is not looked at.
  const number = portPrefix(text)?.value ?? 0;
  const base = number === 0 ? anyServicePort(text) : number;
  if (base === undefined) throw refuse(use, 'bad-port', `Port \`${text}' not valid`);
  return base;
}

/**
 * `port`, `port-port` or `port-port/base`, as parse_ports.
 * @throws OptionError bad-port, protocol-required
 */
export function parsePorts(
  use: OptionUse,
  text: string,
  context: ParseContext,
): Pick<NatRange, 'ports' | 'base'> {
  const { protocol } = context.ip;
  if (protocol === undefined || !WITH_PORTS.has(protocol.number) || use.beforeProtocol === true) {
    const message = 'Need TCP, UDP, SCTP or DCCP with port specification';
    throw refuse(use, 'protocol-required', message, 'put -p tcp or another of them before -j');
  }
  const first = portPrefix(text);
  if (first === undefined) {
    const value = anyServicePort(text);
    if (value === undefined) throw refuse(use, 'bad-port', `Port \`${text}' not valid`);
    return { ports: { low: value, high: value }, base: undefined };
  }
  const low = first.value;
  if (first.rest === '') return { ports: { low, high: low }, base: undefined };
  if (first.rest.startsWith(':')) {
    throw refuse(use, 'bad-port', 'Invalid port:port syntax - use dash');
  }
  if (!first.rest.startsWith('-')) {
    throw refuse(use, 'bad-port', `Garbage after port value: \`${first.rest}'`);
  }
  const after = first.rest.slice(1);
  const second = portPrefix(after);
  if (second === undefined) throw refuse(use, 'bad-port', `Port \`${after}' not valid`);
  const high = second.value;
  if (high < low) throw refuse(use, 'bad-port', `Port range \`${after}' funky`);
  if (second.rest === '') return { ports: { low, high }, base: undefined };
  if (!second.rest.startsWith('/')) {
    throw refuse(use, 'bad-port', `Garbage after port range: \`${second.rest}'`);
  }
  return { ports: { low, high }, base: parseBase(use, second.rest.slice(1)) };
}

/** @throws OptionError bad-address */
function parseAddress(use: OptionUse, text: string, family: Family): readonly number[] {
  const word = family === 4 ? parseIpv4(text) : undefined;
  const words = family === 4 ? undefined : parseIpv6(text);
  if (word !== undefined) return [word];
  if (words !== undefined) return [...words];
  throw refuse(use, 'bad-address', `Bad IP address "${text}"`);
}

/** The parts of `[address-address]:ports`. @throws OptionError bad-address */
function split(use: OptionUse, family: Family): { host: string; ports: string | undefined } {
  const text = argument(use);
  const bracket = text.indexOf('[');
  if (bracket >= 0) {
    const end = text.indexOf(']', bracket);
    if (end < 0 || family === 4) throw refuse(use, 'bad-address', 'Invalid address format');
    const colon = text.indexOf(':', end);
    return {
      host: colon === 0 || colon === 2 ? '' : text.slice(bracket + 1, end),
      ports: colon < 0 ? undefined : text.slice(colon + 1),
    };
  }
  const colon = text.indexOf(':');
  if (colon < 0 || text.indexOf(':', colon + 1) >= 0) return { host: text, ports: undefined };
  return { host: text.slice(0, colon === 2 ? 0 : colon), ports: text.slice(colon + 1) };
}

/**
 * `address[-address][:ports]`, as parse_to.
 * @throws OptionError bad-address, bad-port, protocol-required
 */
export function parseTo(
  use: OptionUse,
  context: ParseContext,
): Pick<NatRange, 'addresses' | 'ports' | 'base'> {
  const { host, ports } = split(use, context.family);
  const found =
    ports === undefined ? { ports: undefined, base: undefined } : parsePorts(use, ports, context);
  if (ports !== undefined && host === '') return { addresses: undefined, ...found };
  const dash = host.indexOf('-');
  const low = parseAddress(use, dash < 0 ? host : host.slice(0, dash), context.family);
  const high = dash < 0 ? low : parseAddress(use, host.slice(dash + 1), context.family);
  return { addresses: { low, high }, ...found };
}

/** `1.2.3.4-1.2.3.9:80-90/100`, `[::1]:80`, `:80`; '' for nothing. */
function rangeText({ addresses, ports, base }: NatRange): string {
  let text = '';
  if (addresses !== undefined) {
    const low = addressText(addresses.low);
    const high = addressText(addresses.high);
    text = low === high ? low : `${low}-${high}`;
    if (addresses.low.length === 4 && ports !== undefined) text = `[${text}]`;
  }
  if (ports === undefined) return text;
  text += `:${ports.low}${ports.high === ports.low ? '' : `-${ports.high}`}`;
  return base === undefined ? text : `${text}/${base}`;
}

/**
 * As __NAT_print: the range after `name`, then the flags.
 * @param name with what separates it from the range: `--to-source `
 * @param dashes before the flags
 * @param portsOnly leaves out the colon before ports
 */
export function natText(range: NatRange, name: string, dashes: string, portsOnly: boolean): string {
  const text = portsOnly ? rangeText(range).replace(/^:/, '') : rangeText(range);
  return [
    text === '' ? '' : `${name}${text}`,
    range.random ? `${dashes}random` : '',
    range.randomFully ? `${dashes}random-fully` : '',
    range.persistent ? `${dashes}persistent` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** Accepts, and notes that the connection would be translated. */
export function translate(
  context: PacketContext,
  which: 'source' | 'destination',
  text: string,
): TargetResult {
  if (context.translated === '') {
    context.translated = text.trimEnd();
    context.translates = which;
  }
  return TARGET_ACCEPT;
}
