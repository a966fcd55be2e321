/**
 * The neutral form of a ruleset: per family tables, chains, rules. Languages are parsed into it,
 * evaluators and analyses read it. Rules hold bound matches and targets, never their text alone.
 */
import type { Position } from '../errors.ts';
import type { BoundMatch } from '../match/definition.ts';
import type { SetCollection } from '../sets/collection.ts';
import type { BoundTarget } from '../target/definition.ts';

/** Address family: IPv4 (iptables) or IPv6 (ip6tables). */
export type Family = 4 | 6;

/** The tables, in the order in which a hook walks them. */
export const TABLE_NAMES = ['raw', 'mangle', 'nat', 'filter', 'security'] as const;
/** Name of a table. */
export type TableName = (typeof TABLE_NAMES)[number];

/** Netfilter hooks, in the kernel's numbering (linux/netfilter.h). */
export const HOOK_PREROUTING = 0;
export const HOOK_INPUT = 1;
export const HOOK_FORWARD = 2;
export const HOOK_OUTPUT = 3;
export const HOOK_POSTROUTING = 4;
/** Names of the hooks by number; built-in chains have the same names. */
export const HOOK_NAMES = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
/** Name of a hook. */
export type HookName = (typeof HOOK_NAMES)[number];

/** Built-in chains of each table in the order in which iptables-save prints them. */
export const BUILTIN_CHAINS: Readonly<Record<TableName, readonly HookName[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** An address with mask; words signed 32-bit, one for IPv4 (in [0]), four for IPv6. */
export interface AddressMask {
  readonly address: readonly number[];
  readonly mask: readonly number[];
  readonly inverted: boolean;
}

/** An interface name, or prefix when `wildcard` (written `eth+`). */
export interface InterfaceMatch {
  readonly name: string;
  readonly wildcard: boolean;
  readonly inverted: boolean;
}

/** The conditions that every rule can have without -m (struct ipt_ip, struct ip6t_ip6). */
export interface IpMatch {
  readonly source?: AddressMask | undefined;
  readonly destination?: AddressMask | undefined;
  readonly inInterface?: InterfaceMatch | undefined;
  readonly outInterface?: InterfaceMatch | undefined;
  /** Protocol number 0 to 255; 0 (all) is stored as absent unless inverted is refused. */
  readonly protocol?: { readonly number: number; readonly inverted: boolean } | undefined;
  /** IPv4 -f (inverted: ! -f). */
  readonly fragment?: { readonly inverted: boolean } | undefined;
}

/** How a rule goes on when all conditions hold. */
export type RuleTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'jump'; readonly chain: string }
  | { readonly kind: 'goto'; readonly chain: string }
  | { readonly kind: 'target'; readonly target: BoundTarget };

/** One rule of a chain. */
export interface Rule {
  readonly ip: IpMatch;
  /** In the order written; each instance counts. */
  readonly matches: readonly BoundMatch[];
  readonly target: RuleTarget;
  /** Counters that the file gave ([p:b] or -c); 0 otherwise. Exact up to 2^53. */
  readonly packets: number;
  readonly bytes: number;
  /** After a replay: undecided packets that may have been counted here beside `packets`. */
  readonly uncertainPackets?: number;
  readonly where?: Position | undefined;
  /** The line as written in the source file, without the newline. */
  readonly sourceLine?: string | undefined;
}

/** A chain, built in (with a policy) or made by the user. */
export interface Chain {
  readonly name: string;
  /** ACCEPT or DROP for a built-in chain, undefined for a user chain. */
  readonly policy: 'ACCEPT' | 'DROP' | undefined;
  readonly packets: number;
  readonly bytes: number;
  /** As of a rule, for the policy. */
  readonly uncertainPackets?: number;
  readonly rules: readonly Rule[];
}

/** A table with its chains. */
export interface Table {
  readonly name: TableName;
  /** Built-in chains first in BUILTIN_CHAINS' order, then user chains sorted as iptables-legacy-save
   * prints them (by name). */
  readonly chains: ReadonlyMap<string, Chain>;
}

/** One family's tables; a table never named is absent (the kernel has not loaded it). */
export interface FamilyRuleset {
  readonly family: Family;
  readonly tables: ReadonlyMap<TableName, Table>;
}

/** The rulesets of both families. */
export interface Ruleset {
  readonly families: ReadonlyMap<Family, FamilyRuleset>;
  /** The sets that rules refer to (ipset). Not to be changed: take a copy. */
  readonly sets?: SetCollection;
}

/** A ruleset text with its origin. */
export interface RulesetSource {
  readonly text: string;
  /** Name for messages. */
  readonly file: string;
  /** For save files; scripts name their family by the command. Absent: told by the text. */
  readonly family?: Family;
}
