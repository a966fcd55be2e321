/**
 * Random fragments that arrive at the host: whole datagrams cut up, then shuffled, lost, repeated,
 * overlapping, with wrong lengths and contradicting ECN. And what our side makes of each.
 */
import { createDefragmenter, DEFRAG_COMPLETE } from '../../src/conntrack/defrag.ts';
import { createTracker } from '../../src/conntrack/tracker.ts';
import { CTSTATE_NAMES } from '../../src/conntrack/types.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { PACKET_OK } from '../../src/packet/fields.ts';
import { buildDatagram, type DatagramSpec, viewOf } from '../support/packets.ts';
import { HOST4, HOST6, Random, type RandomPacket } from './dialogues.ts';

interface Piece {
  offset: number;
  more: boolean;
  payload: Uint8Array;
  tos: number;
  dontFragment: boolean;
}

function bodyOf(datagram: Uint8Array): Uint8Array {
  const four = (datagram[0] ?? 0) >> 4 === 4;
  return datagram.slice(four ? ((datagram[0] ?? 0) & 15) * 4 : 40);
}

function cut(body: Uint8Array, random: Random): Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  while (offset < body.length) {
    const size = 8 * (1 + random.below(6));
    const payload = body.slice(offset, offset + size);
    const more = offset + size < body.length;
    pieces.push({ offset, more, payload, tos: 0, dontFragment: random.chance(0.3) });
    offset += size;
  }
  return pieces;
}

/** Spoils some pieces; mostly leaves them. */
function spoil(pieces: Piece[], random: Random): Piece[] {
  const out = [...pieces];
  const pick = (): Piece => random.pick(pieces);
  if (random.chance(0.15)) out.splice(random.below(out.length), 1);
  if (random.chance(0.3)) out.push({ ...pick() });
  if (random.chance(0.1)) {
    const piece = pick();
    out.push({ ...piece, offset: Math.max(0, piece.offset + random.pick([8, -8, 16])) });
  }
  if (random.chance(0.1)) out.push({ ...pick(), payload: new Uint8Array(random.below(30)) });
  if (random.chance(0.08)) out.push({ ...pick(), more: random.chance(0.5) });
  if (random.chance(0.03)) out.push({ ...pick(), offset: 65_528 });
  if (random.chance(0.15)) {
    const ecn = random.pick([
      [1, 2],
      [3, 2],
      [0, 3],
      [1, 3],
      [2, 0],
    ]);
    for (const [i, piece] of out.entries()) out[i] = { ...piece, tos: ecn[i % 2] ?? 0 };
  }
  if (random.chance(0.7)) {
    for (let i = out.length - 1; i > 0; i--) {
      if (!random.chance(0.5)) continue;
      const j = random.below(i + 1);
      [out[i], out[j]] = [out[j] as Piece, out[i] as Piece];
    }
  }
  return out;
}

function pieceSpec(spec: DatagramSpec, protocol: number, id: number, piece: Piece): DatagramSpec {
  const { source, destination, ipOptions, extensionHeaders } = spec;
  return {
    source,
    destination,
    ...(ipOptions ? { ipOptions } : {}),
    ...(extensionHeaders ? { extensionHeaders } : {}),
    protocol,
    id,
    tos: piece.tos,
    dontFragment: piece.dontFragment,
    fragmentOffset: piece.offset,
    moreFragments: piece.more,
    payload: piece.payload,
  };
}

/** So many fragments, of several datagrams at a time. */
export function randomFragments(seed: number, count: number): RandomPacket[] {
  const random = new Random(seed);
  const packets: RandomPacket[] = [];
  let id = 1;
  const waiting: RandomPacket[][] = [];
  while (packets.length < count) {
    if (waiting.length < 3) {
      const six = random.chance(0.5);
      const source = six ? '2001:db8::2' : '192.0.2.2';
      const destination = six ? HOST6 : HOST4;
      const size = random.pick([0, 4, 9, 40, 100, 200]);
      const base: DatagramSpec = random.pick([
        { source, destination, udp: { sourcePort: 1000 + random.below(9), payload: size } },
        { source, destination, icmp: { type: six ? 128 : 8, id: random.below(9), payload: size } },
        { source, destination, tcp: { flags: 'S', options: { mss: 1460 }, payload: size } },
      ]);
      id += 1;
      // The very identification of another datagram at the same time, now and then.
      if (random.chance(0.05)) id -= 1;
      const more: Partial<DatagramSpec> = {};
      if (random.chance(0.15))
        Object.assign(
          more,
          six
            ? { extensionHeaders: [{ type: 60, body: [1, 4, 0, 0, 0, 0] }] }
            : { ipOptions: [1, 1, 1, 0] },
        );
      const body = bodyOf(buildDatagram(base));
      const protocol = base.udp ? 17 : base.tcp ? 6 : six ? 58 : 1;
      const pieces = spoil(cut(body, random), random);
      waiting.push(
        pieces.map((piece) => {
          const spec = pieceSpec({ ...base, ...more }, protocol, id, piece);
          return { spec, bytes: buildDatagram(spec), local: false, dropped: false };
        }),
      );
    }
    const at = random.below(waiting.length);
    const next = waiting[at]?.shift();
    if (next === undefined) waiting.splice(at, 1);
    else packets.push(next);
  }
  return packets;
}

/** What our side makes of each: 'not seen', or `STATE bytes` as a counting rule would show. */
export function reassembleTraffic(packets: readonly RandomPacket[]): string[] {
  const defragmenter = createDefragmenter();
  const tracker = createTracker();
  return packets.map(({ bytes }, i) => {
    const view = viewOf(bytes, { number: i + 1 });
    if (view.problem !== PACKET_OK) return 'not seen';
    const { status } = defragmenter.add(view);
    if (status !== DEFRAG_COMPLETE) return 'not seen';
    verifyChecksums(view);
    const result = tracker.track(view, false, 0);
    tracker.confirm(view, result);
    return `${CTSTATE_NAMES[result.ctstate]} ${view.totalLength}`;
  });
}
