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
