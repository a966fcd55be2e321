/**
 * Where the optional corpus of real captures and rulesets is. It is not part of the project: tests
 * that use it skip, saying so, when it is absent.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The repository's root folder. */
export const repositoryRoot = ROOT;

/** The corpus folder, or undefined when it is absent. `FWREPLAY_TEST_DATA` overrides its place. */
export const sharedData: string | undefined = [
  process.env.FWREPLAY_TEST_DATA,
  join(ROOT, '../shared/data'),
].find((folder): folder is string => folder !== undefined && existsSync(folder));

/** Appended to the title of tests that skip without the corpus. */
export const WITHOUT_SHARED_DATA =
  sharedData === undefined ? ' (skipped: no test corpus, set FWREPLAY_TEST_DATA)' : '';

/** Files of a folder of the corpus (not recursive), full paths, sorted; [] when it is absent. */
export function sharedFiles(folder: string): string[] {
  if (sharedData === undefined) return [];
  const path = join(sharedData, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}
