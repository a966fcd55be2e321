/** The facts of a capture as lines for people. */
import { linkTypeName } from '../capture/linktypes.ts';
import type { CaptureFacts } from './capture-facts.ts';
import { paragraph, tableLines } from './layout.ts';
import type { Style } from './style.ts';
import { countText, durationText, momentText, plural } from './units.ts';

function interfaceLines(facts: CaptureFacts, style: Style, width: number): string[] {
  const columns = [
    { heading: '  id', align: 'left' },
    { heading: 'name', align: 'left' },
    { heading: 'packets', align: 'right' },
    { heading: 'snap length', align: 'right' },
    { heading: 'link type', align: 'left' },
    { heading: 'addresses', align: 'left' },
  ] as const;
  const rows = facts.interfaces.map((each) => [
    `  ${each.id}`,
    each.name ?? '-',
    countText(each.packets),
    each.snapLength === 0 ? 'none' : String(each.snapLength),
    linkTypeName(each.linkType),
    each.addresses.length === 0 ? '-' : each.addresses.join(', '),
  ]);
  return tableLines(columns, rows, width, (text, row) => (row < 0 ? style.dim(text) : text));
}

/** The lines of `fwreplay info`. */
export function captureFactsLines(facts: CaptureFacts, style: Style, width: number): string[] {
  const { firstTime, lastTime } = facts;
  const span =
    firstTime === null || lastTime === null
      ? []
      : [
          `  ${momentText(Number(firstTime))} to ${momentText(Number(lastTime))}, ${durationText(Number(lastTime) - Number(firstTime))}`,
        ];
  const kinds = [
    `${countText(facts.ipv4)} IPv4`,
    `${countText(facts.ipv6)} IPv6`,
    ...(facts.notIp > 0 ? [`${countText(facts.notIp)} not IP`] : []),
    ...(facts.malformed > 0 ? [`${countText(facts.malformed)} malformed`] : []),
    ...(facts.cut > 0 ? [`${countText(facts.cut)} cut by the snap length`] : []),
  ];
  const protocols = Object.entries(facts.protocols).map(
    ([name, count]) => `${countText(count)} ${name}`,
  );
  const heading = facts.vantage.certain ? 'Vantage' : 'Vantage (guessed)';
  return [
    `${style.bold(facts.files.map((file) => (file === '-' ? 'standard input' : file)).join(', '))}: ${plural(facts.packets, 'packet')}, ${plural(facts.frameBytes, 'byte')}`,
    ...span,
    ...paragraph('  ', kinds.join(', '), width),
    ...(protocols.length === 0 ? [] : paragraph('  ', protocols.join(', '), width)),
    '',
    style.bold('Interfaces'),
    ...interfaceLines(facts, style, width),
    '',
    style.bold(heading),
    ...facts.vantage.description.flatMap((line) => paragraph('  ', line, width)),
    ...(facts.notes.length === 0 ? [] : ['', style.bold('Notes')]),
    ...facts.notes.flatMap(({ file, message, byteOffset }) =>
      paragraph('  - ', `${message} (${file}, byte ${byteOffset})`, width),
    ),
  ];
}
