/**
 * Every match against a zoo of packets at every hook: all counters equal to the kernel's. Each rule
 * stands in a user chain that all hooks jump to, so that no option is refused for its chain.
 */
import { describe, expect, test } from 'vitest';
import { HOOK_NAMES, type HookName } from '../../src/ruleset/types.ts';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { CONDITIONS } from '../support/kernel-conditions.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { scattered, tame, wild } from '../support/kernel-zoo.ts';

/** The mangle table with these rules in one chain that the hooks jump to. */
function everywhere(rules: readonly string[], hooks: readonly HookName[] = HOOK_NAMES): string {
  const chains = HOOK_NAMES.map((hook) => `:${hook} ACCEPT [0:0]\n`).join('');
  const jumps = hooks.map((hook) => `-A ${hook} -j all\n`).join('');
  const body = rules.map((rule) => `-A all ${rule}\n`).join('');
  return `*mangle\n${chains}:all - [0:0]\n${jumps}${body}COMMIT\n`;
}

async function agree(
  family: 4 | 6,
  rules: readonly string[],
  packets: readonly Uint8Array[],
  hooks?: readonly HookName[],
): Promise<void> {
  const text = everywhere(rules, hooks);
  const { differences, undecided } = await compareWithKernel(
    sceneJob(packets, { rules4: undefined, rules6: undefined, [`rules${family}`]: text }),
  );
  expect(differences.slice(0, 20)).toEqual([]);
  expect(undecided).toEqual([]);
}

for (const [name, { both = [], v4 = [], v6 = [], hooks }] of Object.entries(CONDITIONS)) {
  describe(name, () => {
    for (const family of [4, 6] as const) {
      const rules = [...both, ...(family === 4 ? v4 : v6)];
      if (rules.length === 0) continue;
      test.skipIf(!kernelAvailable)(`IPv${family}, whole packets${WITHOUT_KERNEL}`, () =>
        agree(family, rules, [...tame(family), ...scattered(family)], hooks),
      );
      // A hot drop ends the walk: no more than a few rules at a time, the first one changing.
      test.skipIf(!kernelAvailable)(`IPv${family}, odd headers${WITHOUT_KERNEL}`, async () => {
        const step = Math.ceil(rules.length / 6);
        for (let first = 0; first < rules.length; first += step)
          await agree(family, rules.slice(first), wild(family), hooks);
      });
    }
  });
}
