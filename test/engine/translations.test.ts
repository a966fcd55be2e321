/** What may belong to a connection under addresses that are not known. */
import { describe, expect, test } from 'vitest';
import { Translations } from '../../src/engine/translations.ts';
import { packetOf } from '../support/packets.ts';

const tcp = (source: string, from: number, destination: string, to: number, flags = 'A') =>
  packetOf({
    source,
    destination,
    tcp: { sourcePort: from, destinationPort: to, flags },
  });
const CLIENT = '10.0.0.5';
const SERVER = '203.0.113.9';
const PUBLIC = '192.0.2.1';
const first = tcp(CLIENT, 4000, SERVER, 80, 'S');

function suspects(...what: ('source' | 'destination')[]) {
  const translations = new Translations();
  for (const each of what) translations.add(first, each, 'SNAT --to-source …', 3);
  return (packet: ReturnType<typeof tcp>, arrives = true): string => {
    const found = translations.suspect(packet, arrives);
    if (found === undefined) return 'no';
    return found.original === undefined ? 'perhaps' : 'original';
  };
}

describe('the source was changed', () => {
  const suspect = suspects('source');
  test('its own packets, and answers to an address that is not known', () => {
    expect(suspect(tcp(CLIENT, 4000, SERVER, 80))).toBe('original');
    expect(suspect(tcp(SERVER, 80, PUBLIC, 61000))).toBe('perhaps');
    expect(suspect(tcp(SERVER, 80, CLIENT, 4000))).toBe('perhaps');
    expect(suspect(tcp(PUBLIC, 61000, SERVER, 80), false)).toBe('perhaps');
  });

  test('other endpoints and protocols are none of it; nor is what opens a connection', () => {
    expect(suspect(tcp(CLIENT, 4001, SERVER, 443))).toBe('no');
    expect(suspect(tcp(SERVER, 443, PUBLIC, 61000))).toBe('no');
    const udp = { source: SERVER, destination: PUBLIC, udp: { sourcePort: 80 } };
    expect(suspect(packetOf(udp))).toBe('no');
    expect(suspect(tcp(SERVER, 80, PUBLIC, 22, 'S'))).toBe('no');
    expect(suspect(tcp(PUBLIC, 61000, SERVER, 80, 'S'), false)).toBe('perhaps');
  });

  test('an ICMP error may quote it', () => {
    const error = { source: '198.51.100.1', destination: PUBLIC, icmp: { type: 3, code: 1 } };
    expect(suspect(packetOf(error))).toBe('perhaps');
    const request = { source: '198.51.100.1', destination: PUBLIC, icmp: { type: 8, code: 0 } };
    expect(suspect(packetOf(request))).toBe('no');
  });
});

test('the destination was changed: the answers come from an address that is not known', () => {
  const suspect = suspects('destination');
  expect(suspect(first)).toBe('original');
  expect(suspect(tcp('10.9.9.9', 8080, CLIENT, 4000))).toBe('perhaps');
  expect(suspect(tcp(SERVER, 80, CLIENT, 4000))).toBe('perhaps');
  expect(suspect(tcp('10.9.9.9', 8080, CLIENT, 4001))).toBe('no');
});

test('both were changed: any packet of the protocol that opens no connection', () => {
  const suspect = suspects('destination', 'source');
  expect(suspect(tcp('10.9.9.9', 8080, '10.9.9.1', 777))).toBe('perhaps');
  expect(suspect(tcp('10.9.9.9', 8080, '10.9.9.1', 777, 'S'))).toBe('no');
});

test('none: nothing is suspect', () => {
  expect(suspects()(first)).toBe('no');
});
