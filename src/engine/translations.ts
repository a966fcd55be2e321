/**
 * Connections whose addresses the kernel translates. The translation itself is not simulated yet, so
 * this remembers what may belong to such a connection under addresses that are not known: replies,
 * and packets captured after the change. Such packets are undecided; none gets a wrong verdict.
 */
import { invertTuple, newKey, packetTuple, TUPLE_OK } from '../conntrack/tuple.ts';
import type { PacketView } from '../packet/fields.ts';

/** Which of a connection's addresses are changed. */
export interface Translated {
  source: boolean;
  destination: boolean;
  /** The rule's target as printed, of the first such rule. */
  readonly target: string;
  /** Number of the packet that met it first. */
  readonly packet: number;
}

/** What a packet may have to do with translated connections. */
export interface Suspicion {
  /** It belongs to this one, in the original direction; undefined: it may be another's. */
  readonly original: Translated | undefined;
  /** Whatever conntrack finds: it has the addresses of a translated connection, or quotes one. */
  readonly sure: boolean;
  readonly reason: string;
}

/** Of this many connections the endpoints are kept apart; beyond, all packets are suspect. */
const MOST = 200_000;
const ICMP = 1;
const ICMPV6 = 58;
const TCP = 6;
const SYN = 0x02;
const ACK_RST_FIN = 0x15;
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);
const FIRST_ICMPV6_INFORMATION = 128;

function isIcmpError({ family, protocol, icmpType }: PacketView): boolean {
  if (family === 4) return protocol === ICMP && ICMP_ERRORS.has(icmpType);
  return protocol === ICMPV6 && icmpType >= 0 && icmpType < FIRST_ICMPV6_INFORMATION;
}

function opensConnection({ protocol, tcpFlags }: PacketView): boolean {
  return protocol === TCP && (tcpFlags & SYN) !== 0 && (tcpFlags & ACK_RST_FIN) === 0;
}

/** The translated connections of one family. */
export class Translations {
  private readonly key = newKey();
  private readonly inverse = newKey();
  private readonly connections = new Map<string, Translated>();
  /** Endpoints that such a connection keeps, with one that has it. */
  private readonly endpoints = new Map<string, Translated>();
  /** Protocols of connections of which both addresses may be changed: they keep no endpoint. */
  private readonly protocols = new Map<number, Translated>();
  private full: Translated | undefined;

  /** The packet's connection is translated, or may be. */
  add(packet: PacketView, what: 'source' | 'destination', target: string, number: number): void {
    if (!this.read(packet)) return;
    const whole = this.whole();
    let known = this.connections.get(whole);
    if (known === undefined) {
      known = { source: false, destination: false, target, packet: number };
      if (this.connections.size >= MOST) {
        this.full ??= known;
        return;
      }
      this.connections.set(whole, known);
    }
    known[what] = true;
    this.endpoints.set(this.endpoint(what === 'source' ? 4 : 0), known);
    if (known.source && known.destination) this.protocols.set(packet.protocol, known);
  }

  /**
   * What the packet may have to do with them; undefined: nothing.
   * @param arrives as seen before any translation; false when it may have been captured after one
   */
  suspect(packet: PacketView, arrives: boolean): Suspicion | undefined {
    if (this.connections.size === 0) return undefined;
    if (this.full !== undefined) return suspicion(this.full);
    if (isIcmpError(packet)) {
      const [any] = this.connections.values();
      return any && suspicion(any, true);
    }
    if (!this.read(packet)) return undefined;
    const original = this.connections.get(this.whole());
    if (original !== undefined) return { original, sure: true, reason: originalReason(original) };
    const reply = this.replied();
    if (reply !== undefined) return suspicion(reply, true);
    // What opens a connection answers none.
    if (arrives && opensConnection(packet)) return undefined;
    const other =
      this.endpoints.get(this.endpoint(0)) ??
      this.endpoints.get(this.endpoint(4)) ??
      this.protocols.get(packet.protocol);
    return other && suspicion(other);
  }

  private read(packet: PacketView): boolean {
    return packetTuple(packet, 0, this.key) === TUPLE_OK;
  }

  private whole(): string {
    return this.key.join(' ');
  }

  /** The connection of which this is the other direction, as if nothing were translated. */
  private replied(): Translated | undefined {
    if (!invertTuple(this.key, this.inverse)) return undefined;
    return this.connections.get(this.inverse.join(' '));
  }

  /** An address with its port. @param at offset of the address in the key */
  private endpoint(at: number): string {
    const { key } = this;
    const protocol = (key[9] ?? 0) & 0xff;
    const ports = key[8] ?? 0;
    const isIcmp = protocol === ICMP || protocol === ICMPV6;
    const port = isIcmp || at === 0 ? ports >>> 16 : ports & 0xffff;
    return `${key[at]} ${key[at + 1]} ${key[at + 2]} ${key[at + 3]} ${port} ${protocol}`;
  }
}

function suspicion({ target, packet }: Translated, sure = false): Suspicion {
  return {
    original: undefined,
    sure,
    reason: `it may belong to the connection of packet ${packet} under translated addresses (${target}): address translation is not simulated yet`,
  };
}

function originalReason({ target, packet }: Translated): string {
  return `what came back to the connection of packet ${packet} is not known (${target}): address translation is not simulated yet`;
}
