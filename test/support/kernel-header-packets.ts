/** Packets with the headers that HEADER_CONDITIONS is about, well formed and not, by every way. */
import { buildDatagram, type DatagramSpec, fragmentDatagram } from './packets.ts';

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

const u32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const zeros = (n: number): number[] => new Array<number>(n).fill(0);

function ipsec(family: 4 | 6): Partial<DatagramSpec>[] {
  const spis = [0, 1, 256, 0x80000000, 0xffffffff];
  const esp = spis.map((spi) => ({ protocol: 50, payload: [...u32(spi), ...zeros(20)] }));
  const ipcomp = [0, 5, 0xffff].flatMap((cpi) =>
    [0, 1].map((flags) => ({ protocol: 108, payload: [4, flags, cpi >> 8, cpi & 255, 9, 9] })),
  );
  const short = [50, 51, 108].flatMap((protocol) =>
    [0, 1, 2, 4, 7, 8, 11, 12].map((n) => ({ protocol, payload: zeros(n) })),
  );
  if (family === 4) {
    const ah = spis.map((spi) => ({
      protocol: 51,
      payload: [6, 4, 0, 0, ...u32(spi), ...zeros(16)],
    }));
    return [...esp, ...ipcomp, ...ah, ...short];
  }
  const udp = [0, 53, 0, 22, 0, 8, 0, 0];
  const ah = spis.flatMap((spi) => [
    { protocol: 51, payload: [17, 4, 0, 0, ...u32(spi), ...zeros(16), ...udp] },
    { protocol: 51, payload: [17, 1, 0, 1, ...u32(spi), ...u32(1), ...udp] },
  ]);
  return [...esp, ...ipcomp, ...ah, ...short];
}

function tcp(): Partial<DatagramSpec>[] {
  return [
    { tcp: { flags: 'S', options: { mss: 1460 } } },
    { tcp: { flags: 'S', options: { mss: 0 } } },
    { tcp: { flags: 'S', options: { mss: 536, sackPermitted: true, windowScale: 3 } } },
    { tcp: { flags: 'SA', options: [1, 1, 1, 1, 2, 4, 255, 255] } },
    { tcp: { flags: 'S', options: [2, 3, 5, 2, 4, 5, 180, 0] } },
    { tcp: { flags: 'S', options: [0, 2, 4, 5, 180, 0, 0, 0] } },
    { tcp: { flags: 'S', options: [1, 1, 2, 4] } },
    { tcp: { flags: 'S', options: [3, 0, 2, 4, 5, 180, 0, 0] } },
    { tcp: { flags: 'SEC' } },
    { tcp: { flags: 'AE' } },
    { tcp: { flags: 'AC' } },
    { tcp: { flags: 'S', dataOffset: 4 } },
    { tcp: { flags: 'S', dataOffset: 15 } },
    ...[0, 8, 13, 19].map((n) => ({ protocol: 6, payload: zeros(n) })),
    ...[0, 1, 2, 3, 40, 184, 255].map((tos) => ({ tos, tcp: { flags: 'A', destinationPort: 22 } })),
    ...['GET / HTTP/1.1\r\n', 'get', 'xGE', 'aaaaab', 'abababababac', 'xGET', 'GET', 'GETGET'].map(
      (payload) => ({ tcp: { flags: 'PA', destinationPort: 80, payload } }),
    ),
    { udp: { destinationPort: 22, payload: [0xe4, 0xf6, 0xff, 0xf7] } },
    { udp: { destinationPort: 22, payload: [0xc4, 0xd6, 0xd7] } },
    { udp: { destinationPort: 80, payload: 'GET' } },
    { udp: { destinationPort: 80, payload: `${'x'.repeat(90)}xyz` } },
  ];
}

function sctp(): Partial<DatagramSpec>[] {
  const ports = { sourcePort: 22, destinationPort: 443 };
  const chunk = (type: number, flags = 0, payload = 4) => ({ type, flags, payload });
  const chunks = [
    [chunk(0)],
    [chunk(0, 2)],
    [chunk(0, 3), chunk(3)],
    [chunk(3), chunk(0, 2)],
    [chunk(0, 2), chunk(0, 1)],
    [chunk(1, 0, 16)],
    [chunk(6, 1, 0)],
    [chunk(6, 0, 0)],
    [chunk(64, 2)],
    [chunk(3, 0, 5), chunk(10, 0, 7)],
  ];
  const raw = [...[0, 22, 1, 187], ...zeros(8)];
  return [
    ...chunks.map((list) => ({ sctp: { ...ports, chunks: list } })),
    ...[
      raw,
      [...raw, 0],
      [...raw, 0, 0, 0, 0],
      [...raw, 0, 0, 0, 4],
      [...raw, 0, 0, 0, 4, 3, 0, 0],
      [...raw, 0, 3, 0, 1, 3, 0, 0, 4],
      [...raw, 0, 3, 255, 255, 3, 0, 0, 4],
      raw.slice(0, 11),
    ].map((payload) => ({ protocol: 132, payload })),
  ];
}

