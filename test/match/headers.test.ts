/** Matches on headers: IPsec, ECN and TOS, TCP options, SCTP, DCCP, IPv6 extension headers. */
import { describe, expect, it } from 'vitest';
import { createReplayState } from '../../src/match/replay-state.ts';
import { buildDatagram, type DatagramSpec, packetOf, viewOf } from '../support/packets.ts';
import { contextOf, matchOf, say, why } from './context.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1' };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1' };
const v4 = (more: Partial<DatagramSpec>) => packetOf({ ...V4, ...more });
const v6 = (more: Partial<DatagramSpec>) => packetOf({ ...V6, ...more });
const cutAt = (spec: DatagramSpec, capturedLength: number) =>
  viewOf(buildDatagram(spec), { capturedLength });

describe('ah and esp', () => {
  const esp = { protocol: 50, payload: [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1] };
  const ah = { protocol: 51, payload: [6, 4, 0, 0, 0, 0, 1, 0, ...new Array(16).fill(0)] };

  it.each([
    ['-p esp -m esp', 'YES'],
    ['-p esp -m esp --espspi 4294967295', 'YES'],
    ['-p esp -m esp --espspi 0:4294967294', 'NO'],
    ['-p esp -m esp ! --espspi 5', 'YES'],
  ])('%s: %s', (rule, result) => {
    expect(say(rule, v4(esp))).toBe(result);
    expect(say(rule, v6(esp))).toBe(result);
  });

  it('take the SPI of the authentication header', () => {
    expect(say('-p ah -m ah --ahspi 256', v4(ah))).toBe('YES');
    expect(say('-p ah -m ah ! --ahspi 1:256', v4(ah))).toBe('NO');
    const six = v6({
      extensionHeaders: [{ type: 51, body: [0, 0, 0, 0, 1, 0, 0, 0, 0, 1] }],
      udp: {},
    });
    expect(say('-m ah --ahspi 256 --ahres', six)).toBe('YES');
    expect(say('-m ah --ahlen 12', v6({ udp: {} }))).toBe('NO');
    expect(why('-m ah', v6({ udp: {} }))).toBe('no AH header');
  });

  it('drop what is too short, and know nothing of later fragments', () => {
    expect(say('-p esp -m esp', v4({ protocol: 50, payload: 7 }))).toBe('HOTDROP');
    expect(say('-p ah -m ah', v4({ protocol: 51, payload: 11 }))).toBe('HOTDROP');
    const later = v4({ protocol: 50, payload: 16, fragmentOffset: 8 });
    expect(say('-p esp -m esp ! --espspi 1', later)).toBe('NO');
    expect(say('-p esp -m esp', cutAt({ ...V4, ...esp }, 24))).toBe('UNDECIDED');
    expect(why('-p esp -m esp --espspi 1', v4(esp))).toBe('--espspi: 4294967295, not 1');
  });
});

