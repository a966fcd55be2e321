/** The corpus of a pcapng test generator: its files hold what their descriptions say. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sharedFiles, WITHOUT_SHARED_DATA } from '../support/shared-data.ts';
import { readPaths } from './support.ts';

const files = sharedFiles('captures/pcapng-conformance').filter((file) => file.endsWith('.pcapng'));

/** `EPB: 3` and so on; the little-endian files have the descriptions of the big-endian ones. */
function blockCounts(file: string): Map<string, number> {
  const description = file.replace('output_le', 'output_be').replace(/\.pcapng$/, '.txt');
  const counts = new Map<string, number>();
  if (!existsSync(description)) return counts;
  for (const [, name = '', count] of readFileSync(description, 'utf8').matchAll(
    /^\t(\w+): (\d+)/gm,
  ))
    counts.set(name, Number(count));
  return counts;
}

describe.skipIf(files.length === 0)(`pcapng conformance${WITHOUT_SHARED_DATA}`, () => {
  it.each(files.map((file) => [basename(file), file]))('%s', async (_, file) => {
    const counts = blockCounts(file);
    expect(counts.get('SHB')).toBeGreaterThan(0);
    const { frames, interfaces, error, notes } = await readPaths([file], 256);
    expect(error).toBeUndefined();
    const of = (...names: string[]): number =>
      names.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
    expect(frames).toHaveLength(of('EPB', 'SPB', 'PB'));
    expect(interfaces).toHaveLength(of('IDB'));
    expect(notes.some(({ code }) => code === 'no-timestamp')).toBe(of('SPB') > 0);
    const skipped = notes
      .filter(({ code }) => code === 'skipped-block')
      .reduce((sum, { message }) => sum + Number.parseInt(message, 10), 0);
    expect(skipped).toBe(of('NRB', 'CB', 'DCB', 'DSB'));
    expect(notes.filter(({ code }) => code === 'truncated-file')).toEqual([]);
  });

  it('both byte orders hold the same', async () => {
    for (const file of files.filter((name) => name.includes('output_le'))) {
      const little = await readPaths([file]);
      const big = await readPaths([file.replace('output_le', 'output_be')]);
      expect(little.frames).toEqual(big.frames);
      expect(little.interfaces.map((one) => ({ ...one, file: '' }))).toEqual(
        big.interfaces.map((one) => ({ ...one, file: '' })),
      );
    }
  });
});
