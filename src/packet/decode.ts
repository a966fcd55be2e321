/**
 * A frame becomes a packet view: link, network and transport header, in place, without allocation.
 * Never throws, whatever the bytes; every field is set anew, so nothing of the packet before stays.
 */
import { DIRECTION_OUTBOUND, type Frame } from '../capture/types.ts';
import { PACKET_OUTGOING, PACKET_TYPE_UNKNOWN, type PacketView } from './fields.ts';
import { decodeLink } from './link.ts';

// Of this module's own: see bounds.ts.
const link = decodeLink;
const OUTBOUND = DIRECTION_OUTBOUND;
const OUTGOING = PACKET_OUTGOING;
const TYPE_UNKNOWN = PACKET_TYPE_UNKNOWN;

/**
 * Decodes a frame into `packet`, which stays valid as long as the frame's bytes.
 * @returns the PACKET_ code that is also in `packet.problem`; the fields that could be read are set
 *   even when it is not PACKET_OK. PACKET_BAD_IP_CHECKSUM comes from `verifyChecksums` only.
 */
export function decode(frame: Frame, packet: PacketView): number {
  const { offset, capturedLength, originalLength, direction, linkType } = frame;
  const frameEnd = offset + capturedLength;
  let wireEnd = offset + originalLength;
  if (wireEnd < frameEnd) wireEnd = frameEnd;
  // Stores of unchanged pointers are not free.
  if (packet.bytes !== frame.bytes) packet.bytes = frame.bytes;
  if (packet.view !== frame.view) packet.view = frame.view;
  packet.number = frame.number;
  packet.timeSeconds = frame.timeSeconds;
  packet.timeNanoseconds = frame.timeNanoseconds;
  packet.linkType = linkType;
  packet.interfaceId = frame.interfaceId;
  packet.direction = direction;
  packet.frameOffset = offset;
  packet.frameEnd = frameEnd;
  packet.originalLength = originalLength;
  packet.wireEnd = wireEnd;
  packet.packetType = direction === OUTBOUND ? OUTGOING : TYPE_UNKNOWN;
  const problem = link(packet, linkType, offset, frameEnd, wireEnd);
  packet.problem = problem;
  return problem;
}
