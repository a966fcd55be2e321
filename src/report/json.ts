/**
 * The JSON report: one document. Packets come first and are written as they are decided, so memory
 * does not grow with the capture; everything known only at the end follows.
 */
import type { PacketOutcome } from '../engine/types.ts';
import { packetRecord } from './record.ts';
import type { Reporter } from './reporter.ts';
import type { Sink } from './sink.ts';
import { REPORT_SCHEMA, REPORT_VERSION, summaryData } from './summary.ts';

const HEAD = `"schema": ${JSON.stringify(REPORT_SCHEMA)},\n  "version": ${REPORT_VERSION}`;

/**
 * Writes the JSON report.
 * @param wanted which packets to list; undefined: the document has no `packets`.
 */
export function jsonReporter(
  sink: Sink,
  wanted: ((outcome: PacketOutcome) => boolean) | undefined,
): Reporter {
  let listed = 0;
  let begun = false;
  const begin = (): void => {
    if (!begun) sink.write(`{\n  ${HEAD}${wanted ? ',\n  "packets": [' : ''}`);
    begun = true;
  };
  const end: Reporter['end'] = (result) => {
    begin();
    if (wanted) sink.write(listed === 0 ? ']' : '\n  ]');
    // The summary's members, at the document's own level.
    const summary = JSON.stringify(summaryData(result), undefined, 2);
    sink.write(`,${summary.slice(1)}\n`);
  };
  if (!wanted) return { end };
  return {
    packet(outcome) {
      if (!wanted(outcome)) return;
      begin();
      sink.write(`${listed === 0 ? '' : ','}\n    ${JSON.stringify(packetRecord(outcome))}`);
      listed += 1;
    },
    end,
  };
}
