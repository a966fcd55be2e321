import { describe, expect, it } from 'vitest';
import type { DatagramSpec } from '../support/packets.ts';
import { CLIENT, Feed, SERVER } from './feed.ts';

const INIT = 1;
const INIT_ACK = 2;
const HEARTBEAT = 4;
const HEARTBEAT_ACK = 5;
const ABORT = 6;
const SHUTDOWN = 7;
const SHUTDOWN_ACK = 8;
const COOKIE_ECHO = 10;
const COOKIE_ACK = 11;
const SHUTDOWN_COMPLETE = 14;
const DATA = 0;

const CLIENT_TAG = 0x11111111;
const SERVER_TAG = 0x22222222;

/** Body of INIT and INIT ACK with this tag. */
function initiation(tag: number): number[] {
  return [tag >>> 24, tag >>> 16, tag >>> 8, tag, 0, 1, 0, 0, 0, 5, 0, 5, 0, 0, 0, 1].map(
    (byte) => byte & 255,
  );
}

interface Chunk {
  readonly type: number;
  readonly flags?: number;
  readonly payload?: readonly number[];
}

function packet(
  forward: boolean,
  tag: number,
  ...chunks: readonly (number | Chunk)[]
): DatagramSpec {
  const full = chunks.map((chunk) =>
    typeof chunk === 'number' ? { type: chunk, payload: [0, 0, 0, 0] } : chunk,
  );
  return {
    source: forward ? CLIENT : SERVER,
    destination: forward ? SERVER : CLIENT,
    sctp: {
      sourcePort: forward ? 1000 : 5000,
      destinationPort: forward ? 5000 : 1000,
      verificationTag: tag,
      chunks: full,
    },
  };
}

const init = packet(true, 0, { type: INIT, payload: initiation(CLIENT_TAG) });
const initAck = packet(false, CLIENT_TAG, { type: INIT_ACK, payload: initiation(SERVER_TAG) });
const there = (...chunks: readonly (number | Chunk)[]): DatagramSpec =>
  packet(true, SERVER_TAG, ...chunks);
const back = (...chunks: readonly (number | Chunk)[]): DatagramSpec =>
  packet(false, CLIENT_TAG, ...chunks);

function associated(): Feed {
  const feed = new Feed();
  for (const spec of [init, initAck, there(COOKIE_ECHO), back(COOKIE_ACK)]) feed.send(spec);
  return feed;
}

