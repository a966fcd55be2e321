/** Inferring the vantage: from the shipped captures, and from constructed beginnings of captures. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCapture } from '../../src/capture/reader.ts';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND, Frame } from '../../src/capture/types.ts';
import { decode } from '../../src/packet/decode.ts';
import { PACKET_OK, PacketView } from '../../src/packet/fields.ts';
import { addressText, prefixText } from '../../src/topology/address.ts';
import { prefixLengthOf } from '../../src/topology/guess.ts';
import { type Inferred, VantageObserver } from '../../src/topology/infer.ts';
import { parseVantage } from '../../src/topology/vantage.ts';
import {
  buildDatagram,
  type DatagramSpec,
  ethernetFrame,
  packetOf,
  viewOf,
} from '../support/packets.ts';
import { repositoryRoot } from '../support/shared-data.ts';
import { captureInterface, udp } from './ways.ts';

/** `eth0=192.0.2.10,2001:db8::10` of each interface. */
function interfacesOf({ vantage }: Inferred): string[] {
  return vantage.interfaces.map(
    ({ name, addresses }) => `${name}=${addresses.map(prefixText).join(',')}`,
  );
}

async function inferFrom(name: string): Promise<Inferred> {
  const reader = await openCapture([join(repositoryRoot, 'captures', name)]);
  const observer = new VantageObserver();
  const frame = new Frame();
  const packet = new PacketView();
  while (await reader.fill())
    while (reader.next(frame)) if (decode(frame, packet) === PACKET_OK) observer.observe(packet);
  reader.close();
  return observer.conclude(reader.interfaces);
}

function inferOf(packets: readonly PacketView[], captured = [captureInterface(0)]): Inferred {
  const observer = new VantageObserver();
  for (const packet of packets) observer.observe(packet);
  return observer.conclude(captured);
}

describe('shipped captures', () => {
  const SERVER_4 = ['eth0=192.0.2.10'];
  const SERVER = ['eth0=192.0.2.10,2001:db8:5::10'];
  test.each([
    ['any-sll.pcap', true, SERVER],
    ['any.pcap', true, SERVER],
    ['dns.pcap', false, SERVER],
    ['fragments.pcap', false, SERVER],
    ['http.pcap', false, SERVER_4],
    ['https.pcapng', false, SERVER_4],
    ['loopback.pcap', true, SERVER_4],
    ['midstream.pcap', false, SERVER_4],
    ['mixed.pcap.gz', false, SERVER],
    ['outgoing.pcap', false, SERVER_4],
    ['scan.pcap', false, SERVER_4],
    ['ssh.pcap', false, SERVER_4],
    ['traceroute.pcap', false, SERVER],
  ])('%s (certain: %s): %j', async (name, certain, interfaces) => {
    const inferred = await inferFrom(name);
    expect(interfacesOf(inferred)).toEqual(interfaces);
    expect(inferred.certain).toBe(certain);
  });

  test('router.pcapng: forwarded packets are in it twice and tell the router', async () => {
    const inferred = await inferFrom('router.pcapng');
    expect(interfacesOf(inferred)).toEqual([
      'eth0=192.0.2.1',
      'eth1=203.0.113.1,2001:db8:9::1,fe80::200:5eff:fe00:5304',
    ]);
    expect(inferred.certain).toBe(false);
    expect(
      inferred.vantage.learnedRoutes?.map(
        ({ address, interface: name }) => `${addressText(address)} ${name}`,
      ),
    ).toEqual(['192.0.2.10 eth0', '198.51.100.20 eth1']);
  });

  test('a guess says so, with the option that fixes it', async () => {
    const { notes } = await inferFrom('http.pcap');
    expect(notes).toEqual([
      'guessed that this host is 192.0.2.10, by the MAC address that is in nearly all frames; if not: --local ADDR[,ADDR…]',
      'the interface has no name: taken as eth0; if not: --interface NAME=ADDR/LEN',
    ]);
  });

  test('broadcasts give away the length of the prefix', async () => {
    const [first] = interfacesOf(await inferFrom('ping.pcap'));
    expect(first).toMatch(/^eth0=192\.0\.2\.10\/24,/);
  });
});

