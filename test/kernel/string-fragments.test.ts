/**
 * -m string over reassembled datagrams: kmp finds what spans two fragments, bm does not. Texts at
 * offsets before, on and behind the borders; fragments in order and not.
 */
import { expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { buildDatagram, fragmentDatagram } from '../support/packets.ts';

const SIZE = 48;
const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'];
const RULES = [
  ...['bm', 'kmp'].flatMap((algorithm) => [
    `-m string --string GETGOT --algo ${algorithm}`,
    `-m string --string TG --algo ${algorithm}`,
    `-m string --string OTyy --algo ${algorithm}`,
    `-m string --string getgot --icase --algo ${algorithm} --from 60`,
    `-m string --string GETGOT --algo ${algorithm} --to 80`,
  ]),
  '-m u32 --u32 "66=0:0xffffffff"',
  '-m bpf --bytecode "4,32 0 0 66,53 0 1 2021161080,6 0 0 1,6 0 0 0"',
  // Makes the kernel reassemble.
  '-m conntrack --ctstate NEW',
];
const WAYS = {
  4: [
    { source: '198.51.100.9', destination: '192.0.2.1' },
    { source: '198.51.100.9', destination: '192.0.2.9' },
  ],
  6: [
    { source: '2001:db8:c::9', destination: '2001:db8:1::1' },
    { source: '2001:db8:c::9', destination: '2001:db8:1::9' },
  ],
} as const;

for (const family of [4, 6] as const) {
  test.skipIf(!kernelAvailable)(`IPv${family}${WITHOUT_KERNEL}`, async () => {
    const packets: Uint8Array[] = [];
    for (const way of WAYS[family]) {
      for (const at of [20, 34, 35, 37, 39, 40, 41, 62, 85, 500]) {
        const payload = `${'x'.repeat(at)}GETGOT${'y'.repeat(60)}`;
        const whole = buildDatagram({ ...way, udp: { destinationPort: 9, payload } });
        const id = packets.length + 1;
        packets.push(...fragmentDatagram(whole, SIZE, id));
        packets.push(...fragmentDatagram(whole, SIZE, id + 1000).reverse());
      }
    }
    const chains = HOOKS.map((hook) => `:${hook} ACCEPT [0:0]\n`).join('');
    const body = HOOKS.flatMap((hook) => RULES.map((rule) => `-A ${hook} ${rule}\n`)).join('');
    const { differences, undecided } = await compareWithKernel(
      sceneJob(packets, {
        rules4: undefined,
        rules6: undefined,
        [`rules${family}`]: `*mangle\n${chains}${body}COMMIT\n`,
      }),
    );
    expect(differences.slice(0, 20)).toEqual([]);
    expect(undecided).toEqual([]);
  });
}
