/** TCP connections in conntrack: each row seen on Linux 6.18, and the same from our replay. */
import { describe } from 'vitest';
import { type SceneRow, scene } from '../support/kernel-scene.ts';
import type { DatagramSpec, TcpSpec } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const SERVER = '192.0.2.1';

/** A segment of the client. */
function client(flags: string, sequence: number, acknowledgement: number, more: TcpSpec = {}) {
  const tcp = { flags, sequence, acknowledgement, ...more };
  return { source: CLIENT, destination: SERVER, tcp } satisfies DatagramSpec;
}

/** A segment of the server, which is the firewall host. */
function server(flags: string, sequence: number, acknowledgement: number, more: TcpSpec = {}) {
  const ports = { sourcePort: 80, destinationPort: 40000 };
  const tcp = { flags, sequence, acknowledgement, ...ports, ...more };
  return { source: SERVER, destination: CLIENT, tcp } satisfies DatagramSpec;
}

const HANDSHAKE: readonly SceneRow[] = [
  [client('S', 1000, 0), 'NEW in'],
  [server('SA', 5000, 1001), 'ESTABLISHED out'],
  [client('A', 1001, 5001), 'ESTABLISHED in'],
];

describe('opening and closing', () => {
  scene('handshake, data and an orderly close', [
    ...HANDSHAKE,
    [client('PA', 1001, 5001, { payload: 100 }), 'ESTABLISHED in'],
    [server('A', 5001, 1101), 'ESTABLISHED out'],
    [server('PA', 5001, 1101, { payload: 10 }), 'ESTABLISHED out'],
    [client('A', 1101, 5011), 'ESTABLISHED in'],
    [client('FA', 1101, 5011), 'ESTABLISHED in'],
    [server('A', 5011, 1102), 'ESTABLISHED out'],
    [server('FA', 5011, 1102), 'ESTABLISHED out'],
    [client('A', 1102, 5012), 'ESTABLISHED in'],
  ]);
  scene('a SYN after TIME_WAIT begins a new connection', [
    ...HANDSHAKE,
    [client('FA', 1001, 5001), 'ESTABLISHED in'],
    [server('FA', 5001, 1002), 'ESTABLISHED out'],
    [client('A', 1002, 5002), 'ESTABLISHED in'],
    [client('A', 1002, 5002), 'ESTABLISHED in'],
    [server('A', 5002, 1002), 'ESTABLISHED out'],
    [client('S', 90000, 0), 'NEW in'],
    [server('SA', 95000, 90001), 'ESTABLISHED out'],
    [client('A', 90001, 95001), 'ESTABLISHED in'],
  ]);
  scene('half close: data after the FIN of the other side', [
    ...HANDSHAKE,
    [client('FA', 1001, 5001), 'ESTABLISHED in'],
    [server('A', 5001, 1002), 'ESTABLISHED out'],
    [server('PA', 5001, 1002, { payload: 100 }), 'ESTABLISHED out'],
    [client('A', 1002, 5101), 'ESTABLISHED in'],
    [client('PA', 1002, 5101, { payload: 3 }), 'ESTABLISHED in'],
    [server('FA', 5101, 1002), 'ESTABLISHED out'],
    [client('A', 1002, 5102), 'ESTABLISHED in'],
  ]);
  scene('FINs repeated, resets after the close', [
    ...HANDSHAKE,
    [client('FA', 1001, 5001), 'ESTABLISHED in'],
    [client('FA', 1001, 5001), 'ESTABLISHED in'],
    [server('FA', 5001, 1002), 'ESTABLISHED out'],
    [server('FA', 5001, 1002), 'ESTABLISHED out'],
    [client('A', 1002, 5002), 'ESTABLISHED in'],
    [client('R', 1002, 0), 'ESTABLISHED in'],
    [server('R', 5002, 0), 'ESTABLISHED out'],
  ]);
  scene('a SYN repeated, with another sequence number too', [
    [client('S', 1000, 0), 'NEW in'],
    [client('S', 1000, 0), 'NEW in'],
    [client('S', 2000, 0), 'NEW in'],
    [server('SA', 5000, 2001), 'ESTABLISHED out'],
    [client('A', 2001, 5001), 'ESTABLISHED in'],
  ]);
  scene('simultaneous open', [
    [client('S', 1000, 0), 'NEW in'],
    [server('S', 5000, 0), 'ESTABLISHED out'],
    [client('SA', 1000, 5001), 'ESTABLISHED in'],
    [server('SA', 5000, 1001), 'ESTABLISHED out'],
    [client('A', 1001, 5001), 'ESTABLISHED in'],
  ]);
  scene('SYN with data, acknowledged or not', [
    [client('S', 1000, 0, { payload: 100 }), 'NEW in'],
    [server('SA', 5000, 1101), 'ESTABLISHED out'],
    [client('A', 1101, 5001), 'ESTABLISHED in'],
    [client('S', 1000, 0, { payload: 100, sourcePort: 7 }), 'NEW in'],
    [server('SA', 5000, 1001, { destinationPort: 7 }), 'ESTABLISHED out'],
    [client('A', 1001, 5001, { payload: 100, sourcePort: 7 }), 'ESTABLISHED in'],
    [server('A', 5001, 1101, { destinationPort: 7 }), 'ESTABLISHED out'],
  ]);
  scene('a SYN-ACK that acknowledges something else', [
    [client('S', 1000, 0), 'NEW in'],
    [server('SA', 5000, 1005), 'INVALID out'],
    [server('SA', 5000, 1001), 'ESTABLISHED out'],
    [client('A', 1001, 5001), 'ESTABLISHED in'],
  ]);
  scene('SYN-ACKs within the connection', [
    ...HANDSHAKE,
    [server('SA', 5000, 1001), 'ESTABLISHED out'],
    [client('SA', 1000, 5001), 'INVALID in'],
    [client('A', 1001, 5001), 'ESTABLISHED in'],
  ]);
  scene('a SYN within the connection; the challenge ACK and the reset that follows', [
    ...HANDSHAKE,
    [client('S', 9000, 0), 'ESTABLISHED in'],
    [server('A', 5001, 1001), 'ESTABLISHED out'],
    [client('R', 1001, 0), 'ESTABLISHED in'],
    [client('S', 9000, 0), 'NEW in'],
    [server('SA', 20000, 9001), 'ESTABLISHED out'],
    [client('A', 9001, 20001), 'ESTABLISHED in'],
  ]);
  scene('ECN and urgent data', [
    [client('SEC', 1000, 0), 'NEW in'],
    [server('SAE', 5000, 1001), 'ESTABLISHED out'],
    [client('AU', 1001, 5001, { urgent: 1, payload: 1 }), 'ESTABLISHED in'],
  ]);
});

