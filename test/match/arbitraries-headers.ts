/** Random options of the matches on headers and payload, for arbitraries.ts. */
import fc from 'fast-check';
import type { Family } from '../../src/ruleset/types.ts';
import { option, range, some, type Words } from './arbitraries.ts';

const flag = (name: string): Words => fc.constant([`--${name}`]);
const spi = range(fc.constantFrom(0, 1, 2, 256, 0x7fffffff, 0x80000000, 0xffffffff)).filter(
  (text) => text !== '0:4294967295',
);
const byte = fc.constantFrom('0', '1', '2', '4', '17', '254', '255');
const length = fc.constantFrom('0', '8', '16', '24', '255', '4294967295');
const port = range(fc.constantFrom(0, 1, 22, 53, 443, 65534, 65535));
const numbers = (...all: readonly number[]): fc.Arbitrary<string> =>
  fc.constantFrom(...all).map(String);
const PREFIXES = ['2001:db8::/32', '2001:db8::1/128', '::/0', 'fe80::/10', '8000::/1'];
const prefix = fc.constantFrom(...PREFIXES);

const tlv = fc.constantFrom('0', '1', '1:4', '5:2', '194', '255:0');
const optionList = fc.array(tlv, { minLength: 1, maxLength: 4 }).map(String);

function sctpOptions(): Words {
  const chunk = fc.constantFrom('DATA', 'DATA:B', 'DATA:be', 'INIT', 'ABORT:T', 'SACK', 'ASCONF');
  const list = fc.oneof(
    fc.uniqueArray(chunk, { minLength: 1, maxLength: 3, selector: (name) => name.split(':')[0] }),
    fc.constantFrom(['ALL'], ['NONE']),
  );
  const chunks = fc
    .tuple(fc.constantFrom('all', 'any', 'only'), list)
    .map(([match, names]) => `${match}\0${names.join(',')}`);
  return some(0, option('sport', port), option('dport', port), option('chunk-types', chunks));
}

function srhOptions(): Words {
  const segment = (name: string): Words => option(name, prefix);
  return some(
    0,
    option('srh-next-hdr', byte),
    option('srh-hdr-len-eq', byte),
    option('srh-segs-left-gt', byte),
    option('srh-last-entry-lt', byte),
    option('srh-tag', numbers(0, 1, 256, 65535)),
    segment('srh-psid'),
    segment('srh-nsid'),
    segment('srh-lsid'),
  );
}

function rtOptions(): Words {
  const type0 = fc
    .tuple(
      fc.constantFrom([], ['--rt-0-res']),
      fc.constantFrom('2001:db8::1', '2001:db8::2,::1'),
      fc.constantFrom([], ['--rt-0-not-strict']),
    )
    .map(([reserved, list, not]) => [
      ...['--rt-type', '0', ...reserved],
      ...['--rt-0-addrs', list, ...not],
    ]);
  return fc.oneof(
    some(0, option('rt-type', byte), option('rt-segsleft', spi), option('rt-len', length)),
    type0,
  );
}

function u32Options(): Words {
  const offset = numbers(0, 4, 6, 8, 12, 20, 40, 44, 0xfffffffc, 0xffffffff);
  const step = fc.oneof(
    numbers(0xff, 0x3c, 0xffff, 0x80000000).map((mask) => `&${mask}`),
    numbers(0, 8, 16, 31).map((bits) => `>>${bits}`),
    numbers(0, 8, 31).map((bits) => `<<${bits}`),
    offset.map((at) => `@${at}`),
  );
  const value = fc.oneof(
    numbers(0, 6, 22, 64, 0x80000000, 0xffffffff),
    fc.constantFrom('0:100', '0:4294967295', '2147483648:4294967295'),
  );
  const test = fc
    .tuple(
      offset,
      fc.array(step, { maxLength: 4 }),
      fc.array(value, { minLength: 1, maxLength: 3 }),
    )
    .map(([first, steps, values]) => `${first}${steps.join('')}=${values.join(',')}`);
  return option(
    'u32',
    fc.array(test, { minLength: 1, maxLength: 3 }).map((all) => all.join('&&')),
  );
}

function stringOptions(): Words {
  const text = fc.oneof(
    fc.string({ minLength: 1, maxLength: 5 }),
    fc.constantFrom('\u0001', 'E', 'a"b', '\\', '\u0000\u0001'.slice(1)),
  );
  const hex = fc.constantFrom('|00|', '|45|', '|00 01 02|', 'a|ff|b', '|60 00|');
  const offset = numbers(0, 1, 20, 40, 60, 65535);
  return fc
    .tuple(
      fc.oneof(option('string', text), option('hex-string', hex)),
      fc.constantFrom('bm', 'kmp'),
      fc.tuple(offset, offset),
      fc.boolean(),
      fc.constantFrom([], ['--icase']),
    )
    .map(([what, algorithm, [a, b], limited, icase]) => [
      ...[...what, '--algo', algorithm, ...icase],
      ...(limited ? ['--from', `${Math.min(+a, +b)}`, '--to', `${Math.max(+a, +b)}`] : []),
    ]);
}

