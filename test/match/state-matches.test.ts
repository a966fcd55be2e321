/** Matches with state, matches on connections, and matches that ask for facts of the host. */
import { describe, expect, it } from 'vitest';
import { IPS_CONFIRMED, IPS_EXPECTED } from '../../src/conntrack/types.ts';
import type { PacketContext } from '../../src/match/definition.ts';
import { createReplayState, type ReplaySettings } from '../../src/match/replay-state.ts';
import { civilDate } from '../../src/match/time-values.ts';
import { HOOK_OUTPUT, HOOK_POSTROUTING, HOOK_PREROUTING } from '../../src/ruleset/types.ts';
import { buildDatagram, type DatagramSpec, viewOf } from '../support/packets.ts';
import { connectionOf, contextOf, matchOf, say, why } from './context.ts';

const CLIENT = '198.51.100.7';
const HOST = '192.0.2.1';
const ASK: DatagramSpec = {
  source: CLIENT,
  destination: HOST,
  udp: { sourcePort: 40000, destinationPort: 53, payload: 32 },
};
/** 2023-11-14T22:13:20Z, a Tuesday. */
const START = 1_700_000_000;
const LETTERS = ['-', 'Y', 'H', '?'];

/** A packet at a time in milliseconds after START. */
function packetAt(milliseconds: number, spec: DatagramSpec = ASK): ReturnType<typeof viewOf> {
  return viewOf(buildDatagram(spec), {
    timeSeconds: START + Math.floor(milliseconds / 1000),
    timeNanoseconds: (milliseconds % 1000) * 1e6,
  });
}

type Step = readonly [milliseconds: number, spec?: DatagramSpec, more?: Partial<PacketContext>];

/** What rules of one replay say of packets, a letter each: Y, -, H (hot drop), ? (undecided). */
function play(
  rules: readonly string[],
  steps: readonly Step[],
  settings?: ReplaySettings,
): string[] {
  const replay = createReplayState(settings);
  const instances = rules.map((rule) => {
    const match = matchOf(rule);
    return { match, state: match.createState(replay), said: '' };
  });
  for (const [time, spec, more] of steps) {
    for (const instance of instances) {
      const context = contextOf(packetAt(time, spec), more);
      instance.said += LETTERS[instance.match.matches(context, instance.state)] ?? '';
    }
  }
  return instances.map(({ said }) => said);
}

const burst = (at: number, count: number, spec = ASK): Step[] =>
  Array.from({ length: count }, () => [at, spec]);

describe('quota', () => {
  it('lets whole datagrams pass, and none once one did not fit', () => {
    expect(play(['-m quota --quota 150'], burst(0, 4))).toEqual(['YY--']);
    const small = { ...ASK, udp: { payload: 0 } };
    expect(play(['-m quota --quota 100'], [[0], [0], [0, small]])).toEqual(['Y--']);
    expect(play(['-m quota ! --quota 150'], burst(0, 4))).toEqual(['--YY']);
    expect(play(['-m quota --quota 18446744073709551615'], burst(0, 2))).toEqual(['YY']);
  });
});

describe('statistic', () => {
  it('takes every n-th packet', () => {
    const nth = (every: number, packet: number): string =>
      `-m statistic --mode nth --every ${every} --packet ${packet}`;
    expect(play([nth(3, 0), nth(3, 1), nth(3, 2), nth(1, 0)], burst(0, 7))).toEqual([
      'Y--Y--Y',
      '-Y--Y--',
      '--Y--Y-',
      'YYYYYYY',
    ]);
  });

  it('is undecided at random, unless the probability is 0 or 1 or there is a seed', () => {
    const random = (p: string): string => `-m statistic --mode random --probability ${p}`;
    expect(play([random('0'), random('1'), random('0.5')], burst(0, 3))).toEqual([
      '---',
      'YYY',
      '???',
    ]);
    const seeded = play([random('0.5'), random('0.5')], burst(0, 400), { seed: 7 });
    expect(play([random('0.5'), random('0.5')], burst(0, 400), { seed: 7 })).toEqual(seeded);
    expect(seeded[0]).not.toBe(seeded[1]);
    for (const said of seeded) {
      const hits = said.replaceAll('-', '').length;
      expect(hits).toBeGreaterThan(150);
      expect(hits).toBeLessThan(250);
    }
  });
});

