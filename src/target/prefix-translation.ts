/**
 * What -j SNPT and -j DNPT share: translation of an IPv6 prefix without connection tracking (RFC
 * 6296, net/ipv6/netfilter/ip6t_NPT.c). The translation itself is not simulated: the context says
 * that it would be, and that the addresses are unknown from then on.
 */
import type { MaskedHost } from '../match/numeric-address.ts';
import { addressText, maskedHost, maskLength } from '../match/numeric-address.ts';
import { argument, readOptions, requireOption } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import type { HookName } from '../ruleset/types.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';
import { translate } from './nat-range.ts';

/** Options of -j SNPT and -j DNPT. */
export interface PrefixOptions {
  readonly source: MaskedHost;
  readonly destination: MaskedHost;
}

type PrefixTarget = TargetDefinition<PrefixOptions>;

/** Prefixes are not longer than 64 bits, and what follows them is zero (ip6t_npt_checkentry). */
function checkPrefix({ address, mask }: MaskedHost): void {
  if (maskLength(mask) <= 64 && address.every((word, i) => (word & ~(mask[i] ?? 0)) === 0)) return;
  throw kernelRefuses('bad-prefix', 'a prefix has at most 64 bits, and only zeros after them');
}

function isZero({ address, mask }: MaskedHost): boolean {
  return address.every((word) => word === 0) && maskLength(mask) === 0;
}

function prefixText({ address, mask }: MaskedHost): string {
  return `${addressText(address)}/${maskLength(mask)}`;
}

/** Makes the definition. */
export function prefixTarget(
  name: string,
  which: 'source' | 'destination',
  hooks: readonly HookName[],
): PrefixTarget {
  const print = ({ source, destination }: PrefixOptions): string =>
    [
      isZero(source) ? '' : `--src-pfx ${prefixText(source)}`,
      isZero(destination) ? '' : `--dst-pfx ${prefixText(destination)}`,
    ]
      .filter((part) => part !== '')
      .join(' ');
  const definition: PrefixTarget = {
    name,
    families: [6],
    tables: ['mangle'],
    hooks,
    help: `translate the prefix of the ${which} address and go on with the next rule`,
    options: [
      { name: 'src-pfx', argument: 'prefix/length', help: 'prefix to translate' },
      { name: 'dst-pfx', argument: 'prefix/length', help: 'prefix to translate to' },
    ],
    parse(uses, { family }) {
      const none: MaskedHost = { address: [0, 0, 0, 0], mask: [0, 0, 0, 0] };
      let options: PrefixOptions = { source: none, destination: none };
      readOptions(name, definition.options, uses, {
        'src-pfx': (use) => {
          options = { ...options, source: maskedHost(name, use.name, argument(use), family) };
        },
        'dst-pfx': (use) => {
          options = { ...options, destination: maskedHost(name, use.name, argument(use), family) };
        },
      });
      requireOption(name, uses, 'src-pfx');
      requireOption(name, uses, 'dst-pfx');
      checkPrefix(options.source);
      checkPrefix(options.destination);
      return options;
    },
    print,
    list: ({ source, destination }) =>
      `${name} src-pfx ${prefixText(source)} dst-pfx ${prefixText(destination)}`,
    apply(options, context) {
      translate(context, which, `${name} ${print(options)}`);
      context.unknown = {
        what: ['addresses', 'payload'],
        reason: `address translation is not simulated yet: ${context.translated}`,
      };
      return TARGET_CONTINUE;
    },
  };
  return definition;
}
