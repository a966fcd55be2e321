/**
 * Targets that change the packet or its connection, against a zoo of packets at every hook: what the
 * rules after them count is equal to the kernel's.
 */
import { describe, expect, test } from 'vitest';
import { HOOK_NAMES, type HookName } from '../../src/ruleset/types.ts';
import { kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { compareWithKernel } from '../support/kernel-compare.ts';
import { sceneJob } from '../support/kernel-rules.ts';
import { scattered, tame, wild } from '../support/kernel-zoo.ts';

/** The mangle table with these rules in one chain that the hooks jump to. */
function everywhere(rules: readonly string[], hooks: readonly HookName[]): string {
  const chains = HOOK_NAMES.map((hook) => `:${hook} ACCEPT [0:0]\n`).join('');
  const jumps = hooks.map((hook) => `-A ${hook} -j all\n`).join('');
  const body = rules.map((rule) => `-A all ${rule}\n`).join('');
  return `*mangle\n${chains}:all - [0:0]\n${jumps}${body}COMMIT\n`;
}

async function agree(
  family: 4 | 6,
  rules: readonly string[],
  packets: readonly Uint8Array[],
  { hooks = HOOK_NAMES, raw = '' }: { hooks?: readonly HookName[]; raw?: string } = {},
): Promise<void> {
  const text = raw + everywhere(rules, hooks);
  const { differences, undecided } = await compareWithKernel(
    sceneJob(packets, { rules4: undefined, rules6: undefined, [`rules${family}`]: text }),
  );
  // The player knows of DROP rules only: what another target drops vanishes for it.
  const dropped = / kernel VANISHED( \([^)]*\))?, ours DROP by \w+ $/;
  expect(differences.filter((each) => !dropped.test(each)).slice(0, 20)).toEqual([]);
  expect(undecided).toEqual([]);
}

const marks = (...values: readonly number[]): string[] =>
  values.map((value) => `-m mark --mark ${value}`);
/** One rule for each bit of the mark. */
const markBits = Array.from({ length: 32 }, (_, bit) => {
  const mask = `0x${(2 ** bit).toString(16)}`;
  return `-m mark --mark ${mask}/${mask}`;
});
const connmarkBits = [0, 1, 2, 3, 4, 8, 30, 31].map((bit) => {
  const mask = `0x${(2 ** bit).toString(16)}`;
  return `-m connmark --mark ${mask}/${mask}`;
});

/** Rules that change and rules that look, by name; of one family or both. */
const CHANGES: Readonly<
  Record<
    string,
    {
      both?: readonly string[];
      v4?: readonly string[];
      v6?: readonly string[];
      hooks?: readonly HookName[];
    }
  >
> = {
  'TTL and HL': {
    hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
    v4: [
      ...['-j TTL --ttl-inc 5', '-j TTL --ttl-dec 200', '-j TTL --ttl-set 77'].flatMap((rule) => [
        rule,
        '-m ttl --ttl-gt 60',
        '-m ttl --ttl-eq 0',
        '-m u32 --u32 5&0xff=0:70',
        '-m u32 --u32 8&0xffff=0x8000:0xffff',
      ]),
      '-m ttl --ttl-eq 77',
    ],
    v6: ['-j HL --hl-inc 5', '-j HL --hl-dec 200', '-j HL --hl-set 77'].flatMap((rule) => [
      rule,
      '-m hl --hl-gt 60',
      '-m hl --hl-eq 0',
      '-m hl --hl-eq 77',
      '-m u32 --u32 4&0xff=0:70',
    ]),
  },
  'TOS and DSCP': {
    both: [
      '-j TOS --set-tos 0x12/0xff',
      '-m tos --tos 0x12/0xff',
      '-j TOS --xor-tos 0xff',
      '-m tos --tos 0xed/0xff',
      '-j TOS --and-tos 0xf0',
      '-m dscp --dscp 0x38',
      '-j DSCP --set-dscp 46',
      '-m dscp --dscp 46',
      '-m tos --tos 0/0x3',
      '-j TOS --or-tos 3',
      '-m tos --tos 0xbb/0xff',
    ],
    // Not of UDP, where the kernel fills in an IP option when it forwards.
    v4: ['-m u32 --u32 0&0xff0000=0xbb0000', '-p tcp -m u32 --u32 8&0xffff=0x8000:0xffff'],
    v6: ['-m u32 --u32 0&0xff00000=0xbb00000'],
  },
  'ECN, in the IP header': { v4: ['-j ECN --ecn-ip-ect 2', '-m ecn --ecn-ip-ect 2'] },
  'ECN, in TCP': {
    v4: [
      '-p tcp -j ECN --ecn-tcp-ece 1 --ecn-tcp-cwr 0',
      '-p tcp -m ecn --ecn-tcp-ece',
      '-p tcp -m ecn --ecn-tcp-cwr',
      '-p tcp -j ECN --ecn-tcp-remove',
      '-p tcp -m ecn ! --ecn-tcp-ece',
      '-p tcp -m u32 --u32 0>>22&0x3c@12&0xc00000=0',
      '-p tcp -m u32 --u32 0>>22&0x3c@16&0xffff0000=0x80000000:0xffff0000',
    ],
  },
  TCPOPTSTRIP: {
    both: [
      '-p tcp -m tcp --tcp-option 2',
      '-p tcp -j TCPOPTSTRIP --strip-options mss,timestamp',
      '-p tcp -m tcp --tcp-option 2',
      '-p tcp -m tcp --tcp-option 8',
      '-p tcp -m tcp --tcp-option 4',
      '-p tcp -m tcp --tcp-option 3',
      '-p tcp -j TCPOPTSTRIP --strip-options 3,4,5,30,254',
      '-p tcp -m tcp ! --tcp-option 3',
    ],
  },
  HMARK: {
    both: [
      '-j HMARK --hmark-tuple src,dst,sport,dport,proto --hmark-rnd 0xcafe --hmark-mod 4294967295',
      ...markBits,
      '-j HMARK --hmark-src-prefix 17 --hmark-sport-mask 0xff0 --hmark-dport 5 --hmark-rnd 1 --hmark-mod 10 --hmark-offset 100',
      ...marks(100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110),
      '-j HMARK --hmark-tuple spi,src,dst --hmark-spi 3 --hmark-rnd 77 --hmark-mod 1000000',
      ...markBits.slice(0, 20),
    ],
  },
  'HMARK by connection': {
    both: [
      '-j HMARK --hmark-tuple ct,src,dst,sport,dport,proto --hmark-rnd 9 --hmark-mod 4294967295',
      ...markBits,
    ],
  },
  CONNMARK: {
    both: [
      '-j CONNMARK --set-mark 5/0xf',
      ...connmarkBits,
      '-j MARK --set-mark 0x80000006',
      '-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0 --left-shift-mark 2',
      ...connmarkBits,
      '-j CONNMARK --xor-mark 0x40000001',
      '-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xffff --right-shift-mark 1',
      ...markBits,
      '-j CONNMARK --set-xmark 1/1 --left-shift-mark 1',
      ...connmarkBits,
    ],
  },
};

