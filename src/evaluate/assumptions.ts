/**
 * What the user states of facts that no capture holds: `owner=no`, `owner --uid-owner 33=yes`. An
 * assumption is about a match as a rule has it, and decides it only where it is undecided otherwise.
 */
import { type Diagnostic, UsageError } from '../errors.ts';
import type { BoundMatch } from '../match/definition.ts';

/** A number of packets with the first of them. */
export interface PacketTally {
  packets: number;
  firstPacket: number;
  lastPacket: number;
}

/** One assumption with its use. */
export interface Assumption extends PacketTally {
  /** Beginning of the match's saved text without `-m `: `owner --uid-owner 33`. */
  readonly text: string;
  readonly holds: boolean;
  /** Number of matches in the ruleset that it is about. */
  matches: number;
}

/** An assumption as it stands for one match. */
export interface AssumedMatch {
  readonly assumption: Assumption;
  readonly holds: boolean;
}

/** Counts a packet, once. */
export function tallyPacket(tally: PacketTally, packet: number): void {
  if (tally.lastPacket === packet && tally.packets > 0) return;
  if (tally.packets === 0) tally.firstPacket = packet;
  tally.packets += 1;
  tally.lastPacket = packet;
}

/** `TEXT=yes` or `TEXT=no`. @throws UsageError bad-assumption */
export function parseAssumption(value: string): Assumption {
  const [, written = '', word = ''] = /^(.*)=\s*(\S*)\s*$/s.exec(value) ?? [];
  const text = written
    .trim()
    .replace(/^-m\s+/, '')
    .replace(/\s+/g, ' ');
  const answer = word.toLowerCase();
  if (text === '' || (answer !== 'yes' && answer !== 'no')) {
    throw new UsageError([
      {
        code: 'bad-assumption',
        message: `--assume: "${value}" is not MATCH=yes or MATCH=no`,
        hint: 'such as --assume owner=no, or --assume "owner --uid-owner 33=yes"',
      },
    ]);
  }
  const holds = answer === 'yes';
  return { text, holds, matches: 0, packets: 0, firstPacket: 0, lastPacket: 0 };
}

/** Whether `text` is what `whole` begins with, up to the end of a word. */
function begins(whole: string, text: string): boolean {
  return whole.startsWith(text) && (whole.length === text.length || whole[text.length] === ' ');
}

/** The only option of a match without its `!`; undefined when it is another form. */
function withoutNegation(text: string): string | undefined {
  const [, name, option] = /^(\S+) ! (--.*)$/s.exec(text) ?? [];
  if (name === undefined || option === undefined || / (!|--)/.test(option)) return undefined;
  return `${name} ${option}`;
}

/** The assumptions of a replay. */
export class Assumptions {
  readonly all: readonly Assumption[];

  /** @throws UsageError */
  constructor(values: readonly string[]) {
    this.all = values.map(parseAssumption);
  }

  /**
   * What is assumed of a match: the longest text that its own begins with; of equal ones the last.
   * A text with the option of `! --option value`, but without the `!`, says the opposite of it.
   */
  of(match: BoundMatch): AssumedMatch | undefined {
    if (this.all.length === 0 || !match.assumable) return undefined;
    const text = match.text.replace(/^-m /, '');
    const positive = withoutNegation(text);
    let found: AssumedMatch | undefined;
    let length = 0;
    for (const assumption of this.all) {
      if (assumption.text.length < length) continue;
      if (begins(text, assumption.text)) found = { assumption, holds: assumption.holds };
      else if (positive === assumption.text) found = { assumption, holds: !assumption.holds };
      else continue;
      length = assumption.text.length;
    }
    if (found !== undefined) found.assumption.matches += 1;
    return found;
  }

  /** Warnings for those that no match of the ruleset takes up. */
  unused(): Diagnostic[] {
    return this.all
      .filter(({ matches }) => matches === 0)
      .map(({ text, holds }) => ({
        code: 'unused-assumption',
        severity: 'warning' as const,
        message: `--assume "${text}=${holds ? 'yes' : 'no'}": no rule has such a match, or it needs no assumption`,
        hint: 'write the match as iptables-save prints it, without -m; only what a capture cannot show is assumed',
      }));
  }
}
