/**
 * Random options of the targets, with the edges in them. Only what the kernel takes and what keeps
 * its meaning when saved.
 */
import fc from 'fast-check';
import type { Family } from '../../src/ruleset/types.ts';
import { arbitraryAddress, option, some, type Words } from './arbitraries.ts';

/** Options, then the protocols of which the rule must have one, perhaps with a match. */
type TargetOptions = (family: Family) => readonly [Words, ...string[]];

/** Targets that are not for every chain of their tables, or not for every rule or kernel. */
export const NOT_EVERYWHERE_TARGETS: readonly string[] = [
  'CLUSTERIP',
  'CT',
  'ECN',
  'IDLETIMER',
  'LED',
  'RATEEST',
  'SECMARK',
  'SET',
  'TCPMSS',
  'TCPOPTSTRIP',
  'TEE',
  'ULOG',
];

const values = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const plain = (name: string, ...texts: readonly string[]): Words =>
  option(name, values(...texts), false);
const flag = (name: string): Words => fc.constant([`--${name}`]);
const MARKS = ['0', '1', '0xffffffff', '0x80000000', '0x12345678'];
const MASKED = [...MARKS, '1/0xff', '0xff/0x0f', '0x80000000/0', '0/0', '5/0xffffffff'];
const none: Words = fc.constant([]);

function both(...parts: readonly Words[]): Words {
  return fc.tuple(...parts).map((words) => words.flat());
}

function connmark(): Words {
  const masks = fc.oneof(
    some(0, plain('nfmask', ...MARKS), plain('ctmask', ...MARKS)),
    plain('mask', ...MARKS),
  );
  const operation = fc.oneof(
    plain('set-mark', ...MASKED),
    plain('set-xmark', ...MASKED),
    plain('and-mark', ...MARKS),
    plain('or-mark', ...MARKS),
    plain('xor-mark', ...MARKS),
    both(flag('save-mark'), masks),
    both(flag('restore-mark'), masks),
  );
  const shift = fc.oneof(
    plain('left-shift-mark', '0', '1', '31'),
    plain('right-shift-mark', '1', '8', '31'),
  );
  return both(operation, some(0, shift));
}

function hmark(family: Family): Words {
  const lengths = family === 4 ? ['0', '1', '24', '31', '32'] : ['0', '7', '64', '127', '128'];
  const ports = some(
    0,
    plain('hmark-sport-mask', '0', '3', '0xffff'),
    plain('hmark-dport-mask', '0', '0xff00', '0xffff'),
    plain('hmark-sport', '0', '80', '65535'),
    plain('hmark-dport', '1', '443'),
  );
  return both(
    some(1, plain('hmark-src-prefix', ...lengths), plain('hmark-dst-prefix', ...lengths)),
    ports,
    some(0, plain('hmark-proto-mask', '0', '5', '0xffff'), plain('hmark-tuple', 'ct')),
    plain('hmark-rnd', '0', '4', '0xffffffff'),
    plain('hmark-mod', '1', '42', '0xffffffff'),
    some(0, plain('hmark-offset', '0', '1', '0xffffffff')),
  );
}

/** Addresses to translate to, with ports where the rule has a protocol that has them. */
function natRange(name: string, family: Family, withPorts: boolean): Words {
  const address = arbitraryAddress(family).filter((text) => text !== '::1');
  const pair = fc.tuple(address, address).map(([low, high]) => `${low}-${high}`);
  const addresses = fc.oneof(address, pair);
  const flags = some(0, flag('random'), flag('persistent'));
  if (!withPorts) return both(option(name, addresses, false), flags);
  const ranges = fc
    .tuple(addresses, values('0', '80', '1024-65535', '65535'))
    .map(([text, ports]) => (family === 4 ? `${text}:${ports}` : `[${text}]:${ports}`));
  return both(option(name, ranges, false), flags);
}

const PORTS = plain('to-ports', '0', '42', '1024-65535');
const prefixes: Words = both(
  plain('src-pfx', 'dead::/64', '2001:db8::/48', '::/1'),
  plain('dst-pfx', '1c3::/64', 'fd00::/16'),
);
const hopLimit = (name: string): Words =>
  fc.oneof(
    plain(`${name}-set`, '0', '1', '64', '255'),
    plain(`${name}-inc`, '1', '64', '255'),
    plain(`${name}-dec`, '1', '63', '255'),
  );

