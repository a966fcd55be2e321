/**
 * The matches and the target of one command line: which options are in force at each moment, to
 * which instance an option goes, and how the options become bound matches. As xtables_find_match
 * and command_default of 1.8.9: -p makes the match of its protocol known, which is loaded when an
 * option is met that nothing else knows.
 */
import type { Diagnostic } from '../../errors.ts';
import type {
  BoundMatch,
  OptionSpec,
  OptionUse,
  ParseContext,
  RegisteredMatch,
} from '../../match/definition.ts';
import { OptionError } from '../../match/definition.ts';
import { findMatch, matchNames } from '../../match/registry.ts';
import { unsignedNumber } from '../../match/values.ts';
import type { Family } from '../../ruleset/types.ts';
import type { BoundTarget, RegisteredTarget } from '../../target/definition.ts';
import { findTarget, targetNames } from '../../target/registry.ts';
import { BASE_SHORT_OPTIONS, baseLongOptions } from './base-options.ts';
import type { Bindable, BindCache } from './bind-cache.ts';
import { isRealMatch, isRealTarget, realMatchNames, realTargetNames } from './known-extensions.ts';
import { nameOfProtocol } from './protocols.ts';
import type { ArgumentNeed, LongOption, OptionTable } from './scan-options.ts';
import { makeOptionTable } from './scan-options.ts';
import type { Word } from './source.ts';
import { Refusal } from './source.ts';
import { didYouMean } from './suggest.ts';
import type { Restriction } from './tables.ts';

/** An option of a match or target: the same object for all its names. */
export interface ExtensionOption {
  readonly owner: RegisteredMatch | RegisteredTarget;
  readonly spec: OptionSpec;
}

/** What an option word may mean: a base option's letter or an extension's option. */
export type OptionId = string | ExtensionOption;

/** One `-m NAME` (or implicit) or `-j NAME` with the options that were given to it. */
interface Instance<D> {
  readonly definition: D;
  readonly word: Word;
  readonly uses: OptionUse[];
  /** Place of each use. */
  readonly places: Word[];
  /** Number of each use on the line. */
  readonly orders: number[];
  /** A later instance of the same match takes the options now. */
  completed: boolean;
}

const LONG_OPTIONS = new WeakMap<RegisteredMatch | RegisteredTarget, LongOption<OptionId>[]>();

function need(spec: OptionSpec): ArgumentNeed {
  if (spec.argument === undefined) return 'none';
  return spec.optionalArgument === true ? 'next-word' : 'required';
}

function longOptions(owner: RegisteredMatch | RegisteredTarget): LongOption<OptionId>[] {
  const known = LONG_OPTIONS.get(owner);
  if (known !== undefined) return known;
  const made = owner.options.flatMap((spec) => {
    const id: ExtensionOption = { owner, spec };
    return [spec.name, ...(spec.aliases ?? [])].map((name) => ({ name, argument: need(spec), id }));
  });
  LONG_OPTIONS.set(owner, made);
  return made;
}

/** The options in force after some extensions were named, and what each further one makes of it. */
interface Vocabulary {
  readonly family: Family;
  /** Newest first. */
  readonly owners: readonly (RegisteredMatch | RegisteredTarget)[];
  readonly table: OptionTable<OptionId>;
  readonly next: Map<RegisteredMatch | RegisteredTarget, Vocabulary>;
}

/** The base options, then those of `owners`, the newest first. */
function vocabulary(family: Family, owners: Vocabulary['owners']): Vocabulary {
  const long: LongOption<OptionId>[] = [...baseLongOptions(family)];
  for (const owner of owners) long.push(...longOptions(owner));
  const table = makeOptionTable(long, BASE_SHORT_OPTIONS);
  return { family, owners, table, next: new Map() };
}

const BASE: Readonly<Record<Family, Vocabulary>> = { 4: vocabulary(4, []), 6: vocabulary(6, []) };
/** Bounds the memory for files that name extensions in ever new orders. */
const MOST_REMEMBERED = 1000;
let remembered = 0;

function withOwner(base: Vocabulary, owner: RegisteredMatch | RegisteredTarget): Vocabulary {
  const known = base.next.get(owner);
  if (known !== undefined) return known;
  if (base.owners.includes(owner)) return base;
  const made = vocabulary(base.family, [owner, ...base.owners]);
  if (remembered < MOST_REMEMBERED) {
    remembered += 1;
    base.next.set(owner, made);
  }
  return made;
}

/** What else binding needs to know of the rule. */
export type BindContext = Omit<ParseContext, 'warn'> & {
  warn(word: Word, diagnostic: Omit<Diagnostic, 'where' | 'sourceLine'>): void;
};

/** Matches and target of a rule. */
export interface BoundExtensions {
  readonly matches: readonly BoundMatch[];
  readonly target: BoundTarget | undefined;
  /** The rule is well-formed, but no kernel takes it. */
  readonly kernelRefusal: Refusal | undefined;
}

