/**
 * Puts datagrams into the Ethernet frames in which a host would have captured them: what it sends from
 * its MAC address, what arrives to it, groups to theirs, loopback with zeros.
 */
import type { KernelInterface, KernelPacket } from './kernel.ts';
import { addressBytes, ethernetFrame } from './packets.ts';

/** The host as far as it matters here. */
export interface WireHost {
  readonly interfaces: readonly KernelInterface[];
  readonly routes?: readonly string[];
}

const NEIGHBOUR = '02:00:00:00:01:00';
const NOBODY = '00:00:00:00:00:00';

function bits(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

interface Network {
  readonly prefix: string;
  readonly family: number;
  readonly name: string;
}

function networks(host: WireHost): Network[] {
  const all = (host.routes ?? []).map((route) => {
    const [network = '', name = ''] = route.split('=');
    return [network, name] as const;
  });
  const known = [
    ...host.interfaces.flatMap(({ name, addresses }) => addresses.map((a) => [a, name] as const)),
    ...all.filter(([network]) => network !== 'default'),
  ];
  return known.map(([text, name]) => {
    const [address = '', length = '128'] = text.split('/');
    const bytes = addressBytes(address);
    return { prefix: bits(bytes).slice(0, Number(length)), family: bytes.length, name };
  });
}

/** The interface that leads to an address; the default route's or the first where none does. */
function towards(address: Uint8Array, host: WireHost): KernelInterface | undefined {
  const text = bits(address);
  const found = networks(host)
    .filter(({ prefix, family }) => family === address.length && text.startsWith(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  const name = found?.name ?? host.routes?.find((r) => r.startsWith('default='))?.slice(8);
  return host.interfaces.find((one) => one.name === name) ?? host.interfaces[0];
}

function isLocal(address: Uint8Array, host: WireHost): boolean {
  const text = bits(address);
  if (address.length === 4 && address[0] === 127) return true;
  return host.interfaces.some(({ addresses }) =>
    addresses.some((one) => bits(addressBytes(one.split('/')[0] ?? '')) === text),
  );
}

/** The MAC address of a group address; undefined for others. */
function groupMac(address: Uint8Array): string | undefined {
  const hex = (from: number): string =>
    [...address.subarray(from)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  if (address.length === 16) return address[0] === 255 ? `33:33:${hex(12)}` : undefined;
  if (address[0] === 255 || address[3] === 255) return 'ff:ff:ff:ff:ff:ff';
  if ((address[0] ?? 0) >> 4 !== 14) return undefined;
  const low = Uint8Array.from(address);
  low[1] = (low[1] ?? 0) & 127;
  return `01:00:5e:${[...low.subarray(1)].map((b) => b.toString(16).padStart(2, '0')).join(':')}`;
}

/** The frame in which the host would have captured the datagram, and the interface where. */
export function onTheWire(datagram: Uint8Array, host: WireHost): KernelPacket {
  const four = (datagram[0] ?? 0) >> 4 === 4;
  const source = datagram.subarray(four ? 12 : 8, four ? 16 : 24);
  const destination = datagram.subarray(four ? 16 : 24, four ? 20 : 40);
  const group = groupMac(destination);
  if (isLocal(source, host) && isLocal(destination, host)) {
    const bytes = ethernetFrame(datagram, { sourceMac: NOBODY, destinationMac: NOBODY });
    return { bytes, interface: 'lo' };
  }
  const sent = isLocal(source, host);
  const at = towards(sent ? destination : source, host);
  const own = at?.mac ?? NOBODY;
  const macs = sent
    ? { sourceMac: own, destinationMac: group ?? NEIGHBOUR }
    : { sourceMac: NEIGHBOUR, destinationMac: group ?? own };
  return { bytes: ethernetFrame(datagram, macs), interface: at?.name ?? '' };
}
