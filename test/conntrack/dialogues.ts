/**
 * Random traffic for comparing the tracker: TCP dialogues that mostly make sense and are disturbed on
 * purpose (sequence numbers around the windows, resets, retransmissions, mid-stream starts), SCTP
 * associations, UDP, ICMP with errors, GRE and others. Seeded: the same seed gives the same packets.
 */
import { buildDatagram, type DatagramSpec, type TcpOptions } from '../support/packets.ts';

/** Packets with this TTL are dropped by the rules of the comparison, at the last hook. */
export const DROPPED_TTL = 77;
export const HOST4 = '192.0.2.1';
export const HOST6 = '2001:db8::1';
const PEERS4 = ['192.0.2.2', '192.0.2.3', '198.51.100.7'];
const PEERS6 = ['2001:db8::2', '2001:db8::3', '2001:db8:1::7'];

/** A packet of the traffic. */
export interface RandomPacket {
  readonly spec: DatagramSpec;
  readonly bytes: Uint8Array;
  /** Sent by the host. */
  readonly local: boolean;
  /** Dropped by the rules, so that it confirms nothing. */
  readonly dropped: boolean;
}

/** A generator of numbers, mulberry32. */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = seed | 0;
  }
  /** 0 <= x < 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  /** 0 <= n < limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
  word(): number {
    return Math.floor(this.next() * 4294967296);
  }
}

interface Side {
  readonly address: string;
  readonly port: number;
  /** Next sequence number to send. */
  sequence: number;
  scale: number;
  sack: boolean;
  last: DatagramSpec | undefined;
}

/** Something that makes one packet after another. */
interface Talk {
  step(random: Random): RandomPacket;
}

function made(spec: DatagramSpec, random: Random): RandomPacket {
  const dropped = random.chance(0.03);
  const whole = dropped ? { ...spec, ttl: DROPPED_TTL } : spec;
  const local = spec.source === HOST4 || spec.source === HOST6;
  return { spec: whole, bytes: buildDatagram(whole), local, dropped };
}

const OFFSETS = [
  0, 1, -1, 2, 100, -100, 1460, -1460, 64240, -64240, 65535, 65536, -65535, 65999, 66000, 66001,
  -65999, -66000, -66001, -66002, 131_070, 0x7fffffff, -0x7fffffff, 1_000_000, -1_000_000,
];

/** Flags by what the side would say next; disturbed now and then. */
const ODD_FLAGS = [
  'S',
  'SA',
  'A',
  'PA',
  'FA',
  'R',
  'RA',
  'F',
  'SF',
  '',
  'U',
  'AU',
  'SU',
  'FAU',
  'FPU',
  'SR',
  'SEC',
  'AEC',
  'FR',
  'SAU',
];

class TcpTalk implements Talk {
  private readonly sides: readonly [Side, Side];
  private stage = 0;
  private midStream: boolean;

  constructor(random: Random, port: number, six: boolean) {
    const host = six ? HOST6 : HOST4;
    const peer = random.pick(six ? PEERS6 : PEERS4);
    const inbound = random.chance(0.5);
    const side = (address: string, own: number): Side => ({
      address,
      port: own,
      sequence: random.chance(0.3) ? -random.below(2000) >>> 0 : random.word(),
      scale: random.pick([-1, 0, 2, 7, 14, 15]),
      sack: random.chance(0.6),
      last: undefined,
    });
    this.sides = [side(inbound ? peer : host, port), side(inbound ? host : peer, 80)];
    this.midStream = random.chance(0.25);
    if (this.midStream) this.stage = 3;
  }

  private options(side: Side, random: Random): TcpOptions {
    const options: { -readonly [K in keyof TcpOptions]: TcpOptions[K] } = {};
    if (random.chance(0.8)) options.mss = 1460;
    if (side.sack) options.sackPermitted = true;
    if (side.scale >= 0) options.windowScale = side.scale;
    if (random.chance(0.3)) options.timestamp = [1, 0];
    return options;
  }