describe('resets', () => {
  scene('in the window', [
    ...HANDSHAKE,
    [client('R', 1001, 0), 'ESTABLISHED in'],
    [client('A', 1001, 5001), 'ESTABLISHED in'],
    [server('A', 5001, 1001), 'ESTABLISHED out'],
    [client('S', 7000, 0), 'ESTABLISHED in'],
  ]);
  scene('below and above the window', [
    ...HANDSHAKE,
    [client('R', 900, 0), 'INVALID in'],
    [client('R', 1002, 0), 'ESTABLISHED in'],
    [client('R', 1_000_000, 0), 'INVALID in'],
    [client('PA', 1001, 5001, { payload: 5 }), 'ESTABLISHED in'],
    [client('RA', 1006, 5001), 'ESTABLISHED in'],
  ]);
  scene('in answer to a SYN: the entry is gone at once', [
    [client('S', 1000, 0), 'NEW in'],
    [server('RA', 0, 1001), 'ESTABLISHED out'],
    [client('S', 1000, 0), 'NEW in'],
    [server('RA', 0, 1001), 'ESTABLISHED out'],
  ]);
  scene('in answer to a SYN, acknowledging something else', [
    [client('S', 1000, 0), 'NEW in'],
    [server('RA', 0, 999), 'ESTABLISHED out'],
    [server('RA', 0, 1002), 'INVALID out'],
    [server('SA', 1, 1001), 'INVALID out'],
  ]);
  scene(
    'too low, with nf_conntrack_tcp_ignore_invalid_rst',
    [
      ...HANDSHAKE,
      [client('R', 500, 0), 'ESTABLISHED in'],
      [client('A', 1001, 5001), 'ESTABLISHED in'],
    ],
    { sysctls: { 'net.netfilter.nf_conntrack_tcp_ignore_invalid_rst': 1 } },
  );
  scene('then the server opens a connection between the same ports', [
    ...HANDSHAKE,
    [client('R', 1001, 0), 'ESTABLISHED in'],
    [server('S', 777, 0), 'INVALID out'],
    [client('SA', 888, 778), 'INVALID in'],
    [server('A', 778, 889), 'ESTABLISHED out'],
  ]);
});

