/**
 * A flow as matches and reports see it: a view over its record in the table, made once a slot and
 * reused. It is valid until the flow is removed and its slot taken by another.
 */
import type { ProtocolTracker } from './protocol.ts';
import {
  FIRST_PACKET,
  FLAG_MIDSTREAM,
  FLAGS,
  KEY_PROTOCOL,
  KEY_WORDS,
  MARK,
  PROTOCOL_STATE,
  STATUS,
} from './record.ts';
import type { FlowTable } from './table.ts';
import { tupleAt } from './tuple.ts';
import type { Connection, Tuple } from './types.ts';

/** A connection in a table's slot. */
export class ConnectionView implements Connection {
  /** Its place in the table. */
  readonly slot: number;
  private readonly table: FlowTable;
  private readonly trackers: readonly ProtocolTracker[];

  constructor(table: FlowTable, slot: number, trackers: readonly ProtocolTracker[]) {
    this.table = table;
    this.slot = slot;
    this.trackers = trackers;
  }

  private word(offset: number): number {
    return this.table.state[this.table.base(this.slot) + offset] as number;
  }

  get original(): Tuple {
    return tupleAt(this.table.keys, this.table.keyAt(this.slot * 2));
  }

  get reply(): Tuple {
    return tupleAt(this.table.keys, this.table.keyAt(this.slot * 2) + KEY_WORDS);
  }

  get status(): number {
    return this.word(STATUS);
  }

  get mark(): number {
    return this.word(MARK) >>> 0;
  }

  set mark(value: number) {
    this.table.state[this.table.base(this.slot) + MARK] = value;
  }

  get protocolState(): string {
    const protocol = this.table.keys[this.table.keyAt(this.slot * 2) + KEY_PROTOCOL] as number;
    return this.trackers[protocol & 0xff]?.stateNames[this.word(PROTOCOL_STATE)] ?? '';
  }

  get expiresAt(): number {
    return this.table.expires[this.slot] as number;
  }

  get firstPacket(): number {
    return this.word(FIRST_PACKET) >>> 0;
  }

  packetCount(direction: number): number {
    return this.table.traffic[this.slot * 4 + direction * 2] as number;
  }

  byteCount(direction: number): number {
    return this.table.traffic[this.slot * 4 + direction * 2 + 1] as number;
  }

  get midStream(): boolean {
    return (this.word(FLAGS) & FLAG_MIDSTREAM) !== 0;
  }
}
