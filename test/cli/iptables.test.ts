/** `fwreplay iptables`: a ruleset file in place of the kernel's tables. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';

let folder = '';
let state = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fwreplay-iptables-'));
  state = join(folder, 'rules.v4');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const iptables = (...words: string[]) => runCli(['iptables', '--state', state, '--', ...words]);

describe('fwreplay iptables', () => {
  test('makes the state, changes it, lists it', async () => {
    expect((await iptables('-P', 'INPUT', 'DROP')).code).toBe(0);
    expect((await iptables('-A', 'INPUT', '-i', 'lo', '-j', 'ACCEPT')).code).toBe(0);
    const { code, stdout } = await iptables('-S');
    expect([code, stdout]).toEqual([
      0,
      '-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n',
    ]);
    expect(readFileSync(state, 'utf8')).toContain('[0:0] -A INPUT -i lo -j ACCEPT\n');
  });

  test('exit codes of the real tool; a refused or a reading command writes nothing', async () => {
    expect((await iptables('-C', 'INPUT', '-j', 'DROP')).code).toBe(1);
    expect((await iptables('-A', 'NONE', '-j', 'DROP')).code).toBe(1);
    expect((await iptables('-A', 'INPUT', '--colour', 'red')).code).toBe(2);
    expect((await iptables('-L', '-n')).code).toBe(0);
    expect(existsSync(state)).toBe(false);
  });

  test('options of iptables are not taken for those of fwreplay', async () => {
    const words = [
      '-A',
      'INPUT',
      '-m',
      'state',
      '--state',
      'NEW',
      '-j',
      'LOG',
      '--log-prefix',
      '-',
    ];
    expect((await iptables(...words)).code).toBe(0);
    const { stdout } = await iptables('-S', 'INPUT');
    expect(stdout).toContain('-m state --state NEW -j LOG --log-prefix -');
    expect((await iptables('--help')).stdout).toContain('iptables v1.8.9');
  });

  test('of IPv6', async () => {
    const words = ['-A', 'INPUT', '-s', '2001:db8::/32', '-j', 'DROP'];
    expect((await runCli(['ip6tables', '--state', state, '--', ...words])).code).toBe(0);
    expect(readFileSync(state, 'utf8')).toContain('-A INPUT -s 2001:db8::/32 -j DROP\n');
  });

  test('without a state, or without --, it says what is missing', async () => {
    expect(await runCli(['iptables', '--', '-L'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no state was given'),
    });
    expect(await runCli(['iptables', '--state', state, 'INPUT'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('put -- before'),
    });
  });
});

test('show --as json: the ruleset as data', async () => {
  await iptables('-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT');
  const { stdout } = await runCli(['show', state, '--as', 'json', '--chain', 'INPUT']);
  expect(JSON.parse(stdout)).toEqual({
    tables: [
      {
        family: 4,
        table: 'filter',
        chains: [
          {
            name: 'INPUT',
            policy: 'ACCEPT',
            packets: 0,
            bytes: 0,
            rules: [
              {
                number: 1,
                packets: 0,
                bytes: 0,
                text: '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
                matches: [{ name: 'tcp', text: '-m tcp --dport 22' }],
                target: { kind: 'target', name: 'ACCEPT', text: 'ACCEPT' },
                file: state,
                line: 6,
              },
            ],
          },
        ],
      },
    ],
  });
});
