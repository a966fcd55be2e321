/**
 * Packets of which too much is cut to know their connection. Each may have begun, changed or ended
 * any connection of its kind, so for as long as such a change can last nothing is known of those.
 */
import type { PacketView } from '../packet/fields.ts';
import type { ConntrackOptions } from './options.ts';
import { longestTimeout } from './options.ts';
import { KEY_DESTINATION, KEY_PROTOCOL, KEY_SOURCE } from './record.ts';

interface Unseen {
  readonly number: number;
  readonly time: number;
}

/** Above so many pairs of addresses it is as if nothing were known of any. */
const MOST_PAIRS = 65_536;
/** Any protocol: the chain of IPv6 extension headers is cut. */
const ANY = -1;

/** What an unseen packet may have changed. */
export class UnseenPackets {
  private readonly options: ConntrackOptions;
  /** The last one by its pair of addresses and protocol. */
  private readonly byAddresses = new Map<string, Unseen>();
  /** The last one of a family of which nothing is known. */
  private readonly byFamily = new Map<number, Unseen>();

  constructor(options: ConntrackOptions) {
    this.options = options;
  }

  /** Notes a packet whose addresses are known, and its protocol unless that is -1. */
  note(packet: PacketView, now: number): void {
    const { source0, source1, source2, source3, family } = packet;
    const { destination0, destination1, destination2, destination3 } = packet;
    const six = family === 6;
    const a = six ? `${source0} ${source1} ${source2} ${source3}` : `${source0} 0 0 0`;
    const b = six
      ? `${destination0} ${destination1} ${destination2} ${destination3}`
      : `${destination0} 0 0 0`;
    const protocol = packet.protocol < 0 ? ANY : packet.protocol;
    if (this.byAddresses.size >= MOST_PAIRS) {
      this.byAddresses.clear();
      for (const each of [4, 6] as const) this.noteBlind(each, packet.number, now);
    }
    const unseen = { number: packet.number, time: now };
    this.byAddresses.set(`${a} ${b} ${family} ${protocol}`, unseen);
    this.byAddresses.set(`${b} ${a} ${family} ${protocol}`, unseen);
  }

  /** Notes a packet of which nothing is known but its family. */
  noteBlind(family: 4 | 6, number: number, now: number): void {
    // A clock may step back: the doubt lasts until the later of both times.
    const time = Math.max(now, this.byFamily.get(family)?.time ?? now);
    this.byFamily.set(family, { number, time });
  }

  /** Number of a packet that may have changed the connection with this key, 0 for none. */
  before(key: Int32Array, now: number): number {
    if (this.byAddresses.size === 0 && this.byFamily.size === 0) return 0;
    const word = key[KEY_PROTOCOL] as number;
    const protocol = word & 0xff;
    const family = (word >>> 8) & 0xff;
    const until = (unseen: Unseen | undefined): number =>
      unseen !== undefined && now <= unseen.time + longestTimeout(this.options, protocol)
        ? unseen.number
        : 0;
    const blind = until(this.byFamily.get(family));
    if (blind !== 0) return blind;
    const source = key.subarray(KEY_SOURCE, KEY_SOURCE + 4).join(' ');
    const destination = key.subarray(KEY_DESTINATION, KEY_DESTINATION + 4).join(' ');
    const pair = `${source} ${destination} ${family}`;
    return (
      until(this.byAddresses.get(`${pair} ${protocol}`)) ||
      until(this.byAddresses.get(`${pair} ${ANY}`))
    );
  }
}
