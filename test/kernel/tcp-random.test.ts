/**
 * TCP segments drawn at random around a few connections: flags, numbers at the windows' edges, windows,
 * scaling, selective acknowledgements, both directions, drops by rules in between. The ctstate of each
 * equals the kernel's. FWREPLAY_KERNEL_SEEDS=100..400 plays other seeds.
 */
import { expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { sceneJob, stateCounters } from '../support/kernel-rules.ts';
import { buildDatagram, type SctpSpec, type TcpOptions, type TcpSpec } from '../support/packets.ts';
import { type Random, seededRandom } from '../support/random.ts';

const [FIRST = 1, LAST = 20] = (process.env.FWREPLAY_KERNEL_SEEDS ?? '1..20')
  .split('..')
  .map(Number);

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';

interface End {
  readonly address: string;
  readonly port: number;
  sequence: number;
  window: number;
}

function options(random: Random, flags: string, peer: End): TcpOptions | undefined {
  const chosen: { -readonly [K in keyof TcpOptions]: TcpOptions[K] } = {};
  if (flags.includes('S')) {
    if (random.chance(0.5)) chosen.windowScale = random.pick([0, 1, 7, 14, 15]);
    if (random.chance(0.5)) chosen.sackPermitted = true;
    if (random.chance(0.3)) chosen.mss = 1460;
  } else if (random.chance(0.2)) {
    const left = (peer.sequence + random.pick([0, 100, 3000])) >>> 0;
    chosen.sack = [[left, (left + random.pick([1, 1000, 90_000])) >>> 0]];
  }
  if (random.chance(0.1)) chosen.timestamp = [1, 1];
  return Object.keys(chosen).length === 0 ? undefined : chosen;
}

/** One segment, mostly as it should be; `from` moves on when it is. */
function segment(random: Random, from: End, to: End): Uint8Array {
  const common = ['S', 'SA', 'A', 'A', 'A', 'PA', 'PA', 'PA', 'FA', 'R', 'RA'];
  const rare = ['F', '', 'SF', 'SR', 'FPU', 'AU', 'SU', 'SE', 'SEC', 'SAE', 'FRA'];
  const flags = random.pick(random.chance(0.9) ? common : rare);
  const payload = random.chance(0.5) ? 0 : random.pick([1, 100, 1400]);
  const edges = [-1, 1, -100, 100, from.window, from.window + 1, -65_536, 65_536, 66_001, 1 << 20];
  const offset = random.chance(0.25) ? random.pick(edges) : 0;
  const acknowledged = random.chance(0.2) ? random.pick([...edges, -to.sequence]) : 0;
  if (random.chance(0.1)) from.window = random.pick([0, 1, 500, 64_240, 65_535]);
  const tcp: TcpSpec = {
    flags,
    sourcePort: from.port,
    destinationPort: to.port,
    sequence: (from.sequence + offset) >>> 0,
    acknowledgement: flags.includes('A') ? (to.sequence + acknowledged) >>> 0 : 0,
    window: from.window,
    payload,
    ...{ options: options(random, flags, to) ?? {} },
  };
  if (offset === 0) from.sequence = (from.sequence + payload + (/[SF]/.test(flags) ? 1 : 0)) >>> 0;
  return buildDatagram({ source: from.address, destination: to.address, tcp });
}

function segments(random: Random, count: number): Uint8Array[] {
  const pairs = [1, 2, 3].map((port): [End, End] => {
    const start = (): number =>
      random.pick([1000, 0xffff_fff0, 0x7fff_fff0, random.below(2 ** 31)]);
    return [
      { address: CLIENT, port, sequence: start(), window: 64_240 },
      { address: HOST, port: 80, sequence: start(), window: 64_240 },
    ];
  });
  return Array.from({ length: count }, () => {
    const [client, server] = random.pick(pairs);
    return random.chance(0.55) ? segment(random, client, server) : segment(random, server, client);
  });
}

/** Random SCTP chunks around one association. */
function chunks(random: Random, count: number): Uint8Array[] {
  const tags = { [CLIENT]: 9, [HOST]: 77 };
  return Array.from({ length: count }, () => {
    const [source, destination] = random.chance(0.5) ? [CLIENT, HOST] : [HOST, CLIENT];
    const type = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 12, 255]);
    const own = tags[source as keyof typeof tags];
    const peer = tags[destination as keyof typeof tags];
    const verificationTag = random.pick([type === 1 ? 0 : peer, peer, peer, own, 0]);
    const init = [0, 0, 0, own, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1];
    const payload = type === 1 || type === 2 ? init : random.pick([0, 4, 16]);
    const flags = random.pick([0, 0, 1]);
    const ports = source === CLIENT ? [40_000, 5000] : [5000, 40_000];
    const [sourcePort = 0, destinationPort = 0] = ports;
    const sctp: SctpSpec = {
      sourcePort,
      destinationPort,
      verificationTag,
      chunks: [{ type, flags, payload }],
    };
    return buildDatagram({ source, destination, sctp });
  });
}

/** Rules that now and then drop a segment, so that what was tracked is not confirmed. */
function dropping(random: Random): string {
  const lengths = random.pick(['41', '1440:1500', '140', '52', '999']);
  const text = stateCounters(['mangle', 'filter']);
  const rule = `-A ${random.pick(['INPUT', 'OUTPUT'])} -m length --length ${lengths} -j DROP\n`;
  return text.replace(/COMMIT\n$/, `${rule}COMMIT\n`);
}

for (let seed = FIRST; seed <= LAST; seed++) {
  test.skipIf(!kernelAvailable)(`seed ${seed}${WITHOUT_KERNEL}`, async () => {
    const random = seededRandom(seed);
    const packets = [...segments(random, 600), ...chunks(random, 80)];
    const job = sceneJob(packets, { rules4: dropping(random), rules6: undefined });
    const { differences, undecided } = await compareWithKernel(job);
    expect(differences.slice(0, 5)).toEqual([]);
    expect(undecided).toEqual([]);
  });
}
