/**
 * Generates captures for measuring: conversations of many clients with one server (192.0.2.10,
 * 2001:db8::10) and of the server with others, interleaved. The same options give the same file.
 */
import { dns, type Pair, ping, refused, stream, tcp } from './conversations.ts';
import { type Endpoint, FrameWriter, type Segment } from './frames.ts';
import { Random } from './random.ts';

export interface GenerateOptions {
  /** Frames in the file. */
  readonly packets: number;
  /** Conversations, about; those at the end may be unfinished. */
  readonly flows: number;
  /** Share of IPv6 conversations, 0 to 1. */
  readonly ipv6Share: number;
  readonly seed: number;
  /** Frames are cut to so many bytes; 0 keeps them whole. Default 96. */
  readonly snapLength?: number;
}

/** Conversations under way at a time. */
const ACTIVE = 3000;
const START_SECONDS = 1_700_000_000;
/** Mean time between frames. */
const GAP_MICROSECONDS = 100;
const SERVER_MAC = 0x000a;
const ROUTER_MAC = 0x0001;
const SERVER4 = [0xc000020a | 0];
const SERVER6 = [0x20010db8, 0, 0, 0x10];
const TCP_PORTS = [443, 443, 443, 443, 443, 443, 443, 80, 80, 22];
const CLOSED_PORTS = [23, 445, 3389, 8080, 5900];

/** Somebody out there: of 198.18.0.0/15 (RFC 2544) or 2001:db8:1::/48 and up. */
function stranger(random: Random, six: boolean, port: number): Endpoint {
  const host = random.below(4096);
  const address = six
    ? [0x20010db8, 0x00010000 | (host & 0xff), 0, 0x100 + host]
    : [0xc6120000 | host];
  return { mac: ROUTER_MAC, address, port };
}

function pair(random: Random, port: number): (six: boolean, outgoing: boolean) => Pair {
  return (six, outgoing) => {
    const clientPort = 32768 + random.below(28000);
    const here = (p: number): Endpoint => ({
      mac: SERVER_MAC,
      address: six ? SERVER6 : SERVER4,
      port: p,
    });
    return outgoing
      ? { client: here(clientPort), server: stranger(random, six, port) }
      : { client: stranger(random, six, clientPort), server: here(port) };
  };
}

function pick(random: Random, ports: readonly number[]): number {
  return ports[random.below(ports.length)] ?? 443;
}

/** A new conversation; the long ones make up for the short ones to give the mean. */
function start(random: Random, six: boolean, meanPackets: number): Generator<Segment> {
  const kind = random.below(100);
  if (kind < 25) return dns(pair(random, 53)(six, kind < 15), random);
  if (kind < 30) return ping(pair(random, 0)(six, false), 2 * random.geometric(4));
  if (kind < 37) return refused(pair(random, pick(random, CLOSED_PORTS))(six, false), random);
  const packets = random.geometric(meanPackets * 1.5);
  if (kind < 45) return stream(pair(random, 53)(six, false), random, packets);
  return tcp(
    pair(random, kind > 85 ? 443 : pick(random, TCP_PORTS))(six, kind > 85),
    random,
    packets,
  );
}

/** Writes the capture: Ethernet, microsecond pcap, frames cut at `snapLength`. */
export async function generateCapture(path: string, options: GenerateOptions): Promise<void> {
  const random = new Random(options.seed);
  const writer = new FrameWriter(path, options.snapLength ?? 96);
  const mean = options.packets / Math.max(1, options.flows);
  const begin = () => start(random, random.chance(options.ipv6Share), mean);
  const active = Array.from({ length: Math.min(ACTIVE, options.flows) }, begin);
  let seconds = START_SECONDS;
  let microseconds = 0;
  let written = 0;
  while (written < options.packets) {
    const at = random.below(active.length);
    const next = active[at]?.next();
    if (next === undefined || next.done) {
      active[at] = begin();
      continue;
    }
    microseconds += random.below(2 * GAP_MICROSECONDS);
    if (microseconds >= 1_000_000) {
      microseconds -= 1_000_000;
      seconds += 1;
    }
    writer.write(seconds, microseconds, next.value);
    written += 1;
  }
  writer.close();
}
