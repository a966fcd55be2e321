/**
 * Turns the arguments that `replay` and `explain` share into the engine's options: reads and loads
 * the rulesets, parses the settings.
 */
import type { ReplayOptions, RulesetSource } from '../engine/types.ts';
import { type Diagnostic, formatDiagnostic } from '../errors.ts';
import type { CliHost } from './host.ts';
import type { ReplayArguments } from './options.ts';
import { checkStdinOnce, loadSources, readSources } from './sources.ts';
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
  checkStdinOnce([...captures, ...args.rules, ...args.rules6]);
  const conntrack = parseSysctls(args.sysctl);
  const sources = readSources(host, args);
  const { ruleset, diagnostics } = loadSources(sources);
  const vantage = { local: args.local, interface: args.interface, route: args.route };
  return {
    options: { captures, ruleset, vantage, conntrack, checksums: args.checksums },
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
