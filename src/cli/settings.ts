/**
 * The options that say what stateful matches begin with: seed, lists of -m recent, fingerprints,
 * module parameters. Read at the edge into one value for the engine.
 */
import type { RecentEntry, ReplaySettings } from '../match/replay-state.ts';
import type { CliHost } from './host.ts';
import { parseRecentList } from './recent-list.ts';
import { systemReason } from './sources.ts';
import { usageError } from './values.ts';

/** The options. */
export interface SettingsArguments {
  readonly assume: readonly string[];
  readonly seed: string | undefined;
  readonly recent: readonly string[];
  readonly 'osf-fingerprints': string | undefined;
  readonly parameter: readonly string[];
}

const LARGEST_SEED = 0xffffffff;

function readFile(host: CliHost, file: string, option: string): string {
  try {
    return host.readText(file);
  } catch (error) {
    throw usageError('unreadable', `${option}: cannot read ${file}: ${systemReason(error)}`);
  }
}

/** `NAME=VALUE` apart. */
function pair(value: string, option: string, what: string): [string, string] {
  const equals = value.indexOf('=');
  if (equals < 1) throw usageError('usage', `${option}: "${value}" is not ${what}`);
  return [value.slice(0, equals).trim(), value.slice(equals + 1).trim()];
}

function parseSeed(value: string): number {
  const seed = /^[0-9]{1,10}$/.test(value) ? Number(value) : -1;
  if (seed < 0 || seed > LARGEST_SEED)
    throw usageError('bad-number', `--seed: "${value}" is not a whole number of 0 to 4294967295`);
  return seed;
}

/** Reads what the options name. @throws UsageError */
export function readSettings(host: CliHost, args: SettingsArguments): ReplaySettings {
  const recent = new Map<string, readonly RecentEntry[]>();
  for (const value of args.recent) {
    const [name, file] = pair(value, '--recent', 'NAME=FILE');
    recent.set(name, parseRecentList(readFile(host, file, '--recent'), file));
  }
  const parameters = new Map(
    args.parameter.map((value) =>
      pair(value, '--parameter', 'NAME=VALUE, such as xt_recent.ip_pkt_list_tot=50'),
    ),
  );
  const { seed, 'osf-fingerprints': fingerprints } = args;
  return {
    ...(seed === undefined ? {} : { seed: parseSeed(seed) }),
    ...(fingerprints === undefined
      ? {}
      : { osfFingerprints: readFile(host, fingerprints, '--osf-fingerprints') }),
    ...(recent.size === 0 ? {} : { recent }),
    ...(parameters.size === 0 ? {} : { parameters }),
  };
}
