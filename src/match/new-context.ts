/** Makes the context of a host's packets: everything as at the first hook, before conntrack. */
import { CTSTATE_INVALID } from '../conntrack/types.ts';
import type { PacketView } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import type { Topology } from '../topology/types.ts';
import type { PacketContext } from './definition.ts';

/** A context for packets of one family; one reused object per host. */
export function newContext(packet: PacketView, family: Family, topology: Topology): PacketContext {
  return {
    packet,
    family,
    hook: 0,
    inInterface: '',
    outInterface: '',
    mark: 0,
    ctstate: CTSTATE_INVALID,
    ctdirection: 0,
    connection: undefined,
    refusedBy: undefined,
    refusedDirection: 0,
    topology,
    untracked: false,
    zoneOriginal: 0,
    zoneReply: 0,
    priority: 0,
    forwarded: false,
    traced: false,
    translated: '',
    translates: '',
    helper: '',
    timeoutPolicy: '',
    queued: '',
    copyTo: undefined,
    trackingSet: false,
    unknown: undefined,
    undecidedReason: '',
  };
}
