/** Files that are no plain text are refused as such; files with nothing in them are warned of. */
import { expect, it } from 'vitest';
import { RulesetError } from '../../src/errors.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';

const SAVED = '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n';

function refusal(text: string): string[] {
  try {
    loadRuleset([{ text, file: 'f' }]);
  } catch (error) {
    if (!(error instanceof RulesetError)) throw error;
    return error.diagnostics.map(({ code, where }) => `${code} ${where?.line}:${where?.column}`);
  }
  return [];
}

it('refuses a byte order mark', () => {
  expect(refusal(`\ufeff${SAVED}`)).toEqual(['byte-order-mark 1:1']);
});

it.each(['utf16le', 'latin1'] as const)('refuses UTF-16 (%s)', (mark) => {
  const bytes = Buffer.concat([
    mark === 'utf16le' ? Buffer.of(0xff, 0xfe) : Buffer.alloc(0),
    Buffer.from(SAVED, 'utf16le'),
  ]);
  expect(refusal(bytes.toString('utf8'))).toEqual(['utf-16 1:1']);
});

it('refuses a NUL byte at its place', () => {
  expect(refusal(SAVED.replace('-j DROP', '-j DROP\0'))).toEqual(['not-text 3:17']);
});

it.each(['', '\n\n', '# nothing\n'])('warns of %j', (text) => {
  const { ruleset, diagnostics } = loadRuleset([{ text, file: 'f' }]);
  expect(ruleset.families.size).toBe(0);
  expect(diagnostics.map(({ code }) => code)).toEqual(['no-tables']);
});

it('does not warn of tables without rules', () => {
  expect(loadRuleset([{ text: '*filter\nCOMMIT\n', file: 'f' }]).diagnostics).toEqual([]);
});
