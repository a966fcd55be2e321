/** explain: the walk of a packet, near misses first, as text and as data. */
import { describe, expect, it } from 'vitest';
import { commentsBefore } from '../../src/report/explain.ts';
import { runCli } from '../support/cli.ts';

const HOST = ['--interface', 'eth0=192.0.2.10/24,2001:db8:5::10/64'];

/** Runs explain on a packet of a shipped capture with a ruleset given as text. */
async function explain(
  capture: string,
  packets: string,
  rules: string,
  more: readonly string[] = [],
): Promise<string> {
  const args = ['explain', `captures/${capture}`, packets, ...HOST, '--rules', '-', ...more];
  const { code, stdout, stderr } = await runCli(args, { stdin: rules });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const RULES = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:WEB - [0:0]
# made by the configuration tool
# for the web server
-A INPUT -i eth0 -p tcp -m tcp --dport 8022 -m comment --comment "ssh" -j ACCEPT
-A INPUT -i eth1 -p tcp -m tcp --dport 8022 -j ACCEPT
-A INPUT -p udp -m udp --dport 22 -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A INPUT -p tcp -m limit --limit 1/sec -m tcp --dport 22 -j LOG --log-prefix "ssh: "
-A INPUT -p tcp -m tcp --dport 23 -m limit --limit 1/sec -j ACCEPT
-A INPUT -p tcp -j WEB
-A WEB -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`;

describe('explain as text', () => {
  it('tells packet, verdict, near misses, walk', async () => {
    expect(
      await explain('ssh.pcap', '1', RULES),
    ).toBe(`Packet 1: tcp 198.51.100.20:59470 > 192.0.2.10:22, 60 bytes
  time 1795528640.054932000; INPUT, in by eth0

DROP by the policy of filter INPUT

Near misses
  filter INPUT rule 1 (ACCEPT) missed only on --dport: 22, not 8022
    # made by the configuration tool
    # for the web server
    standard input:8: -A INPUT -i eth0 -p tcp -m tcp --dport 8022 -m comment --comment "ssh" -j ACCEPT
  filter INPUT rule 3 (ACCEPT) missed only on -p: tcp, not udp
    standard input:10: -A INPUT -p udp -m udp --dport 22 -j ACCEPT
  filter INPUT rule 6 (ACCEPT) missed only on --dport: 22, not 23 (-m limit --limit 1/sec was not
  asked)
    standard input:13: -A INPUT -p tcp -m tcp --dport 23 -m limit --limit 1/sec -j ACCEPT
  filter WEB rule 1 (ACCEPT) missed only on --dport: 22, not 80
    standard input:15: -A WEB -p tcp -m tcp --dport 80 -j ACCEPT

Walk
  filter INPUT -i eth0
    - INPUT 1        -i eth0 -p tcp -m tcp --dport 8022 -m comment --comment ssh -j ACCEPT
                     missed: --dport: 22, not 8022
    - INPUT 2        -i eth1 -p tcp -m tcp --dport 8022 -j ACCEPT
                     missed: -i: eth0, not eth1 (and --dport: 22, not 8022)
    - INPUT 3        -p udp -m udp --dport 22 -j ACCEPT
                     missed: -p: tcp, not udp
    - INPUT 4        -p icmp -m icmp --icmp-type 8 -j ACCEPT
                     missed: -p: tcp, not icmp (and -m icmp: no such header)
    + INPUT 5        -p tcp -m limit --limit 1/sec -m tcp --dport 22 -j LOG --log-prefix "ssh: "
    - INPUT 6        -p tcp -m tcp --dport 23 -m limit --limit 1/sec -j ACCEPT
                     missed: --dport: 22, not 23
    + INPUT 7        -p tcp -j WEB
    - WEB 1          -p tcp -m tcp --dport 80 -j ACCEPT
                     missed: --dport: 22, not 80
    = policy DROP
`);
  });

  it('folds the rules that missed in a long walk', async () => {
    const many = Array.from(
      { length: 300 },
      (_, index) => `-A INPUT -s 10.0.${index % 256}.1 -j DROP`,
    );
    const rules = `*filter\n${many.join('\n')}\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n`;
    const folded = await explain('ssh.pcap', '1', rules);
    expect(folded).toContain(
      'filter INPUT -i eth0\n    … 300 rules missed: --all-rules shows them\n    + INPUT 301',
    );
    const whole = await explain('ssh.pcap', '1', rules, ['--all-rules']);
    expect(whole.match(/^ {4}- INPUT/gm)).toHaveLength(300);
  });

  it('tells why there is no walk', async () => {
    const text = await explain('mixed.pcap.gz', '1', RULES);
    expect(text).toMatch(/^Packet 1: not an IP packet\n {2}time [0-9.]+\n\nSKIPPED: not IP: ARP/);
    expect(text).not.toContain('Walk');
  });

  it('shows several packets one after the other', async () => {
    const text = await explain('ssh.pcap', '3,1', RULES);
    expect(text.match(/^Packet \d+/gm)).toEqual(['Packet 1', 'Packet 3']);
  });
});

describe('explain as data', () => {
  const walkOf = async (rules: string) => {
    const text = await explain('ssh.pcap', '1', rules, ['--format', 'json']);
    return JSON.parse(text).packets[0];
  };

  it('orders near misses by the conditions that held', async () => {
    const { nearMisses } = await walkOf(RULES);
    expect(nearMisses).toEqual([
      expect.objectContaining({
        chain: 'INPUT',
        rule: 1,
        failed: '--dport: 22, not 8022',
        held: 2,
      }),
      expect.objectContaining({ chain: 'INPUT', rule: 3, failed: '-p: tcp, not udp', held: 1 }),
      expect.objectContaining({ chain: 'INPUT', rule: 6, failed: '--dport: 22, not 23', held: 1 }),
      expect.objectContaining({ chain: 'WEB', rule: 1, failed: '--dport: 22, not 80', held: 1 }),
    ]);
  });

  it('asks no match with state of its own', async () => {
    const { tables } = await walkOf(RULES);
    const step = tables[0].steps[5];
    expect(step).toEqual(
      expect.objectContaining({
        result: 'missed',
        failed: ['--dport: 22, not 23'],
        notAsked: ['-m limit --limit 1/sec'],
      }),
    );
  });

  it('does not change what the walk does: counters and verdicts are those of a plain replay', async () => {
    const limited = `*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
-A INPUT -p tcp --dport 80 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT
-A INPUT -m limit --limit 1/min --limit-burst 3 -j ACCEPT
COMMIT
`;
    const replayed = await runCli(
      ['replay', 'captures/mixed.pcap.gz', ...HOST, '--rules', '-', '--format', 'json'],
      { stdin: limited },
    );
    const plain = JSON.parse(replayed.stdout).packets;
    const text = await explain('mixed.pcap.gz', '1-172', limited, ['--format', 'json']);
    const explained = JSON.parse(text).packets.map(({ packet }: { packet: unknown }) => packet);
    expect(explained).toEqual(plain);
  });

  it('has the conntrack entry only where connections are tracked', async () => {
    expect((await walkOf(RULES)).connection).toBeNull();
    const tracking = RULES.replace('COMMIT', '-A WEB -m state --state NEW -j ACCEPT\nCOMMIT');
    expect((await walkOf(tracking)).connection).toEqual(
      expect.objectContaining({
        protocol: 'tcp',
        state: 'SYN_SENT',
        seenReply: false,
        firstPacket: 1,
        original: expect.objectContaining({ source: '198.51.100.20', destinationPort: 22 }),
      }),
    );
  });
});

describe('comments above a rule', () => {
  it('are the lines straight above it', () => {
    const text = '#!/bin/sh\n# one\n\n# two\n  # three\nrule\n';
    expect(commentsBefore(text, 6)).toEqual(['# two', '# three']);
    expect(commentsBefore(text, 2)).toEqual([]);
    expect(commentsBefore(text, 1)).toEqual([]);
  });
});
