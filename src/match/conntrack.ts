/**
 * -m conntrack: what connection tracking knows of the packet's connection. Options and printing as
 * libxt_conntrack.c of iptables 1.8.9 (revision 3); connection-conditions.ts evaluates them.
 */
import type { Family } from '../ruleset/types.ts';
import type { ConntrackOptions, TupleCondition, Wanted } from './connection-conditions.ts';
import {
  explainConnection,
  matchConnection,
  STATUSES,
  statusText,
} from './connection-conditions.ts';
import { CTSTATES, STATE_DNAT, STATE_SNAT } from './connection-state.ts';
import type { MatchDefinition, OptionSpec, OptionUse, Reads } from './definition.ts';
import { OptionError } from './definition.ts';
import type { NamedBits } from './names.ts';
import { bitNames, parseNames } from './names.ts';
import type { MaskedHost } from './numeric-address.ts';
import { maskedHost, maskedHostName, maskedHostText } from './numeric-address.ts';
import { argument, readOptions } from './options.ts';
import { lookedUpPortRange } from './ports.ts';
import { parseProtocolValue } from './protocol-value.ts';
import type { Range } from './values.ts';
import { numberRange, rangeText } from './values.ts';

/** Options on addresses, in the order in which they are printed, and those on ports. */
const ADDRESS_OPTIONS: readonly string[] = ['ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst'];
const PORT_OPTIONS: readonly string[] = ADDRESS_OPTIONS.map((option) => `${option}port`);

function badNames(what: string, names: readonly NamedBits[]): (rest: string) => OptionError {
  return (rest) =>
    new OptionError('bad-state', `Bad ${what} "${rest}"`, {
      option: what,
      hint: `one or more of ${names.map(({ name }) => name).join(', ')}, joined by commas`,
    });
}

/** @throws OptionError bad-value */
function parseDirection(text: string): 'ORIGINAL' | 'REPLY' {
  const upper = text.toUpperCase();
  if (upper === 'ORIGINAL' || upper === 'REPLY') return upper;
  throw new OptionError('bad-value', `conntrack: Bad value for "--ctdir" option: "${text}"`, {
    option: 'ctdir',
    hint: 'ORIGINAL or REPLY',
  });
}

function wanted<T>(use: OptionUse, value: T): Wanted<T> {
  return { value, inverted: use.inverted };
}

/** A condition on a tuple, by its option's name. */
function onTuple<T>(use: OptionUse, value: T): TupleCondition<T> {
  return {
    ...wanted(use, value),
    option: use.name,
    original: use.name.startsWith('ctorig'),
    source: use.name.includes('src'),
  };
}

/** Sorts conditions as they are printed. */
function inOrder<T>(
  order: readonly string[],
  conditions: readonly TupleCondition<T>[],
): TupleCondition<T>[] {
  return order.flatMap((name) => conditions.filter(({ option }) => option === name));
}

/** @throws OptionError */
function parse(uses: readonly OptionUse[], family: Family): ConntrackOptions {
  let options: Omit<ConntrackOptions, 'addresses' | 'ports'> = {};
  const addresses: TupleCondition<MaskedHost>[] = [];
  const ports: TupleCondition<Range>[] = [];
  const address = (use: OptionUse): void => {
    addresses.push(onTuple(use, maskedHost('conntrack', use.name, argument(use), family)));
  };
  const port = (use: OptionUse): void => {
    ports.push(onTuple(use, lookedUpPortRange('conntrack', use.name, argument(use))));
  };
  const names = (use: OptionUse, known: readonly NamedBits[]): Wanted<number> =>
    wanted(use, parseNames(known, argument(use), badNames(use.name, known)));
  readOptions('conntrack', conntrack.options, uses, {
    ctstate: (use) => {
      options = { ...options, state: names(use, CTSTATES) };
    },
    ctproto: (use) => {
      options = { ...options, protocol: wanted(use, parseProtocolValue(argument(use), use.name)) };
    },
    ...Object.fromEntries(ADDRESS_OPTIONS.map((name) => [name, address])),
    ...Object.fromEntries(PORT_OPTIONS.map((name) => [name, port])),
    ctstatus: (use) => {
      options = { ...options, status: names(use, STATUSES) };
    },
    ctexpire: (use) => {
      const range = numberRange('conntrack', 'ctexpire', argument(use), 0xffffffff);
      options = { ...options, expire: wanted(use, range) };
    },
    ctdir: (use) => {
      options = { ...options, direction: parseDirection(argument(use)) };
    },
  });
  if (uses.length === 0) {
    throw new OptionError('option-missing', 'conntrack: At least one option is required', {
      hint: 'add --ctstate, for instance',
    });
  }
  return {
    ...options,
    addresses: inOrder(ADDRESS_OPTIONS, addresses),
    ports: inOrder(PORT_OPTIONS, ports),
  };
}

