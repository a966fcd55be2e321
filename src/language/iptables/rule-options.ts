/**
 * The options of a rule that iptables itself has: -p, -s, -d, -i, -o, -f, -m, -j, -g, -c. As do_parse
 * of xshared.c (1.8.9).
 */

import { isRealTarget } from './known-extensions.ts';
import type { InterfaceOption, LineState } from './line-state.ts';
import { ownProtocolNames, parseProtocol } from './protocols.ts';
import type { Word } from './source.ts';
import { Refusal } from './source.ts';
import { didYouMean } from './suggest.ts';

const SPACE = /[ \t\n\v\f\r]/;

/** Reads a rule option; false when the letter is none. @throws Refusal */
export function readRuleOption(
  state: LineState,
  letter: string,
  word: Word,
  argument: Word,
): boolean {
  switch (letter) {
    case 'p':
      readProtocol(state, word, wholeArgument(state, letter, argument));
      return true;
    case 's':
      state.count('s', word);
      state.source = wholeArgument(state, letter, argument);
      return true;
    case 'd':
      state.count('d', word);
      state.destination = wholeArgument(state, letter, argument);
      return true;
    case 'i':
      state.inInterface = readInterface(state, 'i', word, argument);
      return true;
    case 'o':
      state.outInterface = readInterface(state, 'o', word, argument);
      return true;
    case 'f':
      readFragment(state, word);
      return true;
    case 'm':
      state.refuseInvert(
        'unexpected ! flag before --match',
        'put the ! before the option of the match',
      );
      state.extensions.addMatch(argument);
      return true;
    case 'g':
      state.count('j', word);
      state.jump = { word: checkTargetName(argument), goto: true, target: false };
      return true;
    case 'j':
      readJump(state, word, wholeArgument(state, letter, argument));
      return true;
    case 'c':
      readCounters(state, word, argument);
      return true;
    default:
      return false;
  }
}

/**
 * For -p, -s, -d, -i, -o and -j the real tool takes the whole last word for the argument, also when
 * option and argument are joined: `-ieth0` is an interface called "-ieth0".
 */
function wholeArgument(state: LineState, letter: string, argument: Word): Word {
  const whole = state.scanner.last() ?? argument;
  if (whole.text === argument.text) return argument;
  state.context.findings.warn(
    'joined-argument',
    `iptables takes all of "${whole.text}" for the argument of -${letter}`,
    whole,
    `put a blank between: -${letter} ${argument.text}`,
  );
  return whole;
}

function readProtocol(state: LineState, word: Word, argument: Word): void {
  const inverted = state.count('p', word);
  const name = argument.text.toLowerCase();
  const number = parseProtocol(name);
  if (number === undefined) {
    throw new Refusal('unknown-protocol', `unknown protocol "${name}" specified`, argument, {
      hint: didYouMean(name, ownProtocolNames()) ?? 'a protocol is a number to 255 or a name',
    });
  }
  if (number === 0 && inverted) {
    throw new Refusal('bad-negation', 'rule would never match protocol', argument);
  }
  state.protocolWord = { ...argument, text: name };
  state.protocol = number === 0 ? undefined : { number, inverted };
  if (state.family === 6 && !inverted && [43, 44, 51, 60].includes(number)) {
    state.context.findings.warn(
      'never-matched',
      `never matched protocol: ${name}. use extension match instead`,
      argument,
      'it is an extension header, not a last header',
    );
  }
}

function readInterface(
  state: LineState,
  letter: 'i' | 'o',
  word: Word,
  argument: Word,
): InterfaceOption {
  if (argument.text === '') {
    const message = 'Empty interface is likely to be undesired';
    throw new Refusal('bad-interface', message, argument);
  }
  const inverted = state.count(letter, word);
  const whole = wholeArgument(state, letter, argument);
  const name = whole.text;
  if (Buffer.byteLength(name) > 15) {
    const message = `interface name \`${name}' must be shorter than IFNAMSIZ (15)`;
    throw new Refusal('bad-interface', message, whole);
  }
  if (/[/ ]/.test(name)) {
    state.context.findings.warn(
      'weird-interface',
      `weird character in interface \`${name}' ('/' and ' ' are not allowed by the kernel)`,
      whole,
    );
  }
  const wildcard = name.endsWith('+');
  return { word, wanted: { name: wildcard ? name.slice(0, -1) : name, wildcard, inverted } };
}

function readFragment(state: LineState, word: Word): void {
  if (state.family === 6) {
    const message = "`-f' is not supported in IPv6, use -m frag instead";
    throw new Refusal('unknown-option', message, word);
  }
  state.count('f', word);
  state.fragment = true;
}

function readJump(state: LineState, word: Word, argument: Word): void {
  state.count('j', word);
  const name = checkTargetName(argument);
  state.jump = { word: name, goto: false, target: !isMeantAsChain(state, name.text) };
  if (state.jump.target) state.jump.target = state.extensions.setTarget(name);
}

/** A chain that has the name of a target: in iptables-restore the chain is meant, and everywhere
 * when the target is one that fwreplay does not have. */
function isMeantAsChain(state: LineState, name: string): boolean {
  if (['ACCEPT', 'DROP', 'QUEUE', 'RETURN'].includes(name)) return false;
  if (!state.context.isChain(state.table.text, name)) return false;
  return state.context.restore !== undefined || isRealTarget(name, state.family);
}

function readCounters(state: LineState, word: Word, argument: Word): void {
  state.count('c', word);
  const comma = argument.text.indexOf(',', 1);
  const bytes = comma < 0 ? state.scanner.takeArgument()?.text : argument.text.slice(comma + 1);
  if (bytes === undefined) {
    throw new Refusal('option-argument', '-c requires packet and byte counter', word);
  }
  const read = (text: string, what: string): number => {
    const digits = /^[ \t\n\v\f\r]*\+?(\d+)/.exec(text)?.[1];
    if (digits === undefined) {
      throw new Refusal('bad-counter', `-c ${what} counter not numeric`, argument);
    }
    return Number(digits);
  };
  state.counters = { packets: read(argument.text, 'packet'), bytes: read(bytes, 'byte') };
}

/** @throws Refusal target-name */
function checkTargetName(word: Word): Word {
  const name = word.text;
  if (name === '') throw new Refusal('target-name', 'Invalid target name (too short)', word);
  if (Buffer.byteLength(name) >= 29) {
    throw new Refusal('target-name', `Invalid target name \`${name}' (28 chars max)`, word);
  }
  if (SPACE.test(name)) throw new Refusal('target-name', `Invalid target name \`${name}'`, word);
  return word;
}
