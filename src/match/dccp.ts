/** -m dccp: ports, packet type and options of DCCP (RFC 4340). As net/netfilter/xt_dccp.c. */
import type { PacketView } from '../packet/fields.ts';
import {
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  joined,
  outside,
  transportHeader,
  undecided,
} from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, OptionUse, PacketContext } from './definition.ts';
import { HOTDROP, NO, OptionError, UNDECIDED, YES } from './definition.ts';
import type { MessageNames } from './options.ts';
import { argument, readOptions } from './options.ts';
import type { PortCondition } from './ports.ts';
import { ANY_PORT, failedPorts, listedPorts, lookedUpPortRange, portHolds } from './ports.ts';
import { requireProtocol } from './refusal.ts';
import { badValue, rangeText, unsignedNumber } from './values.ts';

/** Options of -m dccp. */
export interface DccpOptions {
  readonly source: PortCondition | undefined;
  readonly destination: PortCondition | undefined;
  /** Bits 1 << type. */
  readonly types: number | undefined;
  readonly typesInverted: boolean;
  /** Kind of an option, 1 to 255. */
  readonly option: number | undefined;
  readonly optionInverted: boolean;
}

const PROTOCOL = 33;
const LENGTH = 12;
const TYPES = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
  'INVALID',
];
const INVALID = 10;
/** INVALID stands for all types from 10 to 15. */
const OTHER_TYPES = 0xf800;
/** What follows the generic header, bytes, by type; the others have 8. */
const MORE_LENGTH: Readonly<Record<number, number>> = { 0: 4, 1: 12, 2: 0 };
/** Names in messages. */
const NAMES: MessageNames = { sport: 'source-port', dport: 'destination-port' };
/** RESET, and what no type is. */
const RESET_LENGTH = 12;

/** `REQUEST,DATA`; any case, empty names skipped (strtok). @throws OptionError bad-dccp-type */
function parseTypes(text: string): number {
  let bits = 0;
  for (const name of text.split(',')) {
    if (name === '') continue;
    const type = TYPES.indexOf(name.toUpperCase());
    if (type < 0) {
      throw new OptionError('bad-dccp-type', `Unknown DCCP type \`${name}'`, {
        option: 'dccp-types',
        hint: `types are ${TYPES.join(', ')}`,
      });
    }
    bits |= 1 << type;
    if (type === INVALID) bits |= OTHER_TYPES;
  }
  return bits;
}

function typeNames(bits: number, numeric: boolean): string {
  const names: string[] = [];
  for (let type = 0; type < 16; type++) {
    if ((bits & (1 << type)) === 0) continue;
    names.push(numeric ? `${type}` : (TYPES[type] ?? ''));
    if (!numeric && type === INVALID) break;
  }
  return names.join(',');
}

function headerLength(type: number, extended: boolean): number {
  const more = MORE_LENGTH[type] ?? (type === 7 || type >= INVALID ? RESET_LENGTH : 8);
  return LENGTH + (extended ? 4 : 0) + more;
}

/** Whether an option is there, as dccp_find_option: HOTDROP for a wrong data offset, UNDECIDED: cut. */
function findOption(packet: PacketView, kind: number): MatchResult {
  const { bytes, transportOffset } = packet;
  const flags = bytes[transportOffset + 8] ?? 0;
  const start = headerLength((flags >> 1) & 15, (flags & 1) !== 0);
  const end = (bytes[transportOffset + 4] ?? 0) * 4;
  if (end < start) return HOTDROP;
  if (end === start) return NO;
  if (end > packet.transportLength) return HOTDROP;
  for (let at = start; at < end; ) {
    if (at >= packet.transportCaptured) return UNDECIDED;
    const here = bytes[transportOffset + at] ?? 0;
    if (here === kind) return YES;
    if (here < 2) at += 1;
    else if (at + 1 < end && at + 1 >= packet.transportCaptured) return UNDECIDED;
    else at += (at + 1 < end ? bytes[transportOffset + at + 1] : 0) || 1;
  }
  return NO;
}

