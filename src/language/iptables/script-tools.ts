/**
 * The programs that a script calls: the iptables family, which is carried out, those that do not
 * touch the rules, which are passed over, and all others, which are refused.
 */
import type { Family, TableName } from '../../ruleset/types.ts';
import { TABLE_NAMES } from '../../ruleset/types.ts';
import type { OpenSets } from '../ipset/run.ts';
import { runIpset } from '../ipset/script-command.ts';
import type { HostTable } from './addresses.ts';
import { parseCommandLine } from './command-line.ts';
import { execute } from './execute.ts';
import { versionText } from './help.ts';
import { printSave } from './print.ts';
import { restoreFile } from './restore-file.ts';
import type { Findings, SourceLine, Word } from './source.ts';
import { Refusal, splitLines } from './source.ts';
import type { OpenFamily } from './tables.ts';

/** What a script runs in. */
export interface ScriptContext {
  readonly findings: Findings;
  readonly hosts: HostTable;
  tables(family: Family): OpenFamily;
  /** The sets of ipset. */
  readonly sets: OpenSets;
  /** Reads a real file for `iptables-restore < file`; undefined when there is none. */
  readonly readFile: ((path: string) => string | undefined) | undefined;
  /** Told what the script's own commands print. */
  output(word: Word, text: string): void;
}

/** What is read from a file, a here-document or a pipe. */
export interface Input {
  readonly lines: readonly SourceLine[];
  /** The last line has no newline. */
  readonly unfinished: boolean;
  /** The text, when a command of the script printed it. */
  readonly printed: string | undefined;
}

/** Redirections of a command. */
export interface ScriptIo {
  readonly input: Input | undefined;
  readonly outputFile: string | undefined;
  /** The file is written on (`>>`). */
  readonly append: boolean;
  /** Errors go nowhere: the author expects them. */
  readonly quiet: boolean;
  /** Output goes nowhere. */
  readonly hidden: boolean;
  readFile(path: string): Input | undefined;
  writeFile(path: string, content: Input): void;
}

/** How a command ended. */
export interface Outcome {
  readonly status: number;
  readonly output: Input | undefined;
}

const TOOL = /^(?:.*\/)?(ip6?tables)(?:-legacy|-nft)?(-save|-restore)?(?:-legacy|-nft)?$/;

/** Programs that leave rules alone and are no news. */
const SILENT = new Set(
  (
    'echo printf sleep date logger clear cd umask trap set mkdir rmdir touch chmod chown cp mv rm ' +
    'ls grep egrep awk sed cut head tail sort uniq wc wait id whoami hostname which command type ' +
    'cat tee tput test logname sync diff less more pwd'
  ).split(' '),
);

/** Programs that leave rules alone but belong to a host's set-up: named once. */
const NAMED = new Set(
  (
    'modprobe insmod rmmod depmod sysctl ip ifconfig route arp ethtool tc conntrack service ' +
    'systemctl invoke-rc.d update-rc.d chkconfig netfilter-persistent iptables-persistent ' +
    'apt apt-get yum dnf brctl bridge iwconfig ping kill killall pkill log_daemon_msg log_end_msg'
  ).split(' '),
);

const OTHER_FIREWALLS = new Set('nft ebtables arptables ufw firewall-cmd ipchains'.split(' '));

const SUDO_WITH_VALUE = new Set(['-u', '-g', '-p', '-C', '-h', '-r', '-t', '-T', '-D', '-R']);

/** Takes `sudo`, `env NAME=value`, `command`, `exec`, `nice` and their like off the front. */
export function stripWrappers(words: readonly Word[]): readonly Word[] {
  let rest = words;
  for (;;) {
    const name = rest[0]?.text.replace(/^.*\//, '');
    if (name === 'command' && rest[1]?.text === '-v') return rest;
    if (name === 'sudo' || name === 'doas') rest = afterOptions(rest.slice(1), SUDO_WITH_VALUE);
    else if (name === 'env') rest = afterAssignments(afterOptions(rest.slice(1), new Set(['-u'])));
    else if (name === 'nice') rest = afterOptions(rest.slice(1), new Set(['-n']));
    else if (name === 'command' || name === 'exec' || name === 'time') rest = rest.slice(1);
    else return rest;
    if (name === 'sudo') rest = afterAssignments(rest);
  }
}

function afterOptions(words: readonly Word[], withValue: ReadonlySet<string>): readonly Word[] {
  let index = 0;
  for (;;) {
    const text = words[index]?.text ?? '';
    if (!text.startsWith('-')) return words.slice(index);
    index += withValue.has(text) ? 2 : 1;
    if (text === '--') return words.slice(index);
  }
}

function afterAssignments(words: readonly Word[]): readonly Word[] {
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word.text));
  return first < 0 ? [] : words.slice(first);
}

