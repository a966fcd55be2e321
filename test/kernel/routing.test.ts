/** Where routing sends packets, or drops them: seen on Linux 6.18, and the same from our replay. */
import { describe } from 'vitest';
import { ROUTER } from '../support/kernel-rules.ts';
import { type SceneRow, scene } from '../support/kernel-scene.ts';
import { buildDatagram, type DatagramSpec, ethernetFrame } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';
const SERVER = '192.0.2.9';
const CLIENT6 = '2001:db8:c::9';
const HOST6 = '2001:db8:1::1';
const SERVER6 = '2001:db8:1::9';

const udp = (source: string, destination: string, more: Partial<DatagramSpec> = {}) =>
  ({ source, destination, udp: {}, ...more }) satisfies DatagramSpec;

describe('time to live', () => {
  scene('of what is forwarded', [
    [udp(CLIENT, SERVER, { ttl: 0 }), 'NEW lost'],
    [udp(CLIENT, SERVER, { ttl: 1 }), 'NEW lost'],
    [udp(CLIENT, SERVER, { ttl: 2 }), 'NEW forward'],
    [udp(CLIENT6, SERVER6, { ttl: 0 }), 'NEW lost'],
    [udp(CLIENT6, SERVER6, { ttl: 1 }), 'NEW lost'],
    [udp(CLIENT6, SERVER6, { ttl: 2 }), 'NEW forward'],
  ]);
  scene('of what stays or begins here', [
    [udp(CLIENT, HOST, { ttl: 0 }), 'NEW in'],
    [udp('198.51.100.10', HOST, { ttl: 1 }), 'NEW in'],
    [udp(CLIENT6, HOST6, { ttl: 0 }), 'NEW in'],
    [udp(HOST, SERVER, { ttl: 0 }), 'NEW out'],
    [udp(HOST, '192.0.2.8', { ttl: 1 }), 'NEW out'],
  ]);
});

describe('destinations', () => {
  scene('IPv4', [
    [udp(CLIENT, '203.0.113.1'), 'NEW in'],
    [udp(CLIENT, '203.0.113.255'), 'NEW in'],
    [udp(CLIENT, '192.0.2.255'), 'NEW in'],
    [udp(CLIENT, '255.255.255.255'), 'NEW in'],
    [udp(CLIENT, '192.0.2.0'), 'NEW forward'],
    [udp(CLIENT, '240.0.0.1'), 'NEW forward'],
    [udp(CLIENT, '169.254.1.1'), 'NEW forward'],
    [udp(CLIENT, '10.1.1.1'), 'NEW forward'],
    [udp(CLIENT, '0.0.0.0'), 'NEW lost'],
    [udp(CLIENT, '127.0.0.1'), 'NEW lost'],
  ]);
  scene('IPv6', [
    [udp(CLIENT6, '2001:db8:2::1'), 'NEW in'],
    [udp(CLIENT6, '2001:db8:1::'), 'NEW in'],
    [udp(CLIENT6, 'fe80::2'), 'NEW in'],
    [udp(CLIENT6, 'fe80::1'), 'NEW forward'],
    [udp(CLIENT6, 'fe80::9'), 'NEW forward'],
    [udp(CLIENT6, 'fc00::9'), 'NEW forward'],
    [udp(CLIENT6, '::'), 'NEW forward'],
    [udp(CLIENT6, '::1'), '-'],
  ]);
  scene('multicast of which the host is always a member', [
    [udp(CLIENT, '224.0.0.1'), 'NEW in'],
    [udp(CLIENT6, 'ff02::1'), 'NEW in'],
    [udp(CLIENT6, 'ff02::1:ff00:1'), 'NEW in'],
  ]);
  scene('IPv6 multicast that never arrives', [
    [udp(CLIENT6, 'ff01::1'), '-'],
    [udp(CLIENT6, 'ff00::1'), '-'],
  ]);
});

