/**
 * The public library of fwreplay: replay a capture against a ruleset, and the parts it is made of.
 * Everything not exported here is internal and may change.
 */
export { openCapture } from './capture/reader.ts';
export { type CaptureInterface, type CaptureReader, Frame } from './capture/types.ts';
export { replay } from './engine/replay.ts';
export {
  type AssumptionUse,
  type DoctorNote,
  type PacketObserver,
  type PacketOutcome,
  type ReplayOptions,
  type ReplayResult,
  type RulesetSource,
  VERDICTS,
  type Verdict,
} from './engine/types.ts';
export {
  CaptureError,
  type Diagnostic,
  FwreplayError,
  formatDiagnostic,
  type Position,
  RulesetError,
  UsageError,
} from './errors.ts';
export { loadRuleset } from './language/iptables/load.ts';
export { printList, printSave } from './language/iptables/print.ts';
export type { RecentEntry, ReplaySettings } from './match/replay-state.ts';
export { decode } from './packet/decode.ts';
export { PacketView } from './packet/fields.ts';
export { type PacketRecord, packetRecord } from './report/record.ts';
export { summaryData } from './report/summary.ts';
export { type PacketWalk, recordWalk, type WalkRecorder } from './report/walk.ts';
export type {
  Chain,
  Family,
  FamilyRuleset,
  Rule,
  Ruleset,
  Table,
  TableName,
} from './ruleset/types.ts';