describe('dscp, tos and ecn', () => {
  const packet = v4({ tos: 0xb9, tcp: { flags: 'SE' } });
  it.each([
    ['-m dscp --dscp 46', 'YES'],
    ['-m dscp --dscp-class EF', 'YES'],
    ['-m dscp ! --dscp 46', 'NO'],
    ['-m tos --tos 0xb9', 'YES'],
    ['-m tos --tos 0xb8', 'NO'],
    ['-m tos --tos 0xb8/0xfc', 'YES'],
    ['-m tos --tos 0x01/0x03', 'YES'],
    // Bits outside of the mask never are.
    ['-m tos --tos 0xb9/0xfc', 'NO'],
    ['-m ecn --ecn-ip-ect 1', 'YES'],
    ['-m ecn ! --ecn-ip-ect 1', 'NO'],
    ['-p tcp -m ecn --ecn-tcp-ece', 'YES'],
    ['-p tcp -m ecn --ecn-tcp-cwr', 'NO'],
    ['-p tcp -m ecn ! --ecn-tcp-cwr --ecn-tcp-ece --ecn-ip-ect 1', 'YES'],
  ])('%s: %s', (rule, result) => {
    expect(say(rule, packet)).toBe(result);
    expect(say(rule, v6({ tos: 0xb9, tcp: { flags: 'SE' } }))).toBe(result);
  });

  it('explain', () => {
    expect(why('-m dscp --dscp 1', packet)).toBe('--dscp: 0x2e, not 0x01');
    expect(why('-m tos --tos 1', packet)).toBe('--tos: 0xb9, not 0x01/0xff');
    expect(why('-p tcp -m ecn --ecn-tcp-cwr', packet)).toBe('--ecn-tcp-cwr: CWR is not set');
  });

  it('ecn takes a later fragment for a TCP header: seen on Linux 6.18', () => {
    const later = v4({ protocol: 6, fragmentOffset: 8, payload: new Array(24).fill(0x40) });
    expect(say('-p tcp -m ecn --ecn-tcp-ece', later)).toBe('YES');
    expect(say('-p tcp -m ecn --ecn-tcp-cwr', later)).toBe('NO');
    const short = v4({ protocol: 6, fragmentOffset: 8, payload: 16 });
    expect(say('-p tcp -m ecn ! --ecn-tcp-cwr', short)).toBe('NO');
    expect(say('-p tcp -m ecn --ecn-tcp-cwr', cutAt({ ...V4, tcp: {} }, 33))).toBe('UNDECIDED');
  });
});

describe('tcpmss', () => {
  const syn = (options: number[]) => v4({ tcp: { flags: 'S', options } });
  it.each([
    ['--mss 1460', [2, 4, 5, 180], 'YES'],
    ['! --mss 1460', [2, 4, 5, 180], 'NO'],
    ['--mss 1461:', [2, 4, 5, 180], 'NO'],
    ['--mss 0:1460', [1, 1, 1, 1, 2, 4, 5, 180], 'YES'],
    // Without the option: not, and negated, it is.
    ['--mss :', [], 'NO'],
    ['! --mss :', [], 'YES'],
    // Of a wrong length it is none.
    ['--mss :', [2, 3, 5, 0], 'NO'],
    // The end of the list does not end it.
    ['--mss 1460', [0, 0, 0, 0, 2, 4, 5, 180], 'YES'],
  ])('%s of %j: %s', (rule, options, result) => {
    expect(say(`-p tcp -m tcpmss ${rule}`, syn(options))).toBe(result);
  });

  it('drops malformed headers', () => {
    const any = '-p tcp -m tcpmss ! --mss 5';
    expect(say(any, v4({ tcp: { dataOffset: 4 } }))).toBe('HOTDROP');
    expect(say(any, v4({ tcp: { dataOffset: 15 } }))).toBe('HOTDROP');
    expect(say(any, v4({ protocol: 6, payload: 19 }))).toBe('HOTDROP');
    const spec = { ...V4, tcp: { flags: 'S', options: { mss: 1460 } } };
    expect(say('-p tcp -m tcpmss --mss 1460', cutAt(spec, 43))).toBe('UNDECIDED');
    expect(why('-p tcp -m tcpmss --mss 1', packetOf(spec))).toBe('--mss: 1460, not in 1');
  });
});

