/**
 * The command line in one process: what is refused and with which exit code, what the formats hold,
 * what goes to which stream. Real captures, real rulesets.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';

const HOST = ['--interface', 'eth0=192.0.2.10/24,2001:db8:5::10/64'];
const RULES = ['--rules', 'scenarios/server/rules.v4', '--rules6', 'scenarios/server/rules.v6'];
const PING = ['replay', 'captures/ping.pcap', ...HOST, ...RULES];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fwreplay-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command line that must be refused; gives the exit code and the first line of the error. */
async function refused(
  args: readonly string[],
  stdin?: string,
): Promise<{ code: number; said: string; hint: string | undefined }> {
  const { code, stdout, stderr } = await runCli(args, stdin === undefined ? {} : { stdin });
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/\n {4}at /);
  const hint = /\n {2}hint: (.*)/.exec(stderr)?.[1];
  return { code, said: stderr.split('\n')[0] ?? '', hint };
}

describe('wrong usage is exit code 2', () => {
  it('without a command', async () => {
    expect(await refused([])).toEqual({
      code: 2,
      said: 'error: a command is needed [usage]',
      hint: 'see fwreplay --help',
    });
  });

  it('with an unknown command, which is suggested', async () => {
    expect(await refused(['repaly', 'x.pcap'])).toEqual({
      code: 2,
      said: 'error: unknown command "repaly" [unknown-command]',
      hint: 'did you mean "fwreplay replay"?',
    });
  });

  it('with unknown options, each suggested', async () => {
    const { code, stderr } = await runCli([...PING, '--intreface', 'eth0', '--verdict']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'error: unknown option --intreface [unknown-option]\n  hint: did you mean --interface?\n' +
        'error: unknown option --verdict [unknown-option]\n  hint: did you mean --verdicts?\n',
    );
  });

  it('with a capture in the place of a command', async () => {
    expect((await refused(['trace.pcapng.gz'])).hint).toBe(
      'did you mean "fwreplay replay trace.pcapng.gz --rules FILE"?',
    );
  });

  it('with a value for an option that is on or off', async () => {
    expect((await refused([...PING, '--color=perhaps'])).said).toBe(
      'error: --color is on or off: "perhaps" is no value for it [usage]',
    );
  });

  it('with an unknown short option', async () => {
    expect((await refused([...PING, '-z'])).said).toBe('error: unknown option -z [unknown-option]');
  });

  it('with a choice that is nearly right', async () => {
    expect((await refused([...PING, '--format', 'jsno'])).hint).toBe('did you mean json?');
  });

  it.each(['--only=drop', '--verdicts', '--fail-on=drop'])('with --packet and %s', async (more) => {
    const { code, said } = await refused([...PING, '--packet', '1', more]);
    expect({ code, said }).toEqual({
      code: 2,
      said: `error: --packet explains packets: ${more.split('=')[0]} has no meaning with it [usage]`,
    });
  });

  it('without a capture', async () => {
    const { code, said } = await refused(['replay', ...RULES]);
    expect({ code, said }).toEqual({
      code: 2,
      said: 'error: no capture was given: fwreplay replay CAPTURE… --rules FILE [usage]',
    });
  });

  it('without a ruleset', async () => {
    const { code, said, hint } = await refused(['replay', 'captures/ping.pcap']);
    expect({ code, said }).toEqual({
      code: 2,
      said: 'error: no ruleset was given [missing-rules]',
    });
    expect(hint).toContain('--rules FILE');
  });

  it('with an option that lacks its value', async () => {
    const { code, said } = await refused(['replay', 'captures/ping.pcap', '--rules']);
    expect({ code, said }).toEqual({
      code: 2,
      said: 'error: --rules needs a value [usage]',
    });
  });

  it('with a format that does not exist', async () => {
    const { code, said } = await refused([...PING, '--format', 'xml']);
    expect(code).toBe(2);
    expect(said).toBe(
      'error: --format: "xml" is not one of text, json, ndjson, csv, save [bad-choice]',
    );
  });

  it.each([
    [['--only', 'drp'], 'bad-verdict'],
    [['--limit', '0'], 'bad-number'],
    [['--sysctl', 'tcp_loose'], 'bad-sysctl'],
    [['--sysctl', 'tcp_loosely=1'], 'unknown-sysctl'],
    [['--interface', 'eth0=192.0.2.10/33'], 'bad-interface'],
    [['--local', 'example.com'], 'bad-local'],
    [['--route', 'eth0'], 'bad-route'],
    [['--packet', 'x'], 'bad-number'],
    [['--packet', '999'], 'no-such-packet'],
    [['--packet', '1', '--format', 'csv'], 'usage'],
    [['--family', '4'], 'usage'],
    [['--only', 'drop', '--format', 'save'], 'usage'],
    [['--only', 'drop', '--no-verdicts'], 'usage'],
    [['--format', 'csv', '--no-verdicts'], 'usage'],
    [['--output', '/nonexistent/out'], 'output-unwritable'],
    [['--rules', '/nonexistent/rules'], 'rules-unreadable'],
    [['--rules', 'scenarios'], 'rules-unreadable'],
    [['--rules', '-', '--rules6', '-'], 'stdin-twice'],
  ])('with %j', async (more, code) => {
    const result = await refused([...PING, ...more], '');
    expect(result.code).toBe(2);
    expect(result.said).toContain(`[${code}]`);
  });
});

