/**
 * -m bpf: a classic BPF program over the datagram (net/netfilter/xt_bpf.c). A program pinned in the
 * BPF file system is not in the ruleset: undecided.
 */

import type { BpfInstruction } from './bpf-program.ts';
import { isBpfProgram, runBpf } from './bpf-program.ts';
import { undecided } from './conditions.ts';
import type { MatchDefinition, MatchResult, PacketContext } from './definition.ts';
import { NO, OptionError, YES } from './definition.ts';
import { argument, readOptions } from './options.ts';
import { kernelRefuses } from './refusal.ts';

/** Options of -m bpf: a program, or the path of a pinned one. */
export interface BpfOptions {
  readonly program: readonly BpfInstruction[];
  readonly pinned: string | undefined;
}

/** XT_BPF_MAX_NUM_INSTR. */
const MOST_INSTRUCTIONS = 64;
/** XT_BPF_PATH_MAX. */
const LONGEST_PATH = 512;

function refuse(message: string): OptionError {
  return new OptionError('bad-bpf-program', message, {
    option: 'bytecode',
    hint: 'the number of instructions, then each as "code jt jf k", joined by commas',
  });
}

/** `2,6 0 0 1,6 0 0 0`, as the sscanf of the real tool reads it. @throws OptionError */
function parseProgram(text: string): BpfInstruction[] {
  const head = /^\s*\+?([0-9]+),/.exec(text);
  if (head === null) throw refuse('bpf: error parsing program length');
  const length = Number(head[1]) & 0xffff;
  if (length === 0) throw refuse('bpf: illegal zero length program');
  if (length > MOST_INSTRUCTIONS) throw refuse('bpf: number of instructions exceeds maximum');
  const parts = text.split(',').slice(1);
  if (parts.at(-1) === '') parts.pop();
  const program: BpfInstruction[] = [];
  for (const part of parts) {
    if (part === '') break;
    if (program.length >= length) {
      throw refuse('bpf: real program length exceeds the encoded length parameter');
    }
    const found = /^\s*([+-]?[0-9]+)\s+([+-]?[0-9]+)\s+([+-]?[0-9]+)\s+([+-]?[0-9]+)/.exec(part);
    if (found === null) throw refuse(`bpf: error at instr ${program.length}`);
    const [code = 0, jt = 0, jf = 0, k = 0] = found.slice(1).map(Number);
    program.push({ code: code & 0xffff, jt: jt & 0xff, jf: jf & 0xff, k: k >>> 0 });
  }
  if (program.length !== length) {
    throw refuse('bpf: parsed program length is less than the encoded length parameter');
  }
  if (!isBpfProgram(program)) {
    throw kernelRefuses('bad-bpf-program', 'the kernel does not take this program');
  }
  return program;
}

function programText(program: readonly BpfInstruction[]): string {
  return program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join(',');
}

function matches({ program, pinned }: BpfOptions, context: PacketContext): MatchResult {
  if (pinned !== undefined) {
    return undecided(context, `-m bpf: the program ${pinned} is not in the ruleset`);
  }
  const result = runBpf(program, context);
  if (result < 0) {
    return undecided(context, '-m bpf: the program looks at what the capture does not hold');
  }
  return result === 0 ? NO : YES;
}

/** -m bpf. */
export const bpf: MatchDefinition<BpfOptions> = {
  name: 'bpf',
  families: [4, 6],
  help: 'a classic BPF program whose result is not 0',
  options: [
    {
      name: 'bytecode',
      argument: 'program',
      help: 'as "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0": count, then code, jt, jf and k of each',
    },
    { name: 'object-pinned', argument: 'path', help: 'a program pinned in the BPF file system' },
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
    'mark',
    'fragment',
    'extension-headers',
    'host',
  ],
  assumable: true,
  parse(uses) {
    let program: BpfInstruction[] = [];
    let pinned: string | undefined;
    readOptions('bpf', bpf.options, uses, {
      bytecode: (use) => {
        program = parseProgram(argument(use));
      },
      'object-pinned': (use) => {
        pinned = argument(use);
        if (pinned.length >= LONGEST_PATH) throw refuse('bpf: failed to get bpf object');
      },
    });
    if (uses.length !== 1) {
      throw new OptionError('option-missing', 'bpf: one of --bytecode or --pinned is required', {
        hint: 'add --bytecode or --object-pinned',
      });
    }
    return { program, pinned };
  },
  print: ({ program, pinned }) =>
    pinned === undefined
      ? `--bytecode "${program.length},${programText(program)}"`
      : `--object-pinned ${pinned}`,
  list: ({ program, pinned }) =>
    // The real tool ends the program with a NUL.
    `match bpf ${pinned === undefined ? `${programText(program)}\0` : `pinned ${pinned}`}`,
  listedWithoutBlank: true,
  matches,
  explain: ({ pinned }) =>
    pinned === undefined ? '--bytecode: the program gives 0' : '--object-pinned: not known',
};