describe('windows', () => {
  scene('beyond the window, old data, acknowledging too much', [
    ...HANDSHAKE,
    [client('A', 71_001, 5001, { payload: 10 }), 'ESTABLISHED in'],
    [client('A', 1001, 5001, { payload: 10 }), 'ESTABLISHED in'],
    [client('A', 900, 5001), 'ESTABLISHED in'],
    [client('A', 1001, 900_000), 'INVALID in'],
    [client('A', 1001, 4000), 'ESTABLISHED in'],
    [client('A', 1001, 5002), 'INVALID in'],
  ]);
  scene('scaled', [
    [client('S', 1000, 0, { window: 1000, options: { windowScale: 7, mss: 1460 } }), 'NEW in'],
    [
      server('SA', 5000, 1001, { window: 1000, options: { windowScale: 7, mss: 1460 } }),
      'ESTABLISHED out',
    ],
    [client('A', 1001, 5001, { window: 100 }), 'ESTABLISHED in'],
    [server('A', 5001, 1001, { payload: 1400 }), 'ESTABLISHED out'],
    [server('A', 6401, 1001, { payload: 1400 }), 'ESTABLISHED out'],
    [server('A', 5001 + 12_800, 1001, { payload: 10 }), 'ESTABLISHED out'],
    [server('A', 5001 + 200_000, 1001, { payload: 10 }), 'INVALID out'],
    [client('A', 1001, 6401, { window: 1 }), 'ESTABLISHED in'],
    [server('A', 7801, 1001, { payload: 1400 }), 'ESTABLISHED out'],
  ]);
  scene('zero, with probes', [
    ...HANDSHAKE,
    [client('A', 1001, 5001, { window: 0 }), 'ESTABLISHED in'],
    [server('A', 5000, 1001, { payload: 1 }), 'ESTABLISHED out'],
    [server('A', 5001, 1001, { payload: 1 }), 'ESTABLISHED out'],
    [server('A', 5000, 1001), 'ESTABLISHED out'],
  ]);
  scene('keepalives', [
    ...HANDSHAKE,
    [client('A', 1000, 5001), 'ESTABLISHED in'],
    [server('A', 5001, 1001), 'ESTABLISHED out'],
    [client('A', 1000, 5001, { payload: 1 }), 'ESTABLISHED in'],
  ]);
  scene('selective acknowledgement', [
    [client('S', 1000, 0, { options: { sackPermitted: true } }), 'NEW in'],
    [server('SA', 5000, 1001, { options: { sackPermitted: true } }), 'ESTABLISHED out'],
    [client('A', 1001, 5001), 'ESTABLISHED in'],
    [server('A', 6001, 1001, { payload: 1000 }), 'ESTABLISHED out'],
    [client('A', 1001, 5001, { options: { sack: [[6001, 7001]] } }), 'ESTABLISHED in'],
    [server('A', 5001, 1001, { payload: 1000 }), 'ESTABLISHED out'],
    [client('A', 1001, 7001), 'ESTABLISHED in'],
  ]);
  scene('sequence numbers that wrap', [
    [client('S', 0xfffffffe, 0), 'NEW in'],
    [server('SA', 0xffffffff, 0xffffffff), 'ESTABLISHED out'],
    [client('A', 0xffffffff, 0), 'ESTABLISHED in'],
    [client('PA', 0xffffffff, 0, { payload: 10 }), 'ESTABLISHED in'],
    [server('A', 0, 9), 'ESTABLISHED out'],
  ]);
  scene(
    'not looked at with nf_conntrack_tcp_be_liberal',
    [
      ...HANDSHAKE,
      [client('A', 701_001, 5001, { payload: 10 }), 'ESTABLISHED in'],
      [client('R', 1, 0), 'INVALID in'],
      [client('SF', 1, 0), 'INVALID in'],
    ],
    { sysctls: { 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 } },
  );
});

