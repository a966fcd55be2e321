/** The report for people, literally: what a network engineer reads. */
import { describe, expect, it } from 'vitest';
import { stringSink } from '../../src/report/sink.ts';
import { COLOUR_STYLE, PLAIN_STYLE } from '../../src/report/style.ts';
import { type TextOptions, textReporter, textSummary } from '../../src/report/text.ts';
import { counts, resultOf } from './results.ts';

const OPTIONS: TextOptions = { style: PLAIN_STYLE, width: 100, allRules: false, quiet: false };

const SAVED = `*filter
:INPUT DROP [3:180]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [7:420]
:SSH - [0:0]
[10:1000] -A INPUT -i lo -j ACCEPT
[5:300] -A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j SSH
[0:0] -A INPUT ! -s 192.0.2.0/24 -p udp -m multiport --dports 53,123 -m comment --comment "name and time service" -j REJECT --reject-with icmp-admin-prohibited
[5:300] -A SSH -j ACCEPT
COMMIT
`;

describe('the text report', () => {
  it('shows chains, rules never hit, reasons, notes, vantage, totals', () => {
    const result = resultOf([{ text: SAVED, file: 'rules.v4' }], {
      packets: 1029,
      frameBytes: 123_456,
      firstTime: 1_764_000_000.25,
      lastTime: 1_764_000_012.75,
      verdicts: counts({ ACCEPT: 22, DROP: 3, UNDECIDED: 2, SKIPPED: 1002 }),
      byPath: new Map([
        ['OUTPUT', counts({ ACCEPT: 7 })],
        ['INPUT', counts({ ACCEPT: 15, DROP: 3, UNDECIDED: 2 })],
      ]),
      byProtocol: new Map([['tcp', counts({ ACCEPT: 22, DROP: 3, UNDECIDED: 2 })]]),
      reasons: new Map([
        [
          'UNDECIDED',
          new Map([['the snap length cut the TCP header', { packets: 2, firstPacket: 9 }]]),
        ],
        ['SKIPPED', new Map([['not IP: ARP (0x0806)', { packets: 1002, firstPacket: 1 }]])],
      ]),
      doctor: [
        {
          code: 'mid-stream',
          message: '1 TCP connection began before the capture',
          packets: 4,
          verdicts: 4,
          firstPacket: 2,
        },
      ],
      connections: 3,
    });
    const lines = textSummary(result, { ...OPTIONS, elapsedSeconds: () => 0.5 });
    expect(
      lines.join('\n'),
    ).toBe(`trace.pcap: 1,029 packets, 123,456 bytes, 12.5 s from 2025-11-24 16:00:00 UTC

IPv4 table filter
Chain INPUT (policy DROP 3 packets, 180 bytes)
num  pkts  bytes  target  prot  in  source
1      10   1000  ACCEPT  all   lo  0.0.0.0/0
2       5    300  SSH     tcp   *   198.51.100.0/24  tcp dpt:22 ctstate NEW
3       0      0  REJECT  udp   *   !192.0.2.0/24    multiport dports 53,123 /* name and time
                                                     service */ reject-with icmp-admin-prohibited

Chain FORWARD (policy DROP 0 packets, 0 bytes)

Chain OUTPUT (policy ACCEPT 7 packets, 420 bytes)

Chain SSH (1 references)
num  pkts  bytes  target  prot
1       5    300  ACCEPT  all

Rules never hit by this traffic: 1 of 4
  IPv4 filter INPUT  3  (rules.v4:8)

UNDECIDED 2 packets (the capture cannot tell; +? counts them where they may have been)
  2  the snap length cut the TCP header (first: packet 9)

SKIPPED 1,002 packets (not for any given ruleset)
  1002  not IP: ARP (0x0806) (first: packet 1)

About this capture
  - 4 packets: 1 TCP connection began before the capture [mid-stream, first: packet 2; 4 verdicts
    rest on it]

Vantage
  eth0=192.0.2.10/24 (given)

Verdicts
  by      packets  ACCEPT  DROP  REJECT  UNDECIDED  SKIPPED
  INPUT        20      15     3       -          2        -
  OUTPUT        7       7     -       -          -        -
  tcp          27      22     3       -          2        -
  total     1,029      22     3       -          2    1,002

Replayed in 0.500 s, 2.06 K packets/s; 3 connections tracked at the end.`);
  });

  it('paints rules without hits dim, verdicts in colour', () => {
    const result = resultOf([{ text: SAVED, file: 'rules.v4' }]);
    const lines = textSummary(result, { ...OPTIONS, style: COLOUR_STYLE });
    const accept = lines.find((line) => line.includes('1000')) ?? '';
    expect(accept).toContain('\u001b[32mACCEPT');
    const reject = lines.find((line) => line.includes('53,123') && line.startsWith('\u001b[2m'));
    expect(reject).toBeDefined();
    expect(reject).not.toContain('\u001b[31m');
  });

  it('of a large ruleset shows the rules with hits, or all when asked', () => {
    const rules = Array.from(
      { length: 300 },
      (_, index) => `[${index === 250 ? '1:40' : '0:0'}] -A INPUT -s 10.0.${index % 256}.1 -j DROP`,
    );
    const text = `*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n${rules.join('\n')}\nCOMMIT\n`;
    const result = resultOf([{ text, file: 'big.v4' }]);
    const short = textSummary(result, OPTIONS);
    expect(short.filter((line) => /^\d+ +\d+ +\d+ +DROP/.test(line))).toHaveLength(1);
    expect(short).toContain('  … 299 rules without hits');
    expect(short).toContain('  IPv4 filter INPUT  1-250, 252-300  (big.v4:5-254, 256-304)');
    const long = textSummary(result, { ...OPTIONS, allRules: true });
    expect(long.filter((line) => /^\d+ +\d+ +\d+ +DROP/.test(line))).toHaveLength(300);
    expect(long.join('\n')).not.toContain('--all-rules');
  });

  it('marks counters that undecided packets may have moved', () => {
    const result = resultOf([{ text: SAVED, file: 'rules.v4' }]);
    const filter = result.ruleset.families.get(4)?.tables.get('filter');
    const input = filter?.chains.get('INPUT');
    if (filter === undefined || input === undefined) throw new Error('there is a chain INPUT');
    const rules = input.rules.map((rule, index) => ({ ...rule, uncertainPackets: index }));
    const chains = new Map(filter.chains).set('INPUT', { ...input, uncertainPackets: 2, rules });
    const families = new Map([
      [
        4 as const,
        { family: 4 as const, tables: new Map([['filter' as const, { ...filter, chains }]]) },
      ],
    ]);
    const lines = textSummary({ ...result, ruleset: { families } }, OPTIONS);
    expect(lines.slice(3, 6).map((line) => line.slice(0, 66))).toEqual([
      'Chain INPUT (policy DROP 3 packets, 180 bytes, +? 2 packets)',
      'num  pkts  +?  bytes  target  prot  in  source',
      '1      10   0   1000  ACCEPT  all   lo  0.0.0.0/0',
    ]);
    // Rule 3 has no packet, but two that may have been counted there.
    expect(lines.join('\n')).not.toContain('never hit');
  });

  it('marks a guessed vantage', () => {
    const result = resultOf([{ text: SAVED, file: 'rules.v4' }], {
      vantage: ['guessed that this host is 192.0.2.10; if not: --local ADDR[,ADDR…]'],
      vantageCertain: false,
    });
    const lines = textSummary(result, OPTIONS);
    const at = lines.indexOf('Vantage (guessed)');
    expect(lines[at + 1]).toBe(
      '  guessed that this host is 192.0.2.10; if not: --local ADDR[,ADDR…]',
    );
  });

  it('is one line when quiet, and works for an empty capture', () => {
    const result = resultOf([{ text: SAVED, file: 'rules.v4' }]);
    const sink = stringSink();
    textReporter(sink, { ...OPTIONS, quiet: true }).end(result);
    expect(sink.text()).toBe('0 packets\n');
    expect(textSummary(result, OPTIONS)[0]).toBe('trace.pcap: 0 packets, 0 bytes');
  });
});