  private segment(from: 0 | 1, flags: string, length: number, random: Random): DatagramSpec {
    const me = this.sides[from];
    const other = this.sides[1 - from] as Side;
    const syn = flags.includes('S');
    let sequence = me.sequence;
    let acknowledgement = flags.includes('A') ? other.sequence : 0;
    let options: TcpOptions = syn ? this.options(me, random) : {};
    if (!syn && random.chance(0.1)) {
      const right = (other.sequence + random.pick(OFFSETS)) >>> 0;
      options = { sack: [[(right - 100) >>> 0, right]] };
    }
    const window = random.chance(0.1) ? random.pick([0, 1, 100, 65535]) : 64240;
    if (random.chance(0.12)) sequence = (sequence + random.pick(OFFSETS)) >>> 0;
    else if (random.chance(0.02)) sequence = random.pick([0, random.word()]);
    else me.sequence = (sequence + length + (syn || flags.includes('F') ? 1 : 0)) >>> 0;
    if (random.chance(0.12)) acknowledgement = (acknowledgement + random.pick(OFFSETS)) >>> 0;
    return {
      source: me.address,
      destination: other.address,
      tcp: {
        sourcePort: me.port,
        destinationPort: other.port,
        flags,
        sequence,
        acknowledgement,
        window,
        options,
        payload: length,
      },
    };
  }

  /** What would come next in a well-behaved connection. */
  private plausible(random: Random): [0 | 1, string, number] {
    switch (this.stage) {
      case 0:
        this.stage = random.chance(0.85) ? 1 : 0;
        return [0, 'S', 0];
      case 1:
        this.stage = random.chance(0.85) ? 2 : 1;
        return random.chance(0.08) ? [1, 'S', 0] : [1, 'SA', 0];
      case 2:
        this.stage = 3;
        return [0, 'A', 0];
      case 3: {
        const from = random.below(2) as 0 | 1;
        if (random.chance(0.12)) {
          this.stage = 4;
          return [from, 'FA', 0];
        }
        return [from, 'A', random.pick([0, 0, 1, 100, 1460, 5000])];
      }
      case 4:
        if (random.chance(0.2)) this.stage = 5;
        return [random.below(2) as 0 | 1, random.pick(['A', 'FA', 'FA', 'A', 'R']), 0];
      default:
        if (random.chance(0.4)) this.stage = 0;
        return [0, random.pick(['A', 'R', 'RA', 'S']), 0];
    }
  }

  step(random: Random): RandomPacket {
    const odd = random.next();
    const anyone = random.below(2) as 0 | 1;
    if (odd < 0.1) {
      const { last } = this.sides[anyone];
      if (last !== undefined) {
        // The very same again, sometimes often.
        return made(last, random);
      }
    }
    let spec: DatagramSpec;
    if (odd < 0.22)
      spec = this.segment(anyone, random.pick(ODD_FLAGS), random.pick([0, 0, 10]), random);
    else if (odd < 0.24) spec = this.broken(anyone, random);
    else spec = this.segment(...this.plausible(random), random);
    this.sides[spec.tcp?.sourcePort === this.sides[0].port ? 0 : 1].last = spec;
    return made(spec, random);
  }

  private broken(from: 0 | 1, random: Random): DatagramSpec {
    const spec = this.segment(from, 'A', 0, random);
    const tcp = spec.tcp ?? {};
    return {
      ...spec,
      tcp: random.pick([
        { ...tcp, checksum: 'bad' },
        { ...tcp, dataOffset: 4 },
        { ...tcp, dataOffset: 9 },
        { ...tcp, options: [2, 0, 0, 0] },
        { ...tcp, options: [5, 10, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 1] },
        { ...tcp, flags: 'S', options: [3, 3, 200, 0] },
        { ...tcp, flags: 'S', options: [1, 3, 3, 5, 4, 2, 2, 9] },
      ]),
    };
  }
}

