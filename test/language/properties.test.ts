/**
 * Properties of the language: what is printed reads as the same ruleset, and no text at all makes it
 * throw anything but its own errors, or hang.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { detectFamilies, detectKind } from '../../src/language/iptables/detect.ts';
import type { LoadedRuleset } from '../../src/language/iptables/load.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import { printCommands, printList, printSave } from '../../src/language/iptables/print.ts';
import { splitLines } from '../../src/language/iptables/source.ts';
import type { Family, FamilyRuleset } from '../../src/ruleset/types.ts';
import { arbitraryAddress, arbitraryMatch, arbitraryTarget } from '../match/arbitraries.ts';

/** A word as iptables-restore reads it back. */
function quoted(word: string): string {
  return /^[^\s"\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}

/** Conditions that a rule may have without -m. */
const conditions = (family: Family): fc.Arbitrary<string[]> => {
  const address = fc
    .tuple(arbitraryAddress(family), fc.nat(family === 4 ? 32 : 128), fc.boolean())
    .map(([text, bits, inverted]) => ({ text: `${text}/${bits}`, not: inverted ? '! ' : '' }));
  const name = fc.constantFrom('eth0', 'lo', 'eth+', 'wlan0.12');
  return fc
    .record(
      {
        source: address.map(({ text, not }) => `${not}-s ${text}`),
        destination: address.map(({ text, not }) => `${not}-d ${text}`),
        input: name.map((text) => `-i ${text}`),
        ...(family === 4 ? { fragment: fc.constantFrom('-f', '! -f') } : {}),
      },
      { requiredKeys: [] },
    )
    .map((some) => Object.values(some).filter((text) => text !== undefined));
};

const matches = (family: Family): ReturnType<typeof arbitraryMatch>[] => [
  arbitraryMatch(family),
  arbitraryMatch(family),
];

/** A rule of the INPUT chain of the mangle table, which takes MARK, too. */
const rule = (family: Family): fc.Arbitrary<string> =>
  fc
    .record({
      conditions: conditions(family),
      matches: fc.tuple(...matches(family)),
      count: fc.nat(2),
      target: fc.option(arbitraryTarget(family, 'mangle')),
      packets: fc.nat(),
    })
    .map((draft) => {
      const used = draft.matches.slice(0, draft.count);
      const all = [...used, ...(draft.target === null ? [] : [draft.target])];
      const protocols = new Set(all.map((each) => each.protocol).filter((name) => name !== ''));
      const [protocol] = protocols;
      // Extensions of two protocols cannot meet in a rule: the first one's is kept.
      const fits = (each: { protocol: string }): boolean =>
        each.protocol === '' || each.protocol === protocol;
      const words = [
        ...draft.conditions,
        ...(protocol === undefined ? [] : [`-p ${protocol}`]),
        ...used.filter(fits).map((each) => ['-m', each.name, ...each.words].map(quoted).join(' ')),
        ...(draft.target !== null && fits(draft.target)
          ? [['-j', draft.target.name, ...draft.target.words].map(quoted).join(' ')]
          : []),
      ];
      return `[${draft.packets}:${draft.packets * 40}] -A INPUT ${words.join(' ')}`;
    });

function load(text: string, family?: Family): LoadedRuleset {
  return loadRuleset([{ file: 'text', text, ...(family === undefined ? {} : { family }) }]);
}

function familyOf(loaded: LoadedRuleset, family: Family): FamilyRuleset {
  const rules = loaded.ruleset.families.get(family);
  if (rules === undefined) throw new Error('no rules of the family');
  return rules;
}

describe.each([4, 6] as const)('IPv%i', (family) => {
  test('what is printed reads as the same ruleset', () => {
    fc.assert(
      fc.property(fc.array(rule(family), { maxLength: 6 }), (rules) => {
        const text = `*mangle\n:INPUT DROP [1:2]\n${rules.map((each) => `${each}\n`).join('')}COMMIT\n`;
        const first = familyOf(load(text, family), family);
        const printed = printSave(first, { counters: true });
        const second = familyOf(load(printed), family);
        expect(printSave(second, { counters: true })).toBe(printed);
        expect(first.tables.get('mangle')?.chains.get('INPUT')?.rules.length).toBe(rules.length);
        for (const numeric of [false, true]) {
          const style = { table: 'mangle', numeric, verbose: true } as const;
          expect(printList(second, style)).toBe(printList(first, style));
        }
        // The same by `iptables -S`, its lines run as commands.
        const commands = printCommands(first, { table: 'mangle', verbose: true });
        const third = familyOf(load(`*mangle\n${commands}COMMIT\n`, family), family);
        expect(printSave(third, { counters: true })).toBe(printed);
      }),
      { numRuns: 150 },
    );
  });
});

/** Loads; only RulesetError may come. */
function loads(text: string, family?: Family): boolean {
  try {
    load(text, family);
    return true;
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    for (const { where, sourceLine } of error.diagnostics) {
      expect(where?.line).toBeGreaterThan(0);
      expect(where?.column).toBeGreaterThan(0);
      expect(sourceLine).toBeDefined();
    }
    expect(error.message.length).toBeGreaterThan(0);
    return false;
  }
}

const FRAGMENTS = [
  '*filter\n',
  '*nat\n',
  'COMMIT\n',
  ':INPUT ACCEPT [0:0]\n',
  ':FOO - [0:0]\n',
  '-A INPUT ',
  '-A FOO ',
  '-j FOO\n',
  '-g FOO\n',
  '[1:2] ',
  '-p tcp ',
  '--dport ',
  '22 ',
  '-m ',
  'state ',
  '--state NEW ',
  '-j ACCEPT\n',
  '-j REJECT\n',
  '-s ',
  '10.0.0.0/8',
  '2001:db8::/32',
  ',',
  '! ',
  '"',
  "'",
  '\\',
  '\n',
  '\r\n',
  '#',
  ' ',
  '\t',
  'iptables ',
  'ip6tables -t mangle ',
  'sudo ',
  'iptables-restore <<EOF\n',
  'EOF\n',
  'iptables-save > f\n',
  'iptables-restore < f\n',
  'X=1\n',
  'X=$X$X\n',
  '$X',
  `\${X:-y}`,
  '$(id -u)',
  '`',
  '$((',
  'for i in 1 2; do ',
  'done\n',
  'if iptables -L; then ',
  'else ',
  'fi\n',
  'f() {\n',
  '}\n',
  'f\n',
  '&& ',
  '|| ',
  '| ',
  '; ',
  '2>/dev/null ',
  '< ',
  '<< ',
  '(',
  ')',
  'echo ',
  'exit\n',
  '[ a = b ] ',
  'while ',
  '\u0000',
  'é€😀',
];

describe('any text', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 40 }).map((parts) => parts.join('')),
    fc
      .array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 3 })), {
        maxLength: 40,
      })
      .map((parts) => `#!/bin/sh\n${parts.join('')}`),
    fc
      .array(fc.constantFrom(...FRAGMENTS), { maxLength: 40 })
      .map((parts) => `*filter\n${parts.join('')}\nCOMMIT\n`),
  );

  test('loads or is refused with places', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(undefined, 4 as const, 6 as const), (each, family) => {
        loads(each, family);
      }),
      { numRuns: 2000 },
    );
  });

  test('has a kind and a family', () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(['save', 'commands', 'script']).toContain(detectKind(splitLines(each, 'text')));
        expect(detectFamilies(each).length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('sizes', () => {
  test('a deep nest of chains, a loop at its end', () => {
    const count = 5000;
    const chains = Array.from({ length: count }, (_, i) => `:c${i} - [0:0]\n`).join('');
    const jumps = Array.from({ length: count - 1 }, (_, i) => `-A c${i} -j c${i + 1}\n`).join('');
    const text = `*filter\n${chains}${jumps}-A INPUT -j c0\nCOMMIT\n`;
    expect(loads(text)).toBe(true);
    const looped = text.replace('COMMIT', `-A c${count - 1} -j c0\nCOMMIT`);
    expect(() => load(looped)).toThrow(/Too many levels of symbolic links/);
    const manyLoops = text.replace('COMMIT', `${`-A c${count - 1} -j c0\n`.repeat(20_000)}COMMIT`);
    expect(() => load(manyLoops)).toThrow(/c0 → c1 → .* → … 4991 more … → c4999 → c0/);
  });

  test('variables that grow without end are refused', () => {
    const text = `X=aaaaaaaaaaaaaaaa\n${'X=$X$X$X$X$X$X$X$X\n'.repeat(40)}iptables -A INPUT -s $X\n`;
    expect(loads(text)).toBe(false);
  });
});
