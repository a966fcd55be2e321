/**
 * Options as one writes them, for tests: the examples in the folders `examples` (one text file per
 * match or target, written from what the real tool does), and words turned into the option uses that
 * a definition reads.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Diagnostic } from '../../src/errors.ts';
import type {
  BoundMatch,
  OptionSpec,
  OptionUse,
  ParseContext,
} from '../../src/match/definition.ts';
import { findMatch } from '../../src/match/registry.ts';
import { protocolNumber } from '../../src/packet/text.ts';
import type { Family, IpMatch, TableName } from '../../src/ruleset/types.ts';
import { BUILTIN_CHAINS } from '../../src/ruleset/types.ts';
import { allTargets } from '../../src/target/registry.ts';
import { exampleSets } from '../support/sets.ts';

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

/** `\\0` stands for the NUL that a listing of -m bpf holds. */
const withNul = (text: string): string => text.replaceAll('\\0', '\0');

/** The examples of a match or target. Blanks at the end of listings are left out. */
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
        listed: withNul(listed),
        listedNumeric: withNul(numeric ?? listed),
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

/** Where the rules of the examples stand. */
export interface Place {
  readonly table: TableName;
  readonly chain: string;
}

const INPUT: Place = { table: 'filter', chain: 'INPUT' };
const ELSEWHERE: Readonly<Record<string, Place>> = {
  devgroup: { table: 'filter', chain: 'FORWARD' },
  owner: { table: 'filter', chain: 'OUTPUT' },
  rpfilter: { table: 'mangle', chain: 'PREROUTING' },
};

const TARGETS_ELSEWHERE: Readonly<Record<string, Place>> = {
  TCPMSS: { table: 'filter', chain: 'FORWARD' },
};

/** The first table and chain that the kernel takes a target in; INPUT before others. */
function placeOfTarget(name: string): Place | undefined {
  const target = allTargets.find((each) => each.name === name);
  const table = target?.tables?.[0] ?? 'filter';
  const chains = BUILTIN_CHAINS[table].filter((chain) => target?.hooks?.includes(chain) !== false);
  const chain = chains.includes('INPUT') ? 'INPUT' : chains[0];
  return target === undefined || chain === undefined ? undefined : { table, chain };
}

/** Where a match or target is tried: in INPUT, unless it is not allowed there. */
export function placeOf(name: string): Place {
  return ELSEWHERE[name] ?? TARGETS_ELSEWHERE[name] ?? placeOfTarget(name) ?? INPUT;
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
    const none =
      spec.argument === undefined ||
      (spec.optionalArgument === true && (left[0] === undefined || /^[-!]/.test(left[0])));
    const count = none ? 0 : 1 + (spec.extraArguments ?? 0);
    const value = count === 0 ? undefined : left.splice(0, count).join(' ');
    uses.push({ name: spec.name, inverted, value });
  }
  return uses;
}

/** `-p tcp` as a rule's conditions; a match may follow. */
export function ipMatchOf(protocol: string): IpMatch {
  if (protocol === '') return {};
  const name = protocol.replace(/^(! )?-p (\S+).*$/, '$2');
  const own = new Map([['icmpv6', 58]]);
  const number = own.get(name) ?? protocolNumber(name) ?? Number(name);
  return { protocol: { number, inverted: protocol.startsWith('!') } };
}

/** The match of `-p tcp -m tcp --syn`, if there is one. */
function matchesOf(family: Family, protocol: string): BoundMatch[] {
  const [, name = '', options = ''] = / -m (\S+)(.*)$/.exec(protocol) ?? [];
  const match = findMatch(name, family);
  if (match === undefined) return [];
  const uses = usesOf(match.options, shellWords(options));
  return [match.bind(uses, parseContext(family, protocol.replace(/ -m .*$/, '')))];
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
    sets: exampleSets,
    matches: matchesOf(family, protocol),
    warn: (diagnostic) => warnings.push(diagnostic),
  };
}
