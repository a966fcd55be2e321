/**
 * Connection tracking and reassembly against the running kernel: pinned TCP dialogues, random traffic
 * by seed (ctstate and direction of each packet, then the whole table), random fragments (when a
 * datagram passes, and its length), and timeouts in real time.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { CONNTRACK_SYSCTLS, DEFAULT_CONNTRACK_OPTIONS } from '../../src/conntrack/options.ts';
import { compareTraffic, playStates, trackTraffic } from '../conntrack/against-kernel.ts';
import { type RandomPacket, randomTraffic } from '../conntrack/dialogues.ts';
import { CLIENT, SERVER, segment } from '../conntrack/feed.ts';
import { randomFragments, reassembleTraffic } from '../conntrack/fragment-traffic.ts';
import { TCP_CASES } from '../conntrack/tcp-cases.ts';
import { kernelAvailable, stopKernel, WITHOUT_KERNEL } from '../support/kernel.ts';
import { buildDatagram, type DatagramSpec } from '../support/packets.ts';

afterAll(stopKernel);

function packetOfSpec(spec: DatagramSpec): RandomPacket {
  return { spec, bytes: buildDatagram(spec), local: spec.source === SERVER, dropped: false };
}

/** `STATE timeout` of the only line of a dump, '' for none. */
function entryOf(dump: readonly string[]): { state: string; timeout: number } {
  const words = dump[0]?.split(/\s+/) ?? [];
  return { state: words[5] ?? '', timeout: Number(words[4] ?? 0) };
}

describe.skipIf(!kernelAvailable)(`settings${WITHOUT_KERNEL}`, () => {
  it('default to those of a fresh network namespace', () => {
    // nf_conntrack_max is one for all namespaces and depends on the machine's memory.
    const names = [...CONNTRACK_SYSCTLS].filter(([, key]) => key !== 'max');
    const script = names.map(([name]) => `cat /proc/sys/${name.replaceAll('.', '/')}`).join('\n');
    const { stdout } = spawnSync('unshare', ['-n', 'sh', '-c', script], { encoding: 'utf8' });
    const kernel = stdout.trim().split('\n').map(Number);
    expect(kernel).toEqual(names.map(([, key]) => Number(DEFAULT_CONNTRACK_OPTIONS[key])));
  });
});

describe.skipIf(!kernelAvailable)(`TCP dialogues in the kernel${WITHOUT_KERNEL}`, () => {
  it.each(TCP_CASES)('$name', async ({ segments, entry }) => {
    const packets = segments.map(([line, , options]) => packetOfSpec(segment(line, options)));
    const { states, dump } = await playStates(packets);
    expect(states).toEqual(segments.map(([, state]) => state));
    const [state = '', timeout = '0'] = entry.split(' ');
    const found = entryOf(dump);
    expect(found.state).toBe(state);
    expect(found.timeout).toBeLessThanOrEqual(Number(timeout));
    expect(found.timeout).toBeGreaterThanOrEqual(Number(timeout) - 5);
  });
});

describe.skipIf(!kernelAvailable)(`random traffic${WITHOUT_KERNEL}`, () => {
  it.each([
    [1, 8000, ['tcp']],
    [2, 8000, ['tcp']],
    [3, 5000, ['sctp']],
    [4, 5000, ['other']],
    [5, 6000, ['tcp', 'sctp', 'other']],
  ] as const)('seed %i: %i packets of %s', async (seed, count, kinds) => {
    expect(await compareTraffic(randomTraffic(seed, count, kinds))).toEqual([]);
  });

  it.each([1, 2])('fragments, seed %i', async (seed) => {
    const packets = randomFragments(seed, 4000);
    const kernel = await playStates(packets);
    const theirs = kernel.states.map((state, i) =>
      state.startsWith('not') ? 'not seen' : `${state.replace(' reply', '')} ${kernel.bytes[i]}`,
    );
    const ours = reassembleTraffic(packets);
    const differences = theirs.flatMap((state, i) =>
      state === ours[i] ? [] : [{ i, state, ours: ours[i], spec: packets[i]?.spec }],
    );
    expect(differences).toEqual([]);
    expect(theirs.filter((state) => state !== 'not seen').length).toBeGreaterThan(800);
  });
});

/** Seconds after the first packet, and the packet. */
type Timed = readonly [number, DatagramSpec];

const there: DatagramSpec = { source: CLIENT, destination: SERVER, udp: { sourcePort: 1000 } };
const back: DatagramSpec = {
  source: SERVER,
  destination: CLIENT,
  udp: { sourcePort: 53, destinationPort: 1000 },
};

function fragment(offset: number, more: boolean, id: number): DatagramSpec {
  const { source, destination } = there;
  const udp = [7, 208, 0, 53, 0, 56, 0, 0];
  const payload = offset === 0 ? [...udp, ...new Uint8Array(40)] : 8;
  const place = { fragmentOffset: offset, moreFragments: more };
  return { source, destination, protocol: 17, id, payload, ...place };
}

/** UDP expires after 1 s, unless it is a stream (3 s). */
const UDP: readonly Timed[] = [
  [0, there],
  [0.5, back],
  [1.2, there],
  [1.9, back],
  [2.4, there],
  [4.4, back],
  [7.7, back],
];

/** A SYN sent again does not prolong the entry, other segments do. */
const SYNS: readonly Timed[] = [
  [0.1, segment('> S 100 0')],
  [1.1, segment('> S 100 0')],
  [2.5, segment('< SA 500 101')],
  [2.6, segment('> S 100 0')],
  [3.6, segment('< SA 500 101')],
  [4.9, segment('< SA 500 101')],
  [6, segment('> S 100 0')],
];

/** Fragments are given up after 1 s. */
const FRAGMENTS: readonly Timed[] = [
  [0.2, fragment(0, true, 1)],
  [0.9, fragment(48, false, 1)],
  [1.3, fragment(0, true, 2)],
  [2.7, fragment(48, false, 2)],
  [2.8, fragment(0, true, 2)],
];

describe.skipIf(!kernelAvailable)(`timeouts${WITHOUT_KERNEL}`, () => {
  it('run in real time as in the kernel', { timeout: 30_000 }, async () => {
    const timed = [...UDP, ...SYNS, ...FRAGMENTS].sort(([a], [b]) => a - b);
    const packets = timed.map(([time, spec]) => ({ ...packetOfSpec(spec), time }));
    const kernel = await playStates(packets, {
      pace: 1,
      sysctls: {
        'net.netfilter.nf_conntrack_udp_timeout': 1,
        'net.netfilter.nf_conntrack_udp_timeout_stream': 3,
        'net.netfilter.nf_conntrack_tcp_timeout_syn_sent': 2,
        'net.netfilter.nf_conntrack_tcp_timeout_syn_recv': 2,
        'net.ipv4.ipfrag_time': 1,
      },
    });
    const ours = trackTraffic(packets, {
      udpTimeoutSeconds: 1,
      udpTimeoutStreamSeconds: 3,
      tcpTimeoutSynSentSeconds: 2,
      tcpTimeoutSynRecvSeconds: 2,
      ipfragTimeSeconds: 1,
    });
    expect(kernel.states.map((state) => state.trim())).toEqual(ours.states);
    expect(new Set(ours.states)).toContain('not seen');
  });
});
