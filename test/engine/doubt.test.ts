/**
 * What an undecided packet leaves behind: whatever it may have changed is not decided from then on,
 * and whatever it may have counted is uncertain.
 */
import { describe, expect, test } from 'vitest';
import {
  buildDatagram,
  type DatagramSpec,
  type FrameSpec,
  fragmentDatagram,
  packetOf,
  viewOf,
} from '../support/packets.ts';
import { emptyTables, hostOf } from './hosts.ts';

const PEER = '192.0.2.9';
const OTHER = '192.0.2.8';
const HOST = '192.0.2.1';
const NOT_NEW = '-A INPUT -m conntrack --ctstate NEW -j DROP';

function udp(source: string, destination: string, frame: FrameSpec = {}) {
  const ports = { sourcePort: 1000, destinationPort: 53, payload: 4 };
  return packetOf({ source, destination, udp: ports }, frame);
}

function tcp(flags: string, back = false, more: Partial<DatagramSpec> = {}, timeSeconds?: number) {
  const [source, destination] = back ? [HOST, PEER] : [PEER, HOST];
  const [sourcePort, destinationPort] = back ? [80, 4000] : [4000, 80];
  const sequence = (back ? 7000 : 1000) + (flags.includes('S') ? 0 : 1);
  const acknowledgement = flags.includes('A') ? (back ? 1001 : 7001) : 0;
  return packetOf(
    {
      source,
      destination,
      tcp: { flags, sourcePort, destinationPort, sequence, acknowledgement },
      ...more,
    },
    timeSeconds === undefined ? {} : { timeSeconds },
  );
}

/** Filter rules, and one of the raw table that needs a MAC address, which these packets lack. */
function withMac(condition: string, ...filter: readonly string[]): string {
  const rule = `-A PREROUTING ${condition} -m mac --mac-source 02:00:00:00:00:01 -j DROP`;
  return `*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n${rule}\nCOMMIT\n${emptyTables(false, ...filter).replace(/^\*raw[^*]*/, '')}`;
}

describe('an IP header that is cut', () => {
  test('may have begun or changed any connection of its family', () => {
    const host = hostOf(emptyTables(true, NOT_NEW));
    expect(host.send(udp(PEER, HOST))).toBe('DROP NEW INPUT');
    expect(host.send(udp(PEER, HOST, { number: 2, capturedLength: 12 }))).toMatch(/^UNDECIDED/);
    expect(host.send(udp(PEER, HOST))).toBe(
      'UNDECIDED ? INPUT (packet 2 may be of its connection, but is cut by the snap length)',
    );
    expect(host.send(udp('2001:db8::9', '2001:db8::1'))).toBe('DROP NEW INPUT');
    // A UDP entry lives 120 seconds at most.
    expect(host.send(udp(OTHER, HOST, { timeSeconds: 1_700_000_121 }))).toBe('DROP NEW INPUT');
  });

  test('may have counted everywhere, and used up limits', () => {
    const limited = '-A INPUT -m limit --limit 1/hour --limit-burst 1 -j ACCEPT';
    const host = hostOf(emptyTables(false, limited));
    host.send(udp(PEER, HOST, { number: 1, capturedLength: 12 }));
    expect(host.send(udp(PEER, HOST))).toBe(
      'UNDECIDED INPUT (the state of this match rests on packet 1, which is undecided)',
    );
    expect(host.counters()).toContain('filter FORWARD [0:0]+1?');
    expect(host.counters()).toContain('filter INPUT 1 [0:0]+2?');
    expect(host.counters(6)).not.toContain('filter FORWARD [0:0]+1?');
  });

  test('may have been the missing fragment', () => {
    const host = hostOf(emptyTables(false));
    const [first = new Uint8Array(), last = new Uint8Array()] = fragmentDatagram(
      buildDatagram({ source: PEER, destination: HOST, udp: { payload: 24 } }),
      16,
    );
    expect(host.send(viewOf(first))).toMatch(/^QUEUED/);
    host.send(viewOf(last, { capturedLength: 12 }));
    expect(host.send(viewOf(last))).toMatch(/^UNDECIDED/);
  });
});

