/** Other protocols, checksums and lengths: each row seen on Linux 6.18, and the same from our replay. */
import { describe } from 'vitest';
import { scene } from '../support/kernel-scene.ts';
import type { DatagramSpec, Payload } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';
const CLIENT6 = '2001:db8:c::9';
const HOST6 = '2001:db8:1::1';

const arriving = (more: Partial<DatagramSpec>): DatagramSpec => ({
  source: CLIENT,
  destination: HOST,
  ...more,
});
const arriving6 = (more: Partial<DatagramSpec>): DatagramSpec => ({
  source: CLIENT6,
  destination: HOST6,
  ...more,
});
const leaving = (more: Partial<DatagramSpec>): DatagramSpec => ({
  source: HOST,
  destination: CLIENT,
  ...more,
});

describe('checksums', () => {
  scene('a wrong IPv4 header checksum is dropped before netfilter', [
    [arriving({ tcp: { flags: 'S' }, headerChecksum: 'bad' }), '-'],
  ]);
  scene('wrong in what arrives: INVALID', [
    [arriving({ tcp: { flags: 'S', checksum: 'bad' } }), 'INVALID in'],
    [arriving({ udp: { checksum: 'bad' } }), 'INVALID in'],
    [arriving({ icmp: { type: 8, checksum: 'bad' } }), 'INVALID in'],
    [arriving({ sctp: { chunks: [{ type: 1, payload: 16 }], checksum: 'bad' } }), 'INVALID in'],
    [arriving({ udpLite: { checksum: 'bad' } }), 'INVALID in'],
    [arriving({ udpLite: { checksum: 0 } }), 'INVALID in'],
    [arriving6({ tcp: { flags: 'S', checksum: 'bad' } }), 'INVALID in'],
    [arriving6({ udp: { checksum: 'bad' } }), 'INVALID in'],
    [arriving6({ icmp: { type: 128, checksum: 'bad' } }), 'INVALID in'],
    [{ ...arriving({ tcp: { checksum: 'bad' } }), destination: '192.0.2.9' }, 'INVALID forward'],
  ]);
  scene('none in UDP, in IPv6 too', [
    [arriving({ udp: { checksum: 0 } }), 'NEW in'],
    [arriving6({ udp: { checksum: 0 } }), 'NEW in'],
  ]);
  scene('wrong in what the host sends: not looked at', [
    [leaving({ tcp: { flags: 'S', checksum: 'bad' } }), 'NEW out'],
    [leaving({ udp: { checksum: 'bad' } }), 'NEW out'],
    [{ source: HOST6, destination: CLIENT6, udp: { checksum: 0 } }, 'NEW out'],
  ]);
  scene(
    'wrong, with nf_conntrack_checksum=0',
    [[arriving({ tcp: { flags: 'S', checksum: 'bad' } }), 'NEW in']],
    { sysctls: { 'net.netfilter.nf_conntrack_checksum': 0 } },
  );
});

describe('UDP', () => {
  scene('both directions', [
    [arriving({ udp: { sourcePort: 9, destinationPort: 53 } }), 'NEW in'],
    [arriving({ udp: { sourcePort: 9, destinationPort: 53 } }), 'NEW in'],
    [leaving({ udp: { sourcePort: 53, destinationPort: 9 } }), 'ESTABLISHED out'],
    [arriving({ udp: { sourcePort: 9, destinationPort: 53 } }), 'ESTABLISHED in'],
    [leaving({ udp: { sourcePort: 53, destinationPort: 10 } }), 'NEW out'],
  ]);
  scene('length field below the header, beyond the datagram, 0', [
    [arriving({ udp: { length: 7 } }), 'INVALID in'],
    [arriving({ udp: { length: 9 } }), 'INVALID in'],
    [arriving({ udp: { length: 0 } }), 'INVALID in'],
    [arriving({ udp: { length: 8, payload: 10 } }), 'NEW in'],
  ]);
  scene('port 0', [
    [arriving({ udp: { sourcePort: 0 } }), 'NEW in'],
    [arriving({ udp: { destinationPort: 0 } }), 'NEW in'],
  ]);
  // The kernel's udplite_error checks with the pseudo header of UDP: a right checksum is INVALID.
  scene('UDP-Lite with its own checksum', [
    [arriving({ udpLite: { sourcePort: 9, destinationPort: 53 } }), 'INVALID in'],
    [leaving({ udpLite: { sourcePort: 53, destinationPort: 9 } }), 'NEW out'],
    [arriving({ udp: { sourcePort: 9, destinationPort: 53 } }), 'NEW in'],
  ]);
  scene('UDP-Lite coverage and checksum 0, also in what the host sends', [
    [leaving({ udpLite: { length: 900 } }), 'INVALID out'],
    [leaving({ udpLite: { length: 4 } }), 'INVALID out'],
    [leaving({ udpLite: { checksum: 0 } }), 'INVALID out'],
  ]);
  scene(
    'UDP-Lite, with nf_conntrack_checksum=0',
    [
      [arriving({ udpLite: { sourcePort: 9, destinationPort: 53 } }), 'NEW in'],
      [leaving({ udpLite: { sourcePort: 53, destinationPort: 9 } }), 'ESTABLISHED out'],
    ],
    { sysctls: { 'net.netfilter.nf_conntrack_checksum': 0 } },
  );
});

