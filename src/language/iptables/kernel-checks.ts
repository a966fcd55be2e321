/**
 * What the kernel checks when a table is loaded (mark_source_chains of ip_tables.c, xt_check_match
 * and xt_check_target of x_tables.c): no loop of chains that a packet can reach, and no match or
 * target outside its tables and hooks. A rule behind an unconditional verdict is never reached and
 * so never counts.
 *
 * A script loads the table anew with every command. So that its cost does not grow with the square
 * of its length, the hooks that reach each chain are kept with the table, and a command that only
 * adds rules has only what it adds looked at.
 */
import type { HookName } from '../../ruleset/types.ts';
import { HOOK_NAMES } from '../../ruleset/types.ts';
import { Refusal } from './source.ts';
import type { OpenChain, OpenRule, OpenTable, Restriction } from './tables.ts';

interface Frame {
  readonly chain: OpenChain;
  next: number;
}

/** A rule that would close a loop, with the chains of the loop. */
interface Loop {
  readonly rule: OpenRule;
  readonly path: readonly string[];
}

/** What is reached from a chain: chains in order of discovery, and the rules that close loops. */
interface Walk {
  readonly chains: Set<OpenChain>;
  readonly loops: Loop[];
}

/** Loops that are told of one walk. */
const MOST_LOOPS = 20;
/** Chains of a loop that a hint names. */
const MOST_NAMES = 10;

/**
 * Follows all jumps from a chain, as the kernel does.
 * @param above chains from which the walk comes: a jump to one of them is a loop, too
 */
function walkFrom(start: OpenChain, above: readonly OpenChain[] = []): Walk {
  const chains = new Set<OpenChain>([start]);
  const loops: Loop[] = [];
  const open = new Set<OpenChain>([...above, start]);
  const stack: Frame[] = [{ chain: start, next: 0 }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const rule = frame.chain.rules[frame.next];
    if (rule === undefined) {
      stack.pop();
      open.delete(frame.chain);
      continue;
    }
    frame.next = rule.unconditionalVerdict ? frame.chain.rules.length : frame.next + 1;
    if (!('chain' in rule.target)) continue;
    const { chain } = rule.target;
    if (open.has(chain)) {
      // The kernel stops at the first; some more are of use, thousands with long ways are not.
      if (loops.length === MOST_LOOPS) continue;
      const names = [...above, ...stack.map((each) => each.chain), chain].map((each) => each.name);
      loops.push({ rule, path: names });
    } else if (!chains.has(chain)) {
      chains.add(chain);
      open.add(chain);
      stack.push({ chain, next: 0 });
    }
  }
  return { chains, loops };
}

/** The hooks (bits 1 << HOOK_) that reach each chain; chains that none reaches are left out. */
export type Reach = Map<OpenChain, number>;

function hookBit(chain: OpenChain): number {
  return 1 << HOOK_NAMES.indexOf(chain.name as HookName);
}

/** Whether a packet that enters a chain can come to the rule at `index`. */
function isReached(chain: OpenChain, index: number): boolean {
  if (chain.verdicts === 0) return true;
  for (let i = 0; i < index; i++) if (chain.rules[i]?.unconditionalVerdict === true) return false;
  return true;
}

function loopRefusal({ rule, path }: Loop): Refusal {
  const circle = path.slice(path.indexOf(path.at(-1) ?? ''));
  if (circle.length > MOST_NAMES) {
    circle.splice(
      MOST_NAMES - 2,
      circle.length - MOST_NAMES,
      `… ${circle.length - MOST_NAMES} more …`,
    );
  }
  return new Refusal('chain-loop', 'Too many levels of symbolic links', rule.word, {
    hint: `chains may not call each other in a circle: ${circle.join(' → ')}`,
  });
}

function violation(restriction: Restriction, mask: number, table: OpenTable): Refusal | undefined {
  const { kind, name, tables, hooks, word } = restriction;
  const message = "Invalid argument. Run `dmesg' for more information";
  if (tables !== undefined && !tables.includes(table.name)) {
    return new Refusal(`${kind}-not-in-table`, message, word, {
      hint: `the kernel takes the ${kind} ${name} only in the table ${tables.join(', ')}, not in ${table.name}`,
    });
  }
  if (hooks === undefined) return undefined;
  const reached = HOOK_NAMES.filter((_, hook) => (mask & (1 << hook)) !== 0);
  const wrong = reached.filter((hook) => !hooks.includes(hook));
  if (wrong.length === 0) return undefined;
  return new Refusal(`${kind}-not-at-hook`, message, word, {
    hint: `the kernel takes the ${kind} ${name} only at ${hooks.join(', ')}; this rule is reached from ${wrong.join(', ')}`,
  });
}

function ruleViolations(
  chain: OpenChain,
  index: number,
  mask: number,
  table: OpenTable,
): Refusal[] {
  const restrictions = chain.rules[index]?.restrictions ?? [];
  if (restrictions.length === 0) return [];
  const here = isReached(chain, index) ? mask : 0;
  return restrictions.flatMap((restriction) => violation(restriction, here, table) ?? []);
}

function chainViolations(chain: OpenChain, mask: number, table: OpenTable): Refusal[] {
  return chain.rules.flatMap((rule, index) =>
    rule.restrictions.length === 0 ? [] : ruleViolations(chain, index, mask, table),
  );
}

/** All that the kernel would refuse in a table; empty when it takes it. */
export function kernelRefusals(table: OpenTable): Refusal[] {
  const reach: Reach = new Map();
  const loops = new Map<OpenRule, Loop>();
  const chains = table.chains();
  for (const start of chains) {
    if (start.policy === undefined) break;
    const walk = walkFrom(start);
    for (const chain of walk.chains) {
      reach.set(chain, (reach.get(chain) ?? 0) | hookBit(start));
    }
    for (const loop of walk.loops) loops.set(loop.rule, loop);
  }
  const refusals = [...loops.values()].map(loopRefusal);
  for (const chain of chains) {
    refusals.push(...chainViolations(chain, reach.get(chain) ?? 0, table));
  }
  table.reach = refusals.length === 0 ? reach : undefined;
  return refusals;
}

/**
 * What the kernel would refuse after rules were added to a chain of a table that it took before.
 * @param rules the rules added
 */
export function refusalsOfAdded(
  table: OpenTable,
  chain: OpenChain,
  rules: readonly OpenRule[],
): Refusal[] {
  const { reach } = table;
  if (reach === undefined) return kernelRefusals(table);
  const mask = reach.get(chain) ?? 0;
  const refusals: Refusal[] = [];
  for (const rule of rules) {
    if (rule.restrictions.length === 0 && !('chain' in rule.target)) continue;
    const index = chain.rules.lastIndexOf(rule);
    refusals.push(...ruleViolations(chain, index, mask, table));
    if (!('chain' in rule.target) || mask === 0 || !isReached(chain, index)) continue;
    const walk = walkFrom(rule.target.chain, [chain]);
    if (walk.chains.has(chain) || rule.target.chain === chain || walk.loops.length > 0) {
      // A loop: let the whole check say where.
      return kernelRefusals(table);
    }
    for (const each of walk.chains) {
      const before = reach.get(each) ?? 0;
      if ((before | mask) === before) continue;
      reach.set(each, before | mask);
      refusals.push(...chainViolations(each, before | mask, table));
    }
  }
  if (refusals.length > 0) table.reach = undefined;
  return refusals;
}
