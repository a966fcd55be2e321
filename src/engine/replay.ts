/**
 * The replay: capture → decode → vantage → reassembly → hooks → outcome. Streams; memory is bounded
 * by the flow tables and the block size. Nothing here reads the wall clock or randomness.
 */
import { openCapture } from '../capture/reader.ts';
import { type CaptureReader, Frame } from '../capture/types.ts';
import type { Diagnostic } from '../errors.ts';
import { loadRuleset } from '../language/iptables/load.ts';
import { decode } from '../packet/decode.ts';
import { PACKET_OK, PacketView } from '../packet/fields.ts';
import type { Ruleset } from '../ruleset/types.ts';
import { VantageObserver } from '../topology/infer.ts';
import { createTopology } from '../topology/topology.ts';
import type { Topology } from '../topology/types.ts';
import { parseVantage } from '../topology/vantage.ts';
import { Doctor } from './doctor.ts';
import { Engine, newOutcome } from './engine.ts';
import { peek } from './peek.ts';
import { Tallies } from './tallies.ts';
import type { AssumptionUse, ReplayOptions, ReplayResult } from './types.ts';

interface Sight {
  readonly reader: CaptureReader;
  readonly topology: Topology;
  readonly certain: boolean;
  readonly notes: readonly string[];
}

/** Finds the vantage: as given, completed or inferred by a look at the capture's beginning. */
async function findVantage(options: ReplayOptions): Promise<Sight> {
  const given = parseVantage({
    local: options.vantage?.local ?? [],
    interface: options.vantage?.interface ?? [],
    route: options.vantage?.route ?? [],
  });
  const isGiven = given.local.length > 0 || given.interfaces.some(({ name }) => name !== 'lo');
  const reader = await openCapture(options.captures);
  try {
    const observer = new VantageObserver();
    const packet = new PacketView();
    const again = await peek(reader, (frame) => {
      if (decode(frame, packet) === PACKET_OK) observer.observe(packet);
    });
    const captured = reader.interfaces;
    const inferred = isGiven
      ? { ...observer.complete(given, captured), certain: true }
      : observer.conclude(captured, given);
    const { vantage, sightings, certain } = inferred;
    const topology = createTopology(vantage, { captured, sightings });
    const notes = [...topology.description, ...inferred.notes];
    return { reader: again, topology, certain, notes };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function loadRules(options: ReplayOptions): { ruleset: Ruleset; warnings: readonly Diagnostic[] } {
  if (options.ruleset !== undefined) return { ruleset: options.ruleset, warnings: [] };
  const { ruleset, diagnostics } = loadRuleset(options.rules ?? []);
  return { ruleset, warnings: diagnostics };
}

/** What was taken for given: by the user first. */
function assumptionsOf(engine: Engine, tallies: Tallies): AssumptionUse[] {
  const stated = engine.assumptions.all.map(({ text, holds, packets, firstPacket }) => ({
    text: `${text}=${holds ? 'yes' : 'no'}`,
    stated: true,
    packets,
    firstPacket,
  }));
  const queued = [...tallies.queued].map(([target, tally]) => ({
    text: `no program listens to the queue of ${target}`,
    stated: false,
    ...tally,
  }));
  return [...stated, ...queued];
}

/**
 * Replays captures against a ruleset.
 * @throws RulesetError, CaptureError, UsageError
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { ruleset, warnings } = loadRules(options);
  const { reader, topology, certain, notes } = await findVantage(options);
  try {
    const engine = new Engine(ruleset, topology, options);
    const checksums = options.checksums ?? false;
    const doctor = new Doctor(checksums);
    const tallies = new Tallies();
    const frame = new Frame();
    const packet = new PacketView();
    const outcome = newOutcome(packet);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    let packets = 0;
    let frameBytes = 0;
    let firstTime = 0;
    let lastTime = 0;
    while (packets < limit && (await reader.fill())) {
      while (packets < limit && reader.next(frame)) {
        packets += 1;
        frameBytes += frame.originalLength;
        lastTime = frame.timeSeconds + frame.timeNanoseconds / 1e9;
        if (packets === 1) firstTime = lastTime;
        decode(frame, packet);
        doctor.before(packet);
        engine.decide(packet, frame.number, outcome, options.observe?.(frame.number));
        doctor.after(outcome);
        tallies.add(outcome);
        options.onPacket?.(outcome);
      }
      options.onProgress?.(packets, reader.bytesRead, reader.bytesTotal);
    }
    const truncated = reader.notes.filter((note) => note.code === 'truncated-file').length;
    return {
      files: reader.files,
      ruleset: engine.counted(),
      warnings: [...warnings, ...engine.unusedAssumptions()],
      vantage: notes,
      vantageCertain: certain,
      packets,
      frameBytes,
      firstTime,
      lastTime,
      verdicts: tallies.verdicts,
      byPath: tallies.byPath,
      byProtocol: tallies.byProtocol,
      reasons: tallies.reasons,
      doctor: doctor.notes(truncated, frame.number),
      undecidedMatches: engine.undecidedMatches(),
      assumptions: assumptionsOf(engine, tallies),
      seed: engine.seedUsed,
      connections: engine.tracker.size,
      bytesRead: reader.bytesRead,
    };
  } finally {
    reader.close();
  }
}
