/** ICMP and ICMPv6 in conntrack: each row seen on Linux 6.18, and the same from our replay. */
import { describe } from 'vitest';
import { scene } from '../support/kernel-scene.ts';
import { buildDatagram, type DatagramSpec, type IcmpSpec } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';
const CLIENT6 = '2001:db8:c::9';
const HOST6 = '2001:db8:1::1';

const arriving = (type: number, more: Omit<IcmpSpec, 'type'> = {}): DatagramSpec => ({
  source: CLIENT,
  destination: HOST,
  icmp: { type, ...more },
});
const leaving = (type: number, more: Omit<IcmpSpec, 'type'> = {}): DatagramSpec => ({
  source: HOST,
  destination: CLIENT,
  icmp: { type, ...more },
});
const arriving6 = (type: number, more: Omit<IcmpSpec, 'type'> = {}): DatagramSpec => ({
  source: CLIENT6,
  destination: HOST6,
  icmp: { type, ...more },
});

describe('queries', () => {
  const alone = (type: number): DatagramSpec => arriving(type, { id: type, payload: 40 });
  scene('requests are NEW, all else is INVALID without an entry', [
    ...[8, 13, 15, 17].map((type) => [alone(type), 'NEW in'] as const),
    ...[0, 3, 4, 5, 9, 10, 11, 12, 14, 16, 18, 30, 40].map(
      (type) => [alone(type), 'INVALID in'] as const,
    ),
  ]);
  scene('each request with its reply', [
    [arriving(8), 'NEW in'],
    [leaving(0), 'ESTABLISHED out'],
    [arriving(13), 'NEW in'],
    [leaving(14), 'ESTABLISHED out'],
    [arriving(15), 'NEW in'],
    [leaving(16), 'ESTABLISHED out'],
    [arriving(17), 'NEW in'],
    [leaving(18), 'ESTABLISHED out'],
  ]);
  scene('the code is part of the tuple', [
    [arriving(8, { code: 1 }), 'NEW in'],
    [leaving(0), 'INVALID out'],
    [leaving(0, { code: 1 }), 'ESTABLISHED out'],
    [arriving(8, { code: 1 }), 'ESTABLISHED in'],
    [leaving(0, { code: 1 }), 'ESTABLISHED out'],
    [leaving(8), 'NEW out'],
    [arriving(0), 'ESTABLISHED in'],
  ]);
  scene('the identifier is, the sequence number is not', [
    [arriving(8, { id: 5, sequence: 1 }), 'NEW in'],
    [leaving(0, { id: 5, sequence: 9 }), 'ESTABLISHED out'],
    [leaving(0, { id: 6, sequence: 1 }), 'INVALID out'],
    [arriving(8, { id: 5, sequence: 2 }), 'ESTABLISHED in'],
    [arriving(8, { id: 7 }), 'NEW in'],
  ]);
});

