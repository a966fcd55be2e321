/**
 * -m u32: tests on 32-bit words anywhere in the datagram. As net/netfilter/xt_u32.c; the language of
 * the tests as libxt_u32.c of iptables 1.8.9 reads it.
 */
import { undecided } from './conditions.ts';
import type { Failures } from './datagram-bytes.ts';
import { BYTES_CUT, BYTES_OUTSIDE, bytesAt, longOf } from './datagram-bytes.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, UNDECIDED, YES } from './definition.ts';
import { argument, readOptions, requireOption } from './options.ts';
import { kernelRefuses } from './refusal.ts';
import type { Range } from './values.ts';
import { inRange, unsignedPrefix } from './values.ts';

/** What is done with the word and a number, both unsigned 32-bit. */
type Operator = '&' | '<<' | '>>' | '@';

/** One step after the first offset. */
interface Step {
  readonly operator: Operator;
  readonly number: number;
}

/** `first step step … = range,range…`. */
interface Test {
  readonly first: number;
  readonly steps: readonly Step[];
  readonly values: readonly Range[];
}

/** Options of -m u32. */
export interface U32Options {
  readonly tests: readonly Test[];
  readonly inverted: boolean;
}

/** XT_U32_MAXSIZE less one: the real tool writes the eleventh beyond its array. */
const MOST = 10;
const LARGEST = 0xffffffff;
const SPACE = /[ \t\n\v\f\r]/;

