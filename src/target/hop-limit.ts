/** What -j TTL and -j HL share: one number set, added or taken away (net/netfilter/xt_HL.c). */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import { boundedNumber } from '../match/values.ts';
import { setHopLimit } from '../packet/edit.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j TTL and -j HL. */
export interface HopLimitTargetOptions {
  readonly mode: 'set' | 'dec' | 'inc';
  /** 0 to 255. */
  readonly value: number;
}

type HopLimitTarget = TargetDefinition<HopLimitTargetOptions>;

const MODES = ['set', 'dec', 'inc'] as const;
const WORDS = { set: 'set to', dec: 'decrement by', inc: 'increment by' } as const;

/** What the header holds afterwards; it stays from 0 to 255. */
function changed({ mode, value }: HopLimitTargetOptions, before: number): number {
  if (mode === 'set') return value;
  return mode === 'inc' ? Math.min(before + value, 255) : Math.max(before - value, 0);
}

/** Makes the definition. @param name `TTL` or `HL` */
export function hopLimitTarget(name: string, family: 4 | 6, field: string): HopLimitTarget {
  const lower = name.toLowerCase();
  const names = MODES.map((mode) => `${lower}-${mode}`);
  const definition: HopLimitTarget = {
    name,
    families: [family],
    tables: ['mangle'],
    help: `change the ${field} and go on with the next rule`,
    writes: ['ttl', 'payload'],
    options: [
      { name: `${lower}-set`, argument: 'value', help: `set the ${field}, 0 to 255` },
      { name: `${lower}-dec`, argument: 'value', help: `take this from the ${field}, down to 0` },
      { name: `${lower}-inc`, argument: 'value', help: `add this to the ${field}, up to 255` },
    ],
    parse(uses) {
      let options: HopLimitTargetOptions | undefined;
      const read = (mode: HopLimitTargetOptions['mode']) => (use: OptionUse) => {
        const least = mode === 'set' ? 0 : 1;
        options = { mode, value: boundedNumber(name, use.name, argument(use), 255, least) };
      };
      readOptions(
        name,
        definition.options,
        uses,
        Object.fromEntries(MODES.map((mode) => [`${lower}-${mode}`, read(mode)])),
      );
      if (options === undefined) {
        throw new OptionError('option-missing', `${name}: You must specify an action`, {
          hint: `add --${lower}-set, --${lower}-dec or --${lower}-inc`,
        });
      }
      excludeEachOther(name, uses, names);
      return options;
    },
    print: ({ mode, value }) => `--${lower}-${mode} ${value}`,
    list: ({ mode, value }) => `${name} ${WORDS[mode]} ${value}`,
    apply(options, { packet }) {
      const value = changed(options, packet.ttl);
      if (value !== packet.ttl) setHopLimit(packet, value);
      return TARGET_CONTINUE;
    },
  };
  return definition;
}
