/**
 * Fingerprints of operating systems: a file in the format of pf.os, read as nfnl_osf of iptables 1.8.9
 * reads it, and compared with a TCP SYN as nf_osf_match_one of net/netfilter/nfnetlink_osf.c does.
 */
import type { PacketView } from '../packet/fields.ts';

/** How the window is compared: as it is, in multiples of the MSS or the MTU, or modulo. */
type WindowKind = 'plain' | 'mss' | 'mtu' | 'modulo';

/** One fingerprint. */
export interface Fingerprint {
  readonly genre: string;
  readonly windowKind: WindowKind;
  readonly window: number;
  readonly ttl: number;
  readonly dontFragment: boolean;
  /** Total length of the SYN. */
  readonly size: number;
  /** Kinds of the TCP options, in order. */
  readonly options: readonly number[];
}

const FIELDS = 9;
/** Of a genre with its NUL. */
const LONGEST_GENRE = 32;
const LONGEST_OPTIONS = 40;
/** By letter. */
const OPTION_KINDS: Readonly<Record<string, number>> = { E: 0, N: 1, M: 2, W: 3, S: 4, T: 8 };
const OPTION_LENGTHS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 4, 3: 3, 4: 2, 8: 10 };
const MSS = 2;

function leadingNumber(text: string): number {
  return Number(/^\s*\+?([0-9]+)/.exec(text)?.[1] ?? 0);
}

function windowOf(text: string): { windowKind: WindowKind; window: number } {
  const rest = text.slice(1);
  const number = leadingNumber(rest.startsWith('%') ? rest.slice(1) : rest);
  const first = text.charAt(0);
  if (first === 'S') return { windowKind: 'mss', window: number };
  if (first === 'T') return { windowKind: 'mtu', window: number };
  if (first === '%') return { windowKind: 'modulo', window: leadingNumber(rest) };
  return { windowKind: 'plain', window: /^[0-9]/.test(first) ? leadingNumber(text) : 0 };
}

/** The fingerprint of a line; undefined for a comment or what has not nine fields. */
function fingerprintOf(line: string): Fingerprint | undefined {
  if (line === '' || line.startsWith('#')) return undefined;
  const fields = line.split(':').map((field) => field.trimStart());
  if (fields.length !== FIELDS) return undefined;
  const [window = '', ttl = '', dontFragment = '', size = '', options = '', name = ''] = fields;
  const genre = /^[@*]/.test(name) ? name.slice(1) : name;
  const kinds = options.split(',').map((option) => OPTION_KINDS[option.trimStart().charAt(0)]);
  return {
    genre: genre.slice(0, LONGEST_GENRE - 1),
    ...windowOf(window),
    ttl: leadingNumber(ttl) & 0xff,
    dontFragment: leadingNumber(dontFragment) !== 0,
    size: leadingNumber(size) & 0xffff,
    options: kinds.filter((kind) => kind !== undefined),
  };
}

/** All fingerprints of a file's text. Lines that are none are skipped, as nfnl_osf does. */
export function readFingerprints(text: string): readonly Fingerprint[] {
  return text.split(/\r?\n/).flatMap((line) => fingerprintOf(line) ?? []);
}

/** What of a SYN is compared; its header must be captured. */
export interface SynFacts {
  readonly dontFragment: boolean;
  readonly size: number;
  readonly ttl: number;
  readonly window: number;
  /** Where its TCP options begin in the view's bytes, and how many bytes they are. */
  readonly optionsAt: number;
  readonly optionsLength: number;
}

/** How TTLs are compared: they are equal, the packet's is not greater, any. */
export type TtlCheck = 'equal' | 'atMost' | 'any';

function windowHolds({ windowKind, window }: Fingerprint, has: number, mss: number): boolean {
  switch (windowKind) {
    case 'plain':
      return window === 0 || has === window;
    case 'mss':
      return [mss, 1460, 1448].some((size) => has === window * size);
    case 'mtu':
      return [mss, 1460, 1448].some((size) => has === window * (size + 40));
    case 'modulo':
      return window !== 0 && has % window === 0;
  }
}

/** Whether a SYN has a fingerprint. */
export function fingerprintHolds(
  fingerprint: Fingerprint,
  syn: SynFacts,
  packet: PacketView,
  ttlCheck: TtlCheck,
): boolean {
  if (fingerprint.dontFragment !== syn.dontFragment || fingerprint.size !== syn.size) return false;
  if (ttlCheck === 'equal' && syn.ttl !== fingerprint.ttl) return false;
  if (ttlCheck === 'atMost' && syn.ttl > fingerprint.ttl) return false;
  let length = 0;
  for (const kind of fingerprint.options) length += OPTION_LENGTHS[kind] ?? 1;
  if (length > LONGEST_OPTIONS || length !== syn.optionsLength) return false;
  let at = syn.optionsAt;
  let mss = 0;
  for (const kind of fingerprint.options) {
    if (packet.bytes[at] !== kind) return false;
    if (kind === MSS) mss = ((packet.bytes[at + 2] ?? 0) << 8) | (packet.bytes[at + 3] ?? 0);
    at += OPTION_LENGTHS[kind] ?? 1;
  }
  return windowHolds(fingerprint, syn.window, mss);
}
