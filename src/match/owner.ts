/**
 * -m owner: who owns the socket that sent the packet (revision 1 of net/netfilter/xt_owner.c). No
 * capture shows it. A forwarded packet has no socket: then only conditions that are all inverted
 * hold.
 */
import { joined } from './conditions.ts';
import type { MatchDefinition, OptionUse } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import { argument, readOptions } from './options.ts';
import { kernelRefuses } from './refusal.ts';
import { groupName, groupNumber, userName, userNumber } from './user-names.ts';
import type { Range } from './values.ts';
import { unsignedPrefix } from './values.ts';

interface Wanted extends Range {
  readonly inverted: boolean;
}

/** Options of -m owner. */
export interface OwnerOptions {
  readonly user?: Wanted;
  readonly group?: Wanted;
  /** Whether a socket must exist; true for `! --socket-exists`. */
  readonly socket?: { readonly inverted: boolean };
  readonly supplementary: boolean;
}

const LARGEST_ID = 0xfffffffe;

/** @throws OptionError bad-value */
function parseOwner(use: OptionUse, byName: (name: string) => number | undefined): Wanted {
  const text = argument(use);
  const known = byName(text);
  if (known !== undefined) return { low: known, high: known, inverted: use.inverted };
  const refuse = (part: string): OptionError =>
    new OptionError('bad-value', `owner: Bad value for "--${use.name}" option: "${part}"`, {
      option: use.name,
      hint: 'a number, a range 5-10, or a name of the base system: others differ by host',
    });
  const first = unsignedPrefix(text);
  if (first === undefined || first.value > LARGEST_ID) throw refuse(text);
  if (first.rest === '') return { low: first.value, high: first.value, inverted: use.inverted };
  if (!/^[-:]/.test(first.rest)) throw refuse(text);
  const rest = first.rest.slice(1);
  const second = unsignedPrefix(rest);
  if (second === undefined || second.value > LARGEST_ID || second.rest !== '') throw refuse(text);
  return { low: first.value, high: second.value, inverted: use.inverted };
}

function shown(
  label: string,
  wanted: Wanted | undefined,
  name: (id: number) => string | undefined,
): string {
  if (wanted === undefined) return '';
  const { low, high, inverted } = wanted;
  const value = low === high ? (name(low) ?? `${low}`) : `${low}-${high}`;
  return `${inverted ? '! ' : ''}${label} ${value}`;
}

function text(options: OwnerOptions, labels: readonly string[], names: boolean): string {
  const [exists = '', user = '', group = '', supplementary = ''] = labels;
  const { socket } = options;
  const numbers = (): undefined => undefined;
  return joined(
    socket === undefined ? '' : `${socket.inverted ? '! ' : ''}${exists}`,
    shown(user, options.user, names ? userName : numbers),
    shown(group, options.group, names ? groupName : numbers),
    options.supplementary ? supplementary : '',
  );
}

const SAVED = ['--socket-exists', '--uid-owner', '--gid-owner', '--suppl-groups'];
const LISTED = ['owner socket exists', 'owner UID match', 'owner GID match', 'incl. suppl. groups'];

/** Whether every condition is inverted: what holds without a socket. */
function allInverted({ user, group, socket, supplementary }: OwnerOptions): boolean {
  return (
    !supplementary &&
    user?.inverted !== false &&
    group?.inverted !== false &&
    socket?.inverted !== false
  );
}

/** -m owner. */
export const owner: MatchDefinition<OwnerOptions> = {
  name: 'owner',
  families: [4, 6],
  hooks: ['OUTPUT', 'POSTROUTING'],
  help: 'who owns the socket that sent the packet; only in chains reached from OUTPUT and POSTROUTING',
  options: [
    { name: 'uid-owner', argument: 'user[-user]', invertible: true, help: 'user, or a range' },
    { name: 'gid-owner', argument: 'group[-group]', invertible: true, help: 'group, or a range' },
    { name: 'socket-exists', invertible: true, help: 'a socket sent it' },
    { name: 'suppl-groups', help: 'supplementary groups count for --gid-owner' },
  ],
  reads: ['host'],
  assumable: true,
  parse(uses) {
    let options: OwnerOptions = { supplementary: false };
    readOptions('owner', owner.options, uses, {
      'uid-owner': (use) => {
        options = { ...options, user: parseOwner(use, userNumber) };
      },
      'gid-owner': (use) => {
        options = { ...options, group: parseOwner(use, groupNumber) };
      },
      'socket-exists': (use) => {
        options = { ...options, socket: { inverted: use.inverted } };
      },
      'suppl-groups': () => {
        if (options.group === undefined) {
          throw new OptionError(
            'option-missing',
            'owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"',
            { option: 'suppl-groups' },
          );
        }
        options = { ...options, supplementary: true };
      },
    });
    if (uses.length === 0) {
      throw new OptionError(
        'option-missing',
        'owner: At least one of --uid-owner, --gid-owner or --socket-exists is required',
      );
    }
    for (const range of [options.user, options.group])
      if (range !== undefined && range.low > range.high)
        throw kernelRefuses('bad-value', 'the range is reversed');
    return options;
  },
  print: (options) => text(options, SAVED, false),
  list: (options, numeric) => text(options, LISTED, !numeric),
  matches(options, context) {
    if (context.forwarded) return allInverted(options) ? YES : NO;
    return notCaptured(context, 'owner', 'which process sent the packet');
  },
  explain: () => 'owner: a forwarded packet has no socket',
};
