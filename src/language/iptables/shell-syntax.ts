/** The tree of a shell script, as far as scripts of iptables commands need one. */
import type { SourceLine } from './source.ts';

/** A piece of a word. */
export type ShellPart =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly quoted: boolean;
      /** `${NAME:-word}`: in place of an unset (and, with the colon, an empty) variable. */
      readonly fallback: { readonly word: ShellWord; readonly whenEmpty: boolean } | undefined;
    }
  | {
      readonly kind: 'substitution';
      /** The commands between the parentheses or backticks, as written. */
      readonly script: string;
      readonly quoted: boolean;
    }
  | {
      /** Something that is read over but cannot be expanded: `${x#y}`, `$((…))`. */
      readonly kind: 'unsupported';
      readonly text: string;
    };

/** A word before expansion. */
export interface ShellWord {
  readonly parts: readonly ShellPart[];
  readonly line: SourceLine;
  readonly column: number;
  readonly length: number;
}

/** `2>/dev/null`, `<<EOF` … */
export interface Redirect {
  readonly operator: '>' | '>>' | '>|' | '<' | '<<' | '<<<' | '>&' | '<&' | '&>' | '<>';
  /** File descriptor in front; undefined: the usual one. */
  readonly descriptor: number | undefined;
  readonly word: ShellWord;
  /** For `<<`: the lines in between. */
  readonly document: HereDocument | undefined;
}

/** A here-document. */
export interface HereDocument {
  readonly lines: readonly SourceLine[];
  /** The delimiter was quoted: `$` is an ordinary letter. */
  readonly literal: boolean;
}

/** A command. */
export type ShellCommand =
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly ShellWord[];
      readonly redirects: readonly Redirect[];
    }
  | { readonly kind: 'group'; readonly body: ShellList; readonly redirects: readonly Redirect[] }
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly words: readonly ShellWord[];
      readonly body: ShellList;
    }
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly condition: ShellList; readonly body: ShellList }[];
      readonly otherwise: ShellList | undefined;
    }
  | { readonly kind: 'function'; readonly name: string; readonly body: ShellList };

/** `NAME=word`, `NAME+=word`. */
export interface Assignment {
  readonly name: string;
  readonly append: boolean;
  readonly word: ShellWord;
}

/** `! a | b | c`. */
export interface Pipeline {
  readonly negated: boolean;
  readonly commands: readonly ShellCommand[];
}

/** Pipelines by `&&` and `||`; the first has no operator. */
export type AndOr = readonly {
  readonly operator: '&&' | '||' | undefined;
  readonly pipeline: Pipeline;
}[];

/** Commands one after another. */
export type ShellList = readonly AndOr[];
