/** -m udp, -m icmp and -m icmp6 against packets. */
import { describe, expect, it } from 'vitest';
import type { PacketView } from '../../src/packet/fields.ts';
import { buildDatagram, packetOf, viewOf } from '../support/packets.ts';
import { say, why } from './context.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1' };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1' };

describe('udp', () => {
  const packet = packetOf({ ...V4, udp: { sourcePort: 5353, destinationPort: 53 } });

  it.each([
    ['', 'YES'],
    ['--dport 53', 'YES'],
    ['--dport 54', 'NO'],
    ['! --dport 53', 'NO'],
    ['--sport 5000:6000 --dport 1:', 'YES'],
    ['--sport 6000:5000', 'NO'],
    ['! --sport 6000:5000', 'YES'],
    ['! --dport :', 'NO'],
  ])('%s: %s', (options, result) => {
    expect(say(`-p udp -m udp ${options}`, packet)).toBe(result);
  });

  it('drops what has no whole header', () => {
    const short = packetOf({ ...V4, protocol: 17, payload: 7 });
    expect(say('-p udp -m udp', short)).toBe('HOTDROP');
    expect(say('-p udp -m udp', packetOf({ ...V6, protocol: 17, payload: 7 }))).toBe('HOTDROP');
  });

  it('does not match later fragments', () => {
    const later = packetOf({ ...V4, protocol: 17, fragmentOffset: 8, payload: 8 });
    expect(say('-p udp -m udp', later)).toBe('NO');
    expect(say('-p udp -m udp ! --dport 1', later)).toBe('NO');
  });

  it('cannot tell when the ports are cut', () => {
    const cut = viewOf(buildDatagram({ ...V4, udp: {} }), { capturedLength: 22 });
    expect(say('-p udp -m udp --dport 53', cut)).toBe('UNDECIDED');
    expect(say('-p udp -m udp', cut)).toBe('YES');
    const ports = viewOf(buildDatagram({ ...V4, udp: {} }), { capturedLength: 24 });
    expect(say('-p udp -m udp --dport 53', ports)).toBe('YES');
  });

  it('explains', () => {
    expect(why('-p udp -m udp --dport 123', packet)).toBe('--dport: 53, not 123');
  });
});

function icmp(type: number, code: number): PacketView {
  return packetOf({ ...V4, icmp: { type, code, payload: 4 } });
}

describe('icmp', () => {
  it.each([
    ['echo-request', 8, 0, 'YES'],
    ['echo-request', 8, 3, 'YES'],
    ['8/0', 8, 3, 'NO'],
    ['8/0', 8, 0, 'YES'],
    ['3/1:5', 3, 5, 'YES'],
    ['3/1:5', 3, 6, 'NO'],
    ['3/5:1', 3, 3, 'NO'],
    ['host-unreachable', 3, 1, 'YES'],
    ['host-unreachable', 3, 0, 'NO'],
    ['any', 42, 7, 'YES'],
    // Type 255 is any, whatever the code.
    ['255/3', 8, 0, 'YES'],
  ])('--icmp-type %s of %i/%i: %s', (wanted, type, code, result) => {
    expect(say(`-p icmp -m icmp --icmp-type ${wanted}`, icmp(type, code))).toBe(result);
    const inverted = say(`-p icmp -m icmp ! --icmp-type ${wanted}`, icmp(type, code));
    expect(inverted).toBe(result === 'YES' ? 'NO' : 'YES');
  });

  it('drops a message of less than eight bytes', () => {
    const short = (length: number) => packetOf({ ...V4, protocol: 1, payload: length });
    expect(say('-p icmp -m icmp --icmp-type any', short(7))).toBe('HOTDROP');
    expect(say('-p icmp -m icmp --icmp-type any', short(8))).toBe('YES');
  });

  it('decides from as much of a cut header as there is', () => {
    const cut = (length: number) =>
      viewOf(buildDatagram({ ...V4, icmp: { type: 8, payload: 8 } }), {
        capturedLength: 20 + length,
      });
    expect(say('-p icmp -m icmp --icmp-type 8', cut(0))).toBe('UNDECIDED');
    expect(say('-p icmp -m icmp --icmp-type any', cut(0))).toBe('YES');
    expect(say('-p icmp -m icmp --icmp-type 8', cut(2))).toBe('YES');
    expect(say('-p icmp -m icmp --icmp-type 0', cut(2))).toBe('NO');
  });

  it('explains', () => {
    expect(why('-p icmp -m icmp --icmp-type 0', icmp(8, 0))).toBe(
      '--icmp-type: 8/0 (echo-request), not echo-reply',
    );
    expect(why('-p icmp -m icmp --icmp-type 3/1:5', icmp(3, 9))).toBe(
      '--icmp-type: 3/9 (network-prohibited), not 3/1-5',
    );
  });
});

describe('icmp6', () => {
  const ping = packetOf({ ...V6, icmp: { type: 128 } });

  it('has no type for all', () => {
    expect(say('-p icmpv6 -m icmp6 --icmpv6-type echo-request', ping)).toBe('YES');
    expect(say('-p icmpv6 -m icmp6 --icmpv6-type 255', ping)).toBe('NO');
    expect(say('-p icmpv6 -m icmp6 ! --icmpv6-type 255', ping)).toBe('YES');
    expect(say('-p icmpv6 -m icmp6 --icmpv6-type no-route', ping)).toBe('NO');
  });

  it('drops a message of less than eight bytes, but not a later fragment', () => {
    const short = packetOf({ ...V6, protocol: 58, payload: 4 });
    expect(say('-p icmpv6 -m icmp6 --icmpv6-type 128', short)).toBe('HOTDROP');
    const later = packetOf({ ...V6, protocol: 58, fragmentOffset: 8, payload: 8 });
    expect(say('-p icmpv6 -m icmp6 ! --icmpv6-type 1', later)).toBe('NO');
  });
});
