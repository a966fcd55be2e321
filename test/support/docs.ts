/**
 * Reads the commands out of the documents, with the output that is shown for them, so that tests can
 * run what readers will type.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './shared-data.ts';

/** A command shown in a document. */
export interface DocumentedCommand {
  readonly file: string;
  /** Line of the command in the document. */
  readonly line: number;
  readonly command: string;
  /** Exit status that the document promises: `sh exit=2`, else 0. */
  readonly exit: number;
  /** Lines shown as its output; undefined when none are. A line `…` stands for any lines. */
  readonly output: readonly string[] | undefined;
  /** Marked `sh norun`: needs things that a test has not. */
  readonly runs: boolean;
}

interface Fence {
  readonly info: string;
  /** Line of its first line of content, from 1. */
  readonly line: number;
  readonly lines: readonly string[];
  /** Number of the line after its end. */
  readonly end: number;
}

function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const info = /^```(.*)$/.exec(lines[at] ?? '')?.[1];
    if (info === undefined) continue;
    const start = at + 1;
    at = lines.indexOf('```', start);
    if (at < 0) throw new Error(`a fence at line ${start} is not closed`);
    fences.push({ info, line: start + 1, lines: lines.slice(start, at), end: at + 2 });
  }
  return fences;
}

/** Words of a command line without quotes or escapes. */
export function wordsOf(command: string): string[] {
  return command.trim().split(/\s+/);
}

/** All commands of a document, in order. */
export function commandsOf(file: string): DocumentedCommand[] {
  const text = readFileSync(join(repositoryRoot, file), 'utf8');
  const fences = fencesOf(text);
  return fences.flatMap((fence, index) => {
    if (!/^sh( |$)/.test(fence.info)) return [];
    const next = fences[index + 1];
    const between = text.split('\n').slice(fence.end - 1, (next?.line ?? 1) - 2);
    const shown = next?.info === 'text' && between.every((line) => line === '');
    const runs = !/\bnorun\b/.test(fence.info);
    const exit = Number(/\bexit=(\d+)/.exec(fence.info)?.[1] ?? 0);
    const commands = fence.lines.filter((line) => line !== '' && !line.startsWith('#'));
    return commands.map((command, at) => ({
      file,
      line: fence.line + at,
      command,
      exit,
      output: shown && at === commands.length - 1 ? next?.lines : undefined,
      runs,
    }));
  });
}

/** Whether lines are those shown, where `…` stands for any number of lines. */
export function isAsShown(lines: readonly string[], shown: readonly string[]): boolean {
  const pattern = shown
    .map((line) => (line.trim() === '…' ? '(?:.*\\n)*?' : `${escapeRegExp(line)}\\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(lines.map((line) => `${line}\n`).join(''));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
