/**
 * The options that commands share, declared once: ruleset files, vantage, conntrack settings, output.
 * Each group declares itself to yargs and has the type of what comes out.
 */
import type { Argv } from 'yargs';
import type { SettingsArguments } from './settings.ts';

/** What yargs makes of an option: a list when it was given several times. */
type Given = string | boolean | readonly (string | boolean)[] | undefined;

function lastGiven(value: Given): string | boolean | undefined {
  return typeof value === 'object' ? value.at(-1) : value;
}

function lastFlag(value: Given): boolean | undefined {
  const last = lastGiven(value);
  return last === undefined ? undefined : last === true;
}

/** An option that may be given several times, one value each. */
export const REPEATED = { type: 'string', array: true, requiresArg: true } as const;
/** An option with one value; given several times, the last wins. */
export const SINGLE = { type: 'string', requiresArg: true, coerce: lastGiven } as const;
/** An option with one of some values; given several times, the last wins. */
export const CHOICE = { requiresArg: true, coerce: lastGiven } as const;
/** An option that is on or off: undefined when not given. */
export const SWITCH = { type: 'boolean', coerce: lastFlag } as const;
/** An option that is off unless given. */
export const FLAG = { ...SWITCH, default: false } as const;

/** Ruleset files. */
export interface RulesArguments {
  readonly rules: readonly string[];
  readonly rules6: readonly string[];
  readonly ipset: readonly string[];
}

/** Adds `--rules` and `--rules6`. */
export function withRules<T>(yargs: Argv<T>): Argv<T & RulesArguments> {
  return yargs
    .option('rules', {
      ...REPEATED,
      alias: 'r',
      default: [] as string[],
      defaultDescription: 'none',
      describe: 'Ruleset: iptables-save output, or a script of iptables commands (repeatable)',
      group: 'Ruleset:',
    })
    .option('rules6', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'none',
      describe: 'IPv6 ruleset: ip6tables-save output (repeatable)',
      group: 'Ruleset:',
    })
    .option('ipset', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'none',
      describe: 'Sets that the rules refer to: output of ipset save (repeatable)',
      group: 'Ruleset:',
    });
}

/** How packets are replayed. */
export interface ReplayArguments extends RulesArguments, SettingsArguments {
  readonly local: readonly string[];
  readonly interface: readonly string[];
  readonly route: readonly string[];
  readonly sysctl: readonly string[];
  readonly checksums: boolean;
}

/** Adds the ruleset, the vantage and the settings of the host. */
export function withReplay<T>(yargs: Argv<T>): Argv<T & ReplayArguments> {
  const group = 'Firewall host:';
  return withSettings(withRules(yargs))
    .option('local', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'from the capture',
      describe: "The firewall host's own addresses, ADDR[,ADDR…]",
      group,
    })
    .option('interface', {
      ...REPEATED,
      alias: 'i',
      default: [] as string[],
      defaultDescription: 'from the capture',
      describe: 'An interface with its addresses, eth0=192.0.2.10/24,2001:db8::10/64 (repeatable)',
      group,
    })
    .option('route', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'networks of the interfaces',
      describe: 'A route for forwarded traffic, 10.0.0.0/8=eth1 or default=eth1 (repeatable)',
      group,
    })
    .option('sysctl', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: "the kernel's defaults",
      describe:
        'A conntrack or fragment setting, net.netfilter.nf_conntrack_tcp_loose=0 (repeatable)',
      group,
    })
    .option('checksums', {
      ...FLAG,
      describe: 'Take wrong checksums of arriving packets for wrong, as the host would',
      group,
    }) as unknown as Argv<T & ReplayArguments>;
}

/** Adds what a capture does not show: assumptions, and what stateful matches begin with. */
function withSettings<T>(yargs: Argv<T>): Argv<T> {
  const group = 'What the capture does not show:';
  return yargs
    .option('assume', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'undecided',
      describe: 'Whether a match holds, owner=no or "owner --uid-owner 33=yes" (repeatable)',
      group,
    })
    .option('recent', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'empty',
      describe: 'A list of -m recent as it was before the capture, NAME=FILE (repeatable)',
      group,
    })
    .option('seed', {
      ...SINGLE,
      defaultDescription: '1',
      describe: 'Seed of random matches (statistic --mode random …)',
      group,
    })
    .option('osf-fingerprints', {
      ...SINGLE,
      describe: 'Fingerprints for -m osf: a file as nfnl_osf loads it',
      group,
    })
    .option('parameter', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: "the kernel's defaults",
      describe: 'A parameter of a module, xt_recent.ip_pkt_list_tot=50 (repeatable)',
      group,
    }) as unknown as Argv<T>;
}

/** Where output goes. */
export interface OutputArguments {
  readonly output: string | undefined;
  readonly color: boolean | undefined;
  readonly quiet: boolean;
}

/** Adds `--output`, `--color` and `--quiet`. */
export function withOutput<T>(yargs: Argv<T>): Argv<T & OutputArguments> {
  const group = 'Output:';
  return yargs
    .option('output', {
      ...SINGLE,
      alias: 'o',
      describe: 'Write to FILE instead of standard output',
      group,
    })
    .option('color', {
      ...SWITCH,
      describe: 'Colour; --no-color: none (default: on a terminal, unless NO_COLOR is set)',
      group,
    })
    .option('quiet', {
      ...FLAG,
      alias: 'q',
      describe: 'Only what was asked for: no progress, no warnings, totals on one line',
      group,
    }) as unknown as Argv<T & OutputArguments>;
}
