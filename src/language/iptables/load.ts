/**
 * Loads rulesets written in the language of iptables: files of iptables-save and ip6tables-save,
 * output of `iptables -S`, and shell scripts of iptables commands. Several sources follow one
 * another, as if run in turn on one host.
 */
import type { Diagnostic, Position } from '../../errors.ts';
import { RulesetError } from '../../errors.ts';
import type { Family, FamilyRuleset, Ruleset, RulesetSource } from '../../ruleset/types.ts';
import { openSets } from '../ipset/open-sets.ts';
import { isIpsetText, restoreText } from '../ipset/restore.ts';
import type { HostTable } from './addresses.ts';
import { detectFamilies, detectKind } from './detect.ts';
import { restoreFile } from './restore-file.ts';
import { runScript } from './script.ts';
import type { SourceLine } from './source.ts';
import { Findings, lineWord, positionOf, splitLines } from './source.ts';
import { OpenFamily } from './tables.ts';
import { notPlainText } from './text-check.ts';

/** Options of loadRuleset. */
export interface LoadOptions {
  /** Addresses of the host names that the rules use, by name. Names are never looked up. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** Reads a file that a script names (`iptables-restore < FILE`); undefined: there is none. */
  readonly readFile?: (path: string) => string | undefined;
  /** Files of ipset (`ipset save`), restored before everything else. */
  readonly ipsets?: readonly RulesetSource[];
  /** Keep what earlier sources put into a table that a later file of iptables-save names. */
  readonly noflush?: boolean;
  /** Errors, and warnings, that are told one by one; the rest is counted. 100 by default. */
  readonly mostFindings?: number;
}

/** What a command within a ruleset printed (`iptables -L`, `-S`, `--version`, iptables-save). */
export interface CommandOutput {
  readonly where: Position;
  readonly text: string;
}

/** A loaded ruleset. */
export interface LoadedRuleset {
  readonly ruleset: Ruleset;
  /** Warnings: what was passed over, and what iptables itself warns of. */
  readonly diagnostics: readonly Diagnostic[];
  readonly outputs: readonly CommandOutput[];
}

/**
 * Loads the sources, in order.
 * @throws RulesetError with everything that iptables would refuse, or that is not supported
 */
export function loadRuleset(
  sources: readonly RulesetSource[],
  options: LoadOptions = {},
): LoadedRuleset {
  const loader = new Loader(options);
  for (const source of options.ipsets ?? []) loader.restoreSets(source);
  for (const source of sources) loader.add(source);
  return loader.result();
}

class Loader {
  readonly #options: LoadOptions;
  readonly #hosts: HostTable;
  readonly #findings: Findings;
  readonly #families = new Map<Family, OpenFamily>();
  readonly #sets = openSets(this.#families);
  readonly #outputs: CommandOutput[] = [];
  /** Whether the source being read has asked for a family's tables. */
  #touched = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#findings = new Findings(options.mostFindings);
    this.#hosts = new Map(
      Object.entries(options.hosts ?? {}).map(([name, addresses]) => [
        name.toLowerCase(),
        addresses,
      ]),
    );
  }

  add(source: RulesetSource): void {
    this.#touched = false;
    this.#read(source);
    if (this.#touched || this.#findings.errors.length > 0) return;
    this.#findings.note({
      code: 'no-tables',
      message: `no table and no command in it: nothing is replayed against it`,
      where: { file: source.file, line: 1, column: 1 },
      sourceLine: source.text.split('\n', 1)[0] ?? '',
      hint: 'iptables-save prints nothing where no table is loaded: everything is accepted there',
      severity: 'warning',
    });
  }

  #read(source: RulesetSource): void {
    if (isIpsetText(source.text)) {
      this.#touched = true;
      this.restoreSets(source);
      return;
    }
    const lines = splitLines(source.text, source.file);
    const refused = notPlainText(lines, source.text);
    if (refused !== undefined) {
      this.#findings.note(refused);
      return;
    }
    const kind = detectKind(lines);
    if (kind === 'script') {
      this.#script(lines);
      return;
    }
    const families = source.family === undefined ? detectFamilies(source.text) : [source.family];
    for (const family of families) {
      if (kind === 'save') this.#save(lines, family, !source.text.endsWith('\n'));
      else this.#commands(lines, family);
    }
  }

  /** Restores a file of ipset. */
  restoreSets({ text, file }: RulesetSource): void {
    restoreText(text, file, this.#sets, this.#findings, {
      exist: false,
      output: (line, printed) =>
        this.#outputs.push({ where: positionOf(lineWord(line)), text: printed }),
    });
  }

  #tables(family: Family): OpenFamily {
    this.#touched = true;
    let tables = this.#families.get(family);
    if (tables === undefined) {
      tables = new OpenFamily(family, this.#sets.collection);
      this.#families.set(family, tables);
    }
    return tables;
  }

  #script(lines: readonly SourceLine[]): void {
    runScript(lines, {
      findings: this.#findings,
      hosts: this.#hosts,
      tables: (family) => this.#tables(family),
      sets: this.#sets,
      readFile: this.#options.readFile,
      output: (word, text) => this.#outputs.push({ where: positionOf(word), text }),
    });
  }

  #save(lines: readonly SourceLine[], family: Family, unfinished: boolean): void {
    const text = restoreFile(lines, this.#tables(family), this.#findings, {
      counters: true,
      noflush: this.#options.noflush === true,
      hosts: this.#hosts,
      unfinished,
      keepOrder: true,
    });
    const [first] = lines;
    if (text !== '' && first !== undefined) {
      this.#outputs.push({ where: positionOf(lineWord(first)), text });
    }
  }

  /** `iptables -S` names no table: taken for the filter table's commands. */
  #commands(lines: readonly SourceLine[], family: Family): void {
    const [first] = lines;
    if (first === undefined) return;
    this.#findings.warn(
      'assumed-filter-table',
      'no table is named: taken for the rules of the filter table',
      lineWord(first),
      'iptables-save names the tables',
    );
    const frame = (text: string): SourceLine => ({ ...first, text });
    const last = { ...(lines.at(-1) ?? first), text: 'COMMIT' };
    this.#save([frame('*filter'), ...lines, last], family, false);
  }

  result(): LoadedRuleset {
    const { errors, warnings } = this.#findings;
    if (errors.length > 0) throw new RulesetError(errors);
    const families = new Map<Family, FamilyRuleset>();
    for (const family of [4, 6] as const) {
      const tables = this.#families.get(family);
      if (tables !== undefined) families.set(family, tables.freeze());
    }
    const sets = this.#sets.collection;
    const ruleset: Ruleset = sets.size === 0 ? { families } : { families, sets };
    return { ruleset, diagnostics: warnings, outputs: this.#outputs };
  }
}
