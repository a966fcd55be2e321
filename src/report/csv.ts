/**
 * The CSV report: a header line, then a line per packet, as RFC 4180 but with a bare line feed,
 * which spreadsheets read too and text tools expect.
 */
import type { PacketOutcome } from '../engine/types.ts';
import type { PacketRecord } from './record.ts';
import { packetRecord } from './record.ts';
import type { Reporter } from './reporter.ts';
import type { Sink } from './sink.ts';

/** The columns, in order; keys of `PacketRecord`. */
export const CSV_COLUMNS = [
  'number',
  'time',
  'verdict',
  'family',
  'protocol',
  'source',
  'sourcePort',
  'destination',
  'destinationPort',
  'icmpType',
  'icmpCode',
  'length',
  'in',
  'out',
  'path',
  'hook',
  'table',
  'chain',
  'rule',
  'file',
  'line',
  'answer',
  'ctstate',
  'ctreason',
  'reason',
] as const satisfies readonly (keyof PacketRecord)[];

/** A field, quoted where RFC 4180 asks for it; null is empty. */
export function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes the CSV report. */
export function csvReporter(sink: Sink, wanted: (outcome: PacketOutcome) => boolean): Reporter {
  let begun = false;
  const begin = (): void => {
    if (!begun) sink.write(`${CSV_COLUMNS.join(',')}\n`);
    begun = true;
  };
  return {
    packet(outcome) {
      if (!wanted(outcome)) return;
      begin();
      const record = packetRecord(outcome);
      sink.write(`${CSV_COLUMNS.map((column) => csvField(record[column])).join(',')}\n`);
    },
    end: begin,
  };
}
