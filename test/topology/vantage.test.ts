/** The vantage options: what is read, and what is refused with which code. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseVantage, readMac } from '../../src/topology/vantage.ts';
import { topologyOf } from './ways.ts';

const parse = (option: 'local' | 'interface' | 'route', ...texts: string[]) =>
  parseVantage({ local: [], interface: [], route: [], [option]: texts });

function codesOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error.diagnostics.map(({ code }) => code);
    throw error;
  }
  return [];
}

describe('--local', () => {
  test('addresses of both families, with and without prefix length', () => {
    expect(parse('local', '192.0.2.10,2001:db8::10', '10.0.0.1/8').local).toEqual([
      { family: 4, words: [0xc000020a | 0], length: 32 },
      { family: 6, words: [0x20010db8, 0, 0, 0x10], length: 128 },
      { family: 4, words: [0x0a000001], length: 8 },
    ]);
  });

  test('a multicast group is one that the host joined', () => {
    const { local, groups } = parse('local', '224.0.0.251,ff02::fb');
    expect(local).toEqual([]);
    expect(groups).toEqual([[0xe00000fb | 0], [0xff020000 | 0, 0, 0, 0xfb]]);
  });

  test.each([
    'example.com',
    '192.0.2',
    '192.0.2.300',
    '192.0.2.1/33',
    '2001:db8::1/129',
    '192.0.2.1/24/8',
    '192.0.2.1/',
    '192.0.2.1/-1',
    'fe80::1%eth0',
    '0.0.0.0',
    '::',
    '255.255.255.255',
    '',
    '010.0.0.1',
    '0x7f.0.0.1',
  ])('%j is refused', (text) => {
    expect(codesOf(() => parse('local', text))).toEqual(['bad-local']);
  });
});

describe('--interface', () => {
  test('name, addresses, MAC address; repeated for one name adds to it', () => {
    const texts = ['eth0=192.0.2.10/24,02:00:00:00:00:10', 'lo', 'eth0=2001:db8::10/64', 'wg0='];
    expect(parse('interface', ...texts).interfaces).toEqual([
      {
        name: 'eth0',
        mac: 0x020000000010,
        addresses: [
          { family: 4, words: [0xc000020a | 0], length: 24 },
          { family: 6, words: [0x20010db8, 0, 0, 0x10], length: 64 },
        ],
      },
      { name: 'lo', mac: undefined, addresses: [] },
      { name: 'wg0', mac: undefined, addresses: [] },
    ]);
  });

  test.each([
    '',
    '=192.0.2.1',
    'a name',
    'eth0/1',
    'eth0:1',
    'a-name-of-16-char',
    '..',
    'eth0=x',
    'eth0=,',
    'eth0=192.0.2.1/24,',
    'eth0=02:00:00:00:00',
  ])('%j is refused', (text) => {
    expect(new Set(codesOf(() => parse('interface', text)))).toEqual(new Set(['bad-interface']));
  });
});

describe('--route', () => {
  test('a network, or default for both families', () => {
    expect(parse('route', '10.0.0.0/8=eth1', 'default=eth0').routes).toEqual([
      { prefix: { family: 4, words: [0x0a000000], length: 8 }, interface: 'eth1' },
      { prefix: { family: 4, words: [0], length: 0 }, interface: 'eth0' },
      { prefix: { family: 6, words: [0, 0, 0, 0], length: 0 }, interface: 'eth0' },
    ]);
  });

  test.each([
    '10.0.0.0/8',
    '=eth0',
    '10.0.0.0/8=',
    '10.0.0.1/8=eth0',
    'ten=eth0',
    '10.0.0.0/8=a b',
  ])('%j is refused', (text) => {
    expect(codesOf(() => parse('route', text))).toEqual(['bad-route']);
  });

  test('by an interface that is not among the given ones', () => {
    const options = { local: [], interface: ['eth0', 'eth1'], route: ['default=eht0'] };
    expect(codesOf(() => parseVantage(options))).toEqual(['unknown-interface']);
  });
});

test('everything wrong is said at once', () => {
  const options = { local: ['x'], interface: [''], route: ['y'] };
  expect(codesOf(() => parseVantage(options))).toEqual(['bad-local', 'bad-interface', 'bad-route']);
});

test('MAC addresses', () => {
  expect(readMac('02:00:00:00:00:FF')).toBe(0x0200000000ff);
  expect(readMac('ff-ff-ff-ff-ff-ff')).toBe(0xffffffffffff);
  expect(readMac('2:0:0:0:0:1')).toBeUndefined();
});

test('any text gives a vantage or a UsageError', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[a-z0-9.:/=,%-]{0,40}$/),
    fc.ipV4(),
    fc.ipV6(),
  );
  fc.assert(
    fc.property(fc.constantFrom('local', 'interface', 'route'), text, (option, value) => {
      const options = { local: [], interface: [], route: [], [option]: [value] };
      expect(['', 'bad-local', 'bad-interface', 'bad-route']).toContain(
        codesOf(() => parseVantage(options))[0] ?? '',
      );
    }),
  );
});

describe('description', () => {
  test('says that no address is known', () => {
    expect(topologyOf({ interface: ['eth0'] }).description[1]).toBe(
      'no address of this host was given: packets to and from it are taken for forwarded ones; to say which: --interface NAME=ADDR/LEN',
    );
  });

  test('what was given and what is assumed', () => {
    const interfaces = ['eth0=192.0.2.10/24,2001:db8::10/64'];
    expect(topologyOf({ interface: interfaces }).description).toEqual([
      'eth0=192.0.2.10/24,2001:db8::10/64 (given)',
      'all other networks by eth0 (assumed)',
      'packets neither from nor to this host are forwarded; rp_filter and accept_local 0 (assumed)',
    ]);
  });

  test('the interface without a name', () => {
    const topology = topologyOf({ local: ['192.0.2.10', '224.0.0.251'] });
    expect(topology.interfaces).toEqual(['lo', 'eth0']);
    expect(topology.description.slice(0, 3)).toEqual([
      'eth0 (given)',
      'local 192.0.2.10 (given)',
      'joined 224.0.0.251 (given)',
    ]);
  });
});
