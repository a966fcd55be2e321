/**
 * The checks of a whole command line, in the order of do_parse of xshared.c (1.8.9), and the command
 * that it then is.
 */
import type { AddressMask, IpMatch } from '../../ruleset/types.ts';
import { TABLE_NAMES } from '../../ruleset/types.ts';
import type { MaskedAddress } from './addresses.ts';
import { anyAddress, isAny, parseAddresses } from './addresses.ts';
import type { CommandName } from './base-options.ts';
import { COMMAND_LETTERS, illegalOption } from './base-options.ts';
import type { Command, RuleDraft } from './command.ts';
import type { BindContext } from './extensions.ts';
import type { LineState } from './line-state.ts';
import type { Word } from './source.ts';
import { Refusal } from './source.ts';
import { didYouMean } from './suggest.ts';

const RULE_COMMANDS: readonly CommandName[] = ['append', 'check', 'delete', 'insert', 'replace'];

/** Checks the whole line. @throws Refusal */
export function finishLine(state: LineState): Command {
  if (state.table.text === 'nat') refuseDropInNat(state);
  if (!state.wait && state.intervalWord !== undefined) {
    const message = '--wait-interval only makes sense with --wait';
    throw new Refusal('option-conflict', message, state.intervalWord);
  }
  const [first] = state.commands;
  const takesRule = first !== undefined && RULE_COMMANDS.includes(first);
  const draft = draftRule(state, takesRule);
  const word = commandWord(state);
  if (first === 'replace' && (draft.sources.length !== 1 || draft.destinations.length !== 1)) {
    const message = 'Replacement rule does not specify a unique address';
    throw new Refusal('several-addresses', message, word);
  }
  refuseIllegal(state, word);
  refuseChain(state, takesRule || first === 'delete-number');
  const table = TABLE_NAMES.find((name) => name === state.table.text);
  if (table === undefined) throw noTable(state);
  const { family, commands, chain, ruleNumber, policy, newName, options, counters } = state;
  const rule = takesRule ? draft : undefined;
  return {
    family,
    commands,
    word,
    table,
    chain,
    ruleNumber,
    policy,
    newName,
    options,
    counters,
    rule,
  };
}

/** What matches and targets may know of the rule when they are bound. */
export function bindContext(state: LineState, ip: IpMatch): BindContext {
  const { findings } = state.context;
  return {
    family: state.family,
    table: TABLE_NAMES.find((name) => name === state.table.text) ?? 'filter',
    chain: state.chain?.text ?? '',
    ip,
    sets: state.context.sets,
    warn: (word, { code, message, hint }) => findings.warn(code, message, word, hint),
  };
}

/** The conditions without addresses. */
export function conditions(state: LineState): IpMatch {
  const { inInterface, outInterface, protocol, fragment } = state;
  return {
    source: undefined,
    destination: undefined,
    inInterface: inInterface?.wanted,
    outInterface: outInterface?.wanted,
    protocol,
    fragment: fragment ? { inverted: state.inverted.has('f') } : undefined,
  };
}

/** An address as a condition; undefined when it matches all. */
export function addressCondition(
  masked: MaskedAddress,
  inverted: boolean,
): AddressMask | undefined {
  if (isAny(masked) && !inverted) return undefined;
  return { address: masked.address, mask: masked.mask, inverted };
}

function draftRule(state: LineState, takesRule: boolean): RuleDraft {
  const ip = conditions(state);
  const context = bindContext(state, ip);
  const { matches, target, kernelRefusal } = state.extensions.bind(context);
  refuseLeftOver(state);
  commandWord(state);
  state.refuseInvert('nothing appropriate following !');
  const addresses = (word: Word | undefined): MaskedAddress[] => {
    if (word !== undefined) return parseAddresses(word, state.family, state.context.hosts);
    return takesRule ? [anyAddress(state.family)] : [];
  };
  const sources = addresses(state.source);
  const destinations = addresses(state.destination);
  const sourceInverted = state.inverted.has('s');
  const destinationInverted = state.inverted.has('d');
  const several =
    sources.length > 1 ? state.source : destinations.length > 1 ? state.destination : undefined;
  if (several !== undefined && (sourceInverted || destinationInverted)) {
    const message = '! not allowed with multiple source or destination IP addresses';
    throw new Refusal('bad-negation', message, several);
  }
  const { jump } = state;
  return {
    ip,
    sources,
    destinations,
    sourceInverted,
    destinationInverted,
    matches,
    restrictions: state.extensions.restrictions(matches, target),
    jump: jump && {
      word: jump.word,
      goto: jump.goto,
      isTarget: jump.target,
      target: jump.target ? target : undefined,
    },
    protocolGiven: state.protocolWord !== undefined,
    kernelRefusal,
  };
}

function commandWord(state: LineState): Word {
  if (state.commandWord !== undefined) return state.commandWord;
  throw new Refusal('no-command', 'no command specified', state.program, {
    hint: 'such as -A CHAIN … or -L',
  });
}

function refuseLeftOver(state: LineState): void {
  const rest = state.scanner.peek();
  if (rest === undefined) return;
  const message = 'unknown arguments found on commandline';
  throw new Refusal('unknown-arguments', message, rest, {
    hint: `"--" ends the options: remove it, or what comes after it ("${rest.text}" …)`,
  });
}

function noTable(state: LineState): Refusal {
  const { table } = state;
  const tool = state.family === 4 ? 'iptables' : 'ip6tables';
  const message = `can't initialize ${tool} table \`${table.text}': Table does not exist (do you need to insmod?)`;
  return new Refusal('unknown-table', message, table, {
    hint: didYouMean(table.text, TABLE_NAMES) ?? `the tables are ${[...TABLE_NAMES].join(', ')}`,
  });
}

function refuseDropInNat(state: LineState): void {
  const { policy, jump } = state;
  const drop = [policy, jump?.word].find((word) => word?.text === 'DROP');
  if (drop === undefined) return;
  throw new Refusal(
    'drop-in-nat',
    'The "nat" table is not intended for filtering, the use of DROP is therefore inhibited',
    drop,
    { hint: 'drop in the filter table (or in raw PREROUTING)' },
  );
}

function refuseIllegal(state: LineState, word: Word): void {
  const illegal = illegalOption(state.commands, state.options);
  if (illegal === undefined) return;
  const letters = state.commands.map((each) => `-${COMMAND_LETTERS[each]}`).join(' ');
  throw new Refusal('illegal-option', `Illegal option \`-${illegal}' with this command`, word, {
    hint: `${letters} does not take it`,
  });
}

function refuseChain(state: LineState, lookAtInterfaces: boolean): void {
  const { chain } = state;
  if (chain === undefined) return;
  if (Buffer.byteLength(chain.text) >= 29) {
    const message = `chain name \`${chain.text}' too long (must be under 29 chars)`;
    throw new Refusal('chain-name', message, chain);
  }
  if (!lookAtInterfaces) return;
  if (['PREROUTING', 'INPUT'].includes(chain.text) && state.outInterface !== undefined) {
    throw wrongInterface('o', chain.text, state.outInterface.word);
  }
  if (['POSTROUTING', 'OUTPUT'].includes(chain.text) && state.inInterface !== undefined) {
    throw wrongInterface('i', chain.text, state.inInterface.word);
  }
}

function wrongInterface(option: 'i' | 'o', chain: string, word: Word): Refusal {
  const [what, other] = option === 'o' ? ['outgoing', 'i'] : ['incoming', 'o'];
  return new Refusal('wrong-interface', `Can't use -${option} with ${chain}`, word, {
    hint: `a packet has no ${what} interface there: use -${other}`,
  });
}
