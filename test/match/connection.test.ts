/** -m conntrack and -m state against packets and their connections. */
import { describe, expect, it } from 'vitest';
import {
  CTSTATE_ESTABLISHED,
  CTSTATE_INVALID,
  CTSTATE_NEW,
  CTSTATE_RELATED,
  CTSTATE_UNTRACKED,
  DIRECTION_REPLY,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DST_NAT,
  IPS_SEEN_REPLY,
  IPS_SRC_NAT,
} from '../../src/conntrack/types.ts';
import { buildDatagram, packetOf, viewOf } from '../support/packets.ts';
import { connectionOf, matchOf, say, tupleOf, why } from './context.ts';

const packet = packetOf({ source: '198.51.100.7', destination: '192.0.2.1', tcp: {} });
const ENTRY = '198.51.100.7 40000 192.0.2.1 80';

/** A tracked packet: its state, its entry's status bits. */
function tracked(ctstate: number, status = 0) {
  return { ctstate, connection: connectionOf(ENTRY, { status }) };
}

describe.each(['-m conntrack --ctstate', '-m state --state'])('%s', (option) => {
  it.each([
    ['NEW', tracked(CTSTATE_NEW), 'YES'],
    ['NEW', tracked(CTSTATE_ESTABLISHED), 'NO'],
    ['ESTABLISHED,RELATED', tracked(CTSTATE_RELATED), 'YES'],
    ['ESTABLISHED,RELATED', tracked(CTSTATE_NEW), 'NO'],
    ['INVALID', { ctstate: CTSTATE_INVALID }, 'YES'],
    ['INVALID', tracked(CTSTATE_NEW), 'NO'],
    ['UNTRACKED', { ctstate: CTSTATE_UNTRACKED }, 'YES'],
    ['INVALID', { ctstate: CTSTATE_UNTRACKED }, 'NO'],
    // In the raw table, before conntrack: seen on Linux 6.18.
    ['INVALID', { ctstate: 0 }, 'YES'],
    ['NEW', { ctstate: 0 }, 'NO'],
  ])('%s', (states, context, result) => {
    expect(say(`${option} ${states}`, packet, context)).toBe(result);
    const [name, word] = option.split(' --');
    expect(say(`${name} ! --${word} ${states}`, packet, context)).toBe(
      result === 'YES' ? 'NO' : 'YES',
    );
  });

  it('explains', () => {
    const name = option.split('--')[1];
    expect(why(`${option} ESTABLISHED,RELATED`, packet, tracked(CTSTATE_NEW))).toBe(
      `--${name}: NEW, not RELATED,ESTABLISHED`,
    );
  });
});

describe('--ctstate SNAT and DNAT', () => {
  it('are bits of the connection beside its state', () => {
    const translated = tracked(CTSTATE_ESTABLISHED, IPS_SRC_NAT);
    expect(say('-m conntrack --ctstate SNAT', packet, translated)).toBe('YES');
    expect(say('-m conntrack --ctstate DNAT', packet, translated)).toBe('NO');
    expect(say('-m conntrack --ctstate NEW,SNAT', packet, translated)).toBe('YES');
    expect(say('-m conntrack ! --ctstate ESTABLISHED', packet, translated)).toBe('NO');
    const both = tracked(CTSTATE_NEW, IPS_SRC_NAT | IPS_DST_NAT);
    expect(say('-m conntrack ! --ctstate SNAT,DNAT', packet, both)).toBe('NO');
    expect(say('-m conntrack --ctstate SNAT', packet, tracked(CTSTATE_NEW))).toBe('NO');
  });
});

