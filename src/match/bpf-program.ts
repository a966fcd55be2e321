/**
 * Classic BPF programs: the checks that the kernel makes before it takes one (bpf_check_classic of
 * net/core/filter.c) and running one on a packet. Offsets count from the IP header.
 */
import { BYTES_CUT, BYTES_PRESENT, byteOf, bytesAt, longOf, wordOf } from './datagram-bytes.ts';
import type { PacketContext } from './definition.ts';

/** One instruction (struct sock_filter). */
export interface BpfInstruction {
  /** 16 bits. */
  readonly code: number;
  /** 8 bits. */
  readonly jt: number;
  readonly jf: number;
  /** Unsigned 32 bits. */
  readonly k: number;
}

const MEMORY_WORDS = 16;
/** Loads from here on are of what belongs to the packet but is not in it (SKF_AD_OFF). */
const ANCILLARY = 0xfffff000;
/** SKF_NET_OFF and SKF_LL_OFF. */
const NETWORK = 0xfff00000;
const LINK_LAYER = 0xffe00000;
const LARGEST_ANCILLARY = 60;

const CLASS_LD = 0;
const CLASS_LDX = 1;
const CLASS_ST = 2;
const CLASS_STX = 3;
const CLASS_ALU = 4;
const CLASS_JMP = 5;
const CLASS_RET = 6;

const CODES = new Set([
  // Loads into A and X.
  0x80, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x60, 0x81, 0xb1, 0x01, 0x61,
  // Stores, transfers, returns.
  0x02, 0x03, 0x07, 0x87, 0x06, 0x16,
  // Jumps: always, then equal, greater, greater or equal, any bit, with k and X.
  0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d,
  // Arithmetic: + - * / | & << >> ~ % ^ with k and X.
  0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c,
  0x84, 0x94, 0x9c, 0xa4, 0xac,
]);

function isRightAlone({ code, k }: BpfInstruction): boolean {
  if (!CODES.has(code)) return false;
  if (code === 0x34 || code === 0x94) return k !== 0;
  if (code === 0x64 || code === 0x74) return k < 32;
  if (code === 0x60 || code === 0x61 || code === 0x02 || code === 0x03) return k < MEMORY_WORDS;
  if (code === 0x20 || code === 0x28 || code === 0x30) {
    const ancillary = k - ANCILLARY;
    return k < ANCILLARY || (ancillary % 4 === 0 && ancillary <= LARGEST_ANCILLARY);
  }
  return true;
}

function jumpsStayInside({ code, jt, jf, k }: BpfInstruction, at: number, length: number): boolean {
  if ((code & 7) !== CLASS_JMP) return true;
  if (code === 0x05) return k < length - at - 1;
  return at + jt + 1 < length && at + jf + 1 < length;
}

/** Whether every word of memory is stored on each way before it is loaded. */
function loadsAreStored(program: readonly BpfInstruction[]): boolean {
  const known = program.map(() => 0xffff);
  let stored = 0;
  for (const [at, { code, jt, jf, k }] of program.entries()) {
    stored &= known[at] ?? 0;
    const target = (to: number): void => {
      known[to] = (known[to] ?? 0) & stored;
    };
    if (code === 0x02 || code === 0x03) stored |= 1 << k;
    else if (code === 0x60 || code === 0x61) {
      if ((stored & (1 << k)) === 0) return false;
    } else if (code === 0x05) {
      target(at + 1 + k);
      stored = 0xffff;
    } else if ((code & 7) === CLASS_JMP) {
      target(at + 1 + jt);
      target(at + 1 + jf);
      stored = 0xffff;
    }
  }
  return true;
}

/** Whether the kernel takes the program. */
export function isBpfProgram(program: readonly BpfInstruction[]): boolean {
  const last = program.at(-1);
  return (
    program.every((each, at) => isRightAlone(each) && jumpsStayInside(each, at, program.length)) &&
    (last?.code === 0x06 || last?.code === 0x16) &&
    loadsAreStored(program)
  );
}

/** What a load gives when it leaves the datagram (the program ends with 0), or cannot be known. */
const FAILED = -1;
const UNKNOWN = -2;