describe('sources', () => {
  const frame = (datagram: DatagramSpec, destinationMac = '02:00:00:00:00:a0') =>
    ethernetFrame(buildDatagram(datagram), { destinationMac, sourceMac: '02:00:00:00:00:99' });
  const options = { linkType: 1 };
  const rows = (expected: Record<string, string>, destination: string): SceneRow[] =>
    Object.entries(expected).map(([source, line]) => [frame(udp(source, destination)), line]);
  scene(
    'odd ones, to the host',
    [
      ...rows(
        {
          '127.0.0.1': 'NEW lost',
          '0.0.0.0': 'NEW lost',
          '255.255.255.255': 'NEW lost',
          '224.0.0.5': 'NEW lost',
          '240.0.0.1': 'NEW in',
          '192.0.2.255': 'NEW in',
          '192.0.2.0': 'NEW in',
          '0.1.2.3': 'NEW in',
          '169.254.1.1': 'NEW in',
        },
        HOST,
      ),
      ...rows(
        {
          '::1': '-',
          'ff02::1': '-',
          '::': 'NEW in',
          'fe80::9': 'NEW in',
          '::ffff:1.2.3.4': 'NEW in',
          'fc00::1': 'NEW in',
        },
        HOST6,
      ),
    ],
    options,
  );
  scene(
    'odd ones, to be forwarded',
    [
      ...rows(
        {
          '127.0.0.9': 'NEW lost',
          '0.0.0.0': 'NEW lost',
          '255.255.255.255': 'NEW lost',
          '224.0.0.5': 'NEW lost',
          '240.0.0.1': 'NEW forward',
          '192.0.2.255': 'NEW forward',
          '169.254.1.1': 'NEW forward',
        },
        '198.51.100.7',
      ),
      ...rows(
        {
          '::1': '-',
          'ff02::1': '-',
          '::': 'NEW lost',
          'fe80::9': 'NEW lost',
          'fec0::1': 'NEW forward',
          '::ffff:1.2.3.4': 'NEW forward',
        },
        '2001:db8:c::7',
      ),
    ],
    options,
  );
  scene(
    'the unspecified address to groups',
    [
      [frame(udp('0.0.0.0', '255.255.255.255'), 'ff:ff:ff:ff:ff:ff'), 'NEW in'],
      [frame(udp('0.0.0.0', '224.0.0.1'), '01:00:5e:00:00:01'), 'NEW in'],
      [frame(udp('0.0.0.0', '192.0.2.255'), 'ff:ff:ff:ff:ff:ff'), 'NEW lost'],
    ],
    // With more than one the frame would not tell which.
    { ...options, interfaces: [ROUTER.interfaces[0]], routes: ['default=eth0'] },
  );
  scene(
    'addresses of another interface: the weak host model',
    [
      [frame(udp(SERVER, '203.0.113.1')), 'NEW in'],
      [frame(udp(SERVER, '203.0.113.255')), 'NEW in'],
      [frame(udp(SERVER6, '2001:db8:2::1')), 'NEW in'],
      [frame(udp('fe80::9', '2001:db8:2::1')), 'NEW in'],
    ],
    options,
  );
  scene(
    'MAC addresses: of another host, group addresses',
    [
      [frame(udp(SERVER, HOST), '02:00:00:00:00:99'), '-'],
      [frame(udp(SERVER6, HOST6), '02:00:00:00:00:99'), '-'],
      [frame(udp(SERVER, HOST), 'ff:ff:ff:ff:ff:ff'), 'NEW in'],
      [frame(udp('192.0.2.8', HOST), '01:00:5e:00:00:01'), 'NEW in'],
      [frame(udp(SERVER6, HOST6), '33:33:00:00:00:01'), 'NEW in'],
      [frame(udp(SERVER, CLIENT), 'ff:ff:ff:ff:ff:ff'), 'NEW lost'],
      [frame(udp(SERVER, '198.51.100.8'), '01:00:5e:00:00:01'), 'NEW lost'],
      [frame(udp(SERVER6, CLIENT6), '33:33:00:00:00:01'), 'NEW lost'],
      [frame(udp(SERVER, '224.0.0.1')), 'NEW in'],
      [frame(udp(SERVER6, 'ff02::1')), 'NEW in'],
      [frame(udp(SERVER, '192.0.2.255')), 'NEW in'],
      [frame(udp(SERVER, '255.255.255.255')), 'NEW in'],
    ],
    options,
  );
});

describe('sent by the host', () => {
  scene('to a broadcast address: a copy comes back', [
    [udp(HOST, '255.255.255.255'), 'NEW PREROUTING INPUT OUTPUT POSTROUTING*2'],
    [udp(HOST, '192.0.2.255'), 'NEW PREROUTING INPUT OUTPUT POSTROUTING*2'],
  ]);
  scene('to itself', [
    [udp('127.0.0.1', '127.0.0.1', { udp: { sourcePort: 1, destinationPort: 2 } }), 'NEW loop'],
    [
      udp('127.0.0.1', '127.0.0.1', { udp: { sourcePort: 2, destinationPort: 1 } }),
      'ESTABLISHED loop',
    ],
    [udp(HOST, HOST), 'NEW loop'],
    [udp(HOST, '203.0.113.1'), 'NEW loop'],
    [udp('127.0.0.1', HOST), 'NEW loop'],
    [udp('::1', '::1'), 'NEW loop'],
    [udp(HOST6, HOST6), 'NEW loop'],
    [udp('fe80::1', 'fe80::1'), 'NEW loop'],
    [{ source: '127.0.0.1', destination: '127.0.0.1', tcp: { flags: 'SA' } }, 'INVALID loop'],
    [udp('127.0.0.1', '127.0.0.1', { udp: { sourcePort: 7, checksum: 'bad' } }), 'NEW loop'],
    [udp('127.0.0.1', '127.255.255.255'), 'NEW loop'],
  ]);
  scene('MLD and neighbour discovery', [
    [{ source: 'fe80::1', destination: 'ff02::16', ttl: 1, icmp: { type: 143 } }, 'UNTRACKED out'],
    [
      { source: 'fe80::1', destination: 'fe80::9', ttl: 255, icmp: { type: 135, payload: 20 } },
      'UNTRACKED out',
    ],
  ]);
});