function judge(options: DccpOptions, context: PacketContext, failures?: Failures): MatchResult {
  const { packet } = context;
  const { source, destination, types, typesInverted, option, optionInverted } = options;
  const header = transportHeader(packet, LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) {
    failures?.push('dccp: a later fragment has no header');
    return NO;
  }
  if (header === HEADER_SHORT) {
    failures?.push(`dccp: ${packet.transportLength} bytes are no whole header: dropped`);
    return HOTDROP;
  }
  if (packet.transportCaptured < LENGTH || packet.sourcePort < 0) {
    return undecided(context, 'the snap length cut the DCCP header');
  }
  const ports = { source: source ?? ANY_PORT, destination: destination ?? ANY_PORT };
  if (
    !portHolds(ports.source, packet.sourcePort) ||
    !portHolds(ports.destination, packet.destinationPort)
  ) {
    failures?.push(...failedPorts(ports, packet));
    return NO;
  }
  const type = ((packet.bytes[packet.transportOffset + 8] ?? 0) >> 1) & 15;
  if (types !== undefined && ((types & (1 << type)) !== 0) === typesInverted) {
    const has = TYPES[type] ?? `${type}`;
    failures?.push(outside('dccp-types', typesInverted, has, typeNames(types, false)));
    return NO;
  }
  if (option === undefined) return YES;
  const found = findOption(packet, option);
  if (found === UNDECIDED) return undecided(context, 'the snap length cut the DCCP options');
  if (found === HOTDROP && optionInverted) {
    // The kernel counts the rule, goes on to its target, and drops the packet all the same.
    return undecided(context, 'a negated --dccp-option meets a malformed header');
  }
  if (found === HOTDROP) {
    failures?.push('dccp: the data offset does not fit the packet: dropped');
    return HOTDROP;
  }
  if ((found === YES) !== optionInverted) return YES;
  failures?.push(
    optionInverted ? `! --dccp-option: option ${option} is there` : `--dccp-option: no ${option}`,
  );
  return NO;
}

/** `! --sport 1:2`, also for every port. */
export function savedPortCondition(name: string, ports: PortCondition | undefined): string {
  return ports === undefined ? '' : `${ports.inverted ? '! ' : ''}--${name} ${rangeText(ports)}`;
}

function parse(uses: readonly OptionUse[]): DccpOptions {
  let options: DccpOptions = {
    source: undefined,
    destination: undefined,
    types: undefined,
    typesInverted: false,
    option: undefined,
    optionInverted: false,
  };
  const ports = (use: OptionUse): PortCondition => ({
    ...lookedUpPortRange('dccp', use.name, argument(use), NAMES[use.name]),
    inverted: use.inverted,
  });
  readOptions(
    'dccp',
    dccp.options,
    uses,
    {
      sport: (use) => {
        options = { ...options, source: ports(use) };
      },
      dport: (use) => {
        options = { ...options, destination: ports(use) };
      },
      'dccp-types': (use) => {
        options = { ...options, types: parseTypes(argument(use)), typesInverted: use.inverted };
      },
      'dccp-option': (use) => {
        const option = unsignedNumber(argument(use), 255);
        if (option === undefined || option === 0) {
          throw badValue('dccp', 'dccp-option', ', or out of range (1-255).');
        }
        options = { ...options, option, optionInverted: use.inverted };
      },
    },
    NAMES,
  );
  return options;
}

function listed(name: string, ports: PortCondition | undefined, numeric: boolean): string {
  return ports === undefined ? '' : listedPorts(name, ports, 'dccp', numeric);
}

/** -m dccp. */
export const dccp: MatchDefinition<DccpOptions> = {
  name: 'dccp',
  families: [4, 6],
  mayHotdrop: true,
  help: 'ports, type and options of a DCCP packet; needs -p dccp',
  options: [
    {
      name: 'sport',
      aliases: ['source-port'],
      argument: 'port[:port]',
      invertible: true,
      help: 'source port or range of ports, by number or service name',
    },
    {
      name: 'dport',
      aliases: ['destination-port'],
      argument: 'port[:port]',
      invertible: true,
      help: 'destination port or range of ports, by number or service name',
    },
    {
      name: 'dccp-types',
      argument: 'type[,type…]',
      invertible: true,
      help: 'REQUEST, RESPONSE, DATA, ACK, DATAACK, CLOSEREQ, CLOSE, RESET, SYNC, SYNCACK, INVALID',
    },
    { name: 'dccp-option', argument: 'number', invertible: true, help: 'an option of this kind' },
  ],
  reads: ['ports', 'payload', 'fragment'],
  parse(uses, context) {
    const options = parse(uses);
    requireProtocol('dccp', context, PROTOCOL, 'dccp');
    return options;
  },
  print: ({ source, destination, types, typesInverted, option, optionInverted }) =>
    joined(
      savedPortCondition('sport', source),
      savedPortCondition('dport', destination),
      types === undefined
        ? ''
        : `${typesInverted ? '! ' : ''}--dccp-types ${typeNames(types, false)}`,
      option === undefined ? '' : `${optionInverted ? '! ' : ''}--dccp-option ${option}`,
    ),
  list: ({ source, destination, types, typesInverted, option, optionInverted }, numeric) =>
    joined(
      'dccp',
      listed('spt', source, numeric),
      listed('dpt', destination, numeric),
      types === undefined ? '' : `${typesInverted ? '! ' : ''}${typeNames(types, numeric)}`,
      option === undefined ? '' : `option=${optionInverted ? '!' : ''}${option}`,
    ),
  matches: judge,
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
