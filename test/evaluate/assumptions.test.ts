/** What the user assumes of matches that no capture can decide. */
import { describe, expect, test } from 'vitest';
import { Assumptions, parseAssumption } from '../../src/evaluate/assumptions.ts';
import { linkRuleset } from '../../src/evaluate/program.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import type { BoundMatch } from '../../src/match/definition.ts';
import { createReplayState } from '../../src/match/replay-state.ts';
import { HOOK_OUTPUT } from '../../src/ruleset/types.ts';
import { packetOf } from '../support/packets.ts';
import { countersOf, walkOf } from './programs.ts';

function matchOf(text: string, assumable = true): BoundMatch {
  return { text: `-m ${text}`, assumable } as BoundMatch;
}

/** What is assumed of a match with this text; undefined: nothing. */
function assumed(text: string, ...values: string[]): boolean | undefined {
  return new Assumptions(values).of(matchOf(text))?.holds;
}

describe('which assumption is about a match', () => {
  test('its name, or a longer beginning of its text, up to the end of a word', () => {
    expect(assumed('owner --uid-owner 33', 'owner=no')).toBe(false);
    expect(assumed('owner --uid-owner 33', 'owner --uid-owner 33=yes')).toBe(true);
    expect(assumed('owner --uid-owner 33', 'owner --uid-owner=yes')).toBe(true);
    expect(assumed('owner --uid-owner 33', 'owner --uid-owner 3=yes')).toBeUndefined();
    expect(assumed('owner --uid-owner 33', 'own=yes')).toBeUndefined();
    expect(assumed('owner --uid-owner 33', 'socket=yes')).toBeUndefined();
  });

  test('the longest counts; of equal ones the last', () => {
    const values = ['owner --uid-owner 33=yes', 'owner=no'];
    expect(assumed('owner --uid-owner 33', ...values)).toBe(true);
    expect(assumed('owner --uid-owner 34', ...values)).toBe(false);
    expect(assumed('owner --uid-owner 34', 'owner=no', 'owner=yes')).toBe(true);
  });

  test('a negated option is the opposite of the option, also against a shorter text', () => {
    const text = 'owner ! --uid-owner 33';
    expect(assumed(text, 'owner --uid-owner 33=yes')).toBe(false);
    expect(assumed(text, 'owner --uid-owner 33=no')).toBe(true);
    expect(assumed(text, 'owner ! --uid-owner 33=yes')).toBe(true);
    expect(assumed(text, 'owner=no', 'owner --uid-owner 33=yes')).toBe(false);
    // Of a bare name nothing is negated: the match as a whole does not hold.
    expect(assumed(text, 'owner=no')).toBe(false);
    const two = 'owner ! --uid-owner 33 --gid-owner 5';
    expect(assumed(two, 'owner --uid-owner 33=yes')).toBeUndefined();
  });

  test('nothing is assumed of a match that a capture decides', () => {
    const all = new Assumptions(['tcp=yes']);
    expect(all.of(matchOf('tcp --dport 22', false))).toBeUndefined();
    expect(all.unused().map(({ code }) => code)).toEqual(['unused-assumption']);
  });

  test('what is no assumption is refused', () => {
    for (const value of ['owner', '=yes', 'owner=', 'owner=maybe', ''])
      expect(() => parseAssumption(value)).toThrow(/bad-assumption/);
    expect(parseAssumption('-m owner  --uid-owner 33 = NO')).toMatchObject({
      text: 'owner --uid-owner 33',
      holds: false,
    });
  });
});

describe('a walk with assumptions', () => {
  const packet = packetOf({ source: '192.0.2.1', destination: '192.0.2.9', udp: {} });
  const text = [
    '*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT',
    '-A OUTPUT -m owner --uid-owner 33 -j DROP',
    '-A OUTPUT -m owner ! --uid-owner 33 -j ACCEPT',
    'COMMIT\n',
  ].join('\n');
  const walked = (...values: string[]) => {
    const { ruleset } = loadRuleset([{ text, file: 'rules', family: 4 }]);
    const rules = ruleset.families.get(4);
    if (rules === undefined) throw new Error('no rules');
    const assumptions = new Assumptions(values);
    const program = linkRuleset(rules, createReplayState(), assumptions);
    const context = { hook: HOOK_OUTPUT, inInterface: '', outInterface: 'eth0' };
    const doubts = { conntrack: '', packet: 7 };
    const { verdict, at } = walkOf(program, packet, { context, doubts });
    return { program, assumptions, what: `${verdict} ${at}` };
  };

  test('without one: undecided, and counted by the kind of match', () => {
    const { program, what } = walked();
    expect(what).toBe('undecided OUTPUT 1');
    expect([...program.undecided]).toEqual([
      ['owner', { packets: 1, firstPacket: 7, lastPacket: 7 }],
    ]);
  });

  test('with one: decided, and its use is counted once a packet', () => {
    const { program, assumptions, what } = walked('owner --uid-owner 33=no');
    expect(what).toBe('accept OUTPUT 2');
    expect(countersOf(program)).toEqual(['OUTPUT 2 [1:28]']);
    expect(program.undecided.size).toBe(0);
    expect(assumptions.all[0]).toMatchObject({ packets: 1, firstPacket: 7, matches: 2 });
    expect(walked('owner --uid-owner 33=yes').what).toBe('drop OUTPUT 1');
  });
});