const PROGRAMS = [
  '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0',
  '1,6 0 0 1',
  '2,32 0 0 60,6 0 0 1',
  '5,177 0 0 0,72 0 0 2,21 0 1 22,6 0 0 1,6 0 0 0',
  '4,128 0 0 0,37 0 1 40,6 0 0 1,6 0 0 0',
  '4,32 0 0 4294963220,21 0 1 0,6 0 0 1,6 0 0 0',
];

function policyOptions(family: Family): Words {
  const host = fc.constantFrom(
    ...(family === 4 ? ['10.0.0.0/8', '192.0.2.1'] : ['2001:db8::/32', '::1']),
  );
  const states = some(
    1,
    option('reqid', numbers(0, 1, 0xffffffff)),
    option('spi', numbers(0, 256)),
    option('proto', fc.constantFrom('esp', 'ah', 'ipcomp')),
  );
  const tunnel = fc
    .tuple(option('tunnel-dst', host), option('tunnel-src', host))
    .map((both) => ['--mode', 'tunnel', ...both.flat()]);
  const ipsec = fc.oneof(states, tunnel);
  return fc.oneof(
    fc.constant(['--dir', 'in', '--pol', 'none']),
    ipsec.map((words) => ['--dir', 'in', '--pol', 'ipsec', ...words]),
    fc
      .tuple(ipsec, ipsec)
      .map(([a, b]) => ['--dir', 'in', '--pol', 'ipsec', '--strict', ...a, '--next', ...b]),
  );
}

const HEADERS = ['hop', 'dst', 'route', 'frag', 'auth', 'esp', 'none', 'prot'];
const TYPES = ['REQUEST', 'RESPONSE', 'DATA', 'ACK', 'RESET', 'SYNC', 'INVALID'];
const list = (all: readonly string[]): fc.Arbitrary<string> =>
  fc.uniqueArray(fc.constantFrom(...all), { minLength: 1, maxLength: 3 }).map(String);

/** Options and protocols by match. */
export const HEADER_MATCHES: Readonly<
  Record<string, (family: Family) => readonly [Words, ...string[]]>
> = {
  ah: (family) =>
    family === 4
      ? [some(0, option('ahspi', spi)), 'ah']
      : [some(0, option('ahspi', spi), option('ahlen', length), flag('ahres'))],
  bpf: () => [option('bytecode', fc.constantFrom(...PROGRAMS), false)],
  dccp: () => [
    some(
      0,
      option('sport', port),
      option('dport', port),
      option('dccp-types', list(TYPES)),
      option('dccp-option', numbers(1, 2, 38, 255)),
    ),
    'dccp',
  ],
  dscp: () => [
    fc.oneof(
      option('dscp', numbers(0, 1, 15, 16, 63)),
      option('dscp-class', fc.constantFrom('EF', 'BE', 'CS1', 'AF11')),
    ),
  ],
  dst: () => [some(0, option('dst-len', length), option('dst-opts', optionList, false))],
  ecn: () => [
    some(
      1,
      option('ecn-ip-ect', numbers(0, 1, 2, 3)),
      fc.constantFrom(['--ecn-tcp-ece'], ['!', '--ecn-tcp-ece']),
      fc.constantFrom(['--ecn-tcp-cwr'], ['!', '--ecn-tcp-cwr']),
    ),
    'tcp',
  ],
  esp: () => [some(0, option('espspi', spi)), 'esp'],
  eui64: () => [fc.constant([])],
  frag: () => [
    some(
      0,
      option('fragid', spi),
      option('fraglen', length),
      flag('fragres'),
      flag('fragfirst'),
      fc.constantFrom(['--fragmore'], ['--fraglast']),
    ),
  ],
  hbh: () => [some(0, option('hbh-len', length), option('hbh-opts', optionList, false))],
  ipcomp: () => [some(0, option('ipcompspi', spi), flag('compres')), 'ipcomp'],
  ipv6header: () => [
    fc
      .tuple(option('header', list(HEADERS)), fc.constantFrom([], ['--soft']))
      .map((both) => both.flat()),
  ],
  mh: () => [
    some(0, option('mh-type', range(fc.constantFrom(0, 1, 5, 7, 254)))),
    'mobility-header',
  ],
  osf: () => [
    fc
      .tuple(
        option('genre', fc.constantFrom('Linux', 'Windows')),
        some(0, option('ttl', numbers(0, 1, 2), false), option('log', numbers(0, 1, 2), false)),
      )
      .map((both) => both.flat()),
    'tcp',
  ],
  policy: (family) => [policyOptions(family)],
  realm: () => [option('realm', fc.constantFrom('0', '0x10', '1/0xff', '0/0', '16/1'))],
  rt: () => [rtOptions()],
  sctp: () => [sctpOptions(), 'sctp'],
  srh: () => [srhOptions()],
  string: () => [stringOptions()],
  tcpmss: () => [option('mss', range(fc.constantFrom(0, 536, 1460, 65535))), 'tcp'],
  tos: () => [
    option('tos', fc.constantFrom('0', '0xff', '0x10/0x3f', '2/2', '0xff/0', 'Minimize-Delay')),
  ],
  u32: () => [u32Options()],
};

/** Those that not every chain takes. */
export const NOT_EVERYWHERE_HEADERS: readonly string[] = ['eui64', 'osf', 'policy', 'realm'];