describe('sctp', () => {
  const packet = v4({
    sctp: {
      sourcePort: 22,
      destinationPort: 443,
      chunks: [
        { type: 3, payload: 12 },
        { type: 0, flags: 2, payload: 5 },
      ],
    },
  });
  it.each([
    ['', 'YES'],
    ['--sport 22 ! --dport 444', 'YES'],
    ['--dport 1:442', 'NO'],
    ['--chunk-types all DATA,SACK', 'YES'],
    ['--chunk-types all DATA,INIT', 'NO'],
    ['--chunk-types any INIT,SACK', 'YES'],
    ['--chunk-types any INIT', 'NO'],
    ['! --chunk-types any INIT', 'YES'],
    ['--chunk-types only DATA,SACK', 'YES'],
    ['--chunk-types only DATA', 'NO'],
    ['--chunk-types any DATA:B', 'YES'],
    ['--chunk-types any DATA:b', 'NO'],
    ['--chunk-types any DATA:Bu', 'YES'],
    ['--chunk-types only DATA:E,SACK', 'NO'],
    ['--chunk-types only NONE', 'NO'],
    ['--chunk-types all NONE', 'YES'],
  ])('%s: %s', (options, result) => {
    expect(say(`-p sctp -m sctp ${options}`, packet)).toBe(result);
  });

  it('drops what has no whole chunk', () => {
    const raw = (more: number[]) =>
      v4({ protocol: 132, payload: [0, 22, 1, 187, 0, 0, 0, 0, 0, 0, 0, 0, ...more] });
    expect(say('-p sctp -m sctp --sport 22', raw([]))).toBe('YES');
    expect(say('-p sctp -m sctp --chunk-types any DATA', raw([]))).toBe('HOTDROP');
    expect(say('-p sctp -m sctp --chunk-types any DATA', raw([1, 0, 0, 0]))).toBe('HOTDROP');
    expect(say('-p sctp -m sctp --chunk-types any DATA', raw([0, 0, 0, 0]))).toBe('HOTDROP');
    expect(say('-p sctp -m sctp --dport 22 --chunk-types any DATA', raw([]))).toBe('NO');
    expect(why('-p sctp -m sctp --chunk-types any INIT', packet)).toBe(
      '--chunk-types: not any INIT',
    );
  });
});

describe('dccp', () => {
  // A data packet with the options 38 (6 bytes) and 1, 1.
  const data = [0, 22, 1, 187, 5, 0, 0, 0, 4, 0, 0, 0, 38, 6, 0, 0, 0, 0, 1, 1];
  const packet = v4({ protocol: 33, payload: data });
  it.each([
    ['', 'YES'],
    ['--sport 22 --dport 443', 'YES'],
    ['! --dport 443', 'NO'],
    ['--dccp-types DATA,ACK', 'YES'],
    ['! --dccp-types DATA', 'NO'],
    ['--dccp-types REQUEST', 'NO'],
    ['--dccp-option 38', 'YES'],
    ['--dccp-option 1', 'YES'],
    ['--dccp-option 6', 'NO'],
    ['! --dccp-option 6', 'YES'],
  ])('%s: %s', (options, result) => {
    expect(say(`-p dccp -m dccp ${options}`, packet)).toBe(result);
  });

  it('drops a wrong data offset only when it looks for options', () => {
    const wrong = v4({ protocol: 33, payload: [...data.slice(0, 4), 2, ...data.slice(5)] });
    expect(say('-p dccp -m dccp --dccp-types DATA', wrong)).toBe('YES');
    expect(say('-p dccp -m dccp --dccp-option 38', wrong)).toBe('HOTDROP');
    expect(say('-p dccp -m dccp', v4({ protocol: 33, payload: 11 }))).toBe('HOTDROP');
    expect(say('-p dccp -m dccp', cutAt({ ...V4, protocol: 33, payload: data }, 31))).toBe(
      'UNDECIDED',
    );
  });
});

