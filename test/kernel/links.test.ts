/**
 * One conversation in every link layer: the kernel is given the datagrams, our replay the frames as a
 * capture of that type holds them, and both count the same.
 */
import { expect, test } from 'vitest';
import { type KernelPacket, kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { stateCounters } from '../support/kernel-rules.ts';
import { buildDatagram, type DatagramSpec, ethernetFrame } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';
const CLIENT6 = '2001:db8:c::9';
const HOST6 = '2001:db8:1::1';

const tcp = (flags: string, sequence: number, acknowledgement: number): DatagramSpec => ({
  source: CLIENT,
  destination: HOST,
  tcp: { flags, sequence, acknowledgement },
});
const TALK: readonly (readonly [sent: boolean, DatagramSpec])[] = [
  [false, tcp('S', 1000, 0)],
  [
    true,
    {
      source: HOST,
      destination: CLIENT,
      tcp: {
        flags: 'SA',
        sequence: 5000,
        acknowledgement: 1001,
        sourcePort: 80,
        destinationPort: 40000,
      },
    },
  ],
  [false, tcp('A', 1001, 5001)],
  [false, { source: CLIENT, destination: HOST, icmp: { type: 0 } }],
  [true, { source: HOST6, destination: CLIENT6, udp: { sourcePort: 9, destinationPort: 53 } }],
  [false, { source: CLIENT6, destination: HOST6, udp: { sourcePort: 53, destinationPort: 9 } }],
];

const OWN = '02:00:00:00:00:a0';
const OTHER = '02:00:00:00:01:00';
const ETHER_TYPES: Readonly<Record<number, number>> = { 4: 0x0800, 6: 0x86dd };

function concat(head: readonly number[], datagram: Uint8Array): Uint8Array {
  return Uint8Array.from([...head, ...datagram]);
}

function version(datagram: Uint8Array): number {
  return (datagram[0] ?? 0) >> 4;
}

function etherType(datagram: Uint8Array): number[] {
  const type = ETHER_TYPES[version(datagram)] ?? 0;
  return [type >> 8, type & 255];
}

type Link = (datagram: Uint8Array, sent: boolean) => Uint8Array;

const ethernet =
  (vlans: readonly (number | readonly [number, number])[], padTo = 0): Link =>
  (datagram, sent) =>
    ethernetFrame(datagram, {
      sourceMac: sent ? OWN : OTHER,
      destinationMac: sent ? OTHER : OWN,
      vlans,
      padTo,
    });

const LINKS: Readonly<Record<string, readonly [linkType: number, Link]>> = {
  Ethernet: [1, ethernet([])],
  'Ethernet, padded': [1, ethernet([], 120)],
  RAW: [101, (datagram) => datagram],
  'RAW, the number of the BSDs': [12, (datagram) => datagram],
  // Loopback devices of the BSDs.
  NULL: [0, (datagram) => concat([version(datagram) === 4 ? 2 : 30, 0, 0, 0], datagram)],
  'NULL, the other byte order': [
    0,
    (datagram) => concat([0, 0, 0, version(datagram) === 4 ? 2 : 24], datagram),
  ],
  LOOP: [108, (datagram) => concat([0, 0, 0, version(datagram) === 4 ? 2 : 28], datagram)],
  PPP: [9, (datagram) => concat([0xff, 3, 0, version(datagram) === 4 ? 0x21 : 0x57], datagram)],
  SLL: [
    113,
    (datagram, sent) =>
      concat(
        [0, sent ? 4 : 0, 0, 1, 0, 6, 2, 0, 0, 0, sent ? 0 : 1, sent ? 0xa0 : 0, 0, 0].concat(
          etherType(datagram),
        ),
        datagram,
      ),
  ],
  SLL2: [
    276,
    (datagram, sent) =>
      concat(
        [
          ...etherType(datagram),
          ...[0, 0, 0, 0, 0, 2, 0, 1, sent ? 4 : 0, 6],
          ...[2, 0, 0, 0, sent ? 0 : 1, sent ? 0xa0 : 0, 0, 0],
        ],
        datagram,
      ),
  ],
};

/** Link layers of a VLAN or PPPoE interface, recorded at the interface below it. */
const TAGGED: Readonly<Record<string, readonly [name: string, Link]>> = {
  '802.1Q': ['eth0.5', ethernet([5])],
  '802.1ad stacked': ['eth0.7.5', ethernet([[7, 0x88a8], 5])],
};

/** The same within the host, for link layers of loopback devices. */
const WITHIN = TALK.map(([sent, spec]) => {
  const own = (address: string): string => (address.includes(':') ? '::1' : '127.0.0.1');
  return [sent, { ...spec, source: own(spec.source), destination: own(spec.destination) }] as const;
});

function frames(link: Link, talk = TALK): KernelPacket[] {
  return talk.map(([sent, spec]) => ({ bytes: link(buildDatagram(spec), sent) }));
}

const rules = { rules4: stateCounters(), rules6: stateCounters() };
const host = (name: string) => ({
  interfaces: [{ name, mac: OWN, addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] }],
  routes: [`default=${name}`],
});

for (const [name, [linkType, link]] of Object.entries(LINKS)) {
  test.skipIf(!kernelAvailable)(`${name}${WITHOUT_KERNEL}`, async () => {
    const talk = /NULL|LOOP/.test(name) ? WITHIN : TALK;
    const job = { ...rules, ...host('eth0'), linkType, packets: frames(link, talk) };
    const { differences, undecided, packets } = await compareWithKernel(job);
    expect(differences).toEqual([]);
    expect(undecided).toEqual([]);
    expect(packets).toBe(TALK.length);
  });
}

for (const [name, [device, link]] of Object.entries(TAGGED)) {
  test.skipIf(!kernelAvailable)(`${name}${WITHOUT_KERNEL}`, async () => {
    const job = { ...rules, ...host(device), linkType: 1, packets: frames(link) };
    const { differences, undecided, packets } = await compareWithKernel(job);
    expect(differences).toEqual([]);
    expect(undecided).toEqual([]);
    expect(packets).toBe(TALK.length);
  });
}
