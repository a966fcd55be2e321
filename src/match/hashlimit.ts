/**
 * -m hashlimit: a rate for each group of packets, by addresses and ports. As
 * net/netfilter/xt_hashlimit.c (revision 3); options and printing as libxt_hashlimit.c of iptables
 * 1.8.9 (hashlimit-text.ts).
 */
import { undecided } from './conditions.ts';
import type {
  MatchDefinition,
  MatchResult,
  OptionUse,
  PacketContext,
  ParseContext,
} from './definition.ts';
import { HOTDROP, NO, OptionError, YES } from './definition.ts';
import { KEY_BROKEN, KEY_CUT, type KeyParts, keyOf } from './hashlimit-key.ts';
import { byteCredits, costToBytes, credits, type RateConfig } from './hashlimit-rate.ts';
import { type HashlimitTable, hashlimitTables } from './hashlimit-table.ts';
import {
  badBurst,
  limitText,
  MOST_BURST,
  parseBurst,
  parseInterval,
  parseLimit,
  parseMode,
  tableText,
} from './hashlimit-text.ts';
import { packetJiffies } from './jiffies.ts';
import { maskedHost, maskLength } from './numeric-address.ts';
import { argument, excludeEachOther, hasOption, readOptions, requireOption } from './options.ts';
import { kernelFindsOutOfRange, kernelRefuses } from './refusal.ts';
import { boundedNumber, cutToBytes, unsignedNumber } from './values.ts';

/** Options of -m hashlimit. */
export interface HashlimitOptions extends KeyParts, RateConfig {
  readonly family: 4 | 6;
  /** Holds above the rate, not up to it. */
  readonly above: boolean;
  readonly name: string;
  /** 0 for the default. */
  readonly size: number;
  readonly max: number;
  /** Milliseconds. */
  readonly gcInterval: number;
  readonly expire: number;
}

/** State of one rule: its table, and whether its own options are those of the table. */
export interface HashlimitState {
  readonly table: HashlimitTable;
  readonly parts: KeyParts;
  /** The table is one of bytes, packets or rate matches as the rule is. */
  readonly fits: boolean;
  doubt(reason: string): void;
}

const LONGEST_NAME = 254;
/** HASHLIMIT_MAX_SIZE. */
const LARGEST_TABLE = 1_048_576;
const DEFAULT_BURST = 5n;
const DEFAULT_GC_INTERVAL = 1000;
/** Seconds that entries of byte rates live, without and with a burst. */
const BYTE_EXPIRE = 15;
const BYTE_EXPIRE_BURST = 60;

/** @throws OptionError bad-mask */
function prefixLength(use: OptionUse, family: 4 | 6): number {
  const most = family === 4 ? 32 : 128;
  const text = argument(use);
  const length = unsignedNumber(text, most);
  if (length !== undefined) return length;
  const { mask } = maskedHost(
    'hashlimit',
    use.name,
    `${family === 4 ? '0.0.0.0' : '::'}/${text}`,
    family,
  );
  const whole = maskLength(mask) === most;
  // A mask with holes gives the kernel a length that it refuses.
  if (whole && !/^(255\.){3}255$|^(ffff:){7}ffff$/i.test(text))
    throw kernelRefuses('bad-mask', 'a mask is a prefix');
  return maskLength(mask);
}

interface Raw {
  above: boolean;
  average: bigint;
  bytes: boolean;
  /** Seconds of the rate's unit. */
  unit: number;
  burst: bigint | undefined;
  mode: number;
  name: string;
  size: number;
  max: number;
  gcInterval: number;
  expire: number | undefined;
  sourceMask: number;
  destinationMask: number;
  interval: number;
}

