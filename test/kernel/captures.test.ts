/**
 * Every shipped capture, packet by packet, against rules that count each ctstate in every table and
 * against the shipped firewall of its host: all verdicts and counters equal to the kernel's.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type KernelJob, kernelAvailable, WITHOUT_KERNEL } from '../support/kernel.ts';
import { type CompareOptions, compareWithKernel } from '../support/kernel-compare.ts';
import { emptyTables, stateCounters } from '../support/kernel-rules.ts';
import { repositoryRoot } from '../support/shared-data.ts';

const CAPTURES = join(repositoryRoot, 'captures');
const SCENARIOS = join(repositoryRoot, 'scenarios');

/** The hosts of captures/README.md, with their link-local addresses. */
const SERVER = {
  interfaces: [
    {
      name: 'eth0',
      addresses: ['192.0.2.10/24', '2001:db8:5::10/64', 'fe80::200:5eff:fe00:5310/64'],
    },
    { name: 'lo', addresses: ['127.0.0.1/8', '::1/128'] },
  ],
} as const;
const ROUTER = {
  interfaces: [
    {
      name: 'eth0',
      addresses: ['192.0.2.1/24', '2001:db8:5::1/64', 'fe80::200:5eff:fe00:5301/64'],
    },
    {
      name: 'eth1',
      addresses: ['203.0.113.1/24', '2001:db8:9::1/64', 'fe80::200:5eff:fe00:5304/64'],
    },
  ],
  routes: ['198.51.100.0/24=eth1', '2001:db8:c::/64=eth1', 'default=eth1'],
} as const;

const files = readdirSync(CAPTURES).filter((name) => /\.(pcap|pcapng)(\.gz)?$/.test(name));

function hostOf(name: string): { kind: 'server' | 'router' } & Pick<KernelJob, 'interfaces'> {
  return /^(router|forwarded)/.test(name)
    ? { kind: 'router', ...ROUTER }
    : { kind: 'server', ...SERVER };
}

async function agree(
  name: string,
  rules: Partial<KernelJob>,
  options?: CompareOptions,
): Promise<void> {
  const { kind: _, ...host } = hostOf(name);
  const job = { ...host, capture: join(CAPTURES, name), ...rules };
  const { differences, undecided, packets } = await compareWithKernel(job, options);
  expect(differences.slice(0, 20)).toEqual([]);
  expect(undecided).toEqual([]);
  expect(packets).toBeGreaterThan(0);
}

test('there are captures', () => {
  expect(files.length).toBeGreaterThan(10);
});

describe('every ctstate in every table', () => {
  test.skipIf(!kernelAvailable).each(files)(`%s${WITHOUT_KERNEL}`, (name) =>
    agree(name, { rules4: stateCounters(), rules6: stateCounters() }),
  );
});

// A router seen at one interface looks like the host behind it: the replay says that it guesses.
const inferable = files.filter((name) => name !== 'forwarded.pcap');

describe('the vantage inferred from the capture', () => {
  test.skipIf(!kernelAvailable).each(inferable)(`%s${WITHOUT_KERNEL}`, (name) =>
    agree(name, { rules4: stateCounters(), rules6: stateCounters() }, { inferred: true }),
  );
});

describe('the vantage as in captures/README.md, without link-local addresses', () => {
  test.skipIf(!kernelAvailable).each(files)(`%s${WITHOUT_KERNEL}`, (name) => {
    const vantage = hostOf(name).interfaces.map(
      (one) => `${one.name}=${one.addresses.filter((a) => !a.startsWith('fe80')).join(',')}`,
    );
    const rules = { rules4: stateCounters(), rules6: stateCounters() };
    return agree(name, rules, { vantage });
  });
});

describe('no conntrack', () => {
  const rules = emptyTables(['raw', 'mangle', 'filter', 'security']);
  test.skipIf(!kernelAvailable).each(files)(`%s${WITHOUT_KERNEL}`, (name) =>
    agree(name, { rules4: rules, rules6: rules }),
  );
});

describe('the shipped firewall', () => {
  test.skipIf(!kernelAvailable).each(files)(`%s${WITHOUT_KERNEL}`, (name) => {
    const folder = join(SCENARIOS, hostOf(name).kind);
    return agree(name, {
      rules4: readFileSync(join(folder, 'rules.v4'), 'utf8'),
      rules6: readFileSync(join(folder, 'rules.v6'), 'utf8'),
    });
  });
});

describe('the shipped firewall on the nf_tables backend: counters at the end', () => {
  const some = ['mixed.pcap.gz', 'forwarded.pcap', 'ipv6.pcapng'];
  test.skipIf(!kernelAvailable).each(some)(`%s${WITHOUT_KERNEL}`, (name) => {
    const folder = join(SCENARIOS, hostOf(name).kind);
    return agree(name, {
      rules4: readFileSync(join(folder, 'rules.v4'), 'utf8'),
      rules6: readFileSync(join(folder, 'rules.v6'), 'utf8'),
      backend: 'nft',
      perPacket: false,
    });
  });
});
