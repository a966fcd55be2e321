/**
 * Turns the arguments that `replay` and `explain` share into the engine's options: reads and loads
 * the rulesets, parses the settings.
 */
import type { ReplayOptions, RulesetSource } from '../engine/types.ts';
import { type Diagnostic, formatDiagnostic } from '../errors.ts';
import type { CliHost } from './host.ts';
import type { ReplayArguments } from './options.ts';
import { readSettings } from './settings.ts';
import { checkStdinOnce, loadSources, readIpsets, readSources } from './sources.ts';
import { parseSysctls } from './values.ts';

/** A replay as the command line asks for it. */
export interface PreparedReplay {
  readonly options: ReplayOptions;
  /** Findings in the rulesets that did not refuse them. */
  readonly warnings: readonly Diagnostic[];
  /** The rulesets' texts. */
  readonly sources: readonly RulesetSource[];
}

/** Reads and loads what the command line names. @throws UsageError, RulesetError */
export function prepareReplay(
  host: CliHost,
  captures: readonly string[],
  args: ReplayArguments,
): PreparedReplay {
  checkStdinOnce([...captures, ...args.rules, ...args.rules6, ...args.ipset]);
  const conntrack = parseSysctls(args.sysctl);
  const sources = readSources(host, args);
  const { ruleset, diagnostics } = loadSources(sources, readIpsets(host, args.ipset));
  const settings = readSettings(host, args);
  const vantage = { local: args.local, interface: args.interface, route: args.route };
  return {
    options: {
      captures,
      ruleset,
      vantage,
      conntrack,
      checksums: args.checksums,
      assume: args.assume,
      settings,
    },
    warnings: diagnostics,
    sources,
  };
}

/** Prints warnings on standard error. */
export function printWarnings(host: CliHost, warnings: readonly Diagnostic[]): void {
  for (const warning of warnings)
    host.stderr.write(`${formatDiagnostic({ ...warning, severity: 'warning' })}\n`);
  host.stderr.flush();
}