describe('a bad ruleset is exit code 2', () => {
  it('with file, line, column and the line itself', async () => {
    const { code, stdout, stderr } = await runCli(
      ['replay', 'captures/ping.pcap', ...HOST, '--rules', '-'],
      { stdin: '*filter\n-A INPUT -p tcp --dprot 22 -j ACCEPT\nCOMMIT\n' },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^standard input:2:17: error: unknown option "--dprot"/);
    expect(stderr).toContain(
      '\n  -A INPUT -p tcp --dprot 22 -j ACCEPT\n                  ^^^^^^^\n',
    );
  });

  it('does not write the output file', async () => {
    const file = join(folder, 'not-written');
    await runCli([...PING, '--rules', '-', '--output', file], {
      stdin: '*filter\n-A NO\nCOMMIT\n',
    });
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
  });
});

describe('a bad capture is exit code 3', () => {
  it.each([
    ['/nonexistent.pcap', /nonexistent/],
    ['captures', /captures/],
    ['package.json', /package\.json/],
  ])('%s', async (capture, said) => {
    const result = await refused(['replay', capture, ...HOST, ...RULES]);
    expect(result.code).toBe(3);
    expect(result.said).toMatch(said);
    expect(result.said).toMatch(/error: /);
  });
});

describe('formats', () => {
  it('json holds every packet, rule and policy', async () => {
    const { code, stdout } = await runCli([...PING, '--format', 'json']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.schema).toBe('urn:fwreplay:schema:replay-v1');
    expect(report.packets).toHaveLength(42);
    expect(report.packets.map((packet: { number: number }) => packet.number)).toEqual(
      Array.from({ length: 42 }, (_, index) => index + 1),
    );
    expect(report.capture.packets).toBe(42);
    const ofInput = report.rules.filter(
      (rule: { family: number; chain: string }) => rule.family === 4 && rule.chain === 'INPUT',
    );
    expect(ofInput.map((rule: { number: number }) => rule.number)).toEqual(
      Array.from({ length: ofInput.length }, (_, index) => index + 1),
    );
    expect(report.policies).toContainEqual(
      expect.objectContaining({ family: 4, table: 'filter', chain: 'INPUT', policy: 'DROP' }),
    );
  });

  it('json without packets', async () => {
    const { stdout } = await runCli([...PING, '--format', 'json', '--no-verdicts']);
    expect(Object.keys(JSON.parse(stdout))).not.toContain('packets');
  });

  it('--only picks packets, not counters', async () => {
    const all = JSON.parse((await runCli([...PING, '--format', 'json'])).stdout);
    const some = JSON.parse((await runCli([...PING, '--format', 'json', '--only', 'drop'])).stdout);
    expect(some.packets).toEqual(
      all.packets.filter((packet: { verdict: string }) => packet.verdict === 'DROP'),
    );
    expect(some.rules).toEqual(all.rules);
  });

  it('ndjson has a line per packet and a summary', async () => {
    const { stdout } = await runCli([...PING, '--format', 'ndjson']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 42 }, () => 'packet'),
      'summary',
    ]);
    const { schema, version, type, ...summary } = lines.at(-1);
    const json = JSON.parse((await runCli([...PING, '--format', 'json'])).stdout);
    expect({ type, schema, version }).toEqual({ type: 'summary', schema: json.schema, version: 1 });
    for (const [key, value] of Object.entries(summary)) expect(json[key]).toEqual(value);
  });

  it('csv has a header and a line per packet, as many fields in each', async () => {
    const { stdout } = await runCli([...PING, '--format', 'csv']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(43);
    expect(lines[0]).toMatch(/^number,time,verdict,/);
    const fields = lines.map((line) => line.split(',').length);
    expect(new Set(fields).size).toBe(1);
  });

  it('save is a ruleset again, with the counters of json', async () => {
    const saved = (await runCli([...PING, '--format', 'save', '--family', '4'])).stdout;
    const again = await runCli(['show', '-', '--as', 'save', '-c'], { stdin: saved });
    expect(again.stderr).toBe('');
    expect(again.stdout).toBe(saved);
    const { rules } = JSON.parse((await runCli([...PING, '--format', 'json'])).stdout);
    const counted = rules
      .filter((rule: { family: number }) => rule.family === 4)
      .map(({ packets, bytes, text }: Record<string, unknown>) => `[${packets}:${bytes}] ${text}`);
    const lines = saved.split('\n').filter((line) => line.startsWith('['));
    expect(lines).toEqual(counted);
  });

  it('save prints both families one after the other', async () => {
    const { stdout } = await runCli([...PING, '--format', 'save']);
    expect(stdout.match(/^\*filter$/gm)).toHaveLength(2);
    expect(stdout.indexOf('2001:db8:9::/64')).toBeGreaterThan(stdout.indexOf('203.0.113.0/24'));
  });
});

