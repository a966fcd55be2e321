/** Frames without a readable IP header: their network and transport fields say so. */
import type { PacketView } from './fields.ts';
import { noTransport } from './transport.ts';

/** Clears the network and transport fields, which the IP decoders set otherwise. Returns `problem`. */
export function noHeader(packet: PacketView, problem: number): number {
  packet.family = 0;
  packet.networkHeaderLength = 0;
  packet.totalLength = 0;
  packet.networkEnd = 0;
  packet.tos = 0;
  packet.ttl = 0;
  packet.identification = 0;
  packet.dontFragment = 0;
  packet.moreFragments = 0;
  packet.fragmentOffset = 0;
  packet.source0 = 0;
  packet.source1 = 0;
  packet.source2 = 0;
  packet.source3 = 0;
  packet.destination0 = 0;
  packet.destination1 = 0;
  packet.destination2 = 0;
  packet.destination3 = 0;
  packet.protocol = 0;
  packet.fragmentHeaderOffset = -1;
  noTransport(packet);
  return problem;
}