describe('IPv6 extension headers', () => {
  const options = v6({ extensionHeaders: [{ type: 60, body: [5, 2, 0, 0, 1, 0] }], udp: {} });
  it.each([
    ['-m dst', 'YES'],
    ['-m hbh', 'NO'],
    ['-m dst --dst-len 8', 'YES'],
    ['-m dst ! --dst-len 8', 'NO'],
    ['-m dst --dst-opts 5', 'YES'],
    ['-m dst --dst-opts 5:2,1:0', 'YES'],
    ['-m dst --dst-opts 5:3', 'NO'],
    ['-m dst --dst-opts 1', 'NO'],
    ['-m dst --dst-opts 5,1,1', 'NO'],
    ['-m ipv6header --header dst,prot', 'YES'],
    ['-m ipv6header --header dst', 'NO'],
    ['-m ipv6header --header dst --soft', 'YES'],
    ['-m ipv6header ! --header dst --soft', 'NO'],
    ['-m ipv6header ! --header hop,route --soft', 'YES'],
    ['-m frag', 'NO'],
    ['-m rt', 'NO'],
    ['-m srh', 'NO'],
  ])('%s: %s', (rule, result) => {
    expect(say(rule, options)).toBe(result);
  });

  it('drop a chain that leaves the packet, but srh does not', () => {
    const broken = v6({ protocol: 60, payload: [17] });
    for (const rule of ['-m hbh', '-m dst', '-m frag', '-m rt', '-m ah']) {
      expect(say(rule, broken), rule).toBe('HOTDROP');
    }
    expect(say('-m srh', broken)).toBe('NO');
    const long = v6({ protocol: 43, payload: [17, 2, 4, 0, 0, 0, 0, 0] });
    expect(say('-m rt', long)).toBe('HOTDROP');
    expect(say('-m srh', long)).toBe('NO');
    const cut = cutAt({ ...V6, extensionHeaders: [{ type: 60 }], udp: {} }, 41);
    expect(say('-m dst', cut)).toBe('UNDECIDED');
    expect(say('-m ipv6header --header dst', cut)).toBe('UNDECIDED');
  });

  it('frag takes any fragment, when nothing reassembles', () => {
    const first = v6({ id: 7, moreFragments: true, protocol: 17, payload: 24 });
    const last = v6({ id: 7, fragmentOffset: 24, protocol: 17, payload: 8 });
    expect(say('-m frag --fragid 7 --fragfirst --fragmore --fragres', first)).toBe('YES');
    expect(say('-m frag --fragfirst', last)).toBe('NO');
    expect(say('-m frag --fraglast', last)).toBe('YES');
    expect(say('-m frag ! --fragid 7', last)).toBe('NO');
    // The kernel never looks at --fraglen.
    expect(say('-m frag --fraglen 99', last)).toBe('YES');
  });

  const address = (last: number) => [0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), last];
  const route0 = v6({
    extensionHeaders: [{ type: 43, body: [0, 1, 0, 0, 0, 0, ...address(10), ...address(11)] }],
    udp: {},
  });
  it.each([
    ['--rt-type 0', 'YES'],
    ['! --rt-type 2', 'YES'],
    ['--rt-segsleft 1:2', 'YES'],
    ['--rt-len 40', 'YES'],
    ['--rt-len 39', 'NO'],
    ['--rt-type 0 --rt-0-res', 'YES'],
    ['--rt-type 0 --rt-0-addrs 2001:db8::a,2001:db8::b', 'YES'],
    ['--rt-type 0 --rt-0-addrs 2001:db8::a', 'NO'],
    ['--rt-type 0 --rt-0-addrs 2001:db8::b --rt-0-not-strict', 'YES'],
    ['--rt-type 0 --rt-0-addrs 2001:db8::b,2001:db8::a --rt-0-not-strict', 'NO'],
  ])('rt %s: %s', (rule, result) => {
    expect(say(`-m rt ${rule}`, route0)).toBe(result);
  });

  const segments = v6({
    extensionHeaders: [{ type: 43, body: [4, 1, 1, 0, 1, 2, ...address(10), ...address(11)] }],
    udp: {},
  });
  it.each([
    ['', 'YES'],
    ['--srh-next-hdr 17', 'YES'],
    ['--srh-hdr-len-eq 4', 'YES'],
    ['--srh-segs-left-gt 0 --srh-last-entry-lt 2', 'YES'],
    // Both look at the last number: not 4 > 5.
    ['--srh-hdr-len-gt 3 --srh-hdr-len-lt 5', 'NO'],
    // The machine's byte order: 01 02 on the wire.
    ['--srh-tag 513', 'YES'],
    ['--srh-tag 258', 'NO'],
    ['--srh-nsid 2001:db8::a', 'YES'],
    ['--srh-lsid 2001:db8::/64', 'YES'],
    ['! --srh-lsid ::/0', 'NO'],
    // The first segment has none before it.
    ['--srh-psid ::/0', 'NO'],
    ['! --srh-psid ::/0', 'NO'],
  ])('srh %s: %s', (rule, result) => {
    expect(say(`-m srh ${rule}`, segments)).toBe(result);
  });

  it('mh looks at the type, and drops what has something behind it', () => {
    const mobility = (...payload: number[]) => v6({ protocol: 135, payload });
    const update = mobility(59, 0, 5, 0, 0, 0, 0, 0);
    expect(say('-p mobility-header -m mh --mh-type bu', update)).toBe('YES');
    expect(say('-p mobility-header -m mh ! --mh-type 5:6', update)).toBe('NO');
    expect(say('-p mobility-header -m mh', mobility(17, 0, 5, 0, 0, 0, 0, 0))).toBe('HOTDROP');
    expect(say('-p mobility-header -m mh', mobility(59, 0, 5, 0, 0))).toBe('HOTDROP');
  });
});

