/**
 * Ports of options: by number or service name, in the two ways of libxtables 1.8.9, which differ
 * (xtables_parse_port for tcp and multiport, getaddrinfo for udp and conntrack), and as
 * `iptables -L` shows them.
 */
import type { PacketView } from '../packet/fields.ts';
import { outside, unequal } from './conditions.ts';
import { OptionError } from './definition.ts';
import { anyServicePort, serviceName, servicePort } from './services.ts';
import type { Range } from './values.ts';
import { rangeText, tooManyComponents, unsignedNumber } from './values.ts';

/** Every port. */
export const ALL_PORTS: Range = { low: 0, high: 0xffff };

/** Whether a range holds every port. */
export function isAllPorts(range: Range): boolean {
  return range.low === 0 && range.high === 0xffff;
}

/**
 * A port by number (any base, at most 65535) or by the protocol's service name, as
 * xtables_parse_port. @throws OptionError bad-port
 */
export function servicePortNumber(text: string, protocol: string, option: string): number {
  const value = unsignedNumber(text, 0xffff) ?? servicePort(text, protocol);
  if (value === undefined) {
    throw new OptionError('bad-port', `invalid port/service \`${text}' specified`, {
      option,
      hint: `a port is a number from 0 to 65535 or a service name of ${protocol} such as ssh`,
    });
  }
  return value;
}

/**
 * A port as getaddrinfo takes it: a decimal number of 32 bits, cut to 16 without a word, or a
 * service name of any protocol. Seen on iptables 1.8.9: `--dport 65536` of udp is port 0.
 * @throws OptionError bad-port
 */
export function lookedUpPort(text: string, option: string): number {
  const digits = /^[ \t\n\v\f\r]*\+?([0-9]+)$/.exec(text)?.[1];
  const low32 = digits === undefined ? -1 : Number(BigInt.asIntN(32, BigInt(digits)));
  const tooLarge = digits !== undefined && BigInt(digits) > 0xffff_ffff_ffff_ffffn;
  const value = low32 < 0 || tooLarge ? anyServicePort(text) : low32 & 0xffff;
  if (value === undefined) {
    throw new OptionError('bad-port', `Port "${text}" does not resolve to anything.`, {
      option,
      hint: 'a port is a number from 0 to 65535 or a service name such as domain',
    });
  }
  return value;
}

/**
 * A range of ports of an option that takes `a`, `a:b`, `:b`, `a:`, `:` or nothing (port 0), as
 * XTTYPE_PORTRC. The ends may be reversed: then it holds no port.
 * @param name the option's name in messages
 * @throws OptionError bad-port, bad-value
 */
export function lookedUpPortRange(
  extension: string,
  option: string,
  text: string,
  name = option,
): Range {
  const ends: [number, number] = [0, 0xffff];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (index === 2) throw tooManyComponents(extension, name);
    if (part !== '') ends[index] = lookedUpPort(part, option);
  }
  const [low, high] = ends;
  return { low, high: parts.length === 1 ? low : high };
}

/** A port as `iptables -L` shows it. */
export function portName(value: number, protocol: string, numeric: boolean): string {
  return numeric ? `${value}` : (serviceName(value, protocol) ?? `${value}`);
}

/** A source or destination port condition. */
export interface PortCondition extends Range {
  readonly inverted: boolean;
}

/** No condition. */
export const ANY_PORT: PortCondition = { ...ALL_PORTS, inverted: false };

/** Whether a port meets the condition. */
export function portHolds(condition: PortCondition, value: number): boolean {
  return (value >= condition.low && value <= condition.high) !== condition.inverted;
}

/** Whether no port can fail the condition. */
export function isAnyPort(condition: PortCondition): boolean {
  return isAllPorts(condition) && !condition.inverted;
}

/**
 * `! --dport 1:2` for iptables-save, or '' for every port. iptables 1.8.9 prints nothing for
 * `! --dport 0:65535` either.
 */
export function savedPorts(option: string, ports: PortCondition): string {
  if (isAllPorts(ports)) return '';
  const range = ports.low === ports.high ? `${ports.low}` : `${ports.low}:${ports.high}`;
  return `${ports.inverted ? '! ' : ''}--${option} ${range}`;
}

/** `dpt:ssh` or `dpts:!20:22` for `iptables -L`, or '' for every port. */
export function listedPorts(
  name: string,
  ports: PortCondition,
  protocol: string,
  numeric: boolean,
): string {
  if (isAnyPort(ports)) return '';
  const not = ports.inverted ? '!' : '';
  const low = portName(ports.low, protocol, numeric);
  if (ports.low === ports.high) return `${name}:${not}${low}`;
  return `${name}s:${not}${low}:${portName(ports.high, protocol, numeric)}`;
}

/** The port conditions that fail, for people; none when the ports are not known. */
export function failedPorts(
  options: { readonly source: PortCondition; readonly destination: PortCondition },
  packet: PacketView,
): string[] {
  if (packet.sourcePort < 0) return [];
  const failed: string[] = [];
  if (!portHolds(options.source, packet.sourcePort)) {
    failed.push(outsidePort('sport', options.source, packet.sourcePort));
  }
  if (!portHolds(options.destination, packet.destinationPort)) {
    failed.push(outsidePort('dport', options.destination, packet.destinationPort));
  }
  return failed;
}

function outsidePort(option: string, ports: PortCondition, has: number): string {
  const say = ports.low === ports.high ? unequal : outside;
  return say(option, ports.inverted, `${has}`, rangeText(ports));
}
