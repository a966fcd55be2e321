/**
 * Layout of a flow in the table: two keys (original and reply direction) and a state record, all
 * 32-bit words in typed arrays, so that a million flows are a few flat arrays and no objects.
 */

/** Words of one direction's key. */
export const KEY_WORDS = 10;
/** Offsets in a key. IPv4 addresses are in the first word of their four. */
export const KEY_SOURCE = 0;
export const KEY_DESTINATION = 4;
/** sourcePort << 16 | destinationPort; ICMP: identifier << 16 | type << 8 | code. */
export const KEY_PORTS = 8;
/** protocol | family << 8 | zone << 16. */
export const KEY_PROTOCOL = 9;

/** Words of a state record. */
export const STATE_WORDS = 32;
/** IPS_ bits. */
export const STATUS = 0;
/** Connection mark, unsigned by `>>> 0`. */
export const MARK = 1;
/** Number of the protocol's own state. */
export const PROTOCOL_STATE = 2;
/** Number of the packet that made the entry, unsigned by `>>> 0`. */
export const FIRST_PACKET = 3;
/** FLAG_ bits. */
export const FLAGS = 4;
/** First word that belongs to the protocol's tracker. */
export const OWN = 5;

/** No SYN was seen: the connection began before the capture. */
export const FLAG_MIDSTREAM = 1 << 0;
/** Window scale or SACK of the connection is not known (cut by the snap length). */
export const FLAG_WINDOW_UNKNOWN = 1 << 1;
/** A packet of the connection was too short to know what it did to the state. */
export const FLAG_STATE_UNKNOWN = 1 << 2;
