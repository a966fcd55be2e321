/**
 * The closing sections of the text report: what was not decided and why, what the capture doctor
 * found, the vantage, and the verdict totals.
 */
import type { ReplayResult, Verdict } from '../engine/types.ts';
import { VERDICTS } from '../engine/types.ts';
import { paragraph, tableLines } from './layout.ts';
import type { Style } from './style.ts';
import { verdictStyle } from './text-chains.ts';
import { countText, durationText, momentText, plural, scaledText } from './units.ts';

/** What each verdict other than ACCEPT, DROP and REJECT means, for people. */
const VERDICT_MEANINGS: Readonly<Partial<Record<Verdict, string>>> = {
  UNDECIDED: 'the capture cannot tell; +? counts them where they may have been',
  UNROUTED: 'discarded by routing between the hooks, not by a rule',
  NOT_SEEN: 'never reached netfilter',
  QUEUED: 'fragments, decided with their datagram',
  SKIPPED: 'not for any given ruleset',
};

type Counts = Readonly<Record<Verdict, number>>;

function sum(counts: Counts): number {
  return VERDICTS.reduce((total, verdict) => total + counts[verdict], 0);
}

/** Verdict totals by path, by protocol and in all; columns without packets are left out. */
export function totalsSection(result: ReplayResult, style: Style, width: number): string[] {
  const verdicts = VERDICTS.filter((verdict, index) => index < 3 || result.verdicts[verdict] > 0);
  const columns = [
    { heading: '  by', align: 'left' },
    { heading: 'packets', align: 'right' },
    ...verdicts.map((heading) => ({ heading, align: 'right' as const })),
  ] as const;
  const row = (name: string, counts: Counts): string[] => [
    `  ${name}`,
    countText(sum(counts)),
    ...verdicts.map((verdict) => (counts[verdict] === 0 ? '-' : countText(counts[verdict]))),
  ];
  const byPackets = (map: ReadonlyMap<string, Counts>): string[][] =>
    [...map].sort((a, b) => sum(b[1]) - sum(a[1])).map(([name, counts]) => row(name, counts));
  const rows = [
    ...byPackets(result.byPath),
    ...byPackets(result.byProtocol),
    row('total', result.verdicts),
  ];
  const total = rows.length - 1;
  const lines = tableLines(columns, rows, width, (text, at, column) => {
    if (at < 0) return style.dim(text);
    if (text.trim() === '-') return style.dim(text);
    const verdict = verdicts[column - 2];
    const painted = verdict === undefined ? text : verdictStyle(verdict, style)(text);
    return at === total ? style.bold(painted) : painted;
  });
  return [style.bold('Verdicts'), ...lines, ''];
}

/** Why packets have no verdict of the firewall, most packets first. */
export function reasonsSection(result: ReplayResult, style: Style, width: number): string[] {
  const lines: string[] = [];
  for (const [verdict, reasons] of result.reasons) {
    if (result.verdicts[verdict] === 0) continue;
    const meaning = VERDICT_MEANINGS[verdict];
    const head = `${verdict} ${plural(result.verdicts[verdict], 'packet')}`;
    const painted = style.bold(verdictStyle(verdict, style)(head));
    lines.push(meaning === undefined ? painted : `${painted} (${meaning})`);
    const sorted = [...reasons].sort((a, b) => b[1].packets - a[1].packets);
    const most = sorted.reduce((w, [, { packets }]) => Math.max(w, String(packets).length), 1);
    for (const [reason, { packets, firstPacket }] of sorted) {
      const first = `  ${String(packets).padStart(most)}  `;
      lines.push(...paragraph(first, `${reason} (first: packet ${firstPacket})`, width));
    }
    lines.push('');
  }
  return lines;
}

/** What the capture doctor found. */
export function doctorSection(result: ReplayResult, style: Style, width: number): string[] {
  if (result.doctor.length === 0) return [];
  const lines = result.doctor.flatMap(({ code, message, packets, verdicts, firstPacket }) => {
    const resting =
      verdicts === 0
        ? 'no verdict rests on it'
        : `${plural(verdicts, 'verdict')} rest${verdicts === 1 ? 's' : ''} on it`;
    const what = code === 'truncated-file' ? '' : `${plural(packets, 'packet')}: `;
    return paragraph(
      '  - ',
      `${what}${message} [${code}, first: packet ${firstPacket}; ${resting}]`,
      width,
    );
  });
  return [style.bold(style.yellow('About this capture')), ...lines, ''];
}

/** What was taken for the firewall host, and whether that is known. */
export function vantageSection(result: ReplayResult, style: Style, width: number): string[] {
  const heading = result.vantageCertain
    ? style.bold('Vantage')
    : style.bold(style.yellow('Vantage (guessed)'));
  return [heading, ...result.vantage.flatMap((line) => paragraph('  ', line, width)), ''];
}

/** The first line: what was replayed. */
export function headLine(result: ReplayResult, style: Style): string {
  const { files, packets, frameBytes, firstTime, lastTime } = result;
  const name = files.map((file) => (file === '-' ? 'standard input' : file)).join(', ');
  const size = `${plural(packets, 'packet')}, ${plural(frameBytes, 'byte')}`;
  const span =
    packets === 0
      ? ''
      : `, ${durationText(Math.max(0, lastTime - firstTime))} from ${momentText(firstTime)}`;
  return `${style.bold(name)}: ${size}${span}`;
}

/** The last line: rate and time of the replay itself. @param seconds wall clock */
export function rateLine(result: ReplayResult, seconds: number): string {
  const rate = seconds > 0 ? `, ${scaledText(result.packets / seconds)} packets/s` : '';
  return `Replayed in ${durationText(seconds)}${rate}; ${plural(result.connections, 'connection')} tracked at the end.`;
}

/** The totals on one line, for --quiet. */
export function oneLine(result: ReplayResult): string {
  const parts = VERDICTS.filter((verdict) => result.verdicts[verdict] > 0).map(
    (verdict) => `${countText(result.verdicts[verdict])} ${verdict}`,
  );
  const cut = result.doctor.some(({ code }) => code === 'truncated-file');
  const totals = parts.length === 0 ? '' : `: ${parts.join(', ')}`;
  return `${plural(result.packets, 'packet')}${totals}${cut ? ' (the capture is cut)' : ''}`;
}
