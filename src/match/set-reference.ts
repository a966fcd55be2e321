/**
 * `NAME src,dst` of -m set and -j SET: the set by name, which must be there and of the rule's family,
 * and a direction for each part. As get_set_byname and parse_dirs of iptables 1.8.9 (libxt_set.h).
 */
import type { SetFacts } from '../sets/collection.ts';
import { OptionError, type OptionUse, type ParseContext } from './definition.ts';
import { argument } from './options.ts';
import type { SetReference } from './replay-sets.ts';

/** Bytes of a set's name (IPSET_MAXNAMELEN less its end). */
const LONGEST_NAME = 31;
/** Directions that an option takes (IPSET_DIM_MAX). */
const MOST_DIRECTIONS = 6;

/** A reference with what is known of the set. */
export interface FoundSet extends SetReference {
  readonly facts: SetFacts;
}

function sourcesOf(text: string, option: string): boolean[] {
  const words = text.split(',');
  const sources = words.slice(0, MOST_DIRECTIONS).map((word) => {
    if (word.startsWith('src')) return true;
    if (word.startsWith('dst')) return false;
    throw new OptionError(
      'bad-direction',
      "You must spefify (the comma separated list of) 'src' or 'dst'.",
      { option, hint: 'one direction for each part of the set: src,dst' },
    );
  });
  if (words.length > MOST_DIRECTIONS) {
    throw new OptionError(
      'bad-direction',
      `Can't be more src/dst options than ${MOST_DIRECTIONS}.`,
      { option },
    );
  }
  return sources;
}

/**
 * The set that an option names.
 * @throws OptionError option-argument, name-too-long, unknown-set, set-family, bad-direction
 */
export function setReference(use: OptionUse, context: ParseContext): FoundSet {
  const option = use.name;
  const [name = '', directions = ''] = argument(use).split(' ');
  if (directions === '' || directions.startsWith('-') || directions.startsWith('!')) {
    throw new OptionError('option-argument', `--${option} requires two args.`, {
      option,
      hint: 'the name of a set and its directions: blocklist src',
    });
  }
  if (new TextEncoder().encode(name).length > LONGEST_NAME) {
    throw new OptionError(
      'name-too-long',
      `setname \`${name}' too long, max ${LONGEST_NAME} characters.`,
      { option },
    );
  }
  const facts = context.sets?.facts(name);
  if (facts === undefined) {
    throw new OptionError('unknown-set', `Set ${name} doesn't exist.`, {
      option,
      hint: 'give the sets with --ipset FILE (output of ipset save), or create them in the script',
    });
  }
  if (facts.family !== 'any' && facts.family !== context.family) {
    throw new OptionError(
      'set-family',
      `The protocol family of set ${name} is IPv${facts.family}, which is not applicable.`,
      { option, hint: `make a set of family ${context.family === 4 ? 'inet' : 'inet6'}` },
    );
  }
  return { name, sources: sourcesOf(directions, option), facts };
}
