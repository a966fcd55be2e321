/**
 * The nf_conntrack_* and fragment settings of a network namespace, with the kernel's defaults (read
 * from the sysctls of a fresh namespace, Linux 6.18). Times are in seconds.
 */

/** Settings of connection tracking and reassembly; `net.netfilter.nf_conntrack_X` unless said. */
export interface ConntrackOptions {
  /** Entries at most (`max`); 0 for no limit. */
  readonly max: number;
  /** Are packets with a wrong L4 checksum INVALID at PREROUTING (`checksum`)? */
  readonly checksum: boolean;
  /** Pick up connections in mid-stream (`tcp_loose`). */
  readonly tcpLoose: boolean;
  /** Out-of-window segments are not INVALID, only those with bad flags or state (`tcp_be_liberal`). */
  readonly tcpBeLiberal: boolean;
  /** Do not call RSTs with a sequence number too low INVALID (`tcp_ignore_invalid_rst`). */
  readonly tcpIgnoreInvalidRst: boolean;
  /** Retransmissions without answer after which `tcpTimeoutMaxRetransSeconds` holds. */
  readonly tcpMaxRetrans: number;
  readonly tcpTimeoutSynSentSeconds: number;
  readonly tcpTimeoutSynRecvSeconds: number;
  readonly tcpTimeoutEstablishedSeconds: number;
  readonly tcpTimeoutFinWaitSeconds: number;
  readonly tcpTimeoutCloseWaitSeconds: number;
  readonly tcpTimeoutLastAckSeconds: number;
  readonly tcpTimeoutTimeWaitSeconds: number;
  readonly tcpTimeoutCloseSeconds: number;
  readonly tcpTimeoutMaxRetransSeconds: number;
  readonly tcpTimeoutUnacknowledgedSeconds: number;
  readonly udpTimeoutSeconds: number;
  readonly udpTimeoutStreamSeconds: number;
  readonly icmpTimeoutSeconds: number;
  readonly icmpv6TimeoutSeconds: number;
  readonly greTimeoutSeconds: number;
  readonly greTimeoutStreamSeconds: number;
  readonly sctpTimeoutClosedSeconds: number;
  readonly sctpTimeoutCookieWaitSeconds: number;
  readonly sctpTimeoutCookieEchoedSeconds: number;
  readonly sctpTimeoutEstablishedSeconds: number;
  readonly sctpTimeoutShutdownSentSeconds: number;
  readonly sctpTimeoutShutdownRecdSeconds: number;
  readonly sctpTimeoutShutdownAckSentSeconds: number;
  readonly sctpTimeoutHeartbeatSentSeconds: number;
  readonly genericTimeoutSeconds: number;
  /** `net.ipv4.ipfrag_time`. */
  readonly ipfragTimeSeconds: number;
  /** `net.ipv4.ipfrag_high_thresh`, bytes. */
  readonly ipfragHighThreshBytes: number;
  /** `net.ipv4.ipfrag_max_dist`: fragments of one source in between; 0 for no limit. */
  readonly ipfragMaxDist: number;
  readonly frag6TimeoutSeconds: number;
  /** `frag6_high_thresh`, bytes. */
  readonly frag6HighThreshBytes: number;
}

/** The kernel's defaults. `max` is that of a machine with more than 4 GiB of memory. */
export const DEFAULT_CONNTRACK_OPTIONS: ConntrackOptions = {
  max: 262_144,
  checksum: true,
  tcpLoose: true,
  tcpBeLiberal: false,
  tcpIgnoreInvalidRst: false,
  tcpMaxRetrans: 3,
  tcpTimeoutSynSentSeconds: 120,
  tcpTimeoutSynRecvSeconds: 60,
  tcpTimeoutEstablishedSeconds: 432_000,
  tcpTimeoutFinWaitSeconds: 120,
  tcpTimeoutCloseWaitSeconds: 60,
  tcpTimeoutLastAckSeconds: 30,
  tcpTimeoutTimeWaitSeconds: 120,
  tcpTimeoutCloseSeconds: 10,
  tcpTimeoutMaxRetransSeconds: 300,
  tcpTimeoutUnacknowledgedSeconds: 300,
  udpTimeoutSeconds: 30,
  udpTimeoutStreamSeconds: 120,
  icmpTimeoutSeconds: 30,
  icmpv6TimeoutSeconds: 30,
  greTimeoutSeconds: 30,
  greTimeoutStreamSeconds: 180,
  sctpTimeoutClosedSeconds: 10,
  sctpTimeoutCookieWaitSeconds: 3,
  sctpTimeoutCookieEchoedSeconds: 3,
  sctpTimeoutEstablishedSeconds: 210,
  sctpTimeoutShutdownSentSeconds: 3,
  sctpTimeoutShutdownRecdSeconds: 3,
  sctpTimeoutShutdownAckSentSeconds: 3,
  sctpTimeoutHeartbeatSentSeconds: 30,
  genericTimeoutSeconds: 600,
  ipfragTimeSeconds: 30,
  ipfragHighThreshBytes: 4_194_304,
  ipfragMaxDist: 64,
  frag6TimeoutSeconds: 60,
  frag6HighThreshBytes: 4_194_304,
};

/** An option's key with its sysctl name: `tcpLoose` is `net.netfilter.nf_conntrack_tcp_loose`. */
export const CONNTRACK_SYSCTLS: ReadonlyMap<string, keyof ConntrackOptions> = new Map(
  (Object.keys(DEFAULT_CONNTRACK_OPTIONS) as (keyof ConntrackOptions)[]).map((key) => [
    sysctlName(key),
    key,
  ]),
);

function sysctlName(key: keyof ConntrackOptions): string {
  const plain = key.replace(/(Seconds|Bytes)$/, '');
  const snake = plain.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return snake.startsWith('ipfrag') ? `net.ipv4.${snake}` : `net.netfilter.nf_conntrack_${snake}`;
}

/** The defaults with what is given laid over them. */
export function withDefaults(options: Partial<ConntrackOptions> | undefined): ConntrackOptions {
  return { ...DEFAULT_CONNTRACK_OPTIONS, ...options };
}

/** The longest that an entry of a protocol lives without a packet, seconds. */
export function longestTimeout(options: ConntrackOptions, protocol: number): number {
  const prefix = LONGEST[protocol] ?? 'generic';
  let longest = 0;
  for (const [key, value] of Object.entries(options))
    if (key.startsWith(`${prefix}Timeout`) && typeof value === 'number' && value > longest)
      longest = value;
  return longest;
}

/** What the settings of a protocol's timeouts begin with. */
const LONGEST: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udp',
};
