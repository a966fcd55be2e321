/**
 * What hosts say to each other, as scripts of segments: TCP connections from handshake to close, DNS
 * queries, pings, UDP streams, refused connections. Each is a generator that yields one packet at a
 * time, so that thousands can be interleaved.
 */
import type { Endpoint, Segment } from './frames.ts';
import type { Random } from './random.ts';

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const ACK = 0x10;
const MSS = 1448;
/** NOP NOP timestamp; the values stay the same, as nobody here looks at them. */
const TIMESTAMP = [0x0101080a, 0x00010000, 0x00020000];
/** MSS 1460, SACK permitted, timestamp, NOP, window scale 7. */
const SYN_OPTIONS = [0x020405b4, 0x0402080a, 0x00010000, 0x00000000, 0x01030307];

/** Two ends of a conversation; the client speaks first. */
export interface Pair {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

const EMPTY = {
  sequence: 0,
  acknowledgement: 0,
  flags: 0,
  options: [],
  payloadLength: 0,
  typeCode: 0,
  rest: 0,
};

function udp(from: Endpoint, to: Endpoint, payloadLength: number): Segment {
  return { ...EMPTY, protocol: 17, from, to, payloadLength };
}

/** Both directions of a TCP connection. */
class TcpConnection {
  private readonly sequence: [number, number];
  private readonly ends: readonly [Endpoint, Endpoint];

  constructor(pair: Pair, random: Random) {
    this.ends = [pair.client, pair.server];
    this.sequence = [random.word(), random.word()];
  }

  /** A segment from the client (0) or the server (1). */
  segment(side: 0 | 1, flags: number, payloadLength = 0): Segment {
    const other = side === 0 ? 1 : 0;
    const sequence = this.sequence[side];
    const step = payloadLength + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    this.sequence[side] = (sequence + step) >>> 0;
    // Written out: a spread here would take most of the time.
    return {
      protocol: 6,
      from: this.ends[side],
      to: this.ends[other],
      sequence,
      acknowledgement: (flags & ACK) !== 0 ? this.sequence[other] : 0,
      flags,
      options: (flags & SYN) !== 0 ? SYN_OPTIONS : TIMESTAMP,
      payloadLength,
      typeCode: 0,
      rest: 0,
    };
  }
}

/** A connection of about `packets` packets: requests, answers, acknowledgements, close. */
export function* tcp(pair: Pair, random: Random, packets: number): Generator<Segment> {
  const connection = new TcpConnection(pair, random);
  yield connection.segment(0, SYN);
  yield connection.segment(1, SYN | ACK);
  yield connection.segment(0, ACK);
  let left = packets - 7;
  while (left > 0) {
    yield connection.segment(0, PSH | ACK, 80 + random.below(600));
    yield connection.segment(1, ACK);
    left -= 2;
    for (let burst = random.geometric(8); burst > 0 && left > 0; burst--) {
      yield connection.segment(1, burst === 1 ? PSH | ACK : ACK, burst === 1 ? 300 : MSS);
      left -= 1;
      if (burst % 2 === 1) {
        yield connection.segment(0, ACK);
        left -= 1;
      }
    }
  }
  if (random.chance(0.1)) {
    yield connection.segment(0, RST | ACK);
    return;
  }
  yield connection.segment(0, FIN | ACK);
  yield connection.segment(1, ACK);
  yield connection.segment(1, FIN | ACK);
  yield connection.segment(0, ACK);
}

/** A connection to a closed port. */
export function* refused(pair: Pair, random: Random): Generator<Segment> {
  const connection = new TcpConnection(pair, random);
  yield connection.segment(0, SYN);
  yield connection.segment(1, RST | ACK);
}

/** A query and its answer. */
export function* dns(pair: Pair, random: Random): Generator<Segment> {
  yield udp(pair.client, pair.server, 25 + random.below(30));
  yield udp(pair.server, pair.client, 60 + random.below(300));
}

/** A stream in both directions between the same ports, as of QUIC, voice or a DNS forwarder. */
export function* stream(pair: Pair, random: Random, packets: number): Generator<Segment> {
  for (let i = 0; i < packets; i++) {
    const answers = i > 0 && random.chance(0.6);
    const [from, to] = answers ? [pair.server, pair.client] : [pair.client, pair.server];
    yield udp(from, to, answers ? 200 + random.below(1000) : 40 + random.below(100));
  }
}

/** Echo requests and replies. */
export function* ping(pair: Pair, packets: number): Generator<Segment> {
  const four = pair.client.address.length === 1;
  const [request, reply] = four ? [0x0800, 0x0000] : [0x8000, 0x8100];
  const base = { ...EMPTY, protocol: four ? 1 : 58, payloadLength: 56 };
  for (let i = 1; i <= packets / 2; i++) {
    const rest = ((pair.client.port << 16) | i) >>> 0;
    yield { ...base, from: pair.client, to: pair.server, typeCode: request, rest };
    yield { ...base, from: pair.server, to: pair.client, typeCode: reply, rest };
  }
}
