/** Command lines applied to a kept ruleset: text, output and exit status as of the real tool. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyCommand } from '../../src/language/iptables/apply-command.ts';
import { realToolMissing, shellLine } from './real-tool.ts';

/** A session: each line after the other on one state. */
const SESSION: readonly (readonly string[])[] = [
  ['-N', 'web'],
  ['-N', 'web'],
  ['-A', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'web'],
  ['-A', 'web', '-s', '192.0.2.0/24', '-m', 'comment', '--comment', 'two words', '-j', 'ACCEPT'],
  ['-A', 'web', '-c', '5', '500', '-j', 'DROP'],
  ['-I', 'INPUT', '-i', 'lo', '-j', 'ACCEPT'],
  ['-C', 'INPUT', '-i', 'lo', '-j', 'ACCEPT'],
  ['-C', 'INPUT', '-i', 'eth0', '-j', 'ACCEPT'],
  ['-D', 'INPUT', '9'],
  ['-D', 'INPUT', '-i', 'eth0', '-j', 'ACCEPT'],
  ['-L', '-n', '-v', '-x', '--line-numbers'],
  ['-S'],
  ['-S', 'none'],
  ['-L', 'web'],
  ['-X', 'web'],
  ['-E', 'web', 'http'],
  ['-P', 'INPUT', 'DROP'],
  ['-P', 'INPUT', 'REJECT'],
  ['-P', 'none', 'DROP'],
  ['-A', 'INPUT', '-j', 'nothere'],
  ['-A', 'INPUT', '-g', 'nothere'],
  ['-A', 'none', '-j', 'ACCEPT'],
  ['-A', 'http', '-j', 'http'],
  ['-A', 'INPUT', '-j', 'OUTPUT'],
  ['-A', 'INPUT', '--dport', '80'],
  ['-A', 'INPUT', '-p', 'tcp', '--dport', '99999', '-j', 'ACCEPT'],
  ['-A', 'INPUT', '--foo'],
  ['-A', 'INPUT', 'word'],
  ['-A', 'INPUT', '-A', 'OUTPUT'],
  ['-A'],
  [],
  ['-t', 'none', '-L'],
  ['-R', 'http', '1', '-s', '192.0.2.1', '-j', 'RETURN'],
  ['-Z', 'http'],
  ['-Z'],
  ['-t', 'mangle', '-A', 'PREROUTING', '-j', 'MARK', '--set-mark', '7'],
  ['-N', 'a-name-that-is-surely-too-long-for-it'],
  ['-F', 'http'],
  ['-D', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'http'],
  ['-X', 'http'],
  ['-F'],
  ['-X'],
];

const missing = realToolMissing();

/** Exit status and standard output of each line, by the real tool in a namespace of its own. */
function realSession(program: string): { status: number; output: string }[] {
  const folder = mkdtempSync(join(tmpdir(), 'fwreplay-session-'));
  try {
    const lines = SESSION.map(
      (words) => `${shellLine(program, words)} 2>/dev/null; printf '\\0%d\\0' $?`,
    );
    writeFileSync(join(folder, 'script'), `${lines.join('\n')}\n`);
    const { stdout } = spawnSync('unshare', ['-n', 'sh', join(folder, 'script')], {
      encoding: 'utf8',
    });
    const fields = stdout.split('\0');
    return SESSION.map((_, i) => ({
      output: fields[2 * i] ?? '',
      status: Number(fields[2 * i + 1]),
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.each([4, 6] as const)('IPv%d', (family) => {
  test.skipIf(missing !== undefined)(
    `a session ends each line as the real tool does${missing ? ` (${missing})` : ''}`,
    () => {
      const real = realSession(family === 4 ? 'iptables-legacy' : 'ip6tables-legacy');
      let state = '';
      const ours = SESSION.map((words) => {
        const applied = applyCommand(family, words, state, 'state');
        state = applied.state ?? state;
        return { output: applied.output, status: applied.status };
      });
      const shown = (all: typeof real): string[] =>
        all.map(({ status, output }, i) => `${SESSION[i]?.join(' ')} => ${status}\n${output}`);
      expect(shown(ours)).toEqual(shown(real));
    },
  );
});

test('a refused command leaves the state, and is pointed at', () => {
  const before = applyCommand(4, ['-A', 'INPUT', '-j', 'DROP'], '', 'state').state ?? '';
  const { state, status, errors } = applyCommand(4, ['-D', 'INPUT', '7'], before, 'state');
  expect([state, status]).toEqual([undefined, 1]);
  expect(errors[0]).toMatchObject({ code: 'index-too-big', where: { file: 'command line' } });
});

test('counters of the state are kept', () => {
  const state = '*filter\n:INPUT DROP [3:300]\n[1:40] -A INPUT -j DROP\nCOMMIT\n';
  const { state: after } = applyCommand(4, ['-A', 'OUTPUT', '-j', 'ACCEPT'], state, 'state');
  expect(after).toContain('[1:40] -A INPUT -j DROP\n');
  expect(after).toContain('[0:0] -A OUTPUT -j ACCEPT\n');
});

test('a state that is no ruleset is refused', () => {
  expect(() => applyCommand(4, ['-L'], '*filter\n-A NONE -j DROP\nCOMMIT\n', 'state')).toThrow(
    /state:2/,
  );
});
