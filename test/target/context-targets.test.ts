/** Targets that change the packet's context or end its way, against literal packets. */
import { describe, expect, it } from 'vitest';
import { CTSTATE_UNTRACKED } from '../../src/conntrack/types.ts';
import type { PacketContext } from '../../src/match/definition.ts';
import { createReplayState } from '../../src/match/replay-state.ts';
import {
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from '../../src/ruleset/types.ts';
import {
  TARGET_ACCEPT,
  TARGET_CONTINUE,
  TARGET_DROP,
  TARGET_UNDECIDED,
} from '../../src/target/definition.ts';
import { connectionOf, contextOf, targetOf } from '../match/context.ts';
import { packetOf } from '../support/packets.ts';

const V4 = { source: '198.51.100.7', destination: '192.0.2.1' };
const V6 = { source: '2001:db8::7', destination: '2001:db8::1' };

/** A context after a target, with what it said. */
function applied(
  rule: string,
  more: Partial<PacketContext> = {},
  spec: Parameters<typeof packetOf>[0] = { ...V4, tcp: {} },
): PacketContext & { readonly said: number } {
  const packet = packetOf(spec);
  const target = targetOf(rule, packet.family === 6 ? 6 : 4);
  const context = contextOf(packet, more);
  return Object.assign(context, { said: target.apply(context, target.createState()) });
}

describe('what goes on', () => {
  it.each([
    '-j AUDIT --type drop',
    '-j CHECKSUM --checksum-fill',
    '-j CONNSECMARK --save',
    '-j IDLETIMER --timeout 1 --label a',
    '-j LED --led-trigger-id a',
    '-j NFLOG',
    '-j RATEEST --rateest-name a --rateest-interval 1s --rateest-ewmalog 10s',
    '-j SECMARK --selctx a',
    '-j ULOG',
  ])('%s changes nothing', (rule) => {
    const before = contextOf(packetOf({ ...V4, tcp: {} }));
    const { said, ...context } = applied(rule);
    expect(said).toBe(TARGET_CONTINUE);
    expect({ ...context, packet: 0 }).toEqual({ ...before, packet: 0 });
  });

  it('TRACE, CLASSIFY and TEE leave a note', () => {
    expect(applied('-j TRACE')).toMatchObject({ said: TARGET_CONTINUE, traced: true });
    expect(applied('-j CLASSIFY --set-class 1:a')).toMatchObject({ said: 0, priority: 0x1000a });
    expect(applied('-j TEE --gateway 192.0.2.9 --oif eth1')).toMatchObject({
      said: TARGET_CONTINUE,
      copyTo: { gateway: [0xc0000209 | 0], outInterface: 'eth1' },
    });
  });
});

describe('queues without a program', () => {
  it.each([
    ['-j QUEUE', TARGET_DROP, 'QUEUE'],
    ['-j NFQUEUE', TARGET_DROP, 'NFQUEUE --queue-num 0'],
    ['-j NFQUEUE --queue-balance 1:3', TARGET_DROP, 'NFQUEUE --queue-balance 1:3'],
    [
      '-j NFQUEUE --queue-num 2 --queue-bypass',
      TARGET_ACCEPT,
      'NFQUEUE --queue-num 2 --queue-bypass',
    ],
  ])('%s', (rule, said, queued) => {
    expect(applied(rule)).toMatchObject({ said, queued });
  });
});

describe('CONNMARK', () => {
  const all = 0xffffffff;
  it.each([
    // Rule, connection's mark, packet's mark before; both after.
    ['--set-mark 5', 0xff, 1, 5, 1],
    ['--set-mark 0x30/0xf', 0xff, 0, 0xf0, 0],
    ['--set-xmark 0x30/0xf', 0xff, 0, 0xc0, 0],
    ['--and-mark 0xf0', all, 0, 0xf0, 0],
    ['--or-mark 0x80000000', 1, 0, 0x80000001, 0],
    ['--xor-mark 0xffffffff', 1, 0, 0xfffffffe, 0],
    ['--save-mark', 7, 0x80000001, 0x80000001, 0x80000001],
    ['--save-mark --mask 0xff', 0xf00f, 0x1234, 0xf034, 0x1234],
    // The packet's bits are flipped into what ctmask leaves of the connection's.
    ['--save-mark --nfmask 0xff --ctmask 0xf0', 0xff, 0x55, 0x5a, 0x55],
    ['--restore-mark', 0x80000001, 7, 0x80000001, 0x80000001],
    ['--restore-mark --mask 0xf', 0x1234, 0xff, 0x1234, 0xf4],
    ['--restore-mark --nfmask 0xff00 --ctmask 0xff', 0x12, 0x3456, 0x12, 0x44],
    ['--set-mark 1 --left-shift-mark 4', 0, 0, 0x10, 0],
    ['--set-xmark 0/0 --left-shift-mark 31', 3, 0, 0x80000000, 0],
    ['--set-xmark 0/0 --right-shift-mark 4', 0x80000000, 0, 0x08000000, 0],
    ['--save-mark --left-shift-mark 8', 1, 0xab, 0xab00, 0xab],
    ['--restore-mark --right-shift-mark 8', 0xabcd, 0, 0xabcd, 0xab],
  ])('%s', (options, connectionMark, mark, connectionAfter, markAfter) => {
    const connection = connectionOf('198.51.100.7 40000 192.0.2.1 22', { mark: connectionMark });
    const context = applied(`-j CONNMARK ${options}`, { connection, mark });
    expect([connection.mark, context.mark]).toEqual([connectionAfter, markAfter]);
    expect(context.said).toBe(TARGET_CONTINUE);
  });

  it('leaves a packet without connection alone', () => {
    expect(applied('-j CONNMARK --restore-mark', { mark: 5 }).mark).toBe(5);
  });
});

describe('NOTRACK and CT', () => {
  it.each(['-j NOTRACK', '-j CT --notrack'])('%s', (rule) => {
    const expected = { said: 0, untracked: true, ctstate: CTSTATE_UNTRACKED, zoneOriginal: 0 };
    expect(applied(rule)).toMatchObject(expected);
    // A looped packet has its connection already.
    const connection = connectionOf('198.51.100.7 40000 192.0.2.1 22');
    expect(applied(rule, { connection }).untracked).toBe(false);
    expect(applied(rule, { trackingSet: true }).untracked).toBe(false);
  });

  it.each([
    ['--zone 5', 5, 5],
    ['--zone-orig 5', 5, 0],
    ['--zone-reply 5', 0, 5],
    ['--zone-orig 5 --zone-reply 6', 6, 6],
    ['--zone mark', -1, -1],
    ['--zone-reply mark', 0, -1],
  ])('%s', (options, zoneOriginal, zoneReply) => {
    const expected = { zoneOriginal, zoneReply, untracked: false, trackingSet: true };
    expect(applied(`-j CT ${options}`)).toMatchObject(expected);
  });

  it('the first one counts', () => {
    const context = applied('-j CT --zone 5');
    targetOf('-j CT --zone 6').apply(context);
    targetOf('-j NOTRACK').apply(context);
    expect(context).toMatchObject({ zoneOriginal: 5, untracked: false });
  });

  it('names helper and timeout policy', () => {
    expect(applied('-p tcp -j CT --helper ftp --timeout slow')).toMatchObject({
      helper: 'ftp',
      timeoutPolicy: 'slow',
    });
  });

  it('makes the kernel track, but for --notrack', () => {
    expect(targetOf('-j CT --zone 1').tracksConnections).toBe(true);
    expect(targetOf('-j CT --notrack').tracksConnections).toBe(false);
    expect(targetOf('-j NOTRACK').tracksConnections).toBe(false);
  });
});

describe('address translation is told, not done', () => {
  it.each([
    ['-j SNAT --to-source 10.0.0.1', HOOK_POSTROUTING, 'source', 'SNAT --to-source 10.0.0.1'],
    ['-j SNAT --to-source 10.0.0.1', HOOK_INPUT, 'source', 'SNAT --to-source 10.0.0.1'],
    ['-j MASQUERADE', HOOK_POSTROUTING, 'source', 'MASQUERADE'],
    ['-j DNAT --to-destination 10.0.0.1', HOOK_PREROUTING, 'destination', undefined],
    ['-p tcp -j REDIRECT --to-ports 8080', HOOK_OUTPUT, 'destination', undefined],
    ['-j NETMAP --to 10.0.0.0/8', HOOK_PREROUTING, 'destination', 'NETMAP --to 10.0.0.0/8'],
    ['-j NETMAP --to 10.0.0.0/8', HOOK_OUTPUT, 'destination', 'NETMAP --to 10.0.0.0/8'],
    ['-j NETMAP --to 10.0.0.0/8', HOOK_POSTROUTING, 'source', 'NETMAP --to 10.0.0.0/8'],
    ['-j NETMAP --to 10.0.0.0/8', HOOK_INPUT, 'source', 'NETMAP --to 10.0.0.0/8'],
  ])('%s', (rule, hook, translates, text) => {
    const translated = text ?? rule.replace(/^.*-j /, '');
    expect(applied(rule, { hook })).toMatchObject({ said: TARGET_ACCEPT, translates, translated });
    expect(targetOf(rule).tracksConnections).toBe(true);
  });

  it('the first one stays', () => {
    const context = applied('-j SNAT --to-source 10.0.0.1', { translated: 'DNAT x' });
    expect(context.translated).toBe('DNAT x');
  });

  it.each([
    ['SNPT', 'source'],
    ['DNPT', 'destination'],
  ])('%s goes on with unknown addresses', (name, translates) => {
    const rule = `-j ${name} --src-pfx fd00::/48 --dst-pfx 2001:db8::/48`;
    const context = applied(rule, {}, { ...V6, tcp: {} });
    expect(context).toMatchObject({ said: TARGET_CONTINUE, translates });
    expect(context.unknown?.what).toEqual(['addresses', 'payload']);
    expect(targetOf(rule, 6).tracksConnections).toBe(false);
  });
});

describe('what no capture shows', () => {
  it.each(['-p tcp -j TPROXY --on-port 8080', '-j CLUSTERIP', '-p tcp -j SYNPROXY --mss 1460'])(
    '%s is undecided',
    (rule) => {
      const context = applied(rule, {}, { ...V4, tcp: { flags: 'S' } });
      expect(context.said).toBe(TARGET_UNDECIDED);
      expect(context.undecidedReason).not.toBe('');
    },
  );

  it.each(['SA', 'R', 'RA', 'FA'])('SYNPROXY lets %s go on', (flags) => {
    const context = applied('-p tcp -j SYNPROXY --mss 1460', {}, { ...V4, tcp: { flags } });
    expect(context.said).toBe(TARGET_CONTINUE);
  });
});

describe('TCPMSS --clamp-mss-to-pmtu', () => {
  const rule = '-p tcp -m tcp --syn';
  const clamp = (mss: number | undefined, mtu?: string, v6 = false): PacketContext => {
    const options = mss === undefined ? {} : { mss };
    const packet = packetOf({ ...(v6 ? V6 : V4), tcp: { flags: 'S', options } });
    const target = targetOf(`${rule} -j TCPMSS --clamp-mss-to-pmtu`, v6 ? 6 : 4);
    const context = contextOf(packet);
    const parameters = new Map(mtu === undefined ? [] : [['mtu', mtu]]);
    expect(target.apply(context, target.createState(createReplayState({ parameters })))).toBe(0);
    return context;
  };
  const mssOf = ({ packet }: PacketContext): number =>
    packet.view.getUint16(packet.transportOffset + 22);

  it('with a stated MTU', () => {
    expect(mssOf(clamp(1460, '1400'))).toBe(1360);
    expect(mssOf(clamp(1300, '1400'))).toBe(1300);
    expect(mssOf(clamp(1460, '1400', true))).toBe(1340);
    expect(clamp(1460, '1400').unknown).toBeUndefined();
    expect(mssOf(clamp(undefined, '1400'))).toBe(536);
  });

  it('leaves the size unknown without one', () => {
    expect(clamp(1460).unknown?.what).toEqual(['tcp-options']);
    // No IPv6 path is narrower than 1280 bytes.
    expect(clamp(1220, undefined, true).unknown).toBeUndefined();
    expect(clamp(1221, undefined, true).unknown?.what).toEqual(['tcp-options']);
    expect(mssOf(clamp(undefined, undefined, true))).toBe(1220);
  });
});

describe('the snap length cut what a target changes', () => {
  it.each([
    ['-p tcp -j TCPOPTSTRIP --strip-options 2', 30],
    ['-p tcp -j ECN --ecn-tcp-remove', 30],
    ['-p tcp -m tcp --syn -j TCPMSS --set-mss 5', 30],
    ['-j HMARK --hmark-tuple src,sport --hmark-rnd 1 --hmark-mod 9', 20],
  ])('%s', (rule, length) => {
    const packet = packetOf({ ...V4, tcp: { flags: 'S', options: { mss: 1460 } } });
    packet.networkEnd = length;
    packet.frameEnd = length;
    packet.transportCaptured = length - 20;
    const target = targetOf(rule);
    const context = contextOf(packet);
    expect(target.apply(context, target.createState())).toBe(TARGET_UNDECIDED);
    expect(context.undecidedReason).not.toBe('');
  });
});
