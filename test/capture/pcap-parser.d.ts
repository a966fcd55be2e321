/** The part of the npm package pcap-parser that the tests use; it comes without types. */
declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events';

  export interface ParsedPacket {
    readonly header: {
      readonly timestampSeconds: number;
      readonly timestampMicroseconds: number;
      readonly capturedLength: number;
      readonly originalLength: number;
    };
    readonly data: Buffer;
  }
  /** Emits 'packet' (ParsedPacket), 'end' and 'error'. */
  export function parse(path: string): EventEmitter;
  const pcapParser: { parse: typeof parse };
  export default pcapParser;
}
