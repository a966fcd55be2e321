/** Link layers by literal bytes: where the IP packet begins, and what the link layer tells of it. */
import { describe, expect, it } from 'vitest';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND } from '../../src/capture/types.ts';
import {
  PACKET_BAD_IP_HEADER,
  PACKET_BROADCAST,
  PACKET_CUT,
  PACKET_HOST,
  PACKET_MALFORMED,
  PACKET_MULTICAST,
  PACKET_NOT_IP,
  PACKET_OK,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
  PACKET_TYPE_UNKNOWN,
  type PacketView,
} from '../../src/packet/fields.ts';
import { formatIpv4 } from '../../src/packet/text.ts';
import { buildDatagram, ethernetFrame, viewOf } from '../support/packets.ts';

const UDP4 = buildDatagram({ source: '192.0.2.1', destination: '192.0.2.2', udp: { payload: 4 } });
const UDP6 = buildDatagram({ source: '2001:db8::1', destination: '2001:db8::2', udp: {} });

const bytes = (...parts: readonly (number | Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));

function formatMac(from: Uint8Array, at: number): string {
  return Array.from(from.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(
    ':',
  );
}

/** Offset of the IP header from the frame's beginning. */
const ipAt = (packet: PacketView): number => packet.networkOffset - packet.frameOffset;

describe('Ethernet', () => {
  it('is two addresses and a type', () => {
    const frame = bytes(
      [0x00, 0x1b, 0x21, 0x00, 0x00, 0x02, 0x00, 0x1b, 0x21, 0x00, 0x00, 0x01, 0x08, 0x00],
      UDP4,
    );
    const packet = viewOf(frame, { linkType: 1 });
    expect(packet.problem).toBe(PACKET_OK);
    expect(packet.etherType).toBe(0x0800);
    expect(packet.vlanId).toBe(-1);
    expect(packet.hardwareType).toBe(1);
    expect(packet.packetType).toBe(PACKET_TYPE_UNKNOWN);
    expect(ipAt(packet)).toBe(14);
    expect(formatMac(packet.bytes, packet.sourceMacOffset)).toBe('00:1b:21:00:00:01');
    expect(formatMac(packet.bytes, packet.destinationMacOffset)).toBe('00:1b:21:00:00:02');
    expect(formatIpv4(packet.source0)).toBe('192.0.2.1');
  });

  it.each([
    ['ff:ff:ff:ff:ff:ff', PACKET_BROADCAST],
    ['01:00:5e:00:00:01', PACKET_MULTICAST],
    ['33:33:00:00:00:01', PACKET_MULTICAST],
    ['ff:ff:ff:ff:ff:fe', PACKET_MULTICAST],
    ['fe:ff:ff:ff:ff:ff', PACKET_TYPE_UNKNOWN],
  ])('to %s has packet type %i', (destinationMac, type) => {
    const frame = ethernetFrame(UDP4, { destinationMac });
    expect(viewOf(frame, { linkType: 1 }).packetType).toBe(type);
    expect(viewOf(frame, { linkType: 1, direction: DIRECTION_INBOUND }).packetType).toBe(type);
    // What the host sends is outgoing, wherever to.
    expect(viewOf(frame, { linkType: 1, direction: DIRECTION_OUTBOUND }).packetType).toBe(
      PACKET_OUTGOING,
    );
  });

  it('cuts padding beyond the total length', () => {
    const packet = viewOf(ethernetFrame(UDP4, { padTo: 60 }), { linkType: 1 });
    expect(packet.totalLength).toBe(32);
    expect(packet.networkEnd).toBe(packet.networkOffset + 32);
    expect(packet.frameEnd).toBe(packet.frameOffset + 60);
    expect(packet.transportLength).toBe(12);
    expect(packet.transportCaptured).toBe(12);
  });

  it.each([
    ['802.1Q', [5], 5, 18],
    ['802.1Q in 802.1Q', [5, 6], 5, 22],
    ['802.1Q in 802.1ad', [[7, 0x88a8], 6], 7, 22],
    ['three tags', [[7, 0x9100], [8, 0x9200], 9], 7, 26],
    ['a priority tag', [0], 0, 18],
    ['with priority bits', [0xe123], 0x123, 18],
  ] as const)('takes %s', (_name, vlans, vlanId, at) => {
    const packet = viewOf(ethernetFrame(UDP6, { vlans }), { linkType: 1 });
    expect(packet.problem).toBe(PACKET_OK);
    expect(packet.etherType).toBe(0x86dd);
    expect(packet.vlanId).toBe(vlanId);
    expect(ipAt(packet)).toBe(at);
    expect(packet.family).toBe(6);
  });

  it.each([
    ['ARP', 0x0806, 0x0806],
    ['LLDP', 0x88cc, 0x88cc],
    ['MPLS', 0x8847, 0x8847],
    ['MACsec', 0x88e5, 0x88e5],
    ['a length, SNAP with IP in it', 40, 4],
  ])('%s is not IP', (_name, etherType, told) => {
    // Seen on Linux 6.18: no hook is called for an IP packet in SNAP.
    const snap = bytes([0xaa, 0xaa, 3, 0, 0, 0, 8, 0], UDP4);
    const packet = viewOf(ethernetFrame(snap, { etherType }), { linkType: 1 });
    expect(packet.problem).toBe(PACKET_NOT_IP);
    expect(packet.etherType).toBe(told);
    expect(packet.family).toBe(0);
    expect(packet.transportOffset).toBe(-1);
  });

  it('knows raw 802.3 by its two bytes', () => {
    const frame = ethernetFrame(Uint8Array.of(0xff, 0xff, 0, 30), { etherType: 30 });
    expect(viewOf(frame, { linkType: 1 }).etherType).toBe(1);
  });

  it('takes the family from the type, not from the version', () => {
    expect(viewOf(ethernetFrame(UDP6, { etherType: 0x0800 }), { linkType: 1 }).problem).toBe(
      PACKET_BAD_IP_HEADER,
    );
    expect(
      viewOf(ethernetFrame(UDP4, { etherType: 0x86dd, padTo: 80 }), { linkType: 1 }).problem,
    ).toBe(PACKET_BAD_IP_HEADER);
  });

  it.each([0, 13, 14, 33])('with %i bytes is too short', (length) => {
    const frame = ethernetFrame(UDP4);
    const runt = viewOf(frame.subarray(0, length), { linkType: 1 });
    expect(runt.problem).toBe(PACKET_MALFORMED);
    const cut = viewOf(frame, { linkType: 1, capturedLength: length });
    expect(cut.problem).toBe(PACKET_CUT);
  });

  it('tells a tag that the snap length cut from one that ends the frame', () => {
    const frame = ethernetFrame(UDP4, { vlans: [5] });
    expect(viewOf(frame.subarray(0, 16), { linkType: 1 }).problem).toBe(PACKET_MALFORMED);
    const cut = viewOf(frame, { linkType: 1, capturedLength: 17 });
    expect(cut.problem).toBe(PACKET_CUT);
    expect(cut.etherType).toBe(0x8100);
  });
});

describe('PPPoE in Ethernet', () => {
  const session = (length: number, ...rest: readonly (number | Uint8Array)[]) =>
    ethernetFrame(bytes(0x11, 0, 0, 1, length >> 8, length & 255, ...rest), { etherType: 0x8864 });

  it('holds PPP with IP, as the ppp device sees it', () => {
    const packet = viewOf(session(34, 0, 0x21, UDP4), { linkType: 1 });
    expect(packet.problem).toBe(PACKET_OK);
    expect(packet.etherType).toBe(0x0800);
    expect(packet.hardwareType).toBe(512);
    expect(ipAt(packet)).toBe(22);
    const six = viewOf(session(50, 0, 0x57, UDP6), { linkType: 1 });
    expect(six.family).toBe(6);
  });

  it('ends where its length says', () => {
    const padded = viewOf(session(34, 0, 0x21, UDP4, 0, 0, 0, 0), { linkType: 1 });
    expect(padded.problem).toBe(PACKET_OK);
    expect(padded.wireEnd).toBe(padded.frameEnd - 4);
    // Shorter than the IP packet in it, or longer than the frame.
    expect(viewOf(session(33, 0, 0x21, UDP4), { linkType: 1 }).problem).toBe(PACKET_BAD_IP_HEADER);
    expect(viewOf(session(35, 0, 0x21, UDP4), { linkType: 1 }).problem).toBe(PACKET_MALFORMED);
    expect(viewOf(session(10, 0, 0x21, UDP4), { linkType: 1 }).problem).toBe(PACKET_MALFORMED);
  });

  it('takes a protocol of one byte and what is not IP', () => {
    expect(viewOf(session(33, 0x21, UDP4), { linkType: 1 }).family).toBe(4);
    const lcp = viewOf(session(4, 0xc0, 0x21, 9, 1), { linkType: 1 });
    expect([lcp.problem, lcp.etherType]).toEqual([PACKET_NOT_IP, 0x8864]);
    const discovery = ethernetFrame(Uint8Array.of(0x11, 9, 0, 0, 0, 0), { etherType: 0x8863 });
    expect(viewOf(discovery, { linkType: 1 }).etherType).toBe(0x8863);
    const padt = ethernetFrame(bytes(0x11, 0xa7, 0, 1, 0, 0), { etherType: 0x8864 });
    expect(viewOf(padt, { linkType: 1 }).problem).toBe(PACKET_NOT_IP);
  });
});

describe('PPP', () => {
  it.each([
    ['without framing', [0x00, 0x21], 2],
    ['with address and control', [0xff, 0x03, 0x00, 0x21], 4],
    ['with a protocol of one byte', [0x21], 1],
    ['with both', [0xff, 0x03, 0x21], 3],
  ])('%s', (_name, header, at) => {
    for (const linkType of [9, 50]) {
      const packet = viewOf(bytes(header, UDP4), { linkType });
      expect(packet.problem).toBe(PACKET_OK);
      expect(ipAt(packet)).toBe(at);
    }
  });

  it('knows what is not IP and what is missing', () => {
    const lcp = viewOf(bytes(0xff, 3, 0xc0, 0x21, 1, 2), { linkType: 9 });
    expect([lcp.problem, lcp.etherType]).toEqual([PACKET_NOT_IP, 0x880b]);
    expect(viewOf(bytes(), { linkType: 9 }).problem).toBe(PACKET_MALFORMED);
    expect(viewOf(bytes(0xff, 3), { linkType: 9 }).problem).toBe(PACKET_MALFORMED);
    expect(viewOf(bytes(0xff, 3, 0), { linkType: 9 }).problem).toBe(PACKET_MALFORMED);
    expect(viewOf(bytes(0xff, 3, 0, 0x21), { linkType: 9, capturedLength: 3 }).problem).toBe(
      PACKET_CUT,
    );
  });

  it('is also below PPPoE without Ethernet', () => {
    const packet = viewOf(bytes(0x11, 0, 0, 1, 0, 34, 0, 0x21, UDP4), { linkType: 51 });
    expect([packet.problem, ipAt(packet)]).toEqual([PACKET_OK, 8]);
  });
});

describe('Linux cooked', () => {
  const MAC = [0x02, 0, 0, 0, 0, 0x07, 0, 0];

  it.each([
    [0, PACKET_HOST],
    [1, PACKET_BROADCAST],
    [2, PACKET_MULTICAST],
    [3, PACKET_OTHERHOST],
    [4, PACKET_OUTGOING],
    [5, PACKET_TYPE_UNKNOWN],
    [6, PACKET_TYPE_UNKNOWN],
  ])('packet type %i', (type, expected) => {
    const sll = viewOf(bytes([0, type, 0, 1, 0, 6], MAC, [8, 0], UDP4), { linkType: 113 });
    expect([sll.problem, sll.packetType, ipAt(sll)]).toEqual([PACKET_OK, expected, 16]);
    const header = [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, type, 6];
    const sll2 = viewOf(bytes(header, MAC, UDP4), { linkType: 276 });
    expect([sll2.problem, sll2.packetType, ipAt(sll2)]).toEqual([PACKET_OK, expected, 20]);
    expect([sll.linkInterfaceIndex, sll2.linkInterfaceIndex]).toEqual([0, 3]);
    for (const packet of [sll, sll2]) {
      expect(packet.hardwareType).toBe(1);
      expect(formatMac(packet.bytes, packet.sourceMacOffset)).toBe('02:00:00:00:00:07');
      expect(packet.destinationMacOffset).toBe(-1);
    }
  });

  it('gives no MAC address for a device without one', () => {
    const tun = viewOf(bytes([0, 0, 0xff, 0xfe, 0, 0], MAC, [0x86, 0xdd], UDP6), { linkType: 113 });
    expect([tun.problem, tun.hardwareType, tun.sourceMacOffset]).toEqual([PACKET_OK, 0xfffe, -1]);
    const lo = viewOf(bytes([0, 0, 3, 4, 0, 6], MAC, [8, 0], UDP4), { linkType: 113 });
    expect([lo.hardwareType, lo.sourceMacOffset - lo.frameOffset]).toEqual([772, 6]);
  });

  it('takes tags, and knows what is not IP', () => {
    const tagged = viewOf(bytes([0, 0, 0, 1, 0, 6], MAC, [0x81, 0, 0, 9, 8, 0], UDP4), {
      linkType: 113,
    });
    expect([tagged.problem, tagged.vlanId, ipAt(tagged)]).toEqual([PACKET_OK, 9, 20]);
    const arp = viewOf(bytes([8, 6, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6], MAC, [0, 1]), { linkType: 276 });
    expect([arp.problem, arp.etherType]).toEqual([PACKET_NOT_IP, 0x0806]);
    const llc = viewOf(bytes([0, 0, 0, 1, 0, 6], MAC, [0, 4], [0x42, 0x42]), { linkType: 113 });
    expect([llc.problem, llc.etherType]).toEqual([PACKET_NOT_IP, 4]);
  });

  it('can be cut', () => {
    const sll = bytes([0, 0, 0, 1, 0, 6], MAC, [8, 0], UDP4);
    expect(viewOf(sll.subarray(0, 15), { linkType: 113 }).problem).toBe(PACKET_MALFORMED);
    expect(viewOf(sll, { linkType: 113, capturedLength: 15 }).problem).toBe(PACKET_CUT);
    expect(viewOf(sll, { linkType: 276, capturedLength: 19 }).problem).toBe(PACKET_CUT);
  });
});

describe('NULL and LOOP', () => {
  it.each([
    ['AF_INET, big-endian', [0, 0, 0, 2], UDP4, 4],
    ['AF_INET, little-endian', [2, 0, 0, 0], UDP4, 4],
    ['AF_INET6 of Linux', [10, 0, 0, 0], UDP6, 6],
    ['AF_INET6 of NetBSD', [24, 0, 0, 0], UDP6, 6],
    ['AF_INET6 of FreeBSD', [28, 0, 0, 0], UDP6, 6],
    ['AF_INET6 of Darwin', [30, 0, 0, 0], UDP6, 6],
    ['AF_INET6 of Darwin, big-endian', [0, 0, 0, 30], UDP6, 6],
  ])('%s', (_name, header, datagram, family) => {
    for (const linkType of [0, 108]) {
      const packet = viewOf(bytes(header, datagram), { linkType });
      expect([packet.problem, packet.family, ipAt(packet)]).toEqual([PACKET_OK, family, 4]);
      expect(packet.hardwareType).toBe(772);
    }
  });

  it('knows other families and short frames', () => {
    const other = viewOf(bytes([7, 0, 0, 0], UDP4), { linkType: 0 });
    expect([other.problem, other.etherType]).toEqual([PACKET_NOT_IP, 0]);
    expect(viewOf(bytes([2, 0, 0]), { linkType: 0 }).problem).toBe(PACKET_MALFORMED);
  });
});

describe('bare IP', () => {
  it.each([101, 12, 14])('link type %i goes by the version', (linkType) => {
    expect(viewOf(UDP4, { linkType }).family).toBe(4);
    expect(viewOf(UDP6, { linkType }).family).toBe(6);
    // A tun device refuses other versions.
    expect(viewOf(bytes(0x50, UDP4), { linkType }).problem).toBe(PACKET_BAD_IP_HEADER);
    expect(viewOf(bytes(), { linkType }).problem).toBe(PACKET_MALFORMED);
    expect(viewOf(UDP4, { linkType, capturedLength: 0 }).problem).toBe(PACKET_CUT);
  });

  it('link types of one family take no other', () => {
    expect(viewOf(UDP4, { linkType: 228 }).family).toBe(4);
    expect(viewOf(UDP6, { linkType: 229 }).family).toBe(6);
    expect(viewOf(UDP6, { linkType: 228 }).problem).toBe(PACKET_BAD_IP_HEADER);
    const four = buildDatagram({
      source: '10.0.0.1',
      destination: '10.0.0.2',
      udp: { payload: 20 },
    });
    expect(viewOf(four, { linkType: 229 }).problem).toBe(PACKET_BAD_IP_HEADER);
  });

  it('an unknown link type is not IP', () => {
    expect(viewOf(UDP4, { linkType: 147 }).problem).toBe(PACKET_NOT_IP);
  });
});
