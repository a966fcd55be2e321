import { describe, expect, it } from 'vitest';
import { CONNTRACK_SYSCTLS, withDefaults } from '../../src/conntrack/options.ts';

describe('conntrack options', () => {
  it('are named by their sysctls', () => {
    expect(CONNTRACK_SYSCTLS.get('net.netfilter.nf_conntrack_tcp_loose')).toBe('tcpLoose');
    expect(CONNTRACK_SYSCTLS.get('net.netfilter.nf_conntrack_tcp_timeout_time_wait')).toBe(
      'tcpTimeoutTimeWaitSeconds',
    );
    expect(CONNTRACK_SYSCTLS.get('net.netfilter.nf_conntrack_frag6_high_thresh')).toBe(
      'frag6HighThreshBytes',
    );
    expect(CONNTRACK_SYSCTLS.get('net.ipv4.ipfrag_max_dist')).toBe('ipfragMaxDist');
    expect(CONNTRACK_SYSCTLS.size).toBe(36);
  });

  it('default to the kernel', () => {
    expect(withDefaults(undefined).tcpTimeoutEstablishedSeconds).toBe(432_000);
    expect(withDefaults({ tcpLoose: false })).toEqual({ ...withDefaults({}), tcpLoose: false });
  });
});
