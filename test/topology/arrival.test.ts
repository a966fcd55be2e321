/**
 * Where arriving packets go. Each row was asked of Linux 6.18 (two interfaces, forwarding on,
 * rp_filter and accept_local 0) by counting in all chains what a TAP device is given.
 */
import { describe, expect, test } from 'vitest';
import { packetOf } from '../support/packets.ts';
import {
  arriving,
  BROADCAST_MAC,
  PEER_MAC,
  ROUTER,
  SERVER,
  topologyOf,
  udp,
  wayOf,
} from './ways.ts';

const router = topologyOf(ROUTER, [], {
  devices: ETH0(),
  macs: [0x020000000010],
  macsComplete: true,
});

function ETH0() {
  return [{ interfaceId: 0, linkInterfaceIndex: 0, name: 'eth0' }];
}

const martian = (what: string): string => `DROPPED eth0: martian: ${what}`;
const OWN_SOURCE = martian('this host’s own address as source');
const GROUP_SOURCE = martian('multicast or broadcast address as source');
const LOOPBACK_SOURCE = martian('loopback address as source on another interface');
const NO_FORWARD = 'DROPPED eth0: in a broadcast or multicast frame: not forwarded';
const unknownGroup = (group: string): string =>
  `UNDECIDED eth0: whether this host joined ${group} is not in the capture; if it did: --local ${group}`;

describe('IPv4', () => {
  test.each([
    ['192.0.2.99', '192.0.2.10', 'INPUT eth0'],
    ['192.0.2.99', '203.0.113.1', 'INPUT eth0'],
    ['192.0.2.99', '192.0.2.255', 'INPUT eth0'],
    ['192.0.2.99', '203.0.113.255', 'INPUT eth0'],
    ['192.0.2.99', '192.0.2.0', 'FORWARD eth0 eth0'],
    ['192.0.2.99', '255.255.255.255', 'INPUT eth0'],
    ['0.0.0.0', '255.255.255.255', 'INPUT eth0'],
    ['0.0.0.0', '0.0.0.0', 'INPUT eth0'],
    ['0.0.0.0', '192.0.2.10', martian('0.0.0.0 as source')],
    ['0.0.0.0', '192.0.2.255', martian('0.0.0.0 as source')],
    ['192.0.2.99', '0.0.0.0', martian('0.0.0.0 as destination')],
    ['0.1.2.3', '192.0.2.10', 'INPUT eth0'],
    ['192.0.2.99', '224.0.0.1', 'INPUT eth0'],
    ['0.0.0.0', '224.0.0.1', 'INPUT eth0'],
    ['10.9.9.9', '224.0.0.1', 'INPUT eth0'],
    ['192.0.2.99', '224.0.0.22', 'DROPPED eth0: multicast group for multicast routers only'],
    ['192.0.2.99', '224.0.0.251', unknownGroup('224.0.0.251')],
    ['192.0.2.99', '127.0.0.1', martian('loopback address as destination from outside')],
    ['127.0.0.1', '192.0.2.10', LOOPBACK_SOURCE],
    ['127.0.0.1', '203.0.113.9', LOOPBACK_SOURCE],
    ['240.0.0.1', '192.0.2.10', 'INPUT eth0'],
    ['192.0.2.99', '240.0.0.1', 'FORWARD eth0 eth0'],
    ['192.0.2.10', '192.0.2.10', OWN_SOURCE],
    ['203.0.113.1', '192.0.2.10', OWN_SOURCE],
    ['192.0.2.10', '203.0.113.9', OWN_SOURCE],
    ['192.0.2.10', '192.0.2.255', OWN_SOURCE],
    ['192.0.2.10', '224.0.0.1', OWN_SOURCE],
    ['224.0.0.5', '192.0.2.10', GROUP_SOURCE],
    ['255.255.255.255', '192.0.2.10', GROUP_SOURCE],
    ['192.0.2.255', '192.0.2.10', 'INPUT eth0'],
    ['192.0.2.255', '203.0.113.9', 'FORWARD eth0 eth1'],
    ['8.8.8.8', '192.0.2.10', 'INPUT eth0'],
    ['192.0.2.99', '203.0.113.9', 'FORWARD eth0 eth1'],
    ['192.0.2.99', '8.8.8.8', 'FORWARD eth0 eth0'],
  ])('%s to %s: %s', (source, destination, way) => {
    expect(wayOf(router, arriving(udp(source, destination)))).toBe(way);
  });

  test.each([
    [0, 'DROPPED eth0: TTL expires here'],
    [1, 'DROPPED eth0: TTL expires here'],
    [2, 'FORWARD eth0 eth1'],
  ])('to be forwarded with TTL %d: %s', (ttl, way) => {
    expect(wayOf(router, arriving(udp('192.0.2.99', '203.0.113.9', { ttl })))).toBe(way);
    expect(wayOf(router, arriving(udp('192.0.2.99', '192.0.2.10', { ttl })))).toBe('INPUT eth0');
  });

  test.each([
    ['203.0.113.9', BROADCAST_MAC, NO_FORWARD],
    ['203.0.113.9', '01:00:5e:00:00:01', NO_FORWARD],
    ['192.0.2.10', BROADCAST_MAC, 'INPUT eth0'],
    ['192.0.2.10', '01:00:5e:00:00:01', 'INPUT eth0'],
    ['192.0.2.10', '02:00:00:00:00:55', 'NOT_SEEN: its link-layer address is another host’s'],
    ['203.0.113.9', PEER_MAC, 'NOT_SEEN: its link-layer address is another host’s'],
  ])('to %s in a frame for %s: %s', (destination, mac, way) => {
    expect(wayOf(router, arriving(udp('192.0.2.98', destination), mac))).toBe(way);
  });

  test.each([
    ['record route', [7, 7, 4, 0, 0, 0, 0], 'INPUT eth0'],
    ['router alert', [0x94, 4, 0, 0], 'INPUT eth0'],
    ['unknown', [0x1e, 4, 1, 2], 'INPUT eth0'],
    [
      'loose source route',
      [0x83, 7, 4, 1, 2, 3, 4],
      'DROPPED eth0: IPv4 source route option (accept_source_route is off)',
    ],
    ['option behind the end', [7, 0x20, 4, 0], 'DROPPED eth0: IPv4 options invalid'],
    ['two record routes', [7, 3, 4, 7, 3, 4], 'DROPPED eth0: IPv4 options invalid'],
    ['CIPSO', [134, 6, 0, 0, 0, 1], 'DROPPED eth0: IPv4 options invalid'],
  ])('IP option: %s', (_, ipOptions, way) => {
    expect(wayOf(router, arriving(udp('192.0.2.99', '192.0.2.10', { ipOptions })))).toBe(way);
  });
});

