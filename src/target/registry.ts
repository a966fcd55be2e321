/**
 * All targets that rules may use. One line each; a test compares the list with the folder.
 */
import type { Family } from '../ruleset/types.ts';
import { AUDIT } from './AUDIT.ts';
import { CHECKSUM } from './CHECKSUM.ts';
import { CLASSIFY } from './CLASSIFY.ts';
import { CLUSTERIP } from './CLUSTERIP.ts';
import { CONNMARK } from './CONNMARK.ts';
import { CONNSECMARK } from './CONNSECMARK.ts';
import { CT } from './CT.ts';
import { DNAT } from './DNAT.ts';
import { DNPT } from './DNPT.ts';
import { DSCP } from './DSCP.ts';
import type { RegisteredTarget } from './definition.ts';
import { registerTarget } from './definition.ts';
import { ECN } from './ECN.ts';
import { HL } from './HL.ts';
import { HMARK } from './HMARK.ts';
import { IDLETIMER } from './IDLETIMER.ts';
import { LED } from './LED.ts';
import { LOG } from './LOG.ts';
import { MARK } from './MARK.ts';
import { MASQUERADE } from './MASQUERADE.ts';
import { NETMAP } from './NETMAP.ts';
import { NFLOG } from './NFLOG.ts';
import { NFQUEUE } from './NFQUEUE.ts';
import { NOTRACK } from './NOTRACK.ts';
import { RATEEST } from './RATEEST.ts';
import { REDIRECT } from './REDIRECT.ts';
import { REJECT } from './REJECT.ts';
import { SECMARK } from './SECMARK.ts';
import { SET } from './SET.ts';
import { SNAT } from './SNAT.ts';
import { SNPT } from './SNPT.ts';
import { SYNPROXY } from './SYNPROXY.ts';
import { TCPMSS } from './TCPMSS.ts';
import { TCPOPTSTRIP } from './TCPOPTSTRIP.ts';
import { TEE } from './TEE.ts';
import { TOS } from './TOS.ts';
import { TPROXY } from './TPROXY.ts';
import { TRACE } from './TRACE.ts';
import { TTL } from './TTL.ts';
import { ULOG } from './ULOG.ts';
import { ACCEPT, DROP, QUEUE, RETURN } from './verdicts.ts';

/** Every target, by name. */
export const allTargets: readonly RegisteredTarget[] = [
  registerTarget(ACCEPT),
  registerTarget(AUDIT),
  registerTarget(CHECKSUM),
  registerTarget(CLASSIFY),
  registerTarget(CLUSTERIP),
  registerTarget(CONNMARK),
  registerTarget(CONNSECMARK),
  registerTarget(CT),
  registerTarget(DNAT),
  registerTarget(DNPT),
  registerTarget(DROP),
  registerTarget(DSCP),
  registerTarget(ECN),
  registerTarget(HL),
  registerTarget(HMARK),
  registerTarget(IDLETIMER),
  registerTarget(LED),
  registerTarget(LOG),
  registerTarget(MARK),
  registerTarget(MASQUERADE),
  registerTarget(NETMAP),
  registerTarget(NFLOG),
  registerTarget(NFQUEUE),
  registerTarget(NOTRACK),
  registerTarget(QUEUE),
  registerTarget(RATEEST),
  registerTarget(REDIRECT),
  registerTarget(REJECT),
  registerTarget(RETURN),
  registerTarget(SECMARK),
  registerTarget(SET),
  registerTarget(SNAT),
  registerTarget(SNPT),
  registerTarget(SYNPROXY),
  registerTarget(TCPMSS),
  registerTarget(TCPOPTSTRIP),
  registerTarget(TEE),
  registerTarget(TOS),
  registerTarget(TPROXY),
  registerTarget(TRACE),
  registerTarget(TTL),
  registerTarget(ULOG),
];

/** The target of a name in a family. */
export function findTarget(name: string, family: Family): RegisteredTarget | undefined {
  return allTargets.find((target) => target.name === name && target.families.includes(family));
}

/** Names of the family's targets, sorted. */
export function targetNames(family: Family): string[] {
  return allTargets
    .filter((target) => target.families.includes(family))
    .map((target) => target.name);
}
