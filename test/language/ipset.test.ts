/**
 * ipset commands: what is refused and with which words, and what save and list print, against the real
 * ipset 7.17 where it is there. The kernel of this machine may lack set types; those asked for here
 * are in every kernel that has ipset.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { printIpsetList, printIpsetSave } from '../../src/language/ipset/print.ts';
import { splitWords } from '../../src/language/ipset/restore.ts';
import { readCommand, runCommand } from '../../src/language/ipset/run.ts';
import { IpsetRefusal } from '../../src/language/ipset/values.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { setsOf } from '../support/sets.ts';

const COMMANDS: readonly string[] = [
  'create h hash:ip timeout 0 counters comment skbinfo initval 1',
  'add h 10.0.0.1 packets 5 bytes 7 comment "a b" skbmark 0x1/0xff skbprio 1:10 skbqueue 3',
  'add h 10.0.0.1',
  'add h 0.0.0.0',
  'add h 10.0.0.16/30',
  'add h 10.0.0.1/33',
  'add h 10.0.0.7-10.0.0.5',
  'add h 1.2.3',
  'add h 2001:db8::1',
  'del h 10.0.0.9',
  '-exist del h 10.0.0.9',
  'test h 10.0.0.1',
  'test h 10.0.0.99',
  'create n hash:net initval 2',
  'add n 10.0.0.0-10.0.0.8',
  'add n 10.1.2.3/8',
  'add n 10.2.0.0/16 nomatch',
  'add n 0.0.0.0/0',
  'add n 0.0.0.0-255.255.255.255',
  'test n 10.2.3.4',
  'test n 10.3.3.4',
  'test n 10.2.0.0/16 nomatch',
  'create n hash:net',
  '-exist create n hash:net',
  '-exist create n hash:net maxelem 5',
  'create n6 hash:net family inet6 initval 3',
  'add n6 2001:db8::/32',
  'add n6 2001:db8::1-2001:db8::5',
  'create p hash:ip,port initval 4',
  'add p 10.0.0.1,udp:53-55',
  'add p 10.0.0.1,icmp:ping',
  'add p 10.0.0.1,icmp:8/0',
  'add p 10.0.0.1,47:0',
  'add p 10.0.0.1,gre:1',
  'add p 10.0.0.1,http',
  'add p 10.0.0.1,[ftp-data]',
  'add p 10.0.0.1,0:0',
  'add p 10.0.0.1',
  'add p 10.0.0.1,tcp:http,3',
  'add p 10.0.0.4-10.0.0.5,tcp:1-2',
  'create ni hash:net,iface initval 5',
  'add ni 10.0.0.0/24,eth0',
  'add ni 10.0.0.0/24,physdev:eth0',
  'add ni 0.0.0.0/0,eth1 nomatch',
  'add ni 10.0.0.0/24,averyveryverylongname',
  'create ipi hash:ip,port,ip initval 6',
  'add ipi 1.1.1.1,80,2.2.2.2',
  'add ipi 1.1.1.1,80,2.2.2.2-2.2.2.3',
  'create ipn hash:ip,port,net initval 7',
  'add ipn 1.1.1.1-1.1.1.2,80,2.2.2.0-2.2.3.1 nomatch',
  'create b bitmap:ip range 10.0.0.0/24',
  'add b 10.0.0.1-10.0.0.3',
  'add b 10.0.1.1',
  'create bm bitmap:ip,mac range 10.0.0.0/24',
  'add bm 10.0.0.1,00:11:22:33:44:55',
  'add bm 10.0.0.2',
  'create bp bitmap:port range 1-1024',
  'add bp http',
  'add bp udp:53',
  'add bp 2000',
  'add bp 100-103',
  'create l list:set',
  'add l h',
  'add l n',
  'add l p before n',
  'add l b after n',
  'add l l',
  'add l zz',
  'add l h',
  'del l n before h',
  'create big bitmap:ip range 10.0.0.0/8',
  'create bad foo:bar',
  'create hm hash:ip maxelem 2 initval 8',
  'add hm 1.1.1.1',
  'add hm 1.1.1.2',
  'add hm 1.1.1.3',
  'add hm 1.1.1.9 timeout 5',
  'add hm 1.1.1.9 comment x',
  'create hm2 hash:ip netmask 24 hashsize 100 bucketsize 5 initval 0x1234',
  'create hm4 hash:ip,port netmask 24 initval 9',
  'create hm5 hash:ip family inet6 netmask 64 initval 10',
  'create hm6 hash:ip family inet7',
  'create hm6 hash:ip hashsize abc',
  'create abcdefghijklmnopqrstuvwxyzabcdefgh hash:ip',
  'add nosuch 1.1.1.1',
  'rename hm hmm',
  'rename hm hmm',
  'rename h hx',
  'swap hmm h',
  'swap hmm n',
  'swap hmm zz',
  'destroy h',
  'flush zz',
  'flush n6',
  'destroy zz',
];

const real = spawnSync('ipset', ['version'], { encoding: 'utf8' });
const missing =
  process.getuid?.() !== 0 || !(real.stdout ?? '').includes('v7.17')
    ? 'root and ipset 7.17'
    : spawnSync('unshare', ['-n', 'true']).status === 0
      ? ''
      : 'permission for unshare -n';
const SKIPPED = missing === '' ? '' : ` (skipped, missing: ${missing})`;

/** Runs commands one by one; the first line of what each says on standard error; then save. */
function ask(commands: readonly string[]): string[] {
  const script = commands.map((command) => `ipset ${command} 2>&1 >/dev/null | head -n 1; echo @@`);
  const input = [...script, 'ipset save; echo @@; ipset list', ''].join('\n');
  const { stdout } = spawnSync('unshare', ['-n', 'sh'], { input, encoding: 'utf8' });
  return stdout.split('@@\n');
}

