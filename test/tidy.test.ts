/**
 * House rules that a machine can check: imports go one way, sizes, comments, names of fixtures, the
 * shape of the repository. Each failure names the file and what to do.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { allMatches } from '../src/match/registry.ts';
import { allTargets } from '../src/target/registry.ts';
import { repositoryRoot as root } from './support/shared-data.ts';

/** The stages in the packet's direction; a value import goes only to the same or an earlier one. */
const STAGES = [
  'errors.ts',
  'capture',
  'packet',
  'sets',
  'ruleset',
  'topology',
  'conntrack',
  'match',
  'target',
  'language',
  'evaluate',
  'engine',
  'report',
  'cli',
  'index.ts',
];
/** Files of types that any stage may name in `import type`: contracts between stages. */
const CONTRACTS = /\/(types|definition|fields)\.ts$/;
const LONGEST_FILE = 600;
const LONGEST_FUNCTION = 70;
/** Tables of data: may be longer than a file of code. */
const DATA_FILES = new Set(['src/match/services.ts', 'src/packet/protocols.ts']);
/** Stages whose results must follow from their inputs alone. */
const ENGINE_STAGES = STAGES.slice(0, STAGES.indexOf('report'));
const CLOCKS_AND_CHANCE =
  /\bDate\.now\b|\bMath\.random\b|\bnew Date\b|\bperformance\.now\b|\bhrtime\b|\brandomBytes\b|\brandomUUID\b/;

function filesUnder(folder: string, ending: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

const sources = filesUnder('src', '.ts').map((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return { file, text, tree: ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true) };
});
type Source = (typeof sources)[number];

function stageOf(file: string): string {
  return relative('src', file).split('/')[0] ?? '';
}

/** Everything a file imports from the project: the file and whether only types are taken. */
function importsOf({ file, tree }: Source): { to: string; typeOnly: boolean }[] {
  const found: { to: string; typeOnly: boolean }[] = [];
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) continue;
    if (!moduleSpecifier.text.startsWith('.')) continue;
    found.push({
      to: join(dirname(file), moduleSpecifier.text),
      typeOnly: takesOnlyTypes(statement),
    });
  }
  return found;
}

function takesOnlyTypes(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) {
    const { exportClause } = statement;
    if (statement.isTypeOnly) return true;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return false;
    return exportClause.elements.every((element) => element.isTypeOnly);
  }
  const { importClause } = statement;
  if (importClause === undefined) return false;
  if (importClause.isTypeOnly) return true;
  const { namedBindings } = importClause;
  if (importClause.name !== undefined || namedBindings === undefined) return false;
  return (
    ts.isNamedImports(namedBindings) && namedBindings.elements.every((each) => each.isTypeOnly)
  );
}

/** Offenders as `file: what`, so that a failure reads as a list of things to do. */
function offenders(check: (source: Source) => string[]): string[] {
  return sources.flatMap((source) => check(source).map((what) => `${source.file}: ${what}`));
}

