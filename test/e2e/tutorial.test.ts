/**
 * The tutorial's scripts: the real shell and iptables run them in a network namespace, fwreplay
 * reads them; the rules that are left, what the scripts print, and what is refused must be the same.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { repositoryRoot as root } from '../support/shared-data.ts';

const folder = join(root, 'scenarios/tutorial');
const scripts = readdirSync(folder).filter((name) => name.endsWith('.sh'));
const quirks = readdirSync(join(folder, 'quirks'));

const LEGACY = '/usr/sbin/iptables-legacy';
const hasKernel =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-n', LEGACY, '-S'], { encoding: 'utf8' }).status === 0;
const title = hasKernel ? '' : ' (skipped: needs root, unshare and iptables-legacy)';

/** A folder with `sudo` and `iptables` that lead to the legacy tools, and a place to write files. */
let shims = '';
beforeAll(() => {
  shims = mkdtempSync(join(tmpdir(), 'fwreplay-tutorial-'));
  const bin = join(shims, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'sudo'), '#!/bin/sh\nexec "$@"\n');
  chmodSync(join(bin, 'sudo'), 0o755);
  for (const suffix of ['', '-save', '-restore'])
    symlinkSync(`${LEGACY}${suffix}`, join(bin, `iptables${suffix}`));
});
afterAll(() => rmSync(shims, { recursive: true, force: true }));

/** Runs a script for real; then `iptables-save` of the namespace it ran in. */
function runForReal(script: string): { stdout: string; stderr: string; save: string } {
  // A full path would lead past the shims, to whichever variant this machine has.
  const text = readFileSync(script, 'utf8').replaceAll('/sbin/iptables', 'iptables');
  writeFileSync(join(shims, 'script.sh'), text);
  const run = 'sh script.sh >out 2>err; iptables-save';
  const done = spawnSync('unshare', ['-n', 'sh', '-c', run], {
    encoding: 'utf8',
    cwd: shims,
    env: { ...process.env, PATH: `${join(shims, 'bin')}:${process.env.PATH}` },
    timeout: 30_000,
  });
  expect(done.status).toBe(0);
  const read = (name: string): string => readFileSync(join(shims, name), 'utf8');
  return { stdout: read('out'), stderr: read('err'), save: done.stdout };
}

/** Each table's lines. The order of tables is that in which the kernel loaded them: not compared. */
function tablesOf(save: string): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  let current: string[] = [];
  for (const line of save.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('*')) {
      current = [];
      tables[line] = current;
    } else current.push(line);
  }
  return tables;
}

describe('the tutorial', () => {
  it.each(scripts)('%s is read', async (name) => {
    const { code, stderr } = await runCli(['show', `scenarios/tutorial/${name}`, '--as', 'save']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each(quirks)('quirks/%s is refused with its place and a hint', async (name) => {
    const { code, stdout, stderr } = await runCli(['show', `scenarios/tutorial/quirks/${name}`]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^scenarios/tutorial/quirks/${name}:[0-9]+:[0-9]+: error: `));
    expect(stderr).toMatch(/\^/);
    expect(stderr).toMatch(/\n {2}hint: /);
  });

  describe.skipIf(!hasKernel)(`as the real tools have it${title}`, () => {
    it.each(scripts)('%s leaves the same rules and prints the same', async (name) => {
      const real = runForReal(join(folder, name));
      expect(real.stderr).toBe('');
      const path = `scenarios/tutorial/${name}`;
      const outputs = await runCli(['show', path, '--as', 'outputs']);
      expect(outputs.stdout).toBe(real.stdout);
      const saved = await runCli(['show', path, '--as', 'save']);
      expect(tablesOf(saved.stdout)).toEqual(tablesOf(real.save));
    });

    it.each(quirks)('quirks/%s is refused with the same words', async (name) => {
      const real = runForReal(join(folder, 'quirks', name));
      const { stderr } = await runCli(['show', `scenarios/tutorial/quirks/${name}`]);
      const said = (real.stderr.split('\n')[0] ?? '')
        .replace(/^iptables( v[0-9.]+ \(legacy\))?: /, '')
        .replace(/\.( Run `dmesg' for more information\.)?$/, '');
      expect(said).not.toBe('');
      expect(stderr).toContain(said);
    });
  });
});
