/**
 * Random rulesets and random traffic for the comparison with the kernel. The same seed gives the same
 * case. Rulesets use every condition of kernel-conditions.ts; traffic is conversations that mostly go
 * as they should, with retransmissions, wrong numbers, errors and fragments between.
 */
import { BUILTIN_CHAINS, type TableName } from '../../src/ruleset/types.ts';
import { CONDITIONS } from './kernel-conditions.ts';
import { buildDatagram, type DatagramSpec, fragmentDatagram, type TcpSpec } from './packets.ts';
import type { Random } from './random.ts';

type Family = 4 | 6;

/** Conditions that any chain takes and that do not hang on the clock's exact second. */
function conditionsOf(family: Family): { free: string[]; withProtocol: string[] } {
  const free: string[] = [];
  const withProtocol: string[] = [];
  for (const { both = [], v4 = [], v6 = [], hooks } of Object.values(CONDITIONS)) {
    if (hooks !== undefined) continue;
    for (const text of [...both, ...(family === 4 ? v4 : v6)]) {
      if (/ -j |^-[io] |! -[io] |-o |ctexpire|^-f|^! -f/.test(text)) continue;
      (/(^|\s)-p /.test(text) ? withProtocol : free).push(text);
    }
  }
  return { free, withProtocol };
}

const INTERFACES: Readonly<Record<string, readonly string[]>> = {
  PREROUTING: ['-i eth0', '-i eth1', '! -i lo'],
  INPUT: ['-i eth0', '-i lo', '! -i eth+'],
  FORWARD: ['-i eth0', '-o eth0', '-i eth1 -o eth0', '! -o eth1'],
  OUTPUT: ['-o eth0', '-o lo', '! -o eth1'],
  POSTROUTING: ['-o eth0', '-o lo', '! -o eth+'],
};

const REJECT: Readonly<Record<Family, readonly string[]>> = {
  4: ['icmp-port-unreachable', 'icmp-net-prohibited', 'icmp-admin-prohibited'],
  6: ['icmp6-port-unreachable', 'icmp6-adm-prohibited', 'icmp6-no-route'],
};

function randomTarget(
  random: Random,
  table: TableName,
  family: Family,
  condition: string,
  chains: readonly string[],
): string {
  const choices: (() => string)[] = [
    () => '',
    () => ' -j ACCEPT',
    () => ' -j DROP',
    () => ' -j RETURN',
    () => ' -j LOG --log-prefix "-j DROP "',
  ];
  if (chains.length > 0) {
    choices.push(
      () => ` -j ${random.pick(chains)}`,
      () => ` -j ${random.pick(chains)}`,
      () => ` -g ${random.pick(chains)}`,
    );
  }
  if (table === 'mangle')
    choices.push(() => ` -j MARK --set-xmark ${random.below(16)}/${random.below(16)}`);
  if (table === 'filter') {
    choices.push(() => ` -j REJECT --reject-with ${random.pick(REJECT[family])}`);
    if (condition.startsWith('-p tcp ')) choices.push(() => ' -j REJECT --reject-with tcp-reset');
  }
  return random.pick(choices)();
}

