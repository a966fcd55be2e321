/**
 * UDP and UDP-Lite: a flow that sees answers is kept longer. As nf_conntrack_proto_udp.c: UDP is a
 * stream (long timeout, assured) only when still active two seconds after its first packet.
 */
import { CHECKSUM_BAD } from '../packet/fields.ts';
import {
  hasSeenReply,
  invalid,
  isConfirmed,
  type Judgement,
  type ProtocolTracker,
  setStatus,
  TRACK_ACCEPT,
  unknownState,
} from './protocol.ts';
import type { FlowTable } from './table.ts';
import { IPS_ASSURED } from './types.ts';

const HEADER_LENGTH = 8;
const STREAM_AFTER_SECONDS = 2;

function checksumIsBad({ packet, local, options }: Judgement): boolean {
  return !local && options.checksum && packet.transportChecksum === CHECKSUM_BAD;
}

/** Why a UDP header is INVALID, '' when it is fine (udp_error). */
function udpError(judgement: Judgement): string {
  const { packet } = judgement;
  const { view, transportOffset, transportLength } = packet;
  const length = view.getUint16(transportOffset + 4);
  if (length > transportLength || length < HEADER_LENGTH) return 'UDP length is wrong';
  if (view.getUint16(transportOffset + 6) === 0) return '';
  return checksumIsBad(judgement) ? 'bad UDP checksum' : '';
}

/** Why a UDP-Lite header is INVALID, '' when it is fine (udplite_error). */
function udpliteError(judgement: Judgement): string {
  const { packet } = judgement;
  const { view, transportOffset, transportLength } = packet;
  let coverage = view.getUint16(transportOffset + 4);
  if (coverage === 0) coverage = transportLength;
  if (coverage < HEADER_LENGTH || coverage > transportLength)
    return 'UDP-Lite checksum coverage is wrong';
  if (view.getUint16(transportOffset + 6) === 0) return 'UDP-Lite without checksum';
  return checksumIsBad(judgement) ? 'bad UDP-Lite checksum' : '';
}

/** Refuses a header that is not whole; undefined when it is. */
function checkHeader(
  table: FlowTable,
  slot: number,
  judgement: Judgement,
  name: string,
): number | undefined {
  const { transportLength, transportCaptured } = judgement.packet;
  if (transportLength < HEADER_LENGTH) return invalid(judgement, `${name} header is too short`);
  if (transportCaptured < HEADER_LENGTH)
    return unknownState(table, slot, judgement, `${name} header`);
  return undefined;
}

/** Tracks UDP. */
export const udpTracker: ProtocolTracker = {
  stateNames: [],
  packet(table, slot, _direction, judgement) {
    const short = checkHeader(table, slot, judgement, 'UDP');
    if (short !== undefined) return short;
    const error = udpError(judgement);
    if (error !== '') return invalid(judgement, error);
    const { now, options } = judgement;
    if (!isConfirmed(table, slot)) table.times[slot] = now + STREAM_AFTER_SECONDS;
    if (hasSeenReply(table, slot) && now > (table.times[slot] as number)) {
      table.refresh(slot, now + options.udpTimeoutStreamSeconds);
      setStatus(table, slot, IPS_ASSURED);
    } else {
      table.refresh(slot, now + options.udpTimeoutSeconds);
    }
    return TRACK_ACCEPT;
  },
};

/** Tracks UDP-Lite: an answer alone makes it a stream. */
export const udpliteTracker: ProtocolTracker = {
  stateNames: [],
  packet(table, slot, _direction, judgement) {
    const short = checkHeader(table, slot, judgement, 'UDP-Lite');
    if (short !== undefined) return short;
    const error = udpliteError(judgement);
    if (error !== '') return invalid(judgement, error);
    const { now, options } = judgement;
    if (hasSeenReply(table, slot)) {
      table.refresh(slot, now + options.udpTimeoutStreamSeconds);
      setStatus(table, slot, IPS_ASSURED);
    } else {
      table.refresh(slot, now + options.udpTimeoutSeconds);
    }
    return TRACK_ACCEPT;
  },
};
