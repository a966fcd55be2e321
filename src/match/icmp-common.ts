/** What -m icmp and -m icmp6 share: reading, evaluating and explaining a type with its codes. */
import {
  HEADER_IN_FIRST_FRAGMENT,
  HEADER_SHORT,
  outside,
  transportHeader,
  undecided,
} from './conditions.ts';
import type { MatchResult, OptionSpec, OptionUse, PacketContext } from './definition.ts';
import { HOTDROP, NO, YES } from './definition.ts';
import type { IcmpTable, IcmpTypeCodes } from './icmp-types.ts';
import { icmpText, icmpTypeName, parseIcmpType, savedIcmpType } from './icmp-types.ts';
import { argument, readOptions, requireOption } from './options.ts';

/** Options of -m icmp and -m icmp6. */
export interface IcmpOptions extends IcmpTypeCodes {
  readonly inverted: boolean;
}

/** sizeof(struct icmphdr), sizeof(struct icmp6hdr). */
const ICMP_HEADER_LENGTH = 8;

/** Reads the one, mandatory option. @throws OptionError */
export function readIcmpOptions(
  extension: string,
  specs: readonly OptionSpec[],
  uses: readonly OptionUse[],
  table: IcmpTable,
): IcmpOptions {
  const option = specs[0]?.name ?? '';
  let options: IcmpOptions = { type: 0, codeLow: 0, codeHigh: 255, inverted: false };
  readOptions(extension, specs, uses, {
    [option]: (use) => {
      const { type, codeLow, codeHigh } = parseIcmpType(table, option, argument(use));
      options = { type, codeLow, codeHigh, inverted: use.inverted };
    },
  });
  requireOption(extension, uses, option);
  return options;
}

/** Evaluates; `anyType`: every type and code is meant. */
export function matchIcmp(
  options: IcmpOptions,
  context: PacketContext,
  anyType: boolean,
): MatchResult {
  const { packet } = context;
  const header = transportHeader(packet, ICMP_HEADER_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return NO;
  if (header === HEADER_SHORT) return HOTDROP;
  if (anyType) return options.inverted ? NO : YES;
  if (packet.icmpType >= 0 && packet.icmpType !== options.type) return options.inverted ? YES : NO;
  if (packet.icmpType < 0 || packet.icmpCode < 0) {
    return undecided(context, 'the snap length cut the ICMP header');
  }
  const holds = packet.icmpCode >= options.codeLow && packet.icmpCode <= options.codeHigh;
  return holds !== options.inverted ? YES : NO;
}

/** Why it did not hold. */
export function explainIcmp(
  option: string,
  table: IcmpTable,
  options: IcmpOptions,
  context: PacketContext,
  anyType: boolean,
): string {
  const { packet } = context;
  const header = transportHeader(packet, ICMP_HEADER_LENGTH);
  if (header === HEADER_IN_FIRST_FRAGMENT) return `${option}: a later fragment has no header`;
  if (header === HEADER_SHORT) {
    return `${option}: ${packet.transportLength} bytes are no whole header: dropped`;
  }
  if (packet.icmpType < 0 || packet.icmpCode < 0) {
    return `${option}: the snap length cut the header`;
  }
  const { codeLow, codeHigh } = options;
  const wanted = anyType ? 'any' : (icmpTypeName(table, options) ?? savedIcmpType(options));
  const range = !anyType && codeLow !== codeHigh && codeHigh !== 255 ? `-${codeHigh}` : '';
  const has = icmpText(table, packet.icmpType, packet.icmpCode);
  return outside(option, options.inverted, has, `${wanted}${range}`).replace('not in', 'not');
}