describe('source files', () => {
  it('belong to a known stage', () => {
    expect(
      offenders(({ file }) => (STAGES.includes(stageOf(file)) ? [] : ['no such stage'])),
    ).toEqual([]);
  });

  it('import only from earlier stages', () => {
    const backwards = offenders((source) =>
      importsOf(source).flatMap(({ to, typeOnly }) => {
        const from = STAGES.indexOf(stageOf(source.file));
        if (STAGES.indexOf(stageOf(to)) <= from) return [];
        return typeOnly && CONTRACTS.test(to) ? [] : [`imports ${to}`];
      }),
    );
    expect(backwards).toEqual([]);
  });

  it('import no cycle of values', () => {
    const graph = new Map(
      sources.map((source) => [
        source.file,
        importsOf(source).flatMap(({ to, typeOnly }) => (typeOnly ? [] : [to])),
      ]),
    );
    const cycles: string[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of graph.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('open with a comment that says what they are', () => {
    expect(
      offenders(({ text }) =>
        /^(#!.*\n)?\/\*\*[^*]/.test(text) ? [] : ['opens without a /** comment */'],
      ),
    ).toEqual([]);
  });

  it(`have at most ${LONGEST_FILE} lines, tables of data aside`, () => {
    expect(
      offenders(({ file, text }) => {
        const lines = text.split('\n').length - 1;
        return lines <= LONGEST_FILE || DATA_FILES.has(file) ? [] : [`${lines} lines`];
      }),
    ).toEqual([]);
  });

  it(`have functions of at most ${LONGEST_FUNCTION} lines`, () => {
    expect(offenders(longFunctions)).toEqual([]);
  });

  it('do not read a clock or chance in the engine', () => {
    expect(
      offenders(({ file, text }) => {
        if (!ENGINE_STAGES.includes(stageOf(file))) return [];
        const found = CLOCKS_AND_CHANCE.exec(withoutComments(text));
        return found === null ? [] : [`uses ${found[0]}`];
      }),
    ).toEqual([]);
  });

  it('document every exported thing', () => {
    expect(offenders(undocumentedExports)).toEqual([]);
  });

  it('are no barrels, but for index.ts', () => {
    expect(
      offenders(({ file, tree }) => {
        const onlyExports = tree.statements.every(
          (each) => ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined,
        );
        return onlyExports && file !== 'src/index.ts' ? ['only exports what others have'] : [];
      }),
    ).toEqual([]);
  });

  it('suppress no lint without saying why', () => {
    expect(
      offenders(({ text }) =>
        [...text.matchAll(/(biome-ignore[^\n]*|@ts-ignore[^\n]*|@ts-expect-error[^\n]*)/g)]
          .map(([line]) => line)
          .filter((line) => !/: \S+ \S+/.test(line)),
      ),
    ).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '');
}

/** A factory whose lines are nearly all in the functions that it holds is not long itself. */
function longFunctions({ tree }: Source): string[] {
  const found: string[] = [];
  const lineOf = (position: number): number => tree.getLineAndCharacterOfPosition(position).line;
  const linesOf = (node: ts.Node): number => lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
  const visit = (node: ts.Node): number => {
    let inside = 0;
    node.forEachChild((child) => {
      inside += visit(child);
    });
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return inside;
    const own = linesOf(node) - inside;
    if (own > LONGEST_FUNCTION)
      found.push(`line ${lineOf(node.getStart()) + 1}: a function of ${own} lines`);
    return linesOf(node);
  };
  visit(tree);
  return found;
}

/**
 * Exports without a comment. Constants and type aliases in a row, without an empty line between
 * them, share the first one's; a file that exports one thing says in its opening what that is.
 */
function undocumentedExports({ file, text, tree }: Source): string[] {
  if (file === 'src/index.ts') return [];
  const found: string[] = [];
  let exports = 0;
  let previousEnd = -1;
  let previousDocumented = false;
  for (const statement of tree.statements) {
    const exported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    const between = text.slice(Math.max(0, previousEnd), statement.getStart());
    const mayShare: boolean =
      ts.isVariableStatement(statement) || ts.isTypeAliasDeclaration(statement);
    const shares: boolean = mayShare && previousDocumented && !/\n\s*\n/.test(between);
    const documented: boolean = ts.getJSDocCommentsAndTags(statement).length > 0 || shares;
    if (exported) exports += 1;
    if (exported && !documented) found.push(nameOf(statement));
    previousEnd = statement.getEnd();
    previousDocumented = documented;
  }
  return exports === 1 ? [] : found;
}

function nameOf(statement: ts.Statement): string {
  const text = statement.getText().split('\n')[0] ?? '';
  return `no comment on ${text.slice(0, 60)}`;
}

describe('registries', () => {
  const definitionFiles = (folder: string, marker: RegExp): string[] =>
    sources
      .filter(({ file, text }) => stageOf(file) === folder && marker.test(text))
      .map(({ file }) => relative(`src/${folder}`, file))
      .filter((file) => !['definition.ts', 'registry.ts'].includes(file));

  it.each([
    ['match', /:\s*MatchDefinition</, allMatches],
    ['target', /:\s*TargetDefinition</, allTargets],
  ] as const)('%s lists every definition of its folder', (folder, marker, registered) => {
    const registry = readFileSync(join(root, `src/${folder}/registry.ts`), 'utf8');
    const files = definitionFiles(folder, marker);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !registry.includes(`'./${file}'`))).toEqual([]);
    const names = registered.map(({ name, families }) => `${name} ${families.join(',')}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('fixtures', () => {
  const named = (folder: string, file: string): boolean => {
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    return readme.includes(file);
  };

  it('every capture is described in captures/README.md, and none is missing', () => {
    const files = readdirSync(join(root, 'captures')).filter((file) => file !== 'README.md');
    expect(files.filter((file) => !named('captures', file))).toEqual([]);
    const readme = readFileSync(join(root, 'captures/README.md'), 'utf8');
    const described = [...readme.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name ?? '');
    expect(described.filter((file) => !files.includes(file))).toEqual([]);
  });

  it('every scenario has a README that names its files', () => {
    const folders = readdirSync(join(root, 'scenarios')).filter((name) =>
      statSync(join(root, 'scenarios', name)).isDirectory(),
    );
    const missing = folders.flatMap((folder) =>
      filesUnder(`scenarios/${folder}`, '')
        .map((file) => relative(`scenarios/${folder}`, file))
        .filter((file) => file !== 'README.md' && !named(`scenarios/${folder}`, file)),
    );
    expect(missing).toEqual([]);
  });

  it('no document of docs/ is left without a link to it', () => {
    const pages = [...filesUnder('docs', '.md'), 'README.md'];
    const texts = new Map(pages.map((page) => [page, readFileSync(join(root, page), 'utf8')]));
    const linked = (page: string): boolean =>
      [...texts].some(
        ([from, text]) => from !== page && text.includes(relative(dirname(from), page)),
      );
    expect(pages.filter((page) => page !== 'README.md' && !linked(page))).toEqual([]);
  });
});

describe('the repository', () => {
  it('has nothing but the agreed things at its top', () => {
    const allowed = new Set([
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'src',
      'captures',
      'scenarios',
      'test',
      'bench',
      'docs',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      // tool configuration
      'biome.json',
      'tsconfig.build.json',
      'vitest.config.ts',
      'vitest.kernel.config.ts',
      // made by tools, ignored by git
      'node_modules',
      'dist',
      'coverage',
    ]);
    const there = readdirSync(root).filter(
      (name) => !name.startsWith('.') && !/\.(log|tgz)$/.test(name),
    );
    expect(there.filter((name) => !allowed.has(name))).toEqual([]);
  });

  it('pins no package to a place', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(lock.match(/"resolved": "(?!node_modules)[^"]*"/g) ?? []).toEqual([]);
  });

  it('ships what it says', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, string | Record<string, string>>;
      files: string[];
    };
    const schema = manifest.exports['./schema/*.json'];
    expect(typeof schema === 'string' ? join(root, dirname(schema)) : '').toBe(
      join(root, 'docs/schema'),
    );
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'scenarios', 'docs']));
  });
});