/** Datagrams, requests, errors about what was sent before: all that is not TCP or SCTP. */
class OtherTalk implements Talk {
  private readonly host: string;
  private readonly peer: string;
  private readonly six: boolean;
  private readonly port: number;
  private sent: RandomPacket[] = [];

  constructor(random: Random, port: number, six: boolean) {
    this.six = six;
    this.host = six ? HOST6 : HOST4;
    this.peer = random.pick(six ? PEERS6 : PEERS4);
    this.port = port;
  }

  step(random: Random): RandomPacket {
    const inbound = random.chance(0.5);
    const source = inbound ? this.peer : this.host;
    const destination = inbound ? this.host : this.peer;
    const packet = made({ source, destination, ...this.content(random, inbound) }, random);
    this.sent.push(packet);
    return packet;
  }

  private content(random: Random, inbound: boolean): Partial<DatagramSpec> {
    const ports = { sourcePort: this.port, destinationPort: 53 };
    const turned = { sourcePort: 53, destinationPort: this.port };
    switch (random.below(8)) {
      case 0:
      case 1: {
        const udp = inbound ? ports : turned;
        const wrong = random.pick([
          {},
          {},
          {},
          {},
          { checksum: 'bad' as const },
          { checksum: 0 },
          { length: 4 },
          { length: 900 },
        ]);
        return { udp: { ...udp, payload: random.below(20), ...wrong } };
      }
      case 2: {
        const lite = inbound ? ports : turned;
        const wrong = random.pick([
          {},
          {},
          { length: 8 },
          { length: 4 },
          { checksum: 'bad' as const },
          { checksum: 0 },
        ]);
        return { udpLite: { ...lite, payload: 12, ...wrong } };
      }
      case 3:
        return { icmp: this.query(random) };
      case 4:
      case 5:
        return { icmp: this.error(random) };
      case 6:
        return random.pick<Partial<DatagramSpec>>([
          { protocol: 47, payload: [0, 0, 8, 0, 1, 2, 3, 4] },
          { protocol: 47, payload: [0x30, 1, 0x88, 0x0b, 0, 4, 0, random.below(3), 0, 0, 0, 1] },
          { protocol: 47, payload: [0x30, 1, 0x88, 0x0c, 0, 4, 0, 1] },
          { protocol: 47, payload: [0x30, 1] },
          { protocol: 47, payload: [0x30, 1, 0x88, 0x0b, 0, 4] },
        ]);
      default:
        return random.pick<Partial<DatagramSpec>>([
          { protocol: 50, payload: 16 },
          { protocol: 33, payload: 16 },
          { protocol: 253, payload: 0 },
          { protocol: 17, payload: 6 },
          { protocol: 17, payload: 3 },
          { protocol: 6, payload: 12 },
          { protocol: this.six ? 58 : 1, payload: 7 },
          { protocol: this.six ? 1 : 58, payload: [8, 0, 0, 0, 0, 1, 0, 1] },
          { protocol: 59, payload: 4 },
        ]);
    }
  }

  private query(random: Random): NonNullable<DatagramSpec['icmp']> {
    const types = this.six
      ? [128, 128, 129, 129, 139, 140, 130, 133, 135, 136, 137, 143, 144, 200, 255]
      : [8, 8, 0, 0, 13, 14, 15, 16, 17, 18, 9, 10, 19, 40, 255];
    const type = random.pick(types);
    const checksum = random.chance(0.1) ? ('bad' as const) : ('good' as const);
    return { type, code: random.pick([0, 0, 0, 0, 1]), id: random.below(2), payload: 8, checksum };
  }

  private error(random: Random): NonNullable<DatagramSpec['icmp']> {
    const type = random.pick(this.six ? [1, 2, 3, 4, 5, 100, 0] : [3, 3, 4, 5, 11, 12]);
    const about = this.sent.length > 0 ? random.pick(this.sent).bytes : new Uint8Array(28);
    const most = random.pick([8, 20, 24, 28, 40, 44, 48, 600, 600, 600]);
    const payload = about.slice(0, most);
    if (random.chance(0.1) && payload.length > 8)
      payload[random.below(payload.length)] = random.below(256);
    return { type, code: random.below(3), rest: 0, payload };
  }
}

