/** Chains, jumps, gotos, returns, policies and targets: walks and counters as the kernel's. */
import { describe, expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { type ScenePacket, sceneJob } from '../support/kernel-rules.ts';
import { tame } from '../support/kernel-zoo.ts';
import { buildDatagram, type TcpSpec } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';

const filter = (body: string, input = 'ACCEPT'): string =>
  `*filter\n:INPUT ${input} [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${body}COMMIT\n`;

/** Plays the packets and gives the counters `chain rule` as [packets:bytes] lines of filter. */
async function counters(rules4: string, packets: readonly ScenePacket[]): Promise<string[]> {
  const { kernel, differences } = await compareWithKernel(
    sceneJob(packets, { rules4, rules6: undefined }),
  );
  expect(differences.slice(0, 10)).toEqual([]);
  return kernel.save4.split('\n').filter((line) => /^(\[|:INPUT)/.test(line));
}

const udp: ScenePacket = { source: CLIENT, destination: HOST, udp: {} };

describe('walking', () => {
  const walk = (title: string, rules: string, expected: readonly string[]) =>
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      expect(await counters(rules, [udp])).toEqual(expected);
    });
  walk(
    'a user chain returns to the next rule at its end',
    filter(':a - [0:0]\n-A INPUT -j a\n-A INPUT -j ACCEPT\n-A a -p udp\n'),
    [
      ':INPUT ACCEPT [0:0]',
      '[1:28] -A INPUT -j a',
      '[1:28] -A INPUT -j ACCEPT',
      '[1:28] -A a -p udp',
    ],
  );
  walk(
    'RETURN in a user chain and in a built-in one',
    filter(
      ':a - [0:0]\n-A INPUT -j a\n-A INPUT -j RETURN\n-A INPUT -j DROP\n-A a -j RETURN\n-A a -j DROP\n',
    ),
    [
      ':INPUT ACCEPT [1:28]',
      '[1:28] -A INPUT -j a',
      '[1:28] -A INPUT -j RETURN',
      '[0:0] -A INPUT -j DROP',
      '[1:28] -A a -j RETURN',
      '[0:0] -A a -j DROP',
    ],
  );
  walk(
    'goto returns to the caller of the caller',
    filter(
      ':a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A INPUT -p udp\n-A a -g b\n-A a -j DROP\n-A b -p udp\n',
    ),
    [
      ':INPUT ACCEPT [1:28]',
      '[1:28] -A INPUT -j a',
      '[1:28] -A INPUT -p udp',
      '[1:28] -A a -g b',
      '[0:0] -A a -j DROP',
      '[1:28] -A b -p udp',
    ],
  );
  walk(
    'goto from a built-in chain ends in the policy',
    filter(':a - [0:0]\n-A INPUT -g a\n-A INPUT -j ACCEPT\n-A a -p udp\n', 'DROP'),
    [
      ':INPUT DROP [1:28]',
      '[1:28] -A INPUT -g a',
      '[0:0] -A INPUT -j ACCEPT',
      '[1:28] -A a -p udp',
    ],
  );
  walk(
    'goto within goto, then RETURN',
    filter(
      ':a - [0:0]\n:b - [0:0]\n:c - [0:0]\n-A INPUT -j a\n-A INPUT -p udp\n-A a -j b\n-A a -p udp\n' +
        '-A b -g c\n-A b -j DROP\n-A c -j RETURN\n-A c -j DROP\n',
    ),
    [
      ':INPUT ACCEPT [1:28]',
      '[1:28] -A INPUT -j a',
      '[1:28] -A INPUT -p udp',
      '[1:28] -A a -j b',
      '[1:28] -A a -p udp',
      '[1:28] -A b -g c',
      '[0:0] -A b -j DROP',
      '[1:28] -A c -j RETURN',
      '[0:0] -A c -j DROP',
    ],
  );
  walk(
    'the same chain twice, jumped to conditionally',
    filter(
      ':a - [0:0]\n-A INPUT -p tcp -j a\n-A INPUT -p udp -j a\n-A INPUT -j a\n-A a ! -p tcp\n',
    ),
    [
      ':INPUT ACCEPT [1:28]',
      '[0:0] -A INPUT -p tcp -j a',
      '[1:28] -A INPUT -p udp -j a',
      '[1:28] -A INPUT -j a',
      '[2:56] -A a ! -p tcp',
    ],
  );
  walk('no rules but a policy', filter('', 'DROP'), [':INPUT DROP [1:28]']);
});

