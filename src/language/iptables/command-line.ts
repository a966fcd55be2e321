/**
 * Reads one iptables command line, as do_parse of xshared.c (1.8.9) does: options in any order, the
 * same refusals in the same words, each at the word that causes it.
 */
import type { Family } from '../../ruleset/types.ts';
import type { CommandName } from './base-options.ts';
import { COMMAND_LETTERS } from './base-options.ts';
import type { Parsed } from './command.ts';
import type { ExtensionOption } from './extensions.ts';
import { bindContext, conditions, finishLine } from './finish-line.ts';
import { readGeneralOption } from './general-options.ts';
import { isRealTarget } from './known-extensions.ts';
import type { LineContext } from './line-state.ts';
import { LineState, ruleNumber } from './line-state.ts';
import { readRuleOption } from './rule-options.ts';
import type { Word } from './source.ts';
import { Refusal } from './source.ts';

/** Commands that may stand beside each other. */
const TOGETHER: Readonly<Partial<Record<CommandName, readonly CommandName[]>>> = {
  list: ['zero', 'zero-number'],
  'list-rules': ['zero', 'zero-number'],
  zero: ['list', 'list-rules'],
};

/**
 * Reads a command line.
 * @param program the word to point at when nothing better is there
 * @param words what comes after the program's name
 * @throws Refusal
 */
export function parseCommandLine(
  program: Word,
  words: readonly Word[],
  context: LineContext,
): Parsed {
  const state = new LineState(program, words, context);
  let done: Parsed | undefined;
  try {
    done = readOptions(state);
  } catch (error) {
    // The real tool reads each option as it comes: one that was wrong before goes first.
    if (!(error instanceof Refusal)) throw error;
    throw state.extensions.refusedOption(bindContext(state, conditions(state))) ?? error;
  }
  return done ?? { kind: 'command', command: finishLine(state) };
}

/** Reads all options. Something to return at once, or undefined when all were read. */
function readOptions(state: LineState): Parsed | undefined {
  const { scanner, extensions } = state;
  for (;;) {
    const mark = scanner.mark();
    const scan = scanner.next(extensions.table);
    if (scan.kind === 'end') return undefined;
    if (scan.kind === 'operand') {
      readOperand(state, scan.word);
      continue;
    }
    if (scan.kind !== 'option') {
      if (!extensions.loadProtocol(state.protocolWord)) throw badOption(state, scan);
      scanner.rewind(mark);
      continue;
    }
    if (typeof scan.id === 'string') {
      const done = readBaseOption(state, scan.id, scan.word, scan.argument);
      if (done !== undefined) return done;
    } else {
      readExtensionOption(state, scan.id, scan.word, scan.argument);
    }
    state.invert = undefined;
  }
}

function readOperand(state: LineState, word: Word): void {
  if (word.text !== '!') {
    throw new Refusal('bad-argument', `Bad argument \`${word.text}'`, word, {
      hint: operandHint(word.text),
    });
  }
  state.refuseInvert('multiple consecutive ! not allowed');
  state.invert = word;
}

function operandHint(text: string): string {
  if (text.endsWith('\r')) return 'the file has Windows line ends (CR LF): remove the CRs';
  if (/^[\u2010-\u2015\u2212]/.test(text)) return 'it does not begin with the hyphen "-": type it';
  return 'no option before it takes it as its argument';
}

function badOption(
  state: LineState,
  scan: { readonly kind: 'unknown' | 'no-argument'; readonly word: Word },
): Refusal {
  const shown = state.scanner.last() ?? scan.word;
  if (scan.kind === 'no-argument') {
    return new Refusal('option-argument', `option "${shown.text}" requires an argument`, shown);
  }
  return new Refusal('unknown-option', `unknown option "${shown.text}"`, scan.word, {
    hint: state.extensions.unknownOptionHint(scan.word.text),
  });
}

function readExtensionOption(
  state: LineState,
  option: ExtensionOption,
  word: Word,
  argument: Word | undefined,
): void {
  const values = argument === undefined ? [] : [argument.text];
  for (let i = 0; i < (option.spec.extraArguments ?? 0); i++) {
    const extra = state.scanner.takeArgument();
    if (extra !== undefined) values.push(extra.text);
  }
  const use = {
    name: option.spec.name,
    inverted: state.invert !== undefined,
    value: argument === undefined ? undefined : values.join(' '),
    ...(state.protocolWord === undefined ? { beforeProtocol: true } : {}),
  };
  state.extensions.take(option, use, argument ?? word);
}

