/** What -m ttl and -m hl share: one number compared with the header's TTL or hop limit. */
import type { MatchDefinition, OptionUse } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, excludeEachOther, readOptions } from './options.ts';
import { boundedNumber } from './values.ts';

/** Options of -m ttl and -m hl. */
export interface HopLimitOptions {
  readonly comparison: '==' | '!=' | '<' | '>';
  /** 0 to 255. */
  readonly value: number;
}

function holds({ comparison, value }: HopLimitOptions, has: number): boolean {
  switch (comparison) {
    case '==':
      return has === value;
    case '!=':
      return has !== value;
    case '<':
      return has < value;
    case '>':
      return has > value;
  }
}

const SUFFIX = { '==': 'eq', '!=': 'eq', '<': 'lt', '>': 'gt' } as const;

/** Either match. */
type HopLimitMatch = MatchDefinition<HopLimitOptions>;

/** What differs between the two. */
interface Names {
  /** `ttl` or `hl`: the match, and how its options begin. */
  readonly name: string;
  readonly family: 4 | 6;
  /** Of the header's field, for people. */
  readonly field: string;
  /** Ends the message for no option at all; the real tool forgets a quote for ttl. */
  readonly tail: string;
}

/** Makes the definition (net/netfilter/xt_hl.c). */
export function hopLimitMatch({ name, family, field, tail }: Names): HopLimitMatch {
  const definition: HopLimitMatch = {
    name,
    families: [family],
    help: `the ${field} of the header`,
    options: [
      {
        name: `${name}-eq`,
        aliases: [name],
        argument: 'value',
        invertible: true,
        help: `the ${field} is this`,
      },
      { name: `${name}-lt`, argument: 'value', help: `the ${field} is less` },
      { name: `${name}-gt`, argument: 'value', help: `the ${field} is greater` },
    ],
    reads: ['ttl'],
    parse(uses) {
      let options: HopLimitOptions | undefined;
      const read = (comparison: '==' | '<' | '>') => (use: OptionUse) => {
        const value = boundedNumber(name, use.name, argument(use), 255);
        options = { comparison: use.inverted ? '!=' : comparison, value };
      };
      readOptions(name, definition.options, uses, {
        [`${name}-eq`]: read('=='),
        [`${name}-lt`]: read('<'),
        [`${name}-gt`]: read('>'),
      });
      if (options === undefined) {
        throw new OptionError(
          'option-missing',
          `${name.toUpperCase()} match: You must specify one of \`--${name}-eq', \`--${name}-lt', \`--${name}-gt${tail}`,
        );
      }
      excludeEachOther(name, uses, [`${name}-lt`, `${name}-gt`, `${name}-eq`]);
      return options;
    },
    print: ({ comparison, value }) =>
      `${comparison === '!=' ? '! ' : ''}--${name}-${SUFFIX[comparison]} ${value}`,
    list: ({ comparison, value }) => {
      const upper = name.toUpperCase();
      return `${upper} match ${upper} ${comparison} ${value}`;
    },
    matches: (options, { packet }) => (holds(options, packet.ttl) ? YES : NO),
    explain: ({ comparison, value }, { packet }) =>
      `--${name}-${SUFFIX[comparison]}: ${packet.ttl}, not ${comparison} ${value}`,
  };
  return definition;
}
