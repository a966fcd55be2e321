/** ipset within a shell script that sets up rules: commands, and files to restore. */
import type { Input, Outcome, ScriptContext, ScriptIo } from '../iptables/script-tools.ts';
import { Refusal, splitLines, type Word } from '../iptables/source.ts';
import { restoreLines } from './restore.ts';
import { type IpsetCommand, readCommand, runCommand } from './run.ts';
import { IpsetRefusal } from './values.ts';

function printed(text: string): Input | undefined {
  if (text === '') return undefined;
  return { lines: splitLines(text, '(output of ipset)'), unfinished: false, printed: text };
}

/** The word that a refusal is about, as well as can be told: the last one. */
function refusalAt(error: IpsetRefusal, argv: readonly Word[]): Refusal {
  const quoted = /['`]([^'`]+)'/.exec(error.message)?.[1];
  const word = argv.find((each) => each.text === quoted) ?? argv[1] ?? argv[0];
  if (word === undefined) throw error;
  return new Refusal(error.code, error.message.replace(/\.$/, ''), word, {
    hint: error.hint,
    state: error.state,
  });
}

function restore(
  { options, words }: IpsetCommand,
  argv: readonly Word[],
  io: ScriptIo,
  context: ScriptContext,
): Outcome {
  const [program] = argv;
  const file = options.file ?? words[0];
  const input = file === undefined ? io.input : io.readFile(file);
  if (input === undefined || program === undefined) {
    throw new Refusal(
      'cannot-open',
      `Can't open ${file ?? 'its input'}: it is not known`,
      program ?? argv[0] ?? raise(),
      { hint: 'give a file that exists, a here-document, or what ipset save wrote before' },
    );
  }
  let text = '';
  restoreLines(input.lines, context.sets, context.findings, {
    exist: options.exist,
    output: (_line, more) => {
      text += more;
    },
  });
  return { status: 0, output: printed(text) };
}

function raise(): never {
  throw new Error('a command has a name');
}

/**
 * Runs `ipset …` of a script.
 * @throws Refusal
 */
export function runIpset(argv: readonly Word[], io: ScriptIo, context: ScriptContext): Outcome {
  try {
    const command = readCommand(argv.slice(1).map((word) => word.text));
    if (command.command === 'restore') return restore(command, argv, io, context);
    const { status, text } = runCommand(command, context.sets);
    const output = command.options.quiet ? undefined : printed(text);
    if (command.options.file !== undefined && output !== undefined) {
      io.writeFile(command.options.file, output);
      return { status, output: undefined };
    }
    return { status, output };
  } catch (error) {
    if (!(error instanceof IpsetRefusal)) throw error;
    throw refusalAt(error, argv);
  }
}
