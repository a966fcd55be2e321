/** Counts outcomes by verdict, path, protocol and reason for the report. */
import { protocolName } from '../packet/text.ts';
import { type PacketOutcome, type Tally, VERDICTS, type Verdict } from './types.ts';

type VerdictCounts = Record<Verdict, number>;

function zeroes(): VerdictCounts {
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as VerdictCounts;
}

/** Running totals. */
export class Tallies {
  readonly verdicts = zeroes();
  readonly byPath = new Map<string, VerdictCounts>();
  readonly byProtocol = new Map<string, VerdictCounts>();
  readonly reasons = new Map<Verdict, Map<string, Tally>>();
  /** Packets that would have been handed to a program, by what to. */
  readonly queued = new Map<string, Tally>();
  private readonly protocols = new Map<number, VerdictCounts>();

  /** Adds one outcome. */
  add(outcome: PacketOutcome): void {
    const { verdict, path, packet } = outcome;
    this.verdicts[verdict] += 1;
    if (path !== '') {
      let counts = this.byPath.get(path);
      if (counts === undefined) {
        counts = zeroes();
        this.byPath.set(path, counts);
      }
      counts[verdict] += 1;
    }
    if (packet.problem === 0) this.protocol(packet.protocol)[verdict] += 1;
    if (outcome.queued !== '') this.addQueued(outcome);
    if (outcome.reason !== '') this.reason(verdict, outcome.reason, outcome.number);
  }

  private addQueued({ queued, number }: PacketOutcome): void {
    const tally = this.queued.get(queued);
    if (tally === undefined) this.queued.set(queued, { packets: 1, firstPacket: number });
    else tally.packets += 1;
  }

  private protocol(number: number): VerdictCounts {
    let counts = this.protocols.get(number);
    if (counts === undefined) {
      counts = zeroes();
      this.protocols.set(number, counts);
      this.byProtocol.set(number < 0 ? 'malformed' : protocolName(number), counts);
    }
    return counts;
  }

  private reason(verdict: Verdict, reason: string, number: number): void {
    let reasons = this.reasons.get(verdict);
    if (reasons === undefined) {
      reasons = new Map();
      this.reasons.set(verdict, reasons);
    }
    const tally = reasons.get(reason);
    if (tally !== undefined) tally.packets += 1;
    // Reasons that name packets are many: the report keeps the first ones apart, the rest together.
    else if (reasons.size < 50) reasons.set(reason, { packets: 1, firstPacket: number });
    else {
      const rest = reasons.get('other reasons');
      if (rest === undefined) reasons.set('other reasons', { packets: 1, firstPacket: number });
      else rest.packets += 1;
    }
  }
}
