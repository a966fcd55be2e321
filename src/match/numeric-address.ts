/**
 * Addresses as option values of matches: the spellings that libxtables 1.8.9 takes there, which are
 * not those of -s and -d. Words are signed 32-bit, one for IPv4, four for IPv6.
 */
import { formatIpv4, formatIpv6, parseIpv6 } from '../packet/text.ts';
import type { Family } from '../ruleset/types.ts';
import { OptionError } from './definition.ts';
import { unsignedNumber } from './values.ts';

/** An address, or undefined when it is none, as xtables_numeric_to_ipaddr and inet_pton read it. */
export function plainAddress(text: string, family: Family): readonly number[] | undefined {
  if (family === 6) {
    const words = parseIpv6(text);
    return words === undefined ? undefined : [...words];
  }
  // The tool copies 19 characters at most; missing numbers at the end are zero.
  const parts = text.slice(0, 19).split('.');
  if (parts.length > 4) return undefined;
  let word = 0;
  for (let i = 0; i < 4; i++) {
    const byte = i < parts.length ? unsignedNumber(parts[i] ?? '', 255) : 0;
    if (byte === undefined) return undefined;
    word = (word << 8) | byte;
  }
  return [word];
}

const LOCALHOST: Readonly<Record<Family, readonly number[]>> = {
  4: [0x7f000001],
  6: [0, 0, 0, 1],
};

/** One to four numbers of which the last fills the rest, as inet_aton: `10.1` is 10.0.0.1. */
function atonAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length > 4 || !parts.every((part) => /^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(part))) {
    return undefined;
  }
  let value = 0;
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    const room = last ? 256 ** (5 - parts.length) : 256;
    const number = unsignedNumber(part, room - 1);
    if (number === undefined) return undefined;
    value = value * room + number;
  }
  return value | 0;
}

/** An address as getaddrinfo reads a numeric host of a family. */
function numericHost(text: string, family: Family): readonly number[] | undefined {
  if (family === 4) {
    const word = atonAddress(text);
    if (word !== undefined) return [word];
    const words = parseIpv6(text);
    const mapped = words !== undefined && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
    return mapped ? [words[3] ?? 0] : undefined;
  }
  const words = parseIpv6(text.replace(/%[^%]+$/, ''));
  return words === undefined ? undefined : [...words];
}

/**
 * One address as XTTYPE_HOST. Names are never looked up, but for localhost.
 * @throws OptionError host-not-found
 */
export function hostAddress(option: string, text: string, family: Family): readonly number[] {
  const numeric = numericHost(text, family);
  if (numeric !== undefined) return numeric;
  if (text === 'localhost') return LOCALHOST[family];
  const other = numericHost(text, family === 4 ? 6 : 4) !== undefined;
  throw new OptionError(
    'host-not-found',
    `getaddrinfo: ${other ? 'Address family for hostname not supported' : 'Name or service not known'}`,
    {
      option,
      hint: other
        ? `this rule is for IPv${family}`
        : 'write the address: host names are not looked up, as the answer may change',
    },
  );
}

/** An address with its mask. */
export interface MaskedHost {
  readonly address: readonly number[];
  readonly mask: readonly number[];
}

/** Words of a mask whose first `length` bits are set. */
function prefixMask(length: number, family: Family): number[] {
  return Array.from({ length: family === 4 ? 1 : 4 }, (_, i) => {
    const bits = Math.min(32, Math.max(0, length - 32 * i));
    return bits === 0 ? 0 : -1 << (32 - bits);
  });
}

/** Number of leading ones of a mask, or -1 when it has others. */
export function maskLength(mask: readonly number[]): number {
  let length = 0;
  let ended = false;
  for (const word of mask) {
    const ones = Math.clz32(~word);
    if (ended ? word !== 0 : ones < 32 && word << ones !== 0) return -1;
    if (!ended) length += ones;
    ended ||= ones < 32;
  }
  return length;
}

/**
 * `address[/length]` or `address/mask`, as XTTYPE_HOSTMASK. The address keeps all its bits; a mask
 * that is no prefix counts as all ones, as seen on iptables 1.8.9.
 * @throws OptionError host-not-found, bad-mask
 */
export function maskedHost(
  extension: string,
  option: string,
  text: string,
  family: Family,
): MaskedHost {
  const most = family === 4 ? 32 : 128;
  const slash = text.indexOf('/');
  const address = hostAddress(option, slash < 0 ? text : text.slice(0, slash), family);
  if (slash < 0) return { address, mask: prefixMask(most, family) };
  const length = prefixLength(extension, option, text.slice(slash + 1), family);
  return { address, mask: prefixMask(length, family) };
}

/**
 * A prefix length, or a mask, as XTTYPE_PLEN and XTTYPE_PLENMASK; a mask that is no prefix counts as
 * all ones. @throws OptionError bad-mask
 */
export function prefixLength(
  extension: string,
  option: string,
  text: string,
  family: Family,
): number {
  const most = family === 4 ? 32 : 128;
  const length = unsignedNumber(text, most);
  if (length !== undefined) return length;
  const dotted = numericHost(text, family);
  if (dotted !== undefined) {
    const ones = maskLength(dotted);
    return ones < 0 ? most : ones;
  }
  throw new OptionError(
    'bad-mask',
    `${extension}: bad value for option "--${option}", neither a valid network mask nor valid CIDR (0-${most}).`,
    { option },
  );
}

/** An address as text, without mask. */
export function addressText(words: readonly number[]): string {
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return words.length === 1 ? formatIpv4(a) : formatIpv6(a, b, c, d);
}

/** Networks by name, as in Debian's /etc/networks. */
const NETWORKS: ReadonlyMap<number, string> = new Map([
  [0, 'default'],
  [0x7f000000, 'loopback'],
  [0xa9fe0000 | 0, 'link-local'],
]);

/** An address without mask as `iptables -L` shows it: the names that every host knows, or numbers. */
export function addressName(words: readonly number[]): string {
  const local = LOCALHOST[words.length === 1 ? 4 : 6];
  if (local.every((word, i) => word === words[i])) return 'localhost';
  const network = words.length === 1 ? NETWORKS.get(words[0] ?? 0) : undefined;
  return network ?? addressText(words);
}

/** `192.0.2.1` or `192.0.2.1/24`. */
export function maskedHostText({ address, mask }: MaskedHost): string {
  const length = maskLength(mask);
  return length === 32 * mask.length ? addressText(address) : `${addressText(address)}/${length}`;
}

/** As `iptables -L` without -n: `anywhere` for zeros under any mask, `localhost`. */
export function maskedHostName({ address, mask }: MaskedHost): string {
  if (address.every((word) => word === 0)) return 'anywhere';
  const length = maskLength(mask);
  const name = addressName(address);
  return length === 32 * mask.length ? name : `${name}/${length}`;
}

/** Whether an address is the one under the mask. */
export function maskedHostHolds(wanted: MaskedHost, words: ArrayLike<number>): boolean {
  for (let i = 0; i < wanted.mask.length; i++) {
    const different = (words[i] ?? 0) ^ (wanted.address[i] ?? 0);
    if ((different & (wanted.mask[i] ?? 0)) !== 0) return false;
  }
  return true;
}