describe('time', () => {
  it('knows the calendar', () => {
    for (let day = 0; day < 60_000; day += 7) {
      const date = new Date(day * 86_400_000);
      const expected = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
      expect(Object.values(civilDate(day))).toEqual(expected);
    }
  });

  const at = (options: string, date: string): string => {
    const packet = viewOf(buildDatagram(ASK), { timeSeconds: Date.parse(date) / 1000 });
    return say(`-m time ${options}`, packet);
  };
  it('compares time of day, both ends included', () => {
    const office = '--timestart 08:00 --timestop 17:30';
    expect(at(office, '2024-03-01T07:59:59Z')).toBe('NO');
    expect(at(office, '2024-03-01T08:00:00Z')).toBe('YES');
    expect(at(office, '2024-03-01T17:30:00Z')).toBe('YES');
    expect(at(office, '2024-03-01T17:30:01Z')).toBe('NO');
  });
  it('goes over midnight, for the day it began with --contiguous', () => {
    const night = '--timestart 23:00 --timestop 01:00 --weekdays Mon';
    // 2024-03-04 is a Monday.
    expect(at(night, '2024-03-04T23:30:00Z')).toBe('YES');
    expect(at(night, '2024-03-05T00:30:00Z')).toBe('NO');
    expect(at(night, '2024-03-04T00:30:00Z')).toBe('YES');
    expect(at(`${night} --contiguous`, '2024-03-05T00:30:00Z')).toBe('YES');
    expect(at(`${night} --contiguous`, '2024-03-04T00:30:00Z')).toBe('NO');
    expect(at(night, '2024-03-04T12:00:00Z')).toBe('NO');
  });
  it('compares weekdays, days of the month and dates', () => {
    expect(at('--weekdays Sun', '2024-03-03T12:00:00Z')).toBe('YES');
    expect(at('! --weekdays Sat,Sun', '2024-03-03T12:00:00Z')).toBe('NO');
    expect(at('--monthdays 31', '2024-03-31T00:00:00Z')).toBe('YES');
    expect(at('--monthdays 31', '2024-04-01T00:00:00Z')).toBe('NO');
    expect(at('--datestart 2024-03-01', '2024-02-29T23:59:59Z')).toBe('NO');
    expect(at('--datestop 2024-03-01', '2024-03-01T00:00:00Z')).toBe('YES');
    expect(at('--datestop 2024-03-01', '2024-03-01T00:00:01Z')).toBe('NO');
  });
  it('is undecided in the time zone of the kernel', () => {
    expect(at('--timestart 08:00 --kerneltz', '2024-03-01T09:00:00Z')).toBe('UNDECIDED');
    expect(at('--kerneltz', '2024-03-01T09:00:00Z')).toBe('YES');
  });
  it('says why not', () => {
    expect(why('-m time --timestart 08:00 --timestop 09:00', packetAt(0))).toBe(
      '--timestart: 22:13:20, not in 08:00:00 to 09:00:00',
    );
    expect(why('-m time --weekdays Mon', packetAt(0))).toBe('--weekdays: Tue, not in Mon');
  });
});

describe('recent', () => {
  const other: DatagramSpec = { ...ASK, source: '198.51.100.8' };
  it('shares a list by name, and counts stamps within the seconds', () => {
    const rules = [
      '-m recent --rcheck --name x',
      '-m recent --update --name x --seconds 2 --hitcount 2',
      '-m recent --set --name x',
    ];
    expect(play(rules, [[0], [1000], [1000, other], [1500], [9000]])).toEqual([
      '-Y-YY',
      '---Y-',
      'YYYYY',
    ]);
  });
  it('removes, and inverts', () => {
    const rules = ['-m recent ! --rcheck', '-m recent --remove', '-m recent --set'];
    expect(play(rules, [[0], [0], [0]])).toEqual(['Y--', '-YY', 'YYY']);
  });
  it('compares the TTL with --rttl, as it was before forwarding', () => {
    const low = { ...ASK, ttl: 10 };
    const rules = ['-m recent --rcheck --rttl', '-m recent --set'];
    expect(play(rules, [[0], [0, low], [0, { ...ASK, ttl: 9 }, { forwarded: true }]])).toEqual([
      '--Y',
      'YYY',
    ]);
  });
  it('begins with what the user says is in it', () => {
    const settings: ReplaySettings = {
      recent: new Map([['bad', [{ address: CLIENT, seen: [START - 30, START - 5] }]]]),
    };
    const rules = [
      '-m recent --rcheck --name bad --seconds 10 --hitcount 1',
      '-m recent --rcheck --name bad --seconds 60 --hitcount 2',
      '-m recent --rcheck --name bad --seconds 20 --hitcount 2',
    ];
    expect(play(rules, [[0], [0, other]], settings)).toEqual(['Y-', 'Y-', '--']);
  });
  it('forgets the address used longest ago', () => {
    const settings = { parameters: new Map([['xt_recent.ip_list_tot', '1']]) };
    const rules = ['-m recent --rcheck', '-m recent --set'];
    expect(play(rules, [[0], [0], [0, other], [0]], settings)).toEqual(['-Y--', 'YYYY']);
  });
  it('is undecided once its content is in doubt, but for --set', () => {
    const replay = createReplayState();
    const check = matchOf('-m recent --rcheck');
    const set = matchOf('-m recent --set');
    const states = [check, set].map((match) => match.createState(replay));
    (states[0] as { doubt(reason: string): void }).doubt('packet 3 is undecided');
    expect(check.matches(contextOf(packetAt(0)), states[0])).toBe(3);
    expect(set.matches(contextOf(packetAt(0)), states[1])).toBe(1);
  });
});

