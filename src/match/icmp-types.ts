/**
 * ICMP and ICMPv6 types by name, and how iptables 1.8.9 reads and prints a type with its codes
 * (libipt_icmp.c, libip6t_icmp6.c): names may be abbreviated, a name may stand for one code.
 */
import { OptionError } from './definition.ts';
import { unsignedPrefix } from './values.ts';

/** A type with a closed range of codes. */
export interface IcmpTypeCodes {
  /** 0 to 255. */
  readonly type: number;
  /** 0 to 255; `codeLow` may exceed `codeHigh`, then no code is in it. */
  readonly codeLow: number;
  readonly codeHigh: number;
}

/** A name of the table. */
interface NamedType extends IcmpTypeCodes {
  readonly name: string;
}

/** The types of one protocol. */
export interface IcmpTable {
  /** `ICMP` or `ICMPv6`, in messages. */
  readonly label: string;
  readonly types: readonly NamedType[];
}

/** All codes of a type. */
function type(number: number, ...names: readonly string[]): NamedType[] {
  return names.map((name) => ({ name, type: number, codeLow: 0, codeHigh: 255 }));
}

/** Names of single codes of a type, from code `first` on; '' where a code has none. */
function codes(number: number, first: number, ...names: readonly string[]): NamedType[] {
  return names.flatMap((name, i) =>
    name === '' ? [] : [{ name, type: number, codeLow: first + i, codeHigh: first + i }],
  );
}

/** ICMP types; the first of equals is the one printed. `any` is type 255. */
export const ICMP_TYPES: IcmpTable = {
  label: 'ICMP',
  types: [
    ...type(255, 'any'),
    ...type(0, 'echo-reply', 'pong'),
    ...type(3, 'destination-unreachable'),
    ...codes(3, 0, 'network-unreachable', 'host-unreachable', 'protocol-unreachable'),
    ...codes(3, 3, 'port-unreachable', 'fragmentation-needed', 'source-route-failed'),
    ...codes(3, 6, 'network-unknown', 'host-unknown', '', 'network-prohibited', 'host-prohibited'),
    ...codes(3, 11, 'TOS-network-unreachable', 'TOS-host-unreachable', 'communication-prohibited'),
    ...codes(3, 14, 'host-precedence-violation', 'precedence-cutoff'),
    ...type(4, 'source-quench'),
    ...type(5, 'redirect'),
    ...codes(5, 0, 'network-redirect', 'host-redirect', 'TOS-network-redirect'),
    ...codes(5, 3, 'TOS-host-redirect'),
    ...type(8, 'echo-request', 'ping'),
    ...type(9, 'router-advertisement'),
    ...type(10, 'router-solicitation'),
    ...type(11, 'time-exceeded', 'ttl-exceeded'),
    ...codes(11, 0, 'ttl-zero-during-transit', 'ttl-zero-during-reassembly'),
    ...type(12, 'parameter-problem'),
    ...codes(12, 0, 'ip-header-bad', 'required-option-missing'),
    ...type(13, 'timestamp-request'),
    ...type(14, 'timestamp-reply'),
    ...type(17, 'address-mask-request'),
    ...type(18, 'address-mask-reply'),
  ],
};

/** ICMPv6 types; 1.8.9 as built by Debian has no names for multicast listener discovery. */
export const ICMPV6_TYPES: IcmpTable = {
  label: 'ICMPv6',
  types: [
    ...type(1, 'destination-unreachable'),
    ...codes(1, 0, 'no-route', 'communication-prohibited', 'beyond-scope', 'address-unreachable'),
    ...codes(1, 4, 'port-unreachable', 'failed-policy', 'reject-route'),
    ...type(2, 'packet-too-big'),
    ...type(3, 'time-exceeded', 'ttl-exceeded'),
    ...codes(3, 0, 'ttl-zero-during-transit', 'ttl-zero-during-reassembly'),
    ...type(4, 'parameter-problem'),
    ...codes(4, 0, 'bad-header', 'unknown-header-type', 'unknown-option'),
    ...type(128, 'echo-request', 'ping'),
    ...type(129, 'echo-reply', 'pong'),
    ...type(133, 'router-solicitation'),
    ...type(134, 'router-advertisement'),
    ...type(135, 'neighbour-solicitation', 'neighbor-solicitation'),
    ...type(136, 'neighbour-advertisement', 'neighbor-advertisement'),
    ...type(137, 'redirect'),
  ],
};

