/**
 * Makes large rulesets for the benchmark, in the manner of two kinds met in practice: a packet
 * filter of address and port pairs as ClassBench makes them, and the chains of kube-proxy. Seeded:
 * the same number of rules is always the same text.
 */
import { Random } from './random.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function address(random: Random, first: number): string {
  return `${first}.${random.below(256)}.${random.below(256)}.${random.below(256)}`;
}

function prefix(random: Random): string {
  const bits = [0, 8, 16, 24, 24, 32, 32, 32][random.below(8)] ?? 32;
  const octets = address(random, 1 + random.below(223)).split('.');
  const kept = octets.map((octet, i) => (8 * i < bits ? octet : '0'));
  return `${kept.join('.')}/${bits}`;
}

function ports(random: Random): string {
  const low = 1 + random.below(65_000);
  return random.chance(0.2) ? `${low}:${low + 1 + random.below(500)}` : `${low}`;
}

/** One rule of addresses, protocol, ports and often a state. */
function filterRule(random: Random): string {
  const protocol = ['tcp', 'tcp', 'tcp', 'udp', 'icmp'][random.below(5)] ?? 'tcp';
  let rule = `-A FORWARD -s ${prefix(random)} -d ${prefix(random)} -p ${protocol}`;
  if (protocol !== 'icmp') rule += ` -m ${protocol} --dport ${ports(random)}`;
  if (random.chance(0.3)) rule += ' -m conntrack --ctstate NEW,ESTABLISHED';
  return `${rule} -j ${random.chance(0.7) ? 'ACCEPT' : 'DROP'}`;
}

/** A file of iptables-save with one long chain. */
export function filterRuleset(rules: number): string {
  const random = new Random(1);
  const lines = Array.from({ length: rules }, () => filterRule(random));
  return [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ...lines,
    'COMMIT',
    '',
  ].join('\n');
}

const BACKENDS = 2;

/** The chains and rules of one service with its backends. */
function service(random: Random, number: number): { chains: string[]; rules: string[] } {
  const hash = (): string => Array.from({ length: 16 }, () => LETTERS[random.below(32)]).join('');
  const ip = address(random, 10);
  const name = `team-${number % 97}/service-${number}:http`;
  const chain = `KUBE-SVC-${hash()}`;
  const chains = [chain];
  const at = `-d ${ip}/32 -p tcp -m comment --comment "${name} cluster IP" -m tcp --dport 80`;
  const rules = [
    `-A KUBE-SERVICES ${at} -j ${chain}`,
    `-A ${chain} ! -s 10.244.0.0/16 ${at} -j KUBE-MARK-MASQ`,
  ];
  for (let i = 0; i < BACKENDS; i++) {
    const backend = address(random, 10);
    const end = `KUBE-SEP-${hash()}`;
    chains.push(end);
    const odds =
      i + 1 < BACKENDS
        ? ` -m statistic --mode random --probability ${(1 / (BACKENDS - i)).toFixed(11)}`
        : '';
    rules.push(
      `-A ${chain} -m comment --comment "${name} -> ${backend}:8080"${odds} -j ${end}`,
      `-A ${end} -s ${backend}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`,
      `-A ${end} -p tcp -m comment --comment "${name}" -m tcp -j DNAT --to-destination ${backend}:8080`,
    );
  }
  return { chains, rules };
}

/** A nat table as kube-proxy writes it, of about so many rules. */
export function kubeRuleset(rules: number): string {
  const random = new Random(2);
  const count = Math.ceil(rules / (2 + 3 * BACKENDS));
  const services = Array.from({ length: count }, (_, i) => service(random, i));
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-MARK-MASQ - [0:0]',
    ...services.flatMap(({ chains }) => chains.map((chain) => `:${chain} - [0:0]`)),
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    ...services.flatMap((each) => each.rules),
    'COMMIT',
    '',
  ].join('\n');
}
