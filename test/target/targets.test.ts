/** The targets against packets: verdicts, marks, and whether REJECT answers. */
import { describe, expect, it } from 'vitest';
import { CHECKSUM_BAD } from '../../src/packet/fields.ts';
import { HOOK_FORWARD } from '../../src/ruleset/types.ts';
import {
  TARGET_ACCEPT,
  TARGET_CONTINUE,
  TARGET_DROP,
  TARGET_REJECT,
  TARGET_RETURN,
} from '../../src/target/definition.ts';
import { contextOf, targetOf } from '../match/context.ts';
import type { DatagramSpec } from '../support/packets.ts';
import {
  buildDatagram,
  ethernetFrame,
  fragmentDatagram,
  packetOf,
  viewOf,
} from '../support/packets.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1' };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1' };

describe('verdicts', () => {
  it.each([
    ['ACCEPT', TARGET_ACCEPT],
    ['DROP', TARGET_DROP],
    ['RETURN', TARGET_RETURN],
    ['REJECT', TARGET_REJECT],
    ['LOG', TARGET_CONTINUE],
    ['MARK --set-mark 1', TARGET_CONTINUE],
  ])('%s', (target, result) => {
    for (const packet of [packetOf(V4), packetOf(V6)]) {
      const bound = targetOf(`-j ${target}`, packet.family === 6 ? 6 : 4);
      expect(bound.apply(contextOf(packet))).toBe(result);
      if (result !== TARGET_REJECT) expect(bound.answer(contextOf(packet))).toBe('');
    }
  });
});

describe('MARK', () => {
  it.each([
    ['--set-mark 5', 0xffffffff, 5],
    ['--set-mark 1/0xf', 0xab, 0xa1],
    // --set-mark clears the value's bits too, so that they end up set.
    ['--set-mark 0x30/0xf', 0xff, 0xf0],
    ['--set-xmark 0x30/0xf', 0xff, 0xc0],
    ['--set-xmark 0x80000000/0', 0x80000001, 1],
    ['--and-mark 0xf0', 0xffffffff, 0xf0],
    ['--or-mark 0x80000000', 1, 0x80000001],
    ['--xor-mark 0xffffffff', 0, 0xffffffff],
    ['--xor-mark 3', 5, 6],
  ])('%s', (options, before, after) => {
    const context = contextOf(packetOf(V4), { mark: before });
    targetOf(`-j MARK ${options}`).apply(context);
    expect(context.mark).toBe(after);
  });
});

describe('LOG', () => {
  it('changes nothing', () => {
    const context = contextOf(packetOf(V4), { mark: 7 });
    targetOf('-j LOG --log-prefix x').apply(context);
    expect(context.mark).toBe(7);
    expect(context.undecidedReason).toBe('');
  });
});

/** What is answered to a packet; '' for nothing. */
function answer(options: string, spec: DatagramSpec, protocol = ''): string {
  const packet = packetOf(spec);
  const target = targetOf(`${protocol} -j REJECT ${options}`.trim(), packet.family === 6 ? 6 : 4);
  return target.answer(contextOf(packet));
}

describe('REJECT with an ICMP error', () => {
  it.each([
    ['UDP', { ...V4, udp: {} }, 'icmp-port-unreachable'],
    ['TCP', { ...V4, tcp: {} }, 'icmp-port-unreachable'],
    ['a RST', { ...V4, tcp: { flags: 'R' } }, 'icmp-port-unreachable'],
    ['a ping', { ...V4, icmp: { type: 8 } }, 'icmp-port-unreachable'],
    ['an echo reply', { ...V4, icmp: { type: 0 } }, 'icmp-port-unreachable'],
    ['an unreachable', { ...V4, icmp: { type: 3 } }, ''],
    ['a redirect', { ...V4, icmp: { type: 5 } }, ''],
    ['a time exceeded', { ...V4, icmp: { type: 11 } }, ''],
    ['an unknown ICMP type', { ...V4, icmp: { type: 42 } }, ''],
    // What icmp_send does not take for a query is an error to it: seen on Linux 6.18.
    ['a router solicitation', { ...V4, icmp: { type: 10 } }, ''],
    ['an address mask request', { ...V4, icmp: { type: 17 } }, 'icmp-port-unreachable'],
    ['a first fragment', { ...V4, udp: {}, moreFragments: true }, 'icmp-port-unreachable'],
    ['a later fragment', { ...V4, protocol: 17, fragmentOffset: 8, payload: 8 }, ''],
    ['a multicast', { ...V4, destination: '224.0.0.1', udp: {} }, ''],
    ['a broadcast', { ...V4, destination: '192.0.2.255', udp: {} }, ''],
    ['all ones', { ...V4, destination: '255.255.255.255', udp: {} }, ''],
    ['UDP over IPv6', { ...V6, udp: {} }, 'icmp6-port-unreachable'],
    ['a ping over IPv6', { ...V6, icmp: { type: 128 } }, 'icmp6-port-unreachable'],
    ['an ICMPv6 error', { ...V6, icmp: { type: 1 } }, ''],
    ['an IPv6 multicast', { ...V6, destination: 'ff02::1', udp: {} }, ''],
    ['an IPv6 packet from nobody', { ...V6, source: '::', udp: {} }, ''],
    ['a later IPv6 fragment', { ...V6, protocol: 17, fragmentOffset: 8, payload: 8 }, ''],
  ])('to %s', (_, spec, sent) => {
    expect(answer('', spec)).toBe(sent);
  });

  it('of the kind that was asked for', () => {
    expect(answer('--reject-with admin-prohib', { ...V4, udp: {} })).toBe('icmp-admin-prohibited');
    expect(answer('--reject-with no-route', { ...V6, udp: {} })).toBe('icmp6-no-route');
  });

  it('not to a frame for all, though the address is one host’s', () => {
    const frame = ethernetFrame(buildDatagram({ ...V4, udp: {} }), {
      destinationMac: 'ff:ff:ff:ff:ff:ff',
    });
    const packet = viewOf(frame, { linkType: 1 });
    expect(targetOf('-j REJECT').answer(contextOf(packet))).toBe('');
  });

  it('not to a packet with a wrong checksum', () => {
    const packet = packetOf({ ...V4, udp: {} });
    packet.transportChecksum = CHECKSUM_BAD;
    expect(targetOf('-j REJECT').answer(contextOf(packet))).toBe('');
  });
});

