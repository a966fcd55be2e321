/**
 * -m osf: the operating system that sent a TCP SYN, by its fingerprint. As net/netfilter/xt_osf.c,
 * which never looks at `!`, and with --log takes any known system. Undecided without fingerprints.
 */
import { undecided } from './conditions.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import type { Fingerprint, SynFacts, TtlCheck } from './osf-fingerprints.ts';
import { fingerprintHolds, readFingerprints } from './osf-fingerprints.ts';
import { requireProtocol } from './refusal.ts';
import type { SharedKind } from './replay-state.ts';
import { badValue, cutToBytes, unsignedNumber } from './values.ts';

/** Options of -m osf. */
export interface OsfOptions {
  readonly genre: string;
  readonly inverted: boolean;
  /** 0 to 2. */
  readonly ttl: number | undefined;
  readonly log: number | undefined;
}

/** The fingerprints of the replay; undefined when none are given. */
export interface OsfState {
  readonly fingerprints: readonly Fingerprint[] | undefined;
}

const TCP = 6;
const HEADER_LENGTH = 20;
const SYN = 2;
/** MAXGENRELEN. */
const LONGEST_GENRE = 32;
const TTL_CHECKS: readonly TtlCheck[] = ['equal', 'atMost', 'any'];

const FINGERPRINTS: SharedKind<OsfState> = {
  kind: 'osf fingerprints',
  make: (_, { settings }) => ({
    fingerprints:
      settings.osfFingerprints === undefined
        ? undefined
        : readFingerprints(settings.osfFingerprints),
  }),
};

/** What of the packet is compared; undefined: no SYN; 'cut': not captured. */
function synFacts({ packet }: PacketContext): SynFacts | 'cut' | undefined {
  const { bytes, view, networkOffset, networkHeaderLength, networkEnd, totalLength } = packet;
  const start = networkOffset + networkHeaderLength;
  if (networkHeaderLength + HEADER_LENGTH > totalLength) return undefined;
  if (start + HEADER_LENGTH > networkEnd) return 'cut';
  if (((bytes[start + 13] ?? 0) & SYN) === 0) return undefined;
  const headerLength = ((bytes[start + 12] ?? 0) >> 4) * 4;
  const optionsLength = Math.max(0, headerLength - HEADER_LENGTH);
  if (networkHeaderLength + HEADER_LENGTH + optionsLength > totalLength) return undefined;
  if (start + HEADER_LENGTH + optionsLength > networkEnd) return 'cut';
  return {
    dontFragment: packet.dontFragment !== 0,
    size: totalLength,
    ttl: packet.ttl,
    window: view.getUint16(start + 14),
    optionsAt: start + HEADER_LENGTH,
    optionsLength,
  };
}

function matches(options: OsfOptions, context: PacketContext, state: OsfState): MatchResult {
  const { fingerprints } = state;
  const syn = synFacts(context);
  if (syn === undefined) return NO;
  if (fingerprints === undefined) {
    return undecided(context, '-m osf: no fingerprints are given (--osf-fingerprints)');
  }
  if (syn === 'cut') return undecided(context, 'the snap length cut the TCP header');
  const ttlCheck = TTL_CHECKS[options.ttl ?? 0] ?? 'equal';
  for (const fingerprint of fingerprints) {
    if (options.log === undefined && fingerprint.genre !== options.genre) continue;
    if (fingerprintHolds(fingerprint, syn, context.packet, ttlCheck)) return YES;
  }
  return NO;
}

function smallNumber(option: string, text: string): number {
  const value = unsignedNumber(text, 2);
  if (value === undefined) throw badValue('osf', option, ', or out of range (0-2).');
  return value;
}

/** -m osf. */
export const osf: MatchDefinition<OsfOptions, OsfState> = {
  name: 'osf',
  families: [4],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  help: 'the operating system that sent a TCP SYN; needs -p tcp',
  options: [
    {
      name: 'genre',
      argument: 'name',
      invertible: true,
      help: 'the system, as Linux or Windows (the kernel ignores the !)',
    },
    {
      name: 'ttl',
      argument: 'level',
      help: 'the TTL is that of the fingerprint (0, default), not greater (1), or any (2)',
    },
    {
      name: 'log',
      argument: 'level',
      help: 'logs what it finds; any known system matches then',
    },
  ],
  reads: ['tcp-options', 'tcp-flags', 'ttl', 'length', 'payload', 'fragment'],
  assumable: true,
  parse(uses, context) {
    let options: OsfOptions = { genre: '', inverted: false, ttl: undefined, log: undefined };
    readOptions('osf', osf.options, uses, {
      genre: (use) => {
        // The real tool cuts it without a word.
        const genre = cutToBytes(argument(use), LONGEST_GENRE - 1);
        options = { ...options, genre, inverted: use.inverted };
      },
      ttl: (use) => {
        options = { ...options, ttl: smallNumber('ttl', argument(use)) };
      },
      log: (use) => {
        options = { ...options, log: smallNumber('log', argument(use)) };
      },
    });
    requireOption('osf', uses, 'genre');
    requireProtocol('osf', context, TCP, 'tcp');
    return options;
  },
  print: ({ genre, inverted, ttl, log }) =>
    [
      `${inverted ? '! ' : ''}--genre ${genre}`,
      ttl === undefined ? '' : ` --ttl ${ttl}`,
      log === undefined ? '' : ` --log ${log}`,
    ].join(''),
  list: ({ genre, inverted }) => `OS fingerprint match ${inverted ? '! ' : ''}${genre}`,
  matches,
  explain: ({ genre }, context) => {
    const syn = synFacts(context);
    return syn === undefined ? 'osf: no TCP SYN' : `--genre: no fingerprint of ${genre} fits`;
  },
  createState: (_, replay) => replay.shared(FINGERPRINTS, ''),
};
