/** Random options of the matches that keep state, look at connections, or ask for facts of the host. */
import fc from 'fast-check';
import type { Family } from '../../src/ruleset/types.ts';
import { arbitraryAddress, option, range, some, type Words } from './arbitraries.ts';

const small = fc.constantFrom(0, 1, 2, 3, 10);
const word = fc.constantFrom('a', 'b', 'DEFAULT', 'ssh-brute');
const number32 = fc.constantFrom('0', '1', '2147483648', '4294967295');
const flag = (name: string): Words => fc.constant([`--${name}`]);
const negatedFlag = (name: string): Words => fc.constantFrom([`--${name}`], ['!', `--${name}`]);
const joined = (...parts: readonly Words[]): Words => fc.tuple(...parts).map((all) => all.flat());
const maybe = (part: Words): Words => fc.option(part, { nil: [] });
const plain = (name: string, value: fc.Arbitrary<string>): Words => option(name, value, false);

function hashlimitOptions(family: Family): Words {
  const packets = fc.constantFrom('1/sec', '7/min', '100/hour', '2/day', '1000000/sec', '90/min');
  const bytes = fc.constantFrom('16b/s', '4kb/s', '512kb/s', '10mb/s');
  const parts = ['srcip', 'srcport', 'dstip', 'dstport'];
  const mode = fc.uniqueArray(fc.constantFrom(...parts), { minLength: 1 }).map(String);
  const length = fc.constantFrom(0, 1, 24, family === 4 ? 32 : 128).map(String);
  return joined(
    fc.oneof(
      joined(
        option('hashlimit-upto', packets),
        maybe(plain('hashlimit-burst', fc.constantFrom('1', '5', '20'))),
      ),
      joined(
        option('hashlimit-above', bytes),
        maybe(plain('hashlimit-burst', fc.constantFrom('20mb', '900mb'))),
      ),
    ),
    maybe(plain('hashlimit-mode', mode)),
    plain('hashlimit-name', word),
    maybe(plain('hashlimit-srcmask', length)),
    maybe(plain('hashlimit-dstmask', length)),
    maybe(plain('hashlimit-htable-expire', fc.constantFrom('1', '1000', '60000'))),
    maybe(plain('hashlimit-htable-max', fc.constantFrom('1', '8192'))),
  );
}

