/**
 * Asks the real iptables-legacy and ip6tables-legacy 1.8.9, in a network namespace of their own, what
 * they make of command lines and files: the referee for everything that src/language/iptables does.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Family } from '../../src/ruleset/types.ts';
import { BUILTIN_CHAINS, TABLE_NAMES } from '../../src/ruleset/types.ts';

/** One question. */
export interface RealCase {
  readonly family: Family;
  /** Argument lists, without the program's name, run before. */
  readonly setup?: readonly (readonly string[])[];
  /** The command that is looked at … */
  readonly command?: readonly string[];
  /** … or a file for iptables-restore (-c). */
  readonly restore?: string;
  /** Table to print afterwards. */
  readonly table?: string;
  /** False: without LISTINGS. */
  readonly listings?: boolean;
}

/** The listings that are compared, by the arguments that make them. */
export const LISTINGS: readonly (readonly string[])[] = [
  ['-S'],
  ['-S', '-v'],
  ['-L'],
  ['-L', '-n'],
  ['-L', '-v'],
  ['-L', '-v', '-n', '-x', '--line-numbers'],
];

/** The answer. */
export interface RealAnswer {
  readonly status: number;
  readonly stdout: string;
  /** Without the program's name and the advice to read the manual; blanks made single. */
  readonly message: string;
  /** iptables-save -c of the table, without comments. */
  readonly save: string;
  /** Output of LISTINGS. */
  readonly listings: readonly string[];
}

/** Why the real tools cannot be asked here; undefined when they can. */
export function realToolMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: the real iptables cannot be asked';
  const version = spawnSync('unshare', ['-n', 'iptables-legacy', '--version'], {
    encoding: 'utf8',
  });
  if (version.status !== 0) return 'no unshare or iptables-legacy here';
  const { stdout } = version;
  return stdout.includes('v1.8.9 (legacy)') ? undefined : `another version: ${stdout.trim()}`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command line for a shell. */
export function shellLine(program: string, words: readonly string[]): string {
  return [program, ...words.map(quote)].join(' ');
}

const RESET = TABLE_NAMES.map(
  (table) =>
    `*${table}\n${BUILTIN_CHAINS[table].map((chain) => `:${chain} ACCEPT [0:0]\n`).join('')}COMMIT\n`,
).join('');

