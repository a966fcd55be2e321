/**
 * The examples against the real iptables-legacy and ip6tables-legacy 1.8.9, in a network namespace
 * of their own: what they accept and refuse, with which words, and how they print it.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { allMatches } from '../../src/match/registry.ts';
import { allTargets } from '../../src/target/registry.ts';
import { EXAMPLE_SETS } from '../support/sets.ts';
import type { Example } from './examples.ts';
import { examplesOf, placeOf } from './examples.ts';

function whatIsMissing(): string {
  if (process.getuid?.() !== 0) return 'root';
  for (const tool of ['iptables-legacy', 'ip6tables-legacy']) {
    const { stdout } = spawnSync(tool, ['--version'], { encoding: 'utf8' });
    if (!stdout?.includes('v1.8.9')) return `${tool} 1.8.9`;
  }
  return spawnSync('unshare', ['-n', 'true']).status === 0 ? '' : 'permission for unshare -n';
}

const missing = whatIsMissing();
const MARK = '@@@';

/** Makes the object of nfacct(8) that the examples name (NFNL_MSG_ACCT_NEW). */
const ACCOUNTING_OBJECT = `python3 - <<'END'
import socket, struct
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
attribute = struct.pack('HH', 9, 1) + b'test' + bytes(4)
body = struct.pack('!BBH', 0, 0, 0) + attribute
netlink.send(struct.pack('IHHII', 16 + len(body), 7 << 8, 0x405, 1, 0) + body)
netlink.recv(4096)
END
`;
const estimator = (name: string): string =>
  `iptables-legacy -A FORWARD -j RATEEST --rateest-name ${name} --rateest-interval 250.0ms --rateest-ewmalog 500.0ms\n`;
/** What must be there before the examples of a match are accepted. */
const BEFORE: Readonly<Record<string, string>> = {
  nfacct: ACCOUNTING_OBJECT,
  set: `ipset restore <<'END'\n${EXAMPLE_SETS}END\n`,
  SET: `ipset restore <<'END'\n${EXAMPLE_SETS}END\n`,
  rateest: `${estimator('RE1')}${estimator('RE2')}`,
};

/** Runs a shell script in a namespace of its own; its output in the parts between the marks. */
function run(script: string): string[] {
  const { stdout } = spawnSync('unshare', ['-n', 'sh'], { input: script, encoding: 'utf8' });
  return stdout.split(`${MARK}\n`);
}

/** What the real tool says: its message, or the forms of the only rule; undefined when the kernel
 * lacks the extension. */
function real(
  examples: readonly Example[],
  words: string,
  name: string,
): Omit<Example, 'family' | 'options'>[] | undefined {
  const { table, chain } = placeOf(name);
  const script = examples.map(({ family, protocol, options }) => {
    const tool = `${family === 6 ? 'ip6tables-legacy' : 'iptables-legacy'} -t ${table}`;
    const list = ['-S', '-L', '-n -L'].map((form) => `${tool} ${form} ${chain} | tail -n 1`);
    return [
      `if ${tool} -A ${chain} ${protocol} ${words} ${options} 2>&1; then`,
      `${[...list, `${tool} -F ${chain}`].join('; ')}; fi; echo ${MARK}\n`,
    ].join(' ');
  });
  const outputs = run([BEFORE[name] ?? '', ...script].join(''));
  if (outputs.some((output) => output.includes('missing kernel module'))) return undefined;
  return examples.map(({ protocol }, i) => {
    const lines = (outputs[i] ?? '').split('\n');
    const rule = lines.findIndex((line) => line.startsWith(`-A ${chain}`));
    if (rule < 0) {
      const said = lines.filter((line) => /^ip6?tables( v1\.8\.9 \(legacy\))?: /.test(line)).at(-1);
      const message = said?.replace(/^ip6?tables( v1\.8\.9 \(legacy\))?: /, '') ?? outputs[i] ?? '';
      return { protocol, message, saved: '', listed: '', listedNumeric: '' };
    }
    const [saved = '', listed = '', listedNumeric = ''] = lines.slice(rule, rule + 3);
    const start = saved.indexOf(words.replace('icmpv6', 'icmp6'));
    const column = (line: string): string => {
      const text = line.replace(/^\S* *\S+ +-- +\S+ +\S+ */, '').trimEnd();
      // A match before the target.
      return words.startsWith('-j') ? text.replace(/^tcp flags:\S+ /, '') : text;
    };
    return {
      protocol,
      message: undefined,
      saved: saved.slice(start + words.length).trim(),
      listed: column(listed),
      listedNumeric: column(listedNumeric),
    };
  });
}

/** Host names are not looked up here; what the real tool says of them depends on the network. */
function comparable(message: string | undefined): string | undefined {
  return message?.replace('Temporary failure in name resolution', 'Name or service not known');
}

const everything = [
  ...allMatches.map(({ name }) => [`-m ${name}`, 'match', name] as const),
  ...allTargets.map(({ name }) => [`-j ${name}`, 'target', name] as const),
];

describe.skipIf(missing !== '')(
  `the real tools${missing === '' ? '' : ` (skipped, missing: ${missing})`}`,
  () => {
    it.for(everything)('%s', ([words, folder, name], { skip }) => {
      const examples = examplesOf(folder, name);
      const results = real(examples, words, name);
      if (results === undefined) return skip('the kernel lacks it');
      for (const [i, { family, options, ...expected }] of examples.entries()) {
        const result = results[i];
        const { message, ...forms } = result ?? expected;
        expect(
          { ...forms, message: comparable(message) },
          `-${family} ${expected.protocol} ${words} ${options}`,
        ).toEqual(expected);
      }
    });
  },
);
