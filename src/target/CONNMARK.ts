/**
 * -j CONNMARK: sets the connection's mark, or copies it from or to the packet's, and goes on
 * (connmark_tg_shift of net/netfilter/xt_connmark.c). A packet without connection is left alone.
 */
import type { OptionUse, PacketContext } from '../match/definition.ts';
import { OptionError } from '../match/definition.ts';
import { argument, excludeEachOther, readOptions } from '../match/options.ts';
import { kernelRefuses } from '../match/refusal.ts';
import { boundedNumber, hexText, maskedMark } from '../match/values.ts';
import type { TargetDefinition } from './definition.ts';
import { TARGET_CONTINUE } from './definition.ts';
import { operationText } from './MARK.ts';

/** Options of -j CONNMARK. Masks are unsigned. */
export interface ConnmarkTargetOptions {
  readonly mode: 'set' | 'save' | 'restore';
  readonly mark: number;
  readonly connectionMask: number;
  readonly packetMask: number;
  readonly shift: 'left' | 'right';
  /** 0 to 31. */
  readonly bits: number;
}

const ALL = 0xffffffff;
/** In the real tool's order. */
const OPERATIONS = [
  'set-xmark',
  'set-mark',
  'and-mark',
  'or-mark',
  'xor-mark',
  'save-mark',
  'restore-mark',
];

/** The mark shifted. */
function shifted(mark: number, { shift, bits }: ConnmarkTargetOptions): number {
  return shift === 'left' ? (mark << bits) >>> 0 : mark >>> bits;
}

function change(options: ConnmarkTargetOptions, context: PacketContext): void {
  const { connection } = context;
  if (connection === undefined) return;
  const { mode, mark, connectionMask, packetMask } = options;
  if (mode === 'set') {
    connection.mark = shifted(((connection.mark & ~connectionMask) ^ mark) >>> 0, options);
  } else if (mode === 'save') {
    const moved = shifted((context.mark & packetMask) >>> 0, options);
    connection.mark = ((connection.mark & ~connectionMask) ^ moved) >>> 0;
  } else {
    const moved = shifted((connection.mark & connectionMask) >>> 0, options);
    context.mark = ((context.mark & ~packetMask) ^ moved) >>> 0;
  }
}

function shiftText({ shift, bits }: ConnmarkTargetOptions, dashes: string): string {
  return bits === 0 ? '' : ` ${dashes}${shift}-shift-mark ${bits}`;
}

function masksText(options: ConnmarkTargetOptions): string {
  const { mode, connectionMask, packetMask } = options;
  if (connectionMask === ALL && packetMask === ALL) return '';
  if (connectionMask === packetMask) return ` mask ${hexText(packetMask)}`;
  return mode === 'save'
    ? ` nfmask ${hexText(packetMask)} ctmask ~${hexText(connectionMask)}`
    : ` ctmask ${hexText(connectionMask)} nfmask ~${hexText(packetMask)}`;
}

/** What one option sets. */
function reading(use: OptionUse): Partial<ConnmarkTargetOptions> {
  const bits = (): number => boundedNumber('CONNMARK', use.name, argument(use), ALL);
  const masked = () => maskedMark('CONNMARK', use.name, argument(use));
  switch (use.name) {
    case 'set-xmark': {
      const { value, mask } = masked();
      return { mode: 'set', mark: value, connectionMask: mask };
    }
    case 'set-mark': {
      const { value, mask } = masked();
      return { mode: 'set', mark: value, connectionMask: (value | mask) >>> 0 };
    }
    case 'and-mark':
      return { mode: 'set', mark: 0, connectionMask: ~bits() >>> 0 };
    case 'or-mark': {
      const value = bits();
      return { mode: 'set', mark: value, connectionMask: value };
    }
    case 'xor-mark':
      return { mode: 'set', mark: bits(), connectionMask: 0 };
    case 'save-mark':
      return { mode: 'save' };
    case 'restore-mark':
      return { mode: 'restore' };
    case 'ctmask':
      return { connectionMask: bits() };
    case 'nfmask':
      return { packetMask: bits() };
    case 'mask': {
      const mask = bits();
      return { connectionMask: mask, packetMask: mask };
    }
    default: {
      const shift = use.name === 'left-shift-mark' ? 'left' : 'right';
      return { shift, bits: boundedNumber('CONNMARK', use.name, argument(use), 32) };
    }
  }
}

