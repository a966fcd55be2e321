/**
 * Every command that a document shows is run, with the exit status and the output that it shows.
 * Documents that nobody runs become wrong.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { commandsOf, isAsShown, wordsOf } from '../support/docs.ts';
import { repositoryRoot as root } from '../support/shared-data.ts';

const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'scenarios/server/README.md',
  'scenarios/router/README.md',
  'scenarios/tutorial/README.md',
];
const commands = documents.flatMap(commandsOf);

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** The arguments of fwreplay in a documented command; undefined when it is something else. */
function argumentsOf(command: string): string[] | undefined {
  const direct = /^(?:npx )?fwreplay (.*)$/.exec(command);
  if (direct !== null) return wordsOf(direct[1] ?? '');
  if (!/\bnpm run demo$/.test(command)) return undefined;
  const demo = /^node dist\/cli\/main\.js (.*)$/.exec(manifest.scripts.demo ?? '');
  return demo === null ? undefined : wordsOf(demo[1] ?? '');
}

/** What differs from run to run: how fast it was. */
function withoutSpeed(text: string): string {
  return text.replace(/Replayed in [^;]*;/g, 'Replayed in a moment;');
}

describe('the documents', () => {
  const runnable = commands.filter(({ runs }) => runs);

  it.each(runnable.filter(({ command }) => command !== 'npm test'))(
    '$file:$line $command',
    async ({ command, exit, output, file }) => {
      const args = argumentsOf(command);
      if (args === undefined) throw new Error(`cannot run "${command}" of ${file}: mark it norun`);
      const { code, stdout, stderr } = await runCli(args);
      expect({ code, stderr: exit === 0 ? stderr : '' }).toEqual({ code: exit, stderr: '' });
      if (output === undefined) return;
      const lines = withoutSpeed(stdout + stderr)
        .replace(/\n$/, '')
        .split('\n');
      const shown = output.map(withoutSpeed);
      if (!isAsShown(lines, shown)) expect(lines).toEqual(shown);
    },
  );

  it('README shows the two commands and a real run', () => {
    const readme = commands.filter(({ file }) => file === 'README.md');
    expect(readme.slice(0, 2).map(({ command }) => command)).toEqual([
      'npm ci && npm run demo',
      'npm test',
    ]);
    expect(readme.filter(({ output }) => output !== undefined).length).toBeGreaterThan(2);
  });

  it('link only to what is there', () => {
    const broken = documents.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map(([, target]) => target ?? '')
        .filter((target) => !existsSync(join(root, dirname(file), target)))
        .map((target) => `${file}: ${target}`);
    });
    expect(broken).toEqual([]);
  });
});