describe('hashlimit', () => {
  const other: DatagramSpec = { ...ASK, source: '198.51.100.8' };
  it('has a bucket for each group', () => {
    const rules = [
      '-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name a',
      '-m hashlimit --hashlimit-above 1/min --hashlimit-burst 2 --hashlimit-name b',
    ];
    const steps: Step[] = [[0], [0], [0], [0, other], [0, other], [0, other], [30_000], [31_000]];
    expect(play(rules, steps)).toEqual(['YY-YY---', '--YYYYYY']);
  });
  it('shares a table by name', () => {
    const rule = '-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 3 --hashlimit-name a';
    expect(play([rule, rule], burst(0, 3))).toEqual(['YY-', 'Y--']);
  });
  it('does not guess whether an idle entry was collected', () => {
    const rule =
      '-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-htable-expire 1000 --hashlimit-name a';
    expect(play([rule], [[0], [500], [2000], [9000]])).toEqual(['Y-?Y']);
    // A full bucket is a full bucket, collected or not.
    const quick = '-m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 2 --hashlimit-name a';
    expect(play([quick], [[0], [0], [0], [1100], [1100], [1100]])).toEqual(['YY-YY-']);
  });
  it('takes bytes by chunks of 16', () => {
    const rule = '-m hashlimit --hashlimit-upto 64b/s --hashlimit-name a';
    expect(play([rule], [[0], [0], [1000], [1100]])).toEqual(['Y-Y-']);
  });
  it('drops what has no ports where it groups by them', () => {
    const rule = '-m hashlimit --hashlimit-upto 1/hour --hashlimit-mode srcport --hashlimit-name a';
    expect(
      play([rule], [[0, { source: CLIENT, destination: HOST, protocol: 6, payload: 2 }]]),
    ).toEqual(['H']);
    expect(
      play([rule], burst(0, 2, { source: CLIENT, destination: HOST, icmp: { type: 8 } })),
    ).toEqual(['YY']);
  });
});

