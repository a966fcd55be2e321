/** -m addrtype's types, all seen on Linux 6.18 (a default route by eth0, forwarding on). */
import { describe, expect, test } from 'vitest';
import { readPrefix } from '../../src/topology/address.ts';
import {
  ADDRTYPE_ANYCAST,
  ADDRTYPE_BROADCAST,
  ADDRTYPE_LOCAL,
  ADDRTYPE_MULTICAST,
  ADDRTYPE_UNICAST,
  ADDRTYPE_UNSPEC,
} from '../../src/topology/types.ts';
import { topologyOf } from './ways.ts';

const NAMES: readonly (readonly [number, string])[] = [
  [ADDRTYPE_UNSPEC, 'UNSPEC'],
  [ADDRTYPE_UNICAST, 'UNICAST'],
  [ADDRTYPE_LOCAL, 'LOCAL'],
  [ADDRTYPE_BROADCAST, 'BROADCAST'],
  [ADDRTYPE_ANYCAST, 'ANYCAST'],
  [ADDRTYPE_MULTICAST, 'MULTICAST'],
];

const topology = topologyOf({
  interface: [
    'eth0=192.0.2.10/24,198.51.100.5/32,10.1.1.1/30,2001:db8::10/64,fe80::10/64',
    'eth1=203.0.113.1/24,2001:db8:1::1/64,fe80::11/64',
  ],
  route: ['default=eth0'],
});

function typeOf(text: string, device: string): string {
  const address = readPrefix(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = address.words;
  const bits = topology.addressType(address.family, a0, a1, a2, a3, device);
  return NAMES.filter(([bit]) => (bits & bit) !== 0)
    .map(([, name]) => name)
    .join(' ');
}

describe.each([
  ['192.0.2.10', 'LOCAL', 'LOCAL'],
  ['203.0.113.1', 'LOCAL', 'UNICAST'],
  ['192.0.2.255', 'BROADCAST', 'BROADCAST'],
  ['203.0.113.255', 'BROADCAST', 'UNICAST'],
  ['192.0.2.0', 'UNICAST', 'UNICAST'],
  ['255.255.255.255', 'BROADCAST', 'BROADCAST'],
  ['0.0.0.0', 'BROADCAST', 'BROADCAST'],
  ['0.1.2.3', 'UNICAST', 'UNICAST'],
  ['127.0.0.1', 'LOCAL', 'UNICAST'],
  ['127.0.0.0', 'LOCAL', 'UNICAST'],
  ['127.255.255.255', 'BROADCAST', 'UNICAST'],
  ['224.0.0.1', 'MULTICAST', 'MULTICAST'],
  ['240.0.0.1', 'UNICAST', 'UNICAST'],
  ['192.0.2.77', 'UNICAST', 'UNICAST'],
  ['8.8.8.8', 'UNICAST', 'UNICAST'],
  ['198.51.100.5', 'LOCAL', 'LOCAL'],
  ['10.1.1.3', 'BROADCAST', 'BROADCAST'],
  ['10.1.1.0', 'UNICAST', 'UNICAST'],
  ['2001:db8::10', 'UNICAST LOCAL', 'UNICAST LOCAL'],
  ['2001:db8:1::1', 'UNICAST LOCAL', 'UNICAST'],
  ['fe80::10', 'UNICAST LOCAL', 'UNICAST LOCAL'],
  ['fe80::11', 'UNICAST LOCAL', 'UNICAST'],
  ['2001:db8::', 'UNICAST ANYCAST', 'UNICAST ANYCAST'],
  ['2001:db8:1::', 'UNICAST ANYCAST', 'UNICAST'],
  ['fe80::', 'UNICAST ANYCAST', 'UNICAST ANYCAST'],
  ['ff02::1', 'MULTICAST', 'MULTICAST'],
  ['ff05::7', 'MULTICAST', 'MULTICAST'],
  ['2001:db8::77', 'UNICAST', 'UNICAST'],
  ['2001:db8:9::1', 'UNICAST', 'UNICAST'],
  ['::ffff:1.2.3.4', '', ''],
  ['::1.2.3.4', 'UNICAST', 'UNICAST'],
  ['fc00::1', 'UNICAST', 'UNICAST'],
])('%s', (address, plain, limited) => {
  test('on any interface', () => expect(typeOf(address, '')).toBe(plain));
  test('on eth0', () => expect(typeOf(address, 'eth0')).toBe(limited));
});

test('on lo', () => {
  expect(typeOf('127.0.0.1', 'lo')).toBe('LOCAL');
  expect(typeOf('::1', 'lo')).toBe('UNICAST LOCAL');
  expect(typeOf('192.0.2.10', 'lo')).toBe('UNICAST');
});
