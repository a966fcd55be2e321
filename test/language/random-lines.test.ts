/**
 * Command lines put together at random (from a fixed seed), good and bad, through the real tool and
 * through fwreplay: both must accept or refuse with the same words, and save the same rules.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import type { Family } from '../../src/ruleset/types.ts';
import type { RealCase } from './real-tool.ts';
import { askRealTool, normalMessage, realToolMissing, shellLine } from './real-tool.ts';

/** Pieces of command lines. Those that need others come without them as well. */
const PIECES = `-p tcp|-p udp|-p icmp|-p 6|-p all|! -p tcp|-p icmpv6|-p foo|-i eth0|-i eth+|! -i lo
-o eth1|-s ADDRESS|! -s ADDRESS|-d ADDRESS|-s ADDRESS,OTHER|--dport 22|--dport 22:80|--sport 1024:
! --dport 80|--dport|--syn|! --syn|--tcp-flags SYN,ACK SYN|--icmp-type 8|--icmpv6-type 128|-m tcp
-m udp|-m icmp|-m icmp6|-m state --state NEW|-m state|--state ESTABLISHED|-m conntrack
--ctstate RELATED,ESTABLISHED|! --ctstate INVALID|-m multiport|--dports 80,443|--ports 1,2|--sports 53
-m comment --comment x|-m comment|--comment y|-m limit|--limit 5/s|--limit-burst 3|-m mark --mark 1
! --mark 2|-m mac --mac-source 00:11:22:33:44:55|-m length --length 10:20|-m ttl --ttl-eq 5
-m hl --hl-eq 5|-m addrtype --dst-type LOCAL|-m pkttype --pkt-type host|-m foo|-j ACCEPT|-j DROP
-j RETURN|-j REJECT|--reject-with tcp-reset|-j LOG|--log-prefix z|-j MARK --set-mark 3|-j USER|-g USER
-j NONE|-f|! -f|-c 1 2|-v|-n|!|extra|--|-t filter|-t mangle`
  .split(/[|\n]/)
  .filter((piece) => piece !== '');

const COMMANDS = ['-A INPUT', '-A INPUT', '-A FORWARD', '-A OUTPUT', '-I INPUT', '-A USER'];

const ADDRESSES: Readonly<Record<Family, [string, string]>> = {
  4: ['10.1.2.3/8', '192.0.2.1'],
  6: ['2001:db8::1/32', 'fe80::1'],
};

const lineArbitrary = (family: Family): fc.Arbitrary<string[]> =>
  fc
    .tuple(
      fc.constantFrom(...COMMANDS),
      fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }),
      fc.nat(6),
    )
    .map(([command, pieces, at]) => {
      const [address, other] = ADDRESSES[family];
      return pieces
        .toSpliced(Math.min(at, pieces.length), 0, command)
        .join(' ')
        .replaceAll('ADDRESS', address)
        .replaceAll('OTHER', other)
        .split(' ');
    });

function own(each: RealCase): { message: string; save: string } {
  const tool = each.family === 4 ? 'iptables' : 'ip6tables';
  const commands = [...(each.setup ?? []), each.command ?? []];
  const text = `#!/bin/sh\n${commands.map((words) => `${shellLine(tool, words)}\n`).join('')}`;
  try {
    const { ruleset } = loadRuleset([{ file: 'line', text }]);
    const rules = ruleset.families.get(each.family);
    const table = each.table === 'mangle' ? 'mangle' : 'filter';
    const save = rules === undefined ? '' : printSave(rules, { counters: true, table });
    return { message: '', save: save.replace(/^#.*\n/gm, '') };
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return { message: normalMessage(error.diagnostics[0]?.message ?? ''), save: '' };
  }
}

describe.skipIf(realToolMissing() !== undefined)('random command lines', () => {
  test.each([
    [4, 20261],
    [6, 20262],
  ] as const)('IPv%i', (family, seed) => {
    const lines = fc.sample(lineArbitrary(family), { numRuns: 500, seed });
    const cases: RealCase[] = lines.map((command) => ({
      family,
      setup: [
        ['-N', 'USER'],
        ['-t', 'mangle', '-N', 'USER'],
      ],
      command,
      table: command.includes('mangle') ? 'mangle' : 'filter',
      listings: false,
    }));
    const answers = askRealTool(cases);
    const mine: string[] = [];
    const real: string[] = [];
    cases.forEach((each, index) => {
      const answer = answers[index];
      if (answer === undefined) return;
      const { message, save } = own(each);
      const line = each.command?.join(' ');
      real.push(`${line} ⇒ ${answer.status === 0 ? answer.save : answer.message}`);
      mine.push(`${line} ⇒ ${message === '' ? save : message}`);
    });
    expect(mine.length).toBe(500);
    const different = mine.filter((text, index) => text !== real[index]);
    expect(different).toEqual(real.filter((text, index) => text !== mine[index]));
  });
});
