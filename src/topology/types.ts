/** The vantage: what the firewall host is, and so which hooks and interfaces a packet meets. */
import type { PacketView } from '../packet/fields.ts';

/** Taken by this host, sent by it, or forwarded. */
export const PATH_INPUT = 1;
export const PATH_OUTPUT = 2;
export const PATH_FORWARD = 3;
/** Loopback: OUTPUT and POSTROUTING, then PREROUTING and INPUT. */
export const PATH_LOOPBACK = 4;
/** Dropped by routing after PREROUTING (no route, TTL expired, martian …): `reason` says which. */
export const PATH_DROPPED = 5;
/** Cannot be told: `reason` says why. With an `inInterface` PREROUTING is passed, that is sure. */
export const PATH_UNDECIDED = 6;
/** Not for this host at all (promiscuous capture): netfilter does not see it. `reason` says why. */
export const PATH_NOT_SEEN = 7;

/** What a packet that this host sends brings back to it. */
export const COPY_NONE = 0;
/** A copy comes in again by the same interface: broadcasts. */
export const COPY_LOOPED = 1;
/** It may: multicast, if this host joined the group and the sender's socket loops it. */
export const COPY_UNKNOWN = 2;

/** Where a packet goes; one reused object. */
export interface Path {
  /** One PATH_ value. */
  path: number;
  /** '' at OUTPUT. For loopback: 'lo'. */
  inInterface: string;
  /** '' at INPUT. */
  outInterface: string;
  /** For PATH_DROPPED, PATH_UNDECIDED and PATH_NOT_SEEN. For PATH_LOOPBACK why the packet is lost as
   * it comes back in: before PREROUTING (IPv6), after it (IPv4). '' otherwise. */
  reason: string;
  /** PATH_FORWARD only: captured as it left, with its TTL or hop limit already counted down. */
  leaving: boolean;
  /** PATH_OUTPUT only: one COPY_ value. */
  copy: number;
  /** PATH_UNDECIDED with an `inInterface`: the PATH_ value that may follow PREROUTING. */
  maybe: number;
}

/** Address types of -m addrtype (RTN_, linux/rtnetlink.h), as bit 1 << RTN_ value. */
export const ADDRTYPE_UNSPEC = 1 << 0;
export const ADDRTYPE_UNICAST = 1 << 1;
export const ADDRTYPE_LOCAL = 1 << 2;
export const ADDRTYPE_BROADCAST = 1 << 3;
export const ADDRTYPE_ANYCAST = 1 << 4;
export const ADDRTYPE_MULTICAST = 1 << 5;
export const ADDRTYPE_BLACKHOLE = 1 << 6;
export const ADDRTYPE_UNREACHABLE = 1 << 7;
export const ADDRTYPE_PROHIBIT = 1 << 8;

/** The firewall host's interfaces, addresses and routes. */
export interface Topology {
  /** Names, `lo` among them. */
  readonly interfaces: readonly string[];
  /** How the vantage was found, one line each, for the report: "eth0=192.0.2.10/24 (given)". */
  readonly description: readonly string[];
  /** Sets `path` for the packet. */
  classify(packet: PacketView, path: Path): void;
  /**
   * ADDRTYPE_ bits of an address (words signed, one for IPv4, four for IPv6). IPv4: exactly one, as
   * inet_dev_addr_type. IPv6: all that hold (UNICAST and LOCAL, say), as ipv6_addr_type and the
   * route lookup of xt_addrtype find them. `device` limits LOCAL, and what else belongs to an
   * interface, to that one ('' for none).
   */
  addressType(
    family: 4 | 6,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    device: string,
  ): number;
  /**
   * Interface by which this host sends to an address (words as above), by its routes; '' when that is
   * not known. `device`: interface of a link-local address.
   */
  routeTo(family: 4 | 6, a0: number, a1: number, a2: number, a3: number, device: string): string;
}
