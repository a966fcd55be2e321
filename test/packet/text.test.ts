import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import {
  formatIpv4,
  formatIpv6,
  parseIpv4,
  parseIpv6,
  protocolName,
  protocolNumber,
} from '../../src/packet/text.ts';

function reformat(text: string): string | undefined {
  const words = parseIpv6(text);
  if (words === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return formatIpv6(a, b, c, d);
}

describe('IPv4 text', () => {
  it('prints signed and unsigned words', () => {
    expect(formatIpv4(0xc0000201 | 0)).toBe('192.0.2.1');
    expect(formatIpv4(0xc0000201)).toBe('192.0.2.1');
    expect(formatIpv4(-1)).toBe('255.255.255.255');
    expect(formatIpv4(0)).toBe('0.0.0.0');
  });

  it('takes what inet_pton takes', () => {
    expect(parseIpv4('192.0.2.1')).toBe(0xc0000201 | 0);
    for (const bad of ['1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.', '', ' 1.2.3.4'])
      expect(parseIpv4(bad), bad).toBeUndefined();
  });

  it('comes back from text', () => {
    fc.assert(fc.property(fc.integer(), (word) => parseIpv4(formatIpv4(word)) === word));
  });
});

describe('IPv6 text', () => {
  // Each line as glibc's inet_ntop prints it.
  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['::1:2', '::0.1.0.2'],
    ['::1:0', '::0.1.0.0'],
    ['::ffff', '::ffff'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1::2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['0:0:0:0:1:0:0:0', '::1:0:0:0'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1::', '1::'],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ])('%s prints as %s', (text, printed) => {
    expect(reformat(text)).toBe(printed);
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    '::g',
    '1.2.3.4::',
    '::1.2.3.04',
    '::1.2.3.4:5',
    'fe80::1%eth0',
    '::1/64',
  ])('refuses %j', (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  it('comes back from text, and ipaddr.js reads the same without dots', () => {
    const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 0xffff, 0x10000));
    fc.assert(
      fc.property(word, word, word, word, (a, b, c, d) => {
        const text = formatIpv6(a, b, c, d);
        expect([...(parseIpv6(text) ?? [])]).toEqual([a, b, c, d]);
        // ipaddr.js 2.5 takes every dotted tail for that of an IPv4-mapped address.
        if (text.includes('.')) return;
        const bytes = ipaddr.parse(text).toByteArray();
        const view = new DataView(Uint8Array.from(bytes).buffer);
        expect([0, 4, 8, 12].map((at) => view.getInt32(at))).toEqual([a, b, c, d]);
      }),
    );
  });
});

describe('protocol names', () => {
  it.each([
    [0, 'ip'],
    [1, 'icmp'],
    [6, 'tcp'],
    [17, 'udp'],
    [33, 'dccp'],
    [47, 'gre'],
    [50, 'esp'],
    [51, 'ah'],
    [58, 'ipv6-icmp'],
    [59, 'ipv6-nonxt'],
    [132, 'sctp'],
    [136, 'udplite'],
    [253, '253'],
  ])('%i is %s', (number, name) => {
    expect(protocolName(number)).toBe(name);
  });

  it('finds numbers by name and alias, with the case of /etc/protocols', () => {
    expect(protocolNumber('ipv6-icmp')).toBe(58);
    expect(protocolNumber('IPv6-ICMP')).toBe(58);
    expect(protocolNumber('IPSEC-ESP')).toBe(50);
    expect(protocolNumber('hopopt')).toBe(0);
    expect(protocolNumber('Tcp')).toBeUndefined();
    expect(protocolNumber('6')).toBeUndefined();
    expect(protocolNumber('')).toBeUndefined();
  });
});
