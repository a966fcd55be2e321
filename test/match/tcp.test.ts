/** -m tcp against packets: ports, flags, options, fragments, short and cut headers. */
import { describe, expect, it } from 'vitest';
import type { TcpSpec } from '../support/packets.ts';
import { buildDatagram, packetOf, viewOf } from '../support/packets.ts';
import { say, why } from './context.ts';

const tcp = (spec: TcpSpec = {}) =>
  packetOf({ source: '198.51.100.7', destination: '192.0.2.1', tcp: spec });
const tcp6 = (spec: TcpSpec = {}) =>
  packetOf({ source: '2001:db8::7', destination: '2001:db8::1', tcp: spec });

describe('ports', () => {
  const packet = tcp({ sourcePort: 40000, destinationPort: 443 });
  it.each([
    ['', 'YES'],
    ['--dport 443', 'YES'],
    ['--dport 444', 'NO'],
    ['! --dport 443', 'NO'],
    ['! --dport 444', 'YES'],
    ['--dport 400:443', 'YES'],
    ['--dport 443:500', 'YES'],
    ['--dport 444:', 'NO'],
    ['! --dport :442', 'YES'],
    ['--sport 40000 --dport 443', 'YES'],
    ['--sport 40001 --dport 443', 'NO'],
    // Loses its condition when saved, but not in the kernel: no port is outside of all.
    ['! --dport :', 'NO'],
  ])('%s: %s', (options, result) => {
    expect(say(`-p tcp -m tcp ${options}`, packet)).toBe(result);
    expect(say(`-p tcp -m tcp ${options}`, tcp6({ sourcePort: 40000, destinationPort: 443 }))).toBe(
      result,
    );
  });

  it('are explained', () => {
    expect(why('-p tcp -m tcp --dport 8443', packet)).toBe('--dport: 443, not 8443');
    expect(why('-p tcp -m tcp --sport 1:1023', packet)).toBe('--sport: 40000, not in 1:1023');
    expect(why('-p tcp -m tcp ! --dport 443', packet)).toBe('! --dport: 443 is excluded (443)');
    expect(why('-p tcp -m tcp --dport 443', packet)).toBe('');
  });
});

describe('flags', () => {
  it.each([
    ['--syn', 'S', 'YES'],
    ['--syn', 'SA', 'NO'],
    ['--syn', 'SPUEC', 'YES'],
    ['! --syn', 'SA', 'YES'],
    ['--tcp-flags ALL NONE', '', 'YES'],
    ['--tcp-flags ALL NONE', 'EC', 'YES'],
    ['--tcp-flags ALL NONE', 'A', 'NO'],
    ['--tcp-flags ALL ALL', 'FSRPAU', 'YES'],
    ['--tcp-flags ALL ALL', 'FSRPA', 'NO'],
    ['--tcp-flags SYN,ACK FIN', 'FSA', 'NO'],
    ['--tcp-flags NONE NONE', 'SA', 'YES'],
    ['--tcp-flags NONE SYN', 'S', 'NO'],
    ['! --tcp-flags NONE SYN', 'S', 'YES'],
    ['! --tcp-flags NONE NONE', 'S', 'NO'],
  ])('%s of "%s": %s', (options, flags, result) => {
    expect(say(`-p tcp -m tcp ${options}`, tcp({ flags }))).toBe(result);
  });

  it('are explained', () => {
    expect(why('-p tcp -m tcp --syn', tcp({ flags: 'SA' }))).toBe(
      '--tcp-flags: SYN,ACK, not SYN (of FIN,SYN,RST,ACK)',
    );
  });
});

