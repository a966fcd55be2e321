/**
 * Random matches, targets and packets for property tests. Arguments come from small pools with the
 * edges in them, and so do the packets' fields: rules and packets meet more often than chance would
 * have it. Everything is written as on a command line; nothing that loses its meaning when saved.
 */
import fc from 'fast-check';
import type { OptionUse } from '../../src/match/definition.ts';
import { findMatch } from '../../src/match/registry.ts';
import type { Family, TableName } from '../../src/ruleset/types.ts';
import { BUILTIN_CHAINS } from '../../src/ruleset/types.ts';
import { findTarget } from '../../src/target/registry.ts';
import type { DatagramSpec, TcpSpec } from '../support/packets.ts';
import { HEADER_MATCHES, NOT_EVERYWHERE_HEADERS } from './arbitraries-headers.ts';
import { NOT_EVERYWHERE, STATE_MATCHES } from './arbitraries-state.ts';
import { MORE_TARGETS, NOT_EVERYWHERE_TARGETS } from './arbitraries-targets.ts';
import { usesOf } from './examples.ts';

/** A match or target as one writes it. */
export interface WrittenExtension {
  readonly name: string;
  /** Protocol name that the rule must have as `-p` before it; '' for none. */
  readonly protocol: string;
  /** Words after `-m NAME` or `-j NAME`. */
  readonly words: readonly string[];
  readonly uses: readonly OptionUse[];
}

/** Words of options. */
export type Words = fc.Arbitrary<readonly string[]>;

const PORTS = [0, 1, 22, 53, 80, 443, 1023, 1024, 8443, 40000, 65534, 65535];
const port = fc.constantFrom(...PORTS);
const byte = fc.constantFrom(0, 1, 2, 63, 64, 127, 128, 254, 255);
const mark = fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x12345678);

/** Addresses of the packets, of rules, and next to them. */
const ADDRESSES: Readonly<Record<Family, readonly string[]>> = {
  4: [
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.255',
    '198.51.100.7',
    '203.0.113.9',
    '10.0.0.1',
    '127.255.255.255',
    '128.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
  ],
  6: [
    '2001:db8::1',
    '2001:db8::2',
    '2001:db8:1::7',
    'fe80::1',
    '::1',
    '7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '8000::',
    'ff02::1',
  ],
};

/** One of the family's addresses, as text. */
export function arbitraryAddress(family: Family): fc.Arbitrary<string> {
  return fc.constantFrom(...ADDRESSES[family]);
}

