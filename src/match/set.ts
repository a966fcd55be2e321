/**
 * -m set: the packet's addresses, ports … are in a set of ipset (net/netfilter/xt_set.c, revision 4).
 * The set's own type decides what is looked at, the rule which side of the packet.
 */
import type { CounterCondition, CounterUse } from '../sets/types.ts';
import type {
  MatchDefinition,
  MatchResult,
  OptionSpec,
  OptionUse,
  PacketContext,
  Reads,
} from './definition.ts';
import { NO, OptionError, UNDECIDED, YES } from './definition.ts';
import { argument } from './options.ts';
import { REPLAY_SETS, type ReplaySets, referenceText } from './replay-sets.ts';
import type { Doubtable } from './replay-state.ts';
import { type FoundSet, setReference } from './set-reference.ts';
import { WIDEST, widePrefix } from './wide-number.ts';

type Kind = CounterCondition['kind'];

interface Condition {
  readonly kind: Kind;
  readonly value: bigint;
}

/** Options of -m set. */
export interface SetOptions {
  readonly set: FoundSet;
  readonly inverted: boolean;
  readonly returnNomatch: boolean;
  readonly updateCounters: boolean;
  readonly updateSubcounters: boolean;
  readonly packets: Condition | undefined;
  readonly bytes: Condition | undefined;
}

/** The replay's sets, and this rule's way to use them. */
class SetState implements Doubtable {
  readonly sets: ReplaySets;
  readonly use: CounterUse;
  readonly #names: readonly string[];

  constructor(options: SetOptions, sets: ReplaySets) {
    const plain = (condition: Condition | undefined): CounterCondition | undefined =>
      condition === undefined
        ? undefined
        : { kind: condition.kind, value: Number(condition.value) };
    this.sets = sets;
    this.use = {
      packets: plain(options.packets),
      bytes: plain(options.bytes),
      update: options.updateCounters,
      updateWithin: options.updateSubcounters,
    };
    this.#names = options.set.facts.names;
  }

