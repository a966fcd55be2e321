/**
 * The section of the text report on what a capture does not show: matches that could not be decided,
 * what was assumed instead, and the seed of what is random.
 */
import type { ReplayResult } from '../engine/types.ts';
import { paragraph } from './layout.ts';
import type { Style } from './style.ts';
import { plural } from './units.ts';

/** What was not shown, and what was taken for given. */
export function assumptionsSection(result: ReplayResult, style: Style, width: number): string[] {
  const { undecidedMatches, assumptions, seed } = result;
  const undecided = [...undecidedMatches]
    .sort((a, b) => b[1].packets - a[1].packets)
    .map(
      ([match, { packets, firstPacket }]) =>
        `-m ${match} could not be decided for ${plural(packets, 'packet')} (first: packet ${firstPacket})`,
    );
  const assumed = assumptions.map(({ text, stated, packets, firstPacket }) => {
    const first = packets === 0 ? '' : ` (first: packet ${firstPacket})`;
    const by = stated ? 'assumed by --assume' : 'taken for given';
    return `${by}: ${text}; it decided ${plural(packets, 'packet')}${first}`;
  });
  const random =
    seed === undefined ? [] : [`random matches and targets follow --seed ${seed}, not chance`];
  const lines = [...undecided, ...assumed, ...random];
  if (lines.length === 0) return [];
  return [
    style.bold('What the capture does not show'),
    ...lines.flatMap((line) => paragraph('  - ', line, width)),
    '',
  ];
}
