/** The conditions that every rule can have, and how `explain` words the one that failed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explainIpMatch, interfaceHolds, ipMatches } from '../../src/evaluate/ip-match.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { NO, UNDECIDED, YES } from '../../src/match/definition.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import type { Family, IpMatch } from '../../src/ruleset/types.ts';
import { packetOf } from '../support/packets.ts';
import { contextOf, filterText } from './programs.ts';

/** The conditions of `-A FORWARD …`. */
function conditionsOf(text: string, family: Family = 4): IpMatch {
  const rules = filterText(`-A FORWARD ${text}`);
  const { ruleset } = loadRuleset([{ text: rules, file: 'x', family }]);
  const chain = ruleset.families.get(family)?.tables.get('filter')?.chains.get('FORWARD');
  const [rule] = chain?.rules ?? [];
  if (rule === undefined) throw new Error('no rule');
  return rule.ip;
}

const udp = packetOf({ source: '192.0.2.9', destination: '10.1.2.3', udp: {} });
const later = packetOf({
  source: '192.0.2.9',
  destination: '10.1.2.3',
  protocol: 17,
  fragmentOffset: 8,
  payload: 8,
});
const interfaces = { inInterface: 'eth0', outInterface: 'ppp0' };

describe('conditions', () => {
  test.each([
    ['-s 192.0.2.9', udp, YES, ''],
    ['-s 192.0.2.0/24', udp, YES, ''],
    ['-s 192.0.2.0/29', udp, NO, '-s: 192.0.2.9, not in 192.0.2.0/29'],
    ['-s 10.0.0.1', udp, NO, '-s: 192.0.2.9, not in 10.0.0.1'],
    ['! -s 192.0.2.0/24', udp, NO, '! -s: 192.0.2.9 is in 192.0.2.0/24'],
    ['-d 10.0.2.3/255.0.255.0', udp, YES, ''],
    ['-d 10.0.9.3/255.0.255.0', udp, NO, '-d: 10.1.2.3, not in 10.0.9.0/255.0.255.0'],
    ['-i eth0', udp, YES, ''],
    ['-i eth+', udp, YES, ''],
    ['-i +', udp, YES, ''],
    ['-i eth1', udp, NO, '-i: eth0, not eth1'],
    ['! -i eth+', udp, NO, '! -i: eth0 is excluded (eth+)'],
    ['-o ppp+', udp, YES, ''],
    ['-o eth0', udp, NO, '-o: ppp0, not eth0'],
    ['-p udp', udp, YES, ''],
    ['-p tcp', udp, NO, '-p: udp, not tcp'],
    ['! -p udp', udp, NO, '! -p: udp is excluded'],
    ['-f', udp, NO, '-f: fragment offset 0'],
    ['! -f', udp, YES, ''],
    ['-f', later, YES, ''],
    ['! -f', later, NO, '! -f: fragment offset 8'],
    ['-p udp', later, YES, ''],
  ])('%s', (text, packet: PacketView, result, why) => {
    const context = contextOf(packet, interfaces);
    expect(ipMatches(conditionsOf(text), context)).toBe(result);
    expect(explainIpMatch(conditionsOf(text), context)).toBe(why);
  });

  test('a hook without an interface', () => {
    const wanted = (name: string, wildcard: boolean, inverted: boolean) =>
      interfaceHolds({ name, wildcard, inverted }, '');
    expect(wanted('eth0', false, false)).toBe(false);
    expect(wanted('eth', true, false)).toBe(false);
    expect(wanted('', true, false)).toBe(true);
    expect(wanted('eth0', false, true)).toBe(true);
    const output = contextOf(udp, { inInterface: '', outInterface: 'eth0' });
    expect(explainIpMatch(conditionsOf('-i eth0'), output)).toBe(
      '-i: no interface at this hook, not eth0',
    );
  });

  test('IPv6 headers that the snap length cut', () => {
    const packet = packetOf(
      {
        source: '2001:db8::9',
        destination: '2001:db8::1',
        extensionHeaders: [{ type: 60, body: [1, 4, 0, 0, 0, 0] }],
        udp: {},
      },
      { capturedLength: 41 },
    );
    const context = contextOf(packet, interfaces);
    expect(ipMatches(conditionsOf('-p udp', 6), context)).toBe(UNDECIDED);
    expect(context.undecidedReason).toBe('snap length cut the IPv6 extension headers');
    // Whatever the protocol, the address decides.
    expect(ipMatches(conditionsOf('-s 2001:db8::8 -p udp', 6), context)).toBe(NO);
  });
});

test('an address matches a network of any length as the bits of the texts do', () => {
  const bits = (words: readonly number[]): string =>
    words.map((word) => (word >>> 0).toString(2).padStart(32, '0')).join('');
  const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
  const near = fc.tuple(word, fc.nat(31)).map(([one, bit]) => [one, one ^ (1 << bit)] as const);
  fc.assert(
    fc.property(fc.oneof(near, fc.tuple(word, word)), fc.nat(32), ([address, network], length) => {
      const mask = length === 0 ? 0 : -1 << (32 - length);
      const packet = packetOf({ source: '0.0.0.0', destination: '0.0.0.0', udp: {} });
      packet.source0 = address;
      const source = { address: [network], mask: [mask], inverted: false };
      const same = bits([address]).slice(0, length) === bits([network]).slice(0, length);
      expect(ipMatches({ source }, contextOf(packet))).toBe(same ? YES : NO);
      const inverted = { source: { ...source, inverted: true } };
      expect(ipMatches(inverted, contextOf(packet))).toBe(same ? NO : YES);
    }),
  );
});
