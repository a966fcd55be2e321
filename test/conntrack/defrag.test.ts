import { describe, expect, it } from 'vitest';
import {
  createDefragmenter,
  DEFRAG_COMPLETE,
  DEFRAG_DROPPED,
  DEFRAG_QUEUED,
  DEFRAG_UNDECIDED,
  type Defragmenter,
} from '../../src/conntrack/defrag.ts';
import { verifyChecksums } from '../../src/packet/checksum.ts';
import { CHECKSUM_GOOD, isFragment, PACKET_OK, type PacketView } from '../../src/packet/fields.ts';
import {
  buildDatagram,
  type DatagramSpec,
  ethernetFrame,
  type FrameSpec,
  fragmentDatagram,
  viewOf,
} from '../support/packets.ts';

const four: DatagramSpec = {
  source: '192.0.2.2',
  destination: '192.0.2.1',
  udp: { sourcePort: 1000, destinationPort: 2000, payload: 100 },
};
const six: DatagramSpec = { ...four, source: '2001:db8::2', destination: '2001:db8::1' };

const NAMES = ['complete', 'queued', 'dropped', 'undecided'];

/** Adds datagrams in turn and gives what became of each; the views are kept. */
function addAll(
  defragmenter: Defragmenter,
  datagrams: readonly Uint8Array[],
  frame: FrameSpec = {},
): { states: string[]; views: PacketView[] } {
  const views = datagrams.map((bytes, i) => viewOf(bytes, { number: i + 1, ...frame }));
  const states = views.map((view) => NAMES[defragmenter.add(view).status] ?? '');
  return { states, views };
}

function piece(
  spec: DatagramSpec,
  offset: number,
  length: number,
  more: boolean,
  also: Partial<DatagramSpec> = {},
): Uint8Array {
  const { source, destination } = spec;
  return buildDatagram({
    source,
    destination,
    protocol: 17,
    id: 7,
    fragmentOffset: offset,
    moreFragments: more,
    payload: length,
    ...also,
  });
}

