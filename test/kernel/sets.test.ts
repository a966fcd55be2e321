/**
 * -m set and -j SET against the kernel: a script makes sets and rules on both sides, a zoo of packets
 * passes, all counters agree. Only the set types that common kernels have.
 */
import { describe, expect, test } from 'vitest';
import { HOOK_NAMES } from '../../src/ruleset/types.ts';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { scattered, tame, wild } from '../support/kernel-zoo.ts';

const SETS: Readonly<Record<4 | 6, readonly string[]>> = {
  4: [
    'create a hash:ip',
    'add a 198.51.100.0/28',
    'add a 192.0.2.1',
    'create n hash:net counters initval 1',
    'add n 198.51.100.0/24',
    'add n 192.0.0.0/8 packets 3 bytes 7',
    'add n 198.51.100.8/30 nomatch',
    'create p hash:ip,port',
    'add p 198.51.100.0/26,tcp:80',
    'add p 198.51.100.0/26,udp:53',
    'add p 192.0.2.1,icmp:echo-request',
    'add p 192.0.2.1,tcp:80',
    'add p 192.0.2.1,udp:53',
    'add p 192.0.2.1,132:80',
    'create np hash:net,port',
    'add np 192.0.2.0/24,tcp:0-1000',
    'add np 192.0.2.0/24,udp:0-1000 nomatch',
    'add np 192.0.2.0/24,gre:0',
    'create ppp hash:ip,port,ip',
    'add ppp 198.51.100.7,tcp:80,192.0.2.1',
    'create ipn hash:ip,port,net',
    'add ipn 192.0.2.1,tcp:80,198.51.100.0/24',
    'add ipn 192.0.2.1,udp:53,198.51.100.0/25',
    'create i hash:net,iface',
    'add i 198.51.100.0/24,eth0',
    'add i 0.0.0.0/0,lo',
    'add i 192.0.2.0/24,eth wildcard',
    'create bi bitmap:ip range 192.0.2.0/24',
    'add bi 192.0.2.0-192.0.2.9',
    'create masked hash:ip netmask 24',
    'add masked 198.51.100.77',
  ],
  6: [
    'create a hash:ip family inet6',
    'add a 2001:db8:1::1',
    'create n hash:net family inet6 counters',
    'add n 2001:db8::/32',
    'add n 2001:db8:1::/64 nomatch',
    'add n ::/1',
    'create p hash:ip,port family inet6',
    'add p 2001:db8:1::1,tcp:80',
    'add p 2001:db8:1::1,udp:53',
    'add p 2001:db8:1::1,icmpv6:echo-request',
    'create np hash:net,port family inet6',
    'add np 2001:db8::/32,tcp:80',
    'add np 2001:db8::/32,udp:53',
    'create i hash:net,iface family inet6',
    'add i ::/0,eth0',
    'create masked hash:ip family inet6 netmask 64',
    'add masked 2001:db8:1::5',
  ],
};
const COMMON = ['create bp bitmap:port range 1-1024', 'add bp 53', 'add bp 80', 'add bp 22'];
const LISTS = [
  'create l list:set counters',
  'add l p',
  'add l a',
  'add l n',
  'create seen hash:ip,port FAMILY counters timeout 100',
  'create last hash:net FAMILY skbinfo',
];

/** One rule for each set and pair of directions; SET puts packets into two more sets. */
function rulesOf(names: readonly string[]): string[] {
  const rules = names.flatMap((name) =>
    ['src', 'dst', 'src,dst', 'dst,dst', 'src,src,dst', 'dst,dst,src'].map(
      (sides) => `-m set --match-set ${name} ${sides}`,
    ),
  );
  return [
    ...rules,
    '-m set ! --match-set a src',
    '-m set --match-set n src --return-nomatch',
    '-m set --match-set n src ! --update-counters',
    '-m set --match-set n src --packets-gt 20',
    '-m set --match-set n dst --packets-lt 50 ! --bytes-eq 7',
    '-m set --match-set l src,dst --packets-gt 5',
    '-m set --match-set l src,dst ! --update-subcounters',
    '-m set --match-set seen src,dst',
    '-m set --match-set last dst',
    '-j SET --add-set seen src,dst',
    '-j SET --add-set seen dst,dst --exist --timeout 50',
    '-p udp -j SET --del-set seen src,dst',
    '-m set --match-set seen src,dst --packets-gt 2',
    '-m set --match-set seen dst,dst --bytes-lt 300',
    '-p tcp -j SET --add-set last src',
    '-m set --match-set last src',
  ];
}

function script(family: 4 | 6): string {
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  const word = family === 4 ? 'family inet' : 'family inet6';
  const sets = [...SETS[family], ...COMMON, ...LISTS.map((line) => line.replace('FAMILY', word))];
  const names = sets
    .filter((line) => line.startsWith('create'))
    .map((line) => line.split(' ')[1] ?? '')
    .filter((name) => name !== 'seen' && name !== 'last');
  return [
    '#!/bin/sh',
    'iptables -t mangle -F',
    'ip6tables -t mangle -F',
    'ipset destroy',
    ...sets.map((line) => `ipset ${line}`),
    `${tool} -t mangle -N all`,
    ...HOOK_NAMES.map((hook) => `${tool} -t mangle -A ${hook} -j all`),
    ...rulesOf(names).map((rule) => `${tool} -t mangle -A all ${rule}`),
    '',
  ].join('\n');
}

describe('sets', () => {
  for (const family of [4, 6] as const) {
    for (const [kind, packets] of [
      ['whole packets', [...tame(family), ...scattered(family)]],
      ['odd headers', wild(family)],
    ] as const) {
      test.skipIf(!kernelAvailable)(`IPv${family}, ${kind}${WITHOUT_KERNEL}`, async () => {
        const job = sceneJob(packets, { rules4: undefined, rules6: undefined });
        const { kernel, differences, undecided } = await compareWithKernel({
          ...job,
          script: script(family),
        });
        expect(kernel.script?.stderr).toBe('');
        expect(differences.slice(0, 20)).toEqual([]);
        expect(undecided).toEqual([]);
        expect(kernel.packets.some(({ moved }) => moved.length > 5)).toBe(true);
      });
    }
  }
});
