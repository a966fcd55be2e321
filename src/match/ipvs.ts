/**
 * -m ipvs: the packet belongs to a connection of the kernel's load balancer (IPVS), with properties
 * of its virtual service. No capture shows them. Options and printing as libxt_ipvs.c of iptables
 * 1.8.9.
 */
import { joined } from './conditions.ts';
import type { MatchDefinition, OptionUse } from './definition.ts';
import { OptionError } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import type { MaskedHost } from './numeric-address.ts';
import { maskedHost, maskedHostName, maskedHostText } from './numeric-address.ts';
import { argument, readOptions } from './options.ts';
import { lookedUpPort } from './ports.ts';
import { parseProtocolValue } from './protocol-value.ts';

/** A condition; `value` is what is printed after the option, '' for none. */
interface Condition {
  readonly name: string;
  readonly value: string;
  readonly address?: MaskedHost;
  readonly inverted: boolean;
}

/** Options of -m ipvs, in the order in which they are printed. */
export type IpvsOptions = readonly Condition[];

const PRINTED_ORDER = ['ipvs', 'vproto', 'vaddr', 'vport', 'vdir', 'vmethod', 'vportctl'];

/** @throws OptionError bad-value */
function oneOf(use: OptionUse, words: readonly string[]): string {
  const text = argument(use);
  const word = text.toUpperCase();
  if (words.includes(word)) return word;
  throw new OptionError('bad-value', `ipvs: Bad value for "--${use.name}" option: "${text}"`, {
    option: use.name,
    hint: words.join(', '),
  });
}

function text(options: IpvsOptions, dash: string, names: boolean): string {
  return joined(
    ...options.map(({ name, value, address, inverted }) => {
      const shown = address === undefined || !names ? value : maskedHostName(address);
      return joined(inverted ? '!' : '', `${dash}${name}`, shown);
    }),
  );
}

/** -m ipvs. */
export const ipvs: MatchDefinition<IpvsOptions> = {
  name: 'ipvs',
  families: [4, 6],
  help: "a connection of the kernel's load balancer",
  options: [
    { name: 'ipvs', invertible: true, help: 'the packet belongs to one' },
    { name: 'vproto', argument: 'protocol', invertible: true, help: 'of the virtual service' },
    { name: 'vaddr', argument: 'address[/mask]', invertible: true, help: 'its address' },
    { name: 'vport', argument: 'port', invertible: true, help: 'its port' },
    { name: 'vdir', argument: 'direction', help: 'ORIGINAL or REPLY' },
    { name: 'vmethod', argument: 'method', invertible: true, help: 'GATE, IPIP or MASQ' },
    { name: 'vportctl', argument: 'port', invertible: true, help: 'of the controlling connection' },
  ],
  reads: ['host'],
  assumable: true,
  parse(uses, { family }) {
    const found: Condition[] = [];
    const add = (use: OptionUse, value: string, address?: MaskedHost): void => {
      const condition = { name: use.name, value, inverted: use.inverted };
      found.push(address === undefined ? condition : { ...condition, address });
    };
    const port = (use: OptionUse): void => add(use, `${lookedUpPort(argument(use), use.name)}`);
    readOptions('ipvs', ipvs.options, uses, {
      ipvs: (use) => add(use, ''),
      vproto: (use) => add(use, `${parseProtocolValue(argument(use), use.name)}`),
      vaddr: (use) => {
        const address = maskedHost('ipvs', use.name, argument(use), family);
        add(use, maskedHostText(address), address);
      },
      vport: port,
      vdir: (use) => add(use, oneOf(use, ['ORIGINAL', 'REPLY'])),
      vmethod: (use) => add(use, oneOf(use, ['GATE', 'IPIP', 'MASQ'])),
      vportctl: port,
    });
    if (uses.length === 0)
      throw new OptionError('option-missing', 'IPVS: At least one option is required');
    const property = found.find(({ name }) => name === 'ipvs');
    if (found.length > 1 && property?.inverted === true) {
      throw new OptionError('option-conflict', '! --ipvs cannot be together with other options', {
        option: 'ipvs',
      });
    }
    // Any other option implies --ipvs, which is then not printed.
    const printed = found.length > 1 ? found.filter((each) => each !== property) : found;
    return PRINTED_ORDER.flatMap((name) => printed.filter((each) => each.name === name));
  },
  print: (options) => text(options, '--', false),
  list: (options, numeric) => text(options, '', !numeric),
  matches: (_, context) => notCaptured(context, 'ipvs', 'connections of the load balancer'),
  explain: () => 'ipvs: the load balancer is not known',
};