const CHUNKS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14];

class SctpTalk implements Talk {
  private readonly sides: readonly [string, string];
  private readonly port: number;
  /** Tags that each side expects to get. */
  private readonly tags: [number, number];
  private stage = 0;

  constructor(random: Random, port: number, six: boolean) {
    const host = six ? HOST6 : HOST4;
    const peer = random.pick(six ? PEERS6 : PEERS4);
    this.sides = random.chance(0.5) ? [host, peer] : [peer, host];
    this.port = port;
    this.tags = [random.word(), random.word()];
  }

  private next(random: Random): [0 | 1, number[]] {
    const flow: readonly [0 | 1, number[]][] = [
      [0, [1]],
      [1, [2]],
      [0, [10]],
      [1, [11]],
      [0, [0]],
      [1, [3]],
      [0, [4]],
      [1, [5]],
      [0, [7]],
      [1, [8]],
      [0, [14]],
    ];
    if (random.chance(0.3)) {
      const several = random.chance(0.25)
        ? [random.pick(CHUNKS), random.pick(CHUNKS)]
        : [random.pick(CHUNKS)];
      return [random.below(2) as 0 | 1, several];
    }
    const step = flow[this.stage % flow.length] as [0 | 1, number[]];
    if (random.chance(0.9)) this.stage += 1;
    return step;
  }

  step(random: Random): RandomPacket {
    const [from, types] = this.next(random);
    const to = (1 - from) as 0 | 1;
    const init = types.includes(1);
    let tag = init ? 0 : this.tags[to];
    if (random.chance(0.1)) tag = random.pick([0, this.tags[0], this.tags[1], random.word()]);
    const chunks = types.map((type) => ({
      type,
      flags: random.chance(0.15) ? 1 : 0,
      payload: type === 1 || type === 2 ? this.initiation(from, random) : random.pick([4, 4, 0, 5]),
    }));
    const ports =
      from === 0
        ? { sourcePort: this.port, destinationPort: 5000 }
        : { sourcePort: 5000, destinationPort: this.port };
    const checksum = random.chance(0.03) ? ('bad' as const) : ('good' as const);
    const sctp = {
      ...ports,
      verificationTag: tag,
      chunks: random.chance(0.02) ? [] : chunks,
      checksum,
    };
    return made({ source: this.sides[from], destination: this.sides[to], sctp }, random);
  }

  private initiation(from: 0 | 1, random: Random): number[] {
    const tag = this.tags[from];
    const bytes = [tag >>> 24, tag >>> 16, tag >>> 8, tag].map((byte) => byte & 255);
    const rest = [0, 1, 0, 0, 0, 5, 0, 5, 0, 0, 0, 1];
    return random.chance(0.05) ? bytes : [...bytes, ...rest];
  }
}

export type Kind = 'tcp' | 'sctp' | 'other';

/** So many packets of interleaved talks of the kinds given. */
export function randomTraffic(seed: number, count: number, kinds: readonly Kind[]): RandomPacket[] {
  const random = new Random(seed);
  const packets: RandomPacket[] = [];
  const talks: Talk[] = [];
  let port = 20_000;
  while (packets.length < count) {
    if (talks.length < 5 || random.chance(0.03)) {
      const kind = random.pick(kinds);
      const six = random.chance(0.4);
      port += 1;
      if (kind === 'tcp') talks.push(new TcpTalk(random, port, six));
      else if (kind === 'sctp') talks.push(new SctpTalk(random, port, six));
      else talks.push(new OtherTalk(random, port, six));
    }
    packets.push(random.pick(talks).step(random));
    if (talks.length > 5 && random.chance(0.1)) talks.splice(random.below(talks.length), 1);
  }
  return packets;
}
