/**
 * TCP dialogues with the ctstate of each segment and the entry left, as seen on Linux 6.18. The unit
 * test holds the tracker to them, the kernel test the running kernel.
 */
import type { TcpOptions } from '../support/packets.ts';

/** A dialogue; each segment in the short form of feed.ts, with what it is. */
export interface TcpCase {
  readonly name: string;
  readonly segments: readonly (readonly [
    line: string,
    state: string,
    options?: TcpOptions | readonly number[],
  ])[];
  /** Protocol state and timeout in seconds of the entry left, '' for none. */
  readonly entry: string;
}

const NEW = 'NEW';
const EST = 'ESTABLISHED';
const REPLY = 'ESTABLISHED reply';
const INVALID = 'INVALID';

const HANDSHAKE = [
  ['> S 100 0', NEW],
  ['< SA 500 101', REPLY],
  ['> A 101 501', EST],
] as const;

export const TCP_CASES: readonly TcpCase[] = [
  { name: 'SYN alone', segments: [['> S 100 0', NEW]], entry: 'SYN_SENT 120' },
  {
    name: 'SYN sent again',
    segments: [
      ['> S 100 0', NEW],
      ['> S 100 0', NEW],
    ],
    entry: 'SYN_SENT 120',
  },
  {
    name: 'SYN and SYN-ACK',
    segments: [
      ['> S 100 0', NEW],
      ['< SA 500 101', REPLY],
    ],
    entry: 'SYN_RECV 60',
  },
  { name: 'handshake', segments: HANDSHAKE, entry: 'ESTABLISHED 432000' },
  {
    name: 'data not yet acknowledged',
    segments: [...HANDSHAKE, ['> PA 101 501 1000 10', EST]],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'data acknowledged',
    segments: [...HANDSHAKE, ['> PA 101 501 1000 10', EST], ['< A 501 111', REPLY]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'window closed',
    segments: [...HANDSHAKE, ['< A 501 101 0', REPLY]],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'three retransmissions of an ACK',
    segments: [...HANDSHAKE, ['> A 101 501', EST], ['> A 101 501', EST], ['> A 101 501', EST]],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'closed from both sides',
    segments: [
      ...HANDSHAKE,
      ['> FA 101 501', EST],
      ['< A 501 102', REPLY],
      ['< FA 501 102', REPLY],
      ['> A 102 502', EST],
    ],
    entry: 'TIME_WAIT 120',
  },
  { name: 'first FIN', segments: [...HANDSHAKE, ['> FA 101 501', EST]], entry: 'FIN_WAIT 120' },
  {
    name: 'FIN acknowledged',
    segments: [...HANDSHAKE, ['> FA 101 501', EST], ['< A 501 102', REPLY]],
    entry: 'CLOSE_WAIT 60',
  },
  {
    name: 'FIN from both sides at once',
    segments: [...HANDSHAKE, ['> FA 101 501', EST], ['< FA 501 101', REPLY]],
    entry: 'LAST_ACK 30',
  },
  {
    name: 'refused: the reset is the only answer',
    segments: [
      ['> S 100 0', NEW],
      ['< RA 0 101', REPLY],
    ],
    entry: '',
  },
  {
    name: 'reset by the client before any answer',
    segments: [
      ['> S 100 0', NEW],
      ['> R 101 0', NEW],
      ['> S 100 0', NEW],
    ],
    entry: 'SYN_SENT 120',
  },
  {
    name: 'reset with the exact sequence number',
    segments: [...HANDSHAKE, ['< R 501 0', REPLY]],
    entry: 'CLOSE 10',
  },
  {
    name: 'reset below the acknowledged sequence number',
    segments: [...HANDSHAKE, ['< R 400 0', INVALID]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'reset in window, not exact: may be challenged, so the state stays',
    segments: [...HANDSHAKE, ['< R 600 0', REPLY]],
    entry: 'ESTABLISHED 10',
  },
  {
    name: 'reset behind its own data',
    segments: [...HANDSHAKE, ['< A 501 101 1000 20', REPLY], ['< RA 521 101', REPLY]],
    entry: 'CLOSE 10',
  },
  {
    name: 'reset in a closing state is not checked',
    segments: [...HANDSHAKE, ['> FA 101 501', EST], ['< R 999999 0', REPLY]],
    entry: 'CLOSE 10',
  },
  {
    name: 'sequence number beyond the window',
    segments: [...HANDSHAKE, ['> A 99999 501 1000 10', INVALID]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'a little beyond the window: passes without effect',
    segments: [...HANDSHAKE, ['> A 1102 501 1000 10', EST]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'acknowledges data not seen',
    segments: [...HANDSHAKE, ['> A 101 600', INVALID]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'old data sent again passes without effect',
    segments: [...HANDSHAKE, ['> A 4294960000 501', EST]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'very old acknowledgement passes without effect',
    segments: [...HANDSHAKE, ['> A 101 4294901797', EST]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'window scaled when both sides offer it',
    segments: [
      ['> S 100 0', NEW, { windowScale: 7 }],
      ['< SA 500 101 1000', REPLY, { windowScale: 7 }],
      ['> A 101 501', EST],
      ['< A 501 101 1000', REPLY],
      ['> A 101 501 1000 60000', EST],
      ['> A 60101 501 1000 60000', EST],
    ],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'window not scaled when one side does not offer it',
    segments: [
      ['> S 100 0', NEW, { windowScale: 7 }],
      ['< SA 500 101 1000', REPLY, { mss: 1460 }],
      ['> A 101 501', EST],
      ['< A 501 101 1000', REPLY],
      ['> A 60101 501 1000 100', INVALID],
    ],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'SACK reaches beyond the acknowledgement',
    segments: [
      ['> S 100 0', NEW, { sackPermitted: true }],
      ['< SA 500 101', REPLY, { sackPermitted: true }],
      ['> A 101 501', EST],
      ['< A 501 101 1000 100', REPLY],
      ['< A 601 101 1000 100', REPLY],
      ['> A 101 501', EST, { sack: [[601, 701]] }],
      ['> A 101 501', INVALID, { sack: [[701, 801]] }],
    ],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'mid-stream: windows are not held against it',
    segments: [
      ['> A 100 900', NEW],
      ['< A 900 100', REPLY],
      ['> A 5000000 900', EST],
    ],
    entry: 'ESTABLISHED 432000',
  },
  { name: 'mid-stream, one side', segments: [['> A 100 900', NEW]], entry: 'ESTABLISHED 300' },
  { name: 'SYN-ACK alone', segments: [['> SA 100 900', INVALID]], entry: '' },
  { name: 'RST alone', segments: [['> R 100 900', INVALID]], entry: '' },
  { name: 'FIN alone', segments: [['> FA 100 900', INVALID]], entry: '' },
  {
    name: 'impossible flags',
    segments: ['SF', 'SR', '-', 'FUP', 'F', 'U', 'P', 'FR', 'SAU'].map(
      (flags) => [`> ${flags} 100 0`, INVALID] as const,
    ),
    entry: '',
  },
  {
    name: 'flags that do not matter',
    segments: [
      ['> SPEC 100 0', NEW],
      ['< SAE 500 101', REPLY],
      ['> AUP 101 501', EST],
    ],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'simultaneous open',
    segments: [
      ['> S 100 0', NEW],
      ['< S 500 0', REPLY],
      ['> SA 100 501', EST],
      ['< SA 500 101', REPLY],
    ],
    entry: 'SYN_RECV 60',
  },
  {
    name: 'simultaneous open, completed by an ACK',
    segments: [
      ['> S 100 0', NEW],
      ['< S 500 0', REPLY],
      ['> SA 100 501', EST],
      ['< A 501 101', REPLY],
    ],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'a SYN reopens a closed connection as a new one',
    segments: [
      ...HANDSHAKE,
      ['> FA 101 501', EST],
      ['< FA 501 102', REPLY],
      ['> A 102 502', EST],
      ['> S 90000 0', NEW],
    ],
    entry: 'SYN_SENT 120',
  },
  {
    name: 'the server reopens a closed connection, roles changed',
    segments: [
      ...HANDSHAKE,
      ['> FA 101 501', EST],
      ['< FA 501 102', REPLY],
      ['> A 102 502', EST],
      ['< S 90000 0', NEW],
    ],
    entry: 'SYN_SENT 120',
  },
  {
    name: 'a SYN within a connection is ignored; its SYN-ACK begins anew',
    segments: [...HANDSHAKE, ['> S 70000 0', EST], ['< SA 80000 70001', REPLY]],
    entry: 'SYN_RECV 60',
  },
  {
    name: 'a SYN within a connection is ignored; the challenge ACK is right',
    segments: [...HANDSHAKE, ['> S 70000 0', EST], ['< A 501 101', REPLY], ['> R 101 0', EST]],
    entry: 'CLOSE 10',
  },
  {
    name: 'challenge ACK in LAST_ACK is not the last ACK',
    segments: [
      ...HANDSHAKE,
      ['> FA 101 501', EST],
      ['< FA 501 102', REPLY],
      ['> S 70000 0', EST],
      ['< A 502 102', REPLY],
    ],
    entry: 'LAST_ACK 30',
  },
  {
    name: 'half-open: the ACK passes, the reset that answers it ends the entry',
    segments: [
      ['> S 100 0', NEW],
      ['< A 900 55', REPLY],
      ['> R 55 0', EST],
    ],
    entry: 'CLOSE 10',
  },
  {
    name: 'a reset skips the window only for a SYN of the other side',
    segments: [
      ['> S 100 0', NEW],
      ['< SA 900 101', REPLY],
      ['> S 7777 0', EST],
      ['> R 5000000 7778', INVALID],
    ],
    entry: 'SYN_RECV 60',
  },
  {
    name: 'ACK before the SYN-ACK',
    segments: [
      ['> S 100 0', NEW],
      ['> A 101 501', INVALID],
    ],
    entry: 'SYN_SENT 120',
  },
  {
    name: 'SYN in reply direction of an established connection',
    segments: [...HANDSHAKE, ['< S 501 0', INVALID]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'sequence numbers wrap around',
    segments: [
      ['> S 4294967295 0', NEW],
      ['< SA 4294967290 0', REPLY],
      ['> A 0 4294967291', EST],
      ['< A 4294967291 0 1000 20', REPLY],
      ['> A 0 15', EST],
    ],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'an acknowledgement 66000 back is the oldest that counts',
    segments: [...HANDSHAKE, ['> FA 101 4294901797', EST]],
    entry: 'FIN_WAIT 120',
  },
  {
    name: 'an acknowledgement 66001 back passes without effect',
    segments: [...HANDSHAKE, ['> FA 101 4294901796', EST]],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'one byte may probe a closed window',
    segments: [
      ...HANDSHAKE,
      ['> A 101 501 1000 1000', EST],
      ['< A 501 1101 0', REPLY],
      ['> FA 1102 501', EST],
    ],
    entry: 'FIN_WAIT 120',
  },
  {
    name: 'two bytes do not',
    segments: [
      ...HANDSHAKE,
      ['> A 101 501 1000 1000', EST],
      ['< A 501 1101 0', REPLY],
      ['> FA 1103 501', EST],
    ],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'a scale above 14 counts as 14',
    segments: [
      ['> S 100 0', NEW, { windowScale: 1 }],
      ['< SA 500 101', REPLY, { windowScale: 15 }],
      ['> A 101 501', EST],
      ['< A 501 101', REPLY],
      ['> FA 16384110 501', EST],
    ],
    entry: 'ESTABLISHED 432000',
  },
  {
    name: 'mid-stream: the first answer may acknowledge one byte more (keepalive)',
    segments: [
      ['> PA 100 900 1000 10', NEW],
      ['< A 900 111', REPLY],
      ['> R 105 0', INVALID],
    ],
    entry: 'ESTABLISHED 300',
  },
  {
    name: 'mid-stream: an answer that acknowledges two bytes more counts for nothing',
    segments: [
      ['> PA 100 900 1000 10', NEW],
      ['< A 900 112', REPLY],
      ['> R 105 0', EST],
    ],
    entry: 'CLOSE 10',
  },
  {
    name: 'FIN, ACK and SYN-ACK that a simultaneous open does not allow',
    segments: [
      ['> S 100 0', NEW],
      ['< S 500 0', REPLY],
      ['> FA 101 501', INVALID],
      ['< FA 501 101', INVALID],
      ['> A 101 501', INVALID],
      ['< A 501 101', REPLY],
      ['> S 100 0', EST],
    ],
    entry: 'SYN_SENT2 120',
  },
  {
    name: 'after the last ACK everything but a SYN stays in TIME_WAIT',
    segments: [
      ...HANDSHAKE,
      ['> FA 101 501', EST],
      ['< FA 501 102', REPLY],
      ['> A 102 502', EST],
      ['< A 502 102', REPLY],
      ['< FA 501 102', REPLY],
      ['> SA 102 502', INVALID],
      ['< SA 501 102', REPLY],
    ],
    entry: 'TIME_WAIT 120',
  },
  {
    name: 'FINs again in CLOSE_WAIT and LAST_ACK',
    segments: [
      ...HANDSHAKE,
      ['> FA 101 501', EST],
      ['< A 501 102', REPLY],
      ['> A 102 501', EST],
      ['> FA 101 501', EST],
      ['< FA 501 102', REPLY],
      ['> S 1 0', EST],
      ['< S 1 0', INVALID],
    ],
    entry: 'LAST_ACK 30',
  },
];
