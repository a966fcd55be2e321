/**
 * The reference evaluator: chains, policies, jumps, counters, conditions that cannot be known. What
 * the kernel does was seen on Linux 6.18 (test/kernel/structure.test.ts asks it again).
 */
import { describe, expect, test } from 'vitest';
import { linkRuleset } from '../../src/evaluate/program.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { packetOf } from '../support/packets.ts';
import { countersOf, filterText, programOf, walkOf } from './programs.ts';

const dns = packetOf({
  source: '192.0.2.9',
  destination: '192.0.2.1',
  udp: { sourcePort: 4000, destinationPort: 53 },
});
const web = packetOf({
  source: '192.0.2.9',
  destination: '192.0.2.1',
  tcp: { sourcePort: 4000, destinationPort: 80, flags: 'S' },
});

describe('verdicts', () => {
  test('the first rule that matches and ends decides; all that match count', () => {
    const program = programOf(
      filterText(
        ':INPUT DROP',
        '-A INPUT -p tcp -j ACCEPT',
        '-A INPUT -p udp',
        '-A INPUT -p udp -j LOG',
        '-A INPUT -p udp -j REJECT',
        '-A INPUT -j ACCEPT',
      ),
    );
    const { verdict, at } = walkOf(program, dns);
    expect([verdict, at]).toEqual(['reject icmp-port-unreachable', 'INPUT 4']);
    expect(countersOf(program)).toEqual(['INPUT 2 [1:28]', 'INPUT 3 [1:28]', 'INPUT 4 [1:28]']);
  });

  test('a chain without a match falls to its policy, which counts', () => {
    const program = programOf(filterText(':INPUT DROP', '-A INPUT -p tcp -j ACCEPT'));
    expect(walkOf(program, dns).verdict).toBe('drop');
    expect(walkOf(program, web).verdict).toBe('accept');
    expect(countersOf(program)).toEqual(['INPUT 1 [1:40]', 'INPUT policy [1:28]']);
  });

  test('a malformed packet is dropped by the match itself: the rule does not count', () => {
    const short = packetOf({
      source: '192.0.2.9',
      destination: '192.0.2.1',
      protocol: 6,
      payload: 12,
    });
    const program = programOf(filterText('-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'));
    const { verdict, at } = walkOf(program, short);
    expect([verdict, at]).toEqual(['hotdrop', 'INPUT 1']);
    expect(countersOf(program)).toEqual([]);
  });

  test('an IPv6 chain of headers that leaves the packet: -p drops it, rules without -p do not', () => {
    const broken = packetOf({
      source: '2001:db8::9',
      destination: '2001:db8::1',
      extensionHeaders: [{ type: 60, body: [0, 0, 0, 0, 0, 0] }],
      protocol: 60,
      payload: [60, 200, 0, 0, 0, 0, 0, 0],
    });
    expect(broken.protocol).toBe(-1);
    const program = programOf(filterText('-A INPUT -s 2001:db8::9', '-A INPUT -p tcp'), 6);
    expect(walkOf(program, broken).verdict).toBe('hotdrop');
    expect(countersOf(program)).toEqual(['INPUT 1 [1:56]']);
  });
});

describe('chains', () => {
  test('jump returns behind the jump, at the end and by RETURN', () => {
    const program = programOf(
      filterText(
        ':A - [0:0]',
        ':B - [0:0]',
        '-A INPUT -j A',
        '-A INPUT -j B',
        '-A INPUT -p udp -j DROP',
        '-A A -p udp',
        '-A B -p udp -j RETURN',
        '-A B -j ACCEPT',
      ),
    );
    const { steps } = walkOf(program, dns);
    expect(steps).toEqual(['INPUT 1 yes', 'A 1 yes', 'INPUT 2 yes', 'B 1 yes', 'INPUT 3 yes']);
  });

  test('goto returns to where the last jump came from', () => {
    const program = programOf(
      filterText(
        ':INPUT DROP',
        ':A - [0:0]',
        ':B - [0:0]',
        '-A INPUT -j A',
        '-A INPUT -p udp -j ACCEPT',
        '-A A -g B',
        '-A A -j DROP',
        '-A B -p udp',
      ),
    );
    expect(walkOf(program, dns).steps).toEqual([
      'INPUT 1 yes',
      'A 1 yes',
      'B 1 yes',
      'INPUT 2 yes',
    ]);
  });

  test('goto from a built-in chain ends in its policy, as does RETURN', () => {
    const goto = filterText(':INPUT DROP', ':A - [0:0]', '-A INPUT -g A', '-A INPUT -j ACCEPT');
    expect(walkOf(programOf(goto), dns)).toMatchObject({ verdict: 'drop', at: 'INPUT policy' });
    const back = filterText(':INPUT DROP', '-A INPUT -j RETURN', '-A INPUT -j ACCEPT');
    expect(walkOf(programOf(back), dns)).toMatchObject({ verdict: 'drop', at: 'INPUT policy' });
    const both = filterText(
      ':INPUT DROP',
      ':A - [0:0]',
      '-A INPUT -g A',
      '-A INPUT -j ACCEPT',
      '-A A -j RETURN',
    );
    expect(walkOf(programOf(both), dns)).toMatchObject({ verdict: 'drop', at: 'INPUT policy' });
  });

  test('a loop of jumps that no built-in chain leads to is taken, as by the kernel', () => {
    const program = programOf(filterText(':A - [0:0]', '-A A -j A', '-A INPUT -j DROP'));
    expect(walkOf(program, dns).verdict).toBe('drop');
  });

  test('a loop of jumps is refused when linking', () => {
    const lines = [':A - [0:0]', ':B - [0:0]', '-A INPUT -j A', '-A A -j B', '-A B -p udp'];
    const text = filterText(...lines);
    const { ruleset } = loadRuleset([{ text, file: 'test.rules', family: 4 }]);
    const rules = ruleset.families.get(4);
    const table = rules?.tables.get('filter');
    const [b] = table?.chains.get('B')?.rules ?? [];
    if (!rules || !table || !b) throw new Error('no such chain');
    const loop = { name: 'B', policy: undefined, packets: 0, bytes: 0 };
    const back = { ...b, target: { kind: 'jump', chain: 'A' } as const };
    const chains = new Map([...table.chains, ['B', { ...loop, rules: [back] }]]);
    const tables = new Map([['filter', { name: 'filter', chains }] as const]);
    expect(() => linkRuleset({ family: 4, tables })).toThrow(/jumps to itself/);
  });
});