describe('SCTP associations (seen on Linux 6.18)', () => {
  it('are set up and shut down', () => {
    const feed = new Feed();
    const steps: [DatagramSpec, string, string][] = [
      [init, 'NEW', 'CLOSED 10'],
      [initAck, 'ESTABLISHED reply', 'COOKIE_WAIT 3'],
      [there(COOKIE_ECHO), 'ESTABLISHED', 'COOKIE_ECHOED 3'],
      [back(COOKIE_ACK), 'ESTABLISHED reply', 'ESTABLISHED 210'],
      [there(DATA), 'ESTABLISHED', 'ESTABLISHED 210'],
      [there(SHUTDOWN), 'ESTABLISHED', 'SHUTDOWN_SENT 3'],
      [back(SHUTDOWN_ACK), 'ESTABLISHED reply', 'SHUTDOWN_ACK_SENT 3'],
      [there(SHUTDOWN_COMPLETE), 'ESTABLISHED', 'CLOSED 10'],
    ];
    for (const [spec, state, entry] of steps) {
      expect(feed.send(spec)).toBe(state);
      expect(feed.entry).toBe(entry);
    }
  });

  it('are assured once established', () => {
    const feed = associated();
    expect(feed.connection.status & (1 << 2)).toBe(1 << 2);
  });

  it.each([
    ['INIT', [{ type: INIT, payload: initiation(1) }], 0, 'NEW'],
    ['INIT with a tag', [{ type: INIT, payload: initiation(1) }], 5, 'INVALID'],
    ['INIT cut short', [{ type: INIT, payload: [0, 0, 0, 1] }], 0, 'INVALID'],
    ['INIT ACK', [{ type: INIT_ACK, payload: initiation(1) }], 5, 'INVALID'],
    ['HEARTBEAT', [HEARTBEAT], 5, 'NEW'],
    ['HEARTBEAT ACK', [HEARTBEAT_ACK], 5, 'NEW'],
    ['SHUTDOWN ACK', [SHUTDOWN_ACK], 5, 'NEW'],
    ['SHUTDOWN', [SHUTDOWN], 5, 'INVALID'],
    ['ABORT', [ABORT], 5, 'INVALID'],
    ['COOKIE ECHO', [COOKIE_ECHO], 5, 'INVALID'],
    ['COOKIE ACK', [COOKIE_ACK], 5, 'INVALID'],
    ['SHUTDOWN COMPLETE', [SHUTDOWN_COMPLETE], 5, 'INVALID'],
    ['DATA', [DATA], 5, 'INVALID'],
    ['an unknown chunk', [99], 5, 'INVALID'],
    ['no chunk', [], 5, 'INVALID'],
    ['HEARTBEAT and DATA', [HEARTBEAT, DATA], 5, 'INVALID'],
  ])('%s alone', (_, chunks, tag, expected) => {
    expect(new Feed().send(packet(true, tag, ...chunks))).toContain(expected);
  });

  it('check the verification tag', () => {
    const feed = associated();
    expect(feed.send(packet(true, CLIENT_TAG, DATA))).toBe('INVALID: wrong SCTP verification tag');
    expect(feed.send(packet(true, 0, ABORT))).toContain('INVALID');
    expect(feed.send(packet(true, CLIENT_TAG, ABORT))).toContain('INVALID');
    expect(feed.entry).toBe('ESTABLISHED 210');
    expect(feed.send(packet(true, CLIENT_TAG, { type: ABORT, flags: 1 }))).toBe('ESTABLISHED');
    expect(feed.entry).toBe('CLOSED 10');
  });

  it('refuse chunks that must be alone or first', () => {
    const feed = associated();
    expect(feed.send(there(DATA, COOKIE_ECHO))).toBe('INVALID: SCTP chunks not in order');
    expect(feed.send(there(SHUTDOWN_COMPLETE, DATA))).toContain('INVALID');
    expect(feed.send(there(COOKIE_ECHO, DATA))).toBe('ESTABLISHED');
  });

  it('do not let the INIT ACK of a lost collision change the tag', () => {
    const feed = associated();
    const late = there({ type: INIT_ACK, payload: initiation(7) });
    expect(feed.send(late)).toBe('INVALID: wrong SCTP verification tag');
    expect(feed.send(back(DATA))).toBe('ESTABLISHED reply');
  });

  it('of a collision go on by cookies from either side', () => {
    const feed = new Feed();
    feed.send(init);
    const other = packet(false, 0, { type: INIT, payload: initiation(SERVER_TAG) });
    expect(feed.send(other)).toBe('ESTABLISHED reply');
    expect(feed.send(there({ type: INIT_ACK, payload: initiation(CLIENT_TAG) }))).toBe(
      'ESTABLISHED',
    );
    expect(feed.send(initAck)).toBe('ESTABLISHED reply');
    expect(feed.entry).toBe('COOKIE_WAIT 3');
    expect(feed.send(back(COOKIE_ECHO))).toBe('ESTABLISHED reply');
    expect(feed.entry).toBe('COOKIE_ECHOED 3');
    expect(feed.send(there(COOKIE_ACK))).toBe('ESTABLISHED');
    expect(feed.entry).toBe('ESTABLISHED 210');
  });

  it('do not live longer for an INIT sent again', () => {
    const feed = new Feed();
    feed.send(init);
    feed.time = 9;
    expect(feed.send(init)).toBe('NEW');
    expect(feed.entry).toBe('CLOSED 1');
  });

  it('let a heartbeat of another path pass, and take its tag when it is answered', () => {
    const feed = associated();
    expect(feed.send(packet(true, 7, HEARTBEAT))).toBe('ESTABLISHED');
    expect(feed.send(packet(true, 7, DATA))).toContain('INVALID');
    expect(feed.send(packet(false, 9, HEARTBEAT_ACK))).toBe('ESTABLISHED reply');
    expect(feed.send(packet(false, 9, DATA))).toBe('ESTABLISHED reply');
  });

  it('are INVALID with a wrong checksum when arriving', () => {
    const bad = { ...init, sctp: { ...init.sctp, checksum: 'bad' } } as const;
    expect(new Feed().send(bad)).toBe('INVALID: bad SCTP checksum');
    expect(new Feed().send(bad, { local: true })).toBe('NEW');
  });

  it('are undecided when chunks are cut by the snap length', () => {
    expect(new Feed().send(init, { snapLength: 30 })).toBe(
      'undecided: SCTP header cut by the snap length',
    );
    expect(new Feed().send(init, { snapLength: 40 })).toBe(
      'undecided: SCTP chunks cut by the snap length',
    );
  });
});
