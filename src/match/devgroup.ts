/**
 * -m devgroup: the groups of the interfaces (`ip link set eth0 group 5`), which no capture shows. As
 * net/netfilter/xt_devgroup.c.
 */
import { joined } from './conditions.ts';
import type { MatchDefinition, OptionUse } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import { argument, readOptions } from './options.ts';
import type { MaskedMark } from './values.ts';
import { hexText, unsignedPrefix } from './values.ts';

interface Group extends MaskedMark {
  readonly inverted: boolean;
}

/** Options of -m devgroup. */
export interface DevgroupOptions {
  readonly source?: Group;
  readonly destination?: Group;
}

/** The only group that /etc/iproute2/group names. */
const DEFAULT_GROUP = 'default';

/** `value[/mask]` or a name, as xtables_parse_val_mask. @throws OptionError bad-value */
function parseGroup(use: OptionUse): Group {
  const text = argument(use);
  const { name: option, inverted } = use;
  const first = unsignedPrefix(text);
  if (first === undefined || first.value > 0xffffffff || !/^(\/|$)/.test(first.rest)) {
    if (text === DEFAULT_GROUP) return { value: 0, mask: 0xffffffff, inverted };
    throw new OptionError(
      'bad-value',
      `devgroup: could not map name ${text} to an integer value for option "--${option}".`,
      { option, hint: 'a number, with /mask if wanted' },
    );
  }
  if (first.rest === '') return { value: first.value, mask: 0xffffffff, inverted };
  const second = unsignedPrefix(first.rest.slice(1));
  if (second === undefined || second.value > 0xffffffff || second.rest !== '') {
    throw new OptionError(
      'bad-value',
      `devgroup: bad integer value for option "--${option}", or out of range.`,
      { option },
    );
  }
  return { value: first.value, mask: second.value, inverted };
}

function shown(label: string, group: Group | undefined, names: boolean): string {
  if (group === undefined) return '';
  const { value, mask, inverted } = group;
  const plain = names && value === 0 ? DEFAULT_GROUP : hexText(value);
  const whole = mask === 0xffffffff ? plain : `${hexText(value)}/${hexText(mask)}`;
  return `${inverted ? '! ' : ''}${label} ${whole}`;
}

/** What holds of every group; undefined where it matters which. */
function anyGroup(group: Group | undefined): boolean | undefined {
  if (group === undefined) return true;
  return group.mask === 0 ? !group.inverted : undefined;
}

/** -m devgroup. */
export const devgroup: MatchDefinition<DevgroupOptions> = {
  name: 'devgroup',
  families: [4, 6],
  help: 'the groups of the interfaces',
  options: [
    { name: 'src-group', argument: 'group[/mask]', invertible: true, help: 'of the incoming one' },
    { name: 'dst-group', argument: 'group[/mask]', invertible: true, help: 'of the outgoing one' },
  ],
  reads: ['interfaces', 'host'],
  assumable: true,
  parse(uses) {
    let options: DevgroupOptions = {};
    readOptions('devgroup', devgroup.options, uses, {
      'src-group': (use) => {
        options = { ...options, source: parseGroup(use) };
      },
      'dst-group': (use) => {
        options = { ...options, destination: parseGroup(use) };
      },
    });
    if (uses.length === 0) {
      throw new OptionError(
        'option-missing',
        "devgroup match: You must specify either '--src-group' or '--dst-group'",
      );
    }
    return options;
  },
  print: ({ source, destination }) =>
    joined(shown('--src-group', source, true), shown('--dst-group', destination, true)),
  list: ({ source, destination }, numeric) =>
    joined(shown('src-group', source, !numeric), shown('dst-group', destination, !numeric)),
  hooksFor({ source, destination }) {
    if (source !== undefined && destination !== undefined) return ['FORWARD'];
    return source !== undefined
      ? ['PREROUTING', 'INPUT', 'FORWARD']
      : ['FORWARD', 'OUTPUT', 'POSTROUTING'];
  },
  matches({ source, destination }, context) {
    const all = [anyGroup(source), anyGroup(destination)];
    if (all.includes(false)) return NO;
    if (all.every((holds) => holds === true)) return YES;
    return notCaptured(context, 'devgroup', 'the groups of the interfaces');
  },
  explain: () => 'devgroup: every group is excluded',
};
