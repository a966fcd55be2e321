import { describe, expect, it } from 'vitest';
import { buildDatagram, type DatagramSpec } from '../support/packets.ts';
import { CLIENT, Feed, SERVER, segment } from './feed.ts';

const forward = { source: CLIENT, destination: SERVER };
const backward = { source: SERVER, destination: CLIENT };
const CLIENT6 = '2001:db8::2';
const SERVER6 = '2001:db8::1';
const forward6 = { source: CLIENT6, destination: SERVER6 };
const backward6 = { source: SERVER6, destination: CLIENT6 };

function icmp(way: typeof forward, type: number, more: object = {}): DatagramSpec {
  return { ...way, icmp: { type, id: 7, payload: 8, ...more } };
}

describe('ICMP queries', () => {
  it.each([
    [8, 0],
    [13, 14],
    [15, 16],
    [17, 18],
  ])('request %i is answered by %i', (request, answer) => {
    const feed = new Feed();
    expect(feed.send(icmp(backward, answer))).toBe('INVALID: ICMP answer without request');
    expect(feed.send(icmp(forward, request))).toBe('NEW');
    expect(feed.send(icmp(backward, answer))).toBe('ESTABLISHED reply');
    expect(feed.send(icmp(forward, request))).toBe('ESTABLISHED');
    expect(feed.entry).toBe(' 30');
  });

  it('belong together by identifier and code', () => {
    const feed = new Feed();
    expect(feed.send(icmp(forward, 8, { code: 1 }))).toBe('NEW');
    expect(feed.send(icmp(backward, 0, { code: 0 }))).toContain('INVALID');
    expect(feed.send(icmp(backward, 0, { code: 1, id: 8 }))).toContain('INVALID');
    expect(feed.send(icmp(backward, 0, { code: 1 }))).toBe('ESTABLISHED reply');
    expect(feed.connection.original).toMatchObject({ sourcePort: 7, destinationPort: 0x0801 });
    expect(feed.connection.reply).toMatchObject({ sourcePort: 7, destinationPort: 0x0001 });
  });

  it.each([0, 1, 2, 6, 7, 9, 10, 14, 16, 18, 19, 40, 255])('type %i alone is INVALID', (type) => {
    const feed = new Feed();
    expect(feed.send(icmp(forward, type))).toContain('INVALID');
    expect(feed.tracker.size).toBe(0);
  });

  it('are INVALID when too short, damaged, or of the wrong family', () => {
    const feed = new Feed();
    expect(feed.send({ ...forward, protocol: 1, payload: [8, 0, 0, 0, 0, 7, 0] })).toBe(
      'INVALID: ICMP header is too short',
    );
    expect(feed.send(icmp(forward, 8, { checksum: 'bad' }))).toBe('INVALID: bad ICMP checksum');
    expect(feed.send({ ...forward6, protocol: 1, payload: [8, 0, 0, 0, 0, 7, 0, 1] })).toBe(
      'INVALID: ICMP in IPv6',
    );
    expect(feed.send({ ...forward, protocol: 58, payload: [128, 0, 0, 0, 0, 7, 0, 1] })).toBe(
      'INVALID: ICMPv6 in IPv4',
    );
  });

  it('are undecided when cut', () => {
    expect(new Feed().send(icmp(forward, 8), { snapLength: 25 })).toBe(
      'undecided: ICMP header cut by the snap length',
    );
  });
});

describe('ICMPv6 queries', () => {
  it.each([
    [128, 129],
    [139, 140],
  ])('request %i is answered by %i', (request, answer) => {
    const feed = new Feed();
    expect(feed.send(icmp(backward6, answer))).toContain('INVALID');
    expect(feed.send(icmp(forward6, request))).toBe('NEW');
    expect(feed.send(icmp(backward6, answer))).toBe('ESTABLISHED reply');
  });

  it.each([130, 131, 132, 133, 134, 135, 136, 143, 151, 152])('type %i is UNTRACKED', (type) => {
    const feed = new Feed();
    expect(feed.send(icmp(forward6, type))).toBe('UNTRACKED');
    expect(feed.tracker.size).toBe(0);
  });

  it.each([0, 1, 127, 129, 138, 140, 141, 142, 144, 150, 153, 255])(
    'type %i alone is INVALID',
    (type) => {
      expect(new Feed().send(icmp(forward6, type))).toContain('INVALID');
    },
  );
});

