/**
 * -m connlabel: one of 128 labels of the packet's connection, which the match itself can set. As
 * net/netfilter/xt_connlabel.c: without a connection it only matches inverted.
 */
import { joined, undecided } from './conditions.ts';
import { ConnectionMemory } from './connection-memory.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { kernelFindsOutOfRange } from './refusal.ts';
import type { Doubtable, SharedKind } from './replay-state.ts';
import { unsignedPrefix } from './values.ts';

/** Options of -m connlabel. */
export interface ConnlabelOptions {
  /** 0 to 127. */
  readonly label: number;
  readonly set: boolean;
  readonly inverted: boolean;
}

/** The labels of all connections. */
export class ConnectionLabels implements Doubtable {
  private readonly labels = new ConnectionMemory<Uint8Array>();
  /** Why they are not known any more; '' while they are. */
  doubtful = '';

  doubt(reason: string): void {
    if (this.doubtful === '') this.doubtful = reason;
  }

  /** Whether a connection has a label, before it is set if that is wanted. */
  has({ label, set }: ConnlabelOptions, context: PacketContext): boolean {
    const { connection } = context;
    if (connection === undefined) return false;
    const labels = this.labels.get(connection);
    if (labels?.[label] === 1) return true;
    if (!set) return false;
    const changed = labels ?? new Uint8Array(LABELS);
    changed[label] = 1;
    if (labels === undefined) this.labels.set(connection, changed);
    return true;
  }
}

const LABELS = 128;
const allLabels: SharedKind<ConnectionLabels> = {
  kind: 'connlabel',
  make: () => new ConnectionLabels(),
};

/** @throws OptionError bad-value */
function parseLabel(text: string): number {
  if (text === '') {
    throw new OptionError('bad-value', 'Argument must have a minimum length of 1 characters', {
      option: 'label',
    });
  }
  const found = unsignedPrefix(text);
  if (found === undefined || found.rest !== '' || found.value > 0x7fffffff) {
    throw new OptionError('bad-value', `label '${text}' not found or invalid value`, {
      option: 'label',
      hint: 'a number from 0 to 127: names are those of a file on the host (connlabel.conf)',
    });
  }
  const label = found.value & 0xffff;
  if (label >= LABELS) throw kernelFindsOutOfRange('bad-value', 'labels go from 0 to 127');
  return label;
}

function matches(
  options: ConnlabelOptions,
  context: PacketContext,
  labels: ConnectionLabels,
): MatchResult {
  const has = labels.has(options, context);
  // A label that is set now is there in any case.
  if (labels.doubtful !== '' && context.connection !== undefined && !options.set)
    return undecided(context, labels.doubtful);
  return has !== options.inverted ? YES : NO;
}

/** -m connlabel. */
export const connlabel: MatchDefinition<ConnlabelOptions, ConnectionLabels> = {
  name: 'connlabel',
  families: [4, 6],
  help: "a label of the packet's connection",
  options: [
    { name: 'label', argument: 'number', invertible: true, help: 'the label, 0 to 127' },
    { name: 'set', help: 'sets it, if the connection has it not' },
  ],
  reads: ['connection', 'own-state'],
  parse(uses) {
    let options: ConnlabelOptions = { label: 0, set: false, inverted: false };
    readOptions('connlabel', connlabel.options, uses, {
      label: (use) => {
        options = { ...options, label: parseLabel(argument(use)), inverted: use.inverted };
      },
      set: () => {
        options = { ...options, set: true };
      },
    });
    requireOption('connlabel', uses, 'label');
    return options;
  },
  print: ({ label, set, inverted }) =>
    joined(inverted ? '!' : '', `--label "${label}"`, set ? '--set' : ''),
  list: ({ label, set, inverted }) =>
    joined('connlabel', inverted ? '!' : '', `${label}`, set ? 'set' : ''),
  matches,
  explain: ({ label, inverted }) =>
    inverted
      ? `! --label: the connection has ${label}`
      : `--label: the connection has not ${label}`,
  createState: (_, replay) => replay.shared(allLabels, ''),
};
