/** The JSON reports against the schemas that the package ships: real replays of shipped captures. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { CTSTATE_NAMES } from '../../src/conntrack/types.ts';
import { type DoctorNote, VERDICTS } from '../../src/engine/types.ts';
import { TABLE_NAMES } from '../../src/ruleset/types.ts';
import { runCli } from '../support/cli.ts';
import { repositoryRoot as root } from '../support/shared-data.ts';

function schemaOf(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, 'docs/schema', `${name}.schema.json`), 'utf8'));
}

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
const replaySchema = schemaOf('replay-v1');
ajv.addSchema(replaySchema);
const explainSchema = schemaOf('explain-v1');
ajv.addSchema(explainSchema);

/** What is wrong with a document, as texts; [] when nothing is. */
function problems(document: unknown, reference: string): string[] {
  const validate = ajv.getSchema(reference);
  if (validate === undefined) throw new Error(`no schema ${reference}`);
  if (validate(document) === true) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const SERVER = ['--interface', 'eth0=192.0.2.10/24,2001:db8:5::10/64'];
const ROUTER = [
  ...['--interface', 'eth0=192.0.2.1/24,2001:db8:5::1/64'],
  ...['--interface', 'eth1=203.0.113.1/24,2001:db8:9::1/64'],
  ...['--route', '198.51.100.0/24=eth1', '--route', '2001:db8:c::/64=eth1'],
];
const rulesOf = (name: string): string[] => [
  ...['--rules', `scenarios/${name}/rules.v4`],
  ...['--rules6', `scenarios/${name}/rules.v6`],
];

const runs: [string, string[]][] = [
  ['captures/mixed.pcap.gz', [...SERVER, ...rulesOf('server')]],
  ['captures/ipv6.pcapng', [...SERVER, ...rulesOf('server')]],
  ['captures/fragments.pcap', [...SERVER, ...rulesOf('server')]],
  ['captures/scan.pcap', [...SERVER, ...rulesOf('server')]],
  ['captures/midstream.pcap', rulesOf('server')],
  ['captures/any.pcap', rulesOf('server')],
  ['captures/offload.pcap', [...SERVER, ...rulesOf('server'), '--checksums']],
  ['captures/forwarded.pcap', [...ROUTER, ...rulesOf('router')]],
  ['captures/router.pcapng', [...ROUTER, ...rulesOf('router')]],
  ['captures/ipv6.pcapng', [...SERVER, '--rules', 'scenarios/server/rules.v4']],
];

describe('the replay report', () => {
  it.each(runs)('%s is as the schema says', async (capture, args) => {
    const { stdout } = await runCli(['replay', capture, ...args, '--format', 'json']);
    expect(problems(JSON.parse(stdout), 'urn:fwreplay:schema:replay-v1')).toEqual([]);
  });

  it('lines of ndjson are as the schema says', async () => {
    const [capture, args] = runs[0] ?? ['', []];
    const { stdout } = await runCli(['replay', capture, ...args, '--format', 'ndjson']);
    const lines = stdout.trimEnd().split('\n');
    lines.forEach((line, index) => {
      const name = index === lines.length - 1 ? 'summaryLine' : 'packetLine';
      const reference = `urn:fwreplay:schema:replay-v1#/definitions/${name}`;
      expect(problems(JSON.parse(line), reference)).toEqual([]);
    });
  });

  it('the schema refuses what is not a report', () => {
    expect(problems({}, 'urn:fwreplay:schema:replay-v1')).toContain(
      " must have required property 'rules'",
    );
  });
});

describe('the explain report', () => {
  it.each(runs)('%s is as the schema says', async (capture, args) => {
    const { stdout } = await runCli(['explain', capture, '1-30', ...args, '--format', 'json']);
    expect(problems(JSON.parse(stdout), 'urn:fwreplay:schema:explain-v1')).toEqual([]);
  });
});

describe('the schemas', () => {
  it('say what each key of a packet is, the same in both', () => {
    const packetOf = (schema: Record<string, unknown>): unknown =>
      (schema.definitions as Record<string, unknown>).packet;
    expect(packetOf(explainSchema)).toEqual(packetOf(replaySchema));
  });

  it('know every word that the engine uses', () => {
    const codes: Record<DoctorNote['code'], true> = {
      'one-direction': true,
      'mid-stream': true,
      'snap-length': true,
      'offloaded-checksums': true,
      duplicates: true,
      'clock-backwards': true,
      'truncated-file': true,
      'bad-checksums': true,
      'multicast-copies': true,
      'translated-addresses': true,
    };
    const text = JSON.stringify(replaySchema);
    const enumOf = (words: readonly string[]): string => JSON.stringify(words).slice(1, -1);
    expect(text).toContain(enumOf(Object.keys(codes)));
    expect(text).toContain(enumOf(VERDICTS));
    for (const state of Object.values(CTSTATE_NAMES)) expect(text).toContain(`"${state}"`);
    for (const table of TABLE_NAMES) expect(text).toContain(`"${table}"`);
  });

  it('are named as the files', () => {
    expect([replaySchema.$id, explainSchema.$id]).toEqual([
      'urn:fwreplay:schema:replay-v1',
      'urn:fwreplay:schema:explain-v1',
    ]);
  });
});