describe('what the capture says', () => {
  test('addresses of its interfaces', () => {
    const described = { ...captureInterface(0, 'ens3'), addresses: ['192.0.2.7/24', 'fe80::7/64'] };
    const inferred = inferOf([packetOf(udp('10.0.0.1', '10.0.0.2'))], [described]);
    expect(interfacesOf(inferred)).toEqual(['ens3=192.0.2.7/24,fe80::7/64']);
    expect(inferred.certain).toBe(true);
    expect(inferred.vantage.origin).toBe('from the capture');
  });

  const inbound = (spec: DatagramSpec, interfaceId = 0) =>
    packetOf(spec, { direction: DIRECTION_INBOUND, interfaceId });
  const outbound = (spec: DatagramSpec, interfaceId = 0) =>
    packetOf(spec, { direction: DIRECTION_OUTBOUND, interfaceId });

  test('directions: what is sent and never received is the host’s', () => {
    const inferred = inferOf([
      inbound(udp('10.0.0.1', '10.0.0.2')),
      outbound(udp('10.0.0.2', '10.0.0.1')),
      inbound(udp('10.0.0.1', '10.0.0.255')),
    ]);
    // Not a broadcast frame, so 10.0.0.255 may be an address of the host.
    expect(interfacesOf(inferred)).toEqual(['eth0=10.0.0.2,10.0.0.255']);
    expect(inferred.certain).toBe(true);
  });

  test('directions at a router: forwarded addresses come in and go out', () => {
    const forwarded = udp('10.0.0.1', '10.1.0.1');
    const captured = [captureInterface(0, 'lan'), captureInterface(1, 'wan')];
    const inferred = inferOf(
      [
        inbound(forwarded, 0),
        outbound(forwarded, 1),
        inbound(udp('10.0.0.1', '10.0.0.254'), 0),
        outbound(udp('10.0.0.254', '10.0.0.1'), 0),
        outbound(udp('10.1.0.254', '10.1.0.1'), 1),
      ],
      captured,
    );
    expect(interfacesOf(inferred)).toEqual(['lan=10.0.0.254', 'wan=10.1.0.254']);
  });
});

describe('forwarded packets', () => {
  const captured = [captureInterface(0, 'lan'), captureInterface(1, 'wan')];
  const forwarded = (interfaceId: number, ttl: number, id = 1) =>
    packetOf(udp('10.0.0.1', '10.1.0.1', { ttl, id }), { interfaceId });
  const routesOf = (packets: readonly PacketView[]) => {
    const observer = new VantageObserver();
    for (const packet of packets) observer.observe(packet);
    const given = parseVantage({ local: [], interface: ['lan', 'wan'], route: [] });
    const { vantage } = observer.complete(given, captured);
    return vantage.learnedRoutes?.map(({ address, interface: name }) => [
      addressText(address),
      name,
    ]);
  };

  test('one TTL less where it leaves, whichever was recorded first', () => {
    const routes = [
      ['10.1.0.1', 'wan'],
      ['10.0.0.1', 'lan'],
    ];
    expect(routesOf([forwarded(0, 64), forwarded(1, 63)])).toEqual(routes);
    expect(routesOf([forwarded(1, 63), forwarded(0, 64)])).toEqual(routes);
  });

  test('the same TTL, another datagram, or the same interface says nothing', () => {
    expect(routesOf([forwarded(0, 64), forwarded(1, 64)])).toEqual([]);
    expect(routesOf([forwarded(0, 64), forwarded(1, 63, 2)])).toEqual([]);
    expect(routesOf([forwarded(0, 64), forwarded(0, 63)])).toEqual([]);
  });

  test('contradictions say nothing', () => {
    const packets = [forwarded(0, 64), forwarded(1, 63), forwarded(1, 64, 2), forwarded(0, 63, 2)];
    expect(routesOf(packets)).toEqual([]);
  });
});