for (const [name, { both = [], v4 = [], v6 = [], hooks = HOOK_NAMES }] of Object.entries(CHANGES)) {
  describe(name, () => {
    for (const family of [4, 6] as const) {
      const rules = [...both, ...(family === 4 ? v4 : v6)];
      if (rules.length === 0) continue;
      test.skipIf(!kernelAvailable)(`IPv${family}, whole packets${WITHOUT_KERNEL}`, () =>
        agree(family, rules, [...tame(family), ...scattered(family)], { hooks }),
      );
      // What conntrack makes of odd headers is compared elsewhere.
      if (name === 'CONNMARK') continue;
      test.skipIf(!kernelAvailable)(`IPv${family}, odd headers${WITHOUT_KERNEL}`, () =>
        agree(family, rules, wild(family), { hooks }),
      );
    }
  });
}

describe('TCPMSS', () => {
  const syn = '-p tcp -m tcp --tcp-flags SYN SYN';
  for (const family of [4, 6] as const) {
    const rules = [
      `${syn} -j TCPMSS --set-mss 1300`,
      `${syn} -m tcpmss --mss 1300`,
      `${syn} -m tcpmss --mss 0:1299`,
      `${syn} -m length --length 0:60`,
      `${syn} -j TCPMSS --set-mss 400`,
      `${syn} -m tcpmss --mss 400`,
      `${syn} -m tcp --tcp-option 2`,
    ];
    test.skipIf(!kernelAvailable)(`IPv${family}${WITHOUT_KERNEL}`, () =>
      agree(family, rules, [...tame(family), ...scattered(family)]),
    );
    test.skipIf(!kernelAvailable)(`IPv${family}, odd headers${WITHOUT_KERNEL}`, () =>
      agree(family, rules, wild(family)),
    );
  }
});

describe('NOTRACK and CT', () => {
  const looks = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED'].map(
    (state) => `-m conntrack --ctstate ${state}`,
  );
  const table = (rules: readonly string[]): string =>
    `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules
      .flatMap((rule) => [`-A PREROUTING ${rule}\n`, `-A OUTPUT ${rule}\n`])
      .join('')}COMMIT\n`;
  test.skipIf(!kernelAvailable).each([
    ['-j NOTRACK', ['-j NOTRACK']],
    ['-j CT --notrack of some', ['-p tcp -j CT --notrack', '-p udp -j NOTRACK']],
    ['the first one counts', ['-p tcp -j CT --ctevents new', '-j NOTRACK']],
    ['--zone', ['-p tcp -j CT --zone 5', '-j CT --zone 6']],
  ] as const)(`%s${WITHOUT_KERNEL}`, async (_, raw) => {
    for (const family of [4, 6] as const) {
      await agree(family, looks, [...tame(family), ...scattered(family)], { raw: table(raw) });
    }
  });
});

describe('queues that no program listens to', () => {
  for (const family of [4, 6] as const) {
    const icmp = family === 4 ? 'icmp' : 'ipv6-icmp';
    const rules = [
      `-p ${icmp} -j NFQUEUE --queue-num 1 --queue-bypass`,
      '-p tcp -m tcp --sport 1024:1030 -j NFQUEUE',
      '-p tcp -m tcp --sport 1031:1040 -j QUEUE',
      '-p udp',
    ];
    test.skipIf(!kernelAvailable)(`IPv${family}${WITHOUT_KERNEL}`, () =>
      agree(family, rules, tame(family)),
    );
  }
});

describe('TEE', () => {
  for (const [family, gateway] of [
    [4, '198.51.100.9'],
    [6, '2001:db8:c::9'],
  ] as const) {
    const rules = [`-p udp -m udp --dport 22 -j TEE --gateway ${gateway}`, '-p udp', '-p tcp'];
    test.skipIf(!kernelAvailable)(`IPv${family}${WITHOUT_KERNEL}`, () =>
      agree(family, rules, tame(family)),
    );
  }
});
