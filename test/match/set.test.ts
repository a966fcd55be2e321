/** -m set and -j SET over packets: timeouts by the capture's clock, marks, MAC addresses, doubts. */
import { describe, expect, it } from 'vitest';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import type { BoundMatch } from '../../src/match/definition.ts';
import { NO, UNDECIDED, YES } from '../../src/match/definition.ts';
import { createReplayState, isDoubtable } from '../../src/match/replay-state.ts';
import type { BoundTarget } from '../../src/target/definition.ts';
import { buildDatagram, ethernetFrame, packetOf, viewOf } from '../support/packets.ts';
import { contextOf } from './context.ts';

/** The matches and targets of a script's INPUT rules, and a fresh replay of its sets. */
function scene(lines: readonly string[], table = 'filter') {
  const text = `#!/bin/sh\n${lines.join('\n')}\n`;
  const { ruleset } = loadRuleset([{ file: 'rules.sh', text }]);
  const { sets } = ruleset;
  const replay = createReplayState(sets === undefined ? {} : { sets });
  replay.firstTick = 1000 * 250;
  const tables = ruleset.families.get(4)?.tables;
  const rules = [...(tables?.values() ?? [])]
    .filter(({ name }) => name === table)
    .flatMap(({ chains }) => chains.get('INPUT')?.rules ?? []);
  return rules.map(({ matches: [match], target }) => {
    const state = match?.createState(replay);
    const bound: BoundTarget | undefined = target.kind === 'target' ? target.target : undefined;
    return { match, state, target: bound, targetState: bound?.createState(replay) };
  });
}

function at(seconds: number, source = '198.51.100.7') {
  const packet = packetOf({ source, destination: '192.0.2.1', tcp: { destinationPort: 22 } });
  packet.timeSeconds = seconds;
  packet.timeNanoseconds = 0;
  return packet;
}

function asked(match: BoundMatch | undefined, state: unknown, seconds: number, source?: string) {
  return match?.matches(contextOf(at(seconds, source)), state);
}

describe('-m set', () => {
  it('an element with a timeout goes by the capture clock', () => {
    const [rule] = scene([
      'ipset create s hash:ip timeout 0',
      'ipset add s 198.51.100.7 timeout 10',
      'ipset add s 198.51.100.8',
      'iptables -A INPUT -m set --match-set s src',
    ]);
    expect(asked(rule?.match, rule?.state, 1000)).toBe(YES);
    expect(asked(rule?.match, rule?.state, 1010)).toBe(YES);
    expect(asked(rule?.match, rule?.state, 1011)).toBe(NO);
    expect(asked(rule?.match, rule?.state, 5000, '198.51.100.8')).toBe(YES);
  });

  it('the longest prefix decides, nomatch included', () => {
    const [plain, returned] = scene([
      'ipset create s hash:net',
      'ipset add s 198.51.0.0/16',
      'ipset add s 198.51.100.0/24 nomatch',
      'ipset add s 198.51.100.7',
      'iptables -A INPUT -m set --match-set s src',
      'iptables -A INPUT -m set --match-set s src --return-nomatch',
    ]);
    const both = (source: string) => [
      asked(plain?.match, plain?.state, 1000, source),
      asked(returned?.match, returned?.state, 1000, source),
    ];
    expect(both('198.51.7.7')).toEqual([YES, NO]);
    expect(both('198.51.100.9')).toEqual([NO, YES]);
    expect(both('198.51.100.7')).toEqual([YES, NO]);
    expect(both('203.0.113.1')).toEqual([NO, NO]);
  });

  it('fewer directions than parts never match', () => {
    const [rule] = scene([
      'ipset create s hash:ip,port',
      'ipset add s 198.51.100.7,tcp:22',
      'iptables -A INPUT -m set --match-set s src',
      'iptables -A INPUT -m set ! --match-set s src',
    ]);
    expect(asked(rule?.match, rule?.state, 1000)).toBe(NO);
  });

  it('MAC addresses are those of the frame; without one it is undecided', () => {
    const [rule] = scene([
      'ipset create s hash:mac',
      'ipset add s 02:00:00:00:00:01',
      'iptables -A INPUT -m set --match-set s src',
    ]);
    const datagram = buildDatagram({ source: '198.51.100.7', destination: '192.0.2.1', udp: {} });
    const frame = (sourceMac: string) =>
      viewOf(ethernetFrame(datagram, { sourceMac }), { linkType: 1 });
    const ask = (mac: string) => rule?.match?.matches(contextOf(frame(mac)), rule.state);
    expect(ask('02:00:00:00:00:01')).toBe(YES);
    expect(ask('02:00:00:00:00:02')).toBe(NO);
    expect(asked(rule?.match, rule?.state, 1000)).toBe(UNDECIDED);
  });

  it('with counters it has state of its own, without it has not', () => {
    const [plain, counted] = scene([
      'ipset create s hash:ip',
      'ipset create c hash:ip counters',
      'iptables -A INPUT -m set --match-set s src',
      'iptables -A INPUT -m set --match-set c src',
    ]);
    expect(plain?.match?.reads).not.toContain('own-state');
    expect(counted?.match?.reads).toContain('own-state');
  });
});

describe('-j SET', () => {
  it('adds for a time, and removes', () => {
    const [add, remove, test] = scene([
      'ipset create s hash:ip timeout 5',
      'iptables -A INPUT -j SET --add-set s src',
      'iptables -A INPUT -j SET --del-set s src',
      'iptables -A INPUT -m set --match-set s src',
    ]);
    expect(asked(test?.match, test?.state, 1000)).toBe(NO);
    add?.target?.apply(contextOf(at(1000)), add.targetState);
    expect(asked(test?.match, test?.state, 1005)).toBe(YES);
    expect(asked(test?.match, test?.state, 1006)).toBe(NO);
    add?.target?.apply(contextOf(at(1010)), add.targetState);
    remove?.target?.apply(contextOf(at(1011)), remove.targetState);
    expect(asked(test?.match, test?.state, 1011)).toBe(NO);
  });

  it('maps the mark of the element', () => {
    const [map] = scene(
      [
        'ipset create s hash:ip skbinfo',
        'ipset add s 198.51.100.7 skbmark 0x12/0xff',
        'iptables -t mangle -A INPUT -j SET --map-set s src --map-mark',
      ],
      'mangle',
    );
    const context = contextOf(at(1000), { mark: 0xabcd });
    map?.target?.apply(context, map.targetState);
    expect(context.mark).toBe(0xab12);
  });

  it('where it is not known whether it was met, the set is not known', () => {
    const [add, test] = scene([
      'ipset create s hash:ip',
      'iptables -A INPUT -j SET --add-set s src',
      'iptables -A INPUT -m set --match-set s src',
    ]);
    const { targetState } = add ?? {};
    expect(isDoubtable(targetState)).toBe(true);
    if (isDoubtable(targetState)) targetState.doubt('packet 3 is undecided');
    expect(asked(test?.match, test?.state, 1000)).toBe(UNDECIDED);
  });
});
