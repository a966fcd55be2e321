/** Plays a scenario through an engine; what comes out in plain lines that can be compared. */
import { Engine, newOutcome } from '../../src/engine/engine.ts';
import type { PacketOutcome } from '../../src/engine/types.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { decode } from '../../src/packet/decode.ts';
import { PacketView } from '../../src/packet/fields.ts';
import type { Ruleset } from '../../src/ruleset/types.ts';
import { type FrameSpec, frameOf } from '../support/packets.ts';
import { captureInterface, topologyOf } from '../topology/ways.ts';
import { INTERFACES, ROUTER_OPTIONS, type Scenario, type TimedFrame } from './scenario.ts';

/** A counter: what it is sure to hold, and at most beside that. */
export interface Counted {
  readonly packets: number;
  readonly bytes: number;
  readonly uncertain: number;
}

/** What a replay gave. */
export interface Played {
  /** Verdict and place of each packet: `DROP filter INPUT chain1 3`. */
  readonly outcomes: readonly string[];
  /** Reasons of each packet's verdict. */
  readonly reasons: readonly string[];
  /** By `4 filter INPUT 3` or `4 filter INPUT policy`. */
  readonly counters: ReadonlyMap<string, Counted>;
}

/** Both families' rules, loaded. */
export function rulesetOf(
  rules: Scenario['rules'],
  families: readonly (4 | 6)[] = [4, 6],
): Ruleset {
  const sources = families.map((family) => ({
    text: rules[family],
    file: `rules${family}`,
    family,
  }));
  return loadRuleset(sources).ruleset;
}

/** Verdict, and where it fell. */
export function outcomeText(outcome: PacketOutcome): string {
  const { verdict, table, chain, rule, answer, hook } = outcome;
  if (verdict === 'UNDECIDED') return verdict;
  const place =
    chain === undefined ? '' : ` ${hook} ${table} ${chain.name} ${rule?.number ?? 'policy'}`;
  return `${verdict}${place}${answer === '' ? '' : ` ${answer}`}`;
}

/** Every counter of a ruleset. */
export function countersOf(ruleset: Ruleset): Map<string, Counted> {
  const counters = new Map<string, Counted>();
  for (const [family, { tables }] of ruleset.families)
    for (const table of tables.values())
      for (const chain of table.chains.values()) {
        const name = `${family} ${table.name} ${chain.name}`;
        for (const [i, rule] of chain.rules.entries())
          counters.set(`${name} ${i + 1}`, {
            packets: rule.packets,
            bytes: rule.bytes,
            uncertain: rule.uncertainPackets ?? 0,
          });
        if (chain.policy !== undefined)
          counters.set(`${name} policy`, {
            packets: chain.packets,
            bytes: chain.bytes,
            uncertain: chain.uncertainPackets ?? 0,
          });
      }
  return counters;
}

/** Plays frames. @param more changes how each frame is given (link type …) */
export function play(
  ruleset: Ruleset,
  frames: readonly TimedFrame[],
  more: (frame: TimedFrame) => FrameSpec = () => ({}),
): Played {
  const captured = INTERFACES.map((name, i) => captureInterface(i, name));
  const engine = new Engine(ruleset, topologyOf(ROUTER_OPTIONS, captured), { captures: [] });
  const packet = new PacketView();
  const outcome = newOutcome(packet);
  const outcomes: string[] = [];
  const reasons: string[] = [];
  for (const [i, timed] of frames.entries()) {
    const { bytes, ...rest } = timed;
    // A copy: targets and forwarding change the packet's bytes.
    const frame = frameOf(bytes.slice(), { linkType: 1, ...rest, number: i + 1, ...more(timed) });
    decode(frame, packet);
    engine.decide(packet, i + 1, outcome, undefined);
    outcomes.push(outcomeText(outcome));
    reasons.push(outcome.reason);
  }
  return { outcomes, reasons, counters: countersOf(engine.counted()) };
}

/** Where a replay that knows less contradicts one that knows all; at most a few lines. */
export function contradictions(whole: Played, less: Played): string[] {
  const lines: string[] = [];
  for (const [i, outcome] of whole.outcomes.entries()) {
    const ours = less.outcomes[i] ?? '';
    // Whether REJECT answers hangs on the checksum, which may be cut: the verdict does not.
    const answer = / icmp6?-.*| tcp-reset/;
    if (ours !== 'UNDECIDED' && ours.replace(answer, '') !== outcome.replace(answer, ''))
      lines.push(
        `packet ${i + 1}: ${ours} (${less.reasons[i]}), in truth ${outcome} (${whole.reasons[i]})`,
      );
  }
  // The whole one may be unsure of itself (copies of multicasts): then the two ranges must meet.
  for (const [name, { packets, uncertain: more }] of whole.counters) {
    const { packets: least = 0, uncertain = 0 } = less.counters.get(name) ?? {};
    if (packets + more < least || packets > least + uncertain)
      lines.push(`${name}: ${packets}+${more}, not in ${least}+${uncertain}`);
  }
  return lines.slice(0, 8);
}
