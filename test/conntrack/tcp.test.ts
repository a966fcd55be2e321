import { describe, expect, it } from 'vitest';
import { Feed, segment, talk } from './feed.ts';
import { TCP_CASES } from './tcp-cases.ts';

/** Without the reason: the cases say INVALID only. */
const bare = (state: string): string => state.replace(/^INVALID: .*/, 'INVALID');

describe('TCP dialogues (seen on Linux 6.18)', () => {
  for (const { name, segments, entry } of TCP_CASES)
    it(name, () => {
      const feed = new Feed();
      const states = segments.map(([line, , options]) =>
        bare(feed.send(segment(line, options), { local: line.startsWith('<') })),
      );
      expect(states).toEqual(segments.map(([, state]) => state));
      expect(feed.tracker.size === 0 ? '' : feed.entry).toBe(entry);
    });
});

const HANDSHAKE = ['> S 100 0', '< SA 500 101', '> A 101 501'];

describe('TCP', () => {
  it('is assured by the handshake, not before', () => {
    const feed = new Feed();
    const assured = 1 << 2;
    talk(feed, '> S 100 0', '< SA 500 101');
    expect(feed.connection.status & assured).toBe(0);
    talk(feed, '> A 101 501');
    expect(feed.connection.status & assured).toBe(assured);
  });

  it('says why a segment is INVALID', () => {
    const feed = new Feed();
    expect(feed.send(segment('> SA 1 1'))).toBe('INVALID: SYN-ACK without a connection');
    expect(feed.send(segment('> SF 1 1'))).toBe('INVALID: impossible TCP flags');
    talk(feed, ...HANDSHAKE);
    expect(talk(feed, '> A 99999 501')).toEqual([
      "INVALID: sequence number beyond the receiver's window",
    ]);
    expect(talk(feed, '> A 101 99999')).toEqual(['INVALID: acknowledges data not seen yet']);
    expect(talk(feed, '< S 501 0')).toEqual([
      'INVALID: SYN in reply direction in state ESTABLISHED',
    ]);
    expect(talk(feed, '< R 1 0')).toEqual(['INVALID: RST with a sequence number too low']);
  });

  it('finds headers with impossible lengths INVALID', () => {
    const feed = new Feed();
    const spec = segment('> S 100 0');
    const reason = 'INVALID: TCP header length is wrong';
    expect(feed.send({ ...spec, tcp: { ...spec.tcp, dataOffset: 4 } })).toBe(reason);
    expect(feed.send({ ...spec, tcp: { ...spec.tcp, dataOffset: 6 } })).toBe(reason);
    const { tcp: _, ...addresses } = spec;
    expect(feed.send({ ...addresses, protocol: 6, payload: 12 })).toBe(reason);
    expect(feed.tracker.size).toBe(0);
  });

  it('looks at checksums of arriving packets only, and only when told', () => {
    const spec = segment('> S 100 0');
    const bad = { ...spec, tcp: { ...spec.tcp, checksum: 'bad' } } as const;
    expect(new Feed().send(bad)).toBe('INVALID: bad TCP checksum');
    expect(new Feed().send(bad, { local: true })).toBe('NEW');
    expect(new Feed({ checksum: false }).send(bad)).toBe('NEW');
    const partial = { ...spec, tcp: { ...spec.tcp, checksum: 'partial' } } as const;
    expect(new Feed().send(partial)).toBe('NEW');
  });

  it('picks up no connection with tcp_loose off', () => {
    const feed = new Feed({ tcpLoose: false });
    expect(feed.send(segment('> A 100 900'))).toBe('INVALID: no SYN seen (tcp_loose is off)');
    expect(feed.send(segment('> S 100 0'))).toBe('NEW');
  });

  it('marks connections that began before the capture', () => {
    const feed = new Feed();
    talk(feed, '> A 100 900');
    expect(feed.connection.midStream).toBe(true);
    const other = new Feed();
    talk(other, '> S 100 0');
    expect(other.connection.midStream).toBe(false);
  });

  it('calls nothing out of window with tcp_be_liberal', () => {
    const feed = new Feed({ tcpBeLiberal: true });
    talk(feed, ...HANDSHAKE);
    expect(talk(feed, '> A 99999 501', '> A 101 99999')).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(talk(feed, '< S 501 0')[0]).toContain('INVALID');
  });

  it('takes low resets with tcp_ignore_invalid_rst', () => {
    const feed = new Feed({ tcpIgnoreInvalidRst: true });
    talk(feed, ...HANDSHAKE);
    expect(talk(feed, '< R 400 0')).toEqual(['ESTABLISHED reply']);
  });

  it('has an entry of its own for each life: NEW again after the timeout', () => {
    const feed = new Feed();
    talk(feed, ...HANDSHAKE);
    feed.time = 431_999;
    expect(talk(feed, '< A 501 101')).toEqual(['ESTABLISHED reply']);
    feed.time += 432_000;
    expect(talk(feed, '< A 501 101')).toEqual(['NEW']);
  });

  it('does not prolong the entry for a SYN sent again', () => {
    const feed = new Feed();
    talk(feed, '> S 100 0');
    feed.time = 119;
    talk(feed, '> S 100 0');
    expect(feed.entry).toBe('SYN_SENT 1');
  });

  it('waits less for a connection whose FIN and RST are out of window', () => {
    const feed = new Feed();
    talk(feed, ...HANDSHAKE);
    expect(talk(feed, '> FA 999999 501', '< R 1 0').map((s) => s.slice(0, 7))).toEqual([
      'INVALID',
      'INVALID',
    ]);
    // A RST refused by its number does not count; a FIN out of window of the other side does.
    expect(feed.entry).toBe('ESTABLISHED 432000');
    talk(feed, '< FA 999999 101');
    expect(feed.entry).toBe('ESTABLISHED 300');
  });

  it('closes the entry when the host answers with a reset', () => {
    const feed = new Feed();
    talk(feed, ...HANDSHAKE);
    feed.send(segment('> A 101 501'), { dropped: false });
    if (feed.last !== undefined) feed.tracker.answeredByReset(feed.last);
    expect(feed.entry).toBe('CLOSE 10');
  });

  it('leaves no entry when the first packet is answered with a reset', () => {
    const feed = new Feed();
    feed.send(segment('> S 100 0'), { dropped: true });
    if (feed.last !== undefined) feed.tracker.answeredByReset(feed.last);
    expect(feed.tracker.size).toBe(0);
  });
});

