/** Totals by verdict, path, protocol and reason. */
import { expect, test } from 'vitest';
import { newOutcome } from '../../src/engine/engine.ts';
import { Tallies } from '../../src/engine/tallies.ts';
import type { PacketOutcome } from '../../src/engine/types.ts';
import { packetOf } from '../support/packets.ts';

const packet = packetOf({ source: '10.0.0.1', destination: '10.0.0.2', udp: {} });
const outcome = (more: Partial<PacketOutcome>): PacketOutcome =>
  Object.assign(newOutcome(packet), more);

test('each outcome counts once in each total', () => {
  const tallies = new Tallies();
  tallies.add(outcome({ number: 1, verdict: 'ACCEPT', path: 'INPUT' }));
  tallies.add(outcome({ number: 2, verdict: 'DROP', path: 'INPUT' }));
  tallies.add(outcome({ number: 3, verdict: 'DROP', path: 'OUTPUT' }));
  tallies.add(outcome({ number: 4, verdict: 'NOT_SEEN', reason: 'a reason' }));
  tallies.add(outcome({ number: 5, verdict: 'NOT_SEEN', reason: 'a reason' }));
  expect(tallies.verdicts).toMatchObject({ ACCEPT: 1, DROP: 2, NOT_SEEN: 2, REJECT: 0 });
  expect([...tallies.byPath.keys()]).toEqual(['INPUT', 'OUTPUT']);
  expect(tallies.byPath.get('INPUT')).toMatchObject({ ACCEPT: 1, DROP: 1 });
  expect(tallies.byProtocol.get('udp')).toMatchObject({ ACCEPT: 1, DROP: 2, NOT_SEEN: 2 });
  expect(tallies.reasons.get('NOT_SEEN')?.get('a reason')).toEqual({ packets: 2, firstPacket: 4 });
});

test('reasons without number are kept apart, and the rest counted together', () => {
  const tallies = new Tallies();
  for (let i = 1; i <= 60; i++)
    tallies.add(outcome({ number: i, verdict: 'UNDECIDED', reason: `rests on packet ${i}` }));
  const reasons = tallies.reasons.get('UNDECIDED');
  expect(reasons?.size).toBe(51);
  expect(reasons?.get('rests on packet 50')).toEqual({ packets: 1, firstPacket: 50 });
  expect(reasons?.get('other reasons')).toEqual({ packets: 10, firstPacket: 51 });
});
