/** Ports, types and flags of the transport layer, and when they are absent. */
import { describe, expect, it } from 'vitest';
import { packetOf } from '../support/packets.ts';

const FOUR = { source: '192.0.2.1', destination: '198.51.100.2' };
const SIX = { source: '2001:db8::1', destination: '2001:db8::2' };
const ports = (packet: { sourcePort: number; destinationPort: number }): number[] => [
  packet.sourcePort,
  packet.destinationPort,
];

describe('ports', () => {
  it.each([
    ['TCP', 6],
    ['UDP', 17],
    ['DCCP', 33],
    ['SCTP', 132],
    ['UDP-Lite', 136],
  ])('of %s', (_name, protocol) => {
    for (const addresses of [FOUR, SIX]) {
      const packet = packetOf({ ...addresses, protocol, payload: [0xff, 0xff, 0, 1, 0, 0, 0, 0] });
      expect(ports(packet)).toEqual([65535, 1]);
      expect(ports(packetOf({ ...addresses, protocol, payload: [0, 1, 0] }))).toEqual([-1, -1]);
    }
  });

  it.each([1, 2, 41, 47, 50, 51, 58, 94, 103, 255])('not of protocol %i in IPv4', (protocol) => {
    const packet = packetOf({ ...FOUR, protocol, payload: 20 });
    expect(ports(packet)).toEqual([-1, -1]);
    expect(packet.tcpFlags).toBe(-1);
    expect(packet.transportLength).toBe(20);
  });
});

describe('TCP flags', () => {
  it.each([
    ['', 0],
    ['S', 0x02],
    ['SA', 0x12],
    ['FPU', 0x29],
    ['FSRPAUEC', 0xff],
  ])('%s', (flags, byte) => {
    expect(packetOf({ ...FOUR, tcp: { flags } }).tcpFlags).toBe(byte);
    expect(packetOf({ ...SIX, tcp: { flags } }).tcpFlags).toBe(byte);
  });

  it('are absent when the packet ends before them', () => {
    const short = packetOf({ ...FOUR, protocol: 6, payload: 13 });
    expect([short.tcpFlags, short.sourcePort]).toEqual([-1, 1]);
    expect(packetOf({ ...FOUR, protocol: 6, payload: 14 }).tcpFlags).toBe(13);
  });
});

describe('ICMP type and code', () => {
  it('are those of the family', () => {
    expect(packetOf({ ...FOUR, icmp: { type: 3, code: 13 } })).toMatchObject({
      protocol: 1,
      icmpType: 3,
      icmpCode: 13,
    });
    expect(packetOf({ ...SIX, icmp: { type: 135 } })).toMatchObject({
      protocol: 58,
      icmpType: 135,
      icmpCode: 0,
    });
    expect(packetOf({ ...FOUR, protocol: 58, payload: [135, 0] }).icmpType).toBe(-1);
    expect(packetOf({ ...SIX, protocol: 1, payload: [8, 0] }).icmpType).toBe(-1);
  });

  it('may be half there', () => {
    const packet = packetOf({ ...FOUR, protocol: 1, payload: [8] });
    expect([packet.icmpType, packet.icmpCode]).toEqual([8, -1]);
    expect(packetOf({ ...FOUR, protocol: 1, payload: [] }).icmpType).toBe(-1);
    const cut = packetOf({ ...FOUR, icmp: { type: 8 } }, { capturedLength: 21 });
    expect([cut.icmpType, cut.icmpCode, cut.transportLength]).toEqual([8, -1, 8]);
  });
});