describe('TCP cut by the snap length', () => {
  const options = { mss: 1460, sackPermitted: true, timestamp: [1, 0], windowScale: 7 } as const;

  it('is undecided when the header is cut, from then on', () => {
    const feed = new Feed();
    const cut = { snapLength: 34 };
    expect(feed.send(segment('> S 100 0'), cut)).toBe(
      'undecided: TCP header cut by the snap length',
    );
    expect(feed.send(segment('< SA 500 101'))).toBe(
      'undecided: an earlier packet of its connection (begun by packet 1) is cut by the snap length',
    );
  });

  it('has no tuple when the ports are cut', () => {
    const feed = new Feed();
    expect(feed.send(segment('> S 100 0'), { snapLength: 22 })).toBe(
      'undecided: transport header cut by the snap length',
    );
    expect(feed.tracker.size).toBe(0);
  });

  it('knows what does not need the options that are cut', () => {
    const feed = new Feed();
    const cut = { snapLength: 40 };
    expect(feed.send(segment('> S 100 0 1000', options), cut)).toBe('NEW');
    expect(feed.send(segment('< SA 500 101 1000', options), cut)).toBe('ESTABLISHED reply');
    expect(talk(feed, '> A 101 501', '< A 501 101', '> A 101 501 1000 900')).toEqual([
      'ESTABLISHED',
      'ESTABLISHED reply',
      'ESTABLISHED',
    ]);
    const beyond = talk(feed, '> A 60000 501 1000 900')[0];
    expect(beyond).toContain('undecided: sequence number beyond');
    expect(talk(feed, '> FA 1001 501')[0]).toContain('undecided: an earlier packet');
    // Nor is it known when the kernel's entry ends.
    feed.time = 400_000;
    expect(talk(feed, '> A 1002 501')[0]).toContain('undecided: an earlier packet');
  });

  it('does not guess SACK blocks', () => {
    const feed = new Feed();
    feed.send(segment('> S 100 0 1000', options));
    feed.send(segment('< SA 500 101 1000', options));
    talk(feed, '> A 101 501');
    const sack = segment('> A 101 501', { sack: [[601, 701]] });
    expect(feed.send(sack, { snapLength: 44 })).toBe(
      'undecided: TCP options (SACK) cut by the snap length',
    );
  });
});
