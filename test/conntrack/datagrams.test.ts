import { describe, expect, it } from 'vitest';
import type { DatagramSpec } from '../support/packets.ts';
import { CLIENT, Feed, SERVER } from './feed.ts';

const forward = { source: CLIENT, destination: SERVER };
const backward = { source: SERVER, destination: CLIENT };
const ASSURED = 1 << 2;

function udp(way: typeof forward, more: DatagramSpec['udp'] = {}): DatagramSpec {
  const ports =
    way === forward
      ? { sourcePort: 1000, destinationPort: 53 }
      : { sourcePort: 53, destinationPort: 1000 };
  return { ...way, udp: { ...ports, payload: 12, ...more } };
}

describe('UDP', () => {
  it('is NEW until answered, then ESTABLISHED both ways', () => {
    const feed = new Feed();
    expect(feed.send(udp(forward))).toBe('NEW');
    expect(feed.send(udp(forward))).toBe('NEW');
    expect(feed.send(udp(backward))).toBe('ESTABLISHED reply');
    expect(feed.send(udp(forward))).toBe('ESTABLISHED');
  });

  it('lives 30 s, and 120 s as a stream: answered, and active after two seconds', () => {
    const feed = new Feed();
    feed.send(udp(forward));
    expect(feed.entry).toBe(' 30');
    feed.time = 1;
    feed.send(udp(backward));
    feed.send(udp(forward));
    expect(feed.entry).toBe(' 30');
    feed.time = 2;
    feed.send(udp(forward));
    expect(feed.entry).toBe(' 30');
    expect(feed.connection.status & ASSURED).toBe(0);
    feed.time = 2.01;
    feed.send(udp(forward));
    expect(feed.entry).toBe(' 120');
    expect(feed.connection.status & ASSURED).toBe(ASSURED);
  });

  it('is no stream by the late first answer itself', () => {
    const feed = new Feed();
    feed.send(udp(forward));
    feed.time = 5;
    feed.send(udp(backward));
    expect(feed.entry).toBe(' 30');
  });

  it('is NEW again after the timeout', () => {
    const feed = new Feed();
    feed.send(udp(forward));
    feed.time = 29.9;
    expect(feed.send(udp(backward))).toBe('ESTABLISHED reply');
    feed.time += 30;
    expect(feed.send(udp(forward))).toBe('NEW');
  });

  it('is INVALID with a wrong length or checksum (seen on Linux 6.18)', () => {
    const feed = new Feed();
    expect(feed.send(udp(forward, { length: 7 }))).toBe('INVALID: UDP length is wrong');
    expect(feed.send(udp(forward, { length: 0 }))).toBe('INVALID: UDP length is wrong');
    expect(feed.send(udp(forward, { length: 500 }))).toBe('INVALID: UDP length is wrong');
    expect(feed.send(udp(forward, { checksum: 'bad' }))).toBe('INVALID: bad UDP checksum');
    expect(feed.send({ ...forward, protocol: 17, payload: 7 })).toBe(
      'INVALID: UDP header is too short',
    );
    expect(feed.send({ ...forward, protocol: 17, payload: 3 })).toBe(
      'INVALID: no transport header that can be tracked',
    );
    expect(feed.tracker.size).toBe(0);
    expect(feed.send(udp(forward, { length: 10 }))).toBe('NEW');
    expect(feed.send(udp(forward, { checksum: 0 }))).toBe('NEW');
    expect(feed.send(udp(forward, { sourcePort: 0 }))).toBe('NEW');
    expect(feed.send(udp(forward, { checksum: 'bad' }), { local: true })).toBe('NEW');
  });

  it('is undecided when its header is cut', () => {
    const feed = new Feed();
    expect(feed.send(udp(forward), { snapLength: 26 })).toBe(
      'undecided: UDP header cut by the snap length',
    );
  });
});

