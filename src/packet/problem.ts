/** Says in words why a frame is no packet that netfilter would see, more exactly than the code. */
import {
  PACKET_BAD_IP_CHECKSUM,
  PACKET_BAD_IP_HEADER,
  PACKET_CUT,
  PACKET_MALFORMED,
  PACKET_NOT_IP,
  type PacketView,
} from './fields.ts';

/** The reason behind `packet.problem`, for reports; '' for PACKET_OK. */
export function problemText(packet: PacketView): string {
  switch (packet.problem) {
    case PACKET_NOT_IP:
      return `not IP: type 0x${packet.etherType.toString(16).padStart(4, '0')}`;
    case PACKET_MALFORMED:
      return 'frame too short for its headers';
    case PACKET_BAD_IP_HEADER:
      return badHeaderText(packet);
    case PACKET_BAD_IP_CHECKSUM:
      return 'wrong IPv4 header checksum';
    case PACKET_CUT:
      return 'snap length cut the link or IP header';
  }
  return '';
}

function badHeaderText(packet: PacketView): string {
  const { family, networkHeaderLength, totalLength } = packet;
  if (family === 0) return 'IP version is not what the link layer says';
  if (family === 4 && networkHeaderLength < 20) return 'IPv4 header length below 20';
  if (family === 4 && totalLength < networkHeaderLength)
    return 'IPv4 total length below the header length';
  return `IPv${family} packet longer than its frame: ${totalLength} bytes, ${
    packet.wireEnd - packet.networkOffset
  } on the wire`;
}
