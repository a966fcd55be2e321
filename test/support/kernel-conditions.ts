/**
 * Conditions of every supported match, as iptables-restore reads them, for the comparisons with the
 * kernel: all forms of every option, with edges.
 */
import type { HookName } from '../../src/ruleset/types.ts';

/** Rules of one match for each family. */
export interface Conditions {
  readonly both?: readonly string[];
  readonly v4?: readonly string[];
  readonly v6?: readonly string[];
  readonly hooks?: readonly HookName[];
}

const PORTS = ['22', '0', '65535', '20:25', ':1024', '1024:', '0:65535', '443'];
const portRules = (protocol: string): string[] =>
  PORTS.flatMap((range) => [
    `-p ${protocol} -m ${protocol} --sport ${range}`,
    `-p ${protocol} -m ${protocol} --dport ${range}`,
    `-p ${protocol} -m ${protocol} ! --sport ${range}`,
    `-p ${protocol} -m ${protocol} --sport 1024: ! --dport ${range}`,
  ]);

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'NONE', 'SYN,ACK', 'ALL'];

/** By match. `hooks`: only where the kernel takes them. */
export const CONDITIONS: Readonly<Record<string, Conditions>> = {
  'interfaces and protocol': {
    both: [
      '-i eth0',
      '-i eth1',
      '! -i eth1',
      '-i eth+',
      '-i lo',
      '-i l+',
      '! -i eth+',
      '-o eth0',
      '! -o eth1',
      '-o eth+',
      '! -o eth+',
      '-o lo',
      '-i eth1 -o eth0',
      '-i +',
      '-p tcp',
      '! -p tcp',
      '-p udp',
      '-p 253',
      '-p 255',
      '! -p 253',
      '-p sctp',
      '-p udplite',
      '-p gre',
      '-p all',
    ],
    v4: ['-p icmp', '-p igmp', '-p ah', '-p esp', '-f', '! -f', '-p tcp ! -f', '-p tcp -f'],
    v6: ['-p ipv6-icmp', '-p icmpv6', '-p esp', '! -p icmpv6', '-p 59', '-p 60'],
  },
  addresses: {
    v4: [
      '-s 198.51.100.9',
      '! -s 198.51.100.9',
      '-s 198.51.100.0/24',
      '! -d 192.0.2.0/24',
      '-d 192.0.2.1/31',
      '-s 0.0.0.0/0',
      '-s 128.0.0.0/1',
      '-s 0.0.0.9/0.0.0.255',
      '-s 198.51.0.9/255.255.0.255',
      '-s 127.0.0.0/8 -d 127.0.0.0/8',
      '-d 224.0.0.0/4',
      '-d 255.255.255.255',
      '-s 10.0.0.0/8 ! -d 10.0.0.0/8',
    ],
    v6: [
      '-s 2001:db8:c::9',
      '! -s 2001:db8:c::9',
      '-s 2001:db8:c::/64',
      '! -d 2001:db8:1::/64',
      '-d 2001:db8::/33',
      '-d 2001:db8:1::1/127',
      '-s ::/0',
      '-s 8000::/1',
      '-s ::9/::ffff',
      '-s ::1 -d ::1',
      '-d ff00::/8',
      '-s fe80::/10',
    ],
  },
  tcp: {
    both: [
      '-p tcp -m tcp',
      ...portRules('tcp'),
      '-p tcp --syn',
      '-p tcp ! --syn',
      ...FLAGS.flatMap((flag) => [
        `-p tcp -m tcp --tcp-flags ALL ${flag}`,
        `-p tcp -m tcp ! --tcp-flags SYN,ACK,FIN,RST ${flag}`,
        `-p tcp -m tcp --tcp-flags ${flag} ${flag}`,
      ]),
      ...[1, 2, 3, 4, 5, 8, 34].flatMap((kind) => [
        `-p tcp -m tcp --tcp-option ${kind}`,
        `-p tcp -m tcp ! --tcp-option ${kind}`,
      ]),
      '-p tcp -m tcp --sport 1024: --dport 22 --syn',
    ],
  },
  udp: { both: ['-p udp -m udp', ...portRules('udp')] },
  multiport: {
    both: ['tcp', 'udp', 'udplite', 'sctp', '33'].flatMap((protocol) => [
      `-p ${protocol} -m multiport --dports 22`,
      `-p ${protocol} -m multiport --dports 80,443,22`,
      `-p ${protocol} -m multiport ! --dports 80,443,22`,
      `-p ${protocol} -m multiport --sports 0:100,1024:1030,65535`,
      `-p ${protocol} -m multiport ! --sports 1:65534`,
      `-p ${protocol} -m multiport --ports 22,53`,
      `-p ${protocol} -m multiport ! --ports 22,53`,
      `-p ${protocol} -m multiport --ports 0`,
    ]),
  },
  icmp: {
    v4: [
      '-p icmp -m icmp --icmp-type any',
      '-p icmp -m icmp ! --icmp-type any',
      ...['0', '3', '8', '11', '255', '3/0', '3/1', '3/4', '3/255', '5/1', 'echo-request'].flatMap(
        (type) => [`-p icmp -m icmp --icmp-type ${type}`, `-p icmp -m icmp ! --icmp-type ${type}`],
      ),
      '-p icmp -m icmp --icmp-type port-unreachable',
      '-p icmp -m icmp --icmp-type destination-unreachable',
    ],
    v6: [
      ...['0', '1', '128', '135', '255', '1/0', '1/4', '3/1', '255/255', 'echo-request'].flatMap(
        (type) => [
          `-p icmpv6 -m icmp6 --icmpv6-type ${type}`,
          `-p icmpv6 -m icmp6 ! --icmpv6-type ${type}`,
        ],
      ),
      '-p icmpv6 -m icmp6 --icmpv6-type neighbour-solicitation',
      '-p icmpv6 -m icmp6 --icmpv6-type packet-too-big',
    ],
  },
  iprange: {
    v4: [
      '-m iprange --src-range 198.51.100.9-198.51.100.9',
      '-m iprange --src-range 10.0.0.0-192.0.2.1',
      '-m iprange ! --src-range 10.0.0.0-192.0.2.1',
      '-m iprange --dst-range 192.0.2.1-192.0.2.8',
      '-m iprange --src-range 127.0.0.0-255.255.255.255 ! --dst-range 192.0.2.2-255.255.255.255',
      '-m iprange --src-range 0.0.0.0-255.255.255.255',
    ],
    v6: [
      '-m iprange --src-range 2001:db8:c::9-2001:db8:c::9',
      '-m iprange --src-range ::1-2001:db8:c::',
      '-m iprange ! --src-range ::1-2001:db8:c::',
      '-m iprange --dst-range 2001:db8:1::1-2001:db8:1::8',
      '-m iprange --src-range ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
      '-m iprange --dst-range 7fff:ffff:ffff:ffff::-ffff::',
    ],
  },
  'length, ttl, hl': {
    both: ['0', '28', '29', '0:40', '40:', '65535', '100:1500', ':47'].flatMap((range) => [
      `-m length --length ${range}`,
      `-m length ! --length ${range}`,
    ]),
    v4: ['0', '1', '64', '255'].flatMap((ttl) => [
      `-m ttl --ttl-eq ${ttl}`,
      `-m ttl ! --ttl-eq ${ttl}`,
      ...(ttl === '0' ? [] : [`-m ttl --ttl-lt ${ttl}`]),
      ...(ttl === '255' ? [] : [`-m ttl --ttl-gt ${ttl}`]),
    ]),
    v6: ['0', '1', '64', '255'].flatMap((limit) => [
      `-m hl --hl-eq ${limit}`,
      `-m hl ! --hl-eq ${limit}`,
      ...(limit === '0' ? [] : [`-m hl --hl-lt ${limit}`]),
      ...(limit === '255' ? [] : [`-m hl --hl-gt ${limit}`]),
    ]),
  },
  'mark and MARK': {
    both: [
      '-m mark --mark 0',
      '-p tcp -j MARK --set-mark 0x12345678',
      '-p udp -j MARK --set-xmark 0xff/0x0f',
      '-p udp -j MARK --or-mark 0x80000000',
      '-m mark --mark 0x12345678',
      '-m mark ! --mark 0x12345678',
      '-m mark --mark 0x8/0xf',
      '-m mark --mark 0x80000000/0x80000000',
      '-p tcp -j MARK --and-mark 0xffff0000',
      '-m mark --mark 0x12340000',
      '-p tcp -j MARK --xor-mark 0xffffffff',
      '-m mark --mark 0xedcbffff',
      '-m mark --mark 0xffffffff/0x1',
    ],
  },
  addrtype: {
    v4: [
      'UNICAST',
      'LOCAL',
      'BROADCAST',
      'MULTICAST',
      'ANYCAST',
      'UNSPEC',
      'UNICAST,LOCAL',
    ].flatMap((type) => [
      `-m addrtype --src-type ${type}`,
      `-m addrtype ! --src-type ${type}`,
      `-m addrtype --dst-type ${type}`,
      `-m addrtype ! --dst-type ${type}`,
    ]),
    v6: ['UNICAST', 'LOCAL', 'MULTICAST', 'ANYCAST', 'UNSPEC', 'UNICAST,LOCAL'].flatMap((type) => [
      `-m addrtype --src-type ${type}`,
      `-m addrtype ! --src-type ${type}`,
      `-m addrtype --dst-type ${type}`,
      `-m addrtype ! --dst-type ${type}`,
    ]),
  },
  'addrtype --limit-iface-in': {
    v4: ['LOCAL', 'UNICAST', 'BROADCAST'].flatMap((type) => [
      `-m addrtype --dst-type ${type} --limit-iface-in`,
      `-m addrtype ! --dst-type ${type} --limit-iface-in`,
    ]),
    v6: ['LOCAL', 'UNICAST'].map((type) => `-m addrtype --dst-type ${type} --limit-iface-in`),
    hooks: ['PREROUTING', 'INPUT'],
  },
  'addrtype --limit-iface-out': {
    v4: ['LOCAL', 'UNICAST'].map((type) => `-m addrtype --src-type ${type} --limit-iface-out`),
    v6: ['LOCAL', 'UNICAST'].map((type) => `-m addrtype --src-type ${type} --limit-iface-out`),
    hooks: ['OUTPUT', 'POSTROUTING'],
  },
  pkttype: {
    both: ['unicast', 'broadcast', 'multicast'].flatMap((type) => [
      `-m pkttype --pkt-type ${type}`,
      `-m pkttype ! --pkt-type ${type}`,
    ]),
  },
  mac: {
    both: [
      '-m mac --mac-source 02:00:00:00:01:00',
      '-m mac ! --mac-source 02:00:00:00:01:00',
      '-m mac --mac-source 00:00:00:00:00:00',
      '-m mac ! --mac-source 00:00:00:00:00:01',
      '-m mac --mac-source 02:00:00:00:00:A0',
    ],
    hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  },
  conntrack: {
    both: [
      ...['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED', 'NEW,ESTABLISHED'].flatMap(
        (state) => [
          `-m conntrack --ctstate ${state}`,
          `-m conntrack ! --ctstate ${state}`,
          `-m state --state ${state}`,
          `-m state ! --state ${state}`,
        ],
      ),
      '-m conntrack --ctdir ORIGINAL',
      '-m conntrack --ctdir REPLY',
      ...['NONE', 'EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'SEEN_REPLY,ASSURED'].flatMap(
        (status) => [`-m conntrack --ctstatus ${status}`, `-m conntrack ! --ctstatus ${status}`],
      ),
      '-m conntrack --ctproto tcp',
      '-m conntrack ! --ctproto udp',
      '-m conntrack --ctproto 0',
      '-p tcp -m conntrack --ctorigdstport 22',
      '-m conntrack ! --ctorigdstport 22 --ctproto 6',
      '-m conntrack --ctorigsrcport 1000:2000 --ctproto tcp',
      '-m conntrack --ctreplsrcport 22 --ctproto 6',
      '-m conntrack --ctrepldstport 1024:1030 --ctproto 6',
      // Of a NEW connection it is a number without meaning (the timeout does not run yet).
      '-m conntrack --ctstate ESTABLISHED,RELATED --ctexpire 0:20',
      '-m conntrack --ctstate ESTABLISHED,RELATED --ctexpire 25:31',
      '-m conntrack --ctstate ESTABLISHED,RELATED ! --ctexpire 100:500000',
      '-m conntrack --ctstate NEW --ctdir ORIGINAL --ctstatus NONE',
      '-m conntrack --ctstate ESTABLISHED --ctstatus CONFIRMED ! --ctproto icmp',
      '-m conntrack --ctstate DNAT',
      '-m conntrack ! --ctstate SNAT,DNAT',
    ],
    v4: [
      '-m conntrack --ctorigsrc 198.51.100.0/24',
      '-m conntrack ! --ctorigsrc 198.51.100.0/24',
      '-m conntrack --ctorigdst 192.0.2.1',
      '-m conntrack --ctreplsrc 192.0.2.1',
      '-m conntrack ! --ctrepldst 198.51.100.9',
    ],
    v6: [
      '-m conntrack --ctorigsrc 2001:db8:c::/64',
      '-m conntrack ! --ctorigdst 2001:db8:1::1',
      '-m conntrack --ctreplsrc 2001:db8:1::1',
      '-m conntrack --ctrepldst 2001:db8:c::9',
    ],
  },
  comment: { both: ['-m comment --comment "a -j DROP b"', '-p tcp -m comment --comment x'] },
};
