/**
 * What a look at the capture's beginning tells of its frames, beside the vantage: by which device
 * each recording was made, and which MAC addresses are the host's. Lookups allocate nothing.
 */

import {
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
} from '../capture/linktypes.ts';
import { DIRECTION_INBOUND, DIRECTION_OUTBOUND } from '../capture/types.ts';
import {
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
  PACKET_TYPE_UNKNOWN,
  type PacketView,
} from '../packet/fields.ts';

/** How the host met a frame. */
export const WAY_UNKNOWN = 0;
export const WAY_SENT = 1;
export const WAY_RECEIVED = 2;
/** Neither to nor from this host's link-layer address. */
export const WAY_OTHER = 3;

const ARPHRD_LOOPBACK = 772;
/** lo is the first interface that a network namespace gets. */
const LO_INDEX = 1;

/** A device by capture interface and, for SLL2, interface index. */
export interface DeviceSighting {
  readonly interfaceId: number;
  readonly linkInterfaceIndex: number;
  readonly name: string;
}

/** What `Sightings` is made from. */
export interface SightingFacts {
  readonly devices: readonly DeviceSighting[];
  /** The host's MAC addresses, 48-bit numbers. */
  readonly macs: readonly number[];
  /** Name of the interface of each of `macs`, '' where not known. */
  readonly macInterfaces?: readonly string[];
  /** True when a frame between two other MAC addresses is surely not the host's: all its MAC
   * addresses are known. */
  readonly macsComplete: boolean;
}

/** Of a capture that was not looked at. */
export const NOTHING_SEEN: SightingFacts = { devices: [], macs: [], macsComplete: false };

/**
 * True for a frame that surely is of the loopback device. NULL and LOOP are no proof: tunnels of the
 * BSDs (utun) are captured as these too, so there addresses decide.
 */
export function isLoopbackFrame(packet: PacketView): boolean {
  if (packet.linkType === LINKTYPE_NULL || packet.linkType === LINKTYPE_LOOP) return false;
  if (packet.hardwareType === ARPHRD_LOOPBACK) return true;
  if (packet.linkInterfaceIndex === LO_INDEX) return true;
  const { view, destinationMacOffset: to, sourceMacOffset: from } = packet;
  // lo has the address 00:00:00:00:00:00 and captures as Ethernet.
  return to >= 0 && from >= 0 && macIsZero(view, to) && macIsZero(view, from);
}

function macIsZero(view: DataView, at: number): boolean {
  return view.getInt32(at) === 0 && view.getUint16(at + 4) === 0;
}

/** A MAC address in the packet as a 48-bit number. */
export function macAt(view: DataView, at: number): number {
  return view.getUint16(at) * 0x100000000 + view.getUint32(at + 2);
}

/** True for captures that say of each packet how the host met it. */
export function isCooked(packet: PacketView): boolean {
  return packet.linkType === LINKTYPE_LINUX_SLL || packet.linkType === LINKTYPE_LINUX_SLL2;
}

/** The way as the capture says it by direction flags or packet type, without MAC addresses. */
export function statedWay(packet: PacketView): number {
  const { direction, packetType } = packet;
  if (direction === DIRECTION_OUTBOUND || packetType === PACKET_OUTGOING) return WAY_SENT;
  if (packetType === PACKET_OTHERHOST) return WAY_OTHER;
  if (direction === DIRECTION_INBOUND) return WAY_RECEIVED;
  return isCooked(packet) && packetType !== PACKET_TYPE_UNKNOWN ? WAY_RECEIVED : WAY_UNKNOWN;
}

/** Lookups for the hot path. */
export class Sightings {
  private readonly devices = new Map<number, number>();
  /** Pairs: upper 32 bits, lower 16 bits of each own MAC address. */
  private readonly macs: Int32Array;
  private readonly macDevices: Int32Array;
  private readonly macsComplete: boolean;

  /** @param device index of an interface by name */
  constructor(facts: SightingFacts, device: (name: string) => number) {
    for (const { interfaceId, linkInterfaceIndex, name } of facts.devices) {
      const index = device(name);
      if (index >= 0) this.devices.set(interfaceId * 0x100000000 + linkInterfaceIndex, index);
    }
    this.macs = Int32Array.from(
      facts.macs.flatMap((mac) => [Math.floor(mac / 0x10000) | 0, mac % 0x10000]),
    );
    this.macDevices = Int32Array.from(facts.macs, (_, i) => {
      const name = facts.macInterfaces?.[i] ?? '';
      return name === '' ? -1 : device(name);
    });
    this.macsComplete = facts.macsComplete;
  }

  /** Index of the device that a frame was captured at, -1 when not known. */
  device(packet: PacketView): number {
    if (this.devices.size === 0) return -1;
    const key = packet.interfaceId * 0x100000000 + packet.linkInterfaceIndex;
    return this.devices.get(key) ?? -1;
  }

  /** Index of an own MAC address among all, -1 when it is none. */
  private own(view: DataView, at: number): number {
    const upper = view.getInt32(at);
    const lower = view.getUint16(at + 4);
    for (let i = 0; i < this.macs.length; i += 2)
      if (this.macs[i] === upper && this.macs[i + 1] === lower) return i >> 1;
    return -1;
  }

  /** Index of the device that has a MAC address of the frame, -1 when not known. */
  deviceByMac({ view, sourceMacOffset, destinationMacOffset }: PacketView): number {
    if (this.macs.length === 0) return -1;
    let own = destinationMacOffset < 0 ? -1 : this.own(view, destinationMacOffset);
    if (own < 0 && sourceMacOffset >= 0) own = this.own(view, sourceMacOffset);
    return own < 0 ? -1 : (this.macDevices[own] ?? -1);
  }

  /** One WAY_ value: by what the capture says, else by the host's MAC addresses. */
  way(packet: PacketView): number {
    const stated = statedWay(packet);
    if (stated !== WAY_UNKNOWN || this.macs.length === 0) return stated;
    const { view, sourceMacOffset, destinationMacOffset } = packet;
    if (sourceMacOffset < 0 || destinationMacOffset < 0) return WAY_UNKNOWN;
    const from = this.own(view, sourceMacOffset) >= 0;
    if ((view.getUint8(destinationMacOffset) & 1) !== 0) {
      if (from) return WAY_SENT;
      return this.macsComplete ? WAY_RECEIVED : WAY_UNKNOWN;
    }
    const to = this.own(view, destinationMacOffset) >= 0;
    if (from !== to) return from ? WAY_SENT : WAY_RECEIVED;
    return !from && this.macsComplete ? WAY_OTHER : WAY_UNKNOWN;
  }
}
