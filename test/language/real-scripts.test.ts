// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are shell scripts
/** Shell scripts, the tutorial's among them, run by a real shell with the real tools and by fwreplay. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printSave } from '../../src/language/iptables/print.ts';
import { repositoryRoot } from '../support/shared-data.ts';
import { loadForReal, realToolMissing, tablesOf } from './real-tool.ts';

const SCRIPTS: readonly string[] = [
  `A="x  y"; B='$A'; iptables -A INPUT -m comment --comment "$A$B" ; iptables -A INPUT -m comment --comment a\\ b\\"c`,
  `for p in 1 2 "3 4"; do for q in a b; do iptables -A INPUT -m comment --comment "$p-$q"; done; done`,
  `f() { iptables -A INPUT -p tcp --dport $1 -j $2; shift; iptables -A INPUT -m comment --comment "$#$1"; }; f 22 ACCEPT; f 80 DROP`,
  `iptables -N X; iptables -C INPUT -j X 2>/dev/null || iptables -I INPUT -j X && iptables -A X -j RETURN
iptables -C INPUT -j X && iptables -A X -j DROP`,
  `if iptables -C INPUT -j DROP 2>/dev/null; then iptables -A INPUT -j LOG; else iptables -A INPUT -j ACCEPT; fi; ! iptables -C INPUT -j DROP 2>/dev/null && iptables -A OUTPUT -j DROP`,
  `iptables -P INPUT DROP; iptables -A INPUT -c 5 6 -j ACCEPT; iptables-save -c >saved; iptables -F; iptables -P INPUT ACCEPT; iptables-restore -c <saved`,
  `IPT="iptables -t mangle"
$IPT -N foo
$IPT -A PREROUTING -j foo   # comment
$IPT \\
   -A foo -j MARK --set-mark 0x1 ; $IPT -A foo -j RETURN`,
  `X=5 ; Y=\${X}0; iptables -A INPUT -p tcp --dport "$Y"; Z="\${Q:-$Y}"; iptables -A INPUT -p udp --dport $Z; unset X; iptables -A INPUT -p udp --dport \${X-7}`,
  `iptables-restore <<E
*filter
:FOO - [0:0]
-A INPUT -j FOO
COMMIT
*nat
-A PREROUTING -j ACCEPT
COMMIT
E
ip6tables -A INPUT -p icmpv6 -j ACCEPT; iptables -E FOO BAR; iptables -A BAR -j ACCEPT`,
  `[ a = b ] || { iptables -A INPUT -j DROP; iptables -A OUTPUT -j DROP; }
[ -n "" ] && iptables -F
[ 3 -gt 2 ] && iptables -A FORWARD -j DROP`,
];

const TUTORIAL = join(repositoryRoot, 'scenarios/tutorial');

/** Both must have the same tables, in the same order, with the same chains and rules. */
function compare(text: string): void {
  const [real] = loadForReal([{ family: 4, kind: 'script', text }]);
  const { ruleset } = loadRuleset([{ file: 'script', text }]);
  expect(real?.message).toBe('');
  for (const family of [4, 6] as const) {
    const rules = ruleset.families.get(family);
    const mine = rules === undefined ? '' : printSave(rules, { counters: true });
    expect([...tablesOf(mine)]).toEqual([...tablesOf(real?.saves.get(family) ?? '')]);
  }
}

describe.skipIf(realToolMissing() !== undefined)('scripts as a real shell runs them', () => {
  test.each(SCRIPTS.map((text) => `#!/bin/sh\n${text}\n`))('%j', compare);

  for (const name of readdirSync(TUTORIAL).filter((each) => each.endsWith('.sh'))) {
    test(name, () => {
      compare(readFileSync(join(TUTORIAL, name), 'utf8'));
    });
  }
});
