/**
 * Writes docs/language-support.md from the definitions of matches and targets, so that it never
 * falls behind. FWREPLAY_UPDATE_DOCS=1 with the test beside this file rewrites it.
 */
import type { OptionSpec, RegisteredMatch } from '../../src/match/definition.ts';
import { allMatches } from '../../src/match/registry.ts';
import type { RegisteredTarget } from '../../src/target/definition.ts';
import { allTargets } from '../../src/target/registry.ts';

const INTRODUCTION = `# Supported language

What of iptables and ip6tables rules fwreplay understands. Anything else is refused with file, line
and column; a rule is never skipped. Options are read, checked and printed as iptables 1.8.9 does it.
This page is made from the definitions in \`src/match\` and \`src/target\`.

Without \`-m\`, a rule can have \`-s\`, \`-d\`, \`-p\`, \`-i\`, \`-o\` and, for IPv4, \`-f\`; \`-j\` and \`-g\`
also take a user chain. \`!\` before an option negates it where the last column says so.
`;

/** What a reader should know beyond the options: by name. */
const NOTES: Readonly<Record<string, string>> = {
  addrtype:
    'The types are those of the vantage: own addresses, networks and routes as given or inferred ' +
    '(the report prints them).',
  conntrack:
    '`--ctexpire` of a connection whose first packet is just passing depends on how long the host ' +
    'has been up: such packets are undecided.',
  limit:
    'Time is the capture’s, in ticks of 4 ms (HZ=250, as most distributions build their kernels). ' +
    'A capture does not show when the host’s ticks fell: a packet within a tick of the limit can ' +
    'fall on either side.',
  mac:
    'Needs a capture with link layer; of raw IP captures such packets are undecided. Never matches ' +
    'on loopback, PPP and tunnels, negated or not.',
  pkttype:
    'Needs a capture with link layer for packets to broadcast and multicast addresses; of raw IP ' +
    'captures these are undecided.',
  bpf:
    'Loads from the Ethernet header and of the interface, queue, hash or VLAN are undecided, and so ' +
    'is a pinned program, which is not in the ruleset.',
  frag: 'With connection tracking the kernel reassembles before any chain, and no chain sees a fragment.',
  osf: 'Undecided without a file of fingerprints (`--osf-fingerprints`, in the format of pf.os).',
  policy:
    'Which IPsec policy decrypted a packet, or will encrypt it, is in no capture: undecided, but on ' +
    'lo, where none applies.',
  realm: 'The realms of a host’s routes are in no capture: undecided.',
  srh:
    'The -eq, -gt and -lt options of a field share one number: the last given counts. The tag is ' +
    'compared with its two bytes swapped, as the kernel does on little-endian machines.',
  string:
    'Of a reassembled datagram bm does not find what spans two fragments, as in the kernel. Other ' +
    'packets are searched as one piece; where a driver hands one over in several, which no capture ' +
    'shows, bm does not find what spans two. The algorithm fsm is undecided.',
  REJECT:
    'The report names the answer that goes out, or none where the kernel sends none (to errors, ' +
    'broadcasts, later fragments, resets …). The host’s limit on ICMP errors (icmp_ratelimit) is ' +
    'not looked at.',
  LOG: 'Nothing is logged by a replay; the rule counts, and the packet goes on.',
};

/** `--sport`, `--source-port` _port[:port]_. */
function optionCell({ name, aliases = [], argument }: OptionSpec): string {
  const names = [name, ...aliases].map((each) => `\`--${each}\``).join(', ');
  return argument === undefined ? names : `${names} _${argument}_`;
}

/** A table whose columns are lined up, as the formatter wants it. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2].map((i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |\n`;
  const [head = [], ...body] = rows;
  const rule = widths.map((width) => '-'.repeat(width));
  return [line(head), line(rule), ...body.map(line)].join('');
}

function optionTable(options: readonly OptionSpec[]): string {
  if (options.length === 0) return 'No options.\n';
  const rows = options.map((option) =>
    [optionCell(option), option.help, option.invertible === true ? '`!`' : ''].map((cell) =>
      cell.replaceAll('|', '\\|'),
    ),
  );
  return table([['option', 'meaning', ''], ...rows]);
}

/** IPv4 and IPv6; only in the filter table … */
function restrictions(extension: RegisteredMatch | RegisteredTarget): string {
  const { families, tables, hooks } = extension;
  const parts = [`For ${families.map((family) => `IPv${family}`).join(' and ')}`];
  if (tables !== undefined) parts.push(`only in the table ${tables.join(', ')}`);
  if (hooks !== undefined) parts.push(`only reached from ${hooks.join(', ')}`);
  return `${parts.join('; ')}.`;
}

function section(extension: RegisteredMatch | RegisteredTarget, kind: 'm' | 'j'): string {
  const { name, help, options } = extension;
  const aliases = 'aliases' in extension ? extension.aliases : [];
  const names = [name, ...aliases].map((each) => `\`-${kind} ${each}\``).join(', ');
  const note = NOTES[name];
  const text = `${help.charAt(0).toUpperCase()}${help.slice(1)}. ${restrictions(extension)}`;
  return `### ${names}\n\n${text}\n\n${optionTable(options)}${note === undefined ? '' : `\n${note}\n`}`;
}

/** The whole page. */
export function languageSupport(): string {
  return [
    INTRODUCTION,
    '## Matches\n',
    ...allMatches.map((match) => section(match, 'm')),
    '## Targets\n',
    ...allTargets.map((target) => section(target, 'j')),
  ].join('\n');
}
