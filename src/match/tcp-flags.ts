/**
 * TCP flags as iptables names them. CWR and ECE have no name there: masks hold six flags only.
 */
import { OptionError } from './definition.ts';

/** In the order in which iptables prints them. */
const FLAGS: readonly (readonly [string, number])[] = [
  ['FIN', 0x01],
  ['SYN', 0x02],
  ['RST', 0x04],
  ['PSH', 0x08],
  ['ACK', 0x10],
  ['URG', 0x20],
];

/** `--syn`: FIN, SYN, RST and ACK are looked at, only SYN may be set. */
export const SYN_MASK = 0x17;
export const SYN_COMPARE = 0x02;

/**
 * The bits of `SYN,ACK`, `ALL`, `NONE`; any case, empty names skipped (strtok).
 * @throws OptionError bad-tcp-flag
 */
export function parseTcpFlags(text: string): number {
  let bits = 0;
  for (const name of text.split(',')) {
    if (name === '') continue;
    const upper = name.toUpperCase();
    const flag = FLAGS.find(([known]) => known === upper);
    if (flag !== undefined) bits |= flag[1];
    else if (upper === 'ALL') bits |= 0x3f;
    else if (upper !== 'NONE') {
      throw new OptionError('bad-tcp-flag', `Unknown TCP flag \`${name}'`, {
        option: 'tcp-flags',
        hint: 'flags are FIN, SYN, RST, PSH, ACK, URG, ALL and NONE, joined by commas',
      });
    }
  }
  return bits;
}

/** `FIN,SYN`, or `NONE`. Other bits (CWR, ECE) are left out. */
export function tcpFlagNames(bits: number): string {
  const names = FLAGS.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name);
  return names.length === 0 ? 'NONE' : names.join(',');
}

/** `0x17`, as `iptables -L -n` prints a set of flags. */
export function tcpFlagDigits(bits: number): string {
  return `0x${bits.toString(16).toUpperCase().padStart(2, '0')}`;
}
