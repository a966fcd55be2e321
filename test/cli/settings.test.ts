/** What the capture does not show, as options: assumptions, seed, lists, parameters. */
import { describe, expect, test } from 'vitest';
import { parseRecentList } from '../../src/cli/recent-list.ts';
import { readSettings, type SettingsArguments } from '../../src/cli/settings.ts';
import { runCli } from '../support/cli.ts';

const NOTHING: SettingsArguments = {
  assume: [],
  seed: undefined,
  recent: [],
  'osf-fingerprints': undefined,
  parameter: [],
};
const hostOf = (files: Readonly<Record<string, string>>) =>
  ({
    readText(file: string): string {
      const text = files[file];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return text;
    },
  }) as Parameters<typeof readSettings>[0];

describe('settings', () => {
  test('nothing given, nothing set', () => {
    expect(readSettings(hostOf({}), NOTHING)).toEqual({});
  });

  test('seed, fingerprints, parameters, lists', () => {
    const files = { 'ssh.list': '192.0.2.9 100 90.5\n', 'pf.os': 'S10:64:1:60:M*:X:Y:Z:X' };
    const settings = readSettings(hostOf(files), {
      ...NOTHING,
      seed: '7',
      recent: ['ssh=ssh.list'],
      'osf-fingerprints': 'pf.os',
      parameter: ['xt_recent.ip_pkt_list_tot=50'],
    });
    expect(settings.seed).toBe(7);
    expect(settings.osfFingerprints).toBe(files['pf.os']);
    expect([...(settings.parameters ?? [])]).toEqual([['xt_recent.ip_pkt_list_tot', '50']]);
    expect([...(settings.recent ?? [])]).toEqual([
      ['ssh', [{ address: '192.0.2.9', seen: [90.5, 100] }]],
    ]);
  });

  test.each([
    [{ seed: '-1' }, 'bad-number'],
    [{ seed: '4294967296' }, 'bad-number'],
    [{ recent: ['ssh'] }, 'usage'],
    [{ recent: ['ssh=none'] }, 'unreadable'],
    [{ parameter: ['=5'] }, 'usage'],
    [{ 'osf-fingerprints': 'none' }, 'unreadable'],
  ])('%j is refused', (given, code) => {
    expect(() => readSettings(hostOf({}), { ...NOTHING, ...given })).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe('lists of -m recent', () => {
  test('lines of the kernel, with the time of one jiffy', () => {
    const text = [
      '# jiffies 4295000000 = 1700000000',
      'src=192.0.2.9 ttl: 64 last_seen: 4294999750 oldest_pkt: 1 4294999750, 4294999500',
      'src=2001:0db8:0000:0000:0000:0000:0000:0001 ttl: 0 last_seen: 1 oldest_pkt: 1 4295000250',
      '',
    ].join('\n');
    expect(parseRecentList(text, 'list')).toEqual([
      { address: '192.0.2.9', ttl: 64, seen: [1_699_999_998, 1_699_999_999] },
      { address: '2001:0db8:0000:0000:0000:0000:0000:0001', ttl: 0, seen: [1_700_000_001] },
    ]);
  });

  test('without it they have no time', () => {
    const line = 'src=192.0.2.9 ttl: 64 last_seen: 5 oldest_pkt: 1 5';
    expect(() => parseRecentList(line, 'list')).toThrow(/list:1.*\[recent-clock\]/);
  });

  test.each(['nonsense', '192.0.2.9', '192.0.2.0/24 5', '300.0.0.1 5', '192.0.2.9 x'])(
    '"%s" is refused',
    (line) => {
      expect(() => parseRecentList(`# a list\n${line}\n`, 'list')).toThrow(
        /list:2.*bad-recent-list/,
      );
    },
  );
});

describe('the command line', () => {
  const replay = ['replay', 'captures/mixed.pcap.gz', '--rules', 'scenarios/server/rules.v4'];

  test('an assumption that no rule takes up is warned of', async () => {
    const { stderr, stdout, code } = await runCli([...replay, '--assume', 'owner=no']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/warning: --assume "owner=no".*\[unused-assumption\]/);
    expect(stdout).toContain('assumed by --assume: owner=no; it decided 0 packets');
  });

  test('a wrong one is refused', async () => {
    const { stderr, code } = await runCli([...replay, '--assume', 'owner']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('[bad-assumption]')]);
  });
});
