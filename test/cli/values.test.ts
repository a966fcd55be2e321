/** Values of command line options: what is taken, and what is said about what is not. */
import { describe, expect, it } from 'vitest';
import {
  parseCount,
  parsePacketNumbers,
  parseSysctls,
  parseVerdicts,
} from '../../src/cli/values.ts';
import { UsageError } from '../../src/errors.ts';

function refusal(work: () => unknown): { code: string; message: string; hint: string | undefined } {
  try {
    work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const [first] = error.diagnostics;
    return { code: error.code, message: first?.message ?? '', hint: first?.hint };
  }
  throw new Error('was taken');
}

describe('verdict lists', () => {
  it('are names in any case, with - for _, separated by commas or repeated', () => {
    expect(parseVerdicts(['drop,Reject', 'not-seen'], '--only')).toEqual(
      new Set(['DROP', 'REJECT', 'NOT_SEEN']),
    );
    expect(parseVerdicts(undefined, '--only')).toBeUndefined();
  });

  it('suggest the name that was meant', () => {
    expect(refusal(() => parseVerdicts(['drpo'], '--only'))).toEqual({
      code: 'bad-verdict',
      message: '--only: "drpo" is no verdict',
      hint: 'did you mean drop? verdicts are accept, drop, reject, undecided, unrouted, not-seen, queued, skipped',
    });
  });
});

describe('numbers', () => {
  it('are whole and at least 1', () => {
    expect(parseCount('172', '--limit')).toBe(172);
    for (const bad of ['0', '-1', '1.5', 'x', '', '1e3', '0x10', '9999999999999999'])
      expect(refusal(() => parseCount(bad, '--limit')).code).toBe('bad-number');
  });

  it('of packets may be ranges', () => {
    expect(parsePacketNumbers(['7,3', '5-6', '5'], '--packet')).toEqual([3, 5, 6, 7]);
    expect(refusal(() => parsePacketNumbers(['6-5'], '--packet')).message).toBe(
      '--packet: "6-5" ends before it begins',
    );
    expect(refusal(() => parsePacketNumbers(['1-100000'], '--packet')).code).toBe('bad-number');
    expect(refusal(() => parsePacketNumbers(['1-'], '--packet')).code).toBe('bad-number');
  });
});

describe('sysctls', () => {
  it('have their full name, a short one, or slashes', () => {
    expect(
      parseSysctls([
        'net.netfilter.nf_conntrack_tcp_loose=0',
        'nf_conntrack_udp_timeout = 10',
        'net/ipv4/ipfrag_time=5',
        'tcp_be_liberal=1',
      ]),
    ).toEqual({
      tcpLoose: false,
      udpTimeoutSeconds: 10,
      ipfragTimeSeconds: 5,
      tcpBeLiberal: true,
    });
  });

  it('let the last of several win', () => {
    expect(parseSysctls(['tcp_loose=0', 'tcp_loose=1'])).toEqual({ tcpLoose: true });
  });

  it('are refused with what was meant', () => {
    expect(refusal(() => parseSysctls(['net.netfilter.nf_conntrack_tcp_lose=0']))).toEqual({
      code: 'unknown-sysctl',
      message:
        '--sysctl: "net.netfilter.nf_conntrack_tcp_lose" is not a setting that fwreplay knows',
      hint: 'did you mean net.netfilter.nf_conntrack_tcp_loose?',
    });
    expect(refusal(() => parseSysctls(['tcp_loose'])).code).toBe('bad-sysctl');
    expect(refusal(() => parseSysctls(['tcp_loose=yes'])).message).toBe(
      '--sysctl: "yes" is not a whole number of at most 10 digits',
    );
  });
});
