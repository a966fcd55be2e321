/** Address reading agrees with the packet layer's own reader; prefixes and tables do what they say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIpv4, parseIpv6 } from '../../src/packet/text.ts';
import {
  AddressTable,
  addressText,
  inPrefix,
  maskWord,
  networkOf,
  type Prefix,
  prefixText,
  readPrefix,
} from '../../src/topology/address.ts';

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const words4 = fc.tuple(word);
const words6 = fc.tuple(word, word, word, word);
const words = fc.oneof(words4, words6);

test('text and words are each other’s inverse', () => {
  fc.assert(
    fc.property(words, (address) => {
      expect(readPrefix(addressText(address))?.words).toEqual(address);
    }),
  );
});

test('reads what inet_pton reads, and nothing else', () => {
  const pieces = fc.array(
    fc.constantFrom('0', '1', 'ff', '::', ':', '.', '192.0.2.1', '0192.0.2.1', '255', 'g'),
    {
      maxLength: 9,
    },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((all) => all.join('')),
        fc.ipV6(),
        fc.ipV4(),
      ),
      (text) => {
        const four = parseIpv4(text);
        const expected = four !== undefined ? [four] : parseIpv6(text);
        expect(readPrefix(text)?.words).toEqual(expected === undefined ? undefined : [...expected]);
      },
    ),
    { numRuns: 2000 },
  );
});

test('mask words', () => {
  expect([0, 1, 2, 3].map((i) => maskWord(0, i))).toEqual([0, 0, 0, 0]);
  expect([0, 1, 2, 3].map((i) => maskWord(33, i))).toEqual([-1, 0x80000000 | 0, 0, 0]);
  expect([0, 1, 2, 3].map((i) => maskWord(128, i))).toEqual([-1, -1, -1, -1]);
});

test('an address is in its own network, and in that of no other bit of the prefix', () => {
  fc.assert(
    fc.property(words, fc.nat(128), fc.nat(127), (address, anyLength, anyBit) => {
      const whole = address.length * 32;
      const length = anyLength % (whole + 1);
      const network = networkOf({ family: address.length === 1 ? 4 : 6, words: address, length });
      const holds = (prefix: Prefix, of: readonly number[]): boolean =>
        inPrefix(prefix, of[0] ?? 0, of[1] ?? 0, of[2] ?? 0, of[3] ?? 0);
      expect(holds(network, address)).toBe(true);
      const bit = anyBit % whole;
      const flipped = address.map((one, i) =>
        i === bit >> 5 ? one ^ (0x80000000 >>> (bit & 31)) : one,
      );
      expect(holds(network, flipped)).toBe(bit >= length);
    }),
  );
});

test('prefix text leaves out the length of a whole address', () => {
  expect(prefixText({ family: 4, words: [0x0a000000], length: 8 })).toBe('10.0.0.0/8');
  expect(prefixText({ family: 4, words: [0x0a000001], length: 32 })).toBe('10.0.0.1');
  expect(prefixText({ family: 6, words: [0, 0, 0, 1], length: 128 })).toBe('::1');
});

test('a table finds what was added, and only that', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(words, fc.nat(3))), words, (added, other) => {
      const table = new AddressTable();
      for (const [address, device] of added) table.add(address, device);
      const get = ([w0 = 0, w1 = 0, w2 = 0, w3 = 0]: readonly number[], count: number) =>
        count === 1 ? table.get4(w0) : table.get6(w0, w1, w2, w3);
      for (const [address] of [...added, [other, 0] as const]) {
        const owners = added.filter(([one]) => String(one) === String(address));
        const devices = [...new Set(owners.map(([, device]) => device))];
        expect(get(address, address.length)?.devices).toEqual(
          devices.length === 0 ? undefined : devices,
        );
      }
    }),
  );
});
