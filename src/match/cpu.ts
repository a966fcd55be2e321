/** -m cpu: the processor that handles the packet (net/netfilter/xt_cpu.c). No capture shows it. */
import type { MatchDefinition } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { boundedNumber } from './values.ts';

/** Options of -m cpu. */
export interface CpuOptions {
  readonly cpu: number;
  readonly inverted: boolean;
}

/** -m cpu. */
export const cpu: MatchDefinition<CpuOptions> = {
  name: 'cpu',
  families: [4, 6],
  help: 'the processor that handles the packet',
  options: [{ name: 'cpu', argument: 'number', invertible: true, help: 'its number, from 0' }],
  reads: ['host'],
  assumable: true,
  parse(uses) {
    let options: CpuOptions = { cpu: 0, inverted: false };
    readOptions('cpu', cpu.options, uses, {
      cpu: (use) => {
        const number = boundedNumber('cpu', 'cpu', argument(use), 0xffffffff);
        options = { cpu: number, inverted: use.inverted };
      },
    });
    requireOption('cpu', uses, 'cpu');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--cpu ${options.cpu}`,
  list: (options) => `cpu ${options.inverted ? '! ' : ''}${options.cpu}`,
  matches: (_, context) => notCaptured(context, 'cpu', 'which processor handled the packet'),
  explain: () => '--cpu: the processor is not known',
};
