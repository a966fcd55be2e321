import { describe, expect, it } from 'vitest';
import { createTracker } from '../../src/conntrack/tracker.ts';
import { formatIpv4 } from '../../src/packet/text.ts';
import { type DatagramSpec, packetOf } from '../support/packets.ts';
import { CLIENT, Feed, SERVER, START, segment, talk } from './feed.ts';

const CONFIRMED = 1 << 3;
const SEEN_REPLY = 1 << 1;
const DYING = 1 << 9;

function udp(port: number, back = false): DatagramSpec {
  return back
    ? {
        source: SERVER,
        destination: CLIENT,
        udp: { sourcePort: 53, destinationPort: port, payload: 4 },
      }
    : { source: CLIENT, destination: SERVER, udp: { sourcePort: port, payload: 4 } };
}

describe('entries', () => {
  it('exist only from confirmation on', () => {
    const feed = new Feed();
    expect(feed.send(udp(1), { dropped: true })).toBe('NEW');
    expect(feed.tracker.size).toBe(0);
    expect(feed.send(udp(1, true), { dropped: true })).toBe('NEW');
    expect(feed.send(udp(1))).toBe('NEW');
    expect(feed.tracker.size).toBe(1);
    expect(feed.send(udp(1, true))).toBe('ESTABLISHED reply');
  });

  it('have seen a reply even when it is dropped after conntrack (seen on Linux 6.18)', () => {
    const feed = new Feed();
    feed.send(udp(1));
    feed.send(udp(1, true), { dropped: true });
    expect(feed.send(udp(1))).toBe('ESTABLISHED');
    expect(feed.connection.status).toBe(CONFIRMED | SEEN_REPLY);
  });

  it('are shown to matches before confirmation', () => {
    const tracker = createTracker();
    const packet = packetOf(udp(7), { number: 42 });
    const result = tracker.track(packet, false, 0);
    const { connection } = result;
    expect(connection?.status).toBe(0);
    expect(connection?.firstPacket).toBe(42);
    expect(connection?.original).toMatchObject({ family: 4, protocol: 17, sourcePort: 7 });
    expect(formatIpv4(connection?.original.source[0] ?? 0)).toBe(CLIENT);
    expect(formatIpv4(connection?.reply.source[0] ?? 0)).toBe(SERVER);
    expect(connection?.reply).toMatchObject({ sourcePort: 53, destinationPort: 7 });
    tracker.confirm(packet, result);
    expect(connection?.status).toBe(CONFIRMED);
    expect(connection?.expiresAt).toBe(START + 30);
  });

  it('keep their mark', () => {
    const feed = new Feed();
    feed.send(udp(1));
    feed.connection.mark = 0xdeadbeef;
    expect(feed.connection.mark).toBe(0xdeadbeef);
    feed.send(udp(2));
    expect([...feed.tracker.connections()].map(({ mark }) => mark).sort()).toEqual([0, 0xdeadbeef]);
  });

  it('are readable while the packet that ends them is on its way', () => {
    const feed = new Feed();
    feed.send(segment('> S 100 0'));
    feed.send(segment('< RA 0 101'));
    expect(feed.tracker.size).toBe(0);
    expect(feed.last?.connection?.status).toBe(CONFIRMED | DYING | SEEN_REPLY);
    expect(feed.last?.connection?.original).toMatchObject({ sourcePort: 1000 });
    expect(feed.send(segment('> S 100 0'))).toBe('NEW');
  });

  it('are lost when neither confirmed nor discarded', () => {
    const tracker = createTracker();
    for (let i = 0; i < 5; i++) tracker.track(packetOf(udp(i)), false, 0);
    expect(tracker.size).toBe(0);
  });

  it('are one for each zone', () => {
    const feed = new Feed();
    expect(feed.send(udp(1), { zone: 1 })).toBe('NEW');
    expect(feed.send(udp(1, true), { zone: 2 })).toBe('NEW');
    expect(feed.send(udp(1, true), { zone: 1 })).toBe('ESTABLISHED reply');
    expect(feed.send(udp(1, true), { zone: 65_535 })).toBe('NEW');
    expect([...feed.tracker.connections()].map(({ original }) => original.zone)).toEqual([
      1, 2, 65_535,
    ]);
  });

  it('of a flow from an address and port to the same is found as its reply (seen on Linux)', () => {
    const feed = new Feed();
    const self: DatagramSpec = {
      source: '127.0.0.1',
      destination: '127.0.0.1',
      udp: { sourcePort: 5, destinationPort: 5, payload: 3 },
    };
    expect(feed.send(self, { local: true })).toBe('NEW');
    expect(feed.send(self, { local: true })).toBe('ESTABLISHED reply');
    for (let port = 1; port < 3000; port++) feed.send(udp(port));
    expect(feed.send(self, { local: true })).toBe('ESTABLISHED reply');
  });

  it('of IPv4 and IPv6 do not mix', () => {
    const feed = new Feed();
    feed.send({ source: '::1', destination: '::2', udp: { sourcePort: 1, destinationPort: 2 } });
    const four = { source: '0.0.0.2', destination: '0.0.0.1' };
    expect(feed.send({ ...four, udp: { sourcePort: 2, destinationPort: 1 } })).toBe('NEW');
    expect(feed.tracker.size).toBe(2);
  });
});

