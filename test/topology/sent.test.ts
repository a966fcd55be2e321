/**
 * Packets that the host sends, loopback, copies of forwarded packets, VLANs, and what captures say
 * of direction. What comes back of broadcasts and multicast was seen on Linux 6.18.
 */
import { describe, expect, test } from 'vitest';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND } from '../../src/capture/types.ts';
import { buildDatagram, ethernetFrame, packetOf, viewOf } from '../support/packets.ts';
import {
  arriving,
  BROADCAST_MAC,
  captureInterface,
  OWN_MAC,
  ROUTER,
  SERVER,
  sending,
  topologyOf,
  udp,
  wayOf,
} from './ways.ts';

const server = topologyOf(SERVER);
const router = topologyOf(ROUTER);

describe('sent', () => {
  test.each([
    ['192.0.2.10', '192.0.2.99', 'OUTPUT eth0'],
    ['192.0.2.10', '8.8.8.8', 'OUTPUT eth0'],
    ['192.0.2.10', '192.0.2.255', 'OUTPUT eth0 looped'],
    ['192.0.2.10', '255.255.255.255', 'OUTPUT eth0 looped'],
    ['192.0.2.10', '224.0.0.1', 'OUTPUT eth0 ?'],
    ['192.0.2.10', '224.0.0.22', 'OUTPUT eth0'],
    ['192.0.2.10', '224.0.0.251', 'OUTPUT eth0 ?'],
    ['2001:db8::10', '2001:db8::99', 'OUTPUT eth0'],
    ['2001:db8::10', 'ff02::1', 'OUTPUT eth0 ?'],
    ['2001:db8::10', 'ff02::16', 'OUTPUT eth0'],
    ['2001:db8::10', 'ff02::fb', 'OUTPUT eth0 ?'],
  ])('%s to %s: %s', (source, destination, way) => {
    expect(wayOf(server, sending(udp(source, destination)))).toBe(way);
    // The same without a link layer, where only the source address tells.
    expect(wayOf(server, packetOf(udp(source, destination)))).toBe(way);
  });

  test('neighbour discovery of the kernel does not come back', () => {
    const solicitation = {
      source: '2001:db8::10',
      destination: 'ff02::1',
      icmp: { type: 136, payload: 16 },
    };
    expect(wayOf(server, sending(solicitation))).toBe('OUTPUT eth0');
  });

  test('by route where the capture does not say the interface', () => {
    expect(wayOf(router, packetOf(udp('192.0.2.10', '203.0.113.9')))).toBe('OUTPUT eth1');
    expect(wayOf(router, packetOf(udp('203.0.113.1', '8.8.8.8')))).toBe('OUTPUT eth0');
  });

  test('from the unspecified address', () => {
    const packet = sending(udp('0.0.0.0', '255.255.255.255'), BROADCAST_MAC);
    expect(wayOf(server, packet)).toBe(
      'UNDECIDED: sent by this host from the unspecified address: DHCP clients send past netfilter',
    );
  });

  test('from an address that is not known', () => {
    expect(wayOf(server, sending(udp('192.0.2.77', '8.8.8.8')))).toBe(
      'UNDECIDED: sent by this host, but its source address is not among the known ones: --local ADDR adds it',
    );
  });
});

describe('loopback', () => {
  const captured = [captureInterface(0, 'lo')];
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '127.255.255.255'],
    ['192.0.2.10', '192.0.2.10'],
    ['127.0.0.1', '192.0.2.10'],
    ['::1', '::1'],
    ['2001:db8::10', '2001:db8::10'],
  ])('%s to %s', (source, destination) => {
    expect(wayOf(server, packetOf(udp(source, destination)))).toBe('LOOPBACK lo lo');
  });

  test('between the addresses of two interfaces, and to the subnet-router anycast of one', () => {
    expect(wayOf(router, packetOf(udp('192.0.2.10', '203.0.113.1')))).toBe('LOOPBACK lo lo');
    expect(wayOf(router, packetOf(udp('2001:db8::10', '2001:db8:1::')))).toBe('LOOPBACK lo lo');
  });

  test('by the name of the interface, and by Ethernet addresses of zeros', () => {
    const topology = topologyOf(SERVER, captured);
    expect(wayOf(topology, packetOf(udp('10.0.0.1', '10.0.0.2')))).toBe('LOOPBACK lo lo');
    const zero = '00:00:00:00:00:00';
    const frame = ethernetFrame(buildDatagram(udp('10.0.0.1', '10.0.0.1')), {
      sourceMac: zero,
      destinationMac: zero,
    });
    expect(wayOf(server, viewOf(frame, { linkType: 1 }))).toBe('LOOPBACK lo lo');
  });

  test('link type NULL is that of tunnels too: the addresses decide', () => {
    const viewNull = (source: string, destination: string) =>
      viewOf(Uint8Array.of(2, 0, 0, 0, ...buildDatagram(udp(source, destination))), {
        linkType: 0,
      });
    expect(wayOf(server, viewNull('127.0.0.1', '127.0.0.1'))).toBe('LOOPBACK lo lo');
    expect(wayOf(server, viewNull('192.0.2.10', '192.0.2.10'))).toBe('LOOPBACK lo lo');
    expect(wayOf(server, viewNull('198.51.100.9', '192.0.2.10'))).toBe('INPUT eth0');
  });

  test('recorded as it was sent, too', () => {
    const packet = packetOf(udp('127.0.0.1', '127.0.0.1'), { direction: DIRECTION_OUTBOUND });
    expect(wayOf(topologyOf(SERVER, captured), packet)).toBe(
      'NOT_SEEN: sent on lo: seen as it comes in',
    );
  });

  test('own addresses captured at another interface come from outside', () => {
    const topology = topologyOf(SERVER, [captureInterface(0, 'eth0')]);
    expect(wayOf(topology, packetOf(udp('192.0.2.10', '192.0.2.10')))).toBe(
      'DROPPED eth0: martian: this host’s own address as source',
    );
  });
});