function recentOptions(family: Family): Words {
  const masks =
    family === 4
      ? fc.constantFrom('255.255.255.255', '255.255.255.0', '0.0.0.0')
      : fc.constantFrom('ffff:ffff::', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  const seconds = plain('seconds', fc.constantFrom('1', '60', '2147483647'));
  const check = joined(
    fc.oneof(negatedFlag('rcheck'), negatedFlag('update')),
    maybe(joined(seconds, maybe(flag('reap')))),
    maybe(plain('hitcount', fc.constantFrom('0', '1', '3', '40'))),
    maybe(flag('rttl')),
  );
  return joined(
    fc.oneof(negatedFlag('set'), negatedFlag('remove'), check),
    maybe(plain('name', word)),
    maybe(plain('mask', masks)),
    maybe(fc.constantFrom(['--rsource'], ['--rdest'])),
  );
}

function connbytesOptions(): Words {
  return joined(
    option('connbytes', range(fc.constantFrom(0, 1, 2, 100, 1500))),
    plain('connbytes-dir', fc.constantFrom('original', 'reply', 'both')),
    plain('connbytes-mode', fc.constantFrom('packets', 'bytes', 'avgpkt')),
  );
}

function timeOptions(): Words {
  const clock = fc.constantFrom('00:00:00', '01:02:03', '12:00', '23:59:59');
  const date = fc.constantFrom('1971', '2023-11-14', '2023-11-14T22:13:20', '2038-01-19T03:14:07');
  return joined(
    maybe(plain('timestart', clock)),
    maybe(plain('timestop', clock)),
    maybe(option('weekdays', fc.constantFrom('Mon', '2,3', 'Sat,Sun', 'Tue'))),
    maybe(option('monthdays', fc.constantFrom('1', '14', '1,15,31'))),
    maybe(plain('datestart', date)),
    maybe(plain('datestop', date)),
    maybe(fc.constantFrom(['--utc'], ['--kerneltz'])),
  );
}

function statisticOptions(): Words {
  const probability = fc.constantFrom('0', '0.5', '0.33333333349', '1', '0.000244140625');
  const nth = fc
    .tuple(fc.constantFrom(1, 2, 3, 7), fc.nat(6), fc.boolean())
    .map(([every, packet, inverted]) => [
      ...['--mode', 'nth', ...(inverted ? ['!'] : [])],
      ...['--every', `${every}`, '--packet', `${packet % every}`],
    ]);
  return fc.oneof(
    nth,
    joined(plain('mode', fc.constant('random')), option('probability', probability)),
  );
}

function clusterOptions(): Words {
  return fc
    .tuple(fc.integer({ min: 1, max: 32 }), fc.nat(31), fc.boolean(), number32)
    .map(([total, node, inverted, seed]) => [
      ...['--cluster-total-nodes', `${total}`, ...(inverted ? ['!'] : [])],
      ...[
        '--cluster-local-node',
        `${(Math.min(node, 4) % total) + 1}`,
        '--cluster-hash-seed',
        seed,
      ],
    ]);
}

function connlimitOptions(family: Family): Words {
  return joined(
    fc.oneof(
      option('connlimit-upto', small.map(String)),
      option('connlimit-above', small.map(String)),
    ),
    maybe(plain('connlimit-mask', fc.constantFrom(0, 8, 31, family === 4 ? 32 : 128).map(String))),
    maybe(fc.constantFrom(['--connlimit-saddr'], ['--connlimit-daddr'])),
  );
}

function ownerOptions(): Words {
  const id = fc.constantFrom('0', 'root', '5-10', '65534', '4294967294');
  const group = joined(option('gid-owner', id), maybe(flag('suppl-groups')));
  return some(1, option('uid-owner', id), group, negatedFlag('socket-exists'));
}

function physdevOptions(): Words {
  const name = fc.constantFrom('eth0', 'veth+', 'fwln100i0');
  return some(
    1,
    option('physdev-in', name),
    option('physdev-out', name),
    negatedFlag('physdev-is-in'),
    negatedFlag('physdev-is-out'),
    negatedFlag('physdev-is-bridged'),
  );
}

function rateestOptions(): Words {
  const mode = fc.constantFrom('lt', 'gt', 'eq').chain((name) => negatedFlag(`rateest-${name}`));
  const rate = fc.constantFrom('8bit', '5kbit', '3mbit', '1gbit', '100');
  return joined(
    plain('rateest', word),
    mode,
    fc.oneof(plain('rateest-bps', rate), plain('rateest-pps', number32)),
  );
}

function ipvsOptions(family: Family): Words {
  return some(
    1,
    option('vproto', fc.constantFrom('tcp', '17')),
    option('vaddr', arbitraryAddress(family)),
    option('vport', fc.constantFrom('80', 'ssh')),
    plain('vdir', fc.constantFrom('ORIGINAL', 'REPLY')),
    option('vmethod', fc.constantFrom('GATE', 'MASQ')),
  );
}

const group = fc.constantFrom('0', '1', '0x20/0xff', '1/0', '0xffffffff');

/** Options by match. */
export const STATE_MATCHES: Readonly<Record<string, (family: Family) => readonly [Words]>> = {
  cgroup: () => [fc.oneof(option('path', fc.constantFrom('/', 'a b')), option('cgroup', number32))],
  cluster: () => [clusterOptions()],
  connbytes: () => [connbytesOptions()],
  connlabel: () => [joined(option('label', fc.constantFrom('0', '40', '127')), maybe(flag('set')))],
  connlimit: (family) => [connlimitOptions(family)],
  connmark: () => [
    option('mark', fc.constantFrom('0', '1', '0xffffffff', '0x80000000/0x80000000')),
  ],
  cpu: () => [option('cpu', number32)],
  devgroup: () => [some(1, option('src-group', group), option('dst-group', group))],
  hashlimit: (family) => [hashlimitOptions(family)],
  helper: () => [option('helper', fc.constantFrom('ftp', '', 'a b'))],
  ipvs: (family) => [ipvsOptions(family)],
  nfacct: () => [plain('nfacct-name', word)],
  owner: () => [ownerOptions()],
  physdev: () => [physdevOptions()],
  quota: () => [option('quota', fc.constantFrom('0', '60', '1000', '18446744073709551615'))],
  rateest: () => [rateestOptions()],
  recent: (family) => [recentOptions(family)],
  rpfilter: () => [some(0, flag('loose'), flag('validmark'), flag('accept-local'), flag('invert'))],
  set: (family) => [
    joined(
      fc
        .tuple(
          fc.constantFrom([], ['!']),
          fc.constantFrom(family === 4 ? 'ip4' : 'ip6', 'ports', 'both'),
          fc.constantFrom('src', 'dst,src'),
        )
        .map(([not, name, sides]) => [...not, '--match-set', name, sides]),
      maybe(flag('return-nomatch')),
    ),
  ],
  socket: () => [some(0, flag('transparent'), flag('nowildcard'), flag('restore-skmark'))],
  statistic: () => [statisticOptions()],
  time: () => [timeOptions()],
};

/** Matches among them that not every table and chain, or not every kernel, takes. */
export const NOT_EVERYWHERE: readonly string[] = [
  'cgroup',
  'devgroup',
  'ipvs',
  'nfacct',
  'owner',
  'physdev',
  'rateest',
  'rpfilter',
  'set',
  'socket',
];

/** Matches with state of their own: asked again they need not say the same. */
export const STATEFUL: readonly string[] = [
  'connlabel',
  'connlimit',
  'hashlimit',
  'limit',
  'quota',
  'recent',
  'set',
  'statistic',
];