describe('without a connection', () => {
  const invalid = { ctstate: CTSTATE_INVALID };
  it.each([
    ['--ctproto tcp', 'NO'],
    ['! --ctproto udp', 'NO'],
    ['--ctdir ORIGINAL', 'NO'],
    ['! --ctstatus ASSURED', 'NO'],
    ['--ctstate NEW --ctproto tcp', 'NO'],
    // Once the state holds, nothing else is looked at.
    ['--ctstate INVALID --ctproto udp', 'YES'],
    ['! --ctstate NEW --ctorigsrc 1.1.1.1 --ctexpire 5', 'YES'],
  ])('%s: %s', (options, result) => {
    expect(say(`-m conntrack ${options}`, packet, invalid)).toBe(result);
  });

  it('explains', () => {
    expect(why('-m conntrack --ctproto tcp', packet, invalid)).toBe(
      'conntrack: no connection (INVALID)',
    );
  });
});

describe('tuples', () => {
  const connection = connectionOf(ENTRY, {
    // Translated: the reply comes from another address and port.
    reply: tupleOf('10.0.0.80 8080 203.0.113.1 61000'),
  });
  const context = { ctstate: CTSTATE_ESTABLISHED, connection };
  it.each([
    ['--ctorigsrc 198.51.100.7', 'YES'],
    ['--ctorigsrc 198.51.100.0/24', 'YES'],
    // The address keeps the bits outside of the mask; they do not count.
    ['--ctorigsrc 198.51.100.99/24', 'YES'],
    ['! --ctorigsrc 198.51.100.99/24', 'NO'],
    ['--ctorigdst 192.0.2.1', 'YES'],
    ['--ctreplsrc 10.0.0.80', 'YES'],
    ['--ctreplsrc 192.0.2.1', 'NO'],
    ['--ctrepldst 203.0.113.0/31', 'YES'],
    ['--ctorigsrcport 40000', 'YES'],
    ['--ctorigdstport 80', 'YES'],
    ['--ctreplsrcport 80', 'NO'],
    ['--ctreplsrcport 8000:8100', 'YES'],
    ['! --ctrepldstport 61000', 'NO'],
    ['--ctrepldstport 61001:60999', 'NO'],
    ['--ctproto 6', 'YES'],
    ['! --ctproto tcp', 'NO'],
    ['--ctproto udp', 'NO'],
    ['--ctorigsrc 198.51.100.7 --ctorigdst 192.0.2.1 --ctorigdstport 81', 'NO'],
    // A mask that is no prefix counts as all ones.
    ['--ctorigsrc 198.51.0.7/255.255.0.255', 'NO'],
  ])('%s: %s', (options, result) => {
    expect(say(`-m conntrack ${options}`, packet, context)).toBe(result);
  });

  it('of IPv6', () => {
    const six = packetOf({ source: '2001:db8::7', destination: '2001:db8::1', tcp: {} });
    const entry = { ctstate: 2, connection: connectionOf('2001:db8::7 1 2001:db8::1 2') };
    expect(say('-m conntrack --ctorigsrc 2001:db8::7', six, entry)).toBe('YES');
    expect(say('-m conntrack --ctorigsrc 2001:db8::8', six, entry)).toBe('NO');
    expect(say('-m conntrack --ctorigsrc 2001:db8::/33', six, entry)).toBe('YES');
    expect(say('-m conntrack --ctorigsrc 2001:db8::8/124', six, entry)).toBe('YES');
    expect(say('-m conntrack ! --ctrepldst 2001:db8::/127', six, entry)).toBe('YES');
  });

  it('are explained, all that fail', () => {
    expect(why('-m conntrack --ctorigsrc 10.0.0.0/8 --ctorigdstport 443', packet, context)).toBe(
      '--ctorigsrc: 198.51.100.7, not 10.0.0.0/8; --ctorigdstport: 80, not 443',
    );
  });
});

