/**
 * Random rulesets and random traffic for the metamorphic tests: a router, dialogues of all protocols
 * in both directions, ICMP errors, fragments in and out of order, extension headers, groups and
 * broadcasts, with gaps in time around the timeouts. The same seed gives the same scenario.
 */

import { randomRuleset, randomTraffic } from '../support/kernel-random.ts';
import { ROUTER } from '../support/kernel-rules.ts';
import { onTheWire } from '../support/kernel-wire.ts';
import { buildDatagram, type DatagramSpec, fragmentDatagram } from '../support/packets.ts';
import type { Random } from '../support/random.ts';

type Family = 4 | 6;

/** A frame as captured on the router. */
export interface TimedFrame {
  /** An Ethernet frame. */
  readonly bytes: Uint8Array;
  /** Index of its interface: eth0, eth1, lo. */
  readonly interfaceId: number;
  readonly timeSeconds: number;
  readonly timeNanoseconds: number;
  /** Bytes captured; all when absent. */
  readonly capturedLength?: number;
}

/** Rulesets and traffic. */
export interface Scenario {
  readonly rules: Readonly<Record<Family, string>>;
  readonly frames: readonly TimedFrame[];
}

export const INTERFACES: readonly string[] = ['eth0', 'eth1', 'lo'];

/** The router as the command line takes it. */
export const ROUTER_OPTIONS = {
  interface: ROUTER.interfaces
    .filter(({ name }) => name !== 'lo')
    .map((one) =>
      [`${one.name}=${one.addresses.join(',')}`, 'mac' in one ? one.mac : ''].join(','),
    ),
  route: [...ROUTER.routes],
};

const LIMITS = [
  '-m limit --limit 1/s --limit-burst 2',
  '-p udp -m limit --limit 10/min --limit-burst 1',
  '-p tcp -m limit --limit 5/s',
  '-m conntrack --ctstate NEW -m limit --limit 1/s --limit-burst 1',
];
const INTO_HOST = [
  '-m mac --mac-source 02:00:00:00:01:00',
  '-m mac ! --mac-source 02:00:00:00:01:00',
  '-m pkttype --pkt-type unicast',
];
const TARGETS = ['', ' -j ACCEPT', ' -j DROP', ' -j LOG'];

/** Rules that random rulesets lack: limits, MAC addresses, fragments. */
function extraLine(random: Random, family: Family, table: string): string {
  const into = { raw: 'PREROUTING', mangle: 'PREROUTING', nat: 'PREROUTING' }[table] ?? 'INPUT';
  const out = table === 'nat' || table === 'mangle' ? 'POSTROUTING' : 'OUTPUT';
  const roll = random.below(4);
  const target = random.pick(table === 'nat' ? ['', ' -j LOG'] : TARGETS);
  if (roll === 0) return `-A ${into} ${random.pick(INTO_HOST)}${target}\n`;
  if (roll === 1 && family === 4) return `-A ${random.pick([into, out])} -f${target}\n`;
  return `-A ${random.pick([into, out])} ${random.pick(LIMITS)}${target}\n`;
}

/** A random ruleset of a family. @param limits with -m limit rules too */
export function randomRules(random: Random, family: Family, limits = true): string {
  const text = randomRuleset(random, family);
  if (!limits) return text;
  return text.replace(/^\*(\w+)\n(?:[^*]*?)COMMIT\n/gm, (block, table: string) => {
    const lines = Array.from({ length: random.below(3) }, () => extraLine(random, family, table));
    return block.replace(/COMMIT\n$/, `${lines.join('')}COMMIT\n`);
  });
}

