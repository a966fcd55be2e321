/**
 * The examples against the real iptables-legacy and ip6tables-legacy 1.8.9, in a network namespace
 * of their own: what they accept and refuse, with which words, and how they print it.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { allMatches } from '../../src/match/registry.ts';
import { allTargets } from '../../src/target/registry.ts';
import type { Example } from './examples.ts';
import { examplesOf } from './examples.ts';

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

/** Runs a shell script in a namespace of its own; its output in the parts between the marks. */
function run(script: string): string[] {
  const { stdout } = spawnSync('unshare', ['-n', 'sh'], { input: script, encoding: 'utf8' });
  return stdout.split(`${MARK}\n`);
}

/** What the real tool says: its message, or the forms of the only rule. */
function real(examples: readonly Example[], words: string): Omit<Example, 'family' | 'options'>[] {
  const script = examples.map(({ family, protocol, options }) => {
    const tool = family === 6 ? 'ip6tables-legacy' : 'iptables-legacy';
    const list = ['-S', '-L', '-n -L'].map((form) => `${tool} ${form} INPUT | tail -n 1`);
    return [
      `if ${tool} -A INPUT ${protocol} ${words} ${options} 2>&1; then`,
      `${[...list, `${tool} -F INPUT`].join('; ')}; fi; echo ${MARK}\n`,
    ].join(' ');
  });
  const outputs = run(script.join(''));
  return examples.map(({ protocol }, i) => {
    const lines = (outputs[i] ?? '').split('\n');
    const rule = lines.findIndex((line) => line.startsWith('-A INPUT'));
    if (rule < 0) {
      const said = lines.filter((line) => /^ip6?tables( v1\.8\.9 \(legacy\))?: /.test(line)).at(-1);
      const message = said?.replace(/^ip6?tables( v1\.8\.9 \(legacy\))?: /, '') ?? outputs[i] ?? '';
      return { protocol, message, saved: '', listed: '', listedNumeric: '' };
    }
    const [saved = '', listed = '', listedNumeric = ''] = lines.slice(rule, rule + 3);
    const start = saved.indexOf(words.replace('icmpv6', 'icmp6'));
    const column = (line: string): string =>
      line.replace(/^\S* *\S+ +-- +\S+ +\S+ */, '').trimEnd();
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
  ...allMatches.map(({ name }) => [`-m ${name}`, examplesOf('match', name)] as const),
  ...allTargets.map(({ name }) => [`-j ${name}`, examplesOf('target', name)] as const),
];

describe.skipIf(missing !== '')(
  `the real tools${missing === '' ? '' : ` (skipped, missing: ${missing})`}`,
  () => {
    it.each(everything)('%s', (words, examples) => {
      const results = real(examples, words);
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
