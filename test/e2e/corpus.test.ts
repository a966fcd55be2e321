/**
 * Real and hostile input through the whole command line: a result or a refusal, never a bug's exit
 * code, and a report that is as the schema says.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { sharedData, sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';

const RULES = ['--rules', 'scenarios/router/rules.v4', '--rules6', 'scenarios/server/rules.v6'];
const LARGEST = 200_000;

function captureFolders(): string[] {
  if (sharedData === undefined) return [];
  const folder = join(sharedData, 'captures');
  return readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());
}

describe.skipIf(sharedData === undefined)(`the corpus${WITHOUT_SHARED_DATA}`, () => {
  it.each(captureFolders())('captures/%s end as documented', async (name) => {
    const files = sharedFiles(`captures/${name}`).filter((file) => statSync(file).size < LARGEST);
    const wrong: string[] = [];
    for (const file of files) {
      const args = ['replay', file, ...RULES, '--format', 'json', '--checksums'];
      const { code, stdout, stderr } = await runCli(args);
      if (code === 0) {
        const { capture, packets } = JSON.parse(stdout);
        if (packets.length !== capture.packets) wrong.push(`${file}: packets are missing`);
      } else if (code !== 3 || !/: error: |^error: /.test(stderr)) {
        wrong.push(`${file}: exit code ${code}: ${stderr.slice(0, 300)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(captureFolders())('captures/%s are described', async (name) => {
    const files = sharedFiles(`captures/${name}`).filter((file) => statSync(file).size < LARGEST);
    const wrong: string[] = [];
    for (const file of files) {
      const { code, stderr } = await runCli(['info', file]);
      if (code !== 0 && code !== 3) wrong.push(`${file}: ${code}: ${stderr.slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
  });

  it('rulesets are shown or refused with their place', async () => {
    const wrong: string[] = [];
    for (const file of sharedFiles('rulesets/real')) {
      const { code, stderr } = await runCli(['show', file, '--as', 'save', '--quiet']);
      const placed = stderr.split('\n').some((line) => line.startsWith(`${file}:`));
      if (code !== 0 && !(code === 2 && placed)) wrong.push(`${file}: ${code}: ${stderr}`);
    }
    expect(wrong).toEqual([]);
  });
});
