/**
 * Matches with state and matches on connections against the kernel: each rule counts in the chains
 * that the hooks jump to, over dialogues of a few hosts, and all counters must agree.
 */
import { describe, expect, test } from 'vitest';
import { HOOK_NAMES, type HookName } from '../../src/ruleset/types.ts';
import { type KernelJob, kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { ROUTER, sceneJob } from '../support/kernel-rules.ts';
import type { DatagramSpec } from '../support/packets.ts';

const HOST = '192.0.2.1';
const HOST6 = '2001:db8:1::1';

/** The mangle table with these rules in one chain that the hooks jump to. */
function everywhere(rules: readonly string[], hooks: readonly HookName[] = HOOK_NAMES): string {
  const chains = HOOK_NAMES.map((hook) => `:${hook} ACCEPT [0:0]\n`).join('');
  const jumps = hooks.map((hook) => `-A ${hook} -j all\n`).join('');
  const body = rules.map((rule) => `-A all ${rule}\n`).join('');
  return `*mangle\n${chains}:all - [0:0]\n${jumps}${body}COMMIT\n`;
}

/** A TCP conversation with the host, and what is left of it: open, or closed by a reset. */
function conversation(client: string, port: number, closed: boolean, host = HOST): DatagramSpec[] {
  const there = { source: client, destination: host };
  const back = { source: host, destination: client };
  const sent = { sourcePort: port, destinationPort: 80 };
  const answered = { sourcePort: 80, destinationPort: port };
  const all: DatagramSpec[] = [
    { ...there, tcp: { ...sent, flags: 'S', sequence: 100 } },
    { ...there, tcp: { ...sent, flags: 'S', sequence: 100 } },
    { ...back, tcp: { ...answered, flags: 'SA', sequence: 500, acknowledgement: 101 } },
    { ...there, tcp: { ...sent, flags: 'A', sequence: 101, acknowledgement: 501 } },
    { ...there, tcp: { ...sent, flags: 'PA', sequence: 101, acknowledgement: 501, payload: 60 } },
    {
      ...back,
      tcp: { ...answered, flags: 'A', sequence: 501, acknowledgement: 161, payload: 400 },
    },
    // Out of the window: INVALID.
    { ...there, tcp: { ...sent, flags: 'A', sequence: 900_000_000, acknowledgement: 501 } },
  ];
  if (closed) {
    all.push({ ...back, tcp: { ...answered, flags: 'RA', sequence: 901, acknowledgement: 161 } });
    all.push({ ...there, tcp: { ...sent, flags: 'A', sequence: 161, acknowledgement: 901 } });
  }
  return all;
}

const datagram = (source: string, port: number, destination = HOST): DatagramSpec => ({
  source,
  destination,
  udp: { sourcePort: port, destinationPort: 53, payload: port % 40 },
});

const MIXED: readonly DatagramSpec[] = [
  ...conversation('198.51.100.9', 1000, false),
  ...conversation('198.51.100.9', 1001, true),
  ...conversation('198.51.100.77', 1002, false),
  datagram('198.51.100.9', 7),
  datagram('198.51.100.9', 7),
  { source: HOST, destination: '198.51.100.9', udp: { sourcePort: 53, destinationPort: 7 } },
  datagram('198.51.100.200', 8),
  ...conversation('203.0.113.7', 1003, false, '192.0.2.50'),
  { source: '198.51.100.9', destination: HOST, icmp: { type: 8, payload: 20 } },
  { source: HOST, destination: '198.51.100.9', icmp: { type: 0, payload: 20 } },
  { source: '198.51.100.9', destination: HOST, protocol: 253, payload: 9 },
  ...conversation('198.51.100.9', 1004, false),
];

const MIXED6: readonly DatagramSpec[] = [
  ...conversation('2001:db8:c::9', 1000, false, HOST6),
  ...conversation('2001:db8:c::a', 1001, true, HOST6),
  datagram('2001:db8:c::9', 7, HOST6),
  datagram('2001:db8:c::1234', 7, HOST6),
  { source: '2001:db8:c::9', destination: HOST6, icmp: { type: 128 } },
];

async function agree(
  family: 4 | 6,
  rules: readonly string[],
  packets: readonly DatagramSpec[] = family === 4 ? MIXED : MIXED6,
  hooks?: readonly HookName[],
): Promise<void> {
  const text = everywhere(rules, hooks);
  const { differences, undecided } = await compareWithKernel(
    sceneJob(packets, { rules4: undefined, rules6: undefined, [`rules${family}`]: text }),
  );
  expect(differences.slice(0, 20)).toEqual([]);
  expect(undecided).toEqual([]);
}

const modes = ['packets', 'bytes', 'avgpkt'];
const directions = ['original', 'reply', 'both'];

const RULES: Readonly<Record<string, readonly string[]>> = {
  connbytes: modes.flatMap((mode) =>
    directions.flatMap((direction) =>
      ['1', '2', '3:5', '60:', '100:500', '0:0'].flatMap((range) =>
        ['', '! '].map(
          (not) =>
            `-m connbytes ${not}--connbytes ${range} --connbytes-mode ${mode} --connbytes-dir ${direction}`,
        ),
      ),
    ),
  ),
  connlabel: [
    '-m connlabel --label 3',
    '-m connlabel ! --label 3',
    '-p tcp -m tcp --dport 80 -m connlabel --label 3 --set',
    '-m connlabel --label 3',
    '-m connlabel ! --label 4 --set',
    '-m connlabel --label 4',
  ],
  connmark: ['-m connmark --mark 0', '-m connmark ! --mark 0', '-m connmark --mark 1/0'],
  quota: [0, 60, 300, 1000, 2000, 100_000].flatMap((bytes) => [
    `-m quota --quota ${bytes}`,
    `-m quota ! --quota ${bytes}`,
  ]),
  'statistic: nth': [
    '-m statistic --mode nth --every 2 --packet 0',
    '-m statistic --mode nth --every 3 --packet 0',
    '-m statistic --mode nth --every 3 --packet 1',
    '-m statistic --mode nth --every 3 --packet 2',
    '-m statistic --mode nth ! --every 5 --packet 4',
    '-m statistic --mode nth --every 1 --packet 0',
    '-m statistic --mode random --probability 0',
    '-m statistic --mode random --probability 1',
    '-m statistic --mode random ! --probability 1',
  ],
  cluster: [1, 2, 3, 7, 32].flatMap((total) =>
    [0, 1, 0xdeadbeef, 0xffffffff].flatMap((seed) =>
      ['', '! '].map(
        (not) =>
          `-m cluster --cluster-total-nodes ${total} ${not}--cluster-local-node ${Math.ceil(total / 2)} --cluster-hash-seed ${seed}`,
      ),
    ),
  ),
  helper: ['-m helper --helper ftp', '-m helper ! --helper ftp', '-m helper --helper ""'],
};

for (const [name, rules] of Object.entries(RULES)) {
  describe(name, () => {
    for (const family of [4, 6] as const) {
      test.skipIf(!kernelAvailable)(`IPv${family}${WITHOUT_KERNEL}`, () => agree(family, rules));
    }
  });
}

describe('connlimit', () => {
  // The kernel cleans its lists up once a tick of 4 ms: the packets come further apart.
  const slowly = async (
    family: 4 | 6,
    rules: readonly string[],
    hooks: readonly HookName[],
    traffic: readonly DatagramSpec[] = family === 4 ? MIXED : MIXED6,
  ) => {
    const job = sceneJob(traffic, {
      rules4: undefined,
      rules6: undefined,
      [`rules${family}`]: everywhere(rules, hooks),
    });
    const packets = (job.packets ?? []).map((packet, i) => ({ ...packet, time: i * 0.012 }));
    const { differences, undecided } = await compareWithKernel({ ...job, packets, pace: 1 });
    expect(differences.slice(0, 20)).toEqual([]);
    expect(undecided).toEqual([]);
  };
  const bySide = (limit: number, mask: number): string[] => [
    `-m connlimit --connlimit-above ${limit} --connlimit-mask ${mask} --connlimit-saddr`,
    `-m connlimit --connlimit-upto ${limit} --connlimit-mask ${mask} --connlimit-daddr`,
  ];
  const four = [0, 1, 2, 3].flatMap((n) => [32, 24, 0].flatMap((mask) => bySide(n, mask)));
  const six = [0, 1, 2].flatMap((n) => [128, 64, 120].flatMap((mask) => bySide(n, mask)));
  test.skipIf(!kernelAvailable)(`IPv4${WITHOUT_KERNEL}`, () => slowly(4, four, ['INPUT']));
  test.skipIf(!kernelAvailable)(`IPv6${WITHOUT_KERNEL}`, () => slowly(6, six, ['INPUT']));
  test.skipIf(!kernelAvailable)(`both directions${WITHOUT_KERNEL}`, () =>
    slowly(4, four, ['PREROUTING', 'OUTPUT']),
  );
  test.skipIf(!kernelAvailable)(`everywhere${WITHOUT_KERNEL}`, () => slowly(4, four, HOOK_NAMES));
  const itself = [
    ...conversation('127.0.0.1', 1000, true, '127.0.0.1').slice(0, 6),
    ...conversation('127.0.0.1', 1001, false, '127.0.0.1').slice(0, 6),
  ];
  test.skipIf(!kernelAvailable)(`on lo${WITHOUT_KERNEL}`, () =>
    slowly(4, four, ['OUTPUT', 'INPUT'], itself),
  );
  const first = four.map((rule) => `-p tcp -m tcp --syn ${rule}`);
  test.skipIf(!kernelAvailable)(`first packets only${WITHOUT_KERNEL}`, () =>
    slowly(4, first, ['INPUT', 'FORWARD']),
  );
  const later = four.map((rule) => `-p tcp -m tcp --tcp-flags PSH PSH ${rule}`);
  test.skipIf(!kernelAvailable)(`later packets only${WITHOUT_KERNEL}`, () =>
    slowly(4, later, ['INPUT', 'FORWARD']),
  );
});

describe('recent', () => {
  const rules = [
    '-m recent --rcheck --name a',
    '-m recent ! --rcheck --name a',
    '-p udp -m recent --set --name a',
    '-m recent --rcheck --name a --hitcount 2',
    '-m recent --update --name a --hitcount 3 --rttl',
    '-p icmp -m recent --remove --name a',
    '-m recent --rcheck --name a --rdest',
    '-m recent --set --name b --mask 255.255.255.0 --rdest',
    '-m recent --rcheck --name b --hitcount 5 --rdest',
    '-m recent ! --update --name b --seconds 100 --hitcount 20',
    '-m recent --rcheck --seconds 100 --reap --name b',
  ];
  test.skipIf(!kernelAvailable)(`IPv4${WITHOUT_KERNEL}`, () => agree(4, rules));
  const six = rules.map((rule) =>
    rule.replace('255.255.255.0', 'ffff:ffff::').replace('icmp', 'icmpv6'),
  );
  test.skipIf(!kernelAvailable)(`IPv6${WITHOUT_KERNEL}`, () => agree(6, six));
  const crowd = Array.from({ length: 130 }, (_, i) => datagram(`198.51.100.${i + 1}`, 9));
  test.skipIf(!kernelAvailable)(`more addresses than a list holds${WITHOUT_KERNEL}`, () =>
    agree(
      4,
      ['-m recent --rcheck --name full', '-m recent --set --name full'],
      [...crowd, ...crowd.slice(0, 40), ...crowd.slice(100)],
      ['INPUT'],
    ),
  );
  const often = Array.from({ length: 70 }, () => datagram('198.51.100.1', 9));
  test.skipIf(!kernelAvailable)(`more times than a list holds${WITHOUT_KERNEL}`, () =>
    agree(
      4,
      [
        '-m recent --rcheck --name many --hitcount 33',
        '-m recent --rcheck --name few --hitcount 3',
        '-m recent --set --name many',
        '-m recent --set --name few',
      ],
      often,
      ['INPUT'],
    ),
  );
});

describe('rpfilter', () => {
  const flags = ['', '--loose', '--accept-local', '--loose --accept-local', '--validmark'];
  const rules = flags.flatMap((flag) => [`-m rpfilter ${flag}`, `-m rpfilter ${flag} --invert`]);
  test.skipIf(!kernelAvailable)(`IPv4${WITHOUT_KERNEL}`, () =>
    agree(4, rules, MIXED, ['PREROUTING']),
  );
  test.skipIf(!kernelAvailable)(`IPv6${WITHOUT_KERNEL}`, () =>
    agree(6, rules, MIXED6, ['PREROUTING']),
  );
});

describe('physdev', () => {
  const names = ['physdev-is-in', 'physdev-in eth0', 'physdev-is-bridged'];
  const outs = ['physdev-is-out', 'physdev-out eth0'];
  const rules = (all: readonly string[]): string[] => [
    ...all.flatMap((name) => [`-m physdev --${name}`, `-m physdev ! --${name}`]),
    '-m physdev ! --physdev-is-in --physdev-is-bridged',
    '-m physdev ! --physdev-is-in ! --physdev-is-bridged',
  ];
  test.skipIf(!kernelAvailable)(`what came by${WITHOUT_KERNEL}`, () => agree(4, rules(names)));
  test.skipIf(!kernelAvailable)(`what leaves by${WITHOUT_KERNEL}`, () =>
    agree(4, rules([...names, ...outs]), MIXED, ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING']),
  );
});

describe('forwarded packets have no socket', () => {
  const forwarded = conversation('203.0.113.7', 1003, false, '192.0.2.50');
  const rules = ['--socket-exists', '! --socket-exists', '--uid-owner 0', '! --uid-owner 0'];
  test.skipIf(!kernelAvailable)(`owner${WITHOUT_KERNEL}`, () =>
    agree(
      4,
      rules.map((rule) => `-m owner ${rule}`),
      forwarded,
      ['POSTROUTING'],
    ),
  );
  test.skipIf(!kernelAvailable)(`cgroup${WITHOUT_KERNEL}`, () =>
    agree(4, ['-m cgroup --cgroup 0', '-m cgroup ! --cgroup 0'], forwarded, ['POSTROUTING']),
  );
});

describe('hashlimit', () => {
  const INPUT = `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n`;
  const play = (title: string, rules: readonly string[], rows: KernelJob['packets']) =>
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      const { differences, undecided } = await compareWithKernel({
        ...ROUTER,
        rules4: `${INPUT}${rules.map((rule) => `-A INPUT -m hashlimit ${rule}\n`).join('')}COMMIT\n`,
        packets: rows,
        pace: 1,
      });
      expect(differences.slice(0, 20)).toEqual([]);
      expect(undecided).toEqual([]);
    });
  const timed = (rows: readonly (readonly [number, DatagramSpec])[]) => {
    const { packets = [] } = sceneJob(rows.map(([, spec]) => spec));
    return packets.map((packet, i) => ({ ...packet, time: rows[i]?.[0] ?? 0 }));
  };
  const sizes = (at: number, source: string, count: number): [number, DatagramSpec][] =>
    Array.from({ length: count }, (_, i) => [
      at + i / 1000,
      { source, destination: HOST, udp: { sourcePort: i % 3, destinationPort: 53, payload: 300 } },
    ]);
  const traffic = [
    ...sizes(0, '198.51.100.9', 12),
    ...sizes(0.02, '198.51.100.10', 9),
    ...sizes(0.35, '198.51.100.9', 5),
    ...sizes(0.7, '203.0.113.3', 6),
    ...sizes(1.5, '198.51.100.10', 6),
  ];
  play(
    'packets and bytes, by all modes',
    [
      '--hashlimit-upto 1/min --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name a',
      '--hashlimit-above 5/sec --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name b --hashlimit-htable-expire 60000',
      '--hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip,srcport --hashlimit-name c',
      '--hashlimit-upto 1/hour --hashlimit-burst 7 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name d',
      '--hashlimit-upto 1/hour --hashlimit-burst 4 --hashlimit-mode dstip,dstport --hashlimit-name e',
      '--hashlimit-upto 1/hour --hashlimit-name f',
      '--hashlimit-upto 1kb/s --hashlimit-mode srcip --hashlimit-name g',
      '--hashlimit-upto 1kb/s --hashlimit-burst 3kb --hashlimit-mode srcip --hashlimit-name h',
      '--hashlimit-above 4kb/s --hashlimit-burst 8kb --hashlimit-name i',
      '--hashlimit-upto 3/sec --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name j --hashlimit-rate-match',
      '--hashlimit-upto 1kb/s --hashlimit-mode srcip --hashlimit-name k --hashlimit-rate-match',
    ],
    timed(traffic),
  );
});
