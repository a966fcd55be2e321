/** What an undecided packet may have counted: an upper bound, and no wider than it must be. */
import { describe, expect, test } from 'vitest';
import { exploreRest, exploreTable, type Unknowns } from '../../src/evaluate/possible.ts';
import { READS_CONNECTION, READS_INTERFACES, readsBits } from '../../src/evaluate/reads.ts';
import type { PacketContext } from '../../src/match/definition.ts';
import { HOOK_INPUT } from '../../src/ruleset/types.ts';
import { packetOf } from '../support/packets.ts';
import { contextOf, countersOf, filterText, programOf, walkOf } from './programs.ts';

/** A TCP packet whose header the snap length cut off. */
const cut = packetOf(
  {
    source: '192.0.2.9',
    destination: '192.0.2.1',
    tcp: { sourcePort: 4000, destinationPort: 80, flags: 'S' },
  },
  { capturedLength: 20 },
);
const unknowns = (more: Partial<Unknowns> = {}): Unknowns => ({
  reads: 0,
  translated: '',
  copyTo: undefined,
  mayEnd: false,
  mayBeReset: false,
  packet: 9,
  ...more,
});

/** Walks the cut packet, explores the rest: counters, and whether it may be accepted. */
function explored(...lines: string[]): { counters: string[]; accepts: boolean } {
  const program = programOf(filterText(...lines));
  const { verdict, result, context } = walkOf(program, cut);
  expect(verdict).toBe('undecided');
  const start = program.chainAt('filter', HOOK_INPUT);
  if (start === undefined || result.rule === undefined) throw new Error('no rule');
  const { rule, returns } = result;
  const accepts = exploreRest(program, start, rule, false, returns, context, unknowns());
  return { counters: countersOf(program), accepts };
}

