/**
 * The same traffic in other link layers: the same outcomes where they hold the same facts; where one
 * lacks the MAC addresses, undecided or the same. Whatever the lost addresses were.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ROUTER } from '../support/kernel-rules.ts';
import { type Random, seededRandom } from '../support/random.ts';
import { contradictions, play, rulesetOf } from './play.ts';
import { randomScenario, type Scenario, type TimedFrame } from './scenario.ts';

const RUNS = Number(process.env.FWREPLAY_PROPERTY_RUNS ?? 12);
const RAW = 101;
const SLL = 113;
const SLL2 = 276;

type Wrap = (frame: TimedFrame) => Uint8Array;

const payload = ({ bytes }: TimedFrame): Uint8Array => bytes.subarray(14);
const joined = (head: readonly number[], ...rest: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from([...head, ...rest.flatMap((part) => [...part])]);

/** As the host's own addresses and the destination say. */
function packetType({ bytes, interfaceId }: TimedFrame): number {
  const macs = ROUTER.interfaces.flatMap((one) => ('mac' in one ? [one.mac] : []));
  const text = (at: number): string =>
    [...bytes.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  if (macs[interfaceId] === text(6)) return 4;
  if (text(0) === 'ff:ff:ff:ff:ff:ff') return 1;
  return ((bytes[0] ?? 0) & 1) !== 0 ? 2 : 0;
}

const vlanZero: Wrap = ({ bytes }) =>
  joined([...bytes.subarray(0, 12), 0x81, 0, 0, 0], bytes.subarray(12));
const sll: Wrap = (frame) =>
  joined(
    [0, packetType(frame), 0, 1, 0, 6, ...frame.bytes.subarray(6, 12), 0, 0],
    frame.bytes.subarray(12),
  );
// Interface index 1 is lo.
const sll2: Wrap = (frame) =>
  joined(
    [...frame.bytes.subarray(12, 14), 0, 0, 0, 0, 0, frame.interfaceId + 2, 0, 1],
    Uint8Array.of(packetType(frame), 6, ...frame.bytes.subarray(6, 12), 0, 0),
    payload(frame),
  );

/** Rules that look at MAC addresses before conntrack, so that all the rest hangs on them. */
function withMacRules(rules: Scenario['rules'], random: Random): Scenario['rules'] {
  const line = (): string =>
    `-A PREROUTING ${random.pick(['', '-p udp ', '-p tcp '])}-m mac --mac-source ` +
    `02:00:00:00:01:0${random.below(3)} -j ${random.pick(['DROP', 'ACCEPT', 'LOG'])}\n`;
  const raw = (): string =>
    `*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n${line()}${random.chance(0.5) ? line() : ''}COMMIT\n`;
  const replaced = (text: string): string => raw() + text.replace(/^\*raw\n[^*]*?COMMIT\n/m, '');
  return { 4: replaced(rules[4]), 6: replaced(rules[6]) };
}

/** Neighbours with several addresses. Without loopback, which has no such addresses. */
function scenario(seed: number, macRules: boolean) {
  const random = seededRandom(seed);
  const { rules, frames } = randomScenario(random);
  const changed = frames
    .filter(({ interfaceId }) => interfaceId < 2)
    .map((frame) => {
      const bytes = frame.bytes.slice();
      // The last byte of a neighbour's address 02:00:00:00:01:00.
      if (bytes[10] === 1) bytes[11] = random.below(3);
      return { ...frame, bytes };
    });
  return { rules: macRules ? withMacRules(rules, random) : rules, frames: changed };
}

test.each([
  ['a priority tag (VLAN 0)', 1, vlanZero],
  ['Linux cooked (SLL)', SLL, sll],
  ['Linux cooked, version 2 (SLL2)', SLL2, sll2],
] as const)('%s gives the same', (_name, linkType, wrap) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { rules, frames } = scenario(seed, false);
      const ruleset = rulesetOf(rules);
      const wrapped = frames.map((frame) => ({ ...frame, bytes: wrap(frame) }));
      const ethernet = play(ruleset, frames);
      const other = play(ruleset, wrapped, () => ({ linkType }));
      expect(contradictions(ethernet, other)).toEqual([]);
      expect(contradictions(other, ethernet)).toEqual([]);
    }),
    { seed: 41, numRuns: RUNS },
  );
});

test.each([false, true])('RAW is undecided, or says the same (MAC rules everywhere: %s)', (mac) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { rules, frames } = scenario(seed, mac);
      const ruleset = rulesetOf(rules);
      const bare = frames.map((frame) => ({ ...frame, bytes: payload(frame) }));
      const raw = play(ruleset, bare, () => ({ linkType: RAW }));
      expect(contradictions(play(ruleset, frames), raw)).toEqual([]);
    }),
    { seed: 42, numRuns: RUNS * 2 },
  );
});
