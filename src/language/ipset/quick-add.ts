/**
 * The line that makes up nearly all of a large file, `add SET 192.0.2.0/24`, read at one go. What is
 * not of exactly this form, or not simply added, is left to the reader of all commands.
 */
import { HashSet } from '../../sets/hash-set.ts';
import type { Extensions } from '../../sets/types.ts';
import { newElement, SET_DONE } from '../../sets/types.ts';
import type { OpenSets } from './run.ts';

const LINE = /^add (\S+) (\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;
const NOTHING: Extensions = {};
const element = newElement();

/** Carries out a line; false when it must be looked at in full. Then nothing was changed. */
export function quickAdd(text: string, sets: OpenSets): boolean {
  const found = LINE.exec(text);
  if (found === null) return false;
  const set = sets.collection.get(found[1] ?? '');
  if (!(set instanceof HashSet)) return false;
  const { type, family, netmask, bitmask } = set.header;
  const isNet = type.name === 'hash:net';
  if (family !== 4 || netmask !== undefined || bitmask !== undefined) return false;
  if (!isNet && (type.name !== 'hash:ip' || found[6] !== undefined)) return false;
  let word = 0;
  for (let i = 2; i <= 5; i++) {
    const part = found[i] ?? '';
    const byte = Number(part);
    // A leading zero makes the number octal: not here.
    if (byte > 255 || (part.length > 1 && part.startsWith('0'))) return false;
    word = (word << 8) | byte;
  }
  const length = found[6];
  const prefix = length === undefined ? 32 : Number(length);
  if (prefix < 1 || prefix > 32 || length?.startsWith('0') === true || word === 0) return false;
  element.address[0] = word;
  element.prefix = prefix;
  element.prefix2 = 32;
  return set.add(element, NOTHING, false, true, 0) === SET_DONE;
}
