/**
 * Parses the shell script of a ruleset: simple commands, `&&`, `||`, `;`, pipes, redirections,
 * here-documents, assignments, `for`, `if`, functions and `{ … }`. What else a shell can do is
 * refused at its place: its outcome would be a guess.
 */

import type { Token } from './shell-lexer.ts';
import { ShellLexer } from './shell-lexer.ts';
import type {
  AndOr,
  Assignment,
  Pipeline,
  Redirect,
  ShellCommand,
  ShellList,
  ShellWord,
} from './shell-syntax.ts';
import type { SourceLine, Word } from './source.ts';
import { Refusal } from './source.ts';

const REDIRECTS = new Set([
  '>',
  '>>',
  '>|',
  '<',
  '<<',
  '<<-',
  '<<<',
  '>&',
  '<&',
  '&>',
  '&>>',
  '<>',
]);
const UNSUPPORTED = new Set(['while', 'until', 'case', 'select', '[[', 'coproc']);
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)(\+?)=/;
const MAX_DEPTH = 100;

/** Parses a script. @throws Refusal shell-syntax, unsupported-shell */
export function parseShell(lines: readonly SourceLine[]): ShellList {
  return new ShellParser(lines).parse();
}

function placeOf(token: Token): Word {
  if (token.kind !== 'word') return token.place;
  const { line, column, length } = token.word;
  return { text: token.plain ?? '', line, column, length };
}

class ShellParser {
  readonly #lexer: ShellLexer;
  #token: Token;
  #depth = 0;

  constructor(lines: readonly SourceLine[]) {
    this.#lexer = new ShellLexer(lines);
    this.#token = this.#lexer.next();
  }

  parse(): ShellList {
    const list = this.#list([]);
    if (this.#token.kind !== 'end') throw this.#unexpected();
    return list;
  }

  #advance(): Token {
    const token = this.#token;
    this.#token = this.#lexer.next();
    return token;
  }