describe('time', () => {
  it('expires entries at their very time', () => {
    const feed = new Feed();
    feed.send(udp(1));
    feed.time = 29.999;
    expect(feed.tracker.size).toBe(1);
    expect(feed.send(udp(2, true))).toBe('NEW');
    expect(feed.tracker.size).toBe(2);
    feed.time = 30;
    expect(feed.send(udp(1, true))).toBe('NEW');
  });

  it('counts only what has not expired', () => {
    const feed = new Feed();
    for (let port = 1; port <= 100; port++) feed.send(udp(port));
    expect(feed.tracker.size).toBe(100);
    feed.time = 40;
    feed.send(udp(1000));
    expect(feed.tracker.size).toBe(1);
  });

  it('may step back without harm', () => {
    const feed = new Feed();
    feed.time = 3600;
    feed.send(udp(1));
    feed.time = 0;
    expect(feed.send(udp(1, true))).toBe('ESTABLISHED reply');
    expect(feed.connection.expiresAt).toBe(START + 30);
    feed.time = 3600;
    expect(feed.send(udp(1, true))).toBe('NEW');
  });
});

describe('a full table', () => {
  it('takes no more than nf_conntrack_max entries, and then does not know', () => {
    const feed = new Feed({ max: 10 });
    for (let port = 1; port <= 10; port++) expect(feed.send(udp(port))).toBe('NEW');
    const reason = 'undecided: the conntrack table is full since packet 11 (nf_conntrack_max 10)';
    expect(feed.send(udp(11))).toBe(reason);
    expect(feed.tracker.size).toBe(10);
    // Which entry the kernel evicted for it is not known.
    expect(feed.send(udp(10, true))).toContain('undecided');
    expect(feed.send(udp(99, true))).toContain('undecided');
  });

  it('makes room by what has expired', () => {
    const feed = new Feed({ max: 10 });
    for (let port = 1; port <= 10; port++) feed.send(udp(port));
    feed.time = 91;
    expect(feed.send(udp(11))).toBe('NEW');
    expect(feed.send(udp(11, true))).toBe('ESTABLISHED reply');
  });

  it('does not count on the kernel to have collected at once what has expired', () => {
    const feed = new Feed({ max: 10 });
    for (let port = 1; port <= 10; port++) feed.send(udp(port));
    feed.time = 31;
    expect(feed.send(udp(11))).toContain('undecided');
    expect(feed.tracker.size).toBe(1);
  });

  it('still knows assured connections', () => {
    const feed = new Feed({ max: 5 });
    talk(feed, '> S 100 0', '< SA 500 101', '> A 101 501');
    for (let port = 1; port <= 20; port++) feed.send(udp(port));
    expect(talk(feed, '< A 501 101')).toEqual(['ESTABLISHED reply']);
    expect(feed.tracker.size).toBe(5);
  });

  it('has no limit with 0', () => {
    const feed = new Feed({ max: 0 });
    for (let port = 1; port <= 2000; port++) expect(feed.send(udp(port))).toBe('NEW');
    expect(feed.tracker.size).toBe(2000);
  });
});
