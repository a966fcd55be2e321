/**
 * Carries out ipset commands on a collection of sets, as ipset 7.17 and the kernel do. One command
 * is its words; what it prints is returned.
 */
import type { BitmapSet } from '../../sets/bitmap-set.ts';
import { type AnySet, makeSet, type SetCollection } from '../../sets/collection.ts';
import { HashSet } from '../../sets/hash-set.ts';
import { ListSet } from '../../sets/list-set.ts';
import type { SetElement, SetHeader, SetOutcome } from '../../sets/types.ts';
import {
  SET_DONE,
  SET_EXISTS,
  SET_FULL,
  SET_NO_REFERENCE,
  SET_NO_ROOM,
  SET_OUT_OF_RANGE,
  TEST_NO,
  TEST_NOMATCH,
} from '../../sets/types.ts';
import { readCreate } from './create.ts';
import { checkName, type Entry, eachElement, outOfRange, readEntry } from './entry.ts';
import { printIpsetList, printIpsetSave } from './print.ts';
import { IpsetRefusal } from './values.ts';

/** Commands in the order in which an abbreviation is looked for, with their other names. */
const COMMANDS: readonly (readonly string[])[] = [
  ['create', 'n', '-N', '--create'],
  ['add', '-A', '--add'],
  ['del', '-D', '--del'],
  ['test', '-T', '--test'],
  ['destroy', 'x', '-X', '--destroy'],
  ['list', '-L', '--list'],
  ['save', '-S', '--save'],
  ['restore', '-R', '--restore'],
  ['flush', '-F', '--flush'],
  ['rename', 'e', '-E', '--rename'],
  ['swap', 'w', '-W', '--swap'],
  ['help', '-h', '-H', '--help'],
  ['version', '-v', '-V', '--version'],
];

/** Sets that may be changed, and who refers to them. */
export interface OpenSets {
  readonly collection: SetCollection;
  /** Number of rules that refer to a set. */
  references(name: string): number;
}

/** What a command is told by options that stand anywhere. */
export interface IpsetOptions {
  exist: boolean;
  quiet: boolean;
  sorted: boolean;
  namesOnly: boolean;
  terse: boolean;
  asSave: boolean;
  file: string | undefined;
}

/** A command line taken apart. */
export interface IpsetCommand {
  readonly command: string;
  readonly words: readonly string[];
  readonly options: IpsetOptions;
}

const FLAGS: Readonly<Record<string, keyof IpsetOptions>> = {
  '-exist': 'exist',
  '-!': 'exist',
  '-quiet': 'quiet',
  '-q': 'quiet',
  '-sorted': 'sorted',
  '-s': 'sorted',
  '-name': 'namesOnly',
  '-n': 'namesOnly',
  '-terse': 'terse',
  '-t': 'terse',
};
const PASSED_OVER = new Set(['-resolve', '-r']);

/** Takes a command line (without the program) apart. @throws IpsetRefusal */
export function readCommand(argv: readonly string[]): IpsetCommand {
  const options: IpsetOptions = {
    exist: false,
    quiet: false,
    sorted: false,
    namesOnly: false,
    terse: false,
    asSave: false,
    file: undefined,
  };
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    const plain = /^--[a-z]/.test(word) ? word.slice(1) : word;
    const flag = FLAGS[plain];
    if (flag !== undefined) Object.assign(options, { [flag]: true });
    else if (PASSED_OVER.has(plain)) continue;
    else if (plain === '-output' || plain === '-o') options.asSave = argv[++i] === 'save';
    else if (plain === '-file' || plain === '-f') options.file = argv[++i];
    else rest.push(word);
  }
  const [name, ...words] = rest;
  if (name === undefined) throw new IpsetRefusal('no-command', 'No command specified.');
  const command = commandNamed(name);
  if (command === undefined) {
    throw new IpsetRefusal('unknown-command', `No command specified: unknown argument ${name}`);
  }
  return { command, words, options };
}

function commandNamed(text: string): string | undefined {
  const exact = COMMANDS.find((names) => names.includes(text));
  if (exact !== undefined) return exact[0];
  return /^[a-z]/.test(text)
    ? COMMANDS.find(([name = '']) => name.startsWith(text))?.[0]
    : undefined;
}

/** How a command ended. */
export interface IpsetOutcome {
  readonly status: number;
  /** What it printed on standard output. */
  readonly text: string;
}

