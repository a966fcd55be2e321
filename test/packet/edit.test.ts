/** Changes of a packet: fields, bytes and checksums together. */
import { describe, expect, it } from 'vitest';
import {
  addMssOption,
  mssAt,
  mssOptionAt,
  setHopLimit,
  setMssAt,
  setTcpFlags,
  setTrafficClass,
  stripTcpOptions,
} from '../../src/packet/edit.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import { CHECKSUM_PARTIAL } from '../../src/packet/fields.ts';
import type { DatagramSpec } from '../support/packets.ts';
import { buildDatagram, ethernetFrame, packetOf, viewOf } from '../support/packets.ts';

const V4 = { source: '192.0.2.2', destination: '192.0.2.1', id: 7 };
const V6 = { source: '2001:db8::2', destination: '2001:db8::1' };
const SYN = { flags: 'S', options: { mss: 1460, sackPermitted: true, windowScale: 7 } };

/** The bytes of the datagram. */
function bytesOf(packet: PacketView): number[] {
  return [...packet.bytes.subarray(packet.networkOffset, packet.networkEnd)];
}

/** The change gives the datagram that one would build so from the start, checksums included. */
function becomes(
  before: DatagramSpec,
  change: (packet: PacketView) => void,
  after: DatagramSpec,
): PacketView {
  const packet = packetOf(before);
  change(packet);
  expect(bytesOf(packet)).toEqual([...buildDatagram(after)]);
  return packet;
}

describe('header fields', () => {
  it.each([0, 1, 63, 255])('TTL and hop limit %i', (ttl) => {
    for (const address of [V4, V6]) {
      const before = { ...address, ttl: 64, udp: {} };
      const packet = becomes(before, (it) => setHopLimit(it, ttl), { ...before, ttl });
      expect(packet.ttl).toBe(ttl);
    }
  });

  it.each([0, 1, 0xb8, 255])('TOS and traffic class %i', (tos) => {
    for (const address of [V4, { ...V6, flowLabel: 0xabcde }]) {
      const before = { ...address, tos: 0x12, udp: {} };
      const packet = becomes(before, (it) => setTrafficClass(it, tos), { ...before, tos });
      expect(packet.tos).toBe(tos);
    }
  });
});

describe('TCP', () => {
  it('flags', () => {
    const before = { ...V4, tcp: { flags: 'SEC' } };
    const packet = becomes(before, (it) => setTcpFlags(it, 2), { ...V4, tcp: { flags: 'S' } });
    expect(packet.tcpFlags).toBe(2);
  });

  it('leaves the checksum of an offloading sender as it is', () => {
    const packet = packetOf({ ...V4, tcp: SYN });
    const sum = bytesOf(packet).slice(36, 38);
    packet.transportChecksum = CHECKSUM_PARTIAL;
    setMssAt(packet, mssOptionAt(packet), 1000);
    expect(bytesOf(packet).slice(36, 38)).toEqual(sum);
  });

  it.each([0, 536, 1220, 65535])('maximum segment size %i', (mss) => {
    for (const address of [V4, V6]) {
      const after = { ...address, tcp: { ...SYN, options: { ...SYN.options, mss } } };
      const packet = packetOf({ ...address, tcp: SYN });
      const at = mssOptionAt(packet);
      expect(mssAt(packet, at)).toBe(1460);
      setMssAt(packet, at, mss);
      expect(bytesOf(packet)).toEqual([...buildDatagram(after)]);
    }
  });

  it('finds the option only where the kernel does', () => {
    const at = (options: readonly number[]) => mssOptionAt(packetOf({ ...V4, tcp: { options } }));
    expect(at([])).toBe(-1);
    expect(at([2, 4, 5, 180])).toBe(20);
    // Ends are walked over, and a length of 0 counts as 1.
    expect(at([0, 0, 2, 4, 5, 180, 0, 0])).toBe(22);
    expect(at([8, 0, 2, 4, 5, 180, 0, 0])).toBe(22);
    expect(at([2, 3, 5, 1])).toBe(-1);
    // A length beyond the header ends the search.
    expect(at([5, 40, 2, 4, 5, 180, 0, 0])).toBe(-1);
  });

  it('gets a maximum segment size that it had not', () => {
    for (const address of [V4, V6]) {
      const options = { sackPermitted: true } as const;
      const bare = packetOf({ ...address, tcp: { flags: 'S', options } });
      const [, ...rest] = [0, ...bytesOf(bare).slice(-4)];
      const after = { ...address, tcp: { flags: 'S', options: [2, 4, 2, 24, ...rest] } };
      const frame = ethernetFrame(buildDatagram({ ...address, tcp: { flags: 'S', options } }));
      const packet = viewOf(frame, { linkType: 1 });
      const { totalLength, transportLength } = packet;
      addMssOption(packet, 536);
      // The builder sums with the right length, which the kernel's change keeps up with but for it.
      const got = bytesOf(packet);
      const want = [...buildDatagram(after)];
      const checksum = packet.transportOffset - packet.networkOffset + 16;
      for (const bytes of [got, want]) bytes.splice(checksum, 2);
      expect(got).toEqual(want);
      expect(packet.totalLength).toBe(totalLength + 4);
      expect(packet.transportLength).toBe(transportLength + 4);
      expect(packet.transportCaptured).toBe(transportLength + 4);
      expect(packet.bytes[packet.sourceMacOffset]).toBe(frame[6]);
    }
  });

  it('options are stripped to no-operations', () => {
    const strip = (options: readonly number[], ...kinds: readonly number[]): number[] => {
      const packet = packetOf({ ...V4, tcp: { options } });
      stripTcpOptions(packet, (kind) => kinds.includes(kind));
      return bytesOf(packet).slice(40);
    };
    expect(strip([2, 4, 5, 180], 2)).toEqual([1, 1, 1, 1]);
    expect(strip([2, 4, 5, 180], 3)).toEqual([2, 4, 5, 180]);
    expect(strip([2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 0, 0], 3, 4)).toEqual([
      2, 4, 5, 180, 1, 1, 1, 1, 1, 1, 0, 0,
    ]);
    // One that leaves the header ends it.
    expect(strip([5, 40, 2, 4], 5)).toEqual([5, 40, 2, 4]);
    expect(strip([1, 1, 8, 40, 0, 0, 0, 0], 8)).toEqual([1, 1, 8, 40, 0, 0, 0, 0]);
  });

  it('stripping keeps the checksum right', () => {
    const before = { ...V4, tcp: { flags: 'S', options: [1, 2, 4, 5, 180, 3, 3, 7] } };
    const after = { ...V4, tcp: { flags: 'S', options: [1, 1, 1, 1, 1, 3, 3, 7] } };
    becomes(before, (it) => stripTcpOptions(it, (kind) => kind === 2), after);
  });
});
