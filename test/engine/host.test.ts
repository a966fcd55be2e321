/**
 * The way of packets through hooks and tables, and what conntrack makes of it. What the kernel does
 * was seen on Linux 6.18; test/kernel asks it again.
 */
import { describe, expect, test } from 'vitest';
import {
  buildDatagram,
  type DatagramSpec,
  fragmentDatagram,
  packetOf,
  viewOf,
} from '../support/packets.ts';
import { emptyTables, hostOf, ROUTER } from './hosts.ts';

const udp = (source: string, destination: string, more: Partial<DatagramSpec> = {}) =>
  packetOf({ source, destination, udp: { sourcePort: 1000, destinationPort: 53 }, ...more });
const back = (source: string, destination: string) =>
  packetOf({ source, destination, udp: { sourcePort: 53, destinationPort: 1000 } });
const PEER = '192.0.2.9';
const HOST = '192.0.2.1';

/** Chains that counted, without counters. */
const chains = (counters: readonly string[]): string[] =>
  counters.map((line) => line.replace(/ \[.*/, ''));

describe('hooks in order, nat for the first packet only', () => {
  test('arriving', () => {
    const host = hostOf(emptyTables(true));
    expect(host.send(udp(PEER, HOST))).toBe('ACCEPT NEW INPUT');
    expect(chains(host.counters())).toEqual([
      'raw PREROUTING',
      'mangle PREROUTING',
      'mangle INPUT',
      'nat PREROUTING',
      'nat INPUT',
      'filter INPUT',
      'security INPUT',
    ]);
    expect(host.send(udp(PEER, HOST))).toBe('ACCEPT NEW INPUT');
    expect(host.counters().filter((line) => line.startsWith('nat'))).toEqual([
      'nat PREROUTING [1:28]',
      'nat INPUT [1:28]',
    ]);
    expect(host.counters()).toContain('filter INPUT [2:56]');
  });

  test('sent', () => {
    const host = hostOf(emptyTables(true));
    expect(host.send(udp(HOST, PEER))).toBe('ACCEPT NEW OUTPUT');
    expect(chains(host.counters())).toEqual([
      'raw OUTPUT',
      'mangle OUTPUT',
      'mangle POSTROUTING',
      'nat OUTPUT',
      'nat POSTROUTING',
      'filter OUTPUT',
      'security OUTPUT',
    ]);
    expect(host.send(back(PEER, HOST))).toBe('ACCEPT ESTABLISHED INPUT');
  });

  test('forwarded', () => {
    const host = hostOf(emptyTables(true), ROUTER);
    expect(host.send(udp(PEER, '203.0.113.9'))).toBe('ACCEPT NEW FORWARD');
    expect(chains(host.counters())).toEqual([
      'raw PREROUTING',
      'mangle PREROUTING',
      'mangle FORWARD',
      'mangle POSTROUTING',
      'nat PREROUTING',
      'nat POSTROUTING',
      'filter FORWARD',
      'security FORWARD',
    ]);
  });

  test('dropped by routing', () => {
    const host = hostOf(emptyTables(true), ROUTER);
    expect(host.send(udp(PEER, '203.0.113.9', { ttl: 1 }))).toBe(
      'UNROUTED NEW PREROUTING (TTL expires here)',
    );
    expect(chains(host.counters())).toEqual([
      'raw PREROUTING',
      'mangle PREROUTING',
      'nat PREROUTING',
    ]);
    // It never was confirmed.
    expect(host.send(back('203.0.113.9', PEER))).toBe('ACCEPT NEW FORWARD');
  });

  test('without a rule that reads it, nothing is tracked, and nat sees nothing', () => {
    const host = hostOf(emptyTables(false));
    expect(host.send(udp(PEER, HOST))).toBe('ACCEPT INPUT');
    expect(chains(host.counters())).not.toContain('nat PREROUTING');
  });

  test('FORWARD sees one TTL less than PREROUTING', () => {
    const rules = [
      '*mangle\n:PREROUTING ACCEPT\n:FORWARD ACCEPT\n:POSTROUTING ACCEPT',
      '-A PREROUTING -m ttl --ttl-eq 64',
      '-A FORWARD -m ttl --ttl-eq 63',
      '-A POSTROUTING -m ttl --ttl-eq 63\nCOMMIT\n',
    ].join('\n');
    const arrives = hostOf(rules, ROUTER, { families: [4] });
    arrives.send(udp(PEER, '203.0.113.9'));
    expect(arrives.counters()).toContain('mangle PREROUTING 1 [1:28]');
    expect(arrives.counters()).toContain('mangle FORWARD 1 [1:28]');
    expect(arrives.counters()).toContain('mangle POSTROUTING 1 [1:28]');
  });
});

describe('loopback', () => {
  const rules = (input: string): string =>
    [
      '*raw\n:PREROUTING ACCEPT\n-A PREROUTING -m conntrack --ctstate NEW\nCOMMIT',
      '*mangle\n:OUTPUT ACCEPT\n:PREROUTING ACCEPT',
      '-A OUTPUT -j MARK --set-mark 7\n-A PREROUTING -i lo -m mark --mark 7\nCOMMIT',
      `*filter\n:INPUT ${input}\n:OUTPUT ACCEPT\nCOMMIT\n`,
    ].join('\n');

  test('mark and ctstate go with the packet', () => {
    const host = hostOf(rules('ACCEPT'));
    expect(host.send(udp('127.0.0.1', '127.0.0.1'))).toBe('ACCEPT NEW LOOPBACK');
    expect(host.counters()).toContain('raw PREROUTING 1 [1:28]');
    expect(host.counters()).toContain('mangle PREROUTING 1 [1:28]');
  });

  test('a header that no host takes is lost as the packet comes back', () => {
    const host = hostOf(rules('ACCEPT'));
    const source = { ipOptions: [0x83, 7, 4, 127, 0, 0, 1] };
    expect(host.send(udp('127.0.0.1', '127.0.0.1', source))).toBe(
      'UNROUTED NEW LOOPBACK (IPv4 source route option (accept_source_route is off))',
    );
    expect(host.counters()).toContain('mangle PREROUTING 1 [1:36]');
    const extensionHeaders = [{ type: 0, body: [0x5e, 4, 0, 0, 0, 0] }];
    expect(host.send(udp('::1', '::1', { extensionHeaders }))).toBe(
      'UNROUTED NEW LOOPBACK (IPv6 hop-by-hop options invalid or not known)',
    );
    expect(host.counters(6).filter((line) => /PREROUTING|INPUT/.test(line))).toEqual([]);
    expect(host.counters(6)).toContain('mangle POSTROUTING [1:56]');
  });

  test('the entry is confirmed when it leaves, though INPUT drops it', () => {
    const host = hostOf(rules('DROP'));
    expect(host.send(udp('127.0.0.1', '127.0.0.1'))).toBe('DROP NEW LOOPBACK');
    expect(host.engine.tracker.size).toBe(1);
    expect(host.send(back('127.0.0.1', '127.0.0.1'))).toBe('DROP ESTABLISHED LOOPBACK');
  });
});

describe('a broadcast that the host sends', () => {
  const counted = [
    'raw PREROUTING [1:28]',
    'raw OUTPUT [1:28]',
    'mangle PREROUTING [1:28]',
    'mangle INPUT [1:28]',
    'mangle OUTPUT [1:28]',
    'mangle POSTROUTING [2:56]',
    'nat OUTPUT [1:28]',
    'nat POSTROUTING [1:28]',
    'filter INPUT [1:28]',
    'filter OUTPUT [1:28]',
    'security INPUT [1:28]',
    'security OUTPUT [1:28]',
  ];

  test('comes back by the same interface', () => {
    const host = hostOf(emptyTables(true, '-A INPUT -i eth0 -m pkttype --pkt-type broadcast'));
    expect(host.send(udp(HOST, '192.0.2.255'))).toBe('ACCEPT NEW OUTPUT');
    const counters = host.counters();
    expect(counters).toContain('filter INPUT 1 [1:28]');
    expect(counters.filter((line) => !line.includes('INPUT 1'))).toEqual(counted);
  });

  test('and is accepted though INPUT drops the copy', () => {
    const host = hostOf('*filter\n:INPUT DROP\n:OUTPUT ACCEPT\nCOMMIT\n');
    expect(host.send(udp(HOST, '192.0.2.255'))).toBe('ACCEPT OUTPUT');
    expect(host.counters()).toEqual(['filter INPUT [1:28]', 'filter OUTPUT [1:28]']);
    expect(host.outcome.chain?.name).toBe('OUTPUT');
  });

  test('multicast to an unknown group: perhaps', () => {
    const host = hostOf('*filter\n:INPUT DROP\n:OUTPUT ACCEPT\nCOMMIT\n');
    expect(host.send(udp(HOST, '224.0.0.251'))).toBe('ACCEPT OUTPUT');
    expect(host.counters()).toEqual(['filter INPUT [0:0]+1?', 'filter OUTPUT [1:28]']);
  });
});

describe('confirmation', () => {
  test('a packet that the filter drops leaves no entry', () => {
    const host = hostOf(emptyTables(true, '-A INPUT -j DROP'));
    expect(host.send(udp(PEER, HOST))).toBe('DROP NEW INPUT');
    expect(host.engine.tracker.size).toBe(0);
    expect(host.send(back(HOST, PEER))).toBe('ACCEPT NEW OUTPUT');
  });

  test('a reply that the filter drops was seen all the same', () => {
    const host = hostOf(emptyTables(true, '-A OUTPUT -j DROP'));
    expect(host.send(udp(PEER, HOST))).toBe('ACCEPT NEW INPUT');
    expect(host.send(back(HOST, PEER))).toBe('DROP ESTABLISHED OUTPUT');
    expect(host.send(udp(PEER, HOST))).toBe('ACCEPT ESTABLISHED INPUT');
  });
});

describe('fragments', () => {
  const whole = buildDatagram({
    source: PEER,
    destination: HOST,
    udp: { sourcePort: 1000, destinationPort: 53, payload: 40 },
  });
  const pieces = (datagram: Uint8Array) =>
    fragmentDatagram(datagram, 24, 7).map((one) => viewOf(one));
  const QUEUED = '(fragment, kept until its datagram is whole)';

  test('with conntrack: nothing counts but the whole', () => {
    const host = hostOf(emptyTables(true));
    expect(pieces(whole).map((one) => host.send(one))).toEqual([
      `QUEUED INPUT ${QUEUED}`,
      'ACCEPT NEW INPUT',
    ]);
    expect(host.counters()).toContain('raw PREROUTING [1:68]');
    expect(host.counters()).toContain('filter INPUT [1:68]');
  });

  test('IPv4 without conntrack: PREROUTING sees pieces, INPUT the whole', () => {
    const host = hostOf(emptyTables(false));
    expect(pieces(whole).map((one) => host.send(one))).toEqual([
      `QUEUED INPUT ${QUEUED}`,
      'ACCEPT INPUT',
    ]);
    expect(host.counters()).toEqual([
      'raw PREROUTING [2:88]',
      'mangle PREROUTING [2:88]',
      'mangle INPUT [1:68]',
      'filter INPUT [1:68]',
      'security INPUT [1:68]',
    ]);
  });

  test('IPv6 without conntrack: INPUT sees pieces too', () => {
    const host = hostOf(emptyTables(false));
    const datagram = buildDatagram({
      source: '2001:db8::9',
      destination: '2001:db8::1',
      udp: { sourcePort: 1000, destinationPort: 53, payload: 40 },
    });
    expect(pieces(datagram).map((one) => host.send(one))).toEqual(['ACCEPT INPUT', 'ACCEPT INPUT']);
    expect(host.counters(6)).toContain('filter INPUT [2:144]');
  });

  test('sent: they were one at OUTPUT, with or without conntrack', () => {
    const datagram = buildDatagram({
      source: HOST,
      destination: PEER,
      udp: { sourcePort: 1000, destinationPort: 53, payload: 40 },
    });
    const host = hostOf(emptyTables(false));
    expect(pieces(datagram).map((one) => host.send(one))).toEqual([
      `QUEUED OUTPUT ${QUEUED}`,
      'ACCEPT OUTPUT',
    ]);
    expect(host.counters()).toContain('filter OUTPUT [1:68]');
  });
});

describe('marks of fragments', () => {
  test('the datagram that INPUT sees has that of its first fragment', () => {
    const rules = [
      '*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT',
      '-A PREROUTING -f -j MARK --set-mark 2',
      '-A PREROUTING ! -f -j MARK --set-mark 1',
      '-A INPUT -m mark --mark 1',
      '-A INPUT -m mark --mark 2\nCOMMIT\n',
    ].join('\n');
    const whole = buildDatagram({
      source: PEER,
      destination: HOST,
      udp: { sourcePort: 1000, destinationPort: 53, payload: 48 },
    });
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const host = hostOf(rules, undefined, { families: [4] });
      const pieces = fragmentDatagram(whole, 24, 7);
      for (const i of order) host.send(viewOf(pieces[i] ?? new Uint8Array(0)));
      expect(host.counters()).toContain('mangle INPUT 1 [1:76]');
      expect(host.counters()).not.toContain('mangle INPUT 2 [1:76]');
    }
  });
});