const DONE: IpsetOutcome = { status: 0, text: '' };

function stateError(code: string, message: string, hint?: string): IpsetRefusal {
  return new IpsetRefusal(code, message, { state: true, ...(hint ? { hint } : {}) });
}

function noSuchSet(): IpsetRefusal {
  return stateError('unknown-set', 'The set with the given name does not exist');
}

function found(sets: OpenSets, name: string): AnySet {
  checkName(name);
  const set = sets.collection.get(name);
  if (set === undefined) throw noSuchSet();
  return set;
}

function needWords(command: string, words: readonly string[], count: number): void {
  if (words.length >= count) return;
  const which = words.length === 0 ? 'mandatory' : 'second mandatory';
  throw new IpsetRefusal('option-argument', `Missing ${which} argument to command ${command}`);
}

/** Runs a command, but for `restore`. @throws IpsetRefusal */
export function runCommand(
  { command, words, options }: IpsetCommand,
  sets: OpenSets,
): IpsetOutcome {
  const [first = '', second = ''] = words;
  switch (command) {
    case 'create':
      needWords(command, words, 2);
      create(first, words.slice(1), options, sets);
      return DONE;
    case 'add':
    case 'del':
      needWords(command, words, 2);
      change(command === 'add', found(sets, first), words.slice(1), options, sets);
      return DONE;
    case 'test':
      needWords(command, words, 2);
      return { status: test(found(sets, first), words.slice(1)) ? 0 : 1, text: '' };
    case 'destroy':
      destroy(words[0], sets);
      return DONE;
    case 'flush':
      if (words[0] === undefined)
        for (const name of sets.collection.names()) found(sets, name).flush();
      else found(sets, first).flush();
      return DONE;
    case 'rename':
    case 'swap':
      needWords(command, words, 2);
      exchange(command, first, second, sets);
      return DONE;
    case 'list':
    case 'save':
      return { status: 0, text: show(command, words[0], options, sets) };
    case 'version':
      return { status: 0, text: 'ipset v7.17, protocol version: 7\n' };
    default:
      return DONE;
  }
}

/** Whether two headers make the same set for -exist (same_set of the types). */
function sameSet(a: SetHeader, b: SetHeader): boolean {
  const key = (header: SetHeader): string =>
    JSON.stringify([
      header.type.name,
      header.family,
      header.timeout,
      header.counters,
      header.comments,
      header.packetInfo,
      header.type.method === 'hash' ? [header.maxElements, header.markMask] : header.range,
      header.netmask,
      header.bitmask,
      header.type.method === 'list' ? header.listSize : 0,
    ]);
  return key(a) === key(b);
}

function create(
  name: string,
  words: readonly string[],
  options: IpsetOptions,
  { collection }: OpenSets,
): void {
  checkName(name);
  const header = readCreate(words);
  const there = collection.get(name);
  if (there === undefined) {
    collection.add(name, makeSet(header));
    return;
  }
  if (options.exist && sameSet(there.header, header)) return;
  throw stateError(
    'set-exists',
    'Set cannot be created: set with the same name already exists',
    'with -exist, a set of the same settings is left as it is',
  );
}

function refusalOf(outcome: SetOutcome, adding: boolean): IpsetRefusal | undefined {
  switch (outcome) {
    case SET_DONE:
      return undefined;
    case SET_EXISTS:
      return adding
        ? stateError('element-exists', "Element cannot be added to the set: it's already added")
        : stateError('no-such-element', "Element cannot be deleted from the set: it's not added");
    case SET_FULL:
    case SET_NO_ROOM:
      return stateError(
        'set-full',
        'Hash is full, cannot add more elements',
        'create the set with a larger maxelem',
      );
    case SET_OUT_OF_RANGE:
      return outOfRange();
    default:
      return stateError(
        'no-reference',
        "The set to which you referred with 'before' or 'after' is not added to the set.",
      );
  }
}

function change(
  adding: boolean,
  set: AnySet,
  words: readonly string[],
  { exist }: IpsetOptions,
  sets: OpenSets,
): void {
  const entry = readEntry(words, set.header, adding);
  if (set instanceof ListSet) {
    changeList(adding, set, entry, exist, sets);
    return;
  }
  let refusal: IpsetRefusal | undefined;
  eachElement(entry, set.header, (element) => {
    const outcome = changeOne(adding, set, element, entry, exist);
    if (outcome === SET_EXISTS && exist) return true;
    refusal = refusalOf(outcome, adding);
    return refusal === undefined;
  });
  if (refusal !== undefined) throw refusal;
}

