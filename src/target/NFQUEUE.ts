/**
 * -j NFQUEUE: hands the packet to a program, which decides (net/netfilter/xt_NFQUEUE.c). Whether one
 * listens is in no capture: it is taken that none does, which drops the packet, or with
 * --queue-bypass lets it pass this table (nf_queue.c).
 */
import { joined } from '../match/conditions.ts';
import type { OptionUse } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions, requireWith } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { boundedNumber, numberRange } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_ACCEPT, TARGET_DROP } from './definition.ts';

/** Options of -j NFQUEUE. */
export interface NfqueueOptions {
  readonly first: number;
  /** The same as `first` for one queue. */
  readonly last: number;
  readonly bypass: boolean;
  readonly fanout: boolean;
}

/** @throws OptionError bad-value */
function parseBalance(use: OptionUse): { first: number; last: number } {
  const text = argument(use);
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', message, { option: use.name, hint: 'a range is first:last' });
  const { low, high } = numberRange('NFQUEUE', use.name, text, 0xffff);
  if (!text.includes(':')) throw refuse(`Bad range "${text}"`);
  if (low >= high) throw refuse(`${low} should be less than ${high}`);
  return { first: low, last: high };
}

function text({ first, last, bypass, fanout }: NfqueueOptions, dashes: '--queue-' | ''): string {
  return joined(
    last > first ? `${dashes}balance ${first}:${last}` : `${dashes}num ${first}`,
    bypass ? `${dashes}bypass` : '',
    fanout ? `${dashes}cpu-fanout` : '',
  );
}

/** -j NFQUEUE. */
export const NFQUEUE: TargetDefinition<NfqueueOptions> = {
  name: 'NFQUEUE',
  families: [4, 6],
  help: 'hand the packet to a program; with none listening: drop it',
  options: [
    { name: 'queue-num', argument: 'number', help: 'queue, 0 to 65535' },
    { name: 'queue-balance', argument: 'first:last', help: 'spread connections over queues' },
    { name: 'queue-bypass', help: 'let the packet pass this table when no program listens' },
    { name: 'queue-cpu-fanout', help: 'choose the queue by processor' },
  ],
  parse(uses) {
    let options: NfqueueOptions = { first: 0, last: 0, bypass: false, fanout: false };
    readOptions('NFQUEUE', NFQUEUE.options, uses, {
      'queue-num': (use) => {
        const number = boundedNumber('NFQUEUE', use.name, argument(use), 0xffff);
        options = { ...options, first: number, last: number };
      },
      'queue-balance': (use) => {
        options = { ...options, ...parseBalance(use) };
      },
      'queue-bypass': () => {
        options = { ...options, bypass: true };
      },
      'queue-cpu-fanout': () => {
        options = { ...options, fanout: true };
      },
    });
    excludeEachOther('NFQUEUE', uses, ['queue-num', 'queue-balance']);
    requireWith('NFQUEUE', uses, 'queue-cpu-fanout', 'queue-balance');
    // Their number is stored in 16 bits.
    if (options.last - options.first === 0xffff) {
      throw kernelRefuses('bad-range', 'the kernel takes at most 65535 queues');
    }
    return options;
  },
  print: (options) => text(options, '--queue-'),
  list: (options) => `NFQUEUE ${text(options, '')}`,
  apply(options, context) {
    context.queued = `NFQUEUE ${text(options, '--queue-')}`;
    return options.bypass ? TARGET_ACCEPT : TARGET_DROP;
  },
};
