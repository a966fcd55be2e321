/** Runs packets through an engine without a capture file, one line of outcome per packet. */
import { Engine, newOutcome } from '../../src/engine/engine.ts';
import type { PacketOutcome, ReplayOptions } from '../../src/engine/types.ts';
import { loadRuleset } from '../../src/language/iptables/load.ts';
import type { PacketView } from '../../src/packet/fields.ts';
import type { Family } from '../../src/ruleset/types.ts';
import { topologyOf } from '../topology/ways.ts';

/** One interface. */
export const SERVER = ['eth0=192.0.2.1/24,2001:db8::1/64'];
/** Two interfaces. */
export const ROUTER = ['eth0=192.0.2.1/24,2001:db8::1/64', 'eth1=203.0.113.1/24,2001:db8:1::1/64'];

/** An engine for tests. */
export interface TestHost {
  readonly engine: Engine;
  /** Decides a packet: `ACCEPT NEW INPUT`, with the reason where there is one. */
  send(packet: PacketView): string;
  /** The whole outcome of the last packet (live). */
  readonly outcome: PacketOutcome;
  /** Counters that are not zero, as `filter INPUT 1 [2:56]`. */
  counters(family?: Family): string[];
}

/** Makes a host of rules in the form of iptables-save, the same for both families. */
export function hostOf(
  rules: string,
  interfaces: readonly string[] = SERVER,
  options: Partial<ReplayOptions> & {
    readonly route?: readonly string[];
    readonly families?: readonly Family[];
  } = {},
): TestHost {
  const { ruleset } = loadRuleset(
    (options.families ?? [4, 6]).map((family) => ({ text: rules, file: `rules${family}`, family })),
  );
  const topology = topologyOf({ interface: interfaces, route: options.route ?? [] });
  const engine = new Engine(ruleset, topology, { captures: [], ...options });
  let number = 0;
  let outcome: PacketOutcome | undefined;
  return {
    engine,
    get outcome() {
      if (outcome === undefined) throw new Error('no packet yet');
      return outcome;
    },
    send(packet) {
      number += 1;
      outcome = newOutcome(packet);
      engine.decide(packet, number, outcome, undefined);
      const { verdict, ctstate, path, reason } = outcome;
      return [verdict, ctstate, path, reason === '' ? '' : `(${reason})`]
        .filter((part) => part !== '')
        .join(' ');
    },
    counters(family = 4) {
      const lines: string[] = [];
      const add = (
        name: string,
        one: { packets: number; bytes: number; uncertainPackets?: number },
      ) => {
        const maybe = one.uncertainPackets ? `+${one.uncertainPackets}?` : '';
        if (one.packets > 0 || maybe !== '')
          lines.push(`${name} [${one.packets}:${one.bytes}]${maybe}`);
      };
      for (const table of engine.counted().families.get(family)?.tables.values() ?? [])
        for (const chain of table.chains.values()) {
          for (const [i, rule] of chain.rules.entries())
            add(`${table.name} ${chain.name} ${i + 1}`, rule);
          add(`${table.name} ${chain.name}`, chain);
        }
      return lines;
    },
  };
}

/** All tables, empty; with `conntrack` a rule that makes the kernel track. */
export function emptyTables(conntrack: boolean, ...filter: readonly string[]): string {
  const track = conntrack ? ['-A OUTPUT -m conntrack --ctstate INVALID -p 254'] : [];
  return [
    '*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT',
    '*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT',
    '*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT',
    [
      '*filter',
      ':INPUT ACCEPT',
      ':FORWARD ACCEPT',
      ':OUTPUT ACCEPT',
      ...filter,
      ...track,
      'COMMIT',
    ].join('\n'),
    '*security\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n',
  ].join('\n');
}