describe('targets that change the packet', () => {
  test('a mark is seen by the rules behind it', () => {
    const program = programOf(
      [
        '*mangle',
        ':INPUT ACCEPT',
        '-A INPUT -m mark --mark 5 -j DROP',
        '-A INPUT -j MARK --set-mark 5',
        '-A INPUT -m mark --mark 5 -j DROP',
        'COMMIT',
        '',
      ].join('\n'),
    );
    const { steps, context } = walkOf(program, dns, { table: 'mangle' });
    expect(steps).toEqual(['INPUT 1 no', 'INPUT 2 yes', 'INPUT 3 yes']);
    expect(context.mark).toBe(5);
  });
});

describe('what cannot be known', () => {
  const cut = packetOf(
    {
      source: '192.0.2.9',
      destination: '192.0.2.1',
      tcp: { sourcePort: 4000, destinationPort: 80, flags: 'S' },
    },
    { capturedLength: 20 },
  );

  test('a condition that needs cut bytes leaves the packet undecided, and nothing counted', () => {
    const program = programOf(
      filterText('-A INPUT -s 192.0.2.9', '-A INPUT -p tcp --dport 80 -j ACCEPT', '-A INPUT'),
    );
    const { verdict, at, context } = walkOf(program, cut);
    expect([verdict, at]).toEqual(['undecided', 'INPUT 2']);
    expect(context.undecidedReason).toContain('snap length');
    expect(countersOf(program)).toEqual(['INPUT 1 [1:40]']);
  });

  test('a later condition that surely fails decides the rule all the same', () => {
    const program = programOf(
      filterText(':INPUT DROP', '-A INPUT -p tcp --dport 80 -m ttl --ttl-eq 1 -j ACCEPT'),
    );
    expect(walkOf(program, cut)).toMatchObject({ verdict: 'drop', at: 'INPUT policy' });
  });

  test('a doubtful connection makes only what reads it undecided', () => {
    const program = programOf(
      filterText(
        '-A INPUT -p tcp -m conntrack --ctstate NEW -j ACCEPT',
        '-A INPUT -m conntrack --ctstate NEW -j ACCEPT',
      ),
    );
    const doubts = { conntrack: 'its connection is in doubt', packet: 7 };
    const { steps, context } = walkOf(program, dns, { doubts });
    expect(steps).toEqual(['INPUT 1 no', 'INPUT 2 undecided']);
    expect(context.undecidedReason).toBe('its connection is in doubt');
  });

  test('a stateful match behind an unknown condition is in doubt from then on', () => {
    const rule = '-A INPUT -p tcp --dport 80 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT';
    const program = programOf(filterText(':INPUT DROP', rule));
    expect(walkOf(program, cut, { doubts: { conntrack: '', packet: 3 } }).verdict).toBe(
      'undecided',
    );
    const { verdict, context } = walkOf(program, web, { doubts: { conntrack: '', packet: 4 } });
    expect(verdict).toBe('undecided');
    expect(context.undecidedReason).toBe(
      'the state of this match rests on packet 3, which is undecided',
    );
  });

  test('also where a later condition fails, since it was perhaps asked before', () => {
    const rule = '-A INPUT -p tcp --dport 80 -m limit --limit 1/hour --limit-burst 1';
    const program = programOf(filterText(`${rule} -m ttl --ttl-eq 1 -j ACCEPT`, `${rule} -j DROP`));
    expect(walkOf(program, cut).steps).toEqual(['INPUT 1 no', 'INPUT 2 undecided']);
    expect(walkOf(program, web).steps).toEqual(['INPUT 1 no', 'INPUT 2 undecided']);
  });

  test('a cut header that may be malformed is dropped by the match, or not', () => {
    const option = '-A INPUT -p tcp -m tcp --tcp-option 8';
    const fails = programOf(filterText(`${option} -m ttl --ttl-eq 1 -j ACCEPT`));
    expect(walkOf(fails, cut).verdict).toBe('undecided');
    expect(walkOf(programOf(filterText(option)), cut).verdict).toBe('undecided');
  });

  test('a rule that changes nothing need not be decided: its count is uncertain', () => {
    const program = programOf(
      filterText(
        '-A INPUT -p tcp --dport 80',
        '-A INPUT -p tcp --dport 80 -j LOG',
        '-A INPUT -j DROP',
      ),
    );
    expect(walkOf(program, cut).verdict).toBe('drop');
    expect(countersOf(program)).toEqual(['INPUT 1 [0:0]+1?', 'INPUT 2 [0:0]+1?', 'INPUT 3 [1:40]']);
  });
});