const OWN: Readonly<Record<Family, string>> = { 4: '192.0.2.1', 6: '2001:db8:1::1' };
const PEER: Readonly<Record<Family, string>> = { 4: '192.0.2.9', 6: '2001:db8:1::9' };
const GROUPS: Readonly<Record<Family, readonly string[]>> = {
  4: ['192.0.2.255', '255.255.255.255', '224.0.0.1', '239.1.2.3'],
  6: ['ff02::1', 'ff05::2'],
};
const HEADERS: readonly NonNullable<DatagramSpec['extensionHeaders']>[] = [
  [{ type: 0, body: [1, 4, 0, 0, 0, 0] }],
  [{ type: 60, body: [1, 4, 0, 0, 0, 0] }],
  [
    { type: 60, body: [1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
    { type: 51, body: [0, 0, 0, 0, 0, 1] },
  ],
  [{ type: 43, body: [0, 0, 0, 0, 0, 0] }],
];

/** Datagrams that random traffic lacks. */
function oddPackets(random: Random, family: Family, id: number): Uint8Array[] {
  const inward = random.chance(0.6);
  const source = inward ? PEER[family] : OWN[family];
  const destination = inward ? OWN[family] : PEER[family];
  const ports = { sourcePort: random.pick([53, 1000]), destinationPort: random.pick([53, 1000]) };
  const roll = random.below(5);
  if (roll === 0)
    return [buildDatagram({ source, destination: random.pick(GROUPS[family]), udp: ports })];
  if (roll === 1) {
    const sctp = {
      sourcePort: 5000,
      destinationPort: 5001,
      verificationTag: random.below(2),
      chunks: [{ type: random.pick([0, 1, 2, 4, 10]), payload: 16 }],
    };
    return [buildDatagram({ source, destination, sctp })];
  }
  if (roll === 2) {
    const more =
      family === 6
        ? { extensionHeaders: random.pick(HEADERS) }
        : {
            ipOptions: random.pick([
              [1, 1, 1, 0],
              [7, 7, 4, 0, 0, 0, 0],
              [148, 4, 0, 0],
            ]),
          };
    const tcp = { flags: random.pick(['S', 'SA', 'A']), ...ports };
    return [
      buildDatagram({
        source,
        destination,
        ...more,
        ...(random.chance(0.5) ? { tcp } : { udp: ports }),
      }),
    ];
  }
  const body = random.chance(0.5)
    ? { udp: { ...ports, payload: 40 } }
    : { icmp: { type: family === 4 ? 8 : 128, id: random.below(2), payload: 40 } };
  const pieces = fragmentDatagram(buildDatagram({ source, destination, ...body }), 16, id);
  if (random.chance(0.4)) pieces.reverse();
  if (random.chance(0.3)) pieces.splice(random.below(pieces.length), 1);
  return pieces;
}

const GAPS = [0, 1_000, 4_000_000, 90_000_000, 700_000_000];
const LONG_GAPS = [2, 3, 11, 30, 31, 121, 601];

/** Random frames of the families. */
export function randomFrames(
  random: Random,
  families: readonly Family[],
  count: number,
): TimedFrame[] {
  const datagrams: Uint8Array[] = [];
  for (const family of families) {
    const usual = randomTraffic(random, family, count / families.length);
    let id = 1000;
    for (const bytes of usual) {
      // Talks of both families go on at the same time.
      const at = random.below(datagrams.length + 1);
      const place = family === 4 ? datagrams.length : Math.max(at, datagrams.length - 40);
      const odd = random.chance(0.2) ? oddPackets(random, family, id++) : [];
      datagrams.splice(place, 0, bytes, ...odd);
    }
  }
  let seconds = 1_700_000_000;
  let nanoseconds = 0;
  return datagrams.map((datagram) => {
    nanoseconds += random.pick(GAPS);
    if (random.chance(0.05)) seconds += random.pick(LONG_GAPS);
    if (nanoseconds >= 1e9) {
      nanoseconds -= 1e9;
      seconds += 1;
    }
    const wire = onTheWire(datagram, ROUTER);
    const interfaceId = Math.max(0, INTERFACES.indexOf(wire.interface ?? ''));
    return { bytes: wire.bytes, interfaceId, timeSeconds: seconds, timeNanoseconds: nanoseconds };
  });
}

/** A whole scenario of both families. */
export function randomScenario(random: Random, count = 60, limits = true): Scenario {
  const rules = { 4: randomRules(random, 4, limits), 6: randomRules(random, 6, limits) };
  return { rules, frames: randomFrames(random, [4, 6], count) };
}
