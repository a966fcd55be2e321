/**
 * Bound matches and targets by what was written. Rulesets repeat themselves: `-m conntrack --ctstate
 * RELATED,ESTABLISHED` is read once and then shared by all rules that have it, which is safe because
 * what is bound never changes (state belongs to the rule). Only what was accepted without a warning
 * and without a look at the rule's chain or other matches is kept.
 */
import type { BoundMatch, OptionUse, ParseContext, SetDirectory } from '../../match/definition.ts';
import type { Family, IpMatch, TableName } from '../../ruleset/types.ts';

/** Something that binds options: a registered match or target. */
export interface Bindable<B> {
  bind(uses: readonly OptionUse[], context: ParseContext): B;
}

/** Bounds the memory for rulesets in which no two rules are alike. */
const MOST_KEPT = 4096;

/** A context that notes whether it was asked for anything that is not part of the key. */
class WatchedContext implements ParseContext {
  readonly family: Family;
  readonly table: TableName;
  readonly ip: IpMatch;
  readonly #inner: ParseContext;
  onlyKeyRead = true;

  constructor(inner: ParseContext) {
    this.family = inner.family;
    this.table = inner.table;
    this.ip = inner.ip;
    this.#inner = inner;
  }

  get chain(): string {
    this.onlyKeyRead = false;
    return this.#inner.chain;
  }

  get sets(): SetDirectory | undefined {
    this.onlyKeyRead = false;
    return this.#inner.sets;
  }

  get matches(): readonly BoundMatch[] {
    this.onlyKeyRead = false;
    return this.#inner.matches ?? [];
  }

  warn(diagnostic: Parameters<ParseContext['warn']>[0]): void {
    this.onlyKeyRead = false;
    this.#inner.warn(diagnostic);
  }
}

function keyOf(uses: readonly OptionUse[], { table, ip }: ParseContext): string {
  let key: string = table;
  const { protocol, fragment, inInterface, outInterface } = ip;
  if (protocol !== undefined) key += `${protocol.inverted ? '!' : ' '}${protocol.number}`;
  if (fragment !== undefined) key += fragment.inverted ? ' ! -f' : ' -f';
  if (inInterface !== undefined) key += ` -i ${JSON.stringify(inInterface)}`;
  if (outInterface !== undefined) key += ` -o ${JSON.stringify(outInterface)}`;
  for (const { name, inverted, value, beforeProtocol } of uses) {
    key += `\0${inverted ? '!' : ''}${beforeProtocol === true ? '-' : ''}${name}`;
    if (value !== undefined) key += `\0=${value}`;
  }
  return key;
}

/** The bound matches and targets of one family's rules. */
export class BindCache {
  readonly #kept = new Map<Bindable<unknown>, Map<string, unknown>>();

  /** Binds, or finds what was bound for the same words. @throws OptionError */
  bind<B>(definition: Bindable<B>, uses: readonly OptionUse[], context: ParseContext): B {
    let kept = this.#kept.get(definition) as Map<string, B> | undefined;
    if (kept === undefined) {
      kept = new Map();
      this.#kept.set(definition, kept);
    }
    const key = keyOf(uses, context);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const watched = new WatchedContext(context);
    const bound = definition.bind(uses, watched);
    if (watched.onlyKeyRead) {
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(key, bound);
    }
    return bound;
  }
}
