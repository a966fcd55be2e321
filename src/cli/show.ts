/**
 * `fwreplay show`: loads rulesets as the real tools would and prints what they hold, as
 * iptables-save, -S or -L print it, or what a script of commands itself prints.
 */
import type { Argv } from 'yargs';
import { printIpsetList, printIpsetSave } from '../language/ipset/print.ts';
import type { LoadedRuleset } from '../language/iptables/load.ts';
import { printCommands, printList, printSave } from '../language/iptables/print.ts';
import { rulesetData } from '../report/ruleset-json.ts';
import type { FamilyRuleset, TableName } from '../ruleset/types.ts';
import { TABLE_NAMES } from '../ruleset/types.ts';
import { EXIT_OK } from './exit.ts';
import type { CliHost } from './host.ts';
import { CHOICE, FLAG, type OutputArguments, REPEATED, SINGLE, withOutput } from './options.ts';
import { openOutput } from './output.ts';
import { printWarnings } from './prepare.ts';
import { checkStdinOnce, loadSources, readIpsets, readSources } from './sources.ts';
import { usageError } from './values.ts';

/** Values of `--as`. */
export const SHOW_FORMS = ['list', 'commands', 'save', 'outputs', 'json'] as const;

/** The arguments of `fwreplay show`. */
export interface ShowCommandArguments extends OutputArguments {
  readonly rulesets: readonly string[];
  readonly rules6: readonly string[];
  readonly ipset: readonly string[];
  readonly as: (typeof SHOW_FORMS)[number];
  readonly table: TableName | undefined;
  readonly chain: string | undefined;
  readonly numeric: boolean;
  readonly verbose: boolean;
  readonly exact: boolean;
  readonly 'line-numbers': boolean;
  readonly counters: boolean;
}

/** Declares the command's arguments. */
export function showCommand(yargs: Argv): Argv<ShowCommandArguments> {
  return withOutput(yargs)
    .positional('rulesets', {
      type: 'string',
      describe: 'iptables-save output, or scripts of iptables commands; - is standard input',
    })
    .option('ipset', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'none',
      describe: 'Sets that the rules refer to: output of ipset save (repeatable)',
    })
    .option('rules6', {
      ...REPEATED,
      default: [] as string[],
      defaultDescription: 'none',
      describe: 'ip6tables-save output (repeatable)',
    })
    .option('as', {
      ...CHOICE,
      choices: SHOW_FORMS,
      default: 'list' as const,
      describe: 'As iptables -L, -S, iptables-save, what the script itself prints, or as data',
    })
    .option('table', { ...CHOICE, alias: 't', choices: TABLE_NAMES, describe: 'Only this table' })
    .option('chain', { ...SINGLE, describe: 'Only this chain (list, commands)' })
    .option('numeric', {
      alias: 'n',
      ...FLAG,
      describe: 'Numbers for ports and addresses (list)',
    })
    .option('verbose', {
      alias: 'v',
      ...FLAG,
      describe: 'Counters, interfaces and options (list, commands)',
    })
    .option('exact', {
      alias: 'x',
      ...FLAG,
      describe: 'Counters without K, M, G (list)',
    })
    .option('line-numbers', { ...FLAG, describe: 'Rule numbers (list)' })
    .option('counters', {
      alias: 'c',
      ...FLAG,
      describe: 'Counters of the rules (save)',
    })
    .example('$0 show rules.v4 -n --line-numbers', 'As iptables -L -n --line-numbers')
    .example('$0 show firewall.sh --as save', 'A script as iptables-save would print it')
    .example(
      '$0 show firewall.sh --as outputs',
      "What the script's own -L and -S print",
    ) as unknown as Argv<ShowCommandArguments>;
}

function printTable(ruleset: FamilyRuleset, table: TableName, args: ShowCommandArguments): string {
  const selection = args.chain === undefined ? { table } : { table, chain: args.chain };
  switch (args.as) {
    case 'save':
      return printSave(ruleset, { counters: args.counters, table });
    case 'commands':
      return printCommands(ruleset, { verbose: args.verbose, ...selection });
    default:
      return printList(ruleset, {
        numeric: args.numeric,
        verbose: args.verbose,
        exact: args.exact,
        lineNumbers: args['line-numbers'],
        ...selection,
      });
  }
}

/** What a ruleset has, for people who asked for something else. */
function contents(loaded: LoadedRuleset): string | undefined {
  const tables = [...loaded.ruleset.families.values()].flatMap((ruleset) =>
    [...ruleset.tables.values()].map(
      ({ name, chains }) => `IPv${ruleset.family} ${name} (${[...chains.keys()].join(', ')})`,
    ),
  );
  return tables.length === 0 ? undefined : `it has ${tables.join(', ')}`;
}

/** Each table that is there and asked for, under a heading when there are several. */
function printTables(loaded: LoadedRuleset, args: ShowCommandArguments): string {
  const parts: { heading: string; text: string }[] = [];
  for (const ruleset of loaded.ruleset.families.values()) {
    for (const table of ruleset.tables.keys()) {
      if (args.table !== undefined && args.table !== table) continue;
      const text = printTable(ruleset, table, args);
      const program = ruleset.family === 4 ? 'iptables' : 'ip6tables';
      if (text !== '') parts.push({ heading: `# ${program} -t ${table}\n`, text });
    }
  }
  if (parts.length === 0)
    throw usageError('nothing-to-show', 'the ruleset has no such table or chain', contents(loaded));
  const headed = parts.length > 1 && args.as !== 'save';
  return parts
    .map(({ heading, text }) => (headed ? heading + text : text))
    .join(headed ? '\n' : '');
}

function outputsOf(loaded: LoadedRuleset): string {
  return loaded.outputs.map(({ text }) => text).join('');
}

function textOf(loaded: LoadedRuleset, args: ShowCommandArguments): string {
  if (args.as === 'outputs') return outputsOf(loaded);
  const { sets, families } = loaded.ruleset;
  if (families.size === 0 && sets !== undefined) {
    return args.as === 'save' ? printIpsetSave(sets) : printIpsetList(sets);
  }
  if (args.as !== 'json') return printTables(loaded, args);
  const { table, chain } = args;
  return `${JSON.stringify(rulesetData(loaded.ruleset, { table, chain }), undefined, 2)}\n`;
}

/** Runs the command. @throws FwreplayError, the system's errors */
export async function runShow(args: ShowCommandArguments, host: CliHost): Promise<number> {
  const rules = args.rulesets;
  checkStdinOnce([...rules, ...args.rules6, ...args.ipset]);
  if (rules.length + args.rules6.length + args.ipset.length === 0)
    throw usageError('missing-rules', 'no ruleset was given', 'fwreplay show FILE…');
  if (args.as === 'save' && args.chain !== undefined)
    throw usageError('usage', '--chain goes with --as list, commands or json');
  const sources =
    rules.length + args.rules6.length === 0
      ? []
      : readSources(host, { rules, rules6: args.rules6 });
  const loaded = loadSources(sources, readIpsets(host, args.ipset));
  if (!args.quiet) printWarnings(host, loaded.diagnostics);
  const text = textOf(loaded, args);
  const output = openOutput(host, args.output, args.color);
  output.sink.write(text);
  output.close();
  return EXIT_OK;
}