/** The extensions of one command line. */
export class Extensions {
  readonly #family: Family;
  readonly #bindings: BindCache;
  readonly #matches: Instance<RegisteredMatch>[] = [];
  #target: Instance<RegisteredTarget> | undefined;
  #protocolUsed = false;
  /** Number of options taken so far. */
  #taken = 0;
  #vocabulary: Vocabulary;

  constructor(family: Family, bindings: BindCache) {
    this.#family = family;
    this.#bindings = bindings;
    this.#vocabulary = BASE[family];
  }

  /** Options in force. */
  get table(): OptionTable<OptionId> {
    return this.#vocabulary.table;
  }

  /** `-m NAME`. @throws Refusal unknown-match, unsupported-match */
  addMatch(word: Word): void {
    if (word.text.length >= 29) {
      const message = `Invalid match name "${word.text}" (28 chars max)`;
      throw new Refusal('unknown-match', message, word);
    }
    const name = canonicalMatch(word.text);
    const definition = findMatch(name, this.#family);
    if (definition === undefined) throw this.#noMatch(name, word);
    this.#push(definition, word);
  }

  #push(definition: RegisteredMatch, word: Word): void {
    for (const other of this.#matches) {
      if (other.definition.name === definition.name) other.completed = true;
    }
    this.#matches.push({ definition, word, uses: [], places: [], orders: [], completed: false });
    this.#addOwner(definition);
  }