describe('UDP-Lite', () => {
  const lite = (way: typeof forward, more: DatagramSpec['udpLite'] = {}): DatagramSpec => {
    const { udp: udpLite } = udp(way, more);
    return udpLite === undefined ? way : { ...way, udpLite };
  };

  it('is a stream from the second packet after an answer on', () => {
    const feed = new Feed();
    expect(feed.send(lite(forward), { local: true })).toBe('NEW');
    expect(feed.send(lite(backward), { local: true })).toBe('ESTABLISHED reply');
    expect(feed.entry).toBe(' 30');
    feed.send(lite(forward), { local: true });
    expect(feed.entry).toBe(' 120');
    expect(feed.connection.status & ASSURED).toBe(ASSURED);
  });

  it('needs a checksum and a coverage that fits, also when the host sends it', () => {
    const feed = new Feed();
    const local = { local: true };
    expect(feed.send(lite(forward, { checksum: 0 }), local)).toBe(
      'INVALID: UDP-Lite without checksum',
    );
    for (const length of [1, 7, 21])
      expect(feed.send(lite(forward, { length }), local)).toBe(
        'INVALID: UDP-Lite checksum coverage is wrong',
      );
    for (const length of [0, 8, 20])
      expect(feed.send(lite(forward, { length }), local)).toBe('NEW');
  });

  it('arriving is INVALID with a right checksum: the kernel takes the number of UDP for the sum', () => {
    expect(new Feed().send(lite(forward))).toBe('INVALID: bad UDP-Lite checksum');
  });
});

describe('GRE', () => {
  const gre = (way: typeof forward, payload: readonly number[]): DatagramSpec => ({
    ...way,
    protocol: 47,
    payload,
  });
  const PLAIN = [0, 0, 8, 0];

  it('is tracked by addresses, longer once answered', () => {
    const feed = new Feed();
    expect(feed.send(gre(forward, PLAIN))).toBe('NEW');
    expect(feed.entry).toBe(' 30');
    expect(feed.send(gre(backward, [0x20, 0, 8, 0, 0, 0, 0, 7]))).toBe('ESTABLISHED reply');
    feed.send(gre(forward, PLAIN));
    expect(feed.entry).toBe(' 180');
    expect(feed.connection.status & ASSURED).toBe(ASSURED);
  });

  it('of version 1 (PPTP) is tracked by call identifiers', () => {
    const feed = new Feed();
    const call = (id: number) => [0x30, 1, 0x88, 0x0b, 0, 0, 0, id];
    expect(feed.send(gre(forward, call(1)))).toBe('NEW');
    expect(feed.send(gre(forward, call(2)))).toBe('NEW');
    expect(feed.tracker.size).toBe(2);
    // Without the PPTP helper nothing knows the other side's call.
    expect(feed.send(gre(backward, call(1)))).toBe('NEW');
    expect(feed.send(gre(forward, [0x30, 1, 0x88, 0x0c, 0, 0, 0, 1]))).toContain('INVALID');
  });
});

describe('other protocols', () => {
  it.each([33, 50, 51, 2, 89, 253])('protocol %i is tracked by addresses for 600 s', (protocol) => {
    const feed = new Feed();
    expect(feed.send({ ...forward, protocol, payload: 8 })).toBe('NEW');
    expect(feed.entry).toBe(' 600');
    expect(feed.send({ ...backward, protocol, payload: 0 })).toBe('ESTABLISHED reply');
    expect(feed.connection.original).toMatchObject({ sourcePort: 0, destinationPort: 0, protocol });
  });

  it('does not track what has no transport header', () => {
    const feed = new Feed();
    const six = { source: '2001:db8::2', destination: '2001:db8::1' };
    expect(feed.send({ ...six, protocol: 59, payload: 4 })).toContain('INVALID');
    expect(feed.send({ ...forward, protocol: 17, fragmentOffset: 8, payload: 8 })).toBe(
      'INVALID: a later fragment',
    );
  });
});
