/**
 * Decides a packet's way through the host: which hooks it meets and by which interfaces, as the
 * kernel's input and output routing would (ip_route_input_slow, ip6_rcv_core, ip_forward,
 * ip6_forward). All answers were asked of Linux 6.18 with rp_filter, accept_local and
 * route_localnet at their default 0. What cannot be told is PATH_UNDECIDED, never guessed.
 */
import { PACKET_BROADCAST, PACKET_MULTICAST, type PacketView } from '../packet/fields.ts';
import { isLoopback4, isLoopback6, isMulticast4, isMulticast6 } from './address.ts';
import { arrive4 } from './arrival4.ts';
import { arrive6 } from './arrival6.ts';
import { checkArrival, checkIpOptions, HEADER_UNKNOWN, headerReason } from './header-check.ts';
import { FOREIGN_DEVICE, type HostNetwork, LO, NOT_JOINED } from './network.ts';
import { Ways } from './outcome.ts';
import {
  isLoopbackFrame,
  type Sightings,
  statedWay,
  WAY_OTHER,
  WAY_RECEIVED,
  WAY_SENT,
} from './sightings.ts';
import { COPY_LOOPED, COPY_NONE, COPY_UNKNOWN, type Path } from './types.ts';

const LIMITED_BROADCAST = -1;
const ICMPV6 = 58;
const FIRST_ND_TYPE = 133;
const LAST_ND_TYPE = 137;
const ROUTER_ADVERTISEMENT = 134;

/** Where a packet was captured and how the host met it; one reused object. */
export interface Meeting {
  /** Index of the interface that the packet was captured at, -1 when not known. */
  device: number;
  /** One WAY_ value. */
  way: number;
}

/** Classifies packets of one host. */
export class Classifier {
  private readonly network: HostNetwork;
  private readonly sightings: Sightings;
  private readonly ways: Ways;
  private readonly captured: (packet: PacketView) => number;
  /** The user named the interfaces: a tag that none of them takes is dropped by the kernel. */
  private readonly vlansMatter: boolean;
  private readonly meeting: Meeting = { device: -1, way: 0 };

  /**
   * @param captured index of the interface whose name the capture gives, -1 when it gives none
   * @param sees whether packets coming in by an interface are in the capture too
   */
  constructor(
    network: HostNetwork,
    sightings: Sightings,
    captured: (packet: PacketView) => number,
    sees: (device: number, packet: PacketView) => boolean,
    vlansMatter: boolean,
  ) {
    this.network = network;
    this.vlansMatter = vlansMatter;
    this.sightings = sightings;
    this.captured = captured;
    this.ways = new Ways(network, sees);
  }

  /** Sets `path` for the packet. */
  classify(packet: PacketView, path: Path): void {
    const { ways, meeting, network } = this;
    ways.begin(path);
    const captured = this.captured(packet);
    if (captured === FOREIGN_DEVICE) {
      ways.notSeen('captured at an interface that is not among the given ones');
      return;
    }
    if (isLoopbackFrame(packet) || captured === LO) {
      // Tools that record both see each packet on lo twice; libpcap leaves out the sent one.
      if (statedWay(packet) === WAY_SENT) ways.notSeen('sent on lo: seen as it comes in');
      else ways.loopback(headerProblem(packet));
      return;
    }
    if (packet.vlanId > 0 && this.vlansMatter && network.vlanDevice(packet.vlanId) < 0) {
      ways.notSeen(
        `no interface for VLAN ${packet.vlanId}: --interface NAME.${packet.vlanId} adds it`,
      );
      return;
    }
    this.meet(packet);
    if (meeting.way === WAY_OTHER) {
      ways.notSeen('its link-layer address is another host’s');
      return;
    }
    if (packet.family === 4) this.classify4(packet);
    else this.classify6(packet);
  }

  private meet(packet: PacketView): void {
    const { meeting, network } = this;
    let device = packet.vlanId > 0 ? network.vlanDevice(packet.vlanId) : this.captured(packet);
    if (device < 0) device = this.sightings.device(packet);
    if (device < 0) device = this.sightings.deviceByMac(packet);
    meeting.device = device < 0 ? network.onlyDevice : device;
    meeting.way = this.sightings.way(packet);
    // Between own addresses packets stay on lo: at another interface they come from outside.
    if (meeting.way === 0 && this.captured(packet) > LO && this.ownPair(packet))
      meeting.way = WAY_RECEIVED;
  }

  private ownPair(packet: PacketView): boolean {
    const { network } = this;
    if (packet.family === 4)
      return network.isLocal4(packet.source0) && network.isLocal4(packet.destination0);
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    return (
      network.isLocal6(source0, source1, source2, source3, -1) &&
      network.isLocal6(destination0, destination1, destination2, destination3, -1)
    );
  }

  private classify4(packet: PacketView): void {
    const { network, ways, meeting } = this;
    const { source0: source, destination0: destination } = packet;
    if (meeting.way !== WAY_RECEIVED) {
      const own = network.owner4(source);
      const loopback = isLoopback4(source);
      if ((own !== undefined || loopback) && network.isLocal4(destination)) {
        ways.loopback(headerProblem(packet));
        return;
      }
      if (own !== undefined) {
        const route = network.routeTo4(destination);
        const owned = own.devices[0] ?? -1;
        ways.output(this.leavesBy(route, owned), this.copy4(packet));
        return;
      }
    }
    if (!network.knows(4) && !this.isTaken(packet)) {
      ways.unknownFamily(4);
      return;
    }
    if (meeting.way === WAY_SENT) this.sentByOther(packet);
    else arrive4(packet, meeting, network, ways);
  }

