/**
 * What hangs on time: limit and conntrack's timeouts. The packets are played in real time with gaps
 * well away from the edges (the kernel counts in ticks of 4 ms), and replayed at the times at which
 * they were played.
 */
import { describe, expect, test } from 'vitest';
import { type KernelJob, kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { ROUTER, stateCounters, summary } from '../support/kernel-rules.ts';
import { buildDatagram, type DatagramSpec } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';

/** Datagrams at these seconds. */
function timed(rows: readonly (readonly [number, DatagramSpec])[]): KernelJob['packets'] {
  return rows.map(([time, spec]) => ({ time, bytes: buildDatagram(spec) }));
}

const ping: DatagramSpec = { source: CLIENT, destination: HOST, icmp: { type: 8 } };
const ask: DatagramSpec = {
  source: CLIENT,
  destination: HOST,
  udp: { sourcePort: 9, destinationPort: 53 },
};
const answer: DatagramSpec = {
  source: HOST,
  destination: CLIENT,
  udp: { sourcePort: 53, destinationPort: 9 },
};

describe('limit', () => {
  const rules = (limit: string): string =>
    `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n` +
    `-A INPUT ${limit} -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n`;
  const burst = (at: number, count: number): [number, DatagramSpec][] =>
    Array.from({ length: count }, (_, i) => [at + i / 1000, ping]);
  const cases: Readonly<
    Record<string, readonly [string, readonly [number, DatagramSpec][], string]>
  > = {
    'the burst, then none': ['-m limit --limit 1/hour --limit-burst 3', burst(0, 10), 'AAADDDDDDD'],
    'the default burst of 5': ['-m limit --limit 1/min', burst(0, 8), 'AAAAADDD'],
    'refilled by the rate': [
      '-m limit --limit 5/sec --limit-burst 2',
      [...burst(0, 4), ...burst(0.3, 3), ...burst(1.4, 4)],
      'AADDADDAADD',
    ],
    'a day': ['-m limit --limit 1/day --limit-burst 1', burst(0, 3), 'ADD'],
    'two limits of one rule each spend': [
      '-m limit --limit 1/hour --limit-burst 4 -m limit --limit 1/hour --limit-burst 2',
      burst(0, 6),
      'AADDDD',
    ],
    'spent only when what stands before it holds': [
      '-p udp -m limit --limit 1/hour --limit-burst 1',
      [...burst(0, 3), [0.01, ask], [0.02, ask]],
      'DDDAD',
    ],
    'not undone by what stands after it': [
      '-m limit --limit 1/hour --limit-burst 2 -m udp -p udp --dport 53',
      [[0, ask], ...burst(0.01, 2), [0.02, ask], [0.03, ask]],
      'ADDAD',
    ],
  };
  for (const [title, [limit, rows, expected]] of Object.entries(cases)) {
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      const { kernel, differences } = await compareWithKernel({
        ...ROUTER,
        rules4: rules(limit),
        packets: timed(rows),
        pace: 1,
      });
      expect(kernel.packets.map(({ verdict }) => verdict[0]).join('')).toBe(expected);
      expect(differences).toEqual([]);
    });
  }
});

