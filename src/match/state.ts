/**
 * -m state: the state of the packet's connection; an older name for --ctstate of -m conntrack. The
 * kernel has one match for both (net/netfilter/xt_conntrack.c).
 */
import { unequal } from './conditions.ts';
import { STATES, stateBits, stateText } from './connection-state.ts';
import type { MatchDefinition } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { bitNames, parseNames } from './names.ts';
import { argument, readOptions, requireOption } from './options.ts';

/** Options of -m state. */
export interface StateOptions {
  /** CTSTATE_ bits. */
  readonly states: number;
  readonly inverted: boolean;
}

function refuse(rest: string, last: boolean): OptionError {
  const hint = 'states are INVALID, NEW, ESTABLISHED, RELATED and UNTRACKED, joined by commas';
  const message =
    last && rest === ''
      ? '"--state" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED'
      : `Bad state "${rest}"`;
  return new OptionError('bad-state', message, { option: 'state', hint });
}

/** -m state. */
export const state: MatchDefinition<StateOptions> = {
  name: 'state',
  families: [4, 6],
  help: "the state of the packet's connection (as -m conntrack --ctstate)",
  options: [
    {
      name: 'state',
      argument: 'state[,state…]',
      invertible: true,
      help: 'INVALID, NEW, ESTABLISHED, RELATED or UNTRACKED',
    },
  ],
  reads: ['ctstate'],
  parse(uses) {
    let options: StateOptions = { states: 0, inverted: false };
    readOptions('state', state.options, uses, {
      state: (use) => {
        const states = parseNames(STATES, argument(use), refuse);
        options = { states, inverted: use.inverted };
      },
    });
    requireOption('state', uses, 'state');
    return options;
  },
  print: ({ states, inverted }) => `${inverted ? '! ' : ''}--state ${bitNames(STATES, states)}`,
  list: ({ states, inverted }) => `${inverted ? '! ' : ''}state ${bitNames(STATES, states)}`,
  matches: ({ states, inverted }, context) =>
    ((stateBits(context) & states) !== 0) !== inverted ? YES : NO,
  explain: ({ states, inverted }, context) =>
    unequal('state', inverted, stateText(context), bitNames(STATES, states)),
};
