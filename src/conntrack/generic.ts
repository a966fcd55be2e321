/**
 * Protocols without states of their own: GRE (nf_conntrack_proto_gre.c) and all that is tracked by
 * its addresses alone (nf_conntrack_proto_generic.c), DCCP, ESP and AH among them.
 */
import { hasSeenReply, type ProtocolTracker, setStatus, TRACK_ACCEPT } from './protocol.ts';
import { IPS_ASSURED } from './types.ts';

/** Tracks any protocol by its addresses. */
export const genericTracker: ProtocolTracker = {
  stateNames: [],
  packet(table, slot, _direction, { now, options }) {
    table.refresh(slot, now + options.genericTimeoutSeconds);
    return TRACK_ACCEPT;
  },
};

/** Tracks GRE: longer once answered. */
export const greTracker: ProtocolTracker = {
  stateNames: [],
  packet(table, slot, _direction, { now, options }) {
    if (hasSeenReply(table, slot)) {
      table.refresh(slot, now + options.greTimeoutStreamSeconds);
      setStatus(table, slot, IPS_ASSURED);
    } else {
      table.refresh(slot, now + options.greTimeoutSeconds);
    }
    return TRACK_ACCEPT;
  },
};