  #addOwner(owner: RegisteredMatch | RegisteredTarget): void {
    this.#vocabulary = withOwner(this.#vocabulary, owner);
  }

  #noMatch(name: string, word: Word): Refusal {
    const supported = matchNames(this.#family);
    if (isRealMatch(name, this.#family)) {
      return new Refusal('unsupported-match', `the match ${name} is not supported`, word, {
        hint: `supported matches: ${supported.join(', ')}`,
      });
    }
    const message = `Couldn't load match \`${word.text}':No such file or directory`;
    const other = this.#family === 4 ? 6 : 4;
    const hint = isRealMatch(name, other)
      ? `${name} is a match of ${other === 4 ? 'iptables' : 'ip6tables'} only`
      : (didYouMean(name, realMatchNames(this.#family)) ??
        `supported matches: ${supported.join(', ')}`);
    return new Refusal('unknown-match', message, word, { hint });
  }

  /**
   * `-j NAME`: true when it is a target, false when it can only be a chain.
   * @throws Refusal unsupported-target
   */
  setTarget(word: Word): boolean {
    const definition = findTarget(word.text, this.#family);
    if (definition === undefined) {
      if (word.text === 'standard') {
        const message = 'No chain/target/match by that name';
        throw new Refusal('unknown-target', message, word);
      }
      if (isRealTarget(word.text, this.#family)) throw this.#unsupportedTarget(word);
      return false;
    }
    this.#target = { definition, word, uses: [], places: [], orders: [], completed: false };
    this.#addOwner(definition);
    return true;
  }

  #unsupportedTarget(word: Word): Refusal {
    return new Refusal('unsupported-target', `the target ${word.text} is not supported`, word, {
      hint: `supported targets: ${targetNames(this.#family).join(', ')}`,
    });
  }

  /**
   * Loads the match that goes with -p, once, when an option is met that nothing knows.
   * @param protocol as written after -p, lower case
   * @returns whether the option is worth another look
   */
  loadProtocol(protocol: Word | undefined): boolean {
    if (protocol === undefined || this.#protocolUsed) return false;
    const number = unsignedNumber(protocol.text, 255);
    const name = number === undefined ? protocol.text : nameOfProtocol(number);
    if (name === undefined) return false;
    const canonical = canonicalMatch(name);
    const definition = findMatch(canonical, this.#family);
    if (definition === undefined) {
      if (isRealMatch(canonical, this.#family)) throw this.#noMatch(canonical, protocol);
      return false;
    }
    this.#protocolUsed = true;
    this.#push(definition, protocol);
    return true;
  }

  /** Gives an option to the instance that takes it now. */
  take(option: ExtensionOption, use: OptionUse, place: Word): void {
    const target = this.#target;
    const instance =
      target?.definition === option.owner
        ? target
        : this.#matches.find((match) => match.definition === option.owner && !match.completed);
    instance?.uses.push(use);
    instance?.places.push(place);
    instance?.orders.push(this.#taken++);
  }

  /**
   * Binds matches and target.
   * @throws Refusal with what the command itself refuses; what only the kernel would is returned
   */
  bind(context: BindContext): BoundExtensions {
    let kernelRefusal: Refusal | undefined;
    const attempt = <B>(instance: Instance<Bindable<B>>, within = context): B[] => {
      try {
        return [this.#bind(instance, within)];
      } catch (error) {
        if (!(error instanceof OptionError)) throw error;
        const refusal = refusalOf(error, instance);
        if (!isFromKernel(error)) throw this.refusedOption(context) ?? refusal;
        kernelRefusal ??= refusal;
        return [];
      }
    };
    const matches = this.#matches.flatMap((match) => attempt<BoundMatch>(match));
    const [target] =
      this.#target === undefined ? [] : attempt<BoundTarget>(this.#target, { ...context, matches });
    return { matches, target, kernelRefusal };
  }

  /** @throws OptionError */
  #bind<B>({ definition, uses, word }: Instance<Bindable<B>>, context: BindContext): B {
    return this.#bindings.bind(definition, uses, {
      ...context,
      warn: (diagnostic) => context.warn(word, diagnostic),
    });
  }

  /**
   * Where the kernel takes these extensions.
   * @param bound the matches as bind gave them
   * @param boundTarget the target as bind gave it
   */
  restrictions(bound: readonly BoundMatch[], boundTarget: BoundTarget | undefined): Restriction[] {
    const found: Restriction[] = [];
    const add = (
      kind: Restriction['kind'],
      { definition, word }: Instance<RegisteredMatch> | Instance<RegisteredTarget>,
      hooks: Restriction['hooks'],
      tables: Restriction['tables'],
    ): void => {
      const { name } = definition;
      if (tables !== undefined || hooks !== undefined) {
        found.push({ name, kind, tables, hooks, word });
      }
    };
    this.#matches.forEach((match, index) => {
      add('match', match, bound[index]?.hooks, match.definition.tables);
    });
    if (this.#target !== undefined) {
      add('target', this.#target, boundTarget?.hooks, boundTarget?.tables);
    }
    return found;
  }

  /**
   * What the first wrong option on the line is refused for, if one is; what is missing, or what only
   * the kernel refuses, does not count.
   */
  refusedOption(context: BindContext): Refusal | undefined {
    let first: Refusal | undefined;
    let firstOrder = Number.POSITIVE_INFINITY;
    const instances = this.#target === undefined ? this.#matches : [...this.#matches, this.#target];
    for (const instance of instances) {
      try {
        if (instance.uses.length > 0) instance.definition.bind(instance.uses, quiet(context));
      } catch (error) {
        if (!(error instanceof OptionError)) throw error;
        const index = instance.uses.findLastIndex((use) => use.name === error.option);
        const order = instance.orders[index];
        if (order === undefined || order >= firstOrder || isFromKernel(error)) continue;
        first = refusalOf(error, instance);
        firstOrder = order;
      }
    }
    return first;
  }

  /** Hint for an option that nothing in force knows: who has it, or what is spelled alike. */
  unknownOptionHint(text: string): string | undefined {
    const name = text.replace(/^-+/, '').replace(/=.*$/s, '');
    const family = this.#family;
    const has = (owner: { options: readonly OptionSpec[] } | undefined): boolean =>
      owner?.options.some((spec) => [spec.name, ...(spec.aliases ?? [])].includes(name)) === true;
    const owners = matchNames(family).filter((each) => has(findMatch(each, family)));
    if (owners.length > 0) return `--${name} belongs to ${ownersText(owners)}`;
    const targets = targetNames(family).filter((each) => has(findTarget(each, family)));
    if (targets.length > 0) return `--${name} belongs to the target ${targets.join(', ')} (-j)`;
    if (!text.startsWith('--')) return undefined;
    return didYouMean(
      name,
      this.table.long.map((option) => option.name),
    );
  }
}

const PROTOCOL_MATCHES = ['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'icmp', 'icmp6'];

function ownersText(owners: readonly string[]): string {
  const protocols = owners.filter((name) => PROTOCOL_MATCHES.includes(name));
  if (protocols.length > 0) {
    const names = protocols.join(', ').replace(/, (?=[^,]*$)/, ' or ');
    return `the match of a protocol: give -p ${names} before it`;
  }
  return `the match ${owners.join(', ')}: give -m ${owners[0]} before it`;
}

/** Three names are one match. */
function canonicalMatch(name: string): string {
  return name === 'icmpv6' || name === 'ipv6-icmp' ? 'icmp6' : name;
}

function quiet(context: BindContext): ParseContext {
  return { ...context, warn: () => undefined };
}

/** Puts the place of the option at fault to an error. */
function refusalOf(error: OptionError, instance: Instance<unknown>): Refusal {
  const index = instance.uses.findLastIndex((use) => use.name === error.option);
  const word = instance.places[index] ?? instance.word;
  return new Refusal(error.code, error.message.trim(), word, { hint: error.hint });
}

/** Whether it is the kernel that refuses, when the table is loaded. */
function isFromKernel(error: OptionError): boolean {
  return /^(Invalid argument|Numerical result out of range|No chain\/target\/match by that name)\b/.test(
    error.message,
  );
}

/** Suggests a target or chain for a name that is neither. */
export function unknownTargetHint(name: string, family: Family, chains: Iterable<string>): string {
  return (
    didYouMean(name, [...realTargetNames(family), ...chains, 'ACCEPT', 'DROP', 'RETURN']) ??
    `neither a target nor a chain of this table; supported targets: ${targetNames(family).join(', ')}`
  );
}
