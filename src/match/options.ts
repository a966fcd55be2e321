/**
 * The checks that hold for the options of every match and target: used once, inverted only where it
 * may be, mandatory, exclusive. In the order and the words of libxtables 1.8.9 (xtoptions.c): each
 * option is checked and read before the next one is looked at; what the whole needs comes last.
 */
import type { OptionSpec, OptionUse } from './definition.ts';
import { OptionError } from './definition.ts';

/** Reads one option of the extension; by canonical name. @throws OptionError */
export type OptionReaders = Readonly<Record<string, (use: OptionUse) => void>>;

/** Names in messages where the real tool says another than the canonical one (sport …). */
export type MessageNames = Readonly<Record<string, string>>;

/** Error for an option used twice. */
export function repeatedOption(extension: string, option: string, name = option): OptionError {
  return new OptionError(
    'option-repeated',
    `${extension}: option "--${name}" can only be used once.`,
    { option, hint: 'remove one of the two' },
  );
}

/** Error for a missing option. */
export function missingOption(extension: string, option: string): OptionError {
  return new OptionError('option-missing', `${extension}: option "--${option}" must be specified`, {
    hint: `add --${option}`,
  });
}

/**
 * Reads the uses one after the other, each checked first, as xtables_option_parse does.
 * @throws OptionError option-repeated, option-not-invertible, and what the readers throw
 */
export function readOptions(
  extension: string,
  specs: readonly OptionSpec[],
  uses: readonly OptionUse[],
  readers: OptionReaders,
  names: MessageNames = {},
): void {
  const seen = new Set<string>();
  for (const use of uses) {
    const name = names[use.name] ?? use.name;
    if (seen.has(use.name)) throw repeatedOption(extension, use.name, name);
    seen.add(use.name);
    const spec = specs.find((candidate) => candidate.name === use.name);
    if (use.inverted && spec?.invertible !== true) throw notInvertible(extension, use.name, name);
    readers[use.name]?.(use);
  }
}

function notInvertible(extension: string, option: string, name: string): OptionError {
  return new OptionError(
    'option-not-invertible',
    `${extension}: option "--${name}" cannot be inverted.`,
    { option, hint: 'remove the !' },
  );
}

/** Whether an option is among the uses. */
export function hasOption(uses: readonly OptionUse[], name: string): boolean {
  return uses.some((use) => use.name === name);
}

/** @throws OptionError option-missing */
export function requireOption(extension: string, uses: readonly OptionUse[], name: string): void {
  if (!hasOption(uses, name)) throw missingOption(extension, name);
}

/**
 * Checks that at most one of some options is used. `group` is in the real tool's order, which decides
 * the one that the message names first.
 * @throws OptionError option-conflict
 */
export function excludeEachOther(
  extension: string,
  uses: readonly OptionUse[],
  group: readonly string[],
  names: MessageNames = {},
): void {
  const [first, second] = group.filter((name) => hasOption(uses, name));
  if (first === undefined || second === undefined) return;
  throw new OptionError(
    'option-conflict',
    `${extension}: option "--${names[first] ?? first}" cannot be used together with "--${names[second] ?? second}".`,
    { option: second, hint: 'use one of them, or two instances of the match' },
  );
}

/**
 * Checks that an option that needs another one has it with it.
 * @throws OptionError option-missing
 */
export function requireWith(
  extension: string,
  uses: readonly OptionUse[],
  option: string,
  other: string,
): void {
  if (!hasOption(uses, option) || hasOption(uses, other)) return;
  throw new OptionError(
    'option-missing',
    `${extension}: option "--${option}" also requires "--${other}".`,
    { option, hint: `add --${other}` },
  );
}

/** Argument of a use that must have one. @throws OptionError option-argument */
export function argument(use: OptionUse): string {
  if (use.value === undefined) {
    throw new OptionError('option-argument', `option "--${use.name}" requires an argument`, {
      option: use.name,
    });
  }
  return use.value;
}