describe('protocols without ports', () => {
  scene('by addresses', [
    [arriving({ protocol: 253, payload: 8 }), 'NEW in'],
    [arriving({ protocol: 253, payload: 20 }), 'NEW in'],
    [leaving({ protocol: 253, payload: 8 }), 'ESTABLISHED out'],
    [arriving({ protocol: 253, payload: 8 }), 'ESTABLISHED in'],
    [leaving({ protocol: 254, payload: 8 }), 'NEW out'],
  ]);
  scene('IGMP, GRE, ESP, AH, DCCP', [
    [arriving({ protocol: 2, payload: 8 }), 'NEW in'],
    [arriving({ protocol: 47, payload: [0, 0, 8, 0] }), 'NEW in'],
    [arriving({ protocol: 50, payload: 30 }), 'NEW in'],
    [arriving({ protocol: 51, payload: 30 }), 'NEW in'],
    [arriving({ protocol: 33, payload: 20 }), 'NEW in'],
  ]);
  scene('transport header cut by the datagram itself', [
    [arriving({ protocol: 17, payload: 4 }), 'INVALID in'],
    [arriving({ protocol: 1, payload: 4 }), 'INVALID in'],
    [arriving({ protocol: 132, payload: 8 }), 'INVALID in'],
  ]);
});

describe('SCTP', () => {
  const INIT = [0, 0, 0, 9, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1];
  const INIT_ACK = [0, 0, 0, 77, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1];
  type Chunk = readonly [verificationTag: number, type: number, payload: Payload, flags?: number];
  const sctp = ([verificationTag, type, payload, flags = 0]: Chunk, sourcePort = 40000) =>
    arriving({ sctp: { sourcePort, verificationTag, chunks: [{ type, flags, payload }] } });
  const reply = ([verificationTag, type, payload]: Chunk) =>
    leaving({
      sctp: {
        sourcePort: 5000,
        destinationPort: 40000,
        verificationTag,
        chunks: [{ type, payload }],
      },
    });
  scene('an association', [
    [sctp([0, 1, INIT]), 'NEW in'],
    [reply([9, 2, INIT_ACK]), 'ESTABLISHED out'],
    [sctp([77, 10, 8]), 'ESTABLISHED in'],
    [reply([9, 11, 0]), 'ESTABLISHED out'],
    [sctp([77, 0, 16]), 'ESTABLISHED in'],
    [reply([9, 3, 12]), 'ESTABLISHED out'],
    [sctp([78, 0, 16]), 'INVALID in'],
    [sctp([77, 4, 8]), 'ESTABLISHED in'],
    [reply([9, 5, 8]), 'ESTABLISHED out'],
    [sctp([77, 7, 4]), 'ESTABLISHED in'],
    [reply([9, 8, 0]), 'ESTABLISHED out'],
    [sctp([77, 14, 0]), 'ESTABLISHED in'],
  ]);
  scene('chunks without an association', [
    [sctp([0, 1, INIT], 1), 'NEW in'],
    [sctp([5, 4, 8], 2), 'NEW in'],
    [sctp([5, 8, 0], 3), 'NEW in'],
    [sctp([1, 1, INIT], 4), 'INVALID in'],
    [sctp([5, 0, 16], 5), 'INVALID in'],
    [sctp([5, 2, INIT_ACK], 6), 'INVALID in'],
    [sctp([5, 3, 12], 7), 'INVALID in'],
    [sctp([5, 6, 0], 8), 'INVALID in'],
    [sctp([5, 6, 0, 1], 9), 'INVALID in'],
    [sctp([5, 7, 0], 10), 'INVALID in'],
    [sctp([5, 9, 0], 11), 'INVALID in'],
    [sctp([5, 10, 0], 12), 'INVALID in'],
    [sctp([5, 11, 0], 13), 'INVALID in'],
    [sctp([5, 14, 0, 1], 14), 'INVALID in'],
    [sctp([5, 255, 0], 15), 'INVALID in'],
    [arriving({ sctp: { sourcePort: 16, chunks: [] } }), 'INVALID in'],
  ]);
});
