/**
 * Random rulesets with matches that no capture decides: whatever the truth is, the verdicts given
 * without knowing it are right, and every counter lies between what is counted and what is uncertain.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packetOf } from '../support/packets.ts';
import { hostOf, ROUTER } from './hosts.ts';

const CONDITIONS = [
  '',
  '-m cpu --cpu 1',
  '-m cpu --cpu 1 -p udp',
  '-p udp --dport 53',
  '-p tcp',
  '-m mark --mark 1',
  '-m mark ! --mark 1',
  '-m ttl --ttl-eq 5',
  '-m ttl --ttl-gt 60',
  '-m tos --tos 0x10',
  '-m dscp --dscp 5',
  '-m connmark --mark 2',
  '-m conntrack --ctstate NEW',
  '-m conntrack --ctstate ESTABLISHED',
  '-m limit --limit 1/hour --limit-burst 2',
  '-m recent --name a --rcheck',
  '-m recent --name a --set',
  '-m statistic --mode nth --every 2 --packet 0',
  '-m quota --quota 60',
  '-s 192.0.2.0/24',
  '-d 203.0.113.9',
];
const RAW = [
  '',
  '-j MARK --set-mark 1',
  '-j CT --notrack',
  '-j CT --zone 3',
  '-j RETURN',
  '-j DROP',
];
const MANGLE = [
  '',
  '-j MARK --set-mark 1',
  '-j MARK --set-xmark 0x3/0x1',
  '-j TTL --ttl-set 5',
  '-j TOS --set-tos 0x10',
  '-j DSCP --set-dscp 5',
  '-j CONNMARK --set-mark 2',
  '-j CONNMARK --restore-mark',
  '-j ACCEPT',
  '-j sub',
  '-g sub',
];
const FILTER = ['', '-j ACCEPT', '-j DROP', '-j REJECT', '-j RETURN', '-j sub', '-g sub', '-j LOG'];

const lines = (chains: readonly string[], targets: readonly string[]): fc.Arbitrary<string[]> =>
  fc.array(
    fc
      .tuple(
        fc.constantFrom(...chains),
        fc.constantFrom(...CONDITIONS),
        fc.constantFrom(...targets),
      )
      .map((words) => ['-A', ...words].join(' ')),
    { maxLength: 5 },
  );
const withoutSub = (targets: readonly string[]): string[] =>
  targets.filter((target) => !target.includes('sub'));

const tables = fc
  .tuple(
    lines(['PREROUTING'], RAW),
    lines(['PREROUTING', 'FORWARD', 'POSTROUTING'], MANGLE),
    lines(['sub'], withoutSub(MANGLE)),
    lines(['FORWARD'], FILTER),
    lines(['sub'], withoutSub(FILTER)),
    fc.constantFrom('ACCEPT', 'DROP'),
  )
  .map(([raw, mangle, mangleSub, filter, filterSub, policy]) =>
    [
      ['*raw', ...raw, 'COMMIT'],
      ['*mangle', ':sub -', ...mangle, ...mangleSub, 'COMMIT'],
      ['*nat', ':POSTROUTING ACCEPT', 'COMMIT'],
      ['*filter', ':sub -', `:FORWARD ${policy}`, ...filter, ...filterSub, 'COMMIT', ''],
    ]
      .flat()
      .join('\n'),
  );

const CLIENT = '192.0.2.9';
const SERVER = '203.0.113.9';
const packets = fc.array(fc.constantFrom('ask', 'answer', 'other', 'tcp'), {
  minLength: 1,
  maxLength: 6,
});

function packet(kind: string, number: number) {
  const time = { timeSeconds: 1_700_000_000 + number };
  const udp = { sourcePort: 1000, destinationPort: 53 };
  switch (kind) {
    case 'ask':
      return packetOf({ source: CLIENT, destination: SERVER, udp }, time);
    case 'answer': {
      const back = { sourcePort: 53, destinationPort: 1000 };
      return packetOf({ source: SERVER, destination: CLIENT, udp: back }, time);
    }
    case 'other':
      return packetOf({ source: '192.0.2.7', destination: SERVER, udp }, time);
    default: {
      const tcp = { sourcePort: 1000, destinationPort: 80, flags: 'S' };
      return packetOf({ source: CLIENT, destination: SERVER, tcp }, time);
    }
  }
}

interface Run {
  readonly verdicts: readonly string[];
  /** Counter by name: packets, and how many more there may be. */
  readonly counters: ReadonlyMap<string, readonly [number, number]>;
}

function run(text: string, kinds: readonly string[], assume: readonly string[]): Run {
  const host = hostOf(text, ROUTER, { families: [4], assume });
  const verdicts = kinds.map((kind, i) => host.send(packet(kind, i)).split(' ')[0] ?? '');
  const counters = new Map<string, readonly [number, number]>();
  for (const line of host.counters()) {
    const [, name = '', count = '', more = '0'] =
      /^(.*) \[(\d+):\d+\](?:\+(\d+)\?)?$/.exec(line) ?? [];
    counters.set(name, [Number(count), Number(more)]);
  }
  return { verdicts, counters };
}

test('what is decided without knowing is right whatever the truth is', () => {
  let undecided = 0;
  fc.assert(
    fc.property(tables, packets, (text, kinds) => {
      const blind = run(text, kinds, []);
      undecided += blind.verdicts.filter((verdict) => verdict === 'UNDECIDED').length;
      for (const truth of ['cpu=yes', 'cpu=no']) {
        const known = run(text, kinds, [truth]);
        blind.verdicts.forEach((verdict, i) => {
          if (verdict !== 'UNDECIDED')
            expect([truth, i, known.verdicts[i]]).toEqual([truth, i, verdict]);
        });
        for (const name of new Set([...known.counters.keys(), ...blind.counters.keys()])) {
          const [least, more] = blind.counters.get(name) ?? [0, 0];
          const [is, doubt] = known.counters.get(name) ?? [0, 0];
          if (is + doubt < least || is > least + more)
            expect.fail(`${truth}: ${name} counts ${is}, not ${least} to ${least + more}`);
        }
      }
    }),
    { numRuns: 250 },
  );
  expect(undecided).toBeGreaterThan(80);
});
