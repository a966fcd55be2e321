/** What only a process has: exit status, standard input, closed pipes, help, completion, signals. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLI_ARGUMENTS, runCli, spawnCli } from '../support/cli.ts';
import { repositoryRoot as root } from '../support/shared-data.ts';

const HOST = ['--interface', 'eth0=192.0.2.10/24,2001:db8:5::10/64'];
const RULES = ['--rules', 'scenarios/server/rules.v4', '--rules6', 'scenarios/server/rules.v6'];
const MIXED = ['replay', 'captures/mixed.pcap.gz', ...HOST, ...RULES];

describe('the process', () => {
  it('exits with 0 and prints the report, no progress and no colour on pipes', () => {
    const { status, stdout, stderr } = spawnCli(MIXED);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('172 packets');
    expect(stdout).not.toContain('\u001b[');
  });

  it.each([
    [[], 2],
    [['replay'], 2],
    [['replay', 'captures/ping.pcap', '--rules', '/nonexistent'], 2],
    [['replay', 'package.json', ...RULES], 3],
    [[...MIXED, '--fail-on', 'reject'], 1],
  ] as const)('exits as documented: %j', (args, code) => {
    const { status, stderr } = spawnCli(args);
    expect(status).toBe(code);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(stderr).not.toBe('');
  });

  it('reads a capture from standard input', async () => {
    const input = readFileSync(join(root, 'captures/mixed.pcap.gz'));
    const args = [...HOST, ...RULES, '--format', 'csv'];
    const { status, stdout, stderr } = spawnCli(['replay', '-', ...args], { input });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe((await runCli([...MIXED, '--format', 'csv'])).stdout);
  });

  it('takes an empty standard input for a bad capture', () => {
    const { status, stderr } = spawnCli(['replay', '-', ...HOST, ...RULES]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/error: /);
  });

  it('ends quietly when the reader of its output has gone', () => {
    const quoted = [...CLI_ARGUMENTS, ...MIXED, '--format', 'csv'].map((each) => `'${each}'`);
    const command = `'${process.execPath}' ${quoted.join(' ')} 2>&1 1>&3 3>&- | cat >&2`;
    const whole = `{ ${command}; } 3>&1 | head -n 1`;
    const { stdout, stderr } = spawnSync('sh', ['-c', whole], { cwd: root, encoding: 'utf8' });
    expect(stdout).toMatch(/^number,time,verdict/);
    expect(stderr).toBe('');
  });

  it('says that a full disk is full', () => {
    const full = openSync('/dev/full', 'w');
    const done = spawnSync(process.execPath, [...CLI_ARGUMENTS, ...MIXED], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect(done.status).toBe(74);
    expect(done.stderr).toMatch(/^error: cannot write: ENOSPC/);
  });

  it('is ended by SIGINT as any program', async () => {
    const child = spawn(process.execPath, [...CLI_ARGUMENTS, 'replay', '-', ...HOST, ...RULES], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    // The reader waits for more of the capture; its beginning makes sure that it runs.
    child.stdin.write(readFileSync(join(root, 'captures/ping.pcap')).subarray(0, 1000));
    await new Promise((resolve) => child.once('spawn', resolve));
    child.kill('SIGINT');
    const signal = await new Promise((resolve) =>
      child.once('exit', (_code, name) => resolve(name)),
    );
    expect(signal).toBe('SIGINT');
    expect(stderr).toBe('');
  });
});

describe('help', () => {
  it('names the commands, with exit codes', () => {
    const { status, stdout } = spawnCli(['--help']);
    expect(status).toBe(0);
    for (const word of ['replay', 'explain', 'show', 'info', 'completion', 'Exit codes'])
      expect(stdout).toContain(word);
  });

  it.each(['replay', 'explain', 'show', 'info'])('%s --help shows an example', (command) => {
    const { status, stdout } = spawnCli([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('Examples:');
    expect(stdout).toContain(`fwreplay ${command}`);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('--version is the package’s', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(spawnCli(['--version']).stdout).toBe(`${version}\n`);
  });

  it('completion prints a script for bash, and completes options', () => {
    expect(spawnCli(['completion']).stdout).toContain('complete ');
    const { stdout } = spawnCli(['--get-yargs-completions', 'fwreplay', 'replay', '--ru']);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['--rules', '--rules6']));
  });
});
