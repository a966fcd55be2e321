/**
 * -m cgroup: the control group of the socket that sends or takes the packet (revision 2 of
 * net/netfilter/xt_cgroup.c). No capture shows it; a forwarded packet has no socket, and then
 * nothing matches, inverted or not.
 */
import { joined } from './conditions.ts';
import type { MatchDefinition } from './definition.ts';
import { NO } from './definition.ts';
import { notCaptured } from './host-facts.ts';
import { argument, readOptions } from './options.ts';
import { kernelRefuses } from './refusal.ts';
import { boundedNumber, cutToBytes, savedString } from './values.ts';

/** Options of -m cgroup: exactly one of the two. */
export interface CgroupOptions {
  readonly path: string | undefined;
  readonly classid: number | undefined;
  readonly inverted: boolean;
}

const LONGEST_PATH = 511;

/** -m cgroup. */
export const cgroup: MatchDefinition<CgroupOptions> = {
  name: 'cgroup',
  families: [4, 6],
  hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'],
  help: "the control group of the packet's socket",
  options: [
    { name: 'path', argument: 'path', invertible: true, help: 'cgroup2 path and all below it' },
    { name: 'cgroup', argument: 'classid', invertible: true, help: 'net_cls class' },
  ],
  reads: ['host'],
  assumable: true,
  parse(uses) {
    let options: CgroupOptions = { path: undefined, classid: undefined, inverted: false };
    readOptions('cgroup', cgroup.options, uses, {
      path: (use) => {
        const path = cutToBytes(argument(use), LONGEST_PATH);
        options = { ...options, path, inverted: use.inverted };
      },
      cgroup: (use) => {
        const classid = boundedNumber('cgroup', 'cgroup', argument(use), 0xffffffff);
        options = { ...options, classid, inverted: use.inverted };
      },
    });
    if ((options.path === undefined) === (options.classid === undefined))
      throw kernelRefuses('option-missing', 'use one of --path and --cgroup');
    return options;
  },
  print({ path, classid, inverted }) {
    const value = path === undefined ? `--cgroup ${classid}` : `--path ${savedString(path)}`;
    return joined(inverted ? '!' : '', value);
  },
  list: ({ path, classid, inverted }) =>
    joined('cgroup', inverted ? '!' : '', path ?? `${classid}`),
  matches(_, context) {
    if (context.forwarded) return NO;
    return notCaptured(context, 'cgroup', "the control group of the packet's socket");
  },
  explain: () => 'cgroup: a forwarded packet has no socket',
};
