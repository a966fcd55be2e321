/**
 * Sets as `ipset save` and `ipset list` of 7.17 print them. Elements of a hash come in the order of
 * the kernel's hash, which is exact where the set was created with `initval`.
 */
import { addressText } from '../../match/numeric-address.ts';
import { protocolName } from '../../packet/text.ts';
import type { AnySet, SetCollection } from '../../sets/collection.ts';
import { HashSet } from '../../sets/hash-set.ts';
import { ListSet } from '../../sets/list-set.ts';
import type { Extensions, SetElement, SetHeader } from '../../sets/types.ts';
import { icmpText } from './icmp-names.ts';
import { kernelMemory } from './memory.ts';
import { compareSorted } from './sorted.ts';

/** What is printed. */
export interface IpsetPrintOptions {
  /** Only this set. */
  readonly name?: string | undefined;
  /** Elements sorted, as with -sorted. */
  readonly sorted?: boolean | undefined;
  /** Only the headers, as with -terse (list). */
  readonly terse?: boolean | undefined;
  /** Rules that refer to a set, beside lists. */
  readonly references?: (name: string) => number;
}

function wordsText(words: Int32Array, { family }: SetHeader): string {
  return addressText(family === 4 ? [words[0] ?? 0] : [...words]);
}

function networkText(words: Int32Array, prefix: number, header: SetHeader): string {
  const host = header.family === 4 ? 32 : 128;
  const text = wordsText(words, header);
  return prefix === host ? text : `${text}/${prefix}`;
}

function portText({ port, protocol }: SetElement): string {
  if (protocol === 1) return `icmp:${icmpText(port, 4)}`;
  if (protocol === 58) return `ipv6-icmp:${icmpText(port, 6)}`;
  return `${protocolName(protocol)}:${port}`;
}

function macText({ macHigh, macLow }: SetElement): string {
  const hex = (macHigh >>> 0).toString(16).padStart(8, '0') + macLow.toString(16).padStart(4, '0');
  return (hex.match(/../g) ?? []).join(':').toUpperCase();
}

/** An element as ipset prints it. */
export function elementText(element: SetElement, header: SetHeader): string {
  const texts: string[] = [];
  let addresses = 0;
  for (const component of header.type.components) {
    const words = addresses === 0 ? element.address : element.address2;
    const prefix = addresses === 0 ? element.prefix : element.prefix2;
    switch (component) {
      case 'ip':
        texts.push(wordsText(words, header));
        addresses += 1;
        break;
      case 'net':
        texts.push(networkText(words, prefix, header));
        addresses += 1;
        break;
      case 'port':
        texts.push(header.type.method === 'bitmap' ? `${element.port}` : portText(element));
        break;
      case 'mac':
        if (header.type.method === 'hash' || element.hasMac) texts.push(macText(element));
        break;
      case 'mark':
        texts.push(`0x${element.mark.toString(16).padStart(8, '0')}`);
        break;
      case 'iface':
        texts.push(`${element.physicalDevice ? 'physdev:' : ''}${element.interfaceName}`);
        break;
      case 'set':
    }
  }
  return texts.join(',');
}

function extensionsText(given: Extensions, wildcard = false): string {
  const { timeout, packets, bytes, comment, mark, markMask, priority, queue } = given;
  let text = '';
  if (timeout !== undefined) text += ` timeout ${timeout}`;
  if (given.nomatch === true) text += ' nomatch';
  if (packets !== undefined) text += ` packets ${packets} bytes ${bytes ?? 0}`;
  if (comment !== undefined) text += ` comment "${comment}"`;
  if (mark !== undefined && (mark !== 0 || (markMask ?? 0) !== 0)) {
    const mask = markMask === 0xffffffff ? '' : `/0x${(markMask ?? 0).toString(16)}`;
    text += ` skbmark 0x${mark.toString(16)}${mask}`;
  }
  if (priority !== undefined && priority !== 0)
    text += ` skbprio ${(priority >>> 16).toString(16)}:${(priority & 0xffff).toString(16)}`;
  if (queue !== undefined && queue !== 0) text += ` skbqueue ${queue}`;
  return wildcard ? `${text} wildcard` : text;
}

