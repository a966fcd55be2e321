/**
 * -j DSCP: sets the upper six bits of the IPv4 TOS byte or the IPv6 traffic class and goes on
 * (net/netfilter/xt_DSCP.c).
 */
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import { byteText, dscpOfClass } from '../match/traffic-class.ts';
import { boundedNumber } from '../match/values.ts';
import { setTrafficClass } from '../packet/edit.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j DSCP. */
export interface DscpTargetOptions {
  /** 0 to 63. */
  readonly dscp: number;
}

/** -j DSCP. */
export const DSCP: TargetDefinition<DscpTargetOptions> = {
  name: 'DSCP',
  families: [4, 6],
  tables: ['mangle'],
  help: 'set the DSCP bits and go on with the next rule',
  writes: ['tos', 'payload'],
  options: [
    { name: 'set-dscp', argument: 'value', help: 'code point, 0 to 63' },
    { name: 'set-dscp-class', argument: 'class', help: 'CS0 to CS7, BE, EF or AF11 to AF43' },
  ],
  parse(uses) {
    let dscp: number | undefined;
    readOptions('DSCP', DSCP.options, uses, {
      'set-dscp': (use) => {
        dscp = boundedNumber('DSCP', 'set-dscp', argument(use), 63);
      },
      'set-dscp-class': (use) => {
        dscp = dscpOfClass('set-dscp-class', argument(use));
      },
    });
    if (dscp === undefined) {
      throw new OptionError('option-missing', 'DSCP target: Parameter --set-dscp is required', {
        hint: 'add --set-dscp or --set-dscp-class',
      });
    }
    excludeEachOther('DSCP', uses, ['set-dscp', 'set-dscp-class']);
    return { dscp };
  },
  print: ({ dscp }) => `--set-dscp ${byteText(dscp)}`,
  list: ({ dscp }) => `DSCP set ${byteText(dscp)}`,
  apply({ dscp }, { packet }) {
    if (packet.tos >>> 2 !== dscp) setTrafficClass(packet, (packet.tos & 3) | (dscp << 2));
    return TARGET_CONTINUE;
  },
};
