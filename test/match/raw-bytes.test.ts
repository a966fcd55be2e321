/** Matches on raw bytes: u32, string, bpf. */
import { describe, expect, it } from 'vitest';
import { buildDatagram, packetOf, viewOf } from '../support/packets.ts';
import { matchOf, say, why } from './context.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1' };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1' };
const http = { sourcePort: 40000, destinationPort: 80, flags: 'PA', payload: 'GET / HTTP/1.1' };
const request = packetOf({ ...V4, ttl: 64, tcp: http });
const request6 = packetOf({ ...V6, tcp: http });

describe('u32', () => {
  it.each([
    ['0>>28=4', 'YES'],
    ['0>>28=6', 'NO'],
    ['0&0xFFFF=54', 'YES'],
    ['0&0xFFFF=40:53,55:60', 'NO'],
    ['8>>24=64', 'YES'],
    ['12=0xc6336407', 'YES'],
    // Words from 0x80000000 on are not negative.
    ['12=0x80000000:0xffffffff', 'YES'],
    ['12=0:0x7fffffff', 'NO'],
    ['12&0x80000000=0x80000000', 'YES'],
    ['12<<24=0x07000000', 'YES'],
    // The destination port, behind a header of whatever length.
    ['0>>22&0x3C@0&0xFFFF=80', 'YES'],
    // The payload, behind both headers.
    ['0>>22&0x3C@12>>26&0x3C@0=0x47455420', 'YES'],
    ['0>>28=4&&0>>22&0x3C@0&0xFFFF=22', 'NO'],
    ['50=0:0xffffffff', 'YES'],
    // Beyond the end.
    ['51=0:0xffffffff', 'NO'],
    ['4294967295=0:0xffffffff', 'NO'],
    ['12&0xffffffff@0=0:0xffffffff', 'NO'],
    ['0&0@12=0xc6336407', 'YES'],
    ['0=5:4', 'NO'],
  ])('%s: %s', (tests, result) => {
    expect(say(`-m u32 --u32 "${tests}"`, request)).toBe(result);
    expect(say(`-m u32 ! --u32 "${tests}"`, request)).toBe(result === 'YES' ? 'NO' : 'YES');
  });

  it('begins with the IPv6 header', () => {
    expect(say('-m u32 --u32 "4>>8&0xff=6&&40&0xffff=80"', request6)).toBe('YES');
  });

  it('is undecided where the snap length cut, and only there', () => {
    const cut = viewOf(buildDatagram({ ...V4, tcp: http }), { capturedLength: 40 });
    expect(say('-m u32 --u32 "36=0:0xffffffff"', cut)).toBe('YES');
    expect(say('-m u32 --u32 "37=0:0xffffffff"', cut)).toBe('UNDECIDED');
    expect(say('-m u32 --u32 "0=0&&40=0"', cut)).toBe('NO');
    expect(say('-m u32 --u32 "51=0"', cut)).toBe('NO');
  });

  it('explains', () => {
    expect(why('-m u32 --u32 "0>>28=4&&8>>24=1:9"', request)).toBe(
      '--u32: 0x8>>0x18=0x1:0x9: 0x40',
    );
    expect(why('-m u32 --u32 "100=1"', request)).toBe(
      '--u32: 0x64=0x1: beyond the end of the datagram',
    );
    expect(why('-m u32 ! --u32 "0>>28=4"', request)).toBe('! --u32: all tests hold');
  });
});

describe('string', () => {
  it.each([
    ['--string GET', 'YES'],
    ['--string get', 'NO'],
    ['--string get --icase', 'YES'],
    ['--string GETT', 'NO'],
    ['--string HTTP/1.1', 'YES'],
    // The text begins at 40, and must end before --to.
    ['--string GET --from 40', 'YES'],
    ['--string GET --from 41', 'NO'],
    ['--string GET --to 43', 'YES'],
    ['--string GET --to 42', 'NO'],
    ['--string GET --from 40 --to 43', 'YES'],
    ['--string 1.1 --from 51', 'YES'],
    ['--string 1.1 --from 52', 'NO'],
    ['--string GET --from 60000', 'NO'],
    // Headers are searched, too.
    ['--hex-string "|45|" --to 1', 'YES'],
    ['--hex-string "|c6 33 64 07|"', 'YES'],
    ['--hex-string "|47|E|54 20|/"', 'YES'],
  ])('%s: %s', (options, result) => {
    for (const algorithm of ['bm', 'kmp']) {
      const rule = `-m string ${options} --algo ${algorithm}`;
      expect(say(rule, request)).toBe(result);
      const negated = rule.replace(/--(hex-)?string/, '! $&');
      expect(say(negated, request)).toBe(result === 'YES' ? 'NO' : 'YES');
    }
  });

  it('ignores case as in Latin-1', () => {
    const of = (...payload: number[]) => packetOf({ ...V4, udp: { payload } });
    const wanted = '-m string --hex-string "|e4 ff df f7|" --algo bm --icase';
    expect(say(wanted, of(0xc4, 0xff, 0xbf, 0xf7))).toBe('YES');
    // As lib/ctype.c has it: ß goes to ¿, and no letter but ÿ itself to ÿ's capital.
    expect(say(wanted, of(0xc4, 0xdf, 0xbf, 0xf7))).toBe('NO');
    expect(say(wanted, of(0xc4, 0xff, 0xbf, 0xd7))).toBe('NO');
  });

  it('does not look behind the datagram', () => {
    const padded = viewOf(new Uint8Array([...buildDatagram({ ...V4, udp: {} }), 0x47, 0x45, 0x54]));
    expect(say('-m string --string GET --algo bm', padded)).toBe('NO');
  });

  it('is undecided when what it searches is cut', () => {
    const cut = viewOf(buildDatagram({ ...V4, tcp: http }), { capturedLength: 42 });
    expect(say('-m string --string GE --algo bm', cut)).toBe('YES');
    expect(say('-m string --string GET --algo bm', cut)).toBe('UNDECIDED');
    expect(say('-m string ! --string GET --algo bm', cut)).toBe('UNDECIDED');
    expect(say('-m string --string GET --algo bm --to 42', cut)).toBe('NO');
    expect(say('-m string --string GET --algo bm --from 52', cut)).toBe('NO');
    expect(say('-m string --hex-string "|00 00 00 00|" --algo fsm', request)).toBe('UNDECIDED');
  });

  it('explains', () => {
    expect(why('-m string --string foo --algo bm', request)).toBe('--string: no "foo"');
    expect(why('-m string ! --string GET --algo bm', request)).toBe('! --string: "GET" is there');
  });
});

