/**
 * The matches on headers and payload that the zoo of matches.test.ts has no packets for: IPsec, SCTP,
 * DCCP, IPv6 extension headers, TCP options, raw bytes. Counters equal to the kernel's, rule by rule.
 */
import { describe, expect, test } from 'vitest';
import { HOOK_NAMES, type HookName } from '../../src/ruleset/types.ts';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { HEADER_CONDITIONS } from '../support/kernel-header-conditions.ts';
import { headerPackets } from '../support/kernel-header-packets.ts';
import { sceneJob } from '../support/kernel-rules.ts';

function everywhere(rules: readonly string[], hooks: readonly HookName[] = HOOK_NAMES): string {
  const chains = HOOK_NAMES.map((hook) => `:${hook} ACCEPT [0:0]\n`).join('');
  const jumps = hooks.map((hook) => `-A ${hook} -j all\n`).join('');
  const body = rules.map((rule) => `-A all ${rule}\n`).join('');
  return `*mangle\n${chains}:all - [0:0]\n${jumps}${body}COMMIT\n`;
}

for (const [name, { both = [], v4 = [], v6 = [], hooks }] of Object.entries(HEADER_CONDITIONS)) {
  describe(name, () => {
    for (const family of [4, 6] as const) {
      const rules = [...both, ...(family === 4 ? v4 : v6)];
      if (rules.length === 0) continue;
      test.skipIf(!kernelAvailable)(`IPv${family}${WITHOUT_KERNEL}`, async () => {
        // A hot drop ends the walk: every rule comes to be the first of some chain.
        const step = Math.ceil(rules.length / 4);
        for (let first = 0; first < rules.length; first += step) {
          const text = everywhere(rules.slice(first), hooks);
          const { differences, undecided } = await compareWithKernel(
            sceneJob(headerPackets(family), {
              rules4: undefined,
              rules6: undefined,
              [`rules${family}`]: text,
            }),
          );
          expect(differences.slice(0, 20)).toEqual([]);
          // Negated conditions on malformed SCTP and DCCP, where the kernel counts and drops.
          expect(undecided.filter((line) => !line.includes('a negated --'))).toEqual([]);
        }
      });
    }
  });
}
