/**
 * Connections whose addresses the kernel translates: until the translation is simulated, no packet of
 * theirs gets a verdict that could be wrong.
 */
import { describe, expect, test } from 'vitest';
import { packetOf } from '../support/packets.ts';
import { hostOf, ROUTER } from './hosts.ts';

const CLIENT = '192.0.2.9';
const SERVER = '203.0.113.9';
const udp = (source: string, from: number, destination: string, to: number) =>
  packetOf({ source, destination, udp: { sourcePort: from, destinationPort: to } });
const verdict = (text: string): string => text.split(' ')[0] ?? '';

/** A router's rules. */
const rules = (nat: readonly string[], filter: readonly string[] = []): string =>
  [
    '*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT',
    ...nat,
    'COMMIT\n*filter\n:INPUT DROP\n:FORWARD ACCEPT\n:OUTPUT ACCEPT',
    ...filter,
    'COMMIT\n',
  ].join('\n');
const router = (nat: readonly string[], filter: readonly string[] = []) =>
  hostOf(rules(nat, filter), ROUTER, { families: [4] });

describe('the source is changed as the packet leaves', () => {
  const MASQUERADE = ['-A POSTROUTING -o eth1 -j MASQUERADE'];

  test('the first packet is decided and counted, its answers are not', () => {
    const host = router(MASQUERADE);
    expect(host.send(udp(CLIENT, 1000, SERVER, 53))).toBe('ACCEPT NEW FORWARD');
    expect(host.counters()).toContain('nat POSTROUTING 1 [1:28]');
    const answer = host.send(udp(SERVER, 53, '203.0.113.1', 1000));
    expect(answer).toMatch(/^UNDECIDED \? .*may belong to the connection of packet 1.*MASQUERADE/);
    expect(host.counters()).toContain('filter INPUT [0:0]+1?');
  });

  test('later packets are decided where no rule asks for their state', () => {
    const plain = router(MASQUERADE);
    plain.send(udp(CLIENT, 1000, SERVER, 53));
    expect(plain.send(udp(CLIENT, 1000, SERVER, 53))).toBe('ACCEPT ? FORWARD');
    const stateful = router(MASQUERADE, [
      '-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT',
      '-A FORWARD -j DROP',
    ]);
    const open = router(MASQUERADE, [
      '-A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP',
      '-A FORWARD -j ACCEPT',
    ]);
    expect(verdict(stateful.send(udp(CLIENT, 1000, SERVER, 53)))).toBe('DROP');
    expect(verdict(open.send(udp(CLIENT, 1000, SERVER, 53)))).toBe('ACCEPT');
    expect(verdict(open.send(udp(CLIENT, 1000, SERVER, 53)))).toBe('UNDECIDED');
  });

  test('the same packet seen again as it leaves is not taken for one of this host', () => {
    const host = router(MASQUERADE);
    host.send(udp(CLIENT, 1000, SERVER, 53));
    expect(verdict(host.send(udp('203.0.113.1', 1000, SERVER, 53)))).toBe('UNDECIDED');
  });

  test('connections with other endpoints are decided', () => {
    const host = router(MASQUERADE);
    host.send(udp(CLIENT, 1000, SERVER, 53));
    expect(host.send(udp(SERVER, 123, '203.0.113.1', 123))).toBe('DROP NEW INPUT');
  });
});

describe('the destination is changed as the packet comes in', () => {
  const DNAT = ['-A PREROUTING -p udp --dport 53 -j DNAT --to-destination 203.0.113.7'];

  test('what it meets after that is not known', () => {
    const host = router(DNAT);
    expect(host.send(udp(CLIENT, 1000, '192.0.2.1', 53))).toMatch(
      /^UNDECIDED .*address translation is not simulated yet: DNAT/,
    );
    const counters = host.counters();
    expect(counters).toContain('nat PREROUTING 1 [1:28]');
    expect(counters).toContain('filter INPUT [0:0]+1?');
    expect(counters).toContain('filter FORWARD [0:0]+1?');
  });

  test('nor of later packets, in either direction', () => {
    const host = router(DNAT);
    host.send(udp(CLIENT, 1000, '192.0.2.1', 53));
    expect(verdict(host.send(udp(CLIENT, 1000, '192.0.2.1', 53)))).toBe('UNDECIDED');
    expect(verdict(host.send(udp('203.0.113.7', 53, CLIENT, 1000)))).toBe('UNDECIDED');
    expect(verdict(host.send(udp('192.0.2.1', 53, CLIENT, 1000)))).toBe('UNDECIDED');
    expect(host.counters()).toContain('nat PREROUTING 1 [1:28]+2?');
  });

  test('a rule of nat that cannot be decided makes it perhaps so', () => {
    const host = router([
      '-A PREROUTING -p udp -m statistic --mode nth --every 2 --packet 0 -m cpu --cpu 1 -j DNAT --to-destination 203.0.113.7',
    ]);
    expect(verdict(host.send(udp(CLIENT, 1000, '192.0.2.1', 53)))).toBe('UNDECIDED');
    expect(verdict(host.send(udp('203.0.113.7', 53, CLIENT, 1000)))).toBe('UNDECIDED');
  });

  test('of what this host sends: it may come back by loopback', () => {
    const host = router(['-A OUTPUT -p udp --dport 53 -j REDIRECT']);
    expect(verdict(host.send(udp('192.0.2.1', 1000, CLIENT, 53)))).toBe('UNDECIDED');
    const counters = host.counters();
    expect(counters).toContain('filter OUTPUT [0:0]+1?');
    expect(counters).toContain('filter INPUT [0:0]+1?');
  });
});