describe.each([
  ['IPv4', four],
  ['IPv6', six],
])('reassembly of %s', (_, spec) => {
  const whole = buildDatagram(spec);
  const parts = fragmentDatagram(whole, 48, 9);

  it('gives the datagram as it was before it was cut', () => {
    const { states, views } = addAll(createDefragmenter(), parts);
    expect(states).toEqual(['queued', 'queued', 'complete']);
    const view = views[2] as PacketView;
    verifyChecksums(view);
    expect(view).toMatchObject({
      problem: PACKET_OK,
      number: 3,
      totalLength: whole.length,
      protocol: 17,
      sourcePort: 1000,
      destinationPort: 2000,
      transportLength: 108,
      transportCaptured: 108,
      transportChecksum: CHECKSUM_GOOD,
      fragmentHeaderOffset: -1,
    });
    expect(isFragment(view)).toBe(false);
    const transport = view.bytes.slice(view.transportOffset, view.transportOffset + 108);
    expect(transport).toEqual(whole.slice(-108));
  });

  it('takes fragments in any order', () => {
    const [a, b, c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    for (const order of [
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a],
    ]) {
      const { states, views } = addAll(createDefragmenter(), order);
      expect(states).toEqual(['queued', 'queued', 'complete']);
      expect(views[2]?.sourcePort).toBe(1000);
    }
  });

  it('keeps datagrams apart by identification', () => {
    const other = fragmentDatagram(whole, 48, 10);
    const mixed = parts.flatMap((part, i) => [part, other[i] as Uint8Array]);
    const { states } = addAll(createDefragmenter(), mixed);
    expect(states).toEqual(['queued', 'queued', 'queued', 'queued', 'complete', 'complete']);
  });

  it('drops what is there already, and keeps the rest', () => {
    const [a, b, c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    expect(addAll(createDefragmenter(), [a, a, b, a, c]).states).toEqual([
      'queued',
      'dropped',
      'queued',
      'dropped',
      'complete',
    ]);
  });

  it('drops the whole datagram when fragments overlap', () => {
    const defragmenter = createDefragmenter();
    const { states } = addAll(defragmenter, [
      piece(spec, 0, 48, true),
      piece(spec, 40, 24, true),
      piece(spec, 48, 16, false),
    ]);
    expect(states).toEqual(['queued', 'dropped', 'queued']);
    expect(defragmenter.size).toBe(1);
  });

  it('gives up what does not come in time, counted from the first', () => {
    const limit = spec === four ? 30 : 60;
    const defragmenter = createDefragmenter();
    const [a, b, c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    const at = (seconds: number): FrameSpec => ({ timeSeconds: 1_700_000_000 + seconds });
    addAll(defragmenter, [a], at(0));
    addAll(defragmenter, [b], at(limit - 1));
    expect(addAll(defragmenter, [c], at(limit)).states).toEqual(['queued']);
    expect(defragmenter.size).toBe(1);
  });

  it('takes the first fragment for hop limit and addresses, the last for number and time', () => {
    const frames = parts.map((part, i) => {
      const copy = part.slice();
      copy[spec === four ? 8 : 7] = 60 + i;
      return ethernetFrame(copy, { sourceMac: `02:00:00:00:00:0${i + 5}` });
    });
    const [a, b, c] = frames as [Uint8Array, Uint8Array, Uint8Array];
    const { states, views } = addAll(createDefragmenter(), [c, a, b], { linkType: 1 });
    expect(states).toEqual(['queued', 'queued', 'complete']);
    const view = views[2] as PacketView;
    expect(view).toMatchObject({ number: 3, ttl: 60, linkType: 1 });
    const { sourceMacOffset: at } = view;
    expect([...view.bytes.slice(at, at + 6)]).toEqual([2, 0, 0, 0, 0, 5]);
    const to = view.destinationMacOffset;
    expect([...view.bytes.slice(to, to + 6)]).toEqual([2, 0, 0, 0, 0, 2]);
  });

  it('combines ECN, and drops what contradicts (RFC 3168, 5.3)', () => {
    const withEcn = (
      ...codepoints: readonly number[]
    ): [string | undefined, number | undefined] => {
      const pieces = [
        piece(spec, 0, 48, true),
        piece(spec, 48, 48, true),
        piece(spec, 96, 12, false),
      ];
      for (const [i, codepoint] of codepoints.entries()) {
        const bytes = pieces[i] as Uint8Array;
        if (spec === four) bytes[1] = codepoint;
        else bytes[1] = codepoint << 4;
      }
      const { states, views } = addAll(createDefragmenter(), pieces);
      return [states[2], views[2]?.tos];
    };
    expect(withEcn(2, 2, 2)).toEqual(['complete', 2]);
    expect(withEcn(2, 3, 2)).toEqual(['complete', 3]);
    expect(withEcn(1, 2, 1)).toEqual(['complete', 1]);
    expect(withEcn(0, 3, 0)[0]).toBe('dropped');
    expect(withEcn(2, 0, 2)[0]).toBe('dropped');
  });

  it('knows what the snap length leaves of it', () => {
    const frame = (bytes: Uint8Array): PacketView => viewOf(bytes, { capturedLength: 60 });
    const defragmenter = createDefragmenter();
    const views = parts.map(frame);
    expect(views.map((view) => defragmenter.add(view).status)).toEqual([
      DEFRAG_QUEUED,
      DEFRAG_QUEUED,
      DEFRAG_COMPLETE,
    ]);
    const captured = spec === four ? 40 : 12;
    expect(views[2]).toMatchObject({
      totalLength: whole.length,
      sourcePort: 1000,
      transportLength: 108,
      transportCaptured: captured,
    });
  });

  it('leaves all other packets alone', () => {
    const view = viewOf(whole);
    const { bytes } = view;
    expect(createDefragmenter().add(view).status).toBe(DEFRAG_COMPLETE);
    expect(view.bytes).toBe(bytes);
  });

  it('does not take more than the kernel has memory for', () => {
    const option = spec === four ? 'ipfragHighThreshBytes' : 'frag6HighThreshBytes';
    const defragmenter = createDefragmenter({ [option]: 20_000 });
    const states = new Set<string>();
    for (let id = 0; id < 200; id++)
      for (const state of addAll(defragmenter, [piece(spec, 0, 400, true, { id })]).states)
        states.add(state);
    expect(states).toEqual(new Set(['queued', 'dropped']));
    expect(defragmenter.size).toBeLessThan(40);
  });

  it('is undecided about a datagram that the kernel may have had no memory for', () => {
    const option = spec === four ? 'ipfragHighThreshBytes' : 'frag6HighThreshBytes';
    const defragmenter = createDefragmenter({ [option]: 20_000 });
    for (let id = 0; id < 8; id++) addAll(defragmenter, [piece(spec, 0, 400, true, { id })]);
    const { states } = addAll(defragmenter, parts);
    expect(states).toEqual(['queued', 'queued', 'undecided']);
  });
});

describe('IPv4 only', () => {
  it('cuts a middle fragment to whole words of 8 bytes', () => {
    const { states, views } = addAll(createDefragmenter(), [
      piece(four, 0, 20, true),
      piece(four, 16, 8, false),
    ]);
    expect(states).toEqual(['queued', 'complete']);
    expect(views[1]?.totalLength).toBe(44);
  });

  it('drops the whole datagram for an empty fragment or a second end', () => {
    for (const bad of [
      piece(four, 8, 0, true),
      piece(four, 64, 8, true),
      piece(four, 16, 8, false),
    ]) {
      const { states } = addAll(createDefragmenter(), [
        piece(four, 48, 8, false),
        bad,
        piece(four, 0, 48, true),
      ]);
      expect(states).toEqual(['queued', 'dropped', 'queued']);
    }
  });

  it('keeps "don\'t fragment" when the largest fragments had it', () => {
    const flags = (a: boolean, b: boolean): number | undefined =>
      addAll(createDefragmenter(), [
        piece(four, 0, 48, true, { dontFragment: a }),
        piece(four, 48, 8, false, { dontFragment: b }),
      ]).views[1]?.dontFragment;
    expect(flags(true, true)).toBe(1);
    expect(flags(true, false)).toBe(1);
    expect(flags(false, true)).toBe(0);
  });

  it("keeps the first fragment's IP options", () => {
    const { views } = addAll(createDefragmenter(), [
      piece(four, 0, 48, true, { ipOptions: [1, 1, 1, 0] }),
      piece(four, 48, 8, false),
    ]);
    expect(views[1]).toMatchObject({ networkHeaderLength: 24, totalLength: 24 + 56 });
  });

  it('drops a datagram longer than 65535 bytes', () => {
    const { states } = addAll(createDefragmenter(), [
      piece(four, 0, 32_768, true),
      piece(four, 32_768, 32_760, true),
      piece(four, 65_528, 7, false),
    ]);
    expect(states).toEqual(['queued', 'queued', 'dropped']);
  });

  it('begins anew after more than 64 other fragments of the source (ipfrag_max_dist)', () => {
    const between = (count: number): string | undefined => {
      const defragmenter = createDefragmenter();
      addAll(defragmenter, [piece(four, 0, 48, true)]);
      for (let id = 0; id < count; id++)
        addAll(defragmenter, [piece(four, 0, 8, true, { id: 100 + id })]);
      return addAll(defragmenter, [piece(four, 48, 8, false)]).states[0];
    };
    expect(between(63)).toBe('complete');
    expect(between(64)).toBe('queued');
  });
});

describe('IPv6 only', () => {
  it('drops only the fragment that is empty or beyond the end', () => {
    for (const bad of [piece(six, 8, 0, true), piece(six, 64, 8, true), piece(six, 16, 8, false)]) {
      const { states } = addAll(createDefragmenter(), [
        piece(six, 48, 8, false),
        bad,
        piece(six, 0, 48, true),
      ]);
      expect(states).toEqual(['queued', 'dropped', 'complete']);
    }
  });

  it('passes a middle fragment that is no multiple of 8 as it is, and gives up the rest', () => {
    const defragmenter = createDefragmenter();
    const { states, views } = addAll(defragmenter, [
      piece(six, 48, 8, false),
      piece(six, 0, 45, true),
    ]);
    expect(states).toEqual(['queued', 'complete']);
    expect(views[1]).toMatchObject({ moreFragments: 1, totalLength: 93 });
    expect(defragmenter.size).toBe(0);
  });

  it('passes a first fragment without all headers as it is', () => {
    const defragmenter = createDefragmenter();
    const { states, views } = addAll(defragmenter, [
      piece(six, 0, 0, true, { payload: [1, 2, 3] }),
    ]);
    expect(states).toEqual(['complete']);
    expect(views[0]?.moreFragments).toBe(1);
    expect(defragmenter.size).toBe(0);
  });

  it('takes the fragment header out of a packet that is whole by itself', () => {
    const { states, views } = addAll(createDefragmenter(), [buildDatagram({ ...six, id: 5 })]);
    expect(states).toEqual(['complete']);
    expect(views[0]).toMatchObject({
      totalLength: 40 + 108,
      fragmentHeaderOffset: -1,
      protocol: 17,
    });
  });

  it('keeps extension headers before the fragment header', () => {
    const extensionHeaders = [
      { type: 0, body: [1, 4, 0, 0, 0, 0] },
      { type: 43, body: [0, 0, 0, 0, 0, 0] },
    ];
    const whole = buildDatagram({ ...six, extensionHeaders });
    const { states, views } = addAll(createDefragmenter(), [
      piece(six, 0, 0, true, { extensionHeaders, payload: whole.slice(56, 104) }),
      piece(six, 48, 0, false, { extensionHeaders, payload: whole.slice(104) }),
    ]);
    expect(states).toEqual(['queued', 'complete']);
    expect(views[1]).toMatchObject({ totalLength: whole.length, sourcePort: 1000 });
    const view = views[1] as PacketView;
    expect(view.bytes.slice(view.networkOffset, view.networkEnd)).toEqual(whole);
  });

  it('keeps fragments of two interfaces apart', () => {
    const defragmenter = createDefragmenter();
    const [a, b, c] = fragmentDatagram(buildDatagram(six), 48, 9) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    addAll(defragmenter, [a, b], { interfaceId: 0 });
    expect(addAll(defragmenter, [c], { interfaceId: 1 }).states).toEqual(['queued']);
    expect(addAll(defragmenter, [c], { interfaceId: 0 }).states).toEqual(['complete']);
  });

  it('does not guess an identification that is cut', () => {
    const view = viewOf(piece(six, 0, 48, true), { capturedLength: 45 });
    expect(createDefragmenter().add(view).status).toBe(DEFRAG_UNDECIDED);
    const short = viewOf(piece(six, 0, 0, true).slice(0, 45));
    expect([DEFRAG_DROPPED, DEFRAG_COMPLETE]).toContain(createDefragmenter().add(short).status);
  });
});