describe('--ctstatus and --ctdir', () => {
  const context = tracked(CTSTATE_ESTABLISHED, IPS_SEEN_REPLY | IPS_CONFIRMED);
  it.each([
    ['--ctstatus SEEN_REPLY', 'YES'],
    ['--ctstatus ASSURED,CONFIRMED', 'YES'],
    ['--ctstatus ASSURED', 'NO'],
    ['! --ctstatus ASSURED', 'YES'],
    // NONE asks for no bit: it never holds, inverted it always does.
    ['--ctstatus NONE', 'NO'],
    ['! --ctstatus NONE', 'YES'],
  ])('%s: %s', (options, result) => {
    expect(say(`-m conntrack ${options}`, packet, context)).toBe(result);
  });

  it('NONE does not hold for a connection without any bit either', () => {
    expect(say('-m conntrack --ctstatus NONE', packet, tracked(CTSTATE_NEW))).toBe('NO');
  });

  it('the direction is the packet’s', () => {
    expect(say('-m conntrack --ctdir ORIGINAL', packet, context)).toBe('YES');
    expect(say('-m conntrack --ctdir REPLY', packet, context)).toBe('NO');
    const reply = { ...context, ctdirection: DIRECTION_REPLY };
    expect(say('-m conntrack --ctdir REPLY', packet, reply)).toBe('YES');
    expect(say('-m conntrack --ctdir ORIGINAL', packet, reply)).toBe('NO');
  });
});

describe('--ctexpire', () => {
  const datagram = buildDatagram({ source: '198.51.100.7', destination: '192.0.2.1', udp: {} });
  const at = (timeSeconds: number, timeNanoseconds = 0) =>
    viewOf(datagram, { timeSeconds, timeNanoseconds });
  const entry = (expiresAt: number, status = IPS_CONFIRMED | IPS_ASSURED) => ({
    ctstate: CTSTATE_ESTABLISHED,
    connection: connectionOf(ENTRY, { expiresAt, status }),
  });
  it.each([
    ['30', 1000, 0, 1030, 'YES'],
    ['29', 1000, 0, 1030, 'NO'],
    ['29', 1000, 4_000_000, 1030, 'YES'],
    ['0:29', 1000, 0, 1030, 'NO'],
    ['30:', 1000, 0, 1030, 'YES'],
    ['0', 1030, 500_000_000, 1030, 'YES'],
    ['31:29', 1000, 0, 1030, 'NO'],
  ])('%s at %i s %i ns of %i: %s', (wanted, seconds, nanoseconds, expires, result) => {
    const now = at(seconds, nanoseconds);
    expect(say(`-m conntrack --ctexpire ${wanted}`, now, entry(expires))).toBe(result);
    expect(say(`-m conntrack ! --ctexpire ${wanted}`, now, entry(expires))).toBe(
      result === 'YES' ? 'NO' : 'YES',
    );
  });

  it('loses nothing of times of today', () => {
    const now = at(1_760_000_000, 300_000_000);
    const later = entry(1_760_000_000.3 + 432_000);
    expect(say('-m conntrack --ctexpire 432000', now, later)).toBe('YES');
  });

  it('is not known for a connection that is not confirmed', () => {
    const fresh = entry(1030, 0);
    expect(say('-m conntrack --ctexpire 30', at(1000), fresh)).toBe('UNDECIDED');
    expect(say('-m conntrack --ctexpire 0', at(1000), fresh)).toBe('UNDECIDED');
    expect(say('-m conntrack --ctexpire :', at(1000), fresh)).toBe('YES');
    expect(say('-m conntrack ! --ctexpire 5:4', at(1000), fresh)).toBe('YES');
    expect(say('-m conntrack --ctproto udp --ctexpire 30', at(1000), fresh)).toBe('NO');
  });
});

describe('what is read', () => {
  it.each([
    ['--ctstate NEW', ['ctstate']],
    ['--ctstate NEW,SNAT', ['ctstate', 'connection']],
    ['--ctproto tcp', ['connection']],
    ['--ctstate NEW --ctdir REPLY', ['ctstate', 'connection']],
    ['--ctexpire 5', ['connection', 'time']],
  ])('%s: %s', (options, reads) => {
    expect(matchOf(`-m conntrack ${options}`).reads).toEqual(reads);
  });
});