/** A value that is in no packet's bytes, by its offset from SKF_AD_OFF. */
function ancillary(context: PacketContext, offset: number, a: number, x: number): number {
  if (offset === 0) return context.family === 4 ? 0x0800 : 0x86dd;
  if (offset === 20) return context.mark >>> 0;
  if (offset === 40) return (a ^ x) >>> 0;
  return UNKNOWN;
}

/** Loads `size` bytes at a 32-bit offset (unsigned; from NETWORK on as that offset of the header). */
function load(context: PacketContext, offset: number, size: number): number {
  const { packet } = context;
  let at = offset;
  if (offset >= 0x80000000) {
    if (offset >= NETWORK) at = offset - NETWORK;
    else return offset >= LINK_LAYER ? UNKNOWN : FAILED;
  }
  const where = bytesAt(packet, at, size);
  if (where !== BYTES_PRESENT) return where === BYTES_CUT ? UNKNOWN : FAILED;
  if (size === 4) return longOf(packet, at);
  return size === 2 ? wordOf(packet, at) : byteOf(packet, at);
}

/** Result of A and an operand; -1: division by zero, which ends the program with 0. */
function calculate(code: number, a: number, operand: number): number {
  switch (code & 0xf0) {
    case 0x00:
      return (a + operand) >>> 0;
    case 0x10:
      return (a - operand) >>> 0;
    case 0x20:
      return Math.imul(a, operand) >>> 0;
    case 0x30:
      return operand === 0 ? FAILED : Math.floor(a / operand);
    case 0x40:
      return (a | operand) >>> 0;
    case 0x50:
      return (a & operand) >>> 0;
    case 0x60:
      return (a << operand) >>> 0;
    case 0x70:
      return a >>> operand;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return operand === 0 ? FAILED : a % operand;
    default:
      return (a ^ operand) >>> 0;
  }
}

function compares(code: number, a: number, operand: number): boolean {
  switch (code & 0xf0) {
    case 0x10:
      return a === operand;
    case 0x20:
      return a > operand;
    case 0x30:
      return a >= operand;
    default:
      return (a & operand) !== 0;
  }
}

const SIZES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1 };

/** What a load instruction puts into A or X. */
function loaded(
  instruction: BpfInstruction,
  context: PacketContext,
  memory: Uint32Array,
  a: number,
  x: number,
): number {
  const { code, k } = instruction;
  const mode = code & 0xe0;
  if (mode === 0x00) return k;
  if (mode === 0x60) return memory[k] ?? 0;
  if (mode === 0x80) return context.packet.totalLength;
  if (mode === 0xa0) {
    const byte = load(context, k, 1);
    return byte < 0 ? byte : (byte & 15) * 4;
  }
  if (mode === 0x20 && k >= ANCILLARY) return ancillary(context, k - ANCILLARY, a, x);
  const size = SIZES[code & 0x18] ?? 1;
  return load(context, mode === 0x40 ? (x + k) >>> 0 : k, size);
}

/** Runs a checked program: its result, an unsigned 32-bit number; -1: the capture cannot tell. */
export function runBpf(program: readonly BpfInstruction[], context: PacketContext): number {
  const memory = new Uint32Array(MEMORY_WORDS);
  let a = 0;
  let x = 0;
  for (let at = 0; at < program.length; at++) {
    const instruction = program[at] as BpfInstruction;
    const { code, k } = instruction;
    const kind = code & 7;
    if (kind === CLASS_LD || kind === CLASS_LDX) {
      const value = loaded(instruction, context, memory, a, x);
      if (value === UNKNOWN) return -1;
      if (value === FAILED) return 0;
      if (kind === CLASS_LD) a = value;
      else x = value;
    } else if (kind === CLASS_ST) memory[k] = a;
    else if (kind === CLASS_STX) memory[k] = x;
    else if (kind === CLASS_RET) return code === 0x06 ? k : a;
    else if (kind === CLASS_ALU) {
      a = calculate(code, a, (code & 8) === 0 ? k : x);
      if (a === FAILED) return 0;
    } else if (kind === CLASS_JMP) {
      if (code === 0x05) at += k;
      else at += compares(code, a, (code & 8) === 0 ? k : x) ? instruction.jt : instruction.jf;
    } else if (code === 0x07) x = a;
    else a = x;
  }
  return 0;
}
