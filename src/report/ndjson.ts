/**
 * The NDJSON report: an object per line, told apart by `type`: `packet` for each listed packet,
 * then one `summary`, which has the members of the JSON report.
 */
import type { PacketOutcome } from '../engine/types.ts';
import { packetRecord } from './record.ts';
import type { Reporter } from './reporter.ts';
import type { Sink } from './sink.ts';
import { REPORT_SCHEMA, REPORT_VERSION, summaryData } from './summary.ts';

/** Writes the NDJSON report. */
export function ndjsonReporter(sink: Sink, wanted: (outcome: PacketOutcome) => boolean): Reporter {
  return {
    packet(outcome) {
      if (!wanted(outcome)) return;
      sink.write(`${JSON.stringify({ type: 'packet', ...packetRecord(outcome) })}\n`);
    },
    end(result) {
      const head = { type: 'summary', schema: REPORT_SCHEMA, version: REPORT_VERSION };
      sink.write(`${JSON.stringify({ ...head, ...summaryData(result) })}\n`);
    },
  };
}
