/** Builds topologies from option texts, and says a packet's way in one short line. */

import type { CaptureInterface } from '../../src/capture/types.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import { newPath } from '../../src/topology/outcome.ts';
import type { SightingFacts } from '../../src/topology/sightings.ts';
import {
  COPY_LOOPED,
  COPY_UNKNOWN,
  PATH_DROPPED,
  PATH_FORWARD,
  PATH_INPUT,
  PATH_LOOPBACK,
  PATH_NOT_SEEN,
  PATH_OUTPUT,
  PATH_UNDECIDED,
  type Topology,
} from '../../src/topology/types.ts';
import { createTopology, parseVantage, type VantageOptions } from '../../src/topology/vantage.ts';
import { buildDatagram, type DatagramSpec, ethernetFrame, viewOf } from '../support/packets.ts';

export const OWN_MAC = '02:00:00:00:00:10';
export const PEER_MAC = '02:00:00:00:00:99';
export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';

/** The host of the kernel's answers: two interfaces, one of them with the MAC address OWN_MAC. */
export const ROUTER: VantageOptions = {
  local: [],
  interface: [
    `eth0=192.0.2.10/24,2001:db8::10/64,fe80::10/64,${OWN_MAC}`,
    'eth1=203.0.113.1/24,2001:db8:1::1/64,fe80::11/64',
  ],
  route: ['default=eth0'],
};

/** A host with one interface. */
export const SERVER: VantageOptions = {
  local: [],
  interface: [`eth0=192.0.2.10/24,2001:db8::10/64,${OWN_MAC}`],
  route: [],
};

/** A capture interface for tests. */
export function captureInterface(id: number, name?: string): CaptureInterface {
  const rest = { id, file: 'x.pcapng', linkType: 1, snapLength: 0, addresses: [] };
  return name === undefined ? rest : { ...rest, name };
}

/** Topology of option texts. */
export function topologyOf(
  options: Partial<VantageOptions>,
  captured: readonly CaptureInterface[] = [],
  sightings?: SightingFacts,
): Topology {
  const vantage = parseVantage({ local: [], interface: [], route: [], ...options });
  return createTopology(vantage, {
    captured,
    sightings: sightings ?? {
      devices: [],
      macs: vantage.interfaces.flatMap(({ mac }) => (mac === undefined ? [] : [mac])),
      macInterfaces: vantage.interfaces.flatMap(({ mac, name }) =>
        mac === undefined ? [] : [name],
      ),
      macsComplete: vantage.interfaces.every(({ mac }) => mac !== undefined),
    },
  });
}

/** `INPUT eth0`, `FORWARD eth0 eth1`, `DROPPED eth0: reason` … */
export function wayOf(topology: Topology, packet: PacketView): string {
  const path = newPath();
  topology.classify(packet, path);
  const { inInterface, outInterface, reason } = path;
  switch (path.path) {
    case PATH_INPUT:
      return `INPUT ${inInterface}`;
    case PATH_OUTPUT: {
      const copy = path.copy === COPY_LOOPED ? ' looped' : path.copy === COPY_UNKNOWN ? ' ?' : '';
      return `OUTPUT ${outInterface}${copy}`;
    }
    case PATH_FORWARD:
      return `FORWARD ${inInterface} ${outInterface}${path.leaving ? ' leaving' : ''}`;
    case PATH_LOOPBACK:
      return `LOOPBACK ${inInterface} ${outInterface}`;
    case PATH_DROPPED:
      return `DROPPED ${inInterface}: ${reason}`;
    case PATH_NOT_SEEN:
      return `NOT_SEEN: ${reason}`;
    case PATH_UNDECIDED:
      return `UNDECIDED${inInterface === '' ? '' : ` ${inInterface}`}: ${reason}`;
  }
  return `path ${path.path}`;
}

/** A packet that arrives at eth0 in an Ethernet frame for the host. */
export function arriving(spec: DatagramSpec, destinationMac = OWN_MAC): PacketView {
  const frame = ethernetFrame(buildDatagram(spec), { sourceMac: PEER_MAC, destinationMac });
  return viewOf(frame, { linkType: 1 });
}

/** A packet that the host sends. */
export function sending(spec: DatagramSpec, destinationMac = PEER_MAC): PacketView {
  const frame = ethernetFrame(buildDatagram(spec), { sourceMac: OWN_MAC, destinationMac });
  return viewOf(frame, { linkType: 1 });
}

/** A UDP datagram. */
export function udp(source: string, destination: string, more: Partial<DatagramSpec> = {}) {
  const ports = { sourcePort: 1000, destinationPort: 2000, payload: 4 };
  return { source, destination, udp: ports, ...more } satisfies DatagramSpec;
}
