/**
 * Options as one writes them, for tests: the examples in the folders `examples` (one text file per
 * match or target, written from what the real tool does), and words turned into the option uses that
 * a definition reads.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Diagnostic } from '../../src/errors.ts';
import type { OptionSpec, OptionUse, ParseContext } from '../../src/match/definition.ts';
import { protocolNumber } from '../../src/packet/text.ts';
import type { Family, IpMatch } from '../../src/ruleset/types.ts';

/** One line of a file. */
export interface Example {
  readonly family: Family;
  /** As `-p tcp` or `! -p tcp`; '' for none. */
  readonly protocol: string;
  readonly options: string;
  /** The refusal's message; the forms below are '' then. */
  readonly message: string | undefined;
  readonly saved: string;
  readonly listed: string;
  readonly listedNumeric: string;
}

const TEST = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The examples of a match or target. */
export function examplesOf(folder: 'match' | 'target', name: string): Example[] {
  return readFileSync(join(TEST, folder, 'examples', `${name}.txt`), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [family, protocol = '', options = '', saved = '', listed = '', numeric] =
        line.split(' | ');
      const refused = /^REFUSED (.*)$/.exec(saved)?.[1];
      return {
        family: family === '6' ? 6 : 4,
        protocol,
        options,
        message: refused,
        saved: refused === undefined ? saved : '',
        listed,
        listedNumeric: numeric ?? listed,
      };
    });
}

/** Splits as a shell does, quotes and backslashes included. */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    const plain = word.replace(
      /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g,
      (_, double?: string, single?: string, escaped?: string) =>
        double?.replace(/\\(.)/g, '$1') ?? single ?? escaped ?? '',
    );
    words.push(plain);
  }
  return words;
}

/** Words as the option uses of a definition; every option must be one of its own. */
export function usesOf(specs: readonly OptionSpec[], words: readonly string[]): OptionUse[] {
  const uses: OptionUse[] = [];
  const left = [...words];
  while (left.length > 0) {
    const inverted = left[0] === '!';
    if (inverted) left.shift();
    const word = left.shift() ?? '';
    const name = word.replace(/^--/, '');
    const spec = specs.find((each) => each.name === name || each.aliases?.includes(name));
    if (spec === undefined) throw new Error(`no option ${word}`);
    const count = spec.argument === undefined ? 0 : 1 + (spec.extraArguments ?? 0);
    const value = count === 0 ? undefined : left.splice(0, count).join(' ');
    uses.push({ name: spec.name, inverted, value });
  }
  return uses;
}

/** `-p tcp` as a rule's conditions. */
export function ipMatchOf(protocol: string): IpMatch {
  if (protocol === '') return {};
  const name = protocol.replace(/^(! )?-p /, '');
  const own = new Map([['icmpv6', 58]]);
  const number = own.get(name) ?? protocolNumber(name) ?? Number(name);
  return { protocol: { number, inverted: protocol.startsWith('!') } };
}

/** What `parse` may look at; `warnings` collects findings. */
export function parseContext(
  family: Family,
  protocol = '',
  warnings: Omit<Diagnostic, 'where' | 'sourceLine'>[] = [],
): ParseContext {
  return {
    family,
    table: 'filter',
    chain: 'INPUT',
    ip: ipMatchOf(protocol),
    warn: (diagnostic) => warnings.push(diagnostic),
  };
}