  private classify6(packet: PacketView): void {
    const { network, ways, meeting } = this;
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    if (meeting.way !== WAY_RECEIVED) {
      const own = network.owner6(source0, source1, source2, source3);
      const isLoopback = isLoopback6(source0, source1, source2, source3);
      const toOwn = network.isLocal6(destination0, destination1, destination2, destination3, -1);
      if ((own !== undefined || isLoopback) && (toOwn || this.isOwnAnycast(packet))) {
        ways.loopback(headerProblem(packet));
        return;
      }
      if (own !== undefined) {
        const { device } = meeting;
        const owned = own.devices[0] ?? -1;
        const route = network.routeTo6(
          destination0,
          destination1,
          destination2,
          destination3,
          device,
        );
        ways.output(this.leavesBy(route, owned), this.copy6(packet));
        return;
      }
    }
    if (!network.knows(6) && !this.isTaken(packet)) {
      ways.unknownFamily(6);
      return;
    }
    if (meeting.way === WAY_SENT) this.sentByOther(packet);
    else arrive6(packet, meeting, network, ways);
  }

  /** Where not all own addresses are known: what surely is for this host, by address and direction. */
  private isTaken(packet: PacketView): boolean {
    const { network } = this;
    const { destination0, destination1, destination2, destination3 } = packet;
    if (packet.family === 4) {
      if (network.owner4(destination0) !== undefined) return true;
    } else if (network.owner6(destination0, destination1, destination2, destination3)) {
      return true;
    }
    const group = packet.family === 4 ? isMulticast4(destination0) : isMulticast6(destination0);
    return group && this.meeting.way === WAY_RECEIVED;
  }

  private isOwnAnycast(packet: PacketView): boolean {
    const { network } = this;
    const { destination0, destination1, destination2, destination3 } = packet;
    if (!network.isRouter) return false;
    return network.anycast6(destination0, destination1, destination2, destination3) !== undefined;
  }

  /** Interface of a sent packet: as captured, else by route, else that of its source address. */
  private leavesBy(route: number, owned: number): number {
    const { device } = this.meeting;
    if (device > LO) return device;
    return route >= 0 ? route : owned;
  }

  /** Whether sending brings a copy back in (ip_mc_output, net/ipv4/ip_output.c). */
  private copy4(packet: PacketView): number {
    const { destination0: destination } = packet;
    if (isMulticast4(destination)) return copyOfGroup(this.network.joined4(destination));
    const broadcast =
      destination === LIMITED_BROADCAST ||
      packet.packetType === PACKET_BROADCAST ||
      this.network.broadcast4(destination) !== undefined;
    return broadcast ? COPY_LOOPED : COPY_NONE;
  }

  /** As copy4, for ip6_finish_output2. The kernel's own neighbour discovery is never looped; router
   * advertisements come from daemons. */
  private copy6(packet: PacketView): number {
    const { destination0, destination1, destination2, destination3, icmpType } = packet;
    if (!isMulticast6(destination0)) return COPY_NONE;
    const discovery =
      icmpType >= FIRST_ND_TYPE && icmpType <= LAST_ND_TYPE && icmpType !== ROUTER_ADVERTISEMENT;
    if (packet.protocol === ICMPV6 && discovery) return COPY_NONE;
    const joined = this.network.joined6(destination0, destination1, destination2, destination3);
    return copyOfGroup(joined);
  }

  /** Sent by this host with a source address that is not among its own. */
  private sentByOther(packet: PacketView): void {
    const { network, ways, meeting } = this;
    const { source0, source1, source2, source3 } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    if ((source0 | source1 | source2 | source3) === 0) {
      ways.undecided(
        'sent by this host from the unspecified address: DHCP clients send past netfilter',
      );
      return;
    }
    const four = packet.family === 4;
    const route = four
      ? network.routeTo4(destination0)
      : network.routeTo6(destination0, destination1, destination2, destination3, meeting.device);
    const from = four
      ? network.routeTo4(source0)
      : network.routeTo6(source0, source1, source2, source3, meeting.device);
    const group = four ? isMulticast4(destination0) : isMulticast6(destination0);
    const l2group =
      packet.packetType === PACKET_BROADCAST || packet.packetType === PACKET_MULTICAST;
    const out = meeting.device > LO ? meeting.device : route;
    if (from <= LO || from === out || group || l2group) {
      ways.undecided(
        'sent by this host, but its source address is not among the known ones: --local ADDR adds it',
      );
      return;
    }
    ways.leave(packet, from, out);
  }
}

/** What a packet on lo is lost for; cut options are taken as good, since hosts send no others. */
function headerProblem(packet: PacketView): string {
  const code = packet.family === 4 ? checkIpOptions(packet) : checkArrival(packet, true);
  return code === HEADER_UNKNOWN ? '' : headerReason(code);
}

/** Whether the sender's socket loops multicast (IP_MULTICAST_LOOP) no capture tells. */
function copyOfGroup(joined: number): number {
  return joined === NOT_JOINED ? COPY_NONE : COPY_UNKNOWN;
}
