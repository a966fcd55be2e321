/**
 * Every match and target against its examples: what it accepts, what it refuses and how it says so,
 * how it prints. The examples themselves are checked against the real tools where these are there.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ParseContext } from '../../src/match/definition.ts';
import { OptionError } from '../../src/match/definition.ts';
import { kernelRefuses } from '../../src/match/refusal.ts';
import { allMatches } from '../../src/match/registry.ts';
import { allTargets } from '../../src/target/registry.ts';
import { repositoryRoot } from '../support/shared-data.ts';
import type { Example } from './examples.ts';
import { examplesOf, parseContext, placeOf, shellWords, usesOf } from './examples.ts';

/** The three printed forms, or the refusal's message. */
interface Forms {
  readonly saved: string;
  readonly listed: string;
  readonly listedNumeric: string;
  readonly message: string | undefined;
}

type Binder = (example: Example, context: ParseContext) => Omit<Forms, 'message'>;

function formsOf(example: Example, bind: Binder): Forms {
  try {
    const forms = bind(example, parseContext(example.family, example.protocol));
    const trimmed = (text: string): string => text.replace(/ +$/, '');
    return {
      saved: trimmed(forms.saved),
      listed: trimmed(forms.listed),
      listedNumeric: trimmed(forms.listedNumeric),
      message: undefined,
    };
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    return { saved: '', listed: '', listedNumeric: '', message: error.message };
  }
}

function check(examples: readonly Example[], bind: Binder): void {
  for (const example of examples) {
    const { message, saved, listed, listedNumeric } = example;
    expect(
      formsOf(example, bind),
      `-${example.family} ${example.protocol} ${example.options}`,
    ).toEqual({ message, saved, listed, listedNumeric });
  }
}

describe('matches', () => {
  it.each(allMatches.map((match) => [match.name, match] as const))('%s', (name, match) => {
    const examples = examplesOf('match', name);
    expect(examples.some(({ message }) => message === undefined)).toBe(true);
    check(examples, ({ options, family }, context) => {
      expect(match.families).toContain(family);
      const bound = match.bind(usesOf(match.options, shellWords(options)), context);
      expect(bound.text.startsWith(`-m ${name}`)).toBe(true);
      // What hooks a rule may be in is checked when a table is loaded.
      const { chain } = placeOf(name);
      if (bound.hooks?.some((hook) => hook === chain) === false) throw kernelRefuses('hook', '');
      return {
        saved: bound.text.slice(`-m ${name}`.length).trimStart(),
        listed: bound.list(false),
        listedNumeric: bound.list(true),
      };
    });
  });

  it('have examples for each family, and no others have', () => {
    const folder = join(repositoryRoot, 'test/match/examples');
    expect(readdirSync(folder).sort()).toEqual(allMatches.map(({ name }) => `${name}.txt`).sort());
    for (const { name, families } of allMatches) {
      const seen = new Set(examplesOf('match', name).map(({ family }) => family));
      expect([...seen].sort(), name).toEqual([...families].sort());
    }
  });
});

describe('targets', () => {
  it.each(allTargets.map((target) => [target.name, target] as const))('%s', (name, target) => {
    check(examplesOf('target', name), ({ options }, context) => {
      const bound = target.bind(usesOf(target.options, shellWords(options)), context);
      expect(bound.text.startsWith(name)).toBe(true);
      return {
        saved: bound.text.slice(name.length).trimStart(),
        // A few print spaces around, which the tables of examples leave out.
        listed: bound.list(false).trim(),
        listedNumeric: bound.list(true).trim(),
      };
    });
  });

  it('have examples, and no others have', () => {
    const folder = join(repositoryRoot, 'test/target/examples');
    expect(readdirSync(folder).sort()).toEqual(allTargets.map(({ name }) => `${name}.txt`).sort());
  });
});
