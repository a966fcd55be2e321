/**
 * Random options of the matches on headers and payload, against packets made for them and random ones:
 * every counter equal to the kernel's. FWREPLAY_KERNEL_SEEDS=100..400 plays other seeds (1..6).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findMatch } from '../../src/match/registry.ts';
import { HOOK_NAMES } from '../../src/ruleset/types.ts';
import { arbitraryMatchNamed, arbitraryPacket } from '../match/arbitraries.ts';
import { HEADER_MATCHES, NOT_EVERYWHERE_HEADERS } from '../match/arbitraries-headers.ts';
import { parseContext } from '../match/examples.ts';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { headerPackets } from '../support/kernel-header-packets.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { buildDatagram } from '../support/packets.ts';

const [FIRST = 1, LAST = 6] = (process.env.FWREPLAY_KERNEL_SEEDS ?? '1..6').split('..').map(Number);

/** Rules of one match each, some for every match that any chain takes. */
function randomRules(family: 4 | 6, seed: number): string[] {
  return Object.keys(HEADER_MATCHES).flatMap((name) => {
    const match = findMatch(name, family);
    if (match === undefined || NOT_EVERYWHERE_HEADERS.includes(name)) return [];
    return fc.sample(arbitraryMatchNamed(name, family), { seed, numRuns: 4 }).map((written) => {
      const protocol = written.protocol === '' ? '' : `-p ${written.protocol}`;
      const { text } = match.bind(written.uses, parseContext(family, protocol));
      return `${protocol} ${text}`.trim();
    });
  });
}

/** Ways through the router of kernel-rules.ts, which the packets' own addresses are not. */
const ENDS = {
  4: { source: '198.51.100.9', destination: '192.0.2.1' },
  6: { source: '2001:db8:c::9', destination: '2001:db8:1::1' },
} as const;

for (let seed = FIRST; seed <= LAST; seed++) {
  for (const family of [4, 6] as const) {
    test.skipIf(!kernelAvailable)(`IPv${family}, seed ${seed}${WITHOUT_KERNEL}`, async () => {
      const random = fc
        .sample(arbitraryPacket(family), { seed, numRuns: 150 })
        // Fragments of different datagrams must not meet in reassembly.
        .map((spec, i) => ({ ...spec, ...ENDS[family], ttl: 64, ...(family === 4 && { id: i }) }))
        .map(buildDatagram);
      const rules = randomRules(family, seed);
      // A hot drop ends the walk: once in this order, once in the other.
      for (const order of [rules, [...rules].reverse()]) {
        const chains = HOOK_NAMES.map((hook) => `:${hook} ACCEPT [0:0]\n`).join('');
        const jumps = HOOK_NAMES.map((hook) => `-A ${hook} -j all\n`).join('');
        const body = order.map((rule) => `-A all ${rule}\n`).join('');
        const text = `*mangle\n${chains}:all - [0:0]\n${jumps}${body}COMMIT\n`;
        const { differences, undecided } = await compareWithKernel(
          sceneJob([...random, ...headerPackets(family)], {
            rules4: undefined,
            rules6: undefined,
            [`rules${family}`]: text,
          }),
        );
        expect(differences.slice(0, 8), body).toEqual([]);
        // A fragment that is one of those leaves the others of its datagram undecided.
        const accounted = /a negated --|other fragments of its datagram may have come/;
        expect(undecided.filter((line) => !accounted.test(line))).toEqual([]);
      }
    });
  }
}
