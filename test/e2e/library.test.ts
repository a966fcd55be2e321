/** The library's front, used as README shows it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CaptureError,
  decode,
  Frame,
  FwreplayError,
  loadRuleset,
  openCapture,
  PacketView,
  printSave,
  RulesetError,
  recordWalk,
  replay,
  summaryData,
  UsageError,
  type Verdict,
} from '../../src/index.ts';
import { repositoryRoot as root } from '../support/shared-data.ts';

const captures = [join(root, 'captures/ssh.pcap')];
const file = join(root, 'scenarios/server/rules.v4');
const rules = [{ file, text: readFileSync(file, 'utf8') }];
const vantage = { interface: ['eth0=192.0.2.10/24'] };

describe('the library', () => {
  it('replays, packet by packet and as a whole', async () => {
    const seen: Partial<Record<Verdict, number>> = {};
    const result = await replay({
      captures,
      rules,
      vantage,
      onPacket: ({ verdict }) => {
        seen[verdict] = (seen[verdict] ?? 0) + 1;
      },
    });
    expect(seen).toEqual({ ACCEPT: 101 });
    expect(result.verdicts.ACCEPT).toBe(101);
    expect(summaryData(result).capture).toEqual(expect.objectContaining({ packets: 101 }));
  });

  it('takes a ruleset that was loaded before, and does not change it', async () => {
    const { ruleset } = loadRuleset(rules);
    const before = printSave(ruleset, { counters: true });
    const first = await replay({ captures, ruleset, vantage });
    const second = await replay({ captures, ruleset, vantage });
    expect(printSave(ruleset, { counters: true })).toBe(before);
    expect(summaryData(second)).toEqual(summaryData(first));
    expect(printSave(first.ruleset, { counters: true })).not.toBe(before);
  });

  it('records the walk of a packet', async () => {
    const recorder = recordWalk();
    const walks: unknown[] = [];
    await replay({
      captures,
      rules,
      vantage,
      observe: (number) => (number === 1 ? recorder.observer : undefined),
      onPacket: (outcome) => {
        if (outcome.number === 1) walks.push(recorder.finish(outcome).packet.verdict);
      },
    });
    expect(walks).toEqual(['ACCEPT']);
  });

  it('reads and decodes without a ruleset', async () => {
    const reader = await openCapture(captures);
    const frame = new Frame();
    const packet = new PacketView();
    let packets = 0;
    while (await reader.fill())
      while (reader.next(frame)) if (decode(frame, packet) === 0) packets += 1;
    reader.close();
    expect(packets).toBe(101);
  });

  it('throws its own errors only', async () => {
    const bad = [{ file: 'x', text: '*filter\n-A INPUT -j NOWHERE\nCOMMIT\n' }];
    await expect(replay({ captures, rules: bad, vantage })).rejects.toThrow(RulesetError);
    await expect(replay({ captures: ['/nonexistent'], rules, vantage })).rejects.toThrow(
      CaptureError,
    );
    await expect(replay({ captures, rules, vantage: { interface: ['eth0=x'] } })).rejects.toThrow(
      UsageError,
    );
    await expect(replay({ captures, rules: bad })).rejects.toThrow(FwreplayError);
  });
});
