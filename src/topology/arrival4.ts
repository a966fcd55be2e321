/**
 * An IPv4 packet that arrives: ip_rcv_finish and ip_route_input_slow (net/ipv4/route.c), then what
 * ip_forward checks before the FORWARD hook. Seen on Linux 6.18 unless a comment says otherwise.
 */
import { PACKET_BROADCAST, PACKET_MULTICAST, type PacketView } from '../packet/fields.ts';
import { addressText, isLoopback4, isMulticast4 } from './address.ts';
import type { Meeting } from './classify.ts';
import { checkIpOptions, HEADER_GOOD, HEADER_UNKNOWN, headerReason } from './header-check.ts';
import { type HostNetwork, JOINED, LO, NOT_JOINED } from './network.ts';
import type { Ways } from './outcome.ts';
import { PATH_FORWARD, PATH_INPUT } from './types.ts';

const LIMITED_BROADCAST = -1;
const IPV4_HEADER = 20;
const LINK_LOCAL_GROUPS = 0xe00000;
const IGMP = 2;

/** Interface that a packet came in by: as captured, else the way back to its source, else the one
 * that owns its destination; -1 when none of these is known. */
function arrivesBy(packet: PacketView, meeting: Meeting, network: HostNetwork): number {
  if (meeting.device > LO) return meeting.device;
  const back = network.routeTo4(packet.source0);
  if (back > LO) return back;
  const { destination0: destination } = packet;
  const owner = network.owner4(destination) ?? network.broadcast4(destination);
  return owner?.devices[0] ?? -1;
}

/** Sets the way of an arriving packet. */
export function arrive4(
  packet: PacketView,
  meeting: Meeting,
  network: HostNetwork,
  ways: Ways,
): void {
  const { source0: source, destination0: destination } = packet;
  const device = arrivesBy(packet, meeting, network);
  if (device < 0) {
    ways.undecided('by which interface it came in is not known: --route NETWORK=NAME tells');
    return;
  }
  if (isLeavingCopy(packet, meeting, network)) {
    ways.leave(packet, network.routeTo4(source), device);
    return;
  }
  const martian = martianReason(packet, network);
  if (martian !== '') {
    ways.dropped(device, martian);
    return;
  }
  const options = packet.networkHeaderLength > IPV4_HEADER ? checkIpOptions(packet) : HEADER_GOOD;
  if (options === HEADER_UNKNOWN) {
    ways.undecidedAfter(device, 0, headerReason(options));
    return;
  }
  if (options !== HEADER_GOOD) {
    ways.dropped(device, headerReason(options));
    return;
  }
  if (destination === LIMITED_BROADCAST || network.broadcast4(destination) !== undefined) {
    ways.input(device);
  } else if (isMulticast4(destination)) {
    multicast(packet, device, network, ways);
  } else if (network.owner4(destination) !== undefined || (source | destination) === 0) {
    ways.input(device);
  } else {
    forward(packet, device, network, ways);
  }
}

/** Why input routing finds an address impossible, '' when it does not. */
function martianReason(packet: PacketView, network: HostNetwork): string {
  const { source0: source, destination0: destination } = packet;
  if (isMulticast4(source) || source === LIMITED_BROADCAST)
    return 'martian: multicast or broadcast address as source';
  if (isLoopback4(source)) return 'martian: loopback address as source on another interface';
  if (network.owner4(source) !== undefined) return 'martian: this host’s own address as source';
  if (isLoopback4(destination)) return 'martian: loopback address as destination from outside';
  if (source === 0) {
    const toGroup = isMulticast4(destination);
    const local = destination >>> 8 === LINK_LOCAL_GROUPS || packet.protocol === IGMP;
    const allowed = destination === 0 || destination === LIMITED_BROADCAST || (toGroup && local);
    return allowed ? '' : 'martian: 0.0.0.0 as source';
  }
  return destination === 0 ? 'martian: 0.0.0.0 as destination' : '';
}

/** ip_check_mc_rcu: groups that nobody joined are dropped by routing. */
function multicast(packet: PacketView, device: number, network: HostNetwork, ways: Ways): void {
  const { destination0: group } = packet;
  const joined = network.joined4(group);
  if (joined === JOINED) ways.input(device);
  else if (joined === NOT_JOINED)
    ways.dropped(device, 'multicast group for multicast routers only');
  else ways.undecidedAfter(device, PATH_INPUT, unknownGroup(addressText([group])));
}

/** Reason for a group of which nothing is known. */
export function unknownGroup(group: string): string {
  return `whether this host joined ${group} is not in the capture; if it did: --local ${group}`;
}

/**
 * Captured at the interface by which the packet leaves, without any sign of direction: its
 * destination lies behind that interface and its source behind another.
 */
function isLeavingCopy(packet: PacketView, meeting: Meeting, network: HostNetwork): boolean {
  if (meeting.way !== 0 || meeting.device <= LO || network.onlyDevice > LO) return false;
  const { source0: source, destination0: destination } = packet;
  if (network.routeTo4(destination) !== meeting.device) return false;
  if (network.owner4(destination) !== undefined || isMulticast4(destination)) return false;
  if (network.broadcast4(destination) !== undefined) return false;
  const back = network.routeTo4(source);
  return back > LO && back !== meeting.device;
}

function forward(packet: PacketView, device: number, network: HostNetwork, ways: Ways): void {
  if (packet.packetType === PACKET_BROADCAST && !network.hasBroadcast) {
    ways.undecidedAfter(
      device,
      PATH_INPUT,
      'broadcast frame: whether its destination is this host’s broadcast address needs --interface NAME=ADDR/LEN',
    );
    return;
  }
  if (packet.packetType === PACKET_BROADCAST || packet.packetType === PACKET_MULTICAST) {
    ways.dropped(device, 'in a broadcast or multicast frame: not forwarded');
    return;
  }
  const out = network.routeTo4(packet.destination0);
  if (out < 0) {
    ways.undecidedAfter(
      device,
      PATH_FORWARD,
      'no route to the destination is known: --route NETWORK/LEN=NAME or --route default=NAME gives it',
    );
    return;
  }
  if (packet.ttl <= 1) {
    ways.dropped(device, 'TTL expires here');
    return;
  }
  ways.forward(device, out);
}
