/** Fragments with and without conntrack: seen on Linux 6.18, and the same from our replay. */
import { describe, expect, test } from 'vitest';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { emptyTables, type SceneOptions, sceneJob } from '../support/kernel-rules.ts';
import { scene } from '../support/kernel-scene.ts';
import { buildDatagram, type DatagramSpec, fragmentDatagram } from '../support/packets.ts';

const CLIENT = '198.51.100.9';
const HOST = '192.0.2.1';
const SERVER = '192.0.2.9';
const CLIENT6 = '2001:db8:c::9';
const HOST6 = '2001:db8:1::1';
const SERVER6 = '2001:db8:1::9';

/** Three fragments: 24, 24 and 8 bytes after the IP header. */
function three(source: string, destination: string, more: Partial<DatagramSpec> = {}, id = 5) {
  const whole = buildDatagram({ source, destination, udp: { payload: 48 }, ...more });
  const [first, second, third] = fragmentDatagram(whole, 24, id);
  if (first === undefined || second === undefined || third === undefined) throw new Error('three');
  return [first, second, third] as const;
}

describe('with conntrack: the datagram is seen once, whole', () => {
  for (const [name, source, destination, line] of [
    ['arriving', CLIENT, HOST, 'NEW in'],
    ['forwarded', CLIENT, SERVER, 'NEW forward'],
    ['sent', HOST, CLIENT, 'NEW out'],
    ['to itself', '127.0.0.1', '127.0.0.1', 'NEW loop'],
    ['arriving, IPv6', CLIENT6, HOST6, 'NEW in'],
    ['forwarded, IPv6', CLIENT6, SERVER6, 'NEW forward'],
    ['sent, IPv6', HOST6, CLIENT6, 'NEW out'],
  ] as const) {
    const [first, second, third] = three(source, destination);
    scene(name, [
      [first, '-'],
      [second, '-'],
      [third, line],
    ]);
  }
  const [first, second, third] = three(CLIENT, HOST);
  scene('in the reverse order', [
    [third, '-'],
    [second, '-'],
    [first, 'NEW in'],
  ]);
  scene('a fragment twice', [
    [first, '-'],
    [first, '-'],
    [second, '-'],
    [third, 'NEW in'],
  ]);
  scene('one missing', [
    [first, '-'],
    [third, '-'],
  ]);
  const [bad1, bad2, bad3] = three(CLIENT, HOST, { udp: { payload: 48, checksum: 'bad' } });
  scene('a wrong checksum of the whole', [
    [bad1, '-'],
    [bad2, '-'],
    [bad3, 'INVALID in'],
  ]);
  const [last1, last2, last3] = three(CLIENT, SERVER, { ttl: 1 });
  scene('TTL 1, to be forwarded', [
    [last1, '-'],
    [last2, '-'],
    [last3, 'NEW lost'],
  ]);
  scene('an atomic IPv6 fragment', [
    [{ source: CLIENT6, destination: HOST6, id: 3, udp: {} }, 'NEW in'],
  ]);
});

/** Packets and bytes of each chain's policy at the end: `raw PREROUTING 3:116`. */
function policies(save: string): string[] {
  const lines: string[] = [];
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const found = /^:(\S+) ACCEPT \[(\d+:\d+)\]/.exec(line);
    if (found && found[2] !== '0:0') lines.push(`${table} ${found[1]} ${found[2]}`);
  }
  return lines.sort();
}

describe('without conntrack', () => {
  const without = (title: string, packets: readonly Uint8Array[], expected: readonly string[]) => {
    test.skipIf(!kernelAvailable)(`${title}${WITHOUT_KERNEL}`, async () => {
      const rules = emptyTables(['raw', 'mangle', 'filter']);
      const options: SceneOptions = { rules4: rules, rules6: rules };
      const { kernel, differences } = await compareWithKernel(sceneJob(packets, options));
      expect(policies(kernel.save4 + kernel.save6)).toEqual(expected);
      expect(differences).toEqual([]);
    });
  };
  without('forwarded: each fragment by itself', three(CLIENT, SERVER), [
    'filter FORWARD 3:116',
    'mangle FORWARD 3:116',
    'mangle POSTROUTING 3:116',
    'mangle PREROUTING 3:116',
    'raw PREROUTING 3:116',
  ]);
  // ip_local_deliver reassembles before LOCAL_IN.
  without('arriving: INPUT sees the whole datagram', three(CLIENT, HOST), [
    'filter INPUT 1:76',
    'mangle INPUT 1:76',
    'mangle PREROUTING 3:116',
    'raw PREROUTING 3:116',
  ]);
  without('arriving by broadcast', three(SERVER, '192.0.2.255'), [
    'filter INPUT 1:76',
    'mangle INPUT 1:76',
    'mangle PREROUTING 3:116',
    'raw PREROUTING 3:116',
  ]);
  without('arriving with one missing', three(CLIENT, HOST).slice(1), [
    'mangle PREROUTING 2:72',
    'raw PREROUTING 2:72',
  ]);
  // In IPv6 the fragment header is looked at after LOCAL_IN.
  without('arriving, IPv6: each fragment', three(CLIENT6, HOST6), [
    'filter INPUT 3:200',
    'mangle INPUT 3:200',
    'mangle PREROUTING 3:200',
    'raw PREROUTING 3:200',
  ]);
  without('forwarded, IPv6: each fragment', three(CLIENT6, SERVER6), [
    'filter FORWARD 3:200',
    'mangle FORWARD 3:200',
    'mangle POSTROUTING 3:200',
    'mangle PREROUTING 3:200',
    'raw PREROUTING 3:200',
  ]);
});
