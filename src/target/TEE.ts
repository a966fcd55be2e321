/**
 * -j TEE: sends a copy of the packet to another host and goes on (net/netfilter/xt_TEE.c). The copy
 * passes OUTPUT and POSTROUTING, untracked, so rules there count it.
 */
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { addressText, hostAddress, maskedHostName } from '../match/numeric-address.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { textValue } from '../match/text-value.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j TEE. */
export interface TeeOptions {
  /** One word, or four. */
  readonly gateway: readonly number[];
  /** At most 15 bytes; '' for any. */
  readonly outInterface: string;
}

/** @throws OptionError bad-value */
function noOption(use: OptionUse): never {
  throw new OptionError('bad-value', `TEE: bad value for option "--${use.name}"`, {
    option: use.name,
  });
}

/** -j TEE. */
export const TEE: TargetDefinition<TeeOptions> = {
  name: 'TEE',
  families: [4, 6],
  help: 'send a copy to another host and go on with the next rule',
  options: [
    { name: 'gateway', argument: 'address', help: 'next hop of the copy' },
    { name: 'oif', argument: 'interface', help: 'device that the copy leaves by' },
  ],
  parse(uses, { family }) {
    let gateway: readonly number[] = [];
    let outInterface = '';
    readOptions('TEE', TEE.options, uses, {
      gateway: (use) => {
        gateway =
          argument(use) === '' ? noOption(use) : hostAddress('gateway', argument(use), family);
      },
      oif: (use) => {
        outInterface = textValue(use, { kept: 15 });
      },
    });
    requireOption('TEE', uses, 'gateway');
    if (gateway.every((word) => word === 0)) {
      throw kernelRefuses('bad-address', 'the kernel does not take the address of zeros');
    }
    return { gateway, outInterface };
  },
  print: ({ gateway, outInterface }) =>
    `--gateway ${addressText(gateway)}${outInterface === '' ? '' : ` --oif ${outInterface}`}`,
  list({ gateway, outInterface }, numeric) {
    const whole = { address: gateway, mask: gateway.map(() => -1) };
    const name = numeric ? addressText(gateway) : maskedHostName(whole);
    return `TEE gw:${name}${outInterface === '' ? '' : ` oif=${outInterface}`}`;
  },
  apply({ gateway, outInterface }, context) {
    context.copyTo = { gateway, outInterface };
    return TARGET_CONTINUE;
  },
};