function readBaseOption(
  state: LineState,
  letter: string,
  word: Word,
  argument: Word | undefined,
): Parsed | undefined {
  if (readCommand(state, letter, word, argument)) return undefined;
  if (readRuleOption(state, letter, word, argument ?? word)) return undefined;
  return readGeneralOption(state, letter, word, argument);
}

/** Reads a command; false when the letter is none. */
function readCommand(
  state: LineState,
  letter: string,
  word: Word,
  argument: Word | undefined,
): boolean {
  const { scanner } = state;
  const chain = argument ?? word;
  switch (letter) {
    case 'A':
      setCommand(state, 'append', word, chain);
      return true;
    case 'C':
      setCommand(state, 'check', word, chain);
      return true;
    case 'D':
      setCommand(state, 'delete', word, chain);
      setNumbered(state, 'delete-number');
      return true;
    case 'R':
      setCommand(state, 'replace', word, chain);
      state.ruleNumber = ruleNumber(state.needed(word, '-R requires a rule number'));
      return true;
    case 'I':
      setCommand(state, 'insert', word, chain);
      state.ruleNumber = state.takeRuleNumber() ?? 1;
      return true;
    case 'L':
    case 'S':
      setCommand(
        state,
        letter === 'L' ? 'list' : 'list-rules',
        word,
        argument ?? scanner.takeArgument(),
      );
      state.ruleNumber = state.takeRuleNumber() ?? state.ruleNumber;
      return true;
    case 'F':
      setCommand(state, 'flush', word, argument ?? scanner.takeArgument());
      return true;
    case 'Z':
      setCommand(state, 'zero', word, argument ?? scanner.takeArgument());
      setNumbered(state, 'zero-number');
      return true;
    case 'N':
      checkChainName(chain, state.family);
      setCommand(state, 'new-chain', word, chain);
      return true;
    case 'X':
      setCommand(state, 'delete-chain', word, argument ?? scanner.takeArgument());
      return true;
    case 'E':
      setCommand(state, 'rename-chain', word, chain);
      state.newName = state.needed(word, '-E requires old-chain-name and new-chain-name');
      return true;
    case 'P':
      setCommand(state, 'policy', word, chain);
      state.policy = state.needed(word, '-P requires a chain and a policy');
      return true;
    default:
      return false;
  }
}

function setCommand(
  state: LineState,
  name: CommandName,
  word: Word,
  chain: Word | undefined,
): void {
  state.refuseInvert("unexpected '!' flag");
  const other = state.commands.find((each) => TOGETHER[name]?.includes(each) !== true);
  if (other !== undefined) {
    const message = `Cannot use -${COMMAND_LETTERS[name]} with -${COMMAND_LETTERS[other]}`;
    throw new Refusal('two-commands', message, word, { hint: 'one command a line' });
  }
  state.commands.push(name);
  state.commandWord ??= word;
  if (chain !== undefined) state.chain = chain;
}

/** `-D CHAIN 3` and `-Z CHAIN 3` are commands of their own. */
function setNumbered(state: LineState, name: CommandName): void {
  const number = state.takeRuleNumber();
  if (number === undefined) return;
  state.ruleNumber = number;
  state.commands = [name];
}

/** The name of a new chain, as assert_valid_chain_name. @throws Refusal chain-name */
function checkChainName(word: Word, family: Family): void {
  const name = word.text;
  const refuse = (message: string, hint?: string): never => {
    throw new Refusal('chain-name', message, word, { hint });
  };
  if (Buffer.byteLength(name) >= 29) {
    refuse(`chain name \`${name}' too long (must be under 29 chars)`);
  }
  if (name.startsWith('-') || name.startsWith('!')) {
    refuse(`chain name not allowed to start with \`${name.slice(0, 1)}'`);
  }
  if (name === '' || isRealTarget(name, family)) {
    refuse(
      'chain name may not clash with target name',
      'choose another name, such as a longer one',
    );
  }
  if (/\s/.test(name)) refuse(`Invalid chain name \`${name}'`);
}
