/** Matches on what is beside the IP header: mac, pkttype, addrtype. */
import { describe, expect, it } from 'vitest';
import type { PacketContext } from '../../src/match/definition.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import {
  HOOK_FORWARD,
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from '../../src/ruleset/types.ts';
import type { DatagramSpec, EthernetSpec } from '../support/packets.ts';
import { buildDatagram, ethernetFrame, packetOf, viewOf } from '../support/packets.ts';
import { matchOf, say, why } from './context.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1', udp: {} };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1', udp: {} };

function ethernet(spec: DatagramSpec, frame: EthernetSpec = {}): PacketView {
  return viewOf(ethernetFrame(buildDatagram(spec), frame), { linkType: 1 });
}

/** A frame of a Linux cooked capture: packet type, hardware type, source address. */
function cooked(spec: DatagramSpec, packetType: number, hardware: number): PacketView {
  const header = [0, packetType, hardware >> 8, hardware & 255, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
  const type = spec.source.includes(':') ? [0x86, 0xdd] : [8, 0];
  return viewOf(Uint8Array.from([...header, ...type, ...buildDatagram(spec)]), { linkType: 113 });
}

describe('mac', () => {
  const rule = '-m mac --mac-source 02:00:00:00:00:01';
  it.each([
    ['Ethernet', ethernet(V4), 'YES', 'NO'],
    ['Ethernet, IPv6', ethernet(V6), 'YES', 'NO'],
    ['another address', ethernet(V4, { sourceMac: '02:00:00:00:00:07' }), 'NO', 'YES'],
    ['a VLAN', ethernet(V4, { vlans: [5, [7, 0x88a8]] }), 'YES', 'NO'],
    ['cooked, from Ethernet', cooked(V4, 0, 1), 'YES', 'NO'],
    // Neither form holds where there is no Ethernet header.
    ['cooked, from loopback', cooked(V4, 0, 772), 'NO', 'NO'],
    ['cooked, from PPP', cooked(V4, 0, 512), 'NO', 'NO'],
    ['raw IP', packetOf(V4), 'UNDECIDED', 'UNDECIDED'],
  ])('of %s', (_, packet, result, inverted) => {
    expect(say(rule, packet)).toBe(result);
    expect(say(rule.replace('--', '! --'), packet)).toBe(inverted);
  });

  it('of a PPPoE session is none', () => {
    const datagram = buildDatagram(V4);
    const session = [0x11, 0, 0, 1, 0, datagram.length + 2, 0, 0x21];
    const frame = ethernetFrame(Uint8Array.from([...session, ...datagram]), { etherType: 0x8864 });
    expect(say(rule, viewOf(frame, { linkType: 1 }))).toBe('NO');
  });

  it('of loopback is none, whatever the capture has', () => {
    expect(say(rule, ethernet(V4), { inInterface: 'lo' })).toBe('NO');
  });

  it('stands only where packets arrive', () => {
    expect(matchOf(rule).hooks).toEqual(['PREROUTING', 'INPUT', 'FORWARD']);
  });

  it('explains', () => {
    expect(why('-m mac --mac-source 0:0:0:0:0:9', ethernet(V4))).toBe(
      '--mac-source: 02:00:00:00:00:01, not 00:00:00:00:00:09',
    );
    expect(why(rule, cooked(V4, 0, 512))).toBe('--mac-source: not an Ethernet interface');
  });
});

describe('pkttype', () => {
  const types = (packet: PacketView, more: Partial<PacketContext> = {}) =>
    ['unicast', 'broadcast', 'multicast', 'otherhost']
      .filter((type) => say(`-m pkttype --pkt-type ${type}`, packet, more) !== 'NO')
      .map((type) => [type, say(`-m pkttype --pkt-type ${type}`, packet, more)].join(' '));
  const toAll = { ...V4, destination: '192.0.2.255' };
  const toGroup = { ...V4, destination: '224.0.0.1' };

  it('is for whom the frame is', () => {
    expect(types(ethernet(V4))).toEqual(['unicast YES']);
    const broadcast = ethernet(toAll, { destinationMac: 'ff:ff:ff:ff:ff:ff' });
    expect(types(broadcast)).toEqual(['broadcast YES']);
    const group = ethernet(toGroup, { destinationMac: '01:00:5e:00:00:01' });
    expect(types(group)).toEqual(['multicast YES']);
    expect(types(group, { hook: HOOK_PREROUTING })).toEqual(['multicast YES']);
    // The frame counts, not the address in it: seen on Linux 6.18.
    expect(types(ethernet(toAll))).toEqual(['unicast YES']);
    expect(types(ethernet(V4, { destinationMac: 'ff:ff:ff:ff:ff:ff' }))).toEqual(['broadcast YES']);
  });

  it('is unicast for what is sent or forwarded', () => {
    const group = ethernet(toGroup, { destinationMac: '01:00:5e:00:00:01' });
    for (const hook of [HOOK_OUTPUT, HOOK_POSTROUTING, HOOK_FORWARD]) {
      expect(types(group, { hook })).toEqual(['unicast YES']);
    }
    expect(types(cooked(V4, 4, 1), { hook: HOOK_OUTPUT })).toEqual(['unicast YES']);
  });

  it('comes from a cooked header', () => {
    expect(types(cooked(V4, 0, 1))).toEqual(['unicast YES']);
    expect(types(cooked(toAll, 1, 1))).toEqual(['broadcast YES']);
    expect(types(cooked(toGroup, 2, 1))).toEqual(['multicast YES']);
  });

  it('is lost with the link layer, for what goes to many', () => {
    expect(types(packetOf(V4))).toEqual(['unicast YES']);
    const unknown = ['unicast UNDECIDED', 'broadcast UNDECIDED', 'multicast UNDECIDED'];
    expect(types(packetOf(toAll))).toEqual(unknown);
    expect(types(packetOf({ ...V4, destination: '255.255.255.255' }))).toEqual(unknown);
    expect(types(packetOf(toGroup))).toEqual(unknown);
    expect(types(packetOf({ ...V6, destination: 'ff02::1' }))).toEqual(unknown);
    expect(say('-m pkttype ! --pkt-type otherhost', packetOf(toGroup))).toBe('YES');
  });

  it('on loopback is what the address says', () => {
    expect(types(packetOf(V4), { inInterface: 'lo' })).toEqual(['unicast YES']);
    expect(types(packetOf(toGroup), { inInterface: 'lo' })).toEqual(['multicast YES']);
  });

  it('explains', () => {
    expect(why('-m pkttype --pkt-type broadcast', ethernet(V4))).toBe(
      '--pkt-type: unicast, not broadcast',
    );
  });
});

describe('addrtype of IPv4', () => {
  const to = (destination: string) => packetOf({ ...V4, destination });
  it.each([
    ['192.0.2.1', 'LOCAL'],
    ['127.0.0.1', 'LOCAL'],
    ['192.0.2.2', 'UNICAST'],
    ['203.0.113.1', 'UNICAST'],
    ['192.0.2.255', 'BROADCAST'],
    ['255.255.255.255', 'BROADCAST'],
    ['0.0.0.0', 'BROADCAST'],
    ['224.0.0.251', 'MULTICAST'],
  ])('%s is %s', (address, type) => {
    for (const each of ['UNICAST', 'LOCAL', 'BROADCAST', 'MULTICAST', 'UNSPEC', 'ANYCAST']) {
      const result = each === type ? 'YES' : 'NO';
      expect(say(`-m addrtype --dst-type ${each}`, to(address))).toBe(result);
      expect(say(`-m addrtype ! --dst-type ${each}`, to(address))).not.toBe(result);
    }
  });

  it('is any of those named', () => {
    expect(say('-m addrtype --dst-type LOCAL,BROADCAST', to('192.0.2.255'))).toBe('YES');
    expect(say('-m addrtype ! --dst-type LOCAL,BROADCAST', to('192.0.2.255'))).toBe('NO');
    expect(say('-m addrtype --src-type UNICAST --dst-type LOCAL', to('192.0.2.1'))).toBe('YES');
    expect(say('-m addrtype --src-type LOCAL --dst-type LOCAL', to('192.0.2.1'))).toBe('NO');
  });

  it('looks at one interface only with a limit', () => {
    const rule = '-m addrtype --dst-type LOCAL --limit-iface-in';
    expect(say(rule, to('192.0.2.1'), { inInterface: 'eth0' })).toBe('YES');
    expect(say(rule, to('192.0.2.1'), { inInterface: 'lo' })).toBe('NO');
    expect(say(rule, to('127.0.0.1'), { inInterface: 'lo' })).toBe('YES');
    expect(matchOf(rule).hooks).toEqual(['PREROUTING', 'INPUT', 'FORWARD']);
    const out = '-m addrtype --src-type LOCAL --limit-iface-out';
    const sent = packetOf({ ...V4, source: '192.0.2.1' });
    expect(say(out, sent, { hook: HOOK_OUTPUT, outInterface: 'eth0' })).toBe('YES');
    expect(say(out, sent, { hook: HOOK_OUTPUT, outInterface: 'lo' })).toBe('NO');
    expect(matchOf(out).hooks).toEqual(['FORWARD', 'OUTPUT', 'POSTROUTING']);
    expect(matchOf('-m addrtype --src-type LOCAL').hooks).toBeUndefined();
  });

  it('explains', () => {
    expect(why('-m addrtype --dst-type BROADCAST,MULTICAST', to('192.0.2.1'))).toBe(
      '--dst-type: 192.0.2.1 is LOCAL, not BROADCAST,MULTICAST',
    );
  });
});

describe('addrtype of IPv6', () => {
  const to = (destination: string) => packetOf({ ...V6, destination });
  it.each([
    ['LOCAL', '2001:db8::1', 'YES'],
    ['LOCAL', '::1', 'YES'],
    ['LOCAL', '2001:db8::2', 'NO'],
    ['UNICAST', '2001:db8::2', 'YES'],
    // A local address is a unicast one too.
    ['UNICAST', '2001:db8::1', 'YES'],
    ['UNICAST,LOCAL', '2001:db8::1', 'YES'],
    // UNICAST and MULTICAST must each hold when named; LOCAL, ANYCAST, UNREACHABLE are alternatives.
    ['UNICAST,LOCAL', '2001:db8::2', 'NO'],
    ['UNICAST,MULTICAST', 'ff02::1', 'NO'],
    ['MULTICAST', 'ff02::1', 'YES'],
    ['UNSPEC', '::', 'YES'],
    ['UNSPEC', '::1', 'NO'],
    ['UNICAST', '::', 'NO'],
    ['UNICAST', '::ffff:192.0.2.1', 'NO'],
  ])('%s of %s: %s', (types, address, result) => {
    const context = { hook: HOOK_INPUT };
    expect(say(`-m addrtype --dst-type ${types}`, to(address), context)).toBe(result);
    expect(say(`-m addrtype ! --dst-type ${types}`, to(address), context)).not.toBe(result);
  });
});