describe('ports that are cut', () => {
  test('leave all between the same addresses in doubt, and nat', () => {
    const host = hostOf(emptyTables(true, NOT_NEW));
    expect(host.send(udp(PEER, HOST, { number: 1, capturedLength: 22 }))).toMatch(/^UNDECIDED/);
    expect(host.counters()).toContain('nat PREROUTING [0:0]+1?');
    expect(host.send(udp(PEER, HOST))).toMatch(/^UNDECIDED \? INPUT \(packet 1 may be of its/);
    expect(host.send(udp(OTHER, HOST))).toBe('DROP NEW INPUT');
  });
});

describe('an undecided packet', () => {
  const begin = (host: ReturnType<typeof hostOf>): void => {
    for (const packet of [tcp('S'), tcp('SA', true), tcp('A')]) host.send(packet);
  };
  const established = '-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT';

  test('that may have closed a connection before conntrack: it lives on, or not', () => {
    const host = hostOf(withMac('-p tcp --tcp-flags RST RST', established));
    begin(host);
    expect(host.send(tcp('A'))).toBe('ACCEPT ESTABLISHED INPUT');
    expect(host.send(tcp('RA'))).toMatch(/^UNDECIDED/);
    // With the reset the entry is gone by now.
    expect(host.send(tcp('A', false, {}, 1_700_000_060))).toMatch(/^UNDECIDED/);
  });

  test('that may have ended one that nobody answered yet', () => {
    const answered = '-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT';
    const host = hostOf(withMac('-p tcp --tcp-flags RST RST', answered));
    host.send(tcp('S'));
    expect(host.send(tcp('R'))).toMatch(/^UNDECIDED/);
    expect(host.send(tcp('SA', true))).toMatch(/^UNDECIDED/);
  });

  test('that a rule may have answered with a reset', () => {
    const reset = '-p tcp -m ttl --ttl-eq 9 -m mac --mac-source 02:00:00:00:00:01';
    const host = hostOf(
      emptyTables(true, `-A INPUT ${reset} -j REJECT --reject-with tcp-reset`, established),
      undefined,
      { families: [4] },
    );
    begin(host);
    expect(host.send(tcp('A'))).toBe('ACCEPT ESTABLISHED INPUT');
    expect(host.send(tcp('A', false, { ttl: 9 }))).toMatch(/^UNDECIDED/);
    expect(host.send(tcp('A'))).toBe(
      'UNDECIDED ? INPUT (its connection rests on packet 5, which is undecided)',
    );
  });

  test('an ICMP error about its connection is related, or invalid', () => {
    const related = '-A OUTPUT -m conntrack --ctstate RELATED -j ACCEPT';
    const host = hostOf(withMac('-p udp', related));
    const quoted = { source: PEER, destination: HOST, udp: { sourcePort: 1000 } };
    expect(host.send(packetOf(quoted))).toMatch(/^UNDECIDED/);
    const icmp = { type: 3, code: 3, rest: 0, payload: buildDatagram(quoted) };
    expect(host.send(packetOf({ source: HOST, destination: PEER, icmp }))).toMatch(/^UNDECIDED/);
  });

  test('an ICMP error about a connection whose TCP header is cut, likewise', () => {
    const related = '-A OUTPUT -m conntrack --ctstate RELATED -j DROP';
    const host = hostOf(emptyTables(true, related));
    const quoted = { source: PEER, destination: HOST, tcp: { flags: 'S' } };
    expect(host.send(packetOf(quoted, { capturedLength: 28 }))).toBe('ACCEPT ? INPUT');
    const icmp = { type: 3, code: 3, rest: 0, payload: buildDatagram(quoted) };
    expect(host.send(packetOf({ source: HOST, destination: PEER, icmp }))).toMatch(/^UNDECIDED/);
  });

  test('a fragment: its datagram may become whole, or not', () => {
    const host = hostOf(withMac('! -f', '-A INPUT -p udp -j DROP'), undefined, { families: [4] });
    const [first = new Uint8Array(), last = new Uint8Array()] = fragmentDatagram(
      buildDatagram({ source: PEER, destination: HOST, udp: { payload: 24 } }),
      16,
    );
    expect(host.send(viewOf(first))).toMatch(/^UNDECIDED/);
    expect(host.send(viewOf(last))).toMatch(/^UNDECIDED/);
    expect(host.counters().filter((line) => line.includes('filter INPUT 1'))).toEqual([
      'filter INPUT 1 [0:0]+2?',
    ]);
  });

  test('over loopback: its entry is confirmed by the way, or not', () => {
    const host = hostOf(
      emptyTables(
        true,
        '-A INPUT -m conntrack --ctstatus CONFIRMED -j DROP',
        // Not known of a new connection.
        '-A OUTPUT -m conntrack --ctexpire 10:20 -j ACCEPT',
      ),
    );
    expect(host.send(udp(HOST, HOST))).toMatch(/^UNDECIDED NEW/);
    expect(host.counters()).toContain('filter INPUT 1 [0:0]+1?');
  });
});

test('fragments of one interface in two files', () => {
  const host = hostOf(emptyTables(true));
  const [first = new Uint8Array(), last = new Uint8Array()] = fragmentDatagram(
    buildDatagram({ source: '2001:db8::9', destination: '2001:db8::1', udp: { payload: 24 } }),
    16,
  );
  expect(host.send(viewOf(first, { interfaceId: 0 }))).toMatch(/^QUEUED/);
  expect(host.send(viewOf(last, { interfaceId: 1 }))).toBe('ACCEPT NEW INPUT');
});