describe('IPv6', () => {
  const NOT_MEMBER = 'DROPPED eth0: multicast group of which this host is no member';
  const LOOPBACK = 'NOT_SEEN: IPv6 loopback address on another interface than lo';
  test.each([
    ['2001:db8::99', '2001:db8::10', 'INPUT eth0'],
    ['fe80::99', 'fe80::10', 'INPUT eth0'],
    ['fe80::99', 'fe80::11', 'FORWARD eth0 eth0'],
    ['2001:db8::99', '2001:db8:1::1', 'INPUT eth0'],
    ['2001:db8::99', '2001:db8::', 'INPUT eth0'],
    ['2001:db8::99', 'ff02::1', 'INPUT eth0'],
    ['2001:db8::99', 'ff02::2', 'INPUT eth0'],
    ['2001:db8::99', 'ff02::16', NOT_MEMBER],
    ['2001:db8::99', 'ff02::fb', unknownGroup('ff02::fb')],
    ['2001:db8::99', 'ff05::2', unknownGroup('ff05::2')],
    ['2001:db8::99', 'ff02::1:ff00:10', 'INPUT eth0'],
    ['2001:db8::99', 'ff02::1:ff00:77', NOT_MEMBER],
    [
      '2001:db8::99',
      'ff01::1',
      'NOT_SEEN: IPv6 multicast destination of interface-local scope on another interface than lo',
    ],
    ['2001:db8::99', 'ff00::1', 'NOT_SEEN: IPv6 multicast destination of scope 0 (reserved)'],
    ['2001:db8::99', '::1', LOOPBACK],
    ['::1', '2001:db8::10', LOOPBACK],
    ['ff02::5', '2001:db8::10', 'NOT_SEEN: IPv6 multicast address as source'],
    ['::', '2001:db8::10', 'INPUT eth0'],
    ['::', '2001:db8:1::9', 'DROPPED eth0: the unspecified address as source: not forwarded'],
    ['2001:db8::10', '2001:db8::10', 'INPUT eth0'],
    ['2001:db8:1::1', '2001:db8::10', 'INPUT eth0'],
    ['2001:db8::10', '2001:db8:1::9', 'FORWARD eth0 eth1'],
    ['2001:db8::99', '2001:db8:1::9', 'FORWARD eth0 eth1'],
    ['2001:db8::99', '2001:db8::98', 'FORWARD eth0 eth0'],
    ['fe80::99', '2001:db8:1::9', 'DROPPED eth0: link-local source address: not forwarded'],
    ['fe80::99', '2001:db8::98', 'FORWARD eth0 eth0'],
    ['fe80::99', 'fe80::98', 'FORWARD eth0 eth0'],
    ['::ffff:192.0.2.10', '2001:db8::10', 'INPUT eth0'],
  ])('%s to %s: %s', (source, destination, way) => {
    expect(wayOf(router, arriving(udp(source, destination)))).toBe(way);
  });

  test.each([
    [0, 'DROPPED eth0: hop limit expires here'],
    [1, 'DROPPED eth0: hop limit expires here'],
    [2, 'FORWARD eth0 eth1'],
  ])('to be forwarded with hop limit %d: %s', (ttl, way) => {
    const packet = arriving(udp('2001:db8::99', '2001:db8:1::9', { ttl }));
    expect(wayOf(router, packet)).toBe(way);
  });

  const INVALID = 'NOT_SEEN: IPv6 hop-by-hop options invalid or not known';
  test.each([
    ['padding', [1, 4, 0, 0, 0, 0], 'INPUT eth0'],
    ['padding that is not zero', [1, 4, 0, 0, 1, 0], INVALID],
    ['unknown, to be skipped', [0x1e, 4, 0, 0, 0, 0], 'INPUT eth0'],
    ['unknown, to be discarded', [0x5e, 4, 0, 0, 0, 0], INVALID],
    ['behind the end', [0x1e, 9, 0, 0, 0, 0], INVALID],
    ['router alert', [5, 2, 0, 0, 1, 0], 'INPUT eth0'],
  ])('hop-by-hop option: %s', (_, body, way) => {
    const extensionHeaders = [{ type: 0, body }];
    const packet = arriving(udp('2001:db8::99', '2001:db8::10', { extensionHeaders }));
    expect(wayOf(router, packet)).toBe(way);
  });
});

