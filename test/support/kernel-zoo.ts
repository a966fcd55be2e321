/**
 * A zoo of packets for comparing matches with the kernel: every protocol, direction and oddity that a
 * condition could look at. Whole packets in `tame`, headers that lie or are cut short in `wild`.
 */
import {
  buildDatagram,
  type DatagramSpec,
  fragmentDatagram,
  type IcmpSpec,
  type TcpSpec,
} from './packets.ts';

/** Source and destination of each way through the router of kernel-rules.ts. */
const WAYS4 = [
  ['198.51.100.9', '192.0.2.1'],
  ['192.0.2.1', '198.51.100.9'],
  ['198.51.100.9', '192.0.2.9'],
  ['127.0.0.1', '127.0.0.1'],
] as const;
const WAYS6 = [
  ['2001:db8:c::9', '2001:db8:1::1'],
  ['2001:db8:1::1', '2001:db8:c::9'],
  ['2001:db8:c::9', '2001:db8:1::9'],
  ['::1', '::1'],
] as const;

function tcpSpecs(): TcpSpec[] {
  const flags = [
    'S',
    'SA',
    'A',
    'PA',
    'FA',
    'R',
    'RA',
    'F',
    '',
    'SF',
    'SR',
    'FPU',
    'SEC',
    'FSRPAUEC',
  ];
  return [
    ...flags.map((letters, i) => ({ flags: letters, sourcePort: 1024 + i, destinationPort: 22 })),
    { flags: 'S', sourcePort: 0, destinationPort: 65535 },
    { flags: 'S', sourcePort: 65535, destinationPort: 0 },
    { flags: 'S', sourcePort: 80, destinationPort: 443, options: { mss: 1460 } },
    {
      flags: 'S',
      destinationPort: 80,
      options: { mss: 536, windowScale: 7, sackPermitted: true, timestamp: [1, 0] },
    },
    { flags: 'S', destinationPort: 81, options: [1, 1, 1, 0, 3, 3, 7, 0] },
    { flags: 'S', destinationPort: 82, options: [34, 4, 1, 2] },
    { flags: 'S', destinationPort: 83, options: [3, 0, 0, 0] },
    { flags: 'S', destinationPort: 84, options: [8, 99, 0, 0] },
    { flags: 'PA', destinationPort: 1000, payload: 1400 },
  ];
}

function icmpSpecs(family: 4 | 6): IcmpSpec[] {
  const v4 = [0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 17, 18, 42, 255];
  const v6 = [
    0, 1, 2, 3, 4, 5, 100, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 143, 255,
  ];
  const specs: IcmpSpec[] = [];
  for (const type of family === 4 ? v4 : v6)
    for (const code of [0, 1, 3, 4, 13, 255]) specs.push({ type, code, payload: 40 });
  return specs;
}

/** Whole packets of a family, by every way. */
export function tame(family: 4 | 6): Uint8Array[] {
  const specs: Partial<DatagramSpec>[] = [
    ...tcpSpecs().map((tcp) => ({ tcp })),
    ...icmpSpecs(family).map((icmp) => ({ icmp })),
    { udp: { sourcePort: 53, destinationPort: 53 } },
    { udp: { sourcePort: 0, destinationPort: 65535 } },
    { udp: { sourcePort: 65535, destinationPort: 0, payload: 8 } },
    { udp: { sourcePort: 137, destinationPort: 138, payload: 1472 } },
    { udpLite: { sourcePort: 53, destinationPort: 22 } },
    { sctp: { sourcePort: 22, destinationPort: 443, chunks: [{ type: 3, payload: 12 }] } },
    { protocol: 33, payload: [0, 22, 1, 187, ...new Array(12).fill(0)] },
    { protocol: 2, payload: 8 },
    { protocol: 47, payload: 8 },
    { protocol: 50, payload: 24 },
    { protocol: 51, payload: 24 },
    { protocol: 253, payload: 0 },
    { protocol: 255, payload: 4 },
    ...[0, 1, 2, 63, 64, 65, 128, 255].map((ttl) => ({
      ttl,
      udp: { destinationPort: 1000 + ttl },
    })),
    ...[0, 4, 8, 16, 255].map((tos) => ({ tos, udp: { destinationPort: 2000 + tos } })),
    ...[0, 1, 36, 100, 1000, 3000].map((payload) => ({ udp: { destinationPort: 3000, payload } })),
  ];
  if (family === 4)
    specs.push(
      { ipOptions: [7, 7, 4, 0, 0, 0, 0, 0], udp: { destinationPort: 22 } },
      { ipOptions: [148, 4, 0, 0], tcp: { flags: 'S', destinationPort: 22 } },
      { dontFragment: true, udp: {} },
    );
  const ways = family === 4 ? WAYS4 : WAYS6;
  return ways.flatMap(([source, destination]) =>
    specs.map((spec) => buildDatagram({ source, destination, ...spec })),
  );
}