/** -j CONNMARK. */
export const CONNMARK: TargetDefinition<ConnmarkTargetOptions> = {
  name: 'CONNMARK',
  families: [4, 6],
  help: "change the connection's mark, or copy it to the packet, and go on with the next rule",
  writes: ['connection', 'mark'],
  reads: ({ mode }) => (mode === 'save' ? ['connection', 'mark'] : ['connection']),
  options: [
    {
      name: 'set-xmark',
      argument: 'value[/mask]',
      help: 'clear the bits of mask (all by default), then flip those of value',
    },
    {
      name: 'set-mark',
      argument: 'value[/mask]',
      help: 'clear the bits of mask (all by default), then set those of value',
    },
    { name: 'and-mark', argument: 'bits', help: 'keep only these bits' },
    { name: 'or-mark', argument: 'bits', help: 'set these bits' },
    { name: 'xor-mark', argument: 'bits', help: 'flip these bits' },
    { name: 'save-mark', help: "copy the packet's mark to the connection" },
    { name: 'restore-mark', help: "copy the connection's mark to the packet" },
    { name: 'left-shift-mark', argument: 'bits', help: 'shift what is set or copied to the left' },
    {
      name: 'right-shift-mark',
      argument: 'bits',
      help: 'shift what is set or copied to the right',
    },
    { name: 'ctmask', argument: 'mask', help: "bits of the connection's mark to change or copy" },
    { name: 'nfmask', argument: 'mask', help: "bits of the packet's mark to change or copy" },
    { name: 'mask', argument: 'mask', help: 'both of these' },
  ],
  parse(uses) {
    let options: ConnmarkTargetOptions = {
      mode: 'set',
      mark: 0,
      connectionMask: ALL,
      packetMask: ALL,
      shift: 'left',
      bits: 0,
    };
    const read = (use: OptionUse): void => {
      options = { ...options, ...reading(use) };
    };
    readOptions(
      'CONNMARK',
      CONNMARK.options,
      uses,
      Object.fromEntries(CONNMARK.options.map(({ name }) => [name, read])),
    );
    if (!uses.some(({ name }) => OPERATIONS.includes(name))) {
      const message = 'CONNMARK target: No operation specified';
      throw new OptionError('option-missing', message, { hint: 'add --set-mark, --save-mark …' });
    }
    excludeEachOther('CONNMARK', uses, OPERATIONS);
    excludeEachOther('CONNMARK', uses, ['ctmask', 'mask']);
    excludeEachOther('CONNMARK', uses, ['nfmask', 'mask']);
    if (options.bits === 32) throw kernelRefuses('bad-value', 'the kernel shifts by up to 31 bits');
    return options;
  },
  print(options) {
    const { mode, mark, connectionMask, packetMask } = options;
    const what =
      mode === 'set'
        ? `--set-xmark ${hexText(mark)}/${hexText(connectionMask)}`
        : `--${mode}-mark --nfmask ${hexText(packetMask)} --ctmask ${hexText(connectionMask)}`;
    return what + shiftText(options, '--');
  },
  list(options) {
    const { mode, mark, connectionMask } = options;
    const what =
      mode === 'set'
        ? operationText({ value: mark, mask: connectionMask })
        : mode + masksText(options);
    return `CONNMARK ${what}${shiftText(options, '')}`;
  },
  tracksConnections: () => true,
  apply(options, context) {
    change(options, context);
    return TARGET_CONTINUE;
  },
};
