/**
 * The explain report as data: docs/report-format.md describes it, docs/schema/explain-v1.schema.json
 * checks it.
 */
import type { PacketWalk } from './walk.ts';

/** The schema's identifier: `schema` of every JSON explain report. */
export const EXPLAIN_SCHEMA = 'urn:fwreplay:schema:explain-v1';
/** Version of the explain report's format. */
export const EXPLAIN_VERSION = 1;

/** The document of some packets' walks. */
export function explainDocument(walks: readonly PacketWalk[]): Record<string, unknown> {
  return {
    schema: EXPLAIN_SCHEMA,
    version: EXPLAIN_VERSION,
    packets: walks.map((walk) => ({
      packet: walk.packet,
      connection: walk.connection,
      // A near miss is a step of the walk: named here, written out there.
      nearMisses: walk.nearMisses.map(({ hook, table, chain, rule, failed, held }) => ({
        hook,
        table,
        chain,
        rule,
        failed,
        held,
      })),
      tables: walk.tables,
    })),
  };
}
