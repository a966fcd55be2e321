/**
 * The tutorial's scripts, run by the real commands in a namespace and read by us: the same rules with
 * the same counters after each capture, packet by packet; the same output of -S and -L; and where
 * iptables refuses, we refuse.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { kernelAvailable, playInKernel, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { repositoryRoot } from '../support/shared-data.ts';

const TUTORIAL = join(repositoryRoot, 'scenarios', 'tutorial');
const scripts = readdirSync(TUTORIAL).filter((name) => name.endsWith('.sh'));
const quirks = readdirSync(join(TUTORIAL, 'quirks')).filter((name) => name.endsWith('.sh'));

const SERVER = {
  interfaces: [
    { name: 'eth0', addresses: ['192.0.2.10/24', '2001:db8:5::10/64'] },
    { name: 'lo', addresses: ['127.0.0.1/8', '::1/128'] },
  ],
} as const;
const TRAFFIC = ['mixed.pcap.gz', 'outgoing.pcap', 'scan.pcap'];

describe('scripts on captures', () => {
  for (const name of scripts) {
    test.skipIf(!kernelAvailable)(`${name}${WITHOUT_KERNEL}`, async () => {
      const script = readFileSync(join(TUTORIAL, name), 'utf8');
      for (const capture of TRAFFIC) {
        const job = { ...SERVER, script, capture: join(repositoryRoot, 'captures', capture) };
        const { kernel, differences, undecided } = await compareWithKernel(job);
        expect(kernel.script?.stderr).toBe('');
        expect(differences.slice(0, 10), capture).toEqual([]);
        expect(undecided).toEqual([]);
      }
    });
  }
});

describe('what the scripts print', () => {
  for (const name of scripts) {
    test.skipIf(!kernelAvailable)(`${name}${WITHOUT_KERNEL}`, async () => {
      const script = readFileSync(join(TUTORIAL, name), 'utf8');
      const kernel = await playInKernel({ ...SERVER, script, packets: [] });
      const { outputs } = loadRuleset([{ text: script, file: name }]);
      // The tool's comments tell its version and the time.
      const plain = (text: string): string => text.replace(/^#.*\n/gm, '');
      expect(outputs.map(({ text }) => plain(text)).join('')).toBe(
        plain(kernel.script?.stdout ?? ''),
      );
    });
  }
});

describe('scripts that iptables refuses', () => {
  for (const name of quirks) {
    test.skipIf(!kernelAvailable)(`${name}${WITHOUT_KERNEL}`, async () => {
      const script = readFileSync(join(TUTORIAL, 'quirks', name), 'utf8');
      const kernel = await playInKernel({ ...SERVER, script, packets: [] });
      expect(kernel.script?.status).not.toBe(0);
      const load = (): unknown => loadRuleset([{ text: script, file: name }]);
      expect(load).toThrow(RulesetError);
    });
  }
});