describe('copies of forwarded packets', () => {
  const both = topologyOf(ROUTER, [captureInterface(0, 'eth0'), captureInterface(1, 'eth1')]);
  const one = topologyOf(ROUTER, [captureInterface(0, 'eth1')]);
  const packet = (interfaceId: number, direction = 0) =>
    packetOf(udp('192.0.2.99', '203.0.113.9'), { interfaceId, direction });

  test('captured at both interfaces: counted as it arrives', () => {
    expect(wayOf(both, packet(0))).toBe('FORWARD eth0 eth1');
    expect(wayOf(both, packet(1))).toBe('NOT_SEEN: leaves by eth1: seen as it came in');
    expect(wayOf(both, packet(1, DIRECTION_OUTBOUND))).toBe(
      'NOT_SEEN: leaves by eth1: seen as it came in',
    );
  });

  test('captured only where it leaves: counted there', () => {
    expect(wayOf(one, packet(0))).toBe('FORWARD eth0 eth1 leaving');
    expect(wayOf(one, packet(0, DIRECTION_OUTBOUND))).toBe('FORWARD eth0 eth1 leaving');
  });

  test('said to arrive: not a leaving copy, whatever the routes', () => {
    expect(wayOf(one, packet(0, DIRECTION_INBOUND))).toBe('FORWARD eth1 eth1');
  });

  test('one that leaves with TTL 1 was forwarded', () => {
    const last = packetOf(udp('192.0.2.99', '203.0.113.9', { ttl: 1 }));
    expect(wayOf(one, last)).toBe('FORWARD eth0 eth1 leaving');
  });
});

describe('VLANs', () => {
  const tagged = (vlan: number) => {
    const datagram = buildDatagram(udp('192.0.2.99', '192.0.2.10'));
    const frame = ethernetFrame(datagram, { destinationMac: OWN_MAC, vlans: [vlan] });
    return viewOf(frame, { linkType: 1 });
  };
  const none = 'NOT_SEEN: no interface for VLAN 5: --interface NAME.5 adds it';

  test.each([
    [['eth0=192.0.2.10/24'], 0, 'INPUT eth0'],
    [['eth0=192.0.2.10/24'], 5, none],
    [['eth0', 'eth0.5=192.0.2.10/24'], 5, 'INPUT eth0.5'],
    [['eth0', 'vlan5=192.0.2.10/24'], 5, 'INPUT vlan5'],
    [['eth0', 'eth0.55=192.0.2.10/24'], 5, none],
  ])('interfaces %j, tag %d: %s', (interfaces, vlan, way) => {
    expect(wayOf(topologyOf({ interface: interfaces }), tagged(vlan))).toBe(way);
  });

  test('where the interfaces are not given, a tag says nothing', () => {
    expect(wayOf(topologyOf({ local: ['192.0.2.10'] }), tagged(5))).toBe('INPUT eth0');
  });
});

describe('the interface of a packet', () => {
  test('by the capture’s name, else by the way back to its source', () => {
    const named = topologyOf(ROUTER, [captureInterface(0, 'eth1')]);
    const packet = packetOf(udp('192.0.2.99', '192.0.2.10'), { direction: DIRECTION_INBOUND });
    expect(wayOf(named, packet)).toBe('INPUT eth1');
    expect(wayOf(router, packet)).toBe('INPUT eth0');
    expect(wayOf(router, packetOf(udp('203.0.113.9', '192.0.2.10')))).toBe('INPUT eth1');
  });

  test('a bridge’s port beside the host’s interface is none of its own', () => {
    const named = [captureInterface(0, 'eth0'), captureInterface(1, 'veth1')];
    const packet = (interfaceId: number) =>
      packetOf(udp('192.0.2.99', '192.0.2.10'), { interfaceId });
    const topology = topologyOf(SERVER, named);
    expect(wayOf(topology, packet(0))).toBe('INPUT eth0');
    expect(wayOf(topology, packet(1))).toBe(
      'NOT_SEEN: captured at an interface that is not among the given ones',
    );
    // Where the capture calls its only interface otherwise, the user's name stands for it.
    const other = topologyOf(SERVER, [captureInterface(0, 'enp3s0')]);
    expect(wayOf(other, packet(0))).toBe('INPUT eth0');
  });

  test('the name in the capture serves where only --local is given', () => {
    const topology = topologyOf({ local: ['192.0.2.10'] }, [captureInterface(0, 'wlan0')]);
    expect(topology.interfaces).toEqual(['lo', 'wlan0']);
    expect(wayOf(topology, arriving(udp('192.0.2.99', '192.0.2.10')))).toBe('INPUT wlan0');
  });
});