describe('osf', () => {
  const FINGERPRINTS = 'S4:64:1:60:M*,S,T,N,W7:Linux:3.1::Linux 3.1\n%8192:128:1:40:.:Other:1::x\n';
  const syn = v4({
    ttl: 60,
    dontFragment: true,
    tcp: {
      flags: 'S',
      window: 5840,
      options: [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
    },
  });
  const ask = (options: string, packet = syn) => {
    const match = matchOf(`-p tcp -m osf ${options}`);
    const replay = createReplayState({ osfFingerprints: FINGERPRINTS });
    return match.matches(contextOf(packet), match.createState(replay));
  };

  it('is undecided without fingerprints', () => {
    expect(say('-p tcp -m osf --genre Linux', syn)).toBe('UNDECIDED');
    expect(say('-p tcp -m osf --genre Linux', v4({ tcp: { flags: 'A' } }))).toBe('NO');
  });

  it('compares, as seen on Linux 6.18', () => {
    expect(ask('--genre Linux')).toBe(0);
    expect(ask('--genre Linux --ttl 1')).toBe(1);
    expect(ask('--genre Linux --ttl 2')).toBe(1);
    expect(ask('--genre Other --ttl 2')).toBe(0);
    // The ! has no effect, and with --log any known system matches.
    expect(ask('! --genre Linux --ttl 2')).toBe(1);
    expect(ask('--genre Other --ttl 2 --log 1')).toBe(1);
  });
});

describe('what no capture holds', () => {
  it('policy is decided only on lo', () => {
    const packet = v4({ udp: {} });
    expect(say('-m policy --dir in --pol none', packet)).toBe('UNDECIDED');
    expect(say('-m policy --dir in --pol ipsec', packet)).toBe('UNDECIDED');
    expect(say('-m policy --dir in --pol none', packet, { inInterface: 'lo' })).toBe('YES');
    expect(say('-m policy --dir in --pol ipsec', packet, { inInterface: 'lo' })).toBe('NO');
  });

  it('realm is decided only where the mask leaves nothing to compare', () => {
    const packet = v4({ udp: {} });
    expect(say('-m realm --realm 1', packet)).toBe('UNDECIDED');
    expect(say('-m realm --realm 0/0', packet)).toBe('YES');
    expect(say('-m realm --realm 16/15', packet)).toBe('NO');
    expect(say('-m realm ! --realm 16/15', packet)).toBe('YES');
  });

  it('they may be assumed', () => {
    for (const rule of ['-m policy --dir in --pol none', '-m realm --realm 1']) {
      expect(matchOf(rule).assumable).toBe(true);
    }
  });
});

describe('eui64', () => {
  const frame = (source: string) =>
    viewOf(
      new Uint8Array([
        ...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd],
        ...buildDatagram({ source, destination: '2001:db8::1', udp: {} }),
      ]),
      { linkType: 1 },
    );
  it('compares the address with that of the frame', () => {
    expect(say('-m eui64', frame('fe80::ff:fe00:9'))).toBe('YES');
    expect(say('-m eui64', frame('fe80::200:ff:fe00:9'))).toBe('NO');
    expect(say('-m eui64', v6({ udp: {} }))).toBe('UNDECIDED');
  });
});
