/**
 * A line per packet, for people and for grep: number, time since the first packet (as Wireshark
 * shows it), verdict, hook, connection state, tuple, deciding rule. Columns that vary in width last.
 */
import { CTSTATE_NAMES } from '../conntrack/types.ts';
import { type PacketOutcome, VERDICTS } from '../engine/types.ts';
import { ruleText } from '../language/iptables/rule-print.ts';
import type { PacketView } from '../packet/fields.ts';
import { PACKET_OK } from '../packet/fields.ts';
import { protocolName } from '../packet/text.ts';
import type { Family } from '../ruleset/types.ts';
import { addressText, placeText } from './record.ts';
import type { Sink } from './sink.ts';
import type { Style } from './style.ts';
import { verdictStyle } from './text-chains.ts';

const longest = (words: readonly string[]): number =>
  words.reduce((most, word) => Math.max(most, word.length), 0);
const VERDICT_WIDTH = longest(VERDICTS);
const CTSTATE_WIDTH = longest(Object.values(CTSTATE_NAMES));
const HOOK_WIDTH = longest(['PREROUTING', 'POSTROUTING']);
const TUPLE_WIDTH = 46;

/** An endpoint: `192.0.2.10:22`, `[2001:db8::1]:22`, or the bare address. */
function endpoint(packet: PacketView, which: 'source' | 'destination'): string {
  const address = addressText(packet, which);
  const port = which === 'source' ? packet.sourcePort : packet.destinationPort;
  if (port < 0) return address;
  return packet.family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What the packet is: `tcp 198.51.100.20:43210 > 192.0.2.10:22`; '' for a frame that is not IP. */
export function tupleText(packet: PacketView): string {
  if (packet.problem !== PACKET_OK && packet.family !== 4 && packet.family !== 6) return '';
  if (packet.family !== 4 && packet.family !== 6) return '';
  const protocol = packet.protocol < 0 ? 'ip' : protocolName(packet.protocol);
  const icmp = packet.icmpType < 0 ? '' : ` type ${packet.icmpType} code ${packet.icmpCode}`;
  const fragment = packet.fragmentOffset > 0 ? ` fragment at ${packet.fragmentOffset}` : '';
  return `${protocol} ${endpoint(packet, 'source')} > ${endpoint(packet, 'destination')}${icmp}${fragment}`;
}

/** What decided: `filter INPUT 3 -p tcp -j DROP`, `filter INPUT policy`, or the reason. */
export function decisionText(outcome: PacketOutcome): string {
  const { table, chain, rule, reason, answer, packet } = outcome;
  const place = placeText(table, chain, rule);
  const parts = [place];
  if (rule !== undefined) {
    // The rule without `-A CHAIN`, which the place says already.
    const text = ruleText(rule.rule, rule.chain.name, packet.family as Family);
    parts.push(text.replace(`-A ${rule.chain.name} `, ''));
  }
  if (answer !== '') parts.push(`(answers ${answer})`);
  if (reason !== '') parts.push(place === '' ? reason : `(${reason})`);
  return parts.filter((part) => part !== '').join(' ');
}

/** One packet's line, without line feed. @param seconds since the first packet */
export function verdictLine(outcome: PacketOutcome, seconds: number, style: Style): string {
  const { verdict, packet } = outcome;
  return [
    String(outcome.number).padStart(6),
    seconds.toFixed(6).padStart(12),
    verdictStyle(verdict, style)(verdict.padEnd(VERDICT_WIDTH)),
    (outcome.hook === '' ? outcome.path : outcome.hook).padEnd(HOOK_WIDTH),
    outcome.ctstate.padEnd(CTSTATE_WIDTH),
    tupleText(packet).padEnd(TUPLE_WIDTH),
    style.dim(decisionText(outcome)),
  ]
    .join('  ')
    .trimEnd();
}

/** Writes the wanted packets' lines; the first packet's time counts from any packet, wanted or not. */
export function verdictLines(
  sink: Sink,
  style: Style,
  wanted: (outcome: PacketOutcome) => boolean,
): (outcome: PacketOutcome) => void {
  let startSeconds = 0;
  let startNanoseconds = 0;
  let begun = false;
  return (outcome) => {
    const { timeSeconds, timeNanoseconds } = outcome.packet;
    if (!begun) {
      startSeconds = timeSeconds;
      startNanoseconds = timeNanoseconds;
      begun = true;
    }
    if (!wanted(outcome)) return;
    // Differences first: a double does not hold nanoseconds since 1970.
    const seconds = timeSeconds - startSeconds + (timeNanoseconds - startNanoseconds) / 1e9;
    sink.write(`${verdictLine(outcome, seconds, style)}\n`);
  };
}