describe('verdicts', () => {
  const packets = tame(4);
  const agree = (title: string, rules4: string, more: readonly ScenePacket[] = packets) =>
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      await counters(rules4, more);
    });
  agree('policies DROP', filter('', 'DROP').replaceAll('ACCEPT', 'DROP'));
  for (const answer of [
    'icmp-net-unreachable',
    'icmp-host-unreachable',
    'icmp-port-unreachable',
    'icmp-proto-unreachable',
    'icmp-net-prohibited',
    'icmp-host-prohibited',
    'icmp-admin-prohibited',
  ])
    agree(`REJECT with ${answer}`, filter(`-A INPUT -j REJECT --reject-with ${answer}\n`));
  agree(
    'REJECT in every hook, stateful',
    filter(
      '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p tcp -j REJECT ' +
        '--reject-with tcp-reset\n-A FORWARD -j REJECT\n-A OUTPUT -p tcp -j REJECT\n',
    ),
  );
  agree(
    'an accepted packet still meets the later tables',
    '*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n' +
      ':OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A INPUT -j ACCEPT\n' +
      '-A POSTROUTING -p udp -j DROP\nCOMMIT\n' +
      filter('-A INPUT -p tcp -j ACCEPT\n-A INPUT -p udp -j DROP\n') +
      '*security\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n' +
      '-A INPUT -p icmp -j DROP\n-A OUTPUT -p icmp -j DROP\nCOMMIT\n',
  );
});

describe('what verdicts leave in conntrack', () => {
  const states = (chain: string): string =>
    ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED']
      .map((state) => `-A ${chain} -m conntrack --ctstate ${state}\n`)
      .join('');
  const client = (flags: string, sequence: number, ack: number, more: TcpSpec = {}) =>
    buildDatagram({
      source: CLIENT,
      destination: HOST,
      tcp: { flags, sequence, acknowledgement: ack, ...more },
    });
  const server = (flags: string, sequence: number, ack: number) =>
    buildDatagram({
      source: HOST,
      destination: CLIENT,
      tcp: { flags, sequence, acknowledgement: ack, sourcePort: 80, destinationPort: 40000 },
    });
  const ask = buildDatagram({
    source: CLIENT,
    destination: HOST,
    udp: { sourcePort: 1, destinationPort: 2 },
  });
  const answer = buildDatagram({
    source: HOST,
    destination: CLIENT,
    udp: { sourcePort: 2, destinationPort: 1 },
  });
  const own = (sourcePort: number, destinationPort: number) =>
    buildDatagram({
      source: '127.0.0.1',
      destination: '127.0.0.1',
      udp: { sourcePort, destinationPort },
    });
  const cases: Readonly<Record<string, readonly [string, readonly Uint8Array[], string[]]>> = {
    'a first packet dropped at INPUT is NEW again': [
      filter(`${states('INPUT')}-A INPUT -j DROP\n`),
      [ask, ask],
      ['[2:56] -A INPUT -m conntrack --ctstate NEW'],
    ],
    'a reply dropped at OUTPUT still counts as seen': [
      filter(`${states('INPUT')}-A OUTPUT -j DROP\n`),
      [ask, answer, ask],
      [
        '[1:28] -A INPUT -m conntrack --ctstate NEW',
        '[1:28] -A INPUT -m conntrack --ctstate ESTABLISHED',
      ],
    ],
    'on loopback the entry stands after POSTROUTING, whatever INPUT says': [
      filter(`${states('INPUT')}-A INPUT -j DROP\n`),
      [own(1, 2), own(1, 2), own(2, 1), own(1, 2)],
      [
        '[2:56] -A INPUT -m conntrack --ctstate NEW',
        '[2:56] -A INPUT -m conntrack --ctstate ESTABLISHED',
      ],
    ],
    'REJECT with tcp-reset closes the entry, so that a SYN may follow it': [
      filter(
        `${states('INPUT')}-A INPUT -p tcp -m length --length 100:200 -j REJECT --reject-with tcp-reset\n`,
      ),
      [
        client('S', 1000, 0),
        server('SA', 5000, 1001),
        client('A', 1001, 5001),
        client('PA', 1001, 5001, { payload: 80 }),
        client('S', 90000, 0),
        server('SA', 7000, 90001),
        client('A', 90001, 7001),
      ],
      [
        '[1:40] -A INPUT -m conntrack --ctstate NEW',
        '[4:240] -A INPUT -m conntrack --ctstate ESTABLISHED',
      ],
    ],
  };
  for (const [title, [rules, packets, expected]] of Object.entries(cases)) {
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      const lines = await counters(rules, packets);
      const moved = lines.filter((line) => /INPUT -m conntrack/.test(line) && !/^\[0:0/.test(line));
      expect(moved).toEqual(expected);
    });
  }
});

