/**
 * Files of iptables-save, read as iptables-restore 1.8.9 reads them: line by line, `*table` …
 * `COMMIT`. Unlike the real tool, which stops at the first, all errors of a file are collected.
 */
import type { Family, TableName } from '../../ruleset/types.ts';
import { TABLE_NAMES } from '../../ruleset/types.ts';
import type { HostTable } from './addresses.ts';
import { parseCommandLine } from './command-line.ts';
import { execute, setPolicy } from './execute.ts';
import { kernelRefusals } from './kernel-checks.ts';
import type { LineContext } from './line-state.ts';
import { restoreWords, splitCounters } from './restore-words.ts';
import type { Findings, SourceLine, Word } from './source.ts';
import { lineWord, Refusal, wordAt } from './source.ts';
import { didYouMean } from './suggest.ts';
import type { OpenFamily, OpenTable } from './tables.ts';

/** How to read a file. */
export interface RestoreOptions {
  /** -c: take the counters of the file. */
  readonly counters: boolean;
  /** -n: keep the rules that the tables have. */
  readonly noflush: boolean;
  /** -T: only this table. */
  readonly table?: string | undefined;
  readonly hosts: HostTable;
  /** The text ends without a newline; the real tool then does not know its last line. */
  readonly unfinished: boolean;
  /** Keep the file's order of tables, rather than the kernel's (newest first). */
  readonly keepOrder: boolean;
}

/** Reads a file into the tables of a family. Returns what the tool prints. */
export function restoreFile(
  lines: readonly SourceLine[],
  tables: OpenFamily,
  findings: Findings,
  options: RestoreOptions,
): string {
  return new RestoreFile(lines, tables, findings, options).run();
}

class RestoreFile {
  readonly #lines: readonly SourceLine[];
  readonly #tables: OpenFamily;
  readonly #findings: Findings;
  readonly #options: RestoreOptions;
  readonly #family: Family;
  readonly #program: string;
  #table: OpenTable | undefined;
  #context: LineContext | undefined;
  /** Within the lines of a table that is left out or does not exist. */
  #skipping = false;
  #outside = false;
  #output = '';

  constructor(
    lines: readonly SourceLine[],
    tables: OpenFamily,
    findings: Findings,
    options: RestoreOptions,
  ) {
    this.#lines = lines;
    this.#tables = tables;
    this.#findings = findings;
    this.#options = options;
    this.#family = tables.family;
    this.#program = tables.family === 4 ? 'iptables-restore' : 'ip6tables-restore';
  }