describe('connections', () => {
  const connection = connectionOf('198.51.100.7 40000 192.0.2.1 53', {
    status: IPS_CONFIRMED,
    mark: 0x80000001,
    expiresAt: START + 100,
    packetCount: (direction) => (direction === 0 ? 4 : 2),
    byteCount: (direction) => (direction === 0 ? 400 : 3000),
  });
  const tell = (rule: string, more: Partial<PacketContext> = { connection }): string =>
    say(rule, packetAt(0), more);
  it('connmark compares unsigned, and needs a connection', () => {
    expect(tell('-m connmark --mark 0x80000000/0x80000000')).toBe('YES');
    expect(tell('-m connmark ! --mark 1')).toBe('YES');
    expect(tell('-m connmark ! --mark 1', {})).toBe('NO');
  });
  it('connbytes compares packets, bytes and their mean', () => {
    const by = (range: string, mode: string, direction: string): string =>
      tell(
        `-m connbytes --connbytes ${range} --connbytes-mode ${mode} --connbytes-dir ${direction}`,
      );
    expect(by('4:4', 'packets', 'original')).toBe('YES');
    expect(by('3000:', 'bytes', 'reply')).toBe('YES');
    expect(by('566:566', 'avgpkt', 'both')).toBe('YES');
    expect(by('7', 'packets', 'both')).toBe('NO');
  });
  it('helper knows no expectations', () => {
    expect(tell('-m helper --helper ftp')).toBe('NO');
    expect(tell('-m helper ! --helper ftp', {})).toBe('YES');
    const expected = connectionOf('198.51.100.7 1 192.0.2.1 2', { status: IPS_EXPECTED });
    expect(tell('-m helper --helper ftp', { connection: expected })).toBe('UNDECIDED');
  });
  it('connlabel sets labels', () => {
    const rules = [
      '-m connlabel --label 5',
      '-m connlabel --label 5 --set',
      '-m connlabel ! --label 5',
    ];
    const with_ = { connection };
    expect(
      play(rules, [
        [0, ASK, {}],
        [0, ASK, with_],
        [0, ASK, with_],
      ]),
    ).toEqual(['--Y', '-YY', 'Y--']);
  });
  it('connlimit counts live connections', () => {
    const others = [1, 2, 3].map((port) =>
      connectionOf(`198.51.100.7 ${port} 192.0.2.1 53`, {
        firstPacket: port,
        expiresAt: START + 9,
      }),
    );
    const fresh = others.map((each) => ({ connection: each }));
    const rules = ['-m connlimit --connlimit-above 1', '-m connlimit --connlimit-upto 1'];
    // None of the three was confirmed: each one's successor finds it gone.
    expect(
      play(
        rules,
        fresh.map((more, i) => [20 * i, ASK, more]),
      ),
    ).toEqual(['---', 'YYY']);
    const lasting = others.map((each) => ({ connection: { ...each, status: IPS_CONFIRMED } }));
    expect(
      play(
        ['-m connlimit --connlimit-upto 3'],
        lasting.map((more, i) => [20 * i, ASK, more]),
      ),
    ).toEqual(['YYY']);
  });
});

describe('facts of the host', () => {
  const packet = packetAt(0);
  it('are undecided', () => {
    for (const rule of [
      '-m cpu --cpu 0',
      '-m cgroup --path /',
      '-m socket',
      '-m nfacct --nfacct-name x',
      '-m devgroup --src-group 1',
      '-m ipvs --ipvs',
      '-m rateest --rateest a --rateest-lt --rateest-pps 5',
    ])
      expect(say(rule, packet), rule).toBe('UNDECIDED');
    expect(say('-m owner --uid-owner 0', packet, { hook: HOOK_OUTPUT })).toBe('UNDECIDED');
  });
  it('are not asked where there is no socket', () => {
    const forwarded = { hook: HOOK_POSTROUTING, forwarded: true };
    expect(say('-m owner --uid-owner 0', packet, forwarded)).toBe('NO');
    expect(say('-m owner ! --uid-owner 0 ! --gid-owner 5', packet, forwarded)).toBe('YES');
    expect(say('-m owner ! --uid-owner 0 --gid-owner 5', packet, forwarded)).toBe('NO');
    expect(say('-m cgroup ! --path /', packet, forwarded)).toBe('NO');
    const ping = packetAt(0, { source: CLIENT, destination: HOST, icmp: { type: 8 } });
    expect(say('-m socket', ping)).toBe('NO');
  });
  it('devgroup holds under an empty mask', () => {
    expect(say('-m devgroup --src-group 1/0', packet)).toBe('YES');
    expect(say('-m devgroup ! --src-group 1/0', packet)).toBe('NO');
  });
  it('physdev knows that a packet is on no bridge, unless the interface looks like one', () => {
    expect(say('-m physdev --physdev-is-bridged', packet)).toBe('NO');
    expect(say('-m physdev ! --physdev-is-bridged', packet)).toBe('YES');
    expect(say('-m physdev --physdev-in veth0', packet, { inInterface: 'vmbr0' })).toBe(
      'UNDECIDED',
    );
  });
  it('rpfilter knows the routes', () => {
    const more = { hook: HOOK_PREROUTING };
    const own = packetAt(0, { ...ASK, source: HOST });
    expect(say('-m rpfilter', packet, more)).toBe('YES');
    expect(say('-m rpfilter --invert', packet, more)).toBe('NO');
    expect(say('-m rpfilter', own, more)).toBe('NO');
    expect(say('-m rpfilter --accept-local', own, more)).toBe('YES');
    expect(say('-m rpfilter', packet, { ...more, inInterface: 'eth9' })).toBe('NO');
    expect(say('-m rpfilter --loose', packet, { ...more, inInterface: 'eth9' })).toBe('YES');
    expect(say('-m rpfilter --validmark', packet, { ...more, mark: 5 })).toBe('UNDECIDED');
  });
});