function changeOne(
  adding: boolean,
  set: HashSet | BitmapSet,
  element: SetElement,
  { extensions }: Entry,
  exist: boolean,
): SetOutcome {
  if (!adding) return set.remove(element, 0);
  if (set instanceof HashSet) return set.add(element, extensions, exist, true, 0);
  return set.add(element, extensions, exist, 0);
}

function changeList(
  adding: boolean,
  list: ListSet,
  { setName, place, extensions }: Entry,
  exist: boolean,
  sets: OpenSets,
): void {
  const member = sets.collection.get(setName);
  if (member === undefined) {
    throw stateError('unknown-set', 'Set to be added/deleted/tested as element does not exist.');
  }
  if (member instanceof ListSet) {
    throw new IpsetRefusal('list-in-list', 'Sets with list:set type cannot be added to the set.');
  }
  if (place !== undefined && sets.collection.get(place.reference) === undefined) {
    throw stateError(
      'unknown-set',
      "The set to which you referred with 'before' or 'after' does not exist.",
    );
  }
  const outcome = adding
    ? list.add(setName, place, extensions, exist, 0)
    : list.remove(setName, place, 0);
  if (outcome === SET_EXISTS && exist) return;
  const refusal =
    outcome === SET_NO_REFERENCE ? refusalOf(outcome, adding) : refusalOf(outcome, adding);
  if (refusal !== undefined) throw refusal;
}

function test(set: AnySet, words: readonly string[]): boolean {
  const entry = readEntry(words, set.header, false);
  if (set instanceof ListSet) return set.has(entry.setName, entry.place, 0);
  let result = false;
  eachElement(entry, set.header, (element) => {
    const said = set.test(element, 0, undefined, 0);
    const nomatch = said === TEST_NOMATCH;
    result = said !== TEST_NO && nomatch === (entry.extensions.nomatch === true);
    return false;
  });
  return result;
}

function inUse(): IpsetRefusal {
  return stateError(
    'set-in-use',
    'Set cannot be destroyed: it is in use by a kernel component',
    'delete the rules and list members that refer to it first',
  );
}

function destroy(name: string | undefined, sets: OpenSets): void {
  const { collection } = sets;
  if (name !== undefined) {
    found(sets, name);
    if (sets.references(name) + collection.timesListed(name) > 0) throw inUse();
    collection.remove(name);
    return;
  }
  const names = collection.names();
  // The lists go with what is in them.
  if (names.some((each) => sets.references(each) > 0)) throw inUse();
  for (const each of names) collection.remove(each);
}

function exchange(command: string, a: string, b: string, sets: OpenSets): void {
  const { collection } = sets;
  const first = found(sets, a);
  const second = collection.get(b);
  checkName(b);
  if (command === 'rename') {
    if (sets.references(a) + collection.timesListed(a) > 0) {
      throw stateError('set-in-use', 'Set cannot be renamed: it is in use by another system');
    }
    if (second !== undefined) {
      throw stateError(
        'set-exists',
        'Set cannot be renamed: a set with the new name already exists',
      );
    }
    collection.rename(a, b);
    return;
  }
  if (second === undefined) {
    throw stateError('unknown-set', 'Sets cannot be swapped: the second set does not exist');
  }
  const [x, y] = [first.header, second.header];
  if (x.type !== y.type || x.family !== y.family) {
    throw stateError('swap-types', 'The sets cannot be swapped: their type does not match');
  }
  collection.swap(a, b);
}

function show(
  command: string,
  name: string | undefined,
  options: IpsetOptions,
  sets: OpenSets,
): string {
  if (name !== undefined) found(sets, name);
  const { sorted, terse, namesOnly } = options;
  if (command === 'save' || options.asSave)
    return printIpsetSave(sets.collection, { name, sorted });
  if (namesOnly) {
    const names = name === undefined ? sets.collection.names() : [name];
    return names.map((each) => `${each}\n`).join('');
  }
  const references = (each: string): number => sets.references(each);
  return printIpsetList(sets.collection, { name, sorted, terse, references });
}
