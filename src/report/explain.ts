/**
 * The explain report for people: what the packet is, what decided, near misses first, then the walk
 * through every table, chain and rule with the condition that failed.
 */
import { connectionText } from './connection.ts';
import { paragraph } from './layout.ts';
import type { PacketRecord } from './record.ts';
import type { Style } from './style.ts';
import { verdictStyle } from './text-chains.ts';
import { plural } from './units.ts';
import type { NearMiss, PacketWalk, RuleStep, TableWalk } from './walk.ts';

/** How to print a walk. */
export interface ExplainOptions {
  readonly style: Style;
  /** Columns of text. */
  readonly width: number;
  /** Show every rule of a long walk, also the runs that missed. */
  readonly allRules: boolean;
  /** The comment lines written before a rule in its source file; [] when there are none. */
  readonly commentsBefore: (file: string, line: number) => readonly string[];
}

const MOST_NEAR_MISSES = 5;
/** In a longer walk of a table, runs of rules that missed are folded. */
const MOST_STEPS = 100;

/** An endpoint of the packet: `192.0.2.10:22`, `[2001:db8::1]:22` or the bare address. */
function endpoint(address: string | null, port: number | null): string {
  if (address === null) return '?';
  if (port === null) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function packetText(packet: PacketRecord): string {
  if (packet.family === null) return 'not an IP packet';
  const icmp = packet.icmpType === null ? '' : ` type ${packet.icmpType} code ${packet.icmpCode}`;
  const from = endpoint(packet.source, packet.sourcePort);
  const to = endpoint(packet.destination, packet.destinationPort);
  return `${packet.protocol ?? 'ip'} ${from} > ${to}${icmp}, ${packet.length} bytes`;
}

function wayText(packet: PacketRecord): string {
  const parts = [
    packet.path === null ? '' : packet.path,
    packet.in === null ? '' : `in by ${packet.in}`,
    packet.out === null ? '' : `out by ${packet.out}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** What decided: `filter INPUT rule 3`, `the policy of filter INPUT`; '' when nothing did. */
function deciderText(packet: PacketRecord): string {
  if (packet.chain === null) return '';
  return packet.rule === null
    ? `the policy of ${packet.table} ${packet.chain}`
    : `${packet.table} ${packet.chain} rule ${packet.rule}`;
}

function headLines(walk: PacketWalk, options: ExplainOptions): string[] {
  const { style } = options;
  const { packet, connection } = walk;
  const state =
    packet.ctstate === null
      ? []
      : [`  ctstate ${packet.ctstate}${packet.ctreason === null ? '' : ` (${packet.ctreason})`}`];
  const began = connection?.midStream ? '; picked up in mid-stream' : '';
  const known = connection === null || connection.confirmed ? '' : '; not confirmed';
  const entry =
    connection === null
      ? []
      : paragraph(
          '  conntrack  ',
          `${connectionText(connection)} (made by packet ${connection.firstPacket}${known}${began})`,
          options.width,
        );
  const way = wayText(packet);
  return [
    style.bold(`Packet ${packet.number}: ${packetText(packet)}`),
    `  time ${packet.time}${way === '' ? '' : `; ${way}`}`,
    ...state,
    ...entry,
  ];
}

function sourceLines(
  step: {
    readonly file: string | null;
    readonly line: number | null;
    readonly source: string | null;
  },
  options: ExplainOptions,
): string[] {
  const { file, line, source } = step;
  if (file === null || line === null) return [];
  return [
    ...options.commentsBefore(file, line).map((text) => `  ${options.style.dim(text.trim())}`),
    `  ${file}:${line}: ${source?.trim() ?? ''}`,
  ];
}

function decidingStep(walk: PacketWalk): RuleStep | undefined {
  const { packet } = walk;
  if (packet.rule === null) return undefined;
  for (const table of [...walk.tables].reverse()) {
    const found = table.steps.find(
      ({ chain, rule, result }) =>
        chain === packet.chain && rule === packet.rule && result !== 'missed',
    );
    if (found !== undefined && table.table === packet.table) return found;
  }
  return undefined;
}

function verdictLines(walk: PacketWalk, options: ExplainOptions): string[] {
  const { style } = options;
  const { packet } = walk;
  const decider = deciderText(packet);
  const answer = packet.answer === null ? '' : `, answers ${packet.answer}`;
  const reason = packet.reason === null ? '' : `: ${packet.reason}`;
  const word = style.bold(verdictStyle(packet.verdict, style)(packet.verdict));
  const step = decidingStep(walk);
  return [
    `${word}${decider === '' ? '' : ` by ${decider}`}${answer}${reason}`,
    ...(step === undefined ? [] : sourceLines(step, options)),
  ];
}

function nearMissLines(misses: readonly NearMiss[], options: ExplainOptions): string[] {
  const { style, width } = options;
  if (misses.length === 0) return [];
  const lines = misses
    .slice(0, MOST_NEAR_MISSES)
    .flatMap(({ table, step, failed }) => [
      ...paragraph(
        '  ',
        `${table} ${step.chain} rule ${step.rule} (${step.target === '' ? 'no target' : step.target}) missed only on ${failed}${notAskedText(step)}`,
        width,
      ),
      ...sourceLines(step, options).map((line) => style.dim(`  ${line}`)),
    ]);
  return ['', style.bold('Near misses'), ...lines];
}

function notAskedText(step: RuleStep): string {
  return step.notAsked.length === 0 ? '' : ` (${step.notAsked.join(', ')} was not asked)`;
}

const MARKS: Readonly<Record<RuleStep['result'], string>> = {
  matched: '+',
  missed: '-',
  undecided: '?',
  hotdrop: '!',
};

function stepLines(step: RuleStep, options: ExplainOptions): string[] {
  const { style, width } = options;
  const first = `    ${MARKS[step.result]} ${`${step.chain} ${step.rule}`.padEnd(14)} `;
  const paint = step.result === 'missed' ? style.dim : style.bold;
  const lines = paragraph(first, step.text, width).map(paint);
  const why = step.failed[0];
  if (why === undefined) return lines;
  const more = step.failed.length - 1;
  const also = more > 0 ? ` (and ${step.failed.slice(1).join('; ')})` : '';
  const indent = `${' '.repeat(first.length)}${step.result}: `;
  return [...lines, ...paragraph(indent, `${why}${also}`, width)];
}

/** The steps' lines; in a long walk a run of rules that missed is one line. */
function stepsLines(steps: readonly RuleStep[], options: ExplainOptions): string[] {
  const fold = !options.allRules && steps.length > MOST_STEPS;
  const lines: string[] = [];
  let folded = 0;
  const unfold = (): void => {
    if (folded > 0)
      lines.push(
        options.style.dim(`    … ${plural(folded, 'rule')} missed: --all-rules shows them`),
      );
    folded = 0;
  };
  for (const step of steps) {
    if (fold && step.result === 'missed') {
      folded += 1;
      continue;
    }
    unfold();
    lines.push(...stepLines(step, options));
  }
  unfold();
  return lines;
}

function tableLines(walk: TableWalk, options: ExplainOptions): string[] {
  const { style } = options;
  const mark = walk.mark === 0 ? '' : `, mark 0x${walk.mark.toString(16)}`;
  const way = [
    walk.in === null ? '' : ` -i ${walk.in}`,
    walk.out === null ? '' : ` -o ${walk.out}`,
  ];
  return [
    style.cyan(`  ${walk.table} ${walk.hook}${way.join('')}${mark}`),
    ...stepsLines(walk.steps, options),
    ...(walk.policy === null
      ? []
      : [`    = policy ${verdictStyle(walk.policy, style)(walk.policy)}`]),
  ];
}

/** The walk as lines. */
export function explainLines(walk: PacketWalk, options: ExplainOptions): string[] {
  const { style } = options;
  const tables = walk.tables.flatMap((table) => tableLines(table, options));
  return [
    ...headLines(walk, options),
    '',
    ...verdictLines(walk, options),
    ...nearMissLines(walk.nearMisses, options),
    ...(tables.length === 0 ? [] : ['', style.bold('Walk'), ...tables]),
  ];
}

/** The comment lines (`# …`) straight above a line of a text, in order. @param line from 1 */
export function commentsBefore(text: string, line: number): string[] {
  const lines = text.split('\n');
  const found: string[] = [];
  for (let at = line - 2; at >= 0; at--) {
    const each = lines[at]?.trim() ?? '';
    if (!each.startsWith('#') || each.startsWith('#!')) break;
    found.unshift(each);
  }
  return found;
}
