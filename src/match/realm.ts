/**
 * -m realm: the realm of the packet's route (net/netfilter/xt_realm.c). Which realms a host's routes
 * have is in no capture: undecided, unless the mask leaves nothing to compare.
 */
import { undecided } from './conditions.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import type { MaskedMark } from './values.ts';
import { hexText, unsignedNumber, unsignedPrefix } from './values.ts';

/** Options of -m realm. */
export interface RealmOptions extends MaskedMark {
  readonly inverted: boolean;
}

const LARGEST = 0xffffffff;
/** The one name that /etc/iproute2/rt_realms holds as it is delivered. */
const COSMOS = 'cosmos';

/** `value[/mask]`, or a name. @throws OptionError bad-value */
function parseRealm(text: string): MaskedMark {
  const refuse = (message: string): OptionError =>
    new OptionError('bad-value', message, {
      option: 'realm',
      hint: 'write a number, with /mask if wanted: names of /etc/iproute2/rt_realms are not known',
    });
  const first = unsignedPrefix(text);
  if (first !== undefined && first.value <= LARGEST) {
    if (first.rest === '') return { value: first.value, mask: LARGEST };
    if (first.rest.startsWith('/')) {
      const second = unsignedPrefix(first.rest.slice(1));
      const mask = unsignedNumber(first.rest.slice(1), LARGEST);
      if (mask !== undefined) return { value: first.value, mask };
      throw refuse(
        second === undefined || second.value > LARGEST
          ? 'realm: bad integer value for option "--realm", or out of range.'
          : 'realm: trailing garbage after value for option "--realm".',
      );
    }
  }
  if (text === COSMOS) return { value: 0, mask: LARGEST };
  throw refuse(`realm: could not map name ${text} to an integer value for option "--realm".`);
}

function realmText({ value, mask }: MaskedMark, numeric: boolean): string {
  if (mask !== LARGEST) return `${hexText(value)}/${hexText(mask)}`;
  return value === 0 && !numeric ? COSMOS : hexText(value);
}

function matches({ value, mask, inverted }: RealmOptions, context: PacketContext): MatchResult {
  // What lies outside of the mask never is.
  if ((value & ~mask) !== 0) return inverted ? YES : NO;
  if (mask === 0) return inverted ? NO : YES;
  return undecided(context, '-m realm: the realm of the route is in no capture');
}

/** -m realm. */
export const realm: MatchDefinition<RealmOptions> = {
  name: 'realm',
  families: [4],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  help: "the realm of the packet's route",
  options: [
    {
      name: 'realm',
      argument: 'value[/mask]',
      invertible: true,
      help: 'the realm under the mask is this',
    },
  ],
  reads: ['host'],
  assumable: true,
  parse(uses) {
    let options: RealmOptions = { value: 0, mask: 0, inverted: false };
    readOptions('realm', realm.options, uses, {
      realm: (use) => {
        options = { ...parseRealm(argument(use)), inverted: use.inverted };
      },
    });
    requireOption('realm', uses, 'realm');
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--realm ${realmText(options, false)}`,
  list: (options, numeric) => `${options.inverted ? '! ' : ''}realm ${realmText(options, numeric)}`,
  matches,
  explain: (options) => {
    const { value, mask, inverted } = options;
    if (mask !== 0 && (value & ~mask) === 0) return '--realm: the realm is in no capture';
    return inverted ? '! --realm: every realm is excluded' : '--realm: no realm is this';
  },
};
