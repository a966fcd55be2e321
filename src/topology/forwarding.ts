/**
 * Finds forwarded packets in a capture of several interfaces: the same datagram at two of them, its
 * TTL or hop limit one less where it leaves. They tell a router's MAC addresses and its routes.
 */
import type { Sample } from './samples.ts';

/** One forwarded packet, seen twice. */
export interface ForwardedPacket {
  readonly arriving: Sample;
  readonly leaving: Sample;
}

/** Where a frame was captured. */
export function placeKey({ interfaceId, linkInterfaceIndex }: Sample): string {
  return `${interfaceId} ${linkInterfaceIndex}`;
}

/** All pairs, in the order of their second frame. */
export function forwardedPackets(samples: readonly Sample[]): ForwardedPacket[] {
  const open = new Map<number, Sample>();
  const found: ForwardedPacket[] = [];
  for (const sample of samples) {
    if (sample.loopback || sample.destination === '') continue;
    const other = open.get(sample.datagram);
    if (other === undefined || placeKey(other) === placeKey(sample)) {
      open.set(sample.datagram, sample);
      continue;
    }
    // Clocks of two interfaces need not agree on which came first.
    if (other.ttl === sample.ttl + 1) found.push({ arriving: other, leaving: sample });
    else if (sample.ttl === other.ttl + 1) found.push({ arriving: sample, leaving: other });
    open.delete(sample.datagram);
  }
  return found;
}