describe('streams', () => {
  it('--output writes the same to a file and nothing to standard output', async () => {
    const file = join(folder, 'report.csv');
    const direct = await runCli([...PING, '--format', 'csv']);
    const { code, stdout } = await runCli([...PING, '--format', 'csv', '--output', file]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(readFileSync(file, 'utf8')).toBe(direct.stdout);
  });

  it('a ruleset may come by standard input', async () => {
    const stdin = '*filter\n:INPUT DROP\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n';
    const { code, stdout } = await runCli(
      ['replay', 'captures/ping.pcap', ...HOST, '--rules', '-', '--quiet'],
      { stdin },
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^42 packets: \d+ ACCEPT, \d+ DROP/);
  });

  it('text has colour on a terminal only, and NO_COLOR and --no-color turn it off', async () => {
    const colour = '\u001b[';
    const terminal = (environment: Record<string, string>, more: readonly string[] = []) =>
      runCli([...PING, ...more], { terminal: true, environment });
    expect((await terminal({})).stdout).toContain(colour);
    expect((await terminal({ NO_COLOR: '' })).stdout).toContain(colour);
    expect((await terminal({ NO_COLOR: '1' })).stdout).not.toContain(colour);
    expect((await terminal({ TERM: 'dumb' })).stdout).not.toContain(colour);
    expect((await terminal({}, ['--no-color'])).stdout).not.toContain(colour);
    expect((await terminal({ NO_COLOR: '1' }, ['--color'])).stdout).toContain(colour);
    expect((await runCli(PING)).stdout).not.toContain(colour);
    expect((await runCli([...PING, '--color'])).stdout).toContain(colour);
  });

  it('text keeps to the width, but for words that are longer', async () => {
    const { stdout } = await runCli([...PING, '--verdicts', '--no-verdicts']);
    const wide = stdout.split('\n').filter((line) => line.length > 100);
    expect(wide).toEqual([]);
  });

  it('of an option given twice the last counts', async () => {
    const twice = await runCli([...PING, '--format', 'json', '--format', 'csv', '-q', '-q']);
    expect(twice.code).toBe(0);
    expect(twice.stdout).toMatch(/^number,/);
  });

  it('several captures are merged by time', async () => {
    const args = [...HOST, ...RULES, '--format', 'json'];
    const { stdout } = await runCli(['replay', 'captures/ssh.pcap', 'captures/ping.pcap', ...args]);
    const { packets, capture } = JSON.parse(stdout);
    expect(capture.packets).toBe(101 + 42);
    const times = packets.map(({ time }: { time: string }) => time);
    expect(times).toEqual([...times].sort());
  });
});

describe('checks', () => {
  it('--fail-on is exit code 1 when a packet has the verdict', async () => {
    const { code, stderr } = await runCli([...PING, '--fail-on', 'accept,undecided']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^check failed: \d+ packets of --fail-on accept,undecided$/m);
  });

  it('and 0 when none has', async () => {
    const { code, stderr } = await runCli([...PING, '--fail-on', 'undecided']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('--limit stops early', async () => {
    const { stdout } = await runCli([...PING, '--limit', '5', '--format', 'json']);
    expect(JSON.parse(stdout).packets).toHaveLength(5);
  });
});

describe('what one must know is told in every format', () => {
  const cut = (): string => {
    const file = join(folder, 'cut.pcap');
    writeFileSync(file, readFileSync('captures/ping.pcap').subarray(0, 1000));
    return file;
  };
  const rules = ['--rules', 'scenarios/server/rules.v4'];

  it.each(['csv', 'save'])(
    '%s: a cut capture and a guessed vantage, on standard error',
    async (format) => {
      const { code, stderr } = await runCli(['replay', cut(), ...rules, '--format', format]);
      expect(code).toBe(0);
      expect(stderr.split('\n')).toEqual([
        'note: the capture is cut in mid-packet: replayed up to there',
        'note: guessed that this host is 192.0.2.10, by the MAC address that is in nearly all frames; if not: --local ADDR[,ADDR…]',
        'note: the interface has no name: taken as eth0; if not: --interface NAME=ADDR/LEN',
        '',
      ]);
    },
  );

  it('save: undecided packets', async () => {
    const { stderr } = await runCli([
      ...['replay', 'captures/ping.pcap', '--local', '192.0.2.10', ...rules, '--format', 'save'],
    ]);
    expect(stderr).toBe('note: 2 packets UNDECIDED: counters may lack them\n');
  });

  it('quiet: a cut capture', async () => {
    const { stdout, stderr } = await runCli(['replay', cut(), ...rules, '--quiet']);
    expect({ stdout, stderr }).toEqual({
      stdout: '8 packets: 8 ACCEPT (the capture is cut)\n',
      stderr: '',
    });
  });

  it('a ruleset without anything in it', async () => {
    const { code, stdout, stderr } = await runCli(
      ['replay', 'captures/ping.pcap', ...HOST, '--rules', '-'],
      { stdin: '' },
    );
    expect(code).toBe(0);
    expect(stdout).toContain('no IPv4 ruleset was given');
    expect(stderr).toContain('no table and no command in it');
  });

  it('an empty list of packets has no empty line before the report', async () => {
    const { stdout } = await runCli(['replay', cut(), ...rules, '--only', 'drop']);
    expect(stdout).toMatch(/cut\.pcap: 8 packets/);
    expect(stdout.startsWith('\n')).toBe(false);
  });
});
