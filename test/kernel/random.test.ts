/**
 * Random rulesets against random traffic, with conntrack's memory across packets: every verdict and
 * counter equal to the kernel's. FWREPLAY_KERNEL_SEEDS=100..400 plays other seeds (default 1..40).
 */
import { expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { randomRuleset, randomTraffic } from '../support/kernel-random.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { seededRandom } from '../support/random.ts';

const [FIRST = 1, LAST = 40] = (process.env.FWREPLAY_KERNEL_SEEDS ?? '1..40')
  .split('..')
  .map(Number);

for (let seed = FIRST; seed <= LAST; seed++) {
  test.skipIf(!kernelAvailable)(`seed ${seed}${WITHOUT_KERNEL}`, async () => {
    const random = seededRandom(seed);
    const job = sceneJob([...randomTraffic(random, 4, 120), ...randomTraffic(random, 6, 120)], {
      rules4: randomRuleset(random, 4),
      rules6: randomRuleset(random, 6),
    });
    const { differences, undecided } = await compareWithKernel(job);
    expect(differences.slice(0, 8), `${job.rules4}${job.rules6}`).toEqual([]);
    expect(undecided).toEqual([]);
  });
}

// The nf_tables backend counts the same, but for packets whose transport header is cut short (its tcp
// and udp matches do not drop those by themselves), for the security table (it comes after nat), and
// for inverted port ranges from 0 or to the end, which iptables-nft 1.8.9 translates wrongly.
// Counters are read once, at the end.
const plain = (rules: string): string =>
  rules
    .replace(/^\*security\n[\s\S]*?COMMIT\n/m, '')
    .replace(/! --([sd]port) (0:65535|:1024|1024:)/g, '--$1 $2');

for (let seed = FIRST; seed <= FIRST + (LAST - FIRST) / 4; seed++) {
  test.skipIf(!kernelAvailable)(`seed ${seed} on nf_tables${WITHOUT_KERNEL}`, async () => {
    const random = seededRandom(seed);
    const job = sceneJob(
      [...randomTraffic(random, 4, 120, false), ...randomTraffic(random, 6, 120, false)],
      {
        rules4: plain(randomRuleset(random, 4)),
        rules6: plain(randomRuleset(random, 6)),
        backend: 'nft',
        perPacket: false,
      },
    );
    const { differences } = await compareWithKernel(job);
    expect(differences.slice(0, 8), `${job.rules4}${job.rules6}`).toEqual([]);
  });
}
