/**
 * Runs the shell script of a ruleset against open tables: commands of the iptables family are
 * carried out, harmless ones passed over, and everything whose effect cannot be known is refused.
 */
import type { Input, Outcome, ScriptContext, ScriptIo } from './script-tools.ts';
import { runTool, stripWrappers } from './script-tools.ts';
import type { ShellValues } from './shell-expand.ts';
import { expandText, expandWord } from './shell-expand.ts';
import { parseShell } from './shell-parser.ts';
import type {
  AndOr,
  HereDocument,
  Pipeline,
  Redirect,
  ShellCommand,
  ShellList,
  ShellWord,
} from './shell-syntax.ts';
import type { SourceLine, Word } from './source.ts';
import { lineWord, Refusal, splitLines } from './source.ts';

/** Ends the script (`exit`). */
class Exit extends Error {}
/** Ends a function (`return`). */
class Return extends Error {}

const MAX_CALLS = 50;
/** Commands that a script may run, loops counted out. */
const MAX_COMMANDS = 500_000;

/** Runs a script. All errors go to the findings. */
export function runScript(lines: readonly SourceLine[], context: ScriptContext): void {
  const list = context.findings.collect(() => parseShell(withUnixEnds(lines)));
  if (list === undefined) return;
  new Script(context).run(list);
}

/** @throws Refusal when lines end in CR LF: for a shell, CR is a letter like any other */
function withUnixEnds(lines: readonly SourceLine[]): readonly SourceLine[] {
  const line = lines.find(({ text }) => text.endsWith('\r'));
  if (line === undefined) return lines;
  throw new Refusal('windows-line-ends', 'the line ends in CR LF', lineWord(line), {
    hint: 'a shell takes CR for a part of the last word: save the script with Unix line ends (LF)',
  });
}