  #unexpected(): Refusal {
    const token = this.#token;
    const what =
      token.kind === 'word' || token.kind === 'operator'
        ? `unexpected "${token.kind === 'word' ? (token.plain ?? 'word') : token.text}"`
        : `unexpected ${token.kind === 'end' ? 'end of file' : 'end of line'}`;
    return new Refusal('shell-syntax', what, placeOf(token));
  }

  #isOperator(...texts: string[]): boolean {
    return this.#token.kind === 'operator' && texts.includes(this.#token.text);
  }

  #isReserved(...words: string[]): boolean {
    const token = this.#token;
    return token.kind === 'word' && token.plain !== undefined && words.includes(token.plain);
  }

  #endsCommand(): boolean {
    return this.#token.kind === 'newline' || this.#token.kind === 'end' || this.#isOperator(';');
  }

  #expect(word: string): void {
    this.#skipNewlines();
    if (!this.#isReserved(word)) throw this.#unexpected();
    this.#advance();
  }

  #skipNewlines(): void {
    while (this.#token.kind === 'newline') this.#advance();
  }

  /** Commands up to one of the reserved words (not taken) or the end. */
  #list(until: readonly string[]): ShellList {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new Refusal('shell-syntax', 'nested too deeply', placeOf(this.#token));
    }
    const list: AndOr[] = [];
    for (;;) {
      while (this.#token.kind === 'newline' || this.#isOperator(';')) this.#advance();
      if (this.#token.kind === 'end' || this.#isReserved(...until)) break;
      list.push(this.#andOr());
      if (this.#isOperator('&')) throw this.#unsupported('a command in the background (&)');
      if (!this.#endsCommand() && !this.#isReserved(...until)) throw this.#unexpected();
    }
    this.#depth -= 1;
    return list;
  }

  #andOr(): AndOr {
    const parts: { operator: '&&' | '||' | undefined; pipeline: Pipeline }[] = [
      { operator: undefined, pipeline: this.#pipeline() },
    ];
    while (this.#isOperator('&&', '||')) {
      const token = this.#advance();
      this.#skipNewlines();
      const operator = token.kind === 'operator' && token.text === '&&' ? '&&' : '||';
      parts.push({ operator, pipeline: this.#pipeline() });
    }
    return parts;
  }

  #pipeline(): Pipeline {
    let negated = false;
    while (this.#isReserved('!')) {
      negated = !negated;
      this.#advance();
    }
    const commands = [this.#command()];
    while (this.#isOperator('|')) {
      this.#advance();
      this.#skipNewlines();
      commands.push(this.#command());
    }
    return { negated, commands };
  }

  #command(): ShellCommand {
    const token = this.#token;
    if (this.#isOperator('(')) throw this.#unsupported('a subshell ( … )');
    if (token.kind === 'operator' && !REDIRECTS.has(token.text)) throw this.#unexpected();
    if (token.kind !== 'word' || token.plain === undefined) return this.#simple();
    if (UNSUPPORTED.has(token.plain)) throw this.#unsupported(`"${token.plain}"`);
    switch (token.plain) {
      case '{':
        return this.#group();
      case 'for':
        return this.#for();
      case 'if':
        return this.#if();
      case 'function':
        this.#advance();
        return this.#function(undefined);
      case 'then':
      case 'elif':
      case 'else':
      case 'fi':
      case 'do':
      case 'done':
      case '}':
        throw this.#unexpected();
      default:
        return this.#simple();
    }
  }

  #unsupported(what: string): Refusal {
    return new Refusal('unsupported-shell', `${what} is not supported`, placeOf(this.#token), {
      hint: 'run the script on a machine of its own and give what iptables-save then prints',
    });
  }

  #group(): ShellCommand {
    this.#advance();
    const body = this.#list(['}']);
    this.#expect('}');
    return { kind: 'group', body, redirects: this.#redirects() };
  }

  #redirects(): Redirect[] {
    const redirects: Redirect[] = [];
    while (this.#token.kind === 'operator' && REDIRECTS.has(this.#token.text)) {
      redirects.push(this.#redirect(undefined));
    }
    return redirects;
  }

  #for(): ShellCommand {
    this.#advance();
    const variable = this.#advance();
    if (variable.kind !== 'word' || !/^[A-Za-z_]\w*$/.test(variable.plain ?? '')) {
      throw new Refusal('shell-syntax', 'a name must follow "for"', placeOf(variable));
    }
    this.#skipNewlines();
    if (!this.#isReserved('in')) throw this.#unsupported('"for" without "in"');
    this.#advance();
    const words: ShellWord[] = [];
    while (this.#token.kind === 'word') {
      words.push(this.#token.word);
      this.#advance();
    }
    if (this.#isOperator(';')) this.#advance();
    this.#expect('do');
    const body = this.#list(['done']);
    this.#expect('done');
    return { kind: 'for', name: variable.plain ?? '', words, body };
  }

  #if(): ShellCommand {
    const branches: { condition: ShellList; body: ShellList }[] = [];
    let otherwise: ShellList | undefined;
    do {
      this.#advance();
      const condition = this.#list(['then']);
      this.#expect('then');
      branches.push({ condition, body: this.#list(['elif', 'else', 'fi']) });
    } while (this.#isReserved('elif'));
    if (this.#isReserved('else')) {
      this.#advance();
      otherwise = this.#list(['fi']);
    }
    this.#expect('fi');
    return { kind: 'if', branches, otherwise };
  }

  #function(name: string | undefined): ShellCommand {
    let called = name;
    if (called === undefined) {
      const token = this.#advance();
      if (token.kind !== 'word' || token.plain === undefined) throw this.#unexpected();
      called = token.plain;
    }
    if (this.#isOperator('(')) {
      this.#advance();
      if (!this.#isOperator(')')) throw this.#unexpected();
      this.#advance();
    }
    this.#skipNewlines();
    if (!this.#isReserved('{')) throw this.#unexpected();
    this.#advance();
    const body = this.#list(['}']);
    this.#expect('}');
    return { kind: 'function', name: called, body };
  }

  #simple(): ShellCommand {
    const assignments: Assignment[] = [];
    const words: ShellWord[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      const token = this.#token;
      if (token.kind === 'operator' && REDIRECTS.has(token.text)) {
        redirects.push(this.#redirect(undefined));
        continue;
      }
      if (token.kind !== 'word') break;
      this.#advance();
      const assignment = words.length === 0 ? assignmentOf(token.word) : undefined;
      if (assignment !== undefined) assignments.push(assignment);
      else if (this.#isDescriptor(token)) redirects.push(this.#redirect(Number(token.plain)));
      else words.push(token.word);
      if (this.#isOperator('(')) {
        if (words.length === 1 && assignments.length === 0 && token.plain !== undefined) {
          return this.#function(token.plain);
        }
        throw this.#unsupported('"(" here');
      }
    }
    return { kind: 'simple', assignments, words, redirects };
  }

  /** `2` directly before `>` is a file descriptor. */
  #isDescriptor(token: Token & { kind: 'word' }): boolean {
    const next = this.#token;
    if (next.kind !== 'operator' || !REDIRECTS.has(next.text)) return false;
    if (token.plain === undefined || !/^[0-9]$/.test(token.plain)) return false;
    const { line, column } = token.word;
    return next.place.line === line && next.place.column === column + 1;
  }

  #redirect(descriptor: number | undefined): Redirect {
    const token = this.#advance();
    const target = this.#token;
    if (token.kind !== 'operator' || target.kind !== 'word') throw this.#unexpected();
    const strip = token.text === '<<-';
    const operator = (strip ? '<<' : token.text.replace('&>>', '&>')) as Redirect['operator'];
    const { word } = target;
    if (operator !== '<<') {
      this.#advance();
      return { operator, descriptor, word, document: undefined };
    }
    const literal = target.plain === undefined;
    const delimiter = word.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
    // Before the next token is read: that may be the newline after which the document begins.
    const document = this.#lexer.expectDocument(delimiter, literal, strip);
    this.#advance();
    return { operator, descriptor, word, document };
  }
}

function assignmentOf(word: ShellWord): Assignment | undefined {
  const [first, ...rest] = word.parts;
  if (first?.kind !== 'text' || first.quoted) return undefined;
  const match = ASSIGNMENT.exec(first.text);
  if (match === null) return undefined;
  const text = first.text.slice(match[0].length);
  const parts = text === '' ? rest : [{ ...first, text }, ...rest];
  return { name: match[1] ?? '', append: match[2] === '+', word: { ...word, parts } };
}