/** Reads the text of the option, character by character as the real tool. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that is no blank, '' at the end. */
  next(): string {
    while (SPACE.test(this.#text.charAt(this.#at))) this.#at += 1;
    return this.#text.charAt(this.#at);
  }

  /** The character here, not skipping blanks. */
  get here(): string {
    return this.#text.charAt(this.#at);
  }

  skip(): void {
    this.#at += 1;
  }

  fail(message: string, placed = true): OptionError {
    const place = placed ? `at char ${this.#at}: ` : '';
    return new OptionError('bad-word-test', `u32: ${place}${message}`, {
      option: 'u32',
      hint: 'a test is OFFSET[&MASK|<<N|>>N|@OFFSET…]=VALUE[:VALUE][,…], tests are joined by &&',
    });
  }

  /** @throws OptionError bad-word-test */
  number(): number {
    const found = unsignedPrefix(this.#text.slice(this.#at));
    if (found === undefined || found.value > LARGEST)
      throw this.fail('not a number or out of range');
    this.#at = this.#text.length - found.rest.length;
    return found.value;
  }

  /** The second character of `<<`, `>>` or `&&`. @throws OptionError bad-word-test */
  second(character: string): void {
    this.skip();
    if (this.here !== character) throw this.fail(`a second '${character}' was expected`);
  }
}

/** @throws OptionError bad-word-test */
function readLocation(reader: Reader): { first: number; steps: Step[] } {
  let first: number | undefined;
  const steps: Step[] = [];
  for (;;) {
    const character = reader.next();
    if (character === '') throw reader.fail('abrupt end of input after location specifier', false);
    if (character === '=') {
      if (first === undefined) throw reader.fail('location spec missing');
      reader.skip();
      return { first, steps };
    }
    if (first === undefined) {
      first = reader.number();
      continue;
    }
    let operator: Operator;
    if (character === '&' || character === '@') operator = character;
    else if (character === '<' || character === '>') {
      reader.second(character);
      operator = character === '<' ? '<<' : '>>';
    } else throw reader.fail('operator expected');
    reader.skip();
    steps.push({ operator, number: reader.number() });
    if (steps.length >= MOST) throw reader.fail('too many operators');
  }
}

/** Values up to the end or `&&`. @throws OptionError bad-word-test */
function readValues(reader: Reader): Range[] {
  const values: Range[] = [];
  for (;;) {
    const character = reader.next();
    if (character === '') {
      if (values.length === 0) throw reader.fail('test ended with no value specified', false);
      return values;
    }
    if (character === '&') {
      reader.second('&');
      if (values.length === 0) throw reader.fail('value spec missing');
      return values;
    }
    if (values.length > 0) {
      if (character !== ',') throw reader.fail('expected "," or "&&"');
      reader.skip();
    }
    const low = reader.number();
    let high = low;
    if (reader.next() === ':') {
      reader.skip();
      high = reader.number();
    }
    values.push({ low, high });
    if (values.length > MOST) throw reader.fail('too many ","s');
  }
}

/** @throws OptionError bad-word-test */
function parseTests(text: string): Test[] {
  const reader = new Reader(text);
  const tests: Test[] = [];
  for (;;) {
    const { first, steps } = readLocation(reader);
    tests.push({ first, steps, values: readValues(reader) });
    const more = reader.here === '&';
    if (tests.length > MOST) throw reader.fail('too many "&&"s');
    if (!more) return tests;
    reader.skip();
  }
}

/** What the kernel has refused since 2025 (u32_mt_checkentry). @throws OptionError bad-shift */
function checkShifts(tests: readonly Test[]): void {
  for (const { steps } of tests) {
    for (const { operator, number } of steps) {
      if ((operator === '<<' || operator === '>>') && number > 31) {
        throw kernelRefuses('bad-shift', 'a shift is by 0 to 31 bits');
      }
    }
  }
}

/** The word that a test looks at; NO_WORD: beyond the datagram, CUT_WORD: not captured. */
const NO_WORD = -1;
const CUT_WORD = -2;

function wordAt(context: PacketContext, at: number): number {
  const where = bytesAt(context.packet, at, 4);
  if (where === BYTES_OUTSIDE) return NO_WORD;
  return where === BYTES_CUT ? CUT_WORD : longOf(context.packet, at);
}

function wordOfTest({ first, steps }: Test, context: PacketContext): number {
  let base = 0;
  let value = wordAt(context, first);
  for (const { operator, number } of steps) {
    if (value < 0) return value;
    if (operator === '&') value = (value & number) >>> 0;
    else if (operator === '<<') value = (value << number) >>> 0;
    else if (operator === '>>') value >>>= number;
    else {
      base += value;
      if (base + 4 > LARGEST) return NO_WORD;
      value = wordAt(context, base + number);
    }
  }
  return value;
}

/** Whether all tests hold. */
function testsHold(tests: readonly Test[], context: PacketContext): MatchResult {
  for (const test of tests) {
    const word = wordOfTest(test, context);
    if (word === CUT_WORD) return UNDECIDED;
    if (word < 0 || !test.values.some((range) => inRange(range, word))) return NO;
  }
  return YES;
}

function judge({ tests, inverted }: U32Options, context: PacketContext, failures?: Failures) {
  const held = testsHold(tests, context);
  if (held === UNDECIDED) return undecided(context, 'the snap length cut what --u32 looks at');
  if ((held === YES) !== inverted) return YES;
  failures?.push(inverted ? '! --u32: all tests hold' : `--u32: ${whichFails(tests, context)}`);
  return NO;
}

function whichFails(tests: readonly Test[], context: PacketContext): string {
  for (const test of tests) {
    const word = wordOfTest(test, context);
    if (word < 0) return `${testText(test)}: beyond the end of the datagram`;
    if (test.values.some((range) => inRange(range, word))) continue;
    return `${testText(test)}: 0x${word.toString(16)}`;
  }
  return '';
}

function testText({ first, steps, values }: Test): string {
  const hex = (number: number): string => `0x${number.toString(16)}`;
  const location = steps.map(({ operator, number }) => `${operator}${hex(number)}`).join('');
  const ranges = values.map(({ low, high }) =>
    low === high ? hex(low) : `${hex(low)}:${hex(high)}`,
  );
  return `${hex(first)}${location}=${ranges.join(',')}`;
}

function testsText({ tests }: U32Options): string {
  return `"${tests.map(testText).join('&&')}"`;
}

/** -m u32. */
export const u32: MatchDefinition<U32Options> = {
  name: 'u32',
  families: [4, 6],
  help: 'tests on 32-bit words of the datagram, from its IP header on',
  options: [
    {
      name: 'u32',
      argument: 'tests',
      invertible: true,
      help: 'as "0>>22&0x3C@4&0xFFFF=22,80:90": offset, & << >> @, values; joined by &&',
    },
  ],
  reads: [
    'payload',
    'addresses',
    'ports',
    'protocol',
    'tcp-flags',
    'tcp-options',
    'icmp',
    'length',
    'ttl',
    'tos',
    'fragment',
    'extension-headers',
  ],
  parse(uses) {
    let options: U32Options = { tests: [], inverted: false };
    readOptions('u32', u32.options, uses, {
      u32: (use) => {
        options = { tests: parseTests(argument(use)), inverted: use.inverted };
      },
    });
    requireOption('u32', uses, 'u32');
    checkShifts(options.tests);
    return options;
  },
  print: (options) => `${options.inverted ? '! ' : ''}--u32 ${testsText(options)}`,
  list: (options) => `u32 ${options.inverted ? '! ' : ''}${testsText(options)}`,
  matches: (options, context) => judge(options, context),
  explain(options, context) {
    const failures: string[] = [];
    judge(options, context, failures);
    return failures.join('; ');
  },
};
