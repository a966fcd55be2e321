/**
 * What a match remembers of connections for as long as they live. A Connection object is a view of a
 * slot that another connection may take later; the number of its first packet tells them apart.
 */
import type { Connection } from '../conntrack/types.ts';

/** Values by connection. */
export class ConnectionMemory<T> {
  private readonly known = new WeakMap<Connection, { firstPacket: number; value: T }>();

  /** What is remembered of a connection, if anything. */
  get(connection: Connection): T | undefined {
    const entry = this.known.get(connection);
    return entry?.firstPacket === connection.firstPacket ? entry.value : undefined;
  }

  /** Remembers it. */
  set(connection: Connection, value: T): void {
    this.known.set(connection, { firstPacket: connection.firstPacket, value });
  }
}
