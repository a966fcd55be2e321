/**
 * Values of command line options turned into typed form, each with a usage error that says what was
 * expected. Plain functions; nothing here knows of yargs.
 */
import {
  CONNTRACK_SYSCTLS,
  type ConntrackOptions,
  DEFAULT_CONNTRACK_OPTIONS,
} from '../conntrack/options.ts';
import { VERDICTS, type Verdict } from '../engine/types.ts';
import { UsageError } from '../errors.ts';
import { nearest } from '../language/iptables/suggest.ts';

/** A usage error with one finding. */
export function usageError(code: string, message: string, hint?: string): UsageError {
  return new UsageError([{ code, message, hint }]);
}

function verdictOf(word: string, option: string): Verdict {
  const name = word.trim().toUpperCase().replaceAll('-', '_');
  const verdict = VERDICTS.find((each) => each === name);
  if (verdict !== undefined) return verdict;
  const words = VERDICTS.map((each) => each.toLowerCase().replaceAll('_', '-'));
  const near = nearest(word.toLowerCase(), words);
  throw usageError(
    'bad-verdict',
    `${option}: "${word}" is no verdict`,
    `${near === undefined ? '' : `did you mean ${near}? `}verdicts are ${words.join(', ')}`,
  );
}

/**
 * `drop,reject` as verdicts; undefined when the option was not given.
 * @throws UsageError
 */
export function parseVerdicts(
  values: readonly string[] | undefined,
  option: string,
): ReadonlySet<Verdict> | undefined {
  if (values === undefined) return undefined;
  return new Set(
    values.flatMap((value) => value.split(',').map((word) => verdictOf(word, option))),
  );
}

/**
 * A whole number of at least 1.
 * @throws UsageError
 */
export function parseCount(value: string, option: string): number {
  const count = /^[0-9]{1,15}$/.test(value) ? Number(value) : 0;
  if (count < 1)
    throw usageError('bad-number', `${option}: "${value}" is not a whole number of 1 or more`);
  return count;
}

const MOST_PACKETS_EXPLAINED = 1000;

/**
 * Packet numbers: `12`, `12,15`, `20-25`; sorted, each once.
 * @throws UsageError
 */
export function parsePacketNumbers(values: readonly string[], option: string): number[] {
  const numbers = new Set<number>();
  for (const part of values.flatMap((value) => value.split(','))) {
    const range = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(part);
    const first = parseCount(range?.[1] ?? part, option);
    const last = range?.[2] === undefined ? first : parseCount(range[2], option);
    if (last < first) throw usageError('bad-number', `${option}: "${part}" ends before it begins`);
    if (last - first >= MOST_PACKETS_EXPLAINED)
      throw usageError(
        'bad-number',
        `${option}: "${part}" is more than ${MOST_PACKETS_EXPLAINED} packets`,
      );
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** Prefix that people leave out. */
const USUAL_PREFIXES = ['', 'net.netfilter.', 'net.netfilter.nf_conntrack_', 'net.ipv4.'];

function sysctlKey(name: string): keyof ConntrackOptions {
  const dotted = name.trim().replaceAll('/', '.');
  for (const prefix of USUAL_PREFIXES) {
    const key = CONNTRACK_SYSCTLS.get(prefix + dotted);
    if (key !== undefined) return key;
  }
  const known = [...CONNTRACK_SYSCTLS.keys()];
  const near = nearest(dotted, known);
  throw usageError(
    'unknown-sysctl',
    `--sysctl: "${name}" is not a setting that fwreplay knows`,
    near === undefined ? `settings are ${known.join(', ')}` : `did you mean ${near}?`,
  );
}

/**
 * `net.netfilter.nf_conntrack_tcp_loose=0` … as settings of connection tracking; the prefix
 * `net.netfilter.` may be left out. The last of several for one setting wins, as with sysctl(8).
 * @throws UsageError
 */
export function parseSysctls(values: readonly string[]): Partial<ConntrackOptions> {
  const settings = new Map<keyof ConntrackOptions, number | boolean>();
  for (const value of values) {
    const equals = value.indexOf('=');
    if (equals < 0)
      throw usageError(
        'bad-sysctl',
        `--sysctl: "${value}" is not NAME=VALUE`,
        'such as net.netfilter.nf_conntrack_tcp_loose=0',
      );
    const key = sysctlKey(value.slice(0, equals));
    const text = value.slice(equals + 1).trim();
    if (!/^[0-9]{1,10}$/.test(text))
      throw usageError(
        'bad-sysctl',
        `--sysctl: "${text}" is not a whole number of at most 10 digits`,
      );
    settings.set(
      key,
      typeof DEFAULT_CONNTRACK_OPTIONS[key] === 'boolean' ? text !== '0' : Number(text),
    );
  }
  return Object.fromEntries(settings) as Partial<ConntrackOptions>;
}
