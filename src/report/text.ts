/**
 * The report for people: tables of chains with the replay's counters, what was not hit, not decided
 * or doubtful, and the verdict totals last, where a terminal shows them.
 */
import type { PacketOutcome, ReplayResult } from '../engine/types.ts';
import type { Reporter } from './reporter.ts';
import type { Sink } from './sink.ts';
import type { Style } from './style.ts';
import { assumptionsSection } from './text-assumptions.ts';
import { chainsSection, unhitSection } from './text-chains.ts';
import {
  doctorSection,
  headLine,
  oneLine,
  rateLine,
  reasonsSection,
  totalsSection,
  vantageSection,
} from './text-totals.ts';
import { verdictLines } from './verdict-lines.ts';

/** How the text report is made. */
export interface TextOptions {
  readonly style: Style;
  /** Columns of text. */
  readonly width: number;
  /** Show all rules of a large ruleset, also those without hits. */
  readonly allRules: boolean;
  /** Only totals on one line, or nothing when packets are listed. */
  readonly quiet: boolean;
  /** Wall-clock seconds since the replay began; undefined: the report says nothing of its speed. */
  readonly elapsedSeconds?: (() => number) | undefined;
  /** Packets to list, a line each; undefined: none. */
  readonly wanted?: ((outcome: PacketOutcome) => boolean) | undefined;
}

/** The summary's lines. */
export function textSummary(result: ReplayResult, options: TextOptions): string[] {
  const { style, width } = options;
  return [
    headLine(result, style),
    '',
    ...chainsSection(result, options),
    ...unhitSection(result, options),
    ...reasonsSection(result, style, width),
    ...assumptionsSection(result, style, width),
    ...doctorSection(result, style, width),
    ...vantageSection(result, style, width),
    ...totalsSection(result, style, width),
    ...(options.elapsedSeconds ? [rateLine(result, options.elapsedSeconds())] : []),
  ];
}

/** Writes the text report. */
export function textReporter(sink: Sink, options: TextOptions): Reporter {
  const { wanted, quiet } = options;
  let listed = false;
  const end: Reporter['end'] = (result) => {
    if (quiet) {
      if (wanted === undefined) sink.write(`${oneLine(result)}\n`);
      return;
    }
    if (listed) sink.write('\n');
    sink.write(`${textSummary(result, options).join('\n')}\n`);
  };
  if (wanted === undefined) return { end };
  const isWanted = (outcome: PacketOutcome): boolean => {
    const is = wanted(outcome);
    listed ||= is;
    return is;
  };
  return { packet: verdictLines(sink, options.style, isWanted), end };
}