  doubt(reason: string): void {
    for (const name of this.#names) this.sets.doubt(name, reason);
  }
}

const COUNTER_OPTIONS: readonly OptionSpec[] = ['packets', 'bytes'].flatMap((what) => [
  {
    name: `${what}-eq`,
    argument: 'number',
    invertible: true,
    help: `the element's ${what} so far are so many`,
  },
  { name: `${what}-lt`, argument: 'number', invertible: true, help: `… are fewer` },
  { name: `${what}-gt`, argument: 'number', invertible: true, help: `… are more` },
]);

/** `packets-lt` … @throws OptionError */
function condition(use: OptionUse, before: Condition | undefined): Condition {
  const [what = '', kind = ''] = use.name.split('-');
  if (before !== undefined) {
    throw new OptionError('option-conflict', `only one of the --${what}-[eq|lt|gt] is allowed`, {
      option: use.name,
    });
  }
  if (use.inverted && kind !== 'eq') {
    throw new OptionError('option-not-invertible', `--${use.name} option cannot be inverted`, {
      option: use.name,
    });
  }
  const found = widePrefix(argument(use));
  if (found === undefined || found.rest !== '' || found.value > WIDEST) {
    throw new OptionError('bad-value', `Cannot parse ${argument(use)} as a counter value`, {
      option: use.name,
    });
  }
  return { kind: use.inverted ? 'ne' : (kind as Kind), value: found.value };
}

/** The options with one more. @throws OptionError */
function withUse(options: Partial<SetOptions>, use: OptionUse): Partial<SetOptions> {
  switch (use.name) {
    case 'return-nomatch':
      if (use.inverted) {
        throw new OptionError('option-not-invertible', '--return-nomatch flag cannot be inverted', {
          option: use.name,
        });
      }
      return { ...options, returnNomatch: true };
    case 'update-counters':
      return use.inverted ? { ...options, updateCounters: false } : options;
    case 'update-subcounters':
      return use.inverted ? { ...options, updateSubcounters: false } : options;
    default:
      return use.name.startsWith('packets')
        ? { ...options, packets: condition(use, options.packets) }
        : { ...options, bytes: condition(use, options.bytes) };
  }
}

function conditionText(name: string, dashes: string, condition: Condition | undefined): string {
  if (condition === undefined) return '';
  const { kind, value } = condition;
  return ` ${kind === 'ne' ? '! ' : ''}${dashes}${name}-${kind === 'ne' ? 'eq' : kind} ${value}`;
}

function text(options: SetOptions, dashes: string): string {
  return [
    `${options.inverted ? '! ' : ''}${dashes}match-set ${referenceText(options.set)}`,
    options.returnNomatch ? ` ${dashes}return-nomatch` : '',
    options.updateCounters ? '' : ` ! ${dashes}update-counters`,
    options.updateSubcounters ? '' : ` ! ${dashes}update-subcounters`,
    conditionText('packets', dashes, options.packets),
    conditionText('bytes', dashes, options.bytes),
  ].join('');
}

function matches(options: SetOptions, context: PacketContext, state: SetState): MatchResult {
  const result = state.sets.test(options.set, context, state.use, options.returnNomatch);
  if (result === UNDECIDED) return UNDECIDED;
  return (result === YES) !== options.inverted ? YES : NO;
}

const READS: readonly Reads[] = ['addresses', 'ports', 'protocol', 'icmp', 'mac', 'mark'];

/** -m set. */
export const set: MatchDefinition<SetOptions, SetState> = {
  name: 'set',
  families: [4, 6],
  help: 'in a set of ipset: addresses, networks, ports, interfaces …',
  options: [
    {
      name: 'match-set',
      aliases: ['set'],
      argument: 'name',
      extraArguments: 1,
      invertible: true,
      help: 'the set, and src or dst for each of its parts: `blocklist src`, `services dst,dst`',
    },
    {
      name: 'return-nomatch',
      invertible: true,
      help: 'match what is in the set by an element marked nomatch, nothing else',
    },
    {
      name: 'update-counters',
      invertible: true,
      help: "with !: leave the counters of the set's elements alone",
    },
    {
      name: 'update-subcounters',
      invertible: true,
      help: 'with !: leave the counters within the sets of a list alone',
    },
    ...COUNTER_OPTIONS,
  ],
  reads: [...READS, 'interfaces', 'time', 'own-state'],
  readsFor: ({ set: { facts } }) => [
    ...READS,
    ...(facts.looksAtInterfaces ? (['interfaces'] as const) : []),
    ...(facts.counters ? (['own-state'] as const) : []),
    'time',
  ],
  parse(uses, context) {
    let found: FoundSet | undefined;
    let inverted = false;
    let options: Partial<SetOptions> = {};
    for (const use of uses) {
      if (use.name !== 'match-set') {
        options = withUse(options, use);
        continue;
      }
      if (found !== undefined) {
        throw new OptionError('option-repeated', '--match-set can be specified only once', {
          option: use.name,
        });
      }
      found = setReference(use, context);
      inverted = use.inverted;
    }
    if (found === undefined) {
      throw new OptionError(
        'option-missing',
        "You must specify `--match-set' with proper arguments",
      );
    }
    return {
      returnNomatch: false,
      updateCounters: true,
      updateSubcounters: true,
      packets: undefined,
      bytes: undefined,
      ...options,
      set: found,
      inverted,
    };
  },
  setNames: (options) => [options.set.name],
  print: (options) => text(options, '--'),
  list: (options) => text(options, ''),
  matches,
  explain: ({ set: reference, inverted }) =>
    inverted
      ? `! --match-set: it is in ${referenceText(reference)}`
      : `--match-set: not in ${referenceText(reference)}`,
  createState: (options, replay) => new SetState(options, replay.shared(REPLAY_SETS, '')),
};
