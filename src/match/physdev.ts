/**
 * -m physdev: the bridge ports by which a bridged packet comes and goes (net/netfilter/xt_physdev.c).
 * A packet that is on no bridge meets a rule only when all of its conditions are inverted. Packets on
 * an interface that is a bridge by its name are undecided: whether br_netfilter handed them over, and
 * by which port they came, is not in the capture.
 */
import { joined } from './conditions.ts';
import type { MatchDefinition, OptionUse, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import { argument, readOptions } from './options.ts';

/** A condition with its value, if it has one. */
interface Condition {
  readonly name: string;
  readonly value: string | undefined;
  readonly inverted: boolean;
}

/** Options of -m physdev, in the order in which they are printed. */
export type PhysdevOptions = readonly Condition[];

const LONGEST_INTERFACE = 15;
const PRINTED_ORDER = [
  'physdev-is-in',
  'physdev-in',
  'physdev-is-out',
  'physdev-out',
  'physdev-is-bridged',
];
/** What programs name their bridges. */
const BRIDGE =
  /^(br|bridge|docker|virbr|vmbr|lxcbr|lxdbr|incusbr|podman|cni|cbr|fwbr|xenbr|nm-bridge)/;

function text(options: PhysdevOptions): string {
  return joined(
    ...options.map(({ name, value, inverted }) =>
      // An empty interface leaves its space behind.
      joined(inverted ? '!' : '', value === undefined ? `--${name}` : `--${name} ${value}`),
    ),
  );
}

/** @throws OptionError bad-interface */
function interfaceName(use: OptionUse): string {
  const name = argument(use);
  if (new TextEncoder().encode(name).length > LONGEST_INTERFACE) {
    throw new OptionError(
      'bad-interface',
      `interface name \`${name}' must be shorter than IFNAMSIZ (${LONGEST_INTERFACE})`,
      { option: use.name },
    );
  }
  return name;
}

/** Whether the packet may be on a bridge. Only what arrived by one can be: br_netfilter notes it as
 * the packet comes in. */
function maybeBridged({ inInterface, outInterface, forwarded }: PacketContext): boolean {
  if (inInterface === 'lo') return false;
  return BRIDGE.test(inInterface) || (forwarded && BRIDGE.test(outInterface));
}

/** -m physdev. */
export const physdev: MatchDefinition<PhysdevOptions> = {
  name: 'physdev',
  families: [4, 6],
  help: 'the ports of a bridge by which the packet comes and goes',
  options: [
    { name: 'physdev-in', argument: 'interface', invertible: true, help: 'port it came by' },
    { name: 'physdev-out', argument: 'interface', invertible: true, help: 'port it leaves by' },
    { name: 'physdev-is-in', invertible: true, help: 'it came by a port' },
    { name: 'physdev-is-out', invertible: true, help: 'it leaves by a port' },
    { name: 'physdev-is-bridged', invertible: true, help: 'it is bridged, not routed' },
  ],
  reads: ['interfaces', 'host'],
  assumable: true,
  parse(uses) {
    const found: Condition[] = [];
    const flag = (use: OptionUse): void => {
      found.push({ name: use.name, value: undefined, inverted: use.inverted });
    };
    const port = (use: OptionUse): void => {
      found.push({ name: use.name, value: interfaceName(use), inverted: use.inverted });
    };
    readOptions('physdev', physdev.options, uses, {
      'physdev-in': port,
      'physdev-out': port,
      'physdev-is-in': flag,
      'physdev-is-out': flag,
      'physdev-is-bridged': flag,
    });
    if (uses.length === 0) {
      throw new OptionError('option-missing', 'PHYSDEV: no physdev option specified');
    }
    return PRINTED_ORDER.flatMap((name) => found.filter((condition) => condition.name === name));
  },
  print: text,
  list: (options) => joined('PHYSDEV match', text(options)),
  hooksFor(options) {
    const has = (name: string): boolean => options.some((option) => option.name === name);
    const bridged = options.some(
      ({ name, inverted }) => name === 'physdev-is-bridged' && !inverted,
    );
    if ((!has('physdev-out') && !has('physdev-is-out')) || bridged) return undefined;
    return ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'];
  },
  matches(options, context) {
    if (maybeBridged(context))
      return notCaptured(context, 'physdev', 'the port of the bridge by which the packet came');
    return options.every(({ inverted }) => inverted) ? YES : NO;
  },
  explain: (options) => {
    const failed = options.find(({ inverted }) => !inverted);
    return `--${failed?.name ?? 'physdev'}: the packet is on no bridge`;
  },
};