describe('ICMP errors', () => {
  const request: DatagramSpec = { ...forward, udp: { sourcePort: 1000, payload: 8 } };
  const quote = buildDatagram(request);
  const error = (more: object = {}): DatagramSpec => ({
    ...backward,
    icmp: { type: 3, code: 3, rest: 0, payload: quote, ...more },
  });

  it('are RELATED to the flow that they quote, in the direction that they go', () => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send(error())).toBe('RELATED reply');
    const answer = { ...backward, udp: { sourcePort: 53, destinationPort: 1000, payload: 8 } };
    feed.send(answer);
    const about = { type: 3, rest: 0, payload: buildDatagram(answer) };
    expect(feed.send({ ...forward, icmp: about })).toBe('RELATED');
  });

  it.each([3, 4, 5, 11, 12])('of type %i', (type) => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send(error({ type }))).toBe('RELATED reply');
  });

  it('may come from any router', () => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send({ ...error(), source: '198.51.100.9' })).toBe('RELATED reply');
  });

  it('must go to the sender of what they quote', () => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send({ ...error(), destination: '198.51.100.9' })).toBe(
      'INVALID: the ICMP error does not go to the sender of the packet that it quotes',
    );
  });

  it('are INVALID when they quote nothing known', () => {
    const feed = new Feed();
    expect(feed.send(error())).toBe('INVALID: the ICMP error quotes no known connection');
    const odd = buildDatagram({ ...forward, icmp: { type: 9, payload: 4 } });
    expect(feed.send(error({ payload: odd }))).toBe(
      'INVALID: the ICMP error quotes no packet that could be tracked',
    );
  });

  it.each([
    [0, 'INVALID'],
    [19, 'INVALID'],
    [20, 'INVALID'],
    [23, 'INVALID'],
    [24, 'RELATED reply'],
    [36, 'RELATED reply'],
  ])('with %i quoted bytes are %s', (length, expected) => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send(error({ payload: quote.slice(0, length) }))).toContain(expected);
  });

  it('do not look at the quoted header but for fragment, length and addresses', () => {
    const changed = (at: number, value: number): Uint8Array => {
      const copy = quote.slice();
      copy[at] = value;
      return copy;
    };
    const feed = new Feed();
    feed.send(request);
    expect(feed.send(error({ payload: changed(0, 0x65) }))).toBe('RELATED reply');
    expect(feed.send(error({ payload: changed(6, 0x20) }))).toBe('RELATED reply');
    expect(feed.send(error({ payload: changed(7, 1) }))).toContain('INVALID');
    expect(feed.send(error({ payload: changed(0, 0x4f) }))).toContain('INVALID');
    expect(feed.send(error({ payload: changed(0, 0x40) }))).toContain('INVALID');
    expect(feed.send(error({ payload: changed(9, 6) }))).toContain('INVALID');
  });

  it('do not prolong the flow, nor count as its answer', () => {
    const feed = new Feed();
    feed.send(request);
    feed.time = 10;
    feed.send(error());
    expect(feed.entry).toBe(' 20');
    expect(feed.send(request)).toBe('NEW');
  });

  it('quote TCP and ICMP too', () => {
    const feed = new Feed();
    feed.send(segment('> S 100 0'));
    const syn = buildDatagram(segment('> S 100 0')).slice(0, 28);
    expect(feed.send(error({ payload: syn }))).toBe('RELATED reply');
    feed.send(icmp(forward, 8));
    const ping = buildDatagram(icmp(forward, 8)).slice(0, 28);
    expect(feed.send(error({ payload: ping }))).toBe('RELATED reply');
    expect(feed.send(error({ payload: ping.slice(0, 27) }))).toContain('INVALID');
  });

  it('are undecided when the quoted packet is cut', () => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send(error(), { snapLength: 50 })).toBe(
      'undecided: the packet quoted by the ICMP error is cut by the snap length',
    );
  });

  it('of IPv6 are all types below 128, and walk the quoted extension headers', () => {
    const feed = new Feed();
    const spec: DatagramSpec = {
      ...forward6,
      extensionHeaders: [{ type: 60, body: [1, 4, 0, 0, 0, 0] }],
      udp: { sourcePort: 1000, payload: 8 },
    };
    feed.send(spec);
    const quoted = buildDatagram(spec);
    const send = (type: number, payload: Uint8Array): string =>
      feed.send({ ...backward6, icmp: { type, rest: 0, payload } });
    for (const type of [0, 1, 2, 3, 4, 5, 100, 127])
      expect(send(type, quoted)).toBe('RELATED reply');
    expect(send(1, quoted.slice(0, 52))).toBe('RELATED reply');
    for (const length of [39, 40, 41, 48, 51])
      expect(send(1, quoted.slice(0, length))).toContain('INVALID');
  });
});

describe('ICMPv6 redirects (RFC 4861; seen on Linux 6.18)', () => {
  const request: DatagramSpec = { ...forward6, udp: { sourcePort: 1000, payload: 8 } };
  const option = (type: number, length: number): number[] => [
    ...new Uint8Array(32),
    type,
    length,
    ...new Uint8Array(6),
    ...buildDatagram(request),
  ];
  const redirect = (payload: readonly number[], more: object = {}): DatagramSpec => ({
    source: 'fe80::9',
    destination: CLIENT6,
    ttl: 255,
    icmp: { type: 137, rest: 0, payload },
    ...more,
  });

  it.each([
    ['with the redirected header', redirect(option(4, 7)), 'RELATED reply'],
    [
      'of another code',
      redirect([], { icmp: { type: 137, code: 1, payload: option(4, 7) } }),
      'INVALID',
    ],
    ['from afar', redirect(option(4, 7), { ttl: 64 }), 'INVALID'],
    ['not from a link-local address', redirect(option(4, 7), { source: SERVER6 }), 'INVALID'],
    ['without options', redirect([...new Uint8Array(32)]), 'INVALID'],
    ['with an option of length 0', redirect(option(4, 0)), 'INVALID'],
    ['with another option first', redirect(option(1, 7)), 'INVALID'],
    ['too short', redirect([...new Uint8Array(31)]), 'INVALID'],
  ])('%s', (_, spec, expected) => {
    const feed = new Feed();
    feed.send(request);
    expect(feed.send(spec)).toContain(expected);
  });
});
