/**
 * What matches read and targets write as bits, so that the evaluator can ask at once whether a match
 * rests on something that is not known of the packet.
 */
import type { Reads } from '../match/definition.ts';

/** All of them; the bit of each is its place. */
const ALL: readonly Reads[] = [
  'addresses',
  'ports',
  'protocol',
  'tcp-flags',
  'tcp-options',
  'icmp',
  'length',
  'ttl',
  'mark',
  'mac',
  'packet-type',
  'interfaces',
  'ctstate',
  'connection',
  'topology',
  'time',
  'payload',
  'own-state',
  'fragment',
  'tos',
  'extension-headers',
  'host',
  'nothing',
];

const BITS: ReadonlyMap<Reads, number> = new Map(ALL.map((what, index) => [what, 1 << index]));

/** The bits of a list. */
export function readsBits(reads: readonly Reads[]): number {
  let bits = 0;
  for (const what of reads) bits |= BITS.get(what) ?? 0;
  return bits & ~NOTHING;
}

const NOTHING = BITS.get('nothing') ?? 0;

/** ctstate and all else of the connection. */
export const READS_CONNECTION = readsBits(['ctstate', 'connection']);
export const READS_OWN_STATE = readsBits(['own-state']);
export const READS_INTERFACES = readsBits(['interfaces']);
export const READS_ADDRESSES = readsBits(['addresses']);
export const READS_PROTOCOL = readsBits(['protocol']);
export const READS_FRAGMENT = readsBits(['fragment']);
/** What differs when an address was translated: the route among it. */
export const READS_TRANSLATED = readsBits([
  'addresses',
  'ports',
  'payload',
  'icmp',
  'interfaces',
  'topology',
  'host',
  'extension-headers',
]);
