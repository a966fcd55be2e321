/** Service names: those of Debian's /etc/services, looked up as the C library does. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  anyServicePort,
  serviceName,
  serviceNames,
  servicePort,
} from '../../src/match/services.ts';

describe('services', () => {
  it.each([
    ['ssh', 'tcp', 22],
    ['www', 'tcp', 80],
    ['domain', 'udp', 53],
    ['http', 'udp', undefined],
    ['SSH', 'tcp', undefined],
    ['amqp', 'sctp', 5672],
    ['ssh', 'sctp', undefined],
    ['constructor', 'tcp', undefined],
  ])('%s of %s', (name, protocol, port) => {
    expect(servicePort(name, protocol)).toBe(port);
  });

  it('by port give the first name', () => {
    expect(serviceName(80, 'tcp')).toBe('http');
    expect(serviceName(8080, 'tcp')).toBe('http-alt');
    expect(serviceName(22, 'udp')).toBeUndefined();
    expect(serviceName(5432, 'tcp')).toBe('postgresql');
  });

  it('of any protocol', () => {
    expect(anyServicePort('ssh')).toBe(22);
    expect(anyServicePort('ntp')).toBe(123);
    expect(anyServicePort('nothing')).toBeUndefined();
    expect(serviceNames()).toContain('webcache');
  });
});

/** /etc/services of netbase 6.4 says so in its first lines; other systems have other lists. */
function debianServices(): string | undefined {
  const path = '/etc/services';
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  return /^ntske\s/m.test(text) && /^rplay\s/m.test(text) ? text : undefined;
}

const file = debianServices();

it.skipIf(file === undefined)(
  'agree with this machine’s /etc/services, where it is Debian’s',
  () => {
    const ports = new Map<string, number>();
    const names = new Map<string, string>();
    for (const line of (file ?? '').split('\n')) {
      const [name = '', place = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
      const [port = '', protocol = ''] = place.split('/');
      if (protocol === '') continue;
      if (!names.has(place)) names.set(place, name);
      for (const each of [name, ...aliases]) {
        const key = `${each}/${protocol}`;
        if (!ports.has(key)) ports.set(key, Number(port));
      }
    }
    expect(ports.size).toBeGreaterThan(200);
    for (const [key, port] of ports) {
      const [name = '', protocol = ''] = key.split('/');
      expect(servicePort(name, protocol), key).toBe(port);
      // getaddrinfo asks for TCP first.
      const any = ports.get(`${name}/tcp`) ?? ports.get(`${name}/udp`);
      if (any !== undefined) expect(anyServicePort(name), name).toBe(any);
    }
    for (const [place, name] of names) {
      const [port = '', protocol = ''] = place.split('/');
      expect(serviceName(Number(port), protocol), place).toBe(name);
    }
  },
);