class Script implements ShellValues {
  readonly #context: ScriptContext;
  readonly #variables = new Map<string, string>([
    ['UID', '0'],
    ['EUID', '0'],
    ['PATH', '/usr/sbin:/usr/bin:/sbin:/bin'],
    ['IFS', ' \t\n'],
    ['0', 'script'],
  ]);
  readonly #functions = new Map<string, ShellList>();
  /** Files that the script wrote: `iptables-save > file`. */
  readonly #files = new Map<string, Input>();
  /** Arguments of the function being run. */
  #arguments: readonly string[] | undefined;
  #calls = 0;
  #commands = 0;
  /** Inside of a condition, or left of `||` and `&&`: a failure there is part of the plan. */
  #tolerant = 0;

  constructor(context: ScriptContext) {
    this.#context = context;
  }

  run(list: ShellList): void {
    try {
      this.#list(list);
    } catch (error) {
      if (!(error instanceof Exit) && !(error instanceof Return)) throw error;
    }
  }

  variable(name: string): string | undefined {
    const position = this.#arguments;
    if (position !== undefined) {
      if (name === '@' || name === '*') return position.join(' ');
      if (name === '#') return `${position.length}`;
      if (/^[1-9]$/.test(name)) return position[Number(name) - 1] ?? '';
    }
    return this.#variables.get(name);
  }

  substitution(script: string): string | undefined {
    const words = script.trim().split(/\s+/);
    const [first, second, third] = words;
    if (first === 'which' && words.length === 2) return second;
    if (first === 'command' && second === '-v' && words.length === 3) return third;
    if (first === 'type' && second === '-p' && words.length === 3) return third;
    if (script.trim() === 'id -u') return '0';
    return undefined;
  }

  /** Status: 0 or 1, as the last command's. */
  #list(list: ShellList): number {
    let status = 0;
    for (const andOr of list) {
      status = this.#andOr(andOr);
    }
    return status;
  }

  #andOr(andOr: AndOr): number {
    let status = 0;
    andOr.forEach(({ operator, pipeline }, index) => {
      if (operator === '&&' && status !== 0) return;
      if (operator === '||' && status === 0) return;
      const last = index === andOr.length - 1;
      status = this.#tolerating(!last, () => this.#pipeline(pipeline));
    });
    return status;
  }

  #tolerating<T>(tolerant: boolean, work: () => T): T {
    this.#tolerant += tolerant ? 1 : 0;
    try {
      return work();
    } finally {
      this.#tolerant -= tolerant ? 1 : 0;
    }
  }

  #pipeline({ negated, commands }: Pipeline): number {
    const status = this.#tolerating(negated, () => {
      let input: Input | undefined;
      let last = 0;
      commands.forEach((command, index) => {
        const outcome = this.#command(command, input, index < commands.length - 1);
        input = outcome.output;
        last = outcome.status;
      });
      return last;
    });
    return negated ? (status === 0 ? 1 : 0) : status;
  }

  #command(command: ShellCommand, input: Input | undefined, piped: boolean): Outcome {
    switch (command.kind) {
      case 'simple':
        return this.#context.findings.collect(() => this.#simple(command, input, piped)) ?? NOTHING;
      case 'group':
        return { status: this.#list(command.body), output: undefined };
      case 'function':
        this.#functions.set(command.name, command.body);
        return NOTHING;
      case 'if':
        return { status: this.#if(command), output: undefined };
      case 'for':
        return { status: this.#for(command), output: undefined };
    }
  }

  #if({ branches, otherwise }: ShellCommand & { kind: 'if' }): number {
    for (const { condition, body } of branches) {
      if (this.#tolerating(true, () => this.#list(condition)) === 0) return this.#list(body);
    }
    return otherwise === undefined ? 0 : this.#list(otherwise);
  }

  #for({ name, words, body }: ShellCommand & { kind: 'for' }): number {
    let status = 0;
    for (const word of words) {
      const expansion = expandWord(word, this);
      if (expansion.problem !== undefined) this.#context.findings.add(expansion.problem);
      for (const field of expansion.words) {
        this.#variables.set(name, field.text);
        status = this.#list(body);
      }
    }
    return status;
  }

  #simple(
    command: ShellCommand & { kind: 'simple' },
    input: Input | undefined,
    piped: boolean,
  ): Outcome {
    this.#commands += 1;
    if (this.#commands === MAX_COMMANDS) this.#tooMany(command);
    if (this.#commands >= MAX_COMMANDS) throw new Exit();
    let problem: Refusal | undefined;
    const words: Word[] = [];
    for (const word of command.words) {
      const expansion = expandWord(word, this);
      words.push(...expansion.words);
      problem ??= expansion.problem;
    }
    const argv = stripWrappers(words);
    const [name] = argv;
    if (name === undefined) {
      this.#assign(command);
      return NOTHING;
    }
    const body = this.#functions.get(name.text);
    if (body !== undefined) return { status: this.#call(body, argv, problem), output: undefined };
    const builtin = this.#builtin(name, argv, problem);
    if (builtin !== undefined) return builtin;
    return this.#external(command.redirects, argv, input, problem, piped);
  }

  #tooMany({ words, assignments }: ShellCommand & { kind: 'simple' }): void {
    const word = words[0] ?? assignments[0]?.word;
    if (word === undefined) return;
    const place = { text: '', line: word.line, column: word.column, length: word.length };
    const message = `the script runs more than ${MAX_COMMANDS} commands`;
    this.#context.findings.add(new Refusal('too-many', message, place));
  }

  #assign(command: ShellCommand & { kind: 'simple' }): void {
    for (const { name, append, word } of command.assignments) {
      const { text, problem } = expandText(word, this);
      if (problem !== undefined) {
        // Raised where the variable is used, if it ever is.
        this.#variables.delete(name);
        continue;
      }
      this.#variables.set(name, append ? (this.#variables.get(name) ?? '') + text : text);
    }
  }

  #call(body: ShellList, argv: readonly Word[], problem: Refusal | undefined): number {
    if (problem !== undefined) throw problem;
    const [name] = argv;
    if (this.#calls >= MAX_CALLS && name !== undefined) {
      throw new Refusal('unsupported-shell', 'functions call each other too deeply', name);
    }
    const outer = this.#arguments;
    this.#arguments = argv.slice(1).map((word) => word.text);
    this.#calls += 1;
    try {
      return this.#list(body);
    } catch (error) {
      if (!(error instanceof Return)) throw error;
      return 0;
    } finally {
      this.#calls -= 1;
      this.#arguments = outer;
    }
  }

  /** Commands of the shell itself; undefined for others. */
  #builtin(name: Word, argv: readonly Word[], problem: Refusal | undefined): Outcome | undefined {
    switch (name.text) {
      case 'exit':
        throw new Exit();
      case 'return':
        throw new Return();
      case 'true':
      case ':':
        return NOTHING;
      case 'false':
        return { status: 1, output: undefined };
      case 'export':
      case 'readonly':
      case 'local':
      case 'declare':
      case 'typeset':
        for (const word of argv.slice(1)) this.#declare(word, problem);
        return NOTHING;
      case 'unset':
        for (const word of argv.slice(1)) this.#variables.delete(word.text);
        return NOTHING;
      case 'shift':
        this.#arguments = this.#arguments?.slice(1);
        return NOTHING;
      case '[':
      case 'test':
        if (problem !== undefined) throw problem;
        return { status: testStatus(name, argv), output: undefined };
      case '.':
      case 'source':
        return this.#source(argv, problem);
      default:
        return undefined;
    }
  }

  #declare(word: Word, problem: Refusal | undefined): void {
    const match = /^([A-Za-z_]\w*)=(.*)$/s.exec(word.text);
    if (match?.[1] === undefined) return;
    if (problem === undefined) this.#variables.set(match[1], match[2] ?? '');
    else this.#variables.delete(match[1]);
  }

  #source(argv: readonly Word[], problem: Refusal | undefined): Outcome {
    const file = argv[1];
    if (problem !== undefined) throw problem;
    const text = file === undefined ? undefined : this.#context.readFile?.(file.text);
    if (file === undefined || text === undefined) {
      const word = file ?? argv[0];
      if (word !== undefined) {
        this.#context.findings.warn('not-read', `${word.text} was not read`, word);
      }
      return NOTHING;
    }
    this.#calls += 1;
    if (this.#calls > MAX_CALLS) {
      throw new Refusal('unsupported-shell', 'files read each other in a circle', file);
    }
    const status = this.#list(parseShell(splitLines(text, file.text)));
    this.#calls -= 1;
    return { status, output: undefined };
  }

  #external(
    redirects: readonly Redirect[],
    argv: readonly Word[],
    input: Input | undefined,
    problem: Refusal | undefined,
    piped: boolean,
  ): Outcome {
    const io = this.#io(redirects, input);
    const { findings } = this.#context;
    let outcome: Outcome;
    try {
      outcome = runTool(argv, io, problem, this.#context);
    } catch (error) {
      const expected = this.#tolerant > 0 || io.quiet;
      if (!(error instanceof Refusal) || !error.state || !expected) throw error;
      const [name] = argv;
      if (name !== undefined) {
        const { hint } = error.diagnostic;
        findings.warn(`${error.diagnostic.code}-expected`, error.message, name, hint);
      }
      outcome = { status: 1, output: undefined };
    }
    const { output } = outcome;
    if (io.outputFile !== undefined) {
      this.#writeOutput(io.outputFile, output, io.append);
      return { status: outcome.status, output: undefined };
    }
    const [name] = argv;
    if (output?.printed !== undefined && !piped && name !== undefined && !io.hidden) {
      this.#context.output(name, output.printed);
    }
    return outcome;
  }

  /** Keeps what a command wrote to a file; a file with something unknown in it is unknown. */
  #writeOutput(file: string, output: Input | undefined, append: boolean): void {
    const before = append ? this.#read(file) : undefined;
    if (output === undefined) this.#files.delete(file);
    else if (before === undefined) this.#files.set(file, output);
    else {
      const lines = [...before.lines, ...output.lines];
      this.#files.set(file, { lines, unfinished: output.unfinished, printed: undefined });
    }
  }

  #io(redirects: readonly Redirect[], piped: Input | undefined): ScriptIo {
    let input = piped;
    let outputFile: string | undefined;
    let append = false;
    let quiet = false;
    let hidden = false;
    for (const redirect of redirects) {
      const { operator, descriptor, word, document } = redirect;
      const target = expandText(word, this);
      if (operator === '<<' && document !== undefined) input = this.#document(document);
      else if (operator === '<<<') input = inputOf(`${target.text}\n`, word);
      else if (operator === '<') input = this.#read(target.text);
      else if (operator === '&>' || (descriptor === 2 && operator !== '<&')) {
        quiet ||= target.text === '/dev/null' || target.text === '1' || operator === '&>';
        if (operator === '&>') hidden = true;
      } else if (operator === '>' || operator === '>>' || operator === '>|') {
        if (target.text === '/dev/null') hidden = true;
        else {
          outputFile = target.text;
          append = operator === '>>';
        }
      } else if (operator === '>&' && target.text === '/dev/null') {
        quiet = true;
        hidden = true;
      }
    }
    const readFile = (path: string): Input | undefined => this.#read(path);
    return { input, outputFile, append, quiet, hidden, readFile, writeFile: this.#write };
  }

  readonly #write = (path: string, content: Input): void => {
    this.#files.set(path, content);
  };

  /** A file: as the script wrote it, or from the disk. */
  #read(path: string): Input | undefined {
    const written = this.#files.get(path);
    if (written !== undefined) return written;
    const text = this.#context.readFile?.(path);
    if (text === undefined) return undefined;
    return { lines: splitLines(text, path), unfinished: !text.endsWith('\n'), printed: undefined };
  }

  #document({ lines, literal }: HereDocument): Input {
    if (literal) return { lines, unfinished: false, printed: undefined };
    const expanded = lines.map((line) => {
      if (!/[$`\\]/.test(line.text)) return line;
      const text = line.text.replace(/\$\{?([A-Za-z_]\w*)\}?/g, (_whole, name: string) =>
        this.#documentVariable(name, line),
      );
      return { ...line, text };
    });
    return { lines: expanded, unfinished: false, printed: undefined };
  }

  #documentVariable(name: string, line: SourceLine): string {
    const value = this.variable(name);
    if (value !== undefined) return value;
    const hint = `set it at the beginning: ${name}=…`;
    throw new Refusal('unset-variable', `$${name} is not set in the script`, lineWord(line), {
      hint,
    });
  }
}

const NOTHING: Outcome = { status: 0, output: undefined };

function inputOf(text: string, word: ShellWord): Input {
  const lines = text
    .replace(/\n$/, '')
    .split('\n')
    .map((each) => ({ ...word.line, text: each }));
  return { lines, unfinished: false, printed: undefined };
}

/** `[ … ]` on strings and numbers. @throws Refusal where files would have to be looked at */
function testStatus(name: Word, argv: readonly Word[]): number {
  const words = argv.slice(1).map((word) => word.text);
  if (name.text === '[' && words.pop() !== ']') {
    throw new Refusal('shell-syntax', 'missing "]"', name);
  }
  let negated = false;
  while (words[0] === '!' && words.length > 1) {
    negated = !negated;
    words.shift();
  }
  const held = testHolds(words);
  if (held === undefined) {
    const what = `${name.text} ${words.join(' ')}`;
    throw new Refusal('unsupported-shell', `the outcome of "${what}" is not known`, name, {
      hint: 'only strings and numbers can be compared',
    });
  }
  return held === negated ? 1 : 0;
}

function testHolds(words: readonly string[]): boolean | undefined {
  const [a = '', b = '', c = ''] = words;
  if (words.length === 0) return false;
  if (words.length === 1) return a !== '';
  if (words.length === 2) {
    if (a === '-n') return b !== '';
    if (a === '-z') return b === '';
    // The tools that a script looks for are there.
    if (['-x', '-f', '-e'].includes(a) && /\/ip6?tables[a-z-]*$/.test(b)) return true;
    return undefined;
  }
  if (words.length > 3) return undefined;
  if (b === '=' || b === '==') return a === c;
  if (b === '!=') return a !== c;
  const [x, y] = [Number(a), Number(c)];
  if (!Number.isInteger(x) || !Number.isInteger(y)) return undefined;
  const compare: Readonly<Record<string, boolean>> = {
    '-eq': x === y,
    '-ne': x !== y,
    '-lt': x < y,
    '-le': x <= y,
    '-gt': x > y,
    '-ge': x >= y,
  };
  return compare[b];
}
