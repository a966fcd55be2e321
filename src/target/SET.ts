/**
 * -j SET: adds the packet's addresses, ports … to a set of ipset, removes them, or gives the packet
 * the mark and priority of its element, and goes on (net/netfilter/xt_set.c, revision 3).
 */
import type { OptionUse, PacketContext, ParseContext } from '../match/definition.ts';
import { OptionError, UNDECIDED, YES } from '../match/definition.ts';
import { argument } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { REPLAY_SETS, type ReplaySets, referenceText } from '../match/replay-sets.ts';
import type { Doubtable } from '../match/replay-state.ts';
import { type FoundSet, setReference } from '../match/set-reference.ts';
import { unsignedNumber } from '../match/values.ts';
import type { CounterUse } from '../sets/types.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE, TARGET_UNDECIDED, type TargetResult } from './definition.ts';

/** Options of -j SET; at least one set. */
export interface SetTargetOptions {
  readonly add: FoundSet | undefined;
  readonly remove: FoundSet | undefined;
  readonly map: FoundSet | undefined;
  readonly exist: boolean;
  /** Seconds. */
  readonly timeout: number | undefined;
  readonly mapMark: boolean;
  readonly mapPriority: boolean;
  readonly mapQueue: boolean;
}

/** UINT_MAX / MSEC_PER_SEC: what fits into the kernel's ticks. */
const LONGEST_TIMEOUT = 4294967;
const LARGEST = 0xfffffffe;
const COUNT: CounterUse = {
  packets: undefined,
  bytes: undefined,
  update: true,
  updateWithin: true,
};

class SetTargetState implements Doubtable {
  readonly sets: ReplaySets;
  readonly #names: readonly string[];

  constructor({ add, remove, map }: SetTargetOptions, sets: ReplaySets) {
    this.sets = sets;
    const counted = map?.facts.counters === true ? map.facts.names : [];
    this.#names = [...(add?.facts.names ?? []), ...(remove?.facts.names ?? []), ...counted];
  }