function dccp(): Partial<DatagramSpec>[] {
  const header = (type: number, words: number, extended = 0): number[] => [
    ...[0, 22, 1, 187, words, 0, 0, 0],
    (type << 1) | extended,
    ...[0, 0, 0],
  ];
  const packets = [
    ...Array.from({ length: 16 }, (_, type) => [...header(type, 7, 1), ...zeros(16)]),
    [...header(0, 6), ...zeros(4), 1, 2, 0, 38, 4, 0, 255, 2],
    [...header(2, 5), 38, 6, 1, 1, 255, 2, 1, 1],
    [...header(2, 5), 0, 0, 1, 1, 2, 2, 255, 0],
    [...header(3, 4), ...zeros(8)],
    [...header(2, 3)],
    [...header(2, 2)],
    [...header(2, 200), 1, 1, 1, 1],
    [...header(1, 7), ...zeros(12), 255, 2, 0, 0],
    [...header(7, 7), ...zeros(12), 255, 2, 0, 0],
    header(2, 3).slice(0, 11),
  ];
  return packets.map((payload) => ({ protocol: 33, payload }));
}

const ADDRESS = (last: number): number[] => [0x20, 1, 0x0d, 0xb8, ...zeros(11), last];

function chains(): Partial<DatagramSpec>[] {
  const udp = { destinationPort: 22 };
  const routing = (type: number, left: number, reserved: number, ...last: number[]): number[] => [
    ...[type, left, ...u32(reserved)],
    ...last.flatMap(ADDRESS),
  ];
  const segments = (left: number, last: number, tag: number, ...all: number[]): number[] => [
    ...[4, left, last, 0, tag >> 8, tag & 255],
    ...all.flatMap(ADDRESS),
  ];
  const optionBodies = [
    [1, 4, 0, 0, 0, 0],
    [1, 3, 0, 0, 0, 0],
    [5, 2, 0, 0, 1, 0],
    [5, 2, 0, 0, 1, 2],
    [0, 0, 0, 0, 0, 0],
    [0, 5, 2, 0, 0, 0],
    [1, 0, 1, 0, 1, 0],
    [1, 12, ...zeros(12)],
  ];
  const routes = [
    routing(0, 0, 0),
    routing(0, 1, 0, 10),
    routing(0, 0, 0, 10, 11),
    routing(0, 2, 1, 10, 11),
    routing(2, 0, 0, 10),
    segments(1, 1, 0x0102, 10, 11),
    segments(0, 1, 0, 10, 11),
    segments(0, 0, 0x0201, 10),
    segments(2, 1, 0, 10, 11),
    segments(0, 5, 0, 10),
    segments(4, 5, 0, 10),
  ];
  const mobility = [0, 1, 5, 7, 8, 255].map((type) => [59, 0, type, 0, 0, 0, 0, 0]);
  return [
    ...[0, 60].flatMap((type) =>
      optionBodies.map((body) => ({ extensionHeaders: [{ type, body }], udp })),
    ),
    ...routes.map((body) => ({ extensionHeaders: [{ type: 43, body }], udp })),
    ...mobility.map((payload) => ({ protocol: 135, payload })),
    { protocol: 135, payload: [17, 0, 1, 0, 0, 0, 0, 0] },
    { protocol: 135, payload: [59, 0, 1, 0, 0] },
    { protocol: 59, payload: 8 },
    { protocol: 43, payload: [17, 2, 4, 0, 0, 0, 0, 0] },
    { protocol: 43, payload: [17, 0, 0] },
    { protocol: 43, payload: [17, 0, 4, 0, 0] },
    { protocol: 60, payload: [17, 5, 1, 4, 0, 0, 0, 0] },
    { protocol: 60, payload: [17] },
    { extensionHeaders: [{ type: 0 }, { type: 60 }, { type: 43 }], udp },
    { extensionHeaders: [{ type: 0 }, { type: 60 }], protocol: 50, payload: zeros(16) },
    { extensionHeaders: [{ type: 60 }], protocol: 59, payload: 0 },
  ];
}

function fragments(family: 4 | 6, source: string, destination: string): Uint8Array[] {
  const tcpOptions = { flags: 'S', options: { mss: 1460 }, payload: 40 };
  const whole = [
    buildDatagram({ source, destination, tcp: tcpOptions }),
    buildDatagram({ source, destination, protocol: 132, payload: zeros(48) }),
    buildDatagram({ source, destination, protocol: 50, payload: zeros(48) }),
    buildDatagram({ source, destination, protocol: 33, payload: zeros(48) }),
  ];
  return whole.flatMap((datagram, i) =>
    fragmentDatagram(datagram, 24, 7 + i + (family === 4 ? 0 : 0)),
  );
}

/** All of a family. */
export function headerPackets(family: 4 | 6): Uint8Array[] {
  const specs = [
    ...ipsec(family),
    ...tcp(),
    ...sctp(),
    ...dccp(),
    ...(family === 6 ? chains() : []),
  ];
  const ways = family === 4 ? WAYS4 : WAYS6;
  const packets = ways.flatMap(([source, destination], way) => [
    ...specs.map((spec) => buildDatagram({ source, destination, ...spec })),
    ...(way % 2 === 0 ? fragments(family, source, destination) : []),
  ]);
  if (family === 6) {
    // From the MAC addresses of the frames, and as the loopback device's zeros give it.
    for (const source of ['fe80::ff:fe00:9', 'fe80::200:ff:fe00:0'])
      packets.push(buildDatagram({ source, destination: '2001:db8:1::1', udp: {} }));
  }
  return packets;
}