/** Prints the conditions. `dash` is `--` for iptables-save; `names`: show names of addresses. */
function text(options: ConntrackOptions, dash: string, names: boolean): string {
  const parts: string[] = [];
  const add = (option: string, inverted: boolean, value: string): void => {
    parts.push(`${inverted ? '! ' : ''}${dash}${option} ${value}`);
  };
  const { state, protocol, status, expire, direction } = options;
  const host = names ? maskedHostName : maskedHostText;
  if (state) add('ctstate', state.inverted, bitNames(CTSTATES, state.value));
  if (protocol) add('ctproto', protocol.inverted, `${protocol.value}`);
  for (const { option, inverted, value } of options.addresses) add(option, inverted, host(value));
  for (const { option, inverted, value } of options.ports) add(option, inverted, portsText(value));
  if (status) add('ctstatus', status.inverted, statusText(status.value));
  if (expire) add('ctexpire', expire.inverted, rangeText(expire.value));
  if (direction) add('ctdir', false, direction);
  return parts.join(' ');
}

/** A range ending in 0 prints as one port (conntrack_dump_ports). */
function portsText(range: Range): string {
  return range.high === 0 ? `${range.low}` : rangeText(range);
}

/** Whether something beside the packet's own state is looked at; NAT is the connection's. */
function looksAtConnection({ state, ...others }: ConntrackOptions): boolean {
  const { addresses, ports, ...values } = others;
  return (
    addresses.length + ports.length + Object.keys(values).length > 0 ||
    ((state?.value ?? 0) & (STATE_SNAT | STATE_DNAT)) !== 0
  );
}

function tupleSpec(name: string): OptionSpec {
  const [, direction, side, port] = /^ct(orig|repl)(src|dst)(port)?$/.exec(name) ?? [];
  return {
    name,
    argument: port === undefined ? 'address[/mask]' : 'port[:port]',
    invertible: true,
    help: `${side === 'src' ? 'source' : 'destination'} ${port ?? 'address'} of the ${direction === 'orig' ? 'original' : 'reply'} direction`,
  };
}

/** -m conntrack. */
export const conntrack: MatchDefinition<ConntrackOptions> = {
  name: 'conntrack',
  families: [4, 6],
  help: "what connection tracking knows of the packet's connection",
  options: [
    {
      name: 'ctstate',
      argument: 'state[,state…]',
      invertible: true,
      help: 'INVALID, NEW, ESTABLISHED, RELATED, UNTRACKED, SNAT or DNAT',
    },
    { name: 'ctproto', argument: 'protocol', invertible: true, help: 'by number or name' },
    ...[...ADDRESS_OPTIONS, ...PORT_OPTIONS].map(tupleSpec),
    {
      name: 'ctstatus',
      argument: 'status[,status…]',
      invertible: true,
      help: 'NONE, EXPECTED, SEEN_REPLY, ASSURED or CONFIRMED',
    },
    {
      name: 'ctexpire',
      argument: 'time[:time]',
      invertible: true,
      help: 'seconds until the connection expires',
    },
    { name: 'ctdir', argument: 'direction', help: 'ORIGINAL or REPLY' },
  ],
  reads: ['ctstate', 'connection', 'time'],
  parse: (uses, { family }) => parse(uses, family),
  print: (options) => text(options, '--', false),
  list: (options, numeric) => text(options, '', !numeric),
  matches: matchConnection,
  explain: explainConnection,
  readsFor(options) {
    const reads: Reads[] = [];
    if (options.state !== undefined) reads.push('ctstate');
    if (looksAtConnection(options)) reads.push('connection');
    if (options.expire !== undefined) reads.push('time');
    return reads;
  },
};
