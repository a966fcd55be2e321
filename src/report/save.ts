/**
 * The report in the form of `iptables-save -c`: the ruleset with the replay's counters, to be
 * compared by `diff` with a live host's. Without a date, so that equal replays give equal files.
 */
import type { ReplayResult } from '../engine/types.ts';
import { printSave } from '../language/iptables/print.ts';
import type { Family } from '../ruleset/types.ts';
import type { Reporter } from './reporter.ts';
import type { Sink } from './sink.ts';

/**
 * Writes the ruleset.
 * @param families which families, in this order; those that the ruleset does not have are left out
 */
export function saveReporter(sink: Sink, families: readonly Family[]): Reporter {
  return {
    end(result: ReplayResult) {
      for (const family of families) {
        const ruleset = result.ruleset.families.get(family);
        if (ruleset !== undefined) sink.write(printSave(ruleset, { counters: true }));
      }
    },
  };
}