describe('errors', () => {
  const sent = buildDatagram({
    source: HOST,
    destination: CLIENT,
    udp: { sourcePort: 1000, destinationPort: 2000, payload: 8 },
  });
  const answer = buildDatagram({
    source: CLIENT,
    destination: HOST,
    udp: { sourcePort: 2000, destinationPort: 1000, payload: 8 },
  });
  const unknown = buildDatagram({
    source: HOST,
    destination: CLIENT,
    udp: { sourcePort: 1, destinationPort: 2 },
  });
  scene('about a tracked packet', [
    [sent, 'NEW out'],
    [
      {
        source: '203.0.113.9',
        destination: HOST,
        icmp: { type: 3, code: 3, payload: sent.slice(0, 28) },
      },
      'RELATED in',
    ],
    [arriving(11, { payload: sent.slice(0, 28) }), 'RELATED in'],
    [arriving(12, { payload: sent }), 'RELATED in'],
    [arriving(4, { payload: sent }), 'RELATED in'],
    [arriving(5, { payload: sent }), 'RELATED in'],
    [arriving(3, { code: 4, payload: sent.slice(0, 24) }), 'RELATED in'],
    [arriving(3, { payload: sent.slice(0, 20) }), 'INVALID in'],
    [arriving(3, { payload: answer }), 'INVALID in'],
    [leaving(3, { payload: answer }), 'RELATED out'],
    [arriving(3, { payload: unknown }), 'INVALID in'],
    [arriving(3, { payload: sent, checksum: 'bad' }), 'INVALID in'],
    [leaving(3, { payload: sent }), 'INVALID out'],
    [answer, 'ESTABLISHED in'],
    [leaving(3, { payload: answer }), 'RELATED out'],
  ]);
  scene('sent to another address than that of the quoted packet', [
    [sent, 'NEW out'],
    [
      { source: CLIENT, destination: '203.0.113.1', icmp: { type: 3, payload: sent } },
      'INVALID in',
    ],
    [
      { source: CLIENT, destination: '192.0.2.9', icmp: { type: 3, payload: sent } },
      'INVALID forward',
    ],
  ]);
  const ping = buildDatagram(arriving(8, { id: 7 }));
  scene('about a ping, about a reply, about an error', [
    [ping, 'NEW in'],
    [leaving(3, { payload: ping }), 'RELATED out'],
    [leaving(3, { payload: buildDatagram(arriving(3, { payload: sent })) }), 'INVALID out'],
    [leaving(3, { payload: buildDatagram(arriving(0, { id: 7 })) }), 'INVALID out'],
    [arriving(3, { payload: buildDatagram(leaving(0, { id: 7 })) }), 'RELATED in'],
  ]);
});

describe('ICMPv6', () => {
  const local = (type: number): DatagramSpec => ({
    source: 'fe80::9',
    destination: 'fe80::1',
    ttl: 255,
    icmp: { type, payload: 32 },
  });
  scene('neighbour discovery and MLD are untracked; the rest by itself', [
    ...[133, 134, 135, 136, 130, 131, 132, 143, 151].map(
      (type) => [local(type), 'UNTRACKED in'] as const,
    ),
    ...[128, 139].map((type) => [local(type), 'NEW in'] as const),
    ...[137, 129, 1, 2, 3, 4, 138, 140, 141, 142, 144].map(
      (type) => [local(type), 'INVALID in'] as const,
    ),
  ]);
  scene('echo', [
    [arriving6(128), 'NEW in'],
    [{ source: HOST6, destination: CLIENT6, icmp: { type: 129 } }, 'ESTABLISHED out'],
    [arriving6(128, { sequence: 2 }), 'ESTABLISHED in'],
  ]);
  const sent = buildDatagram({
    source: HOST6,
    destination: CLIENT6,
    udp: { sourcePort: 1000, destinationPort: 2000, payload: 8 },
  });
  const unknown = buildDatagram({ source: HOST6, destination: CLIENT6, udp: {} });
  scene('errors: every type below 128', [
    [sent, 'NEW out'],
    [arriving6(1, { rest: 0, payload: sent }), 'RELATED in'],
    [arriving6(2, { rest: 1280, payload: sent }), 'RELATED in'],
    [arriving6(3, { rest: 0, payload: sent }), 'RELATED in'],
    [arriving6(4, { rest: 0, payload: sent }), 'RELATED in'],
    [arriving6(1, { rest: 0, payload: sent.slice(0, 44) }), 'RELATED in'],
    [arriving6(5, { rest: 0, payload: sent }), 'RELATED in'],
    [arriving6(100, { rest: 0, payload: sent }), 'RELATED in'],
    [arriving6(127, { rest: 0, payload: sent }), 'RELATED in'],
    [arriving6(1, { rest: 0, payload: unknown }), 'INVALID in'],
    [arriving6(1, { rest: 0, payload: sent, checksum: 'bad' }), 'INVALID in'],
  ]);
});