describe('guesses', () => {
  const ethernet = (spec: DatagramSpec, sourceMac: string, destinationMac: string) =>
    viewOf(ethernetFrame(buildDatagram(spec), { sourceMac, destinationMac }), { linkType: 1 });
  const A = '02:00:00:00:00:0a';
  const B = '02:00:00:00:00:0b';
  const C = '02:00:00:00:00:0c';

  test('the host’s MAC address is in all frames', () => {
    const inferred = inferOf([
      ethernet(udp('10.0.0.1', '10.0.0.2'), A, B),
      ethernet(udp('10.0.0.3', '10.0.0.2'), C, B),
      ethernet(udp('10.0.0.2', '10.0.0.3'), B, C),
    ]);
    expect(interfacesOf(inferred)).toEqual(['eth0=10.0.0.2']);
    expect(inferred.certain).toBe(false);
  });

  test('of host and gateway the gateway has passed other routers', () => {
    const far = { ttl: 57 };
    const inferred = inferOf([
      ethernet(udp('198.51.100.1', '10.0.0.2', far), A, B),
      ethernet(udp('10.0.0.2', '198.51.100.1', { ttl: 64 }), B, A),
    ]);
    expect(interfacesOf(inferred)).toEqual(['eth0=10.0.0.2']);
  });

  test('of two hosts the one that serves', () => {
    const tcp = (sourcePort: number, destinationPort: number, flags: string) => ({
      tcp: { sourcePort, destinationPort, flags },
    });
    const inferred = inferOf([
      ethernet({ source: '10.0.0.2', destination: '10.0.0.1', ...tcp(80, 4000, 'SA') }, B, A),
      ethernet({ source: '10.0.0.1', destination: '10.0.0.2', ...tcp(4000, 80, 'A') }, A, B),
    ]);
    expect(interfacesOf(inferred)).toEqual(['eth0=10.0.0.2']);
  });

  test('without a link layer, by traffic', () => {
    const inferred = inferOf([
      packetOf(udp('10.0.0.1', '10.0.0.2')),
      packetOf(udp('10.0.0.3', '10.0.0.2')),
      packetOf(udp('2001:db8::1', '2001:db8::2')),
      packetOf(udp('2001:db8::2', '2001:db8::3')),
    ]);
    expect(interfacesOf(inferred)).toEqual(['eth0=10.0.0.2,2001:db8::2']);
    expect(inferred.notes[0]).toContain('by traffic');
  });

  test('nothing to see', () => {
    const inferred = inferOf([]);
    expect(inferred.certain).toBe(false);
    expect(inferred.notes).toEqual([
      'no packet tells which host this is: --local ADDR or --interface says so',
    ]);
  });
});

describe('completing a given vantage', () => {
  const given = parseVantage({
    local: [],
    interface: ['eth0=192.0.2.10/24,2001:db8::10/64', 'eth1=203.0.113.1/24'],
    route: [],
  });
  const OWN = '02:00:00:00:00:10';
  const PEER = '02:00:00:00:00:99';
  const complete = (packets: readonly PacketView[]) => {
    const observer = new VantageObserver();
    for (const packet of packets) observer.observe(packet);
    return observer.complete(given, [captureInterface(0)]);
  };
  const frame = (spec: DatagramSpec, sourceMac: string, destinationMac: string) =>
    viewOf(ethernetFrame(buildDatagram(spec), { sourceMac, destinationMac }), { linkType: 1 });

  test('MAC addresses, the device, link-local addresses, joined groups', () => {
    const report = {
      source: '192.0.2.10',
      destination: '224.0.0.251',
      protocol: 2,
      payload: [0x16, 0, 0, 0, 224, 0, 0, 251],
    };
    const { vantage, sightings, notes } = complete([
      frame(udp('192.0.2.99', '192.0.2.10'), PEER, OWN),
      frame(udp('fe80::1:2', 'fe80::99'), OWN, PEER),
      frame(report, OWN, '01:00:5e:00:00:fb'),
    ]);
    expect(sightings).toEqual({
      devices: [{ interfaceId: 0, linkInterfaceIndex: 0, name: 'eth0' }],
      macs: [0x020000000010],
      macInterfaces: [''],
      macsComplete: false,
    });
    expect(
      vantage.learned?.map(({ address, interface: name }) => [prefixText(address), name]),
    ).toEqual([['fe80::1:2', 'eth0']]);
    expect(vantage.learnedGroups).toEqual([[0xe00000fb | 0]]);
    expect(notes).toEqual([
      "fe80::1:2 is this host's too: it sends from it",
      'joined 224.0.0.251: its membership report is in the capture',
    ]);
  });

  test('a recording of both interfaces in one is of none', () => {
    const { sightings } = complete([
      frame(udp('192.0.2.99', '192.0.2.10'), PEER, OWN),
      frame(udp('203.0.113.9', '203.0.113.1'), PEER, OWN),
    ]);
    expect(sightings.devices).toEqual([]);
  });
});

test('prefix lengths that make an address a broadcast', () => {
  const word = (a: number, b: number, c: number, d: number) => (a << 24) | (b << 16) | (c << 8) | d;
  expect(prefixLengthOf(word(192, 0, 2, 10), word(192, 0, 2, 255))).toBe(24);
  expect(prefixLengthOf(word(192, 0, 2, 200), word(192, 0, 2, 255))).toBe(24);
  expect(prefixLengthOf(word(192, 0, 2, 20), word(192, 0, 2, 31))).toBe(28);
  expect(prefixLengthOf(word(10, 1, 2, 3), word(10, 255, 255, 255))).toBe(8);
  expect(prefixLengthOf(word(192, 0, 2, 10), word(192, 0, 2, 254))).toBeUndefined();
  expect(prefixLengthOf(word(192, 0, 2, 10), word(10, 0, 0, 255))).toBeUndefined();
});
