/**
 * The ways that a packet can go, each set into the reused `Path`. Reasons are the same text for all
 * packets of a kind, so that the report can count them.
 */
import type { PacketView } from '../packet/fields.ts';
import type { Family } from '../ruleset/types.ts';
import type { HostNetwork } from './network.ts';
import {
  COPY_NONE,
  PATH_DROPPED,
  PATH_FORWARD,
  PATH_INPUT,
  PATH_LOOPBACK,
  PATH_NOT_SEEN,
  PATH_OUTPUT,
  PATH_UNDECIDED,
  type Path,
} from './types.ts';

/** Sets the path of the current packet. */
export class Ways {
  private path: Path = newPath();
  private readonly network: HostNetwork;
  private readonly sees: (device: number, packet: PacketView) => boolean;

  /** @param sees whether packets coming in by an interface are in the capture too */
  constructor(network: HostNetwork, sees: (device: number, packet: PacketView) => boolean) {
    this.network = network;
    this.sees = sees;
  }

  /** Chooses the object to set, and clears it. */
  begin(path: Path): void {
    this.path = path;
    path.path = PATH_UNDECIDED;
    path.inInterface = '';
    path.outInterface = '';
    path.reason = '';
    path.leaving = false;
    path.copy = COPY_NONE;
    path.maybe = 0;
  }

  private set(path: number, device: number, out: number, reason: string): void {
    this.path.path = path;
    this.path.inInterface = device < 0 ? '' : this.network.name(device);
    this.path.outInterface = out < 0 ? '' : this.network.name(out);
    this.path.reason = reason;
  }

  /** @param lost why it does not come through as it comes back in, '' when it does */
  loopback(lost: string): void {
    this.set(PATH_LOOPBACK, 0, 0, lost);
  }

  input(device: number): void {
    this.set(PATH_INPUT, device, -1, '');
  }

  /** @param copy one COPY_ value */
  output(out: number, copy: number): void {
    this.set(PATH_OUTPUT, -1, out, '');
    this.path.copy = copy;
  }

  forward(device: number, out: number): void {
    this.set(PATH_FORWARD, device, out, '');
  }

  /** A forwarded packet captured as it left: counted here unless the capture has it arriving too. */
  leave(packet: PacketView, device: number, out: number): void {
    if (this.sees(device, packet)) {
      this.notSeen(`leaves by ${this.network.name(out)}: seen as it came in`);
      return;
    }
    this.set(PATH_FORWARD, device, out, '');
    this.path.leaving = true;
  }

  /** Dropped between PREROUTING and the next hook. */
  dropped(device: number, reason: string): void {
    this.set(PATH_DROPPED, device, -1, reason);
  }

  /** Never reaches netfilter. */
  notSeen(reason: string): void {
    this.set(PATH_NOT_SEEN, -1, -1, reason);
  }

  /** Nothing of the way is known. */
  undecided(reason: string): void {
    this.set(PATH_UNDECIDED, -1, -1, reason);
  }

  /** PREROUTING is passed for sure. @param then PATH_INPUT or PATH_FORWARD, which may follow */
  undecidedAfter(device: number, then: number, reason: string): void {
    this.set(PATH_UNDECIDED, device, -1, reason);
    this.path.maybe = then;
  }

  unknownFamily(family: Family): void {
    this.undecided(
      `no IPv${family} address of this host is known: --interface NAME=ADDR/LEN or --local ADDR gives it`,
    );
  }
}

/** A path to be set. */
export function newPath(): Path {
  return {
    path: PATH_UNDECIDED,
    inInterface: '',
    outInterface: '',
    reason: '',
    leaving: false,
    copy: COPY_NONE,
    maybe: 0,
  };
}
