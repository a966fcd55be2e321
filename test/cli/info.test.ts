/** `fwreplay info`: what a capture holds. */
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';

describe('info', () => {
  it('counts packets, protocols and interfaces', async () => {
    const { code, stdout } = await runCli(['info', 'captures/router.pcapng', '--format', 'json']);
    expect(code).toBe(0);
    const facts = JSON.parse(stdout);
    expect(facts).toEqual(
      expect.objectContaining({ packets: 34, ipv4: 28, ipv6: 6, notIp: 0, malformed: 0, cut: 0 }),
    );
    expect(facts.protocols).toEqual({ tcp: 20, icmp: 8, 'ipv6-icmp': 6 });
    expect(facts.interfaces.map(({ name }: { name: string }) => name)).toEqual(['eth0', 'eth1']);
    const counted = facts.interfaces.map(({ packets }: { packets: number }) => packets);
    expect(counted.reduce((sum: number, each: number) => sum + each, 0)).toBe(34);
    expect(Number(facts.lastTime)).toBeGreaterThan(Number(facts.firstTime));
  });

  it('is text by default, with the vantage that a replay would take', async () => {
    const { stdout } = await runCli(['info', 'captures/ssh.pcap']);
    expect(stdout).toMatch(/^captures\/ssh\.pcap: 101 packets, [0-9,]+ bytes\n/);
    expect(stdout).toContain('LINKTYPE_ETHERNET');
    expect(stdout).toContain('\nVantage (guessed)\n');
    expect(stdout).toContain('192.0.2.10');
  });

  it('of what is no capture is exit code 3', async () => {
    const { code, stdout } = await runCli(['info', 'package.json']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });
});