  run(): string {
    for (const line of this.#lines) {
      if (line.text === '' || line.text.startsWith('#')) continue;
      this.#findings.collect(() => this.#line(line));
    }
    if (this.#table !== undefined || this.#skipping) this.#missingCommit();
    return this.#output;
  }

  #missingCommit(): void {
    const last = this.#lines.at(-1);
    if (last === undefined || (this.#skipping && this.#options.table !== undefined)) return;
    const message = `COMMIT expected at line ${last.number + 1}`;
    const hint = 'each table ends with a line COMMIT, spelled like that and without spaces';
    this.#findings.add(new Refusal('commit-expected', message, lineWord(last), { hint }));
  }

  #line(line: SourceLine): void {
    const { text } = line;
    const finished = !(this.#options.unfinished && line === this.#lines.at(-1));
    if (text === 'COMMIT' && !finished) {
      this.#table = undefined;
      this.#skipping = false;
      throw new Refusal('commit-expected', "Bad argument `COMMIT'", lineWord(line), {
        hint: 'the file must end with a newline: without it iptables-restore does not see COMMIT',
      });
    }
    if (text === 'COMMIT' && (this.#table !== undefined || this.#skipping)) {
      this.#commit();
    } else if (text.startsWith('*') && this.#table === undefined && !this.#skipping) {
      this.#openTable(line);
    } else if (this.#skipping) {
      return;
    } else if (this.#table === undefined) {
      this.#strayLine(line);
    } else if (text.startsWith(':')) {
      this.#declareChain(line, this.#table);
    } else {
      this.#command(line, this.#table);
    }
  }

  #strayLine(line: SourceLine): void {
    if (this.#outside) return;
    // One finding for a block of such lines is enough.
    this.#outside = true;
    throw new Refusal('outside-table', `line ${line.number} failed`, lineWord(line), {
      hint: 'a line outside of a table: a table begins with a line such as *filter',
    });
  }

  #openTable(line: SourceLine): void {
    this.#outside = false;
    const match = /^\*[ \t]*([^ \t]+)/.exec(line.text);
    const name = match?.[1];
    if (match === null || name === undefined) {
      const message = `line ${line.number} table name invalid`;
      throw new Refusal('unknown-table', message, lineWord(line));
    }
    const known = TABLE_NAMES.find((each) => each === name);
    if (this.#options.table !== undefined && this.#options.table !== name) {
      this.#skipping = true;
      return;
    }
    if (known === undefined) {
      this.#skipping = true;
      throw this.#noTable(line, name, match[0].length - name.length);
    }
    this.#table = this.#tables.table(known, !this.#options.keepOrder);
    if (!this.#options.noflush) this.#table.clear();
    // Policies that the file does not set keep their verdict, but not their counters.
    this.#table.zeroPolicies();
  }

  #noTable(line: SourceLine, name: string, at: number): Refusal {
    const word = { text: name, line, column: at + 1, length: name.length };
    const hint = name.endsWith('\r')
      ? 'the file has Windows line ends (CR LF): remove the CRs'
      : (didYouMean(name, TABLE_NAMES) ?? `the tables are ${[...TABLE_NAMES].join(', ')}`);
    return new Refusal('unknown-table', `unable to initialize table '${name}'`, word, { hint });
  }

  #commit(): void {
    const table = this.#table;
    this.#table = undefined;
    this.#skipping = false;
    if (table === undefined) return;
    for (const refusal of kernelRefusals(table)) this.#findings.add(refusal);
  }

  #declareChain(line: SourceLine, table: OpenTable): void {
    const words = fields(line, 1);
    const [name, policy, counters] = words;
    if (name === undefined) {
      const message = `line ${line.number} chain name invalid`;
      throw new Refusal('chain-name', message, lineWord(line));
    }
    if (Buffer.byteLength(name.text) >= 29) {
      const message = `Invalid chain name \`${name.text}' (28 chars max)`;
      throw new Refusal('chain-name', message, name);
    }
    const chain = table.chain(name.text);
    if (chain === undefined) {
      if (['ACCEPT', 'DROP', 'QUEUE', 'RETURN'].includes(name.text)) throw chainExists(name);
      table.add(name.text);
    } else if (chain.policy === undefined) {
      if (!this.#options.noflush) throw chainExists(name);
      table.flush(chain);
    }
    if (policy === undefined) {
      throw new Refusal('bad-policy', `line ${line.number} policy invalid`, lineWord(line), {
        hint: ':CHAIN POLICY [packets:bytes], the policy being - for a chain of your own',
      });
    }
    if (policy.text !== '-') this.#policy(table, name, policy, counters);
  }

  #policy(table: OpenTable, name: Word, policy: Word, counters: Word | undefined): void {
    const chain = table.chain(name.text);
    try {
      setPolicy(table, chain, name, policy);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, hint } = error.diagnostic;
      const message = `Can't set policy \`${policy.text}' on \`${name.text}' line ${name.line.number}: ${error.message}`;
      throw new Refusal(code, message, code === 'bad-policy' ? policy : name, { hint });
    }
    if (chain === undefined) return;
    const found = /^\[(\d+):(\d+)\]?/.exec(counters?.text ?? '');
    if (found === null && this.#options.counters && counters !== undefined) {
      const message = `invalid policy counters for chain '${name.text}'`;
      throw new Refusal('bad-counter', message, counters, { hint: '[packets:bytes]' });
    }
    chain.packets = this.#options.counters ? Number(found?.[1] ?? 0) : 0;
    chain.bytes = this.#options.counters ? Number(found?.[2] ?? 0) : 0;
  }

  #command(line: SourceLine, table: OpenTable): void {
    const { counters, start } = splitCounters(line);
    const words = restoreWords(line, start);
    const program = wordAt(lineWord(line), this.#program);
    const setCounters =
      counters !== undefined && this.#options.counters
        ? [wordAt(counters.packets, '--set-counters'), counters.packets, counters.bytes]
        : [];
    const all = setCounters.length === 0 ? words : [...setCounters, ...words];
    const parsed = parseCommandLine(program, all, this.#lineContext(table));
    if (parsed.kind === 'print') this.#output += parsed.text;
    if (parsed.kind !== 'command') return;
    this.#output += execute(parsed.command, {
      tables: this.#tables,
      findings: this.#findings,
      restore: true,
    });
  }

  /** The same for all lines of a table. */
  #lineContext(table: OpenTable): LineContext {
    if (this.#context?.restore?.table === table.name) return this.#context;
    this.#context = {
      family: this.#family,
      hosts: this.#options.hosts,
      findings: this.#findings,
      bindings: this.#tables.bindings,
      sets: this.#tables.sets,
      restore: { table: table.name, program: this.#program },
      isChain: (name, chain) =>
        this.#tables.tables.get(name as TableName)?.chain(chain) !== undefined,
    };
    return this.#context;
  }
}

function chainExists(name: Word): Refusal {
  const message = `error creating chain '${name.text}':File exists`;
  return new Refusal('chain-exists', message, name, {
    hint: 'a chain is declared once, and not with the name of a verdict',
  });
}

/** Words between blanks from an offset on. */
function fields(line: SourceLine, from: number): Word[] {
  const words: Word[] = [];
  for (const match of line.text.slice(from).matchAll(/[^ \t]+/g)) {
    const column = from + match.index + 1;
    words.push({ text: match[0], line, column, length: match[0].length });
  }
  return words;
}
