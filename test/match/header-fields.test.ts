/** Matches on single fields: multiport, length, ttl, hl, iprange, mark, comment. */
import { describe, expect, it } from 'vitest';
import { buildDatagram, packetOf, viewOf } from '../support/packets.ts';
import { matchOf, say, why } from './context.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1' };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1' };

describe('multiport', () => {
  const packet = packetOf({ ...V4, tcp: { sourcePort: 22, destinationPort: 8080 } });
  it.each([
    ['--dports 22,80', 'NO'],
    ['--dports 22,8080', 'YES'],
    ['--dports 22,8000:9000', 'YES'],
    ['! --dports 22,8000:9000', 'NO'],
    ['--sports 22', 'YES'],
    ['--sports 8080', 'NO'],
    ['--ports 22', 'YES'],
    ['--ports 8080', 'YES'],
    ['--ports 23:8079', 'NO'],
    ['! --ports 8080', 'NO'],
  ])('%s: %s', (options, result) => {
    expect(say(`-p tcp -m multiport ${options}`, packet)).toBe(result);
  });

  it('reads the ports of SCTP and UDP-Lite too', () => {
    const sctp = packetOf({ ...V4, sctp: { destinationPort: 2905 } });
    expect(say('-p sctp -m multiport --dports 2905', sctp)).toBe('YES');
    const lite = packetOf({ ...V6, udpLite: { destinationPort: 53 } });
    expect(say('-p udplite -m multiport --dports 53', lite)).toBe('YES');
  });

  it('needs four bytes, and a first fragment', () => {
    const short = (length: number) => packetOf({ ...V4, protocol: 6, payload: length });
    expect(say('-p tcp -m multiport --dports 1', short(3))).toBe('HOTDROP');
    expect(say('-p tcp -m multiport --dports 515', short(4))).toBe('YES');
    const later = packetOf({ ...V4, protocol: 6, fragmentOffset: 8, payload: 24 });
    expect(say('-p tcp -m multiport --dports 1', later)).toBe('NO');
    expect(say('-p tcp -m multiport ! --dports 1', later)).toBe('NO');
    const cut = viewOf(buildDatagram({ ...V4, tcp: {} }), { capturedLength: 22 });
    expect(say('-p tcp -m multiport --dports 80', cut)).toBe('UNDECIDED');
  });

  it('needs -p before it', () => {
    expect(() => matchOf('-m multiport --dports 22')).toThrow("multiport needs `-p tcp'");
    expect(() => matchOf('-p icmp -m multiport --dports 22')).toThrow('multiport only works');
  });

  it('explains', () => {
    expect(why('-p tcp -m multiport --dports 80,443', packet)).toBe(
      '--dports: 8080, not in 80,443',
    );
    expect(why('-p tcp -m multiport --ports 1', packet)).toBe('--ports: 22 and 8080, not in 1');
  });
});

describe('length', () => {
  it('is that of the header, whatever was captured', () => {
    const datagram = buildDatagram({ ...V4, udp: { payload: 100 } });
    for (const capturedLength of [datagram.length, 28]) {
      const packet = viewOf(datagram, { capturedLength });
      expect(say('-m length --length 128', packet)).toBe('YES');
      expect(say('-m length --length 129:', packet)).toBe('NO');
      expect(say('-m length ! --length :127', packet)).toBe('YES');
    }
    const six = packetOf({ ...V6, udp: { payload: 100 } });
    expect(say('-m length --length 148', six)).toBe('YES');
  });

  it('of more than 65535 bytes is in no range: seen on Linux 6.18 (reassembled IPv6)', () => {
    const packet = packetOf({ ...V6, udp: {} });
    packet.totalLength = 65575;
    expect(say('-m length --length :', packet)).toBe('NO');
    expect(say('-m length --length 39', packet)).toBe('NO');
    expect(say('-m length ! --length :', packet)).toBe('YES');
  });

  it('never is in a reversed range', () => {
    const packet = packetOf({ ...V4, udp: {} });
    expect(say('-m length --length 100:20', packet)).toBe('NO');
    expect(say('-m length ! --length 100:20', packet)).toBe('YES');
  });

  it('explains', () => {
    const packet = packetOf({ ...V4, udp: {} });
    expect(why('-m length --length 100:', packet)).toBe('--length: 28, not in 100:65535');
  });
});