  doubt(reason: string): void {
    for (const name of this.#names) this.sets.doubt(name, reason);
  }
}

function parseTimeout(use: OptionUse): number {
  const value = unsignedNumber(argument(use), LARGEST);
  if (value !== undefined) return value;
  throw new OptionError(
    'bad-value',
    `Invalid value for option --timeout or out of range 0-${LARGEST}`,
    { option: use.name },
  );
}

function needs(flag: string, option: string, kind: 'Flag' | 'Option'): OptionError {
  return new OptionError(
    'option-missing',
    `${kind} \`--${flag}' can be used with \`--${option}' only`,
    { option: flag },
  );
}

const SETS = ['add-set', 'del-set', 'map-set'] as const;
const MAPPINGS = ['map-mark', 'map-prio', 'map-queue'] as const;

/** set_target_check_v3. @throws OptionError */
function check(uses: readonly OptionUse[]): void {
  const has = (name: string): boolean => uses.some((use) => use.name === name);
  if (!SETS.some(has)) {
    throw new OptionError(
      'option-missing',
      "You must specify either `--add-set' or `--del-set' or `--map-set'",
    );
  }
  if (!has('add-set')) {
    if (has('exist')) throw needs('exist', 'add-set', 'Flag');
    if (has('timeout')) throw needs('timeout', 'add-set', 'Option');
  }
  if (!has('map-set')) {
    const flag = MAPPINGS.find(has);
    if (flag !== undefined) throw needs(flag, 'map-set', 'Flag');
  } else if (!MAPPINGS.some(has)) {
    throw new OptionError(
      'option-missing',
      "You must specify flags `--map-mark' or '--map-prio` or `--map-queue'",
    );
  }
}

/** set_target_v3_checkentry. @throws OptionError */
function checkMap(options: SetTargetOptions, context: ParseContext): void {
  if (options.map === undefined) return;
  if (context.table !== 'mangle') {
    throw kernelRefuses('map-set-table', '--map-set is for the table mangle only');
  }
  const early = context.chain === 'PREROUTING' || context.chain === 'INPUT';
  if (early && (options.mapPriority || options.mapQueue)) {
    throw kernelRefuses(
      'map-set-hook',
      '--map-prio and --map-queue are for FORWARD, OUTPUT and POSTROUTING',
    );
  }
}

function text(options: SetTargetOptions, dashes: string): string {
  const { add, remove, map, exist, timeout } = options;
  return [
    add === undefined ? '' : `${dashes}add-set ${referenceText(add)}`,
    exist ? `${dashes}exist` : '',
    timeout === undefined ? '' : `${dashes}timeout ${timeout}`,
    remove === undefined ? '' : `${dashes}del-set ${referenceText(remove)}`,
    map === undefined ? '' : `${dashes}map-set ${referenceText(map)}`,
    options.mapMark ? `${dashes}map-mark` : '',
    options.mapPriority ? `${dashes}map-prio` : '',
    options.mapQueue ? `${dashes}map-queue` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function map(options: SetTargetOptions, context: PacketContext, sets: ReplaySets): TargetResult {
  if (options.map === undefined) return TARGET_CONTINUE;
  const result = sets.test(options.map, context, COUNT, false);
  if (result === UNDECIDED) return TARGET_UNDECIDED;
  if (result !== YES) return TARGET_CONTINUE;
  const { mark = 0, markMask = 0, priority = 0 } = sets.matched;
  if (options.mapMark) context.mark = ((context.mark & ~markMask) ^ mark) >>> 0;
  if (options.mapPriority) context.priority = priority;
  return TARGET_CONTINUE;
}

function apply(
  options: SetTargetOptions,
  context: PacketContext,
  { sets }: SetTargetState,
): TargetResult {
  const { add, remove, exist, timeout } = options;
  const seconds = timeout === undefined ? undefined : Math.min(timeout, LONGEST_TIMEOUT);
  if (add !== undefined) sets.add(add, context, exist, seconds);
  if (remove !== undefined) sets.remove(remove, context);
  return map(options, context, sets);
}

/** -j SET. */
export const SET: TargetDefinition<SetTargetOptions, SetTargetState> = {
  name: 'SET',
  families: [4, 6],
  writes: ['mark'],
  help: 'add the packet to a set of ipset, remove it, or map its element to mark and priority',
  options: [
    ...SETS.map((name) => ({
      name,
      argument: 'name',
      extraArguments: 1,
      invertible: true,
      help: {
        'add-set': 'the set to add to, and src or dst for each of its parts',
        'del-set': 'the set to remove from, likewise',
        'map-set': 'the set whose element gives mark, priority or queue, likewise',
      }[name],
    })),
    { name: 'exist', invertible: true, help: 'an element that is there gets its timeout anew' },
    {
      name: 'timeout',
      argument: 'seconds',
      invertible: true,
      help: 'how long a new element stays, 0: for ever',
    },
    { name: 'map-mark', invertible: true, help: "set the packet's mark" },
    { name: 'map-prio', invertible: true, help: "set the packet's priority" },
    { name: 'map-queue', invertible: true, help: "set the packet's hardware queue" },
  ],
  parse(uses, context) {
    const found: Partial<Record<(typeof SETS)[number], FoundSet>> = {};
    let timeout: number | undefined;
    for (const use of uses) {
      const name = SETS.find((each) => each === use.name);
      if (name !== undefined) {
        if (found[name] !== undefined) {
          throw new OptionError('option-repeated', `--${name} can be specified only once`, {
            option: name,
          });
        }
        found[name] = setReference(use, context);
      } else if (use.name === 'timeout') timeout = parseTimeout(use);
    }
    check(uses);
    const has = (name: string): boolean => uses.some((use) => use.name === name);
    const options: SetTargetOptions = {
      add: found['add-set'],
      remove: found['del-set'],
      map: found['map-set'],
      exist: has('exist'),
      timeout,
      mapMark: has('map-mark'),
      mapPriority: has('map-prio'),
      mapQueue: has('map-queue'),
    };
    checkMap(options, context);
    return options;
  },
  setNames: ({ add, remove, map: mapped }) =>
    [add, remove, mapped].flatMap((each) => (each === undefined ? [] : [each.name])),
  print: (options) => text(options, '--'),
  list: (options) => text(options, ''),
  apply,
  createState: (options, replay) => new SetTargetState(options, replay.shared(REPLAY_SETS, '')),
};
