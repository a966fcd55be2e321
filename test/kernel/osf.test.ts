/**
 * -m osf with fingerprints loaded into the kernel (by nfnl_osf, which it keeps outside of any network
 * namespace; taken out again at the end): which rules each SYN matches.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReplayState } from '../../src/match/replay-state.ts';
import { contextOf, matchOf } from '../match/context.ts';
import { kernelAvailable, playInKernel, WITHOUT_KERNEL } from '../support/kernel.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { buildDatagram, type DatagramSpec, viewOf } from '../support/packets.ts';

const FINGERPRINTS = `# window, TTL, DF, size, options, genre, version, subtype, comment
S4:64:1:60:M*,S,T,N,W2:FwTestA:2.6::comment
16384:64:0:44:M*:FwTestB:1::c
%8192:128:1:48:M*,N,N,S:@FwTestC:XP::c
T4:64:1:64:N,N,T,M1460,E,E,E,E:*FwTestD:x:y:c
0:255:1:40:.:FwTestE:1:y:c
`;
const RULES = [
  ...['A', 'B', 'C', 'D', 'E'].flatMap((letter) =>
    ['', ' --ttl 0', ' --ttl 1', ' --ttl 2'].map((ttl) => `--genre FwTest${letter}${ttl}`),
  ),
  '! --genre FwTestA --ttl 2',
  '--genre FwTestA --log 0 --ttl 2',
  '--genre Nobody --log 1 --ttl 2',
];

const packets: Uint8Array[] = [];
const standard = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 2];
for (const [ttl, dontFragment, window, options] of [
  [64, true, 5840, standard],
  [64, true, 5792, standard],
  [63, true, 5840, standard],
  [65, true, 5840, standard],
  [64, false, 5840, standard],
  [64, true, 5841, standard],
  [64, false, 16384, { mss: 1460 }],
  [60, false, 16384, { mss: 536 }],
  [128, true, 8192, [2, 4, 5, 180, 1, 1, 4, 2]],
  [128, true, 65535, [2, 4, 5, 180, 1, 1, 4, 2]],
  [128, true, 24576, [2, 4, 5, 180, 1, 1, 4, 2]],
  [255, true, 77, []],
  [64, true, 6000, [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 2, 4, 5, 180, 0, 0, 0, 0]],
] as const) {
  for (const flags of ['S', 'SA', 'A'])
    packets.push(
      buildDatagram({
        source: '198.51.100.9',
        destination: '192.0.2.1',
        ttl,
        dontFragment,
        tcp: { flags, window, destinationPort: 22, options },
      } satisfies DatagramSpec),
    );
}

const tool = spawnSync('nfnl_osf', ['-h']).error === undefined;
const usable = kernelAvailable && tool;

describe('osf', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fwreplay-osf-'));
    writeFileSync(join(folder, 'pf.os'), FINGERPRINTS);
    if (usable) spawnSync('nfnl_osf', ['-f', join(folder, 'pf.os')]);
  });
  afterAll(() => {
    if (usable) spawnSync('nfnl_osf', ['-f', join(folder, 'pf.os'), '-d']);
    rmSync(folder, { recursive: true, force: true });
  });

  test.skipIf(!usable)(`each rule and SYN${WITHOUT_KERNEL}`, async () => {
    const rules = RULES.map((rule) => `-A INPUT -p tcp -m osf ${rule}\n`).join('');
    const text = `*mangle\n:INPUT ACCEPT [0:0]\n${rules}COMMIT\n`;
    const { packets: verdicts } = await playInKernel(
      sceneJob(packets, { rules4: text, rules6: undefined }),
    );
    const replay = createReplayState({ osfFingerprints: FINGERPRINTS });
    const bound = RULES.map((rule) => matchOf(`-p tcp -m osf ${rule}`));
    const states = bound.map((match) => match.createState(replay));
    for (const [i, datagram] of packets.entries()) {
      const moved = verdicts[i]?.moved ?? [];
      const context = contextOf(viewOf(datagram));
      const ours = RULES.filter((_, at) => bound[at]?.matches(context, states[at]) === 1);
      const kernel = RULES.filter((_, at) => moved.some(([, , , rule]) => rule === at + 1));
      expect(ours, `packet ${i}`).toEqual(kernel);
    }
    const met = new Set(verdicts.flatMap(({ moved }) => moved.map(([, , , rule]) => rule)));
    expect(met.size).toBeGreaterThan(15);
  });
});
