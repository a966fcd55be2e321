/** -j TTL: changes the time to live of an IPv4 packet. */
import type { TargetDefinition } from './definition.ts';
import type { HopLimitTargetOptions } from './hop-limit.ts';
import { hopLimitTarget } from './hop-limit.ts';

/** -j TTL. */
export const TTL: TargetDefinition<HopLimitTargetOptions> = hopLimitTarget(
  'TTL',
  4,
  'time to live',
);
