/**
 * -m mac: the source MAC address of a packet that arrived on an Ethernet-like interface. As
 * net/netfilter/xt_mac.c: on any other interface (loopback, PPP, tunnels) it does not match, inverted
 * or not.
 */
import type { PacketView } from '../packet/fields.ts';
import { undecided, unequal } from './conditions.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';

/** Options of -m mac. */
export interface MacOptions {
  /** Six bytes. */
  readonly address: readonly number[];
  readonly inverted: boolean;
}

/** The frame arrived on an Ethernet device, and its address is in the capture. */
const ON_ETHERNET = 1;
const NOT_ON_ETHERNET = 2;
const CANNOT_TELL = 3;

/** ARPHRD_ETHER: the hardware type of Ethernet-like interfaces. */
const HARDWARE_ETHERNET = 1;

/** Which of the three it is. */
function arrival(context: PacketContext): 1 | 2 | 3 {
  const { hardwareType, sourceMacOffset } = context.packet;
  if (context.inInterface === 'lo') return NOT_ON_ETHERNET;
  if (hardwareType >= 0 && hardwareType !== HARDWARE_ETHERNET) return NOT_ON_ETHERNET;
  return hardwareType < 0 || sourceMacOffset < 0 ? CANNOT_TELL : ON_ETHERNET;
}

function sameAddress(wanted: readonly number[], packet: PacketView): boolean {
  for (let i = 0; i < 6; i++) {
    if (packet.bytes[packet.sourceMacOffset + i] !== wanted[i]) return false;
  }
  return true;
}

function macText(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * Six hexadecimal numbers of one or two digits joined by colons; each part as strtoul reads it, so
 * that it may be empty (0) or have a sign.
 * @throws OptionError bad-mac
 */
export function parseMac(text: string): number[] {
  const parts = text.split(':');
  const bytes = parts.map((part) => {
    const found = part.length > 2 ? null : /^[ \t\n\v\f\r]*([+-]?)([0-9a-fA-F]*)$/.exec(part);
    const digits = found?.[2];
    if (found === null || digits === undefined) return Number.NaN;
    if (digits === '') return part === '' ? 0 : Number.NaN;
    const value = Number.parseInt(digits, 16);
    return (found[1] === '-' ? -value : value) & 255;
  });
  if (bytes.length !== 6 || bytes.some((byte) => Number.isNaN(byte))) {
    throw new OptionError('bad-mac', 'Invalid MAC address specified.', {
      option: 'mac-source',
      hint: 'write it as 00:11:22:33:44:55',
    });
  }
  return bytes;
}

function matches({ address, inverted }: MacOptions, context: PacketContext): MatchResult {
  const where = arrival(context);
  if (where === CANNOT_TELL) {
    return undecided(context, 'the capture lacks the MAC address that --mac-source looks at');
  }
  if (where === NOT_ON_ETHERNET) return NO;
  return sameAddress(address, context.packet) !== inverted ? YES : NO;
}

/** -m mac. */
export const mac: MatchDefinition<MacOptions> = {
  name: 'mac',
  families: [4, 6],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  help: 'source MAC address; only in chains reached from PREROUTING, INPUT and FORWARD alone',
  options: [
    {
      name: 'mac-source',
      argument: 'XX:XX:XX:XX:XX:XX',
      invertible: true,
      help: 'the source MAC address of the frame',
    },
  ],
  reads: ['mac', 'interfaces'],
  parse(uses) {
    let options: MacOptions = { address: [], inverted: false };
    readOptions('mac', mac.options, uses, {
      'mac-source': (use) => {
        options = { address: parseMac(argument(use)), inverted: use.inverted };
      },
    });
    requireOption('mac', uses, 'mac-source');
    return options;
  },
  print: ({ address, inverted }) => `${inverted ? '! ' : ''}--mac-source ${macText(address)}`,
  list: ({ address, inverted }) => `MAC ${inverted ? '! ' : ''}${macText(address)}`,
  matches,
  explain: ({ address, inverted }, context) => {
    const { packet } = context;
    const where = arrival(context);
    if (where === CANNOT_TELL) return '--mac-source: the capture lacks the MAC address';
    if (where === NOT_ON_ETHERNET) return '--mac-source: not an Ethernet interface';
    const at = packet.sourceMacOffset;
    const has = macText([...packet.bytes.subarray(at, at + 6)]);
    return unequal('mac-source', inverted, has, macText(address));
  },
};
