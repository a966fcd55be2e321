/** Sets on the command line: --ipset FILE beside rules, and shown by themselves. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { withFolder } from '../support/kernel.ts';

const RULES = '*filter\n-A INPUT -m set --match-set s src -j DROP\nCOMMIT\n';
const SETS = 'create s hash:ip initval 1\nadd s 192.0.2.1\n';

it('rules find the sets of --ipset; a file of sets is shown as ipset prints it', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'sets');
    writeFileSync(file, SETS);
    const alone = await runCli(['show', '-', '--as', 'commands'], { stdin: RULES });
    expect(alone.stderr).toContain("Set s doesn't exist.");
    const both = await runCli(['show', '-', '--ipset', file, '--as', 'commands'], { stdin: RULES });
    expect(both.stderr).toBe('');
    expect(both.stdout).toContain('-A INPUT -m set --match-set s src -j DROP\n');
    const sets = await runCli(['show', file, '--as', 'save']);
    expect(sets.stdout).toBe(
      'create s hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001\nadd s 192.0.2.1\n',
    );
  }));