/**
 * Reads a name (any case, abbreviated as long as one only begins with it) or `type[/code[:code]]`.
 * @throws OptionError bad-icmp-type
 */
export function parseIcmpType(table: IcmpTable, option: string, text: string): IcmpTypeCodes {
  const { label, types } = table;
  const lower = text.toLowerCase();
  const [first, second] = types.filter(({ name }) => name.toLowerCase().startsWith(lower));
  if (first !== undefined && second !== undefined) {
    throw new OptionError(
      'bad-icmp-type',
      `Ambiguous ${label} type \`${text}': \`${first.name}' or \`${second.name}'?`,
      { option },
    );
  }
  if (first !== undefined) return first;
  return parseNumbers(table, option, text);
}

/** `type[/code[:code]]`, numbers of any base. */
function parseNumbers({ label }: IcmpTable, option: string, text: string): IcmpTypeCodes {
  const refuse = (message: string): never => {
    throw new OptionError('bad-icmp-type', message, {
      option,
      hint: 'a type is a name such as echo-request, a number, or type/code',
    });
  };
  const number = (part: string, what: string): { value: number; rest: string } => {
    const found = unsignedPrefix(part);
    return found === undefined || found.value > 255
      ? refuse(`Unknown ${label} ${what} \`${text}'`)
      : found;
  };
  const typed = number(text, 'type');
  if (typed.rest === '') return { type: typed.value, codeLow: 0, codeHigh: 255 };
  if (typed.rest.startsWith(':')) return refuse(`${label} type range not supported`);
  if (!typed.rest.startsWith('/')) return refuse(`unknown character ${typed.rest[0]}`);
  const low = number(typed.rest.slice(1), 'code');
  const high = low.rest.startsWith(':') ? number(low.rest.slice(1), 'code') : low;
  if (high.rest !== '') return refuse(`unknown character ${high.rest[0]}`);
  return { type: typed.value, codeLow: low.value, codeHigh: high.value };
}

/** `3/1` for iptables-save, which drops the upper code of a range. */
export function savedIcmpType({ type: number, codeLow, codeHigh }: IcmpTypeCodes): string {
  return codeLow === 0 && codeHigh === 255 ? `${number}` : `${number}/${codeLow}`;
}

/** ` echo-request`, `type 3 code 1`, ` !type 8` … as `iptables -L` puts it right after `icmp`. */
export function listedIcmpType(
  table: IcmpTable,
  wanted: IcmpTypeCodes,
  inverted: boolean,
  numeric: boolean,
): string {
  const name = numeric ? undefined : icmpTypeName(table, wanted);
  if (name !== undefined) return ` ${inverted ? '!' : ''}${name}`;
  const { codeLow, codeHigh } = wanted;
  const code = codeLow === codeHigh ? ` code ${codeLow}` : ` codes ${codeLow}-${codeHigh}`;
  const all = codeLow === 0 && codeHigh === 255;
  return `${inverted ? ' !' : ''}type ${wanted.type}${all ? '' : code}`;
}

/** The name of exactly this type and these codes. */
export function icmpTypeName({ types }: IcmpTable, wanted: IcmpTypeCodes): string | undefined {
  return types.find(
    (known) =>
      known.type === wanted.type &&
      known.codeLow === wanted.codeLow &&
      known.codeHigh === wanted.codeHigh,
  )?.name;
}

/** `echo-request` or `8/0` for people: what a packet has. */
export function icmpText(table: IcmpTable, number: number, code: number): string {
  const name =
    icmpTypeName(table, { type: number, codeLow: code, codeHigh: code }) ??
    icmpTypeName(table, { type: number, codeLow: 0, codeHigh: 255 });
  return `${number}/${code}${name === undefined ? '' : ` (${name})`}`;
}
