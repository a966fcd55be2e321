/**
 * An IPv6 packet that arrives: ip6_rcv_core and ip6_mc_input (net/ipv6/ip6_input.c), then what
 * ip6_forward checks before the FORWARD hook. Unlike IPv4 there are no martian sources, but some
 * addresses never reach PREROUTING. Seen on Linux 6.18 unless a comment says otherwise.
 */
import { PACKET_BROADCAST, PACKET_MULTICAST, type PacketView } from '../packet/fields.ts';
import { addressText, isAny6, isLinkLocal6, isMulticast6 } from './address.ts';
import { unknownGroup } from './arrival4.ts';
import type { Meeting } from './classify.ts';
import { checkArrival, HEADER_GOOD, HEADER_UNKNOWN, headerReason } from './header-check.ts';
import { type HostNetwork, JOINED, LO, NOT_JOINED } from './network.ts';
import type { Ways } from './outcome.ts';
import { PATH_FORWARD, PATH_INPUT } from './types.ts';

function arrivesBy(packet: PacketView, meeting: Meeting, network: HostNetwork): number {
  if (meeting.device > LO) return meeting.device;
  const { source0, source1, source2, source3 } = packet;
  const back = network.routeTo6(source0, source1, source2, source3, -1);
  if (back > LO) return back;
  const { destination0, destination1, destination2, destination3 } = packet;
  return network.owner6(destination0, destination1, destination2, destination3)?.devices[0] ?? -1;
}

/** Sets the way of an arriving packet. */
export function arrive6(
  packet: PacketView,
  meeting: Meeting,
  network: HostNetwork,
  ways: Ways,
): void {
  const { destination0, destination1, destination2, destination3 } = packet;
  const header = checkArrival(packet, false);
  if (header === HEADER_UNKNOWN) {
    ways.undecided(headerReason(header));
    return;
  }
  if (header !== HEADER_GOOD) {
    ways.notSeen(headerReason(header));
    return;
  }
  const device = arrivesBy(packet, meeting, network);
  if (device < 0) {
    ways.undecided('by which interface it came in is not known: --route NETWORK=NAME tells');
    return;
  }
  if (isLeavingCopy(packet, meeting, network)) {
    const { source0, source1, source2, source3 } = packet;
    ways.leave(packet, network.routeTo6(source0, source1, source2, source3, -1), device);
  } else if (isMulticast6(destination0)) {
    multicast(packet, device, network, ways);
  } else if (network.isLocal6(destination0, destination1, destination2, destination3, device)) {
    ways.input(device);
  } else if (
    network.isRouter &&
    network.anycast6(destination0, destination1, destination2, destination3) !== undefined
  ) {
    ways.input(device);
  } else {
    forward(packet, device, network, ways);
  }
}

/** As ip6_mc_input asks ipv6_chk_mcast_addr. */
function multicast(packet: PacketView, device: number, network: HostNetwork, ways: Ways): void {
  const { destination0, destination1, destination2, destination3 } = packet;
  const joined = network.joined6(destination0, destination1, destination2, destination3);
  if (joined === JOINED) ways.input(device);
  else if (joined === NOT_JOINED)
    ways.dropped(device, 'multicast group of which this host is no member');
  else {
    const group = addressText([destination0, destination1, destination2, destination3]);
    ways.undecidedAfter(device, PATH_INPUT, unknownGroup(group));
  }
}

/** As isLeavingCopy of arrival4. */
function isLeavingCopy(packet: PacketView, meeting: Meeting, network: HostNetwork): boolean {
  if (meeting.way !== 0 || meeting.device <= LO || network.onlyDevice > LO) return false;
  const { source0, source1, source2, source3 } = packet;
  const { destination0, destination1, destination2, destination3 } = packet;
  if (isMulticast6(destination0) || isLinkLocal6(destination0) || isLinkLocal6(source0))
    return false;
  const to = network.routeTo6(destination0, destination1, destination2, destination3, -1);
  if (to !== meeting.device) return false;
  if (network.owner6(destination0, destination1, destination2, destination3) !== undefined)
    return false;
  const back = network.routeTo6(source0, source1, source2, source3, -1);
  return back > LO && back !== meeting.device;
}

function forward(packet: PacketView, device: number, network: HostNetwork, ways: Ways): void {
  const { source0, source1, source2, source3 } = packet;
  const { destination0, destination1, destination2, destination3 } = packet;
  if (packet.packetType === PACKET_BROADCAST || packet.packetType === PACKET_MULTICAST) {
    ways.dropped(device, 'in a broadcast or multicast frame: not forwarded');
    return;
  }
  const out = network.routeTo6(destination0, destination1, destination2, destination3, device);
  if (out < 0) {
    ways.undecidedAfter(
      device,
      PATH_FORWARD,
      'no route to the destination is known: --route NETWORK/LEN=NAME or --route default=NAME gives it',
    );
    return;
  }
  if (packet.ttl <= 1) {
    ways.dropped(device, 'hop limit expires here');
    return;
  }
  // Towards the interface of arrival only a redirect is thought of, and sources are not looked at.
  if (out !== device) {
    if (isAny6(source0, source1, source2, source3)) {
      ways.dropped(device, 'the unspecified address as source: not forwarded');
      return;
    }
    if (isLinkLocal6(source0)) {
      ways.dropped(device, 'link-local source address: not forwarded');
      return;
    }
  }
  ways.forward(device, out);
}