/** A ruleset of random tables, chains and rules, as iptables-save writes it. */
export function randomRuleset(random: Random, family: Family): string {
  const { free, withProtocol } = conditionsOf(family);
  let text = '';
  for (const table of ['raw', 'mangle', 'nat', 'filter', 'security'] as const) {
    if (table !== 'filter' && random.chance(0.5)) continue;
    const user = Array.from({ length: random.below(4) }, (_, i) => `chain${i}`);
    text += `*${table}\n`;
    for (const chain of BUILTIN_CHAINS[table]) {
      const drop = table === 'filter' && random.chance(0.2);
      text += `:${chain} ${drop ? 'DROP' : 'ACCEPT'} [0:0]\n`;
    }
    text += user.map((chain) => `:${chain} - [0:0]\n`).join('');
    for (const chain of [...BUILTIN_CHAINS[table], ...user]) {
      // A chain calls only later ones, so that there is no loop.
      const callable = user.filter((other) => !user.includes(chain) || other > chain);
      for (let left = random.below(6); left > 0; left--) {
        const conditions: string[] = [];
        if (random.chance(0.6)) conditions.push(random.pick(withProtocol));
        if (random.chance(0.6)) conditions.push(random.pick(free));
        if (random.chance(0.2)) conditions.push(random.pick(INTERFACES[chain] ?? ['']));
        const condition = conditions.join(' ');
        // Only one -s and one -d can be given.
        if ((condition.match(/(^|\s)-[sd] /g) ?? []).length > 2) continue;
        const target = randomTarget(random, table, family, condition, callable);
        // The nat table's rules decide about the first packet only; DROP there is refused.
        if (table === 'nat' && target === ' -j DROP') continue;
        text += `-A ${chain} ${condition}${target}\n`;
      }
    }
    text += 'COMMIT\n';
  }
  return text;
}

interface Side {
  readonly address: string;
  readonly port: number;
  sequence: number;
}

/** A TCP conversation that goes on by itself. */
class Talk {
  private step = 0;
  private readonly left: Side;
  private readonly right: Side;
  constructor(random: Random, source: string, destination: string) {
    const sequence = (): number => random.below(2 ** 31) * 2;
    this.left = { address: source, port: 1024 + random.below(200), sequence: sequence() };
    this.right = {
      address: destination,
      port: random.pick([22, 80, 443, 25]),
      sequence: sequence(),
    };
    if (random.chance(0.15)) this.step = 3;
  }

  next(random: Random): DatagramSpec {
    const { left, right } = this;
    const step = this.step++;
    if (step === 0) return this.segment(left, right, 'S', 0, random);
    if (step === 1) return this.segment(right, left, 'SA', 0, random);
    if (step === 2) return this.segment(left, right, 'A', 0, random);
    const [from, to] = random.chance(0.5) ? [left, right] : [right, left];
    const roll = random.below(100);
    if (roll < 50) return this.segment(from, to, 'PA', random.below(1400), random);
    if (roll < 75) return this.segment(from, to, 'A', 0, random);
    if (roll < 85) return this.segment(from, to, 'FA', 0, random);
    if (roll < 90) return this.segment(from, to, random.pick(['R', 'RA']), 0, random);
    this.step = 0;
    return this.segment(from, to, random.pick(['S', 'SA', 'F', '', 'SF', 'U']), 0, random);
  }

  private segment(
    from: Side,
    to: Side,
    flags: string,
    payload: number,
    random: Random,
  ): DatagramSpec {
    // Now and then a number is off: repeated, ahead, or beyond any window.
    const offset = random.chance(0.12) ? random.pick([-1, -500, 1, 700, 90_000, -90_000]) : 0;
    const tcp: TcpSpec = {
      flags,
      sourcePort: from.port,
      destinationPort: to.port,
      sequence: (from.sequence + offset) >>> 0,
      acknowledgement: flags.includes('A') ? to.sequence : 0,
      window: random.pick([64240, 500, 0]),
      payload,
      ...(flags.startsWith('S') && random.chance(0.5)
        ? { options: { windowScale: 7, sackPermitted: true } }
        : {}),
    };
    if (offset === 0)
      from.sequence = (from.sequence + payload + (/[SF]/.test(flags) ? 1 : 0)) >>> 0;
    return { source: from.address, destination: to.address, tcp };
  }
}

const HOSTS: Readonly<Record<Family, readonly string[]>> = {
  4: ['192.0.2.1', '198.51.100.9', '198.51.100.10', '192.0.2.9', '203.0.113.1', '203.0.113.9'],
  6: ['2001:db8:1::1', '2001:db8:c::9', '2001:db8:c::10', '2001:db8:1::9', '2001:db8:2::1'],
};