describe('REJECT of protocols without checksum', () => {
  const unreachable = 'icmp-port-unreachable';
  const words = (...values: number[]) => values.flatMap((word) => [word >> 8, word & 255]);
  // Linux 6.18 answers where the bytes happen to sum up, or are checked by other means.
  it.each([
    ['bytes that do not sum up', { ...V4, protocol: 253, payload: 5 }, ''],
    ['bytes that sum up', { ...V4, protocol: 253, payload: words(1, 0xfffe) }, unreachable],
    ['no bytes', { ...V4, protocol: 253, payload: 0 }, unreachable],
    ['no bytes in IPv6', { ...V6, protocol: 253, payload: 0 }, ''],
    ['ESP', { ...V4, protocol: 50, payload: 20 }, unreachable],
    ['SCTP', { ...V4, protocol: 132, payload: 12 }, unreachable],
    ['UDP-Lite', { ...V4, udpLite: { checksum: 'bad' } as const }, unreachable],
    ['GRE, whatever its checksum', { ...V4, protocol: 47, payload: [0x80, 0, 8, 1] }, unreachable],
    ['DCCP', { ...V4, protocol: 33, payload: 16 }, ''],
    ['no next header', { ...V6, protocol: 59, payload: 8 }, ''],
    ['half a UDP header', { ...V4, protocol: 17, payload: 4 }, ''],
    ['half a TCP header', { ...V4, protocol: 6, payload: 19 }, ''],
  ])('%s', (_, spec, sent) => {
    expect(answer('', spec)).toBe(sent);
  });

  it('a first fragment of a good datagram does not sum up', () => {
    const whole = buildDatagram({ ...V4, udp: { payload: 40 } });
    const [first] = fragmentDatagram(whole, 24);
    const packet = viewOf(first ?? whole);
    expect(packet.moreFragments).toBe(1);
    expect(targetOf('-j REJECT').answer(contextOf(packet))).toBe('');
  });
});

describe('REJECT with a TCP reset', () => {
  const reset = (spec: DatagramSpec) => answer('--reject-with tcp-reset', spec, '-p tcp');
  it.each([
    ['SYN', { ...V4, tcp: { flags: 'S' } }, 'tcp-reset'],
    ['ACK', { ...V4, tcp: { flags: 'A' } }, 'tcp-reset'],
    ['RST', { ...V4, tcp: { flags: 'R' } }, ''],
    ['RST+ACK', { ...V4, tcp: { flags: 'RA' } }, ''],
    ['a short segment', { ...V4, protocol: 6, payload: 19 }, ''],
    ['a later fragment', { ...V4, protocol: 6, fragmentOffset: 16, payload: 24 }, ''],
    ['a multicast', { ...V4, destination: '224.0.0.1', tcp: {} }, ''],
    ['IPv6', { ...V6, tcp: {} }, 'tcp-reset'],
    ['an IPv6 RST', { ...V6, tcp: { flags: 'R' } }, ''],
    ['an IPv6 multicast', { ...V6, destination: 'ff02::1', tcp: {} }, ''],
    ['IPv6 from nobody', { ...V6, source: '::', tcp: {} }, ''],
  ])('to %s', (_, spec, sent) => {
    expect(reset(spec)).toBe(sent);
  });

  it('is for -p tcp only', () => {
    for (const protocol of ['', '-p udp ', '! -p tcp ']) {
      expect(() => targetOf(`${protocol}-j REJECT --reject-with tcp-reset`)).toThrow(
        'Invalid argument',
      );
    }
  });

  it('goes out when forwarding, too', () => {
    const context = contextOf(packetOf({ ...V4, tcp: {} }), { hook: HOOK_FORWARD });
    expect(targetOf('-p tcp -j REJECT --reject-with tcp-reset').answer(context)).toBe('tcp-reset');
  });
});