/** From many addresses, to groups and odd destinations. */
export function scattered(family: 4 | 6): Uint8Array[] {
  const sources =
    family === 4
      ? ['10.0.0.1', '198.51.100.0', '198.51.100.255', '203.0.113.77', '192.0.2.77', '1.2.3.4']
      : ['2001:db8:c::', '2001:db8:c:ffff::1', 'fe80::77', 'fc00::1', '2001:db8:1::77'];
  const destinations =
    family === 4
      ? ['192.0.2.1', '203.0.113.1', '192.0.2.255', '224.0.0.1', '255.255.255.255', '10.9.8.7']
      : ['2001:db8:1::1', '2001:db8:2::1', 'ff02::1', 'ff02::1:ff00:1', '2001:db8:9::9', 'fe80::1'];
  return sources.flatMap((source) =>
    destinations.map((destination) => buildDatagram({ source, destination, udp: {} })),
  );
}

/** Headers cut short by the datagram itself, lying lengths, fragments and IPv6 header chains. */
export function wild(family: 4 | 6): Uint8Array[] {
  const ways = family === 4 ? WAYS4 : WAYS6;
  const icmp = family === 4 ? 1 : 58;
  const specs: Partial<DatagramSpec>[] = [];
  for (const protocol of [6, 17, icmp, 132, 136, 33])
    for (const payload of [0, 1, 2, 3, 4, 7, 8, 12, 13, 14, 19, 20])
      specs.push({ protocol, payload });
  for (const dataOffset of [0, 4, 6, 15])
    specs.push({ tcp: { flags: 'S', destinationPort: 22, dataOffset } });
  for (const length of [0, 7, 9, 65535]) specs.push({ udp: { destinationPort: 22, length } });
  const whole: Partial<DatagramSpec>[] = [
    { tcp: { flags: 'S', destinationPort: 22, payload: 60 } },
    { udp: { destinationPort: 22, payload: 60 } },
    { icmp: { type: family === 4 ? 8 : 128, payload: 60 } },
    { protocol: 253, payload: 60 },
  ];
  if (family === 6) specs.push(...headerChains());
  // What a host makes itself is fragmented after its hooks, and on lo not at all (its MTU is 65,536).
  const isFragment = (spec: Partial<DatagramSpec>): boolean => spec.id !== undefined;
  return ways.flatMap(([source, destination], way) => [
    ...specs
      .filter((spec) => way % 2 === 0 || !isFragment(spec))
      .map((spec) => buildDatagram({ source, destination, ...spec })),
    ...(way === 3 ? [] : whole).flatMap((spec, kind) => {
      const id = way * 16 + kind * 4;
      const datagram = buildDatagram({ source, destination, ...spec });
      const complete = fragmentDatagram(datagram, 24, id + 1);
      if (way === 1) return complete;
      // First fragments too short for a transport header, whose rest never comes; and no first one.
      const short = fragmentDatagram(datagram, 8, id + 2).slice(0, 3);
      return [...complete, ...short, ...fragmentDatagram(datagram, 24, id + 3).slice(1)];
    }),
  ]);
}

/** IPv6 extension headers, well formed and not. */
function headerChains(): Partial<DatagramSpec>[] {
  const tcp = { flags: 'S', destinationPort: 22 };
  return [
    { extensionHeaders: [{ type: 0 }], tcp },
    { extensionHeaders: [{ type: 0 }, { type: 60 }, { type: 43 }], tcp },
    { extensionHeaders: [{ type: 60 }], udp: { destinationPort: 22 } },
    { extensionHeaders: [{ type: 60 }], icmp: { type: 128 } },
    { extensionHeaders: [{ type: 51, body: new Array(10).fill(0) }], tcp },
    { extensionHeaders: [{ type: 135 }], tcp },
    { extensionHeaders: [{ type: 139 }], tcp },
    { extensionHeaders: [{ type: 60 }], protocol: 59, payload: 8 },
    { protocol: 59, payload: 0 },
    { protocol: 0, payload: [6, 9, 0, 0, 0, 0, 0, 0] },
    { protocol: 60, payload: [6] },
    { protocol: 43, payload: [6, 0, 0] },
    { protocol: 44, payload: [6, 0, 0] },
    { protocol: 51, payload: [6, 0, 0, 0] },
    { protocol: 60, payload: [0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0] },
    { extensionHeaders: [{ type: 60 }], id: 9, tcp },
    { extensionHeaders: [{ type: 60 }], id: 8, moreFragments: true, tcp },
    { extensionHeaders: [{ type: 60 }], id: 7, fragmentOffset: 8, protocol: 6, payload: 8 },
  ];
}