/**
 * Runs a program.
 * @param problem why the words are not to be relied upon: raised if the program matters
 * @throws Refusal
 */
export function runTool(
  argv: readonly Word[],
  io: ScriptIo,
  problem: Refusal | undefined,
  context: ScriptContext,
): Outcome {
  const [program] = argv;
  if (program === undefined) return { status: 0, output: undefined };
  const tool = TOOL.exec(program.text);
  if (tool !== null) {
    if (problem !== undefined) throw problem;
    for (const word of argv) refusePattern(word);
    const family: Family = tool[1] === 'iptables' ? 4 : 6;
    if (tool[2] === '-save') return save(argv, family, context, io);
    if (tool[2] === '-restore') return restore(argv, family, context, io);
    return command(argv, family, context);
  }
  const name = program.text.replace(/^.*\//, '');
  if (name === 'ipset') {
    if (problem !== undefined) throw problem;
    return runIpset(argv, io, context);
  }
  if (name === 'cat') return cat(argv, io);
  if (name === 'tee') return tee(argv, io);
  if (name === 'echo') return echo(argv, problem);
  if (SILENT.has(name)) return { status: 0, output: undefined };
  if (NAMED.has(name)) {
    context.findings.warn('ignored-command', `${name} is not carried out`, program);
    return { status: 0, output: undefined };
  }
  throw unknownProgram(program, name, problem);
}

function unknownProgram(program: Word, name: string, problem: Refusal | undefined): Refusal {
  if (problem !== undefined && name === '') return problem;
  if (OTHER_FIREWALLS.has(name)) {
    return new Refusal('unsupported-command', `rules of ${name} are not supported`, program, {
      hint: 'only iptables and ip6tables are',
    });
  }
  return new Refusal('unknown-command', `unknown command "${name}"`, program, {
    hint: 'whether it changes rules is not known; leave it out if it does not',
  });
}

function refusePattern(word: Word): void {
  if (word.glob !== true) return;
  throw new Refusal('shell-pattern', `the shell may expand "${word.text}"`, word, {
    hint: `quote it: '${word.text}'`,
  });
}

function printed(text: string, name: string): Input | undefined {
  if (text === '') return undefined;
  const lines = splitLines(text, `(output of ${name})`);
  return { lines, unfinished: !text.endsWith('\n'), printed: text };
}

function command(argv: readonly Word[], family: Family, context: ScriptContext): Outcome {
  const [program, ...words] = argv;
  if (program === undefined) return { status: 0, output: undefined };
  const tables = context.tables(family);
  const parsed = parseCommandLine(program, words, {
    family,
    hosts: context.hosts,
    findings: context.findings,
    bindings: tables.bindings,
    sets: tables.sets,
    restore: undefined,
    isChain: (table, chain) => tables.tables.get(table as TableName)?.chain(chain) !== undefined,
  });
  if (parsed.kind === 'print') {
    return { status: 0, output: printed(parsed.text, program.text) };
  }
  if (parsed.kind === 'nothing') return { status: 0, output: undefined };
  const { findings } = context;
  const text = execute(parsed.command, { tables, findings, restore: false });
  return { status: 0, output: printed(text, program.text) };
}

function tableNamed(word: Word): TableName {
  const name = TABLE_NAMES.find((each) => each === word.text);
  if (name !== undefined) return name;
  const message = 'Cannot initialize: Table does not exist (do you need to insmod?)';
  throw new Refusal('unknown-table', message, word, {
    hint: `the tables are ${[...TABLE_NAMES].join(', ')}`,
  });
}

function save(
  argv: readonly Word[],
  family: Family,
  context: ScriptContext,
  io: ScriptIo,
): Outcome {
  const [program, ...words] = argv;
  if (program === undefined) return { status: 0, output: undefined };
  let counters = false;
  let table: TableName | undefined;
  let file: Word | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const value = words[i + 1];
    if (word === undefined) continue;
    if (word.text === '-c' || word.text === '--counters') counters = true;
    else if (word.text === '-V' || word.text === '--version') {
      const text = versionText(family, false).replace('tables', 'tables-save');
      return { status: 0, output: printed(text, program.text) };
    } else if (/^(-t|--table)$/.test(word.text) && value !== undefined) {
      table = tableNamed(value);
      i += 1;
    } else if (/^(-f|--file)$/.test(word.text) && value !== undefined) {
      file = value;
      i += 1;
    } else if (/^(-M|--modprobe)$/.test(word.text)) i += 1;
    else {
      throw new Refusal('bad-argument', 'Unknown arguments found on commandline', word);
    }
  }
  if (table !== undefined) context.tables(family).table(table, true);
  const text = printSave(context.tables(family).freeze(), {
    counters,
    ...(table === undefined ? {} : { table }),
  });
  const output: Input = printed(text, program.text) ?? {
    lines: [],
    unfinished: false,
    printed: '',
  };
  if (file !== undefined) {
    io.writeFile(file.text, output);
    return { status: 0, output: undefined };
  }
  return { status: 0, output };
}

