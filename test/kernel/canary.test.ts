/** A comparison that cannot fail proves nothing: with a wrong rule on our side it must find the fault. */
import { expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { tame } from '../support/kernel-zoo.ts';

const filter = (rule: string): string =>
  `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rule}\nCOMMIT\n`;

const MUTANTS: Readonly<Record<string, readonly [right: string, wrong: string]>> = {
  'another port': ['-A INPUT -p tcp --dport 22 -j DROP', '-A INPUT -p tcp --dport 23 -j DROP'],
  'another answer': ['-A INPUT -j REJECT', '-A INPUT -j DROP'],
  'another chain': ['-A FORWARD -p udp', '-A OUTPUT -p udp'],
  'another ctstate': [
    '-A INPUT -m conntrack --ctstate NEW',
    '-A INPUT -m conntrack --ctstate ESTABLISHED',
  ],
  'one byte less': ['-A INPUT -m length --length 0:40', '-A INPUT -m length --length 0:39'],
};

for (const [title, [right, wrong]] of Object.entries(MUTANTS)) {
  test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
    const job = sceneJob(tame(4), { rules4: filter(right), rules6: undefined });
    const agreed = await compareWithKernel(job);
    expect(agreed.differences).toEqual([]);
    const { differences } = await compareWithKernel(job, { rules4: filter(wrong) });
    expect(differences).not.toEqual([]);
  });
}
