/**
 * -j CT: says how conntrack treats the packet's connection (not at all, in which zone, with which
 * helper and timeouts), and goes on (net/netfilter/xt_CT.c). The first such rule that a packet meets
 * counts.
 */
import { CTSTATE_UNTRACKED } from '../conntrack/types.ts';
import { joined } from '../match/conditions.ts';
import type { OptionUse, PacketContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, readOptions } from '../match/options.ts';
import { kernelFindsNothing, kernelRefuses } from '../match/refusal.ts';
import { textValue } from '../match/text-value.ts';
import { unsignedNumber } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';

/** Options of -j CT. */
export interface CtOptions {
  readonly notrack: boolean;
  readonly helper: string;
  readonly timeout: string;
  readonly ctevents: readonly string[];
  readonly expevents: readonly string[];
  /** 0 to 65535. */
  readonly zone: number;
  /** The zone is the packet's mark. */
  readonly zoneByMark: boolean;
  readonly zoneOriginal: boolean;
  readonly zoneReply: boolean;
}

/** In the order in which they are printed. */
const CT_EVENTS = [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
];
const EXPECTATION_EVENTS = ['new'];

/** @throws OptionError bad-value */
function parseEvents(use: OptionUse, known: readonly string[]): string[] {
  const parts = argument(use).split(',');
  for (const part of parts) {
    if (known.includes(part)) continue;
    throw new OptionError('bad-value', `Unknown event type "${part}"`, {
      option: use.name,
      hint: `events are ${known.join(', ')}`,
    });
  }
  return known.filter((event) => parts.includes(event));
}

/** @throws OptionError bad-value */
function parseZone(use: OptionUse, options: CtOptions): CtOptions {
  const text = argument(use);
  const flags = {
    zoneOriginal: options.zoneOriginal || use.name === 'zone-orig',
    zoneReply: options.zoneReply || use.name === 'zone-reply',
  };
  if (text.toLowerCase() === 'mark') return { ...options, ...flags, zone: 0, zoneByMark: true };
  const zone = unsignedNumber(text, 0xffff);
  if (zone === undefined) {
    throw new OptionError('bad-value', `Cannot parse ${text} as a zone ID`, {
      option: use.name,
      hint: 'a zone is a number from 0 to 65535, or "mark"',
    });
  }
  return { ...options, ...flags, zone };
}

/** Options as they are printed after `-j CT` (with dashes) and by -L. */
function text(options: CtOptions, dashes: '--' | ''): string {
  const { zoneOriginal, zoneReply, zone, zoneByMark } = options;
  const way = zoneOriginal === zoneReply ? '' : zoneOriginal ? '-orig' : '-reply';
  const events = (name: string, list: readonly string[]): string =>
    list.length === 0 ? '' : `${dashes}${name} ${list.join(',')}`;
  return joined(
    options.notrack ? `${dashes}notrack` : '',
    options.helper === '' ? '' : `${dashes}helper ${options.helper}`,
    options.timeout === '' ? '' : `${dashes}timeout ${options.timeout}`,
    events('ctevents', options.ctevents),
    events('expevents', options.expevents),
    zone === 0 && !zoneByMark ? '' : `${dashes}zone${way} ${zoneByMark ? 'mark' : zone}`,
  );
}

/** No connection tracking for this packet, unless it was decided already. */
export function leaveUntracked(context: PacketContext): void {
  if (context.trackingSet || context.connection !== undefined) return;
  context.trackingSet = true;
  context.untracked = true;
  context.ctstate = CTSTATE_UNTRACKED;
}

function setTracking(options: CtOptions, context: PacketContext): void {
  if (context.trackingSet || context.connection !== undefined) return;
  context.trackingSet = true;
  const zone = options.zoneByMark ? -1 : options.zone;
  const both = options.zoneOriginal === options.zoneReply;
  context.zoneOriginal = both || options.zoneOriginal ? zone : 0;
  context.zoneReply = both || options.zoneReply ? zone : 0;
  context.helper = options.helper;
  context.timeoutPolicy = options.timeout;
}

const NOTHING: CtOptions = {
  notrack: false,
  helper: '',
  timeout: '',
  ctevents: [],
  expevents: [],
  zone: 0,
  zoneByMark: false,
  zoneOriginal: false,
  zoneReply: false,
};

/** -j CT. */
export const CT: TargetDefinition<CtOptions> = {
  name: 'CT',
  families: [4, 6],
  tables: ['raw'],
  help: 'say how the connection is tracked and go on with the next rule',
  writes: ['ctstate', 'connection'],
  options: [
    { name: 'notrack', help: 'do not track the packet' },
    { name: 'helper', argument: 'name', help: 'helper of the connection (ftp, sip …)' },
    { name: 'timeout', argument: 'name', help: 'timeout policy of the connection' },
    { name: 'ctevents', argument: 'event[,event…]', help: 'events of the connection to tell' },
    { name: 'expevents', argument: 'new', help: 'events of expectations to tell' },
    { name: 'zone-orig', argument: 'zone', help: 'zone of the original direction' },
    { name: 'zone-reply', argument: 'zone', help: 'zone of the reply direction' },
    { name: 'zone', argument: 'zone', help: 'zone of both directions, 0 to 65535 or mark' },
  ],
  parse(uses, context) {
    let options = NOTHING;
    const zone = (use: OptionUse): void => {
      options = parseZone(use, options);
    };
    readOptions('CT', CT.options, uses, {
      notrack: () => {
        options = { ...options, notrack: true };
      },
      helper: (use) => {
        options = { ...options, helper: textValue(use, { kept: 15 }) };
      },
      timeout: (use) => {
        options = { ...options, timeout: textValue(use, { kept: 31 }) };
      },
      ctevents: (use) => {
        options = { ...options, ctevents: parseEvents(use, CT_EVENTS) };
      },
      expevents: (use) => {
        options = { ...options, expevents: parseEvents(use, EXPECTATION_EVENTS) };
      },
      'zone-orig': zone,
      'zone-reply': zone,
      zone,
    });
    const { protocol } = context.ip;
    if (!options.notrack && (protocol === undefined || protocol.inverted)) {
      const hint = 'a helper or timeout policy needs -p with its protocol, not inverted';
      if (options.helper !== '') throw kernelFindsNothing('protocol-required', hint);
      if (options.timeout !== '') throw kernelRefuses('protocol-required', hint);
    }
    return options;
  },
  print: (options) => text(options, '--'),
  list: (options) => joined('CT', text(options, '')),
  tracksConnections: ({ notrack }) => !notrack,
  apply(options, context) {
    if (options.notrack) leaveUntracked(context);
    else setTracking(options, context);
    return TARGET_CONTINUE;
  },
};