describe('the mark', () => {
  const mangle = (body: string): string =>
    '*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n' +
    `:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n${body}COMMIT\n`;
  test.skipIf(!kernelAvailable)(
    `goes with the packet, over loopback too${WITHOUT_KERNEL}`,
    async () => {
      const rules = mangle(
        '-A PREROUTING -m mark --mark 0 -j MARK --set-mark 7\n-A INPUT -m mark --mark 7\n' +
          '-A FORWARD -m mark --mark 7 -j MARK --or-mark 8\n-A OUTPUT -j MARK --set-mark 9\n' +
          '-A POSTROUTING -m mark --mark 15\n-A POSTROUTING -m mark --mark 9\n' +
          '-A INPUT -m mark --mark 9\n',
      );
      await counters(rules, [
        udp,
        { source: CLIENT, destination: '192.0.2.9', udp: {} },
        { source: '127.0.0.1', destination: '127.0.0.1', udp: {} },
        { source: HOST, destination: CLIENT, udp: {} },
      ]);
    },
  );
  test.skipIf(!kernelAvailable)(`FORWARD sees the TTL one less${WITHOUT_KERNEL}`, async () => {
    const hooks = ['PREROUTING', 'FORWARD', 'POSTROUTING'];
    const rules = mangle(
      hooks.map((hook) => `-A ${hook} -m ttl --ttl-eq 9\n-A ${hook} -m ttl --ttl-eq 8\n`).join(''),
    );
    await counters(rules, [{ source: CLIENT, destination: '192.0.2.9', ttl: 9, udp: {} }]);
  });
});

describe('which rules start conntrack', () => {
  const cases: Readonly<Record<string, readonly [string, boolean]>> = {
    'none does': [filter(''), false],
    '-m conntrack in one chain': [filter('-A OUTPUT -m conntrack --ctstate NEW\n'), true],
    '-m state': [filter('-A OUTPUT -m state --state NEW\n'), true],
    'in a chain that nobody calls': [filter(':a - [0:0]\n-A a -m conntrack --ctstate NEW\n'), true],
    'limit, mark and LOG do not': [
      filter('-A OUTPUT -m limit --limit 1/s\n-A OUTPUT -m mark --mark 1\n-A OUTPUT -j LOG\n'),
      false,
    ],
    'a nat table by itself does not': [
      '*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n' +
        ':POSTROUTING ACCEPT [0:0]\n-A PREROUTING -j LOG\nCOMMIT\n',
      false,
    ],
  };
  for (const [title, [rules4, tracks]] of Object.entries(cases)) {
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      const job = sceneJob([udp, udp], { rules4, rules6: undefined });
      const { kernel, differences } = await compareWithKernel(job);
      expect(kernel.conntrack.length > 0).toBe(tracks);
      expect(differences).toEqual([]);
    });
  }
});
