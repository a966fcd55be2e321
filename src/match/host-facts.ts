/**
 * What the matches share that ask for facts of the host which no capture holds: how they say so, and
 * what is known all the same because the packet was only forwarded.
 */
import { undecided } from './conditions.ts';
import type { MatchResult, PacketContext } from './definition.ts';

/** UNDECIDED, with what the capture lacks. */
export function notCaptured(context: PacketContext, match: string, fact: string): MatchResult {
  return undecided(
    context,
    `-m ${match}: no capture shows ${fact}; --assume "${match}=no" says it`,
  );
}

/** `--option` when it was used, with its `!`. */
export function flagText(option: string, used: boolean, inverted = false): string {
  return used ? `${inverted ? '! ' : ''}--${option}` : '';
}