/** @throws OptionError */
function read(uses: readonly OptionUse[], family: 4 | 6): Raw {
  const bits = family === 4 ? 32 : 128;
  const raw: Raw = {
    above: false,
    average: 0n,
    bytes: false,
    unit: 1,
    burst: undefined,
    mode: 0,
    name: '',
    size: 0,
    max: 0,
    gcInterval: DEFAULT_GC_INTERVAL,
    expire: undefined,
    sourceMask: bits,
    destinationMask: bits,
    interval: 0,
  };
  const limit = (use: OptionUse): void => {
    raw.above = use.inverted !== (use.name === 'hashlimit-above');
    Object.assign(raw, parseLimit(argument(use), use.name));
  };
  const number = (use: OptionUse): number =>
    boundedNumber('hashlimit', use.name, argument(use), 0xffffffff);
  readOptions('hashlimit', hashlimit.options, uses, {
    'hashlimit-upto': limit,
    'hashlimit-above': limit,
    'hashlimit-burst': (use) => {
      raw.burst = parseBurst(argument(use));
    },
    'hashlimit-mode': (use) => {
      raw.mode = parseMode(argument(use));
    },
    'hashlimit-name': (use) => {
      if (argument(use) === '') {
        throw new OptionError('bad-value', 'Argument must have a minimum length of 1 characters', {
          option: use.name,
        });
      }
      raw.name = cutToBytes(argument(use), LONGEST_NAME);
    },
    'hashlimit-srcmask': (use) => {
      raw.sourceMask = prefixLength(use, family);
    },
    'hashlimit-dstmask': (use) => {
      raw.destinationMask = prefixLength(use, family);
    },
    'hashlimit-htable-size': (use) => {
      raw.size = number(use);
    },
    'hashlimit-htable-max': (use) => {
      raw.max = number(use);
    },
    'hashlimit-htable-gcinterval': (use) => {
      raw.gcInterval = number(use);
    },
    'hashlimit-htable-expire': (use) => {
      raw.expire = number(use);
    },
    'hashlimit-rate-interval': (use) => {
      raw.interval = parseInterval(argument(use));
    },
  });
  return raw;
}

/** hashlimit_mt_check of the real tool. @throws OptionError */
function complete(raw: Raw, uses: readonly OptionUse[], family: 4 | 6): HashlimitOptions {
  if (!hasOption(uses, 'hashlimit-upto') && !hasOption(uses, 'hashlimit-above'))
    throw new OptionError('option-missing', 'You have to specify --hashlimit');
  const rateMatch = hasOption(uses, 'hashlimit-rate-match');
  let expire = raw.unit * 1000;
  let burst = raw.burst ?? DEFAULT_BURST;
  if (raw.bytes) {
    expire = BYTE_EXPIRE * 1000;
    burst = 0n;
    if (raw.burst !== undefined) {
      const least = costToBytes(raw.average);
      if (raw.burst < least || least === 0n) {
        throw new OptionError('bad-burst', `burst cannot be smaller than ${least}b`, {
          option: 'hashlimit-burst',
        });
      }
      burst = BigInt.asUintN(32, (raw.burst + least - 1n) / least);
      expire = BYTE_EXPIRE_BURST * 1000;
    }
  } else if (burst > MOST_BURST) {
    throw badBurst();
  }
  let { average, interval } = raw;
  if (rateMatch) {
    if (!raw.bytes) average /= BigInt(raw.unit);
    if (interval === 0) interval = raw.bytes ? 1 : raw.unit;
  }
  const { bytes, above, mode, name, size, max, gcInterval, sourceMask, destinationMask } = raw;
  return {
    family,
    average,
    burst,
    bytes,
    rateMatch,
    interval,
    above,
    mode,
    name,
    size: Math.min(size, LARGEST_TABLE),
    max: Math.min(max, LARGEST_TABLE),
    gcInterval,
    expire: raw.expire ?? expire,
    sourceMask,
    destinationMask,
  };
}

/** hashlimit_mt_check_common of the kernel. @throws OptionError */
function checkAsKernel(options: HashlimitOptions): void {
  const { name, average, burst } = options;
  if (name === '.' || name === '..' || name.includes('/'))
    throw kernelRefuses('bad-name', 'the name must fit as a file below /proc/net');
  if (options.gcInterval === 0 || options.expire === 0)
    throw kernelRefuses('bad-value', 'expiry and collection interval must not be 0');
  if (options.rateMatch) {
    if (average === 0n || average > 0xffffffffn)
      throw kernelFindsOutOfRange('limit-overflow', 'the rate is out of range');
  } else if (options.bytes) {
    if (byteCredits(average) === 0n) throw kernelRefuses('limit-overflow', 'the rate is too high');
  } else if (burst === 0n || credits(BigInt.asUintN(64, average * burst)) < credits(average)) {
    throw kernelFindsOutOfRange(
      'limit-overflow',
      'the rate is too slow for this burst: lower --hashlimit-burst',
    );
  }
}