describe('after an undecided rule', () => {
  test('that rule and all that may follow, up to one that surely ends', () => {
    const found = explored(
      '-A INPUT -s 192.0.2.9',
      '-A INPUT -p tcp --dport 80 -j ACCEPT',
      '-A INPUT -p udp -j DROP',
      '-A INPUT -p tcp --dport 443 -j DROP',
      '-A INPUT -p tcp -j DROP',
      '-A INPUT -j ACCEPT',
    );
    expect(found).toEqual({
      counters: ['INPUT 1 [1:40]', 'INPUT 2 [0:0]+1?', 'INPUT 4 [0:0]+1?', 'INPUT 5 [0:0]+1?'],
      accepts: true,
    });
  });

  test('no accept in sight', () => {
    const found = explored('-A INPUT -p tcp --dport 80 -j DROP', '-A INPUT -j DROP');
    expect(found.accepts).toBe(false);
    expect(explored(':INPUT DROP', '-A INPUT -p tcp --dport 80 -j DROP').accepts).toBe(false);
    expect(explored('-A INPUT -p tcp --dport 80 -j DROP').accepts).toBe(true);
  });

  test('into the chain that it jumps to, and back behind each jump', () => {
    const found = explored(
      ':INPUT DROP',
      ':A - [0:0]',
      ':B - [0:0]',
      '-A INPUT -j A',
      '-A INPUT -p udp',
      '-A INPUT -p tcp',
      '-A A -p tcp --dport 80 -j B',
      '-A A -p tcp -j RETURN',
      '-A A -j ACCEPT',
      '-A B -p tcp -j LOG',
    );
    expect(found).toEqual({
      counters: [
        'INPUT 1 [1:40]',
        'INPUT 3 [0:0]+1?',
        'INPUT policy [0:0]+1?',
        'A 1 [0:0]+1?',
        'A 2 [0:0]+1?',
        'B 1 [0:0]+1?',
      ],
      accepts: false,
    });
  });

  test('stateful matches that it may have met are in doubt, others are not', () => {
    const limit = '-m limit --limit 1/hour --limit-burst 1 -j LOG';
    const program = programOf(
      filterText(
        `-A INPUT -p tcp ${limit}`,
        '-A INPUT -p tcp --dport 80 -j ACCEPT',
        `-A INPUT -p tcp ${limit}`,
        `-A INPUT -p udp ${limit}`,
        '-A INPUT -p tcp -j ACCEPT',
        `-A INPUT -p tcp ${limit}`,
      ),
    );
    const { result, context } = walkOf(program, cut);
    const start = program.chainAt('filter', HOOK_INPUT);
    if (start === undefined || result.rule === undefined) throw new Error('no rule');
    exploreRest(program, start, result.rule, false, result.returns, context, unknowns());
    expect(start.rules.map(({ stateDoubt }) => stateDoubt !== '')).toEqual([
      false,
      false,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('a table that may have been met', () => {
  const tableOf = (
    lines: string[],
    more: Partial<Unknowns>,
    context: Partial<PacketContext> = {},
  ) => {
    const program = programOf(filterText(...lines));
    const start = program.chainAt('filter', HOOK_INPUT);
    if (start === undefined) throw new Error('no chain');
    const packet = packetOf({ source: '192.0.2.9', destination: '192.0.2.1', udp: {} });
    const accepts = exploreTable(program, start, contextOf(packet, context), unknowns(more));
    return { counters: countersOf(program), accepts };
  };

  test('with everything known: one way', () => {
    const lines = [':INPUT DROP', '-A INPUT -i eth1 -j DROP', '-A INPUT -p udp -j ACCEPT'];
    expect(tableOf(lines, {})).toEqual({ counters: ['INPUT 2 [0:0]+1?'], accepts: true });
  });

  test('a chain that two rules may jump to counts twice', () => {
    const lines = [':A -', '-A INPUT -m mark --mark 1 -j A', '-A INPUT -j A', '-A A -p udp'];
    expect(tableOf(lines, { reads: readsBits(['mark']) }).counters).toEqual([
      'INPUT 1 [0:0]+1?',
      'INPUT 2 [0:0]+1?',
      'INPUT policy [0:0]+1?',
      'A 1 [0:0]+2?',
    ]);
  });

  test('a mark that may be set between two visits of a chain', () => {
    const lines = [
      ':A -',
      '-A INPUT -j A',
      '-A INPUT -m conntrack --ctstate NEW -j MARK --set-mark 1',
      '-A INPUT -j A',
      '-A A -m mark --mark 1 -j DROP',
    ];
    const program = programOf(['*mangle', ':INPUT ACCEPT', ...lines, 'COMMIT', ''].join('\n'));
    const start = program.chainAt('mangle', HOOK_INPUT);
    if (start === undefined) throw new Error('no chain');
    const packet = packetOf({ source: '192.0.2.9', destination: '192.0.2.1', udp: {} });
    exploreTable(program, start, contextOf(packet), unknowns({ reads: READS_CONNECTION }));
    expect(countersOf(program)).toContain('A 1 [0:0]+1?');
  });

  test('interfaces not known', () => {
    const lines = [':INPUT DROP', '-A INPUT -i eth1 -j DROP', '-A INPUT -p udp -j ACCEPT'];
    expect(tableOf(lines, { reads: READS_INTERFACES }).counters).toEqual([
      'INPUT 1 [0:0]+1?',
      'INPUT 2 [0:0]+1?',
    ]);
  });

  test('ctstate not known', () => {
    const lines = [
      ':INPUT DROP',
      '-A INPUT -m conntrack --ctstate NEW -j DROP',
      '-A INPUT -j ACCEPT',
    ];
    expect(tableOf(lines, { reads: READS_CONNECTION }).counters).toEqual([
      'INPUT 1 [0:0]+1?',
      'INPUT 2 [0:0]+1?',
    ]);
    expect(tableOf(lines, {}).counters).toEqual(['INPUT 2 [0:0]+1?']);
  });
});