describe('what is not known', () => {
  const cut = (source: string, destination: string, destinationPort = 53) =>
    packetOf(
      { source, destination, tcp: { sourcePort: 1000, destinationPort, flags: 'S' } },
      { capturedLength: 20 },
    );

  test('a connection that rests on an undecided packet is in doubt', () => {
    const host = hostOf(
      [
        '*filter\n:INPUT DROP\n-A INPUT -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT',
        '-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n:OUTPUT ACCEPT',
        '-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A OUTPUT -j DROP\nCOMMIT\n',
      ].join('\n'),
    );
    expect(host.send(udp(PEER, HOST))).toMatch(/^UNDECIDED NEW INPUT \(the capture lacks/);
    expect(host.send(back(HOST, PEER))).toBe(
      'UNDECIDED ? OUTPUT (its connection rests on packet 1, which is undecided)',
    );
    // Another connection is as sure as ever.
    expect(host.send(back(HOST, '192.0.2.77'))).toBe('DROP NEW OUTPUT');
  });

  test('a packet that may not have reached conntrack', () => {
    const host = hostOf(
      [
        '*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -j DROP\nCOMMIT',
        '*filter\n:OUTPUT ACCEPT\n-A OUTPUT -m conntrack --ctstate ESTABLISHED\nCOMMIT\n',
      ].join('\n'),
    );
    expect(host.send(cut(PEER, HOST))).toMatch(/^UNDECIDED \? INPUT/);
  });

  test('tables behind an undecided rule are perhaps counted', () => {
    const host = hostOf(emptyTables(false, '-A INPUT -p tcp --dport 80 -j DROP'));
    expect(host.send(cut(PEER, HOST))).toMatch(/^UNDECIDED INPUT/);
    expect(host.counters()).toEqual([
      'raw PREROUTING [1:40]',
      'mangle PREROUTING [1:40]',
      'mangle INPUT [1:40]',
      'filter INPUT 1 [0:0]+1?',
      'filter INPUT [0:0]+1?',
      'security INPUT [0:0]+1?',
    ]);
  });

  test('nat may see a connection again whose first packet was undecided', () => {
    const host = hostOf(emptyTables(true));
    host.send(udp(PEER, '224.0.0.251'));
    host.send(udp(PEER, '224.0.0.251'));
    // Without membership no entry is made, and the second packet begins the connection anew.
    expect(host.counters()).toContain('nat PREROUTING [1:28]+1?');
    expect(host.counters()).toContain('nat INPUT [0:0]+2?');
  });

  test('a multicast group that the host may have joined', () => {
    const host = hostOf(emptyTables(false, '-A INPUT -j DROP'));
    expect(host.send(udp(PEER, '224.0.0.251'))).toBe(
      'UNDECIDED PREROUTING (whether this host joined 224.0.0.251 is not in the capture; if it did: --local 224.0.0.251)',
    );
    expect(host.counters()).toEqual([
      'raw PREROUTING [1:28]',
      'mangle PREROUTING [1:28]',
      'mangle INPUT [0:0]+1?',
      'filter INPUT 1 [0:0]+1?',
    ]);
  });
});

describe('what netfilter never sees', () => {
  test('a wrong IPv4 header checksum, when checked', () => {
    const bad = () => udp(PEER, HOST, { headerChecksum: 'bad' });
    expect(hostOf(emptyTables(false)).send(bad())).toBe('ACCEPT INPUT');
    const host = hostOf(emptyTables(false), undefined, { checksums: true });
    expect(host.send(bad())).toBe('NOT_SEEN INPUT (wrong IPv4 header checksum)');
    expect(host.send(udp(HOST, PEER, { headerChecksum: 'bad' }))).toBe('ACCEPT OUTPUT');
  });

  test('a family without rules', () => {
    const host = hostOf('*filter\n:INPUT ACCEPT\nCOMMIT\n', undefined, { families: [4] });
    expect(host.send(udp('2001:db8::9', '2001:db8::1'))).toBe(
      'SKIPPED (no IPv6 ruleset was given)',
    );
  });
});

describe('a target that changes the TTL before routing', () => {
  const mangle = (line: string): string =>
    `*mangle\n:PREROUTING ACCEPT\n${line}\nCOMMIT\n*filter\n:FORWARD DROP\nCOMMIT\n`;
  const forwarded = (ttl: number) =>
    packetOf({
      source: '192.0.2.9',
      destination: '203.0.113.9',
      ttl,
      udp: { sourcePort: 1000, destinationPort: 53, payload: 4 },
    });

  test('lets it expire here', () => {
    const host = hostOf(mangle('-A PREROUTING -j TTL --ttl-set 1'), ROUTER, { families: [4] });
    expect(host.send(forwarded(64))).toBe('UNROUTED FORWARD (TTL or hop limit expires here)');
    expect(host.counters()).toEqual(['mangle PREROUTING 1 [1:32]', 'mangle PREROUTING [1:32]']);
  });

  test('keeps it alive: where it goes then is not known', () => {
    const host = hostOf(mangle('-A PREROUTING -j TTL --ttl-set 9'), ROUTER, { families: [4] });
    expect(host.send(forwarded(1))).toBe(
      'UNDECIDED PREROUTING (a target changed its TTL: where it is forwarded is not known)',
    );
    expect(host.counters()).toContain('filter FORWARD [0:0]+1?');
  });
});