function parse(uses: readonly OptionUse[], { family }: ParseContext): HashlimitOptions {
  const options = complete(read(uses, family), uses, family);
  excludeEachOther('hashlimit', uses, ['hashlimit-upto', 'hashlimit-above']);
  requireOption('hashlimit', uses, 'hashlimit-name');
  checkAsKernel(options);
  return options;
}

function matches(
  options: HashlimitOptions,
  context: PacketContext,
  { table, parts, fits }: HashlimitState,
): MatchResult {
  if (table.doubtful !== '') return undecided(context, table.doubtful);
  if (!fits) {
    return undecided(
      context,
      `-m hashlimit: the rules of ${options.name} count different things in one table`,
    );
  }
  const { packet } = context;
  const key = keyOf(packet, parts);
  if (key === KEY_BROKEN) return HOTDROP;
  if (key === KEY_CUT) {
    table.doubt(`the group of packet ${packet.number} is cut by the snap length`);
    return undecided(context, '-m hashlimit: the ports are cut by the snap length');
  }
  const level = table.take(options, key, packetJiffies(packet), packet.totalLength);
  if (level === 'full') return HOTDROP;
  if (level === 'unknown') {
    return undecided(
      context,
      `-m hashlimit: whether the kernel had collected the idle entry of ${options.name} is not known`,
    );
  }
  return (level === 'above') === options.above ? YES : NO;
}

/** -m hashlimit. */
export const hashlimit: MatchDefinition<HashlimitOptions, HashlimitState> = {
  name: 'hashlimit',
  families: [4, 6],
  mayHotdrop: true,
  help: 'a rate for each group of packets, by addresses and ports; groups are shared by name',
  options: [
    {
      name: 'hashlimit-upto',
      aliases: ['hashlimit'],
      argument: 'rate',
      invertible: true,
      help: 'holds up to it: 10/sec, /min, /hour, /day, or bytes: 10kb/s',
    },
    { name: 'hashlimit-above', argument: 'rate', invertible: true, help: 'holds above it' },
    { name: 'hashlimit-srcmask', argument: 'length', help: 'groups sources by prefix' },
    { name: 'hashlimit-dstmask', argument: 'length', help: 'groups destinations by prefix' },
    { name: 'hashlimit-burst', argument: 'number', help: 'that pass at once, by default 5' },
    { name: 'hashlimit-htable-size', argument: 'number', help: 'hash buckets' },
    { name: 'hashlimit-htable-max', argument: 'number', help: 'most groups' },
    { name: 'hashlimit-htable-gcinterval', argument: 'ms', help: 'between collections' },
    { name: 'hashlimit-htable-expire', argument: 'ms', help: 'idle groups are forgotten then' },
    {
      name: 'hashlimit-mode',
      argument: 'part[,part…]',
      help: 'srcip, srcport, dstip, dstport; none: one group',
    },
    { name: 'hashlimit-name', argument: 'name', help: 'name of the table' },
    { name: 'hashlimit-rate-match', help: 'compares the rate without limiting it' },
    { name: 'hashlimit-rate-interval', argument: 'seconds', help: 'over which that is measured' },
  ],
  reads: ['addresses', 'ports', 'protocol', 'length', 'time', 'own-state'],
  parse,
  print: (options) => tableText(options, '--hashlimit-', limitText(options, '--hashlimit-')),
  list: (options) => tableText(options, '', limitText(options, '')),
  matches,
  explain: ({ above, name }) =>
    above
      ? `--hashlimit-above: the group in ${name} is below it`
      : `--hashlimit-upto: the group in ${name} is above it`,
  createState(options, replay) {
    const table = replay.shared(hashlimitTables, `${options.family} ${options.name}`);
    const first = table.use(options);
    const fits = first.bytes === options.bytes && first.rateMatch === options.rateMatch;
    return { table, parts: first, fits, doubt: (reason) => table.doubt(reason) };
  },
};
