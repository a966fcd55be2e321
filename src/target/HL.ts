/** -j HL: changes the hop limit of an IPv6 packet. */
import type { TargetDefinition } from './definition.ts';
import type { HopLimitTargetOptions } from './hop-limit.ts';
import { hopLimitTarget } from './hop-limit.ts';

/** -j HL. */
export const HL: TargetDefinition<HopLimitTargetOptions> = hopLimitTarget('HL', 6, 'hop limit');