describe('options', () => {
  const syn = tcp({ flags: 'S', options: { mss: 1460, sackPermitted: true, windowScale: 7 } });
  it.each([
    ['--tcp-option 2', 'YES'],
    ['--tcp-option 3', 'YES'],
    ['--tcp-option 8', 'NO'],
    ['! --tcp-option 8', 'YES'],
    ['! --tcp-option 4', 'NO'],
  ])('%s: %s', (options, result) => {
    expect(say(`-p tcp -m tcp ${options}`, syn)).toBe(result);
  });

  it('are walked as the kernel walks them', () => {
    const walk = (kind: number, ...options: number[]) =>
      say(`-p tcp -m tcp --tcp-option ${kind}`, tcp({ options }));
    // End of options (0) is stepped over like padding (1).
    expect(walk(8, 0, 1, 8, 10)).toBe('YES');
    // A length of 0 counts as 1; a length of 1 steps onto itself.
    expect(walk(8, 5, 0, 8, 2)).toBe('YES');
    expect(walk(2, 5, 1, 2, 2)).toBe('YES');
    // What an option holds is no option.
    expect(walk(8, 5, 4, 8, 8)).toBe('NO');
    // A last kind without length ends the walk.
    expect(walk(9, 1, 1, 1, 5)).toBe('NO');
    expect(walk(5, 1, 1, 1, 5)).toBe('YES');
    expect(walk(5)).toBe('NO');
  });

  it('drop the packet when the data offset lies', () => {
    const rule = '-p tcp -m tcp --tcp-option 2';
    expect(say(rule, tcp({ dataOffset: 4 }))).toBe('HOTDROP');
    expect(say(rule, tcp({ dataOffset: 8 }))).toBe('HOTDROP');
    expect(say('-p tcp -m tcp --dport 80', tcp({ dataOffset: 4 }))).toBe('YES');
    // A condition before it that fails decides.
    expect(say('-p tcp -m tcp --dport 81 --tcp-option 2', tcp({ dataOffset: 4 }))).toBe('NO');
  });

  it('are explained', () => {
    expect(why('-p tcp -m tcp --tcp-option 8', syn)).toBe('--tcp-option: no option 8');
    expect(why('-p tcp -m tcp ! --tcp-option 2', syn)).toBe('! --tcp-option: option 2 is there');
  });
});

describe('fragments and short segments', () => {
  it('a later fragment never matches, and at offset 8 drops the packet (IPv4 only)', () => {
    const fragment = (fragmentOffset: number, family: 4 | 6) =>
      packetOf({
        source: family === 4 ? '198.51.100.7' : '2001:db8::7',
        destination: family === 4 ? '192.0.2.1' : '2001:db8::1',
        protocol: 6,
        fragmentOffset,
        payload: 24,
      });
    for (const rule of ['-p tcp -m tcp', '-p tcp -m tcp ! --dport 1']) {
      expect(say(rule, fragment(8, 4))).toBe('HOTDROP');
      expect(say(rule, fragment(16, 4))).toBe('NO');
      expect(say(rule, fragment(8, 6))).toBe('NO');
      expect(say(rule, fragment(16, 6))).toBe('NO');
    }
  });

  it('a first fragment with the whole header matches', () => {
    const packet = packetOf({
      source: '198.51.100.7',
      destination: '192.0.2.1',
      moreFragments: true,
      tcp: { destinationPort: 80, payload: 12 },
    });
    expect(say('-p tcp -m tcp --dport 80', packet)).toBe('YES');
  });

  it('a segment of less than 20 bytes drops the packet', () => {
    const short = (length: number) =>
      packetOf({ source: '198.51.100.7', destination: '192.0.2.1', protocol: 6, payload: length });
    expect(say('-p tcp -m tcp --dport 1', short(19))).toBe('HOTDROP');
    expect(say('-p tcp -m tcp', short(0))).toBe('HOTDROP');
    expect(say('-p tcp -m tcp', short(20))).toBe('YES');
  });
});

describe('cut by the snap length', () => {
  const datagram = buildDatagram({
    source: '198.51.100.7',
    destination: '192.0.2.1',
    tcp: { sourcePort: 40000, destinationPort: 443, flags: 'S', options: { mss: 1460 } },
  });
  const cut = (transport: number) => viewOf(datagram, { capturedLength: 20 + transport });

  it.each([
    [3, '--dport 443', 'UNDECIDED'],
    [3, '', 'YES'],
    [4, '--dport 443', 'YES'],
    [4, '--dport 444', 'NO'],
    [13, '--syn', 'UNDECIDED'],
    [13, '--dport 444 --syn', 'NO'],
    [14, '--syn', 'YES'],
    [14, '--tcp-option 2', 'UNDECIDED'],
    [20, '--tcp-option 2', 'UNDECIDED'],
    [21, '--tcp-option 2', 'YES'],
    [21, '--tcp-option 8', 'UNDECIDED'],
    [24, '--tcp-option 8', 'NO'],
    [13, '--syn --tcp-option 2', 'UNDECIDED'],
  ])('%i bytes, "%s": %s', (transport, options, result) => {
    expect(say(`-p tcp -m tcp ${options}`, cut(transport))).toBe(result);
  });
});