/** Options by target. */
export const MORE_TARGETS: Readonly<Record<string, TargetOptions>> = {
  AUDIT: () => [plain('type', 'accept', 'drop', 'reject')],
  CHECKSUM: () => [flag('checksum-fill')],
  CLASSIFY: () => [plain('set-class', '0:0', '1:10', 'ffff:ffff', '8000:1')],
  CLUSTERIP: () => [none],
  CONNMARK: () => [connmark()],
  CONNSECMARK: () => [fc.oneof(flag('save'), flag('restore'))],
  CT: () => [
    fc.oneof(
      flag('notrack'),
      some(
        0,
        plain('ctevents', 'new', 'new,related,destroy', 'mark,secmark'),
        plain('expevents', 'new'),
        fc.oneof(
          plain('zone', '1', '65535', 'mark'),
          plain('zone-orig', '1', 'mark'),
          plain('zone-reply', '2', '0x10'),
        ),
      ),
    ),
  ],
  DNAT: (family) => [natRange('to-destination', family, true), 'tcp', 'udp'],
  DNPT: () => [prefixes],
  DSCP: () => [fc.oneof(plain('set-dscp', '0', '1', '46', '63'), plain('set-dscp-class', 'EF'))],
  ECN: () => [
    fc.oneof(
      flag('ecn-tcp-remove'),
      some(
        1,
        plain('ecn-tcp-ece', '0', '1'),
        plain('ecn-tcp-cwr', '0', '1'),
        plain('ecn-ip-ect', '0', '1', '2', '3'),
      ),
    ),
    'tcp',
  ],
  HL: () => [hopLimit('hl')],
  HMARK: (family) => [hmark(family)],
  IDLETIMER: () => [both(plain('timeout', '1', '42'), plain('label', 'a', 'b'))],
  LED: () => [both(plain('led-trigger-id', 'a', 'b c'), some(0, plain('led-delay', '0', 'inf')))],
  MASQUERADE: () => [both(PORTS, some(0, flag('random'), flag('random-fully'))), 'tcp', 'udp'],
  NETMAP: (family) => [
    family === 4 ? plain('to', '10.0.0.0/8', '192.0.2.1') : plain('to', 'fd00::/64', 'fd00::1'),
  ],
  NFLOG: () => [
    some(
      0,
      plain('nflog-group', '0', '1', '65535'),
      plain('nflog-prefix', 'a', 'two words'),
      plain('nflog-size', '0', '64'),
      plain('nflog-threshold', '0', '20'),
    ),
  ],
  NFQUEUE: () => [
    both(
      fc.oneof(plain('queue-num', '0', '65535'), plain('queue-balance', '0:3', '4:65535')),
      some(0, flag('queue-bypass')),
    ),
  ],
  NOTRACK: () => [none],
  QUEUE: () => [none],
  RATEEST: () => [
    both(
      plain('rateest-name', 'a', 'b'),
      plain('rateest-interval', '250ms', '1s', '8s'),
      plain('rateest-ewmalog', '20s', '60s'),
    ),
  ],
  REDIRECT: () => [both(PORTS, some(0, flag('random'))), 'tcp', 'udp'],
  SECMARK: () => [plain('selctx', 'system_u:object_r:firewalld_exec_t:s0', 'a')],
  SNAT: (family) => [natRange('to-source', family, false)],
  SNPT: () => [prefixes],
  SYNPROXY: () => [
    some(0, flag('sack-perm'), flag('timestamp'), plain('wscale', '0', '9'), plain('mss', '1460')),
    'tcp',
  ],
  TCPMSS: () => [plain('set-mss', '0', '536', '1220', '65495'), 'tcp -m tcp --syn'],
  TCPOPTSTRIP: () => [some(0, plain('strip-options', '2', 'mss,wscale', '8,4,5,3', '255')), 'tcp'],
  TEE: (family) => [plain('gateway', family === 4 ? '192.0.2.9' : '2001:db8::9')],
  TOS: () => [
    fc.oneof(
      plain('set-tos', '0', '0x10', '0xff', '0x1f/0x1f', 'Minimize-Delay', '5/0x3f'),
      plain('and-tos', '0', '0xfc'),
      plain('or-tos', '3', '0xff'),
      plain('xor-tos', '0', '0xff'),
    ),
  ],
  TPROXY: () => [
    both(plain('on-port', '0', '8080'), some(0, plain('tproxy-mark', ...MASKED))),
    'tcp',
    'udp',
  ],
  TRACE: () => [none],
  TTL: () => [hopLimit('ttl')],
  ULOG: () => [some(0, plain('ulog-nlgroup', '1', '32'), plain('ulog-prefix', 'a b'))],
};
