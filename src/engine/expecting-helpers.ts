/**
 * Connections with a helper (-j CT --helper): the kernel would read what they say and expect others,
 * which are RELATED then. That is not simulated, so a new connection that has an address in common
 * with one of them is undecided.
 */
import type { PacketView } from '../packet/fields.ts';

interface Helped {
  readonly helper: string;
  /** Number of the packet. */
  readonly packet: number;
}

function source(packet: PacketView): string {
  return `${packet.source0} ${packet.source1} ${packet.source2} ${packet.source3}`;
}

function destination(packet: PacketView): string {
  const { destination0, destination1, destination2, destination3 } = packet;
  return `${destination0} ${destination1} ${destination2} ${destination3}`;
}

/** The addresses of such connections. */
export class ExpectingHelpers {
  private readonly addresses = new Map<string, Helped>();

  /** The packet's connection has the helper. */
  add(packet: PacketView, helper: string, number: number): void {
    for (const address of [source(packet), destination(packet)])
      if (!this.addresses.has(address)) this.addresses.set(address, { helper, packet: number });
  }

  /** Why a packet that begins a connection may be RELATED rather than NEW; '' when it is not. */
  expects(packet: PacketView): string {
    if (this.addresses.size === 0) return '';
    const helped = this.addresses.get(source(packet)) ?? this.addresses.get(destination(packet));
    if (helped === undefined) return '';
    return `it may be expected by the conntrack helper ${helped.helper} (since packet ${helped.packet}): what helpers read is not simulated yet`;
  }
}