test('by loopback the packet comes back with a source that is not known', () => {
  const host = router(['-A POSTROUTING -o lo -j SNAT --to-source 192.0.2.77'], ['-A INPUT -i lo']);
  expect(verdict(host.send(udp('127.0.0.1', 1000, '127.0.0.1', 53)))).toBe('UNDECIDED');
  expect(host.counters()).toContain('filter INPUT 1 [0:0]+1?');
  expect(host.counters()).toContain('filter OUTPUT [1:28]');
});

describe('what leaves the rules', () => {
  test('to a queue: taken for without a listener, and told', () => {
    const host = hostOf(rules([], ['-A FORWARD -j NFQUEUE --queue-num 3']), ROUTER, {
      families: [4],
    });
    expect(verdict(host.send(udp(CLIENT, 1000, SERVER, 53)))).toBe('DROP');
    expect(host.outcome.queued).toBe('NFQUEUE --queue-num 3');
  });

  test('a copy may count in OUTPUT, and does not change the packet’s verdict', () => {
    const mangle = '*mangle\n-A FORWARD -j TEE --gateway 203.0.113.5\nCOMMIT\n';
    const host = hostOf(mangle + rules([]), ROUTER, { families: [4] });
    expect(verdict(host.send(udp(CLIENT, 1000, SERVER, 53)))).toBe('ACCEPT');
    expect(host.counters()).toContain('filter OUTPUT [0:0]+1?');
    expect(host.counters()).toContain('filter FORWARD [1:28]');
  });
});

describe('what the report is told', () => {
  test('sources are changed: own addresses may be those of others', () => {
    const host = router(['-A POSTROUTING -o eth1 -j MASQUERADE']);
    host.send(udp('203.0.113.1', 1000, SERVER, 53));
    expect(host.outcome.mayBeTranslated).toBe(true);
    host.send(udp(CLIENT, 1000, SERVER, 53));
    expect(host.outcome.mayBeTranslated).toBe(false);
  });

  test('the seed, only when the ruleset has something random', () => {
    const random = router([], ['-A FORWARD -m statistic --mode random --probability 0.5 -j DROP']);
    expect(random.engine.seedUsed).toBe(1);
    expect(router([]).engine.seedUsed).toBeUndefined();
  });
});

describe('tracking set by rules', () => {
  const raw = (line: string, ...filter: string[]): string =>
    [
      `*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n${line}\nCOMMIT`,
      '*filter\n:INPUT DROP\n:FORWARD ACCEPT\n:OUTPUT ACCEPT',
      ...filter,
      'COMMIT\n',
    ].join('\n');

  test('an untracked packet is UNTRACKED, makes no entry, and nat does not see it', () => {
    const host = hostOf(
      raw(
        '-A PREROUTING -p udp -j CT --notrack',
        '-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT',
      ),
      ROUTER,
      { families: [4] },
    );
    expect(host.send(udp(CLIENT, 1000, '192.0.2.1', 53))).toBe('ACCEPT UNTRACKED INPUT');
    expect(host.engine.tracker.size).toBe(0);
  });

  test('zones keep connections apart', () => {
    const host = hostOf(
      raw(
        '-A PREROUTING -i eth0 -j CT --zone 5',
        '-A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP',
      ),
      ROUTER,
      { families: [4] },
    );
    expect(host.send(udp(CLIENT, 1000, SERVER, 53))).toBe('ACCEPT NEW FORWARD');
    expect(host.send(udp(SERVER, 53, CLIENT, 1000))).toBe('ACCEPT NEW FORWARD');
  });

  test('zones of one direction are not simulated: nothing that reads the state is decided', () => {
    const host = hostOf(
      raw(
        '-A PREROUTING -i eth0 -j CT --zone-orig 5',
        '-A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP',
      ),
      ROUTER,
      { families: [4] },
    );
    expect(verdict(host.send(udp(CLIENT, 1000, SERVER, 53)))).toBe('UNDECIDED');
    expect(verdict(host.send(udp(SERVER, 53, CLIENT, 1000)))).toBe('UNDECIDED');
  });

  test('what a helper may expect is undecided', () => {
    const host = hostOf(
      raw(
        '-A PREROUTING -p udp --dport 69 -j CT --helper tftp',
        '-A FORWARD -m conntrack --ctstate RELATED -j DROP',
      ),
      ROUTER,
      { families: [4] },
    );
    expect(host.send(udp(CLIENT, 1000, SERVER, 69))).toBe('ACCEPT NEW FORWARD');
    expect(host.send(udp(SERVER, 3000, CLIENT, 1000))).toMatch(/^UNDECIDED .*helper tftp/);
    expect(host.send(udp('203.0.113.8', 3000, '192.0.2.8', 1000))).toBe('ACCEPT NEW FORWARD');
  });
});