describe('bpf', () => {
  it.each([
    // tcpdump -i any -ddd 'ip proto 6', as nfbpf_compile makes it for RAW
    ['4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0', 'YES'],
    ['4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0', 'NO'],
    ['1,6 0 0 4294967295', 'YES'],
    ['1,6 0 0 0', 'NO'],
    // len == 54
    ['4,128 0 0 0,21 0 1 54,6 0 0 1,6 0 0 0', 'YES'],
    // x = 4 * (ip[0] & 15); half word at x + 2 is 80
    ['5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 1,6 0 0 0', 'YES'],
    ['5,177 0 0 0,72 0 0 2,21 0 1 22,6 0 0 1,6 0 0 0', 'NO'],
    // A load beyond the end, and a division by zero, end with 0.
    ['2,32 0 0 51,6 0 0 1', 'NO'],
    ['4,1 0 0 0,0 0 0 7,60 0 0 0,6 0 0 1', 'NO'],
    // 32-bit arithmetic: -1 + 1, 1 - 2, 65537 * 65537
    ['5,0 0 0 4294967295,4 0 0 1,21 0 1 0,6 0 0 1,6 0 0 0', 'YES'],
    ['5,0 0 0 1,20 0 0 2,21 0 1 4294967295,6 0 0 1,6 0 0 0', 'YES'],
    ['5,0 0 0 65537,36 0 0 65537,21 0 1 131073,6 0 0 1,6 0 0 0', 'YES'],
    // 0x80000000 is greater than 1.
    ['4,0 0 0 2147483648,37 0 1 1,6 0 0 1,6 0 0 0', 'YES'],
    // Memory, transfers, stores.
    ['6,0 0 0 5,2 0 0 3,97 0 0 3,135 0 0 0,4 0 0 0,22 0 0 0', 'YES'],
    // The protocol of the link layer, the IP header from its start, the mark.
    ['4,40 0 0 4294963200,21 0 1 2048,6 0 0 1,6 0 0 0', 'YES'],
    ['4,48 0 0 4293918720,21 0 1 69,6 0 0 1,6 0 0 0', 'YES'],
    ['4,32 0 0 4294963220,21 0 1 0,6 0 0 1,6 0 0 0', 'YES'],
    // The Ethernet header and the queue are not known.
    ['2,48 0 0 4292870144,6 0 0 1', 'UNDECIDED'],
    ['2,32 0 0 4294963224,6 0 0 1', 'UNDECIDED'],
  ])('%s: %s', (program, result) => {
    expect(say(`-m bpf --bytecode "${program}"`, request)).toBe(result);
  });

  it('sees the mark', () => {
    const rule = '-m bpf --bytecode "4,32 0 0 4294963220,21 0 1 4294967295,6 0 0 1,6 0 0 0"';
    expect(say(rule, request, { mark: 0xffffffff })).toBe('YES');
  });

  it('is undecided where the snap length cut', () => {
    const cut = viewOf(buildDatagram({ ...V4, tcp: http }), { capturedLength: 40 });
    expect(say('-m bpf --bytecode "2,48 0 0 39,6 0 0 1"', cut)).toBe('YES');
    expect(say('-m bpf --bytecode "2,48 0 0 40,6 0 0 1"', cut)).toBe('UNDECIDED');
  });

  it('takes pinned programs, without knowing them', () => {
    const rule = '-m bpf --object-pinned /sys/fs/bpf/filter';
    expect(say(rule, request)).toBe('UNDECIDED');
    expect(matchOf(rule).text).toBe(rule);
    expect(matchOf(rule).list(true)).toBe('match bpf pinned /sys/fs/bpf/filter');
  });

  it('explains', () => {
    expect(why('-m bpf --bytecode "1,6 0 0 0"', request)).toBe('--bytecode: the program gives 0');
  });
});