describe('ttl and hl', () => {
  it.each([
    ['eq 64', 64, 'YES'],
    ['eq 64', 63, 'NO'],
    ['lt 64', 63, 'YES'],
    ['lt 64', 64, 'NO'],
    ['gt 64', 64, 'NO'],
    ['gt 64', 65, 'YES'],
    ['lt 0', 0, 'NO'],
    ['gt 255', 255, 'NO'],
  ])('-%s of %i: %s', (option, ttl, result) => {
    expect(say(`-m ttl --ttl-${option}`, packetOf({ ...V4, ttl }))).toBe(result);
    expect(say(`-m hl --hl-${option}`, packetOf({ ...V6, ttl }))).toBe(result);
  });

  it('may be inverted', () => {
    expect(say('-m ttl ! --ttl-eq 64', packetOf({ ...V4, ttl: 64 }))).toBe('NO');
    expect(say('-m hl ! --hl-eq 64', packetOf({ ...V6, ttl: 1 }))).toBe('YES');
  });

  it('explain', () => {
    expect(why('-m ttl --ttl-gt 64', packetOf({ ...V4, ttl: 64 }))).toBe('--ttl-gt: 64, not > 64');
  });
});

describe('iprange', () => {
  it.each([
    ['--src-range 198.51.100.7', 'YES'],
    ['--src-range 198.51.100.8-255.255.255.255', 'NO'],
    // Addresses from 128.0.0.0 on are not negative.
    ['--src-range 1.0.0.0-200.0.0.0', 'YES'],
    ['! --src-range 1.0.0.0-200.0.0.0', 'NO'],
    ['--src-range 127.255.255.255-128.0.0.0', 'NO'],
    ['--dst-range 192.0.2.0-192.0.2.1', 'YES'],
    ['--src-range 198.51.100.7 ! --dst-range 192.0.2.1', 'NO'],
    ['--src-range 200.0.0.0-100.0.0.0', 'NO'],
  ])('%s: %s', (options, result) => {
    expect(say(`-m iprange ${options}`, packetOf(V4))).toBe(result);
  });

  it.each([
    ['--src-range 2001:db8::-2001:db8::ffff', 'YES'],
    ['--src-range ::-2001:db8::6', 'NO'],
    ['--src-range 2001:db7::ffff-2001:db8::7', 'YES'],
    ['--src-range 2001:db8::8-ffff::', 'NO'],
    ['! --dst-range 7fff::-8000::', 'YES'],
    ['--dst-range ::-ffff::', 'YES'],
  ])('%s: %s', (options, result) => {
    expect(say(`-m iprange ${options}`, packetOf(V6))).toBe(result);
  });

  it('explains', () => {
    expect(why('-m iprange --src-range 10.0.0.1-10.0.0.9 --dst-range 1.1.1.1', packetOf(V4))).toBe(
      '--src-range: 198.51.100.7, not in 10.0.0.1-10.0.0.9; --dst-range: 192.0.2.1, not in 1.1.1.1-1.1.1.1',
    );
  });
});

describe('mark', () => {
  it.each([
    ['0', 0, 'YES'],
    ['1', 0, 'NO'],
    ['0xffffffff', 0xffffffff, 'YES'],
    ['0x80000000/0x80000000', 0x80000001, 'YES'],
    ['1/3', 5, 'YES'],
    // A value with bits outside of its mask never is.
    ['0x10/0xf', 0x10, 'NO'],
    ['1/0', 1, 'NO'],
    ['0/0', 7, 'YES'],
  ])('--mark %s of %i: %s', (wanted, mark, result) => {
    expect(say(`-m mark --mark ${wanted}`, packetOf(V4), { mark })).toBe(result);
    expect(say(`-m mark ! --mark ${wanted}`, packetOf(V4), { mark })).toBe(
      result === 'YES' ? 'NO' : 'YES',
    );
  });
});

describe('comment', () => {
  it('always matches', () => {
    expect(say('-m comment --comment "! -j DROP"', packetOf(V4))).toBe('YES');
  });

  it('is cut to 255 bytes, between characters', () => {
    expect(matchOf(`-m comment --comment ${'x'.repeat(300)}`).text).toBe(
      `-m comment --comment ${'x'.repeat(255)}`,
    );
    expect(matchOf(`-m comment --comment ${'x'.repeat(254)}é`).list(true)).toBe(
      `/* ${'x'.repeat(254)} */`,
    );
  });
});