describe(`ipset commands${SKIPPED}`, () => {
  it.skipIf(missing !== '')('are refused in the same words, and leave the same sets', () => {
    const answers = ask(COMMANDS);
    const sets = setsOf('');
    COMMANDS.forEach((line, index) => {
      let said = '';
      try {
        const { command, words, options } = readCommand(splitWords(line));
        const { status } = runCommand({ command, words, options }, sets);
        if (command === 'test') said = status === 0 ? 'is in' : 'is NOT in';
      } catch (error) {
        if (!(error instanceof IpsetRefusal)) throw error;
        said = error.message;
      }
      const answer = (answers[index] ?? '').trim().replace(/^ipset v7\.17: /, '');
      if (line.startsWith('test')) expect(answer, line).toContain(said);
      else expect(said, line).toBe(answer);
    });
    expect(printIpsetSave(sets.collection)).toBe(answers[COMMANDS.length]);
  });
});

/** Random lines that fill hashes until they grow, with removals. */
function filling(seed: number): string {
  let state = seed;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  const ip = (): string => `10.${next(3)}.${next(40)}.${next(256)}`;
  const net = (): string => `${ip()}/${1 + next(32)}`;
  const port = (): string => `${next(2) === 0 ? 'tcp' : 'udp'}:${next(400)}`;
  const makers: Readonly<Record<string, () => string>> = {
    'hash:ip': ip,
    'hash:net': net,
    'hash:ip,port': () => `${ip()},${port()}`,
    'hash:net,port': () => `${net()},${port()}`,
    'hash:ip,port,ip': () => `${ip()},${port()},${ip()}`,
    'hash:ip,port,net': () => `${ip()},${port()},${net()}`,
    'hash:net,iface': () => `${net()},eth${next(9)}`,
  };
  const lines: string[] = [];
  for (const [type, make] of Object.entries(makers)) {
    const name = `s-${type}`;
    lines.push(`create ${name} ${type} initval ${next(2 ** 24)} hashsize 64 bucketsize 4`);
    for (let i = 0; i < 700; i++) lines.push(`add ${name} ${make()} -exist`);
    for (let i = 0; i < 100; i++) lines.push(`del ${name} ${make()} -exist`);
  }
  return `${lines.join('\n')}\n`;
}

describe(`a hash lists its elements in the kernel's order${SKIPPED}`, () => {
  it.skipIf(missing !== '').each([1, 2, 3])('seed %i', (seed) => {
    const text = filling(seed);
    const input = `ipset restore <<'END'\n${text}END\nipset save\n`;
    const { stdout } = spawnSync('unshare', ['-n', 'sh'], { input, encoding: 'utf8' });
    expect(stdout.length).toBeGreaterThan(10_000);
    expect(printIpsetSave(setsOf(text).collection)).toBe(stdout);
  });
});

describe('ipset in rulesets', () => {
  const load = (text: string) => loadRuleset([{ file: 'rules.sh', text: `#!/bin/sh\n${text}\n` }]);

  it('scripts make sets, and rules refer to them', () => {
    const { ruleset } = load(
      [
        'ipset create bad hash:net initval 0',
        'ipset add bad 192.0.2.0/24',
        'ipset restore -! <<END',
        'create bad hash:net',
        'add bad 198.51.100.0/24',
        'END',
        'iptables -A INPUT -m set --match-set bad src -j DROP',
        'ipset destroy bad 2>/dev/null || true',
      ].join('\n'),
    );
    const { sets } = ruleset;
    expect(sets === undefined ? '' : printIpsetList(sets, { terse: true })).toContain(
      'Number of entries: 2\n',
    );
  });

  it.each([
    ['iptables -A INPUT -m set --match-set bad src', "Set bad doesn't exist."],
    ['ipset create x hash:ip\nipset create x hash:ip', 'same name already exists'],
    ['ipset add x 192.0.2.1', 'The set with the given name does not exist'],
    [
      'ipset create x hash:ip\niptables -A INPUT -m set --match-set x src\nipset destroy x',
      'it is in use by a kernel component',
    ],
    [
      'ipset create x hash:ip family inet6\niptables -A INPUT -m set --match-set x src',
      'The protocol family of set x is IPv6',
    ],
  ])('%s', (text, message) => {
    expect(() => load(text)).toThrow(message);
  });

  it('a file of ipset save is taken wherever a ruleset is', () => {
    const { ruleset } = loadRuleset([
      { file: 'sets', text: 'create a hash:ip\nadd a 192.0.2.1\n' },
    ]);
    expect(ruleset.sets?.names()).toEqual(['a']);
    expect(() =>
      loadRuleset([], { ipsets: [{ file: 'sets', text: 'create a hash:ip\nadd a x\nadd b y\n' }] }),
    ).toThrow('resolving to IPv4 address failed');
  });
});