describe('timeouts', () => {
  const tcp = (flags: string, sequence: number, acknowledgement: number): DatagramSpec => ({
    source: CLIENT,
    destination: HOST,
    tcp: { flags, sequence, acknowledgement },
  });
  const back = (flags: string, sequence: number, acknowledgement: number): DatagramSpec => ({
    source: HOST,
    destination: CLIENT,
    tcp: { flags, sequence, acknowledgement, sourcePort: 80, destinationPort: 40000 },
  });
  type Row = readonly [time: number, packet: DatagramSpec, expected: string];
  const timeouts = (title: string, sysctls: Record<string, number>, rows: readonly Row[]) =>
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      const named = Object.entries(sysctls).map(([name, value]) => [
        `net.netfilter.nf_conntrack_${name}`,
        value,
      ]);
      const { kernel, differences } = await compareWithKernel({
        ...ROUTER,
        rules4: stateCounters(),
        packets: timed(rows.map(([time, spec]) => [time, spec])),
        sysctls: Object.fromEntries(named),
        pace: 1,
      });
      const lines = kernel.packets.map(({ moved }) => summary(moved));
      expect(lines).toEqual(rows.map(([, , expected]) => expected));
      expect(differences).toEqual([]);
    });
  timeouts('UDP without a reply', { udp_timeout: 1 }, [
    [0, ask, 'NEW in'],
    [0.6, ask, 'NEW in'],
    [1.2, answer, 'ESTABLISHED out'],
    [3, answer, 'NEW out'],
  ]);
  timeouts(
    'UDP stream: replied, and more than two seconds old',
    { udp_timeout: 1, udp_timeout_stream: 3 },
    [
      [0, ask, 'NEW in'],
      [0.1, answer, 'ESTABLISHED out'],
      [0.9, ask, 'ESTABLISHED in'],
      [1.7, ask, 'ESTABLISHED in'],
      [2.4, ask, 'ESTABLISHED in'],
      [4.4, ask, 'ESTABLISHED in'],
    ],
  );
  timeouts('ICMP', { icmp_timeout: 1 }, [
    [0, ping, 'NEW in'],
    [0.5, { source: HOST, destination: CLIENT, icmp: { type: 0 } }, 'ESTABLISHED out'],
    [1.3, ping, 'ESTABLISHED in'],
    [2.7, { source: HOST, destination: CLIENT, icmp: { type: 0 } }, 'INVALID out'],
  ]);
  timeouts('TCP: SYN sent', { tcp_timeout_syn_sent: 1 }, [
    [0, tcp('S', 1000, 0), 'NEW in'],
    [1.5, back('SA', 5000, 1001), 'INVALID out'],
  ]);
  timeouts(
    'TCP: FIN wait, time wait',
    { tcp_timeout_fin_wait: 2, tcp_timeout_last_ack: 2, tcp_timeout_time_wait: 1 },
    [
      [0, tcp('S', 1000, 0), 'NEW in'],
      [0.1, back('SA', 5000, 1001), 'ESTABLISHED out'],
      [0.2, tcp('A', 1001, 5001), 'ESTABLISHED in'],
      [0.3, tcp('FA', 1001, 5001), 'ESTABLISHED in'],
      [1.3, back('FA', 5001, 1002), 'ESTABLISHED out'],
      [1.4, tcp('A', 1002, 5002), 'ESTABLISHED in'],
      [2.9, tcp('A', 1002, 5002), 'NEW in'],
    ],
  );
  timeouts('TCP: closed by a reset', { tcp_timeout_close: 1 }, [
    [0, tcp('S', 1000, 0), 'NEW in'],
    [0.1, back('SA', 5000, 1001), 'ESTABLISHED out'],
    [0.2, tcp('A', 1001, 5001), 'ESTABLISHED in'],
    [0.3, tcp('R', 1001, 0), 'ESTABLISHED in'],
    [0.9, back('A', 5001, 1001), 'ESTABLISHED out'],
    [2.6, back('A', 5001, 1001), 'NEW out'],
  ]);
  timeouts(
    'TCP: data not acknowledged, then acknowledged',
    { tcp_timeout_unacknowledged: 1, tcp_timeout_established: 5 },
    [
      [0, tcp('S', 1000, 0), 'NEW in'],
      [0.1, back('SA', 5000, 1001), 'ESTABLISHED out'],
      [0.2, tcp('A', 1001, 5001), 'ESTABLISHED in'],
      [
        1.6,
        {
          ...tcp('PA', 1001, 5001),
          tcp: { flags: 'PA', sequence: 1001, acknowledgement: 5001, payload: 9 },
        },
        'ESTABLISHED in',
      ],
      [3.4, back('A', 5001, 1010), 'NEW out'],
    ],
  );
  timeouts('other protocols', { generic_timeout: 1 }, [
    [0, { source: CLIENT, destination: HOST, protocol: 253, payload: 8 }, 'NEW in'],
    [0.6, { source: HOST, destination: CLIENT, protocol: 253, payload: 8 }, 'ESTABLISHED out'],
    [2.2, { source: HOST, destination: CLIENT, protocol: 253, payload: 8 }, 'NEW out'],
  ]);
});
