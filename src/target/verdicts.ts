/**
 * ACCEPT, DROP, QUEUE and RETURN: the verdicts of the kernel's "standard" target. They have no
 * options.
 */
import type { TargetDefinition, TargetResult } from './definition.ts';
import { TARGET_ACCEPT, TARGET_DROP, TARGET_RETURN } from './definition.ts';

function standard(
  name: string,
  result: TargetResult,
  help: string,
): TargetDefinition<Record<string, never>> {
  return {
    name,
    families: [4, 6],
    help,
    options: [],
    parse: () => ({}),
    print: () => '',
    list: () => '',
    apply: () => result,
  };
}

/** -j ACCEPT: ends this table at this hook; the packet still meets the later ones. */
export const ACCEPT = standard(
  'ACCEPT',
  TARGET_ACCEPT,
  'let the packet pass this table; later tables and hooks still see it',
);

/** -j DROP: the packet is gone, without an answer. */
export const DROP = standard('DROP', TARGET_DROP, 'drop the packet without an answer');

/**
 * -j QUEUE: to the program at queue 0. That one listens is in no capture: it is taken that none does,
 * and then the kernel drops the packet.
 */
export const QUEUE: TargetDefinition<Record<string, never>> = {
  ...standard('QUEUE', TARGET_DROP, 'hand the packet to a program; with none listening: drop it'),
  apply(_, context) {
    context.queued = 'QUEUE';
    return TARGET_DROP;
  },
};

/** -j RETURN: back to the calling chain; in a built-in chain, the policy. */
export const RETURN = standard(
  'RETURN',
  TARGET_RETURN,
  'go back to the calling chain; in a built-in chain: apply the policy',
);