describe('a host with one interface', () => {
  const server = topologyOf(SERVER);
  test.each([
    ['2001:db8::99', 'ff02::2', unknownGroup('ff02::2')],
    ['2001:db8::99', 'ff02::1:ff00:77', unknownGroup('ff02::1:ff00:77')],
    ['2001:db8::99', '2001:db8::', 'FORWARD eth0 eth0'],
    ['192.0.2.99', '198.51.100.1', 'FORWARD eth0 eth0'],
  ])('%s to %s: %s', (source, destination, way) => {
    expect(wayOf(server, arriving(udp(source, destination)))).toBe(way);
  });

  test('groups that it joined', () => {
    const joined = topologyOf({ ...SERVER, local: ['224.0.0.251', 'ff02::fb'] });
    expect(wayOf(joined, arriving(udp('192.0.2.99', '224.0.0.251')))).toBe('INPUT eth0');
    expect(wayOf(joined, arriving(udp('fe80::99', 'ff02::fb')))).toBe('INPUT eth0');
  });
});

describe('what the capture cuts off', () => {
  test('IPv4 options', () => {
    const packet = arriving(udp('192.0.2.99', '192.0.2.10', { ipOptions: [7, 7, 4, 0, 0, 0, 0] }));
    packet.frameEnd = packet.networkOffset + 22;
    packet.networkEnd = packet.frameEnd;
    expect(wayOf(router, packet)).toBe(
      'UNDECIDED eth0: snap length cut the options of the IP header',
    );
  });
});

describe('what the vantage does not say', () => {
  const route =
    'no route to the destination is known: --route NETWORK/LEN=NAME or --route default=NAME gives it';
  const came = 'UNDECIDED: by which interface it came in is not known: --route NETWORK=NAME tells';

  test('where packets to other networks leave', () => {
    const two = topologyOf({ ...ROUTER, route: [] });
    const packet = arriving(udp('192.0.2.99', '8.8.8.8'));
    expect(wayOf(two, packet)).toBe(`UNDECIDED eth0: ${route}`);
  });

  test('where a packet came in', () => {
    const two = topologyOf({ ...ROUTER, route: [] });
    expect(wayOf(two, packetOf(udp('8.8.8.8', '203.0.113.9')))).toBe(came);
    expect(wayOf(two, packetOf(udp('8.8.8.8', '203.0.113.1')))).toBe('INPUT eth1');
  });

  test('whether a broadcast is for this host', () => {
    const host = topologyOf({ local: ['192.0.2.10'] });
    const packet = arriving(udp('192.0.2.99', '192.0.2.255'), BROADCAST_MAC);
    expect(wayOf(host, packet)).toBe(
      'UNDECIDED eth0: broadcast frame: whether its destination is this host’s broadcast address needs --interface NAME=ADDR/LEN',
    );
  });

  test('the addresses of one family', () => {
    const host = topologyOf({ interface: ['eth0=192.0.2.10/24'] });
    expect(wayOf(host, arriving(udp('2001:db8::1', '2001:db8::2')))).toBe(
      'UNDECIDED: no IPv6 address of this host is known: --interface NAME=ADDR/LEN or --local ADDR gives it',
    );
  });
});