/** `low:high` or one number; never reversed. */
export function range(number: fc.Arbitrary<number>): fc.Arbitrary<string> {
  return fc.oneof(
    number.map(String),
    fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}:${Math.max(a, b)}`),
  );
}

/** An option with its arguments, inverted half of the time where that may be. */
export function option(name: string, value: fc.Arbitrary<string>, invertible = true): Words {
  return fc
    .tuple(invertible ? fc.boolean() : fc.constant(false), value)
    .map(([inverted, text]) => [...(inverted ? ['!'] : []), `--${name}`, ...text.split('\0')]);
}

const flag = (name: string): Words => fc.constant([`--${name}`]);

/** Some of the options, in order; at least `least`. */
export function some(least: number, ...options: readonly Words[]): Words {
  return fc
    .tuple(...options.map((each) => fc.option(each, { nil: [] })))
    .map((all) => all.flat())
    .filter((words) => words.filter((word) => word.startsWith('--')).length >= least);
}

/** A list of one to three names. */
function names(...all: readonly string[]): fc.Arbitrary<string> {
  return fc.uniqueArray(fc.constantFrom(...all), { minLength: 1, maxLength: 3 }).map(String);
}

/** A range of ports; all of them cannot be inverted and saved. */
function ports(name: string): Words {
  return option(name, range(port)).filter((words) => words.at(-1) !== '0:65535');
}

const FLAG_SETS = ['SYN', 'ACK', 'SYN,ACK', 'FIN,SYN,RST,ACK', 'ALL', 'RST', 'PSH,URG', 'FIN'];
const flagSet = fc.constantFrom(...FLAG_SETS);
const tcpFlags = option(
  'tcp-flags',
  fc.tuple(flagSet, fc.constantFrom(...FLAG_SETS, 'NONE')).map((pair) => pair.join('\0')),
);
const syn: Words = fc.constantFrom(['--syn'], ['!', '--syn']);
const tcpOption = option('tcp-option', fc.constantFrom('1', '2', '3', '4', '5', '8', '255'));
const STATES = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED'];
const maskedMark = fc
  .tuple(mark, fc.option(mark))
  .map(([value, mask]) => (mask === null ? `${value}` : `${value}/${mask}`));

function multiportOptions(): Words {
  const part = fc.oneof(
    port.map(String),
    fc.uniqueArray(port, { minLength: 2, maxLength: 2 }).map(([a = 0, b = 0]) => {
      return `${Math.min(a, b)}:${Math.max(a, b)}`;
    }),
  );
  const list = fc.array(part, { minLength: 1, maxLength: 5 }).map(String);
  return fc.oneof(option('sports', list), option('dports', list), option('ports', list));
}

function conntrackOptions(family: Family): Words {
  const masked = fc
    .tuple(arbitraryAddress(family), fc.constantFrom('', '/0', '/1', '/24', '/31'))
    .map(([address, mask]) => `${address}${mask}`);
  return some(
    1,
    option('ctstate', names(...STATES, 'SNAT', 'DNAT')),
    option('ctproto', fc.constantFrom('tcp', 'udp', 'icmp', '58', '0', '255')),
    option('ctorigsrc', masked),
    option('ctreplsrc', masked),
    option('ctorigdst', masked),
    option('ctrepldst', masked),
    option('ctorigsrcport', range(port)),
    option('ctorigdstport', range(port)),
    option('ctreplsrcport', range(port)),
    option('ctrepldstport', range(port)),
    option('ctstatus', names('EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED')),
    option('ctdir', fc.constantFrom('ORIGINAL', 'REPLY'), false),
  );
}

/** Options of `--ctexpire`, which are undecided for new connections: not in `arbitraryMatch`. */
export const ctexpire = option('ctexpire', range(fc.constantFrom(0, 29, 30, 119, 4294967295)));

function addressRange(family: Family): fc.Arbitrary<string> {
  const all = ADDRESSES[family];
  const index = fc.nat(all.length - 1);
  return fc.tuple(index, index).map(([a, b]) => `${all[Math.min(a, b)]}-${all[Math.max(a, b)]}`);
}

function icmpOptions(family: Family): Words {
  const type = fc.constantFrom('0', '3', '8', '11', '1', '128', '135', '254', 'echo-request');
  const coded = fc.tuple(fc.constantFrom(3, 1, 8), fc.constantFrom(0, 1, 3, 255)).map(([t, c]) => {
    return `${t}/${c}`;
  });
  if (family === 6) return option('icmpv6-type', fc.oneof(type, coded));
  return option('icmp-type', fc.oneof(type, coded, fc.constant('any')));
}

function hopLimitOptions(name: string): Words {
  return fc.oneof(
    option(`${name}-eq`, byte.map(String)),
    option(`${name}-lt`, byte.map(String), false),
    option(`${name}-gt`, byte.map(String), false),
  );
}

const macAddress = fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:09', 'ff:ff:ff:ff:ff:ff');
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom('a b', "it's", '"', '\\', 'x\\"y', '-j DROP', 'tëxt', '#'),
);

function addrtypeOptions(family: Family): Words {
  const types = ['UNSPEC', 'UNICAST', 'LOCAL', 'ANYCAST', 'MULTICAST'];
  const all = names(...types, ...(family === 4 ? ['BROADCAST', 'UNREACHABLE'] : []));
  return some(1, option('src-type', all), option('dst-type', all));
}

/** Options and protocols by match. */
const MATCHES: Readonly<Record<string, (family: Family) => readonly [Words, ...string[]]>> = {
  addrtype: (family) => [addrtypeOptions(family)],
  comment: () => [option('comment', text, false)],
  ...HEADER_MATCHES,
  ...STATE_MATCHES,
  conntrack: (family) => [conntrackOptions(family)],
  hl: () => [hopLimitOptions('hl')],
  icmp: () => [icmpOptions(4), 'icmp'],
  icmp6: () => [icmpOptions(6), 'icmpv6'],
  iprange: (family) => [
    some(1, option('src-range', addressRange(family)), option('dst-range', addressRange(family))),
  ],
  length: () => [option('length', range(fc.constantFrom(0, 20, 28, 40, 60, 68, 1500, 65535)))],
  limit: () => [
    some(
      0,
      option('limit', fc.constantFrom('1/s', '10/sec', '60/min', '7/min', '100/hour'), false),
      option('limit-burst', fc.constantFrom('1', '2', '5', '10'), false),
    ),
  ],
  mac: () => [option('mac-source', macAddress)],
  mark: () => [option('mark', maskedMark)],
  multiport: () => [multiportOptions(), 'tcp', 'udp', 'sctp', 'dccp', 'udplite'],
  pkttype: () => [option('pkt-type', fc.constantFrom('unicast', 'broadcast', 'multicast'))],
  state: () => [option('state', names(...STATES))],
  tcp: () => [some(0, ports('sport'), ports('dport'), fc.oneof(syn, tcpFlags), tcpOption), 'tcp'],
  ttl: () => [hopLimitOptions('ttl')],
  udp: () => [some(0, ports('sport'), ports('dport')), 'udp'],
};

/** Options by target. */
const TARGETS: Readonly<Record<string, (family: Family) => readonly [Words, ...string[]]>> = {
  ...MORE_TARGETS,
  SET: (family) => [
    fc
      .tuple(
        fc.constantFrom('add-set', 'del-set'),
        fc.constantFrom(family === 4 ? 'ip4' : 'ip6', 'ports'),
        fc.constantFrom('src', 'dst'),
      )
      .map(([what, name, side]) => [`--${what}`, name, side]),
  ],
  ACCEPT: () => [fc.constant([])],
  DROP: () => [fc.constant([])],
  RETURN: () => [fc.constant([])],
  LOG: () => [
    some(
      0,
      option('log-level', fc.constantFrom('0', '3', '4', '7', 'debug'), false),
      option('log-prefix', fc.constantFrom('a', 'two words: ', "it's", '"q"'), false),
      flag('log-tcp-sequence'),
      flag('log-tcp-options'),
      flag('log-ip-options'),
      flag('log-uid'),
      flag('log-macdecode'),
    ),
  ],
  MARK: () => [
    fc.oneof(
      option('set-mark', maskedMark, false),
      option('set-xmark', maskedMark, false),
      option('and-mark', mark.map(String), false),
      option('or-mark', mark.map(String), false),
      option('xor-mark', mark.map(String), false),
    ),
  ],
  REJECT: (family) => [
    some(
      0,
      option(
        'reject-with',
        family === 4
          ? fc.constantFrom('icmp-net-unreachable', 'port-unreach', 'icmp-admin-prohibited')
          : fc.constantFrom('icmp6-no-route', 'port-unreach', 'icmp6-policy-fail'),
        false,
      ),
    ),
  ],
};

function written(
  name: string,
  [words, ...protocols]: readonly [Words, ...string[]],
  specs: Parameters<typeof usesOf>[0],
): fc.Arbitrary<WrittenExtension> {
  return fc
    .tuple(words, fc.constantFrom(...(protocols.length > 0 ? protocols : [''])))
    .map(([some, protocol]) => ({ name, protocol, words: some, uses: usesOf(specs, some) }));
}

/** A match of this name. */
export function arbitraryMatchNamed(name: string, family: Family): fc.Arbitrary<WrittenExtension> {
  const make = MATCHES[name];
  const match = findMatch(name, family);
  if (make === undefined || match === undefined) throw new Error(`no match ${name}`);
  return written(name, make(family), match.options);
}

/** A target of this name. */
export function arbitraryTargetNamed(name: string, family: Family): fc.Arbitrary<WrittenExtension> {
  const make = TARGETS[name];
  const target = findTarget(name, family);
  if (make === undefined || target === undefined) throw new Error(`no target ${name}`);
  return written(name, make(family), target.options);
}

/**
 * Any match of a family that may stand in every table and chain: no mac. Two matches of one rule
 * must agree on the protocol.
 */
export function arbitraryMatch(family: Family): fc.Arbitrary<WrittenExtension> {
  const usable = Object.keys(MATCHES).filter(
    (name) =>
      name !== 'mac' &&
      !NOT_EVERYWHERE.includes(name) &&
      !NOT_EVERYWHERE_HEADERS.includes(name) &&
      findMatch(name, family) !== undefined,
  );
  return fc.oneof(...usable.map((name) => arbitraryMatchNamed(name, family)));
}

/** Any target that a table takes in all its built-in chains. */
export function arbitraryTarget(family: Family, table: TableName): fc.Arbitrary<WrittenExtension> {
  const usable = Object.keys(TARGETS).filter((name) => {
    const target = findTarget(name, family);
    if (target === undefined || NOT_EVERYWHERE_TARGETS.includes(name)) return false;
    const { tables, hooks } = target;
    const everywhere = BUILTIN_CHAINS[table].every((chain) => hooks?.includes(chain) !== false);
    return tables?.includes(table) !== false && everywhere;
  });
  return fc.oneof(...usable.map((name) => arbitraryTargetNamed(name, family)));
}

/** The words of a whole rule: `-p tcp -m tcp --dport 22 -j ACCEPT`, as `-A` takes them. */
export function arbitraryRule(family: Family, table: TableName): fc.Arbitrary<readonly string[]> {
  return fc
    .tuple(
      fc.array(arbitraryMatch(family), { maxLength: 3 }),
      fc.option(arbitraryTarget(family, table), { freq: 5 }),
    )
    .map(([matches, target]) => {
      const protocol = matches.find((match) => match.protocol !== '')?.protocol ?? '';
      const fitting = matches.filter((match) => ['', protocol].includes(match.protocol));
      return [
        ...(protocol === '' ? [] : ['-p', protocol]),
        ...fitting.flatMap(({ name, words }) => ['-m', name, ...words]),
        ...(target === null ? [] : ['-j', target.name, ...target.words]),
      ];
    });
}

const tcpSpec: fc.Arbitrary<TcpSpec> = fc.record({
  sourcePort: port,
  destinationPort: port,
  flags: fc.constantFrom('S', 'SA', 'A', 'PA', 'FA', 'R', 'RA', '', 'FSRPAUEC', 'FPU', 'SEC'),
  options: fc.constantFrom(
    {},
    { mss: 1460, sackPermitted: true, windowScale: 7 },
    { timestamp: [1, 2] as const },
    [1, 1, 5, 0],
    [8, 0, 0, 0],
  ),
  payload: fc.constantFrom(0, 1, 20),
});
const udpSpec = fc.record({
  sourcePort: port,
  destinationPort: port,
  payload: fc.constantFrom(0, 8, 40),
});
const icmpSpec = fc.record({
  type: fc.constantFrom(0, 3, 8, 11, 1, 128, 129, 254, 255),
  code: fc.constantFrom(0, 1, 3, 255),
  payload: fc.constantFrom(0, 20),
});

/** A datagram whose fields come from the pools that rules are made of. */
export function arbitraryPacket(family: Family): fc.Arbitrary<DatagramSpec> {
  const head = fc.record({
    source: arbitraryAddress(family),
    destination: arbitraryAddress(family),
    ttl: byte,
    tos: byte,
  });
  const body: fc.Arbitrary<Partial<DatagramSpec>> = fc.oneof(
    tcpSpec.map((tcp) => ({ tcp })),
    udpSpec.map((udp) => ({ udp })),
    icmpSpec.map((icmp) => ({ icmp })),
    udpSpec.map((udpLite) => ({ udpLite })),
    fc.record({ protocol: fc.constantFrom(6, 17, 1, 58, 132, 33, 253), payload: fc.nat(24) }),
    fc.record({
      protocol: fc.constantFrom(6, 17, 1, 58),
      fragmentOffset: fc.constantFrom(8, 16),
      moreFragments: fc.boolean(),
      payload: fc.constant(24),
    }),
    tcpSpec.map((tcp) => ({ tcp, moreFragments: true })),
  );
  return fc.tuple(head, body).map(([a, b]) => ({ ...a, ...b }));
}