/** Asks all questions in one namespace, with the usual /etc/hosts. Answers are in the same order. */
export function askRealTool(cases: readonly RealCase[]): RealAnswer[] {
  const folder = mkdtempSync(join(tmpdir(), 'fwreplay-real-'));
  try {
    writeFileSync(join(folder, 'reset'), RESET);
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    const lines = [`cd ${quote(folder)}`, 'mount --bind hosts /etc/hosts'];
    cases.forEach((each, index) => {
      const tool = each.family === 4 ? 'iptables-legacy' : 'ip6tables-legacy';
      const table = each.table ?? 'filter';
      lines.push(`${tool}-restore < reset`);
      for (const words of each.setup ?? []) lines.push(`${shellLine(tool, words)} >/dev/null`);
      if (each.restore !== undefined) {
        writeFileSync(join(folder, `restore${index}`), each.restore);
        lines.push(`${tool}-restore -c < restore${index} > out 2> err`);
      } else {
        lines.push(`${shellLine(tool, each.command ?? [])} > out 2> err`);
      }
      lines.push('s=$?', `printf '%s\\001' $s`, 'cat out', `printf '\\001'`, 'cat err');
      lines.push(`printf '\\001'`);
      lines.push(`[ $s != 0 ] || ${tool}-save -c -t ${table} | grep -v '^#'`);
      for (const listing of LISTINGS) {
        lines.push(
          `printf '\\001'`,
          `${each.listings === false ? ':' : '[ $s != 0 ]'} || ${tool} -t ${table} ${listing.join(' ')}`,
        );
      }
      lines.push(`printf '\\001'`);
    });
    writeFileSync(join(folder, 'script'), `${lines.join('\n')}\n`);
    const output = execFileSync('unshare', ['-n', '-m', 'sh', join(folder, 'script')], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return parseAnswers(output.split('\u0001'), cases.length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parseAnswers(fields: readonly string[], count: number): RealAnswer[] {
  const perCase = 4 + LISTINGS.length;
  return Array.from({ length: count }, (_, index) => {
    const part = fields.slice(index * perCase, (index + 1) * perCase);
    const [status = '', stdout = '', stderr = '', save = ''] = part;
    return {
      status: Number(status),
      stdout,
      message: realMessage(stderr),
      save,
      listings: part.slice(4),
    };
  });
}

/** The message in what a tool wrote to standard error. */
export function realMessage(stderr: string): string {
  return normalMessage(
    stderr
      .replace(/^Try `ip6?tables(-restore)? -h' .*$/gm, '')
      .replace(/^Perhaps .* needs to be upgraded\.$/gm, '')
      .replace(/^Error occurred at line: \d+$/gm, '')
      .replace(/^Ignoring deprecated --wait-interval option\.$/gm, '')
      .replace(/^(ip6?tables(-restore)?( v1\.8\.9 \(legacy\))?: )+/gm, '')
      .replace(/^Warning: /gm, ''),
  );
}

/** A message with blanks made single and no full stop at the end. */
export function normalMessage(message: string): string {
  return message
    .replace(/\. Run `dmesg' for more information\.?(?=\s|$)/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.(?= |$)/g, '');
}

/** A ruleset for the real tools: a file for iptables-restore, or a shell script. */
export interface RealRuleset {
  readonly family: Family;
  readonly kind: 'save' | 'script';
  readonly text: string;
}

/**
 * Loads rulesets, each in a namespace of its own, and says what all tables then hold. Scripts find
 * the legacy tools under the usual names, a sudo, and a modprobe that does nothing.
 */
export function loadForReal(
  rulesets: readonly RealRuleset[],
): { status: number; message: string; saves: Map<Family, string> }[] {
  const folder = mkdtempSync(join(tmpdir(), 'fwreplay-real-'));
  try {
    for (const tool of ['iptables', 'ip6tables']) {
      for (const suffix of ['', '-save', '-restore']) {
        symlinkSync(`/usr/sbin/${tool}-legacy${suffix}`, join(folder, `${tool}${suffix}`));
      }
    }
    writeFileSync(join(folder, 'modprobe'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(folder, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    return rulesets.map(({ family, kind, text }) => {
      const tool = family === 4 ? 'iptables' : 'ip6tables';
      // The usual paths may lead to the tools of nf_tables.
      const legacy = text.replace(/\/(?:usr\/)?sbin\/(?=ip6?tables)/g, '');
      writeFileSync(join(folder, 'text'), legacy, 'latin1');
      const load = kind === 'save' ? `${tool}-restore -c < text` : 'sh text > /dev/null';
      const script = `PATH="$PWD:$PATH"; ${load} 2> err; printf '%s\\0' $?; cat err; printf '\\0'
        iptables-save -c; printf '\\0'; ip6tables-save -c`;
      const run = spawnSync('unshare', ['-n', 'sh', '-c', script], {
        cwd: folder,
        encoding: 'latin1',
        maxBuffer: 1 << 28,
      });
      const [status = '', stderr = '', save4 = '', save6 = ''] = run.stdout.split('\0');
      const saves = new Map<Family, string>([
        [4, save4],
        [6, save6],
      ]);
      return { status: Number(status), message: realMessage(stderr), saves };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The tables in a text of iptables-save, without comments, by name. */
export function tablesOf(save: string): Map<string, string> {
  const tables = new Map<string, string>();
  for (const match of save.matchAll(/^\*(\w+)\n([\s\S]*?)^COMMIT$/gm)) {
    tables.set(match[1] ?? '', match[2] ?? '');
  }
  return tables;
}