function hex8(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}

/** The set's options, as after `Header:` and in `create`. */
function headerText(set: AnySet): string {
  const { header } = set;
  const { type } = header;
  const parts: string[] = [];
  const mask =
    header.netmask !== undefined
      ? [`netmask ${header.netmask}`]
      : header.bitmask !== undefined
        ? [`bitmask ${addressText(header.bitmask)}`]
        : [];
  const maskLast = type.name === 'hash:ip,port' || type.name === 'hash:net,net';
  if (set instanceof HashSet) {
    if (type.families !== 'none') parts.push(`family ${header.family === 4 ? 'inet' : 'inet6'}`);
    parts.push(`hashsize ${set.hashSize}`, `maxelem ${header.maxElements}`);
    if (type.name === 'hash:ip,mark') parts.push(`markmask ${hex8(header.markMask)}`);
  } else if (set instanceof ListSet) parts.push(`size ${header.listSize}`);
  else {
    const [first, last] = header.range;
    const text = (value: number): string =>
      type.name === 'bitmap:port' ? `${value}` : addressText([value | 0]);
    parts.push(`range ${text(first)}-${text(last)}`);
  }
  if (!maskLast) parts.push(...mask);
  if (header.timeout !== undefined) parts.push(`timeout ${header.timeout}`);
  if (header.counters) parts.push('counters');
  if (header.comments) parts.push('comment');
  if (header.packetInfo) parts.push('skbinfo');
  if (set instanceof HashSet)
    parts.push(`bucketsize ${set.bucketSize}`, `initval ${hex8(header.initialValue ?? 0)}`);
  if (maskLast) parts.push(...mask);
  return parts.join(' ');
}

/** The elements' lines, without `add NAME`. */
function memberLines(set: AnySet, now: number, sorted: boolean): string[] {
  const lines: string[] = [];
  if (set instanceof ListSet) {
    set.each(now, (name, extensions) => lines.push(`${name}${extensionsText(extensions)}`));
  } else {
    set.each(now, (element, extensions) => {
      const text = elementText(element, set.header);
      lines.push(`${text}${extensionsText(extensions, element.wildcard)}`);
    });
  }
  if (sorted) lines.sort(compareSorted);
  return lines;
}

function namesOf(sets: SetCollection, { name }: IpsetPrintOptions): string[] {
  return name === undefined ? sets.names() : [name];
}

/** `ipset save`. */
export function printIpsetSave(sets: SetCollection, options: IpsetPrintOptions = {}): string {
  const lines: string[] = [];
  for (const name of namesOf(sets, options)) {
    const set = sets.get(name);
    if (set === undefined) continue;
    lines.push(`create ${name} ${set.header.type.name} ${headerText(set)}`);
    for (const line of memberLines(set, 0, options.sorted === true))
      lines.push(`add ${name} ${line}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** `ipset list`. */
export function printIpsetList(sets: SetCollection, options: IpsetPrintOptions = {}): string {
  const texts: string[] = [];
  for (const name of namesOf(sets, options)) {
    const set = sets.get(name);
    if (set === undefined) continue;
    const references = sets.timesListed(name) + (options.references?.(name) ?? 0);
    const count = set instanceof ListSet ? set.length : set.count(0);
    const lines = [
      `Name: ${name}`,
      `Type: ${set.header.type.name}`,
      `Revision: ${set.header.type.revision}`,
      `Header: ${headerText(set)}`,
      `Size in memory: ${kernelMemory(set)}`,
      `References: ${references}`,
      `Number of entries: ${count}`,
    ];
    if (options.terse !== true)
      lines.push('Members:', ...memberLines(set, 0, options.sorted === true));
    texts.push(lines.map((line) => `${line}\n`).join(''));
  }
  return texts.join('\n');
}