function restore(
  argv: readonly Word[],
  family: Family,
  context: ScriptContext,
  io: ScriptIo,
): Outcome {
  const [program, ...words] = argv;
  if (program === undefined) return { status: 0, output: undefined };
  const options = { counters: false, noflush: false, test: false };
  let table: string | undefined;
  let file: Word | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === undefined) continue;
    const { text } = word;
    if (text === '-c' || text === '--counters') options.counters = true;
    else if (text === '-n' || text === '--noflush') options.noflush = true;
    else if (text === '-t' || text === '--test') options.test = true;
    else if (text === '-v' || text === '--verbose') continue;
    else if (/^(-w|--wait|-W|--wait-interval)/.test(text)) {
      if (/^(-[wW]|--wait(-interval)?)$/.test(text) && /^\d+$/.test(words[i + 1]?.text ?? '')) {
        i += 1;
      }
    } else if (/^(-T|--table)$/.test(text)) table = words[++i]?.text;
    else if (/^(-M|--modprobe)$/.test(text)) i += 1;
    else if (!text.startsWith('-') && file === undefined) file = word;
    else throw new Refusal('bad-argument', 'Unknown arguments found on commandline', word);
  }
  const input = file === undefined ? io.input : io.readFile(file.text);
  if (input === undefined) {
    const what = file === undefined ? 'its input' : file.text;
    throw new Refusal('cannot-open', `Can't open ${what}: it is not known`, file ?? program, {
      hint: 'give a file that exists, a here-document, or what iptables-save wrote before',
    });
  }
  if (options.test) return { status: 0, output: undefined };
  const text = restoreFile(input.lines, context.tables(family), context.findings, {
    counters: options.counters,
    noflush: options.noflush,
    table,
    hosts: context.hosts,
    unfinished: input.unfinished,
    keepOrder: false,
  });
  return { status: 0, output: printed(text, program.text) };
}

function cat(argv: readonly Word[], io: ScriptIo): Outcome {
  const [, ...files] = argv.filter((word) => !word.text.startsWith('-'));
  if (files.length === 0) return { status: 0, output: io.input };
  const inputs = files.map((file) => io.readFile(file.text));
  const lines = inputs.flatMap((input) => input?.lines ?? []);
  if (inputs.includes(undefined)) return { status: 0, output: undefined };
  const unfinished = inputs.at(-1)?.unfinished === true;
  return { status: 0, output: { lines, unfinished, printed: undefined } };
}

function tee(argv: readonly Word[], io: ScriptIo): Outcome {
  for (const file of argv.slice(1)) {
    if (!file.text.startsWith('-') && io.input !== undefined) {
      io.writeFile(file.text, io.input);
    }
  }
  return { status: 0, output: io.input };
}

function echo(argv: readonly Word[], problem: Refusal | undefined): Outcome {
  const [program, ...words] = argv;
  if (program === undefined || problem !== undefined || words[0]?.text.startsWith('-') === true) {
    return { status: 0, output: undefined };
  }
  const text = words.map((word) => word.text).join(' ');
  const lines = [{ ...program.line, text }];
  return { status: 0, output: { lines, unfinished: false, printed: undefined } };
}