describe('begun before the capture', () => {
  scene('the client seen first', [
    [client('PA', 1001, 5001, { payload: 10 }), 'NEW in'],
    [server('A', 5001, 1011), 'ESTABLISHED out'],
    [server('PA', 5001, 1011, { payload: 500 }), 'ESTABLISHED out'],
    [client('A', 1011, 5501), 'ESTABLISHED in'],
    [client('FA', 1011, 5501), 'ESTABLISHED in'],
    [server('FA', 5501, 1012), 'ESTABLISHED out'],
    [client('A', 1012, 5502), 'ESTABLISHED in'],
  ]);
  scene('the server seen first', [
    [server('PA', 5001, 1011, { payload: 500 }), 'NEW out'],
    [client('A', 1011, 5501), 'ESTABLISHED in'],
    [server('PA', 5501, 1011, { payload: 500 }), 'ESTABLISHED out'],
    [server('R', 6001, 0), 'ESTABLISHED out'],
  ]);
  scene(
    'not picked up with nf_conntrack_tcp_loose=0',
    [
      [client('PA', 1001, 5001, { payload: 10 }), 'INVALID in'],
      [server('A', 5001, 1011), 'INVALID out'],
      ...HANDSHAKE,
    ],
    { sysctls: { 'net.netfilter.nf_conntrack_tcp_loose': 0 } },
  );
});

describe('flags and headers', () => {
  const alone = (flags: string, sourcePort: number, more: TcpSpec = {}): DatagramSpec =>
    client(flags, 1, 1, { sourcePort, ...more });
  scene('of a segment without a connection', [
    [alone('S', 1), 'NEW in'],
    [alone('A', 2), 'NEW in'],
    [alone('PA', 3), 'NEW in'],
    [alone('SEC', 4), 'NEW in'],
    [alone('SU', 5), 'NEW in'],
    [alone('AU', 6), 'NEW in'],
    [alone('SP', 7), 'NEW in'],
    [alone('SF', 8), 'INVALID in'],
    [alone('', 9), 'INVALID in'],
    [alone('FPU', 10), 'INVALID in'],
    [alone('SR', 11), 'INVALID in'],
    [alone('FA', 12), 'INVALID in'],
    [alone('SA', 13), 'INVALID in'],
    [alone('SAP', 14), 'INVALID in'],
    [alone('R', 15), 'INVALID in'],
    [alone('RA', 16), 'INVALID in'],
    [alone('FAU', 17), 'INVALID in'],
    [alone('U', 18), 'INVALID in'],
    [alone('P', 19), 'INVALID in'],
    [alone('F', 20), 'INVALID in'],
  ]);
  scene('too short, or saying so', [
    [alone('S', 1, { dataOffset: 4 }), 'INVALID in'],
    [alone('S', 2, { dataOffset: 15 }), 'INVALID in'],
    [{ source: CLIENT, destination: SERVER, protocol: 6, payload: 12 }, 'INVALID in'],
    [{ source: CLIENT, destination: SERVER, protocol: 6, payload: 0 }, 'INVALID in'],
  ]);
  scene('with odd options', [
    [alone('S', 1, { options: [3, 3] }), 'NEW in'],
    [alone('S', 2, { options: [3, 0, 0, 0] }), 'NEW in'],
    [alone('S', 3, { options: [2, 200, 0, 0] }), 'NEW in'],
    [alone('S', 4, { options: [99, 2, 0, 0] }), 'NEW in'],
  ]);
  scene('from and to port 0', [
    [alone('S', 0), 'NEW in'],
    [alone('S', 1, { destinationPort: 0 }), 'NEW in'],
  ]);
});