/** True for the firewall's own addresses. */
function isOwn(address: string): boolean {
  return [
    '192.0.2.1',
    '203.0.113.1',
    '2001:db8:1::1',
    '2001:db8:2::1',
    '127.0.0.1',
    '::1',
  ].includes(address);
}

function randomPair(random: Random, family: Family): [string, string] {
  const hosts = HOSTS[family];
  const loopback = family === 4 ? '127.0.0.1' : '::1';
  if (random.chance(0.08)) return [loopback, loopback];
  const source = random.pick(hosts);
  const rest = hosts.filter((host) => host !== source);
  return [source, random.pick(rest)];
}

function randomDatagram(random: Random, family: Family, malformed: boolean): DatagramSpec {
  const [source, destination] = randomPair(random, family);
  const ends = { source, destination };
  const roll = random.below(100);
  const port = (): number => random.pick([53, 53, 123, 1000, 1001]);
  if (roll < 40)
    return {
      ...ends,
      udp: { sourcePort: port(), destinationPort: port(), payload: random.below(60) },
    };
  if (roll < 60) {
    const types = family === 4 ? [8, 8, 0, 0, 13, 14, 3] : [128, 128, 129, 129, 135, 1, 143];
    const id = random.below(3);
    return { ...ends, icmp: { type: random.pick(types), id, payload: 8 } };
  }
  if (roll < 70) return { ...ends, protocol: random.pick([2, 47, 50, 253]), payload: 24 };
  if (roll < 80) return { ...ends, ttl: random.pick([0, 1, 2, 255]), udp: {} };
  if (!malformed) return { ...ends, udp: { checksum: 'bad' } };
  const broken = random.pick<Partial<DatagramSpec>>([
    { tcp: { flags: 'S', checksum: 'bad' } },
    { udp: { checksum: 'bad' } },
    { protocol: 6, payload: random.below(20) },
    { protocol: 17, payload: random.below(8) },
    { udp: { length: 5 } },
    {
      tcp: { flags: random.pick(['A', 'SA', 'R', 'FPU', '']), dataOffset: random.pick([4, 5, 9]) },
    },
  ]);
  return { ...ends, ...broken };
}

/**
 * Random traffic of a family: datagrams and fragments in order.
 * @param malformed with transport headers that are cut short, too
 */
export function randomTraffic(
  random: Random,
  family: Family,
  count: number,
  malformed = true,
): Uint8Array[] {
  const talks = Array.from({ length: 4 }, () => new Talk(random, ...randomPair(random, family)));
  const packets: Uint8Array[] = [];
  const seen: { spec: DatagramSpec; bytes: Uint8Array }[] = [];
  while (packets.length < count) {
    if (random.chance(0.05))
      talks[random.below(talks.length)] = new Talk(random, ...randomPair(random, family));
    const roll = random.below(100);
    if (roll < 10 && seen.length > 0) {
      const { spec, bytes } = random.pick(seen);
      const type = family === 4 ? random.pick([3, 11, 12]) : random.pick([1, 3]);
      const source = random.chance(0.7) ? spec.destination : random.pick(HOSTS[family]);
      if (source === spec.source) continue;
      const icmp = { type, code: random.below(5), rest: 0, payload: bytes.slice(0, 60) };
      packets.push(buildDatagram({ source, destination: spec.source, icmp }));
      continue;
    }
    const spec =
      roll < 60 ? random.pick(talks).next(random) : randomDatagram(random, family, malformed);
    const bytes = buildDatagram(spec);
    seen.push({ spec, bytes });
    // Between a host's own addresses nothing is fragmented: the MTU of lo is 65,536.
    const own = isOwn(spec.source) && isOwn(spec.destination);
    if (random.chance(0.06) && bytes.length > 80 && !own) {
      packets.push(...fragmentDatagram(bytes, 24, packets.length + 1));
      continue;
    }
    packets.push(bytes);
    if (random.chance(0.05)) packets.push(bytes);
  }
  return packets;
}
