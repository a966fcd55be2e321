/**
 * The one question that every layer asks before it reads: are the bytes there? Tells bytes that were
 * never on the wire (malformed) from bytes that the snap length cut off.
 *
 * For speed the layers hand each other offsets and ends as arguments rather than read back what they
 * just stored, load all words before they store any, and give imported constants and functions on
 * the common way a name of their own: V8 compiles a module's own constants in, but reads and checks
 * an imported binding at each use. Math.min and Math.max go by way of doubles. Measured together:
 * half of the time.
 */
import { PACKET_CUT, PACKET_MALFORMED } from './fields.ts';

/** Why bytes before the absolute offset `end` are missing. @param wireEnd end of the wire's bytes */
export function missing(end: number, wireEnd: number): number {
  return end > wireEnd ? PACKET_MALFORMED : PACKET_CUT;
}
